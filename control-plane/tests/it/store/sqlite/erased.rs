//! Of whoever is erased nothing is left in the files.

use std::path::Path;
use std::sync::Arc;

use control_plane::store::StoreAt;
use control_plane::store::records::{Identity, Profile};
use protocol::outbox::ItemState;

use super::open;
use crate::store::world::{NETWORKS, NOW, UIDS, World, appending, item, notice};

/// What they wrote, and what they are called.
const WORDS: &str = "the words of whoever is erased";

/// Whether the words stand in the file or its log.
fn stand(folder: &Path) -> bool {
    ["atelier.db", "atelier.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        bytes.windows(WORDS.len()).any(|window| window == WORDS.as_bytes())
    })
}

#[tokio::test]
async fn what_somebody_wrote_is_in_no_file_once_they_are_erased() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let store = open(&path).unwrap();
    let world = World::new([Arc::clone(&store), store], StoreAt::Sqlite(path), ());
    let kept = world.conversation().await;
    let user = world.store().sign_in(&Identity::new("google:1", WORDS), NOW).await.unwrap().id;
    let long = serde_json::json!(WORDS.repeat(2_000));
    let profile = Profile { name: WORDS.into(), language: None, onboarding: Some(long.clone()) };
    world.store().save_profile(user, &profile).await.unwrap();
    world.store().save_settings(user, &long).await.unwrap();
    let workspace = world.store().create_workspace(user, UIDS, NETWORKS, NOW).await.unwrap();
    for _ in 0..3 {
        let mut commit = appending(&world.conversation_in(workspace.id).await, 50);
        commit.record.title = WORDS.into();
        let segment = commit.segment.as_mut().unwrap();
        segment.lines = [WORDS.as_bytes(), &segment.lines].concat();
        commit.items = vec![item(1, ItemState::Saved)];
        commit.notices = vec![notice(1)];
        world.store().commit(&commit).await.unwrap();
    }
    assert!(stand(dir.path()));
    world.store().delete_user(user).await.unwrap();
    assert!(!stand(dir.path()));
    world.again(&kept).await;
}
