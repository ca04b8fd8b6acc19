//! What was acknowledged is there after a crash.

use std::sync::Arc;

use control_plane::store::StoreAt;
use protocol::outbox::ItemState;

use super::open;
use crate::store::world::{NOW, World, ada, appending, item, notice};

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let store = open(&path).unwrap();
    let world = World::new([Arc::clone(&store), store], StoreAt::Sqlite(path), ());
    let mut commit = appending(&world.conversation().await, 3);
    commit.items = vec![item(1, ItemState::Saved)];
    commit.notices = vec![notice(1)];
    world.store().commit(&commit).await.unwrap();
    // The files as they are at this moment, with the store still open: what a killed process leaves.
    let crashed = tempfile::tempdir().unwrap();
    for name in ["atelier.db", "atelier.db-wal"] {
        std::fs::copy(dir.path().join(name), crashed.path().join(name)).unwrap();
    }
    let found = open(&crashed.path().join("atelier.db")).unwrap();
    let id = commit.record.id;
    assert_eq!(found.conversation(id).await.unwrap(), commit.record);
    assert_eq!(found.segments_before(id, u64::MAX, 9, usize::MAX).await.unwrap(), [commit.segment.unwrap()]);
    assert_eq!(found.outbox(id, None).await.unwrap(), commit.items);
    assert_eq!(found.notices(id, 0).await.unwrap(), commit.notices);
    found.check().await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_opened_again_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let mut user = None;
    for round in 0..5 {
        let store = open(&path).unwrap();
        let again = store.sign_in(&ada("google:1"), NOW + round).await.unwrap();
        assert_eq!(*user.get_or_insert(again.id), again.id);
        store.create_secret(&format!("round {round}"), b"sealed").await.unwrap();
        assert!(store.secret("round 0").await.unwrap().is_some());
    }
}
