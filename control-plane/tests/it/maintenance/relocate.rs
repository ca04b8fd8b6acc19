//! Everything moved from one store to another.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use control_plane::app;
use control_plane::maintenance::relocate::{abandon, relocate};
use control_plane::store::records::*;
use control_plane::store::transfer::{Entry, Page, Table, move_all};
use control_plane::store::{Hash, Result, Store, StoreAt};
use protocol::link::Catalog;
use protocol::{ConversationId, ItemId, Millis, UserId, WorkspaceId};
use tempfile::TempDir;

use super::{assert_goes_on, filled};
use crate::passing::passing_on;
use crate::plane::Plane;
use crate::store::world::{World, ada, cut_off};
use crate::store::{firestore, sqlite};

/// Another handle on a world's store.
async fn again(at: &StoreAt) -> World {
    let store = at.open().await.unwrap();
    World::new([Arc::clone(&store), store], at.clone(), ())
}

/// Moves a full store into an empty one, and asserts that that goes on.
async fn moves(from: World, to: World, data: &Path) {
    let filled = filled(&from).await;
    let moved = relocate(data, from.at(), to.at(), false).await.unwrap();
    let counts: Vec<_> = moved.tables.iter().map(|(table, digest)| (table.name(), digest.count)).collect();
    let expected = [
        ("users", 3),
        ("secrets", 5),
        ("local_codes", 1),
        ("sessions", 3),
        ("api_tokens", 3),
        ("workspaces", 2),
        ("enrol_tokens", 2),
        ("leases", 2),
        ("usage", 4),
        ("conversations", 8),
        ("segments", 48),
        ("chunks", 48),
        ("items", 96),
        ("notices", 48),
        ("audit", 205),
    ];
    assert_eq!(counts, expected);
    app::open_store(to.at()).await.unwrap();
    assert_goes_on(&to, &filled).await;
    let refused = format!("{:#}", app::open_store(from.at()).await.unwrap_err());
    assert!(refused.contains(&format!("was moved from this store to {}", to.at())), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_a_file_to_a_file_everything_comes_through() {
    let data = TempDir::new().unwrap();
    moves(sqlite::fresh().await, sqlite::fresh().await, data.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_a_file_to_firestore_everything_comes_through() {
    let Some(to) = firestore::world().await else { return };
    moves(sqlite::fresh().await, to, TempDir::new().unwrap().path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_firestore_to_a_file_everything_comes_through() {
    let Some(from) = firestore::world().await else { return };
    moves(from, sqlite::fresh().await, TempDir::new().unwrap().path()).await;
}

/// Cuts a move off further and further on, until it comes through.
async fn moves_in_spite_of_cuts(from: World, to: World, further: impl Fn(usize) -> usize) {
    let data = TempDir::new().unwrap();
    let filled = filled(&from).await;
    let (mut after, mut cuts) = (0, 0);
    loop {
        if let Some(done) = cut_off(relocate(data.path(), from.at(), to.at(), false), after).await {
            done.unwrap();
            break;
        }
        (after, cuts) = (further(after), cuts + 1);
        // Whatever has come so far, nobody serves from it.
        match app::open_store(to.at()).await {
            Err(refused) => assert!(format!("{refused:#}").contains("a move into it was cut off")),
            Ok(store) => assert_eq!(store.mark("arriving").await.unwrap(), None),
        }
    }
    assert!(cuts > 5, "{cuts}");
    assert_goes_on(&again(to.at()).await, &filled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cut_off_anywhere_it_goes_on_where_it_was() {
    moves_in_spite_of_cuts(sqlite::fresh().await, sqlite::fresh().await, |after| after + 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cut_off_anywhere_it_goes_on_to_and_from_firestore() {
    let (Some(one), Some(two)) = (firestore::world().await, firestore::world().await) else { return };
    moves_in_spite_of_cuts(sqlite::fresh().await, one, |after| after * 3 / 2 + 9).await;
    moves_in_spite_of_cuts(two, sqlite::fresh().await, |after| after * 3 / 2 + 9).await;
}

async fn refused(data: &Path, from: &StoreAt, to: &StoreAt) -> String {
    format!("{:#}", relocate(data, from, to, false).await.unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_empty_store_takes_a_move() {
    let data = TempDir::new().unwrap();
    let (from, to) = (sqlite::fresh().await, sqlite::fresh().await);
    from.user().await;
    to.user().await;
    let words = refused(data.path(), from.at(), to.at()).await;
    assert!(words.contains("is not empty: it has users"), "{words}");
    assert_eq!(to.store().users(None, "", 9).await.unwrap().len(), 1);
    let words = refused(data.path(), from.at(), from.at()).await;
    assert!(words.contains("to itself"), "{words}");
    let nowhere: StoreAt = "sqlite:/nowhere/atelier.db".parse().unwrap();
    assert!(relocate(data.path(), &nowhere, to.at(), false).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_begun_is_finished_from_the_same_store_alone() {
    let data = TempDir::new().unwrap();
    let (from, other, to) = (sqlite::fresh().await, sqlite::fresh().await, sqlite::fresh().await);
    filled(&from).await;
    for after in 0.. {
        assert!(cut_off(relocate(data.path(), from.at(), to.at(), false), after).await.is_none());
        if to.store().mark("arriving").await.unwrap().is_some() {
            break;
        }
    }
    let words = refused(data.path(), other.at(), to.at()).await;
    assert!(words.contains(&format!("a move from {}", from.at())), "{words}");
    // Nor is it moved on while it is incomplete.
    let words = refused(data.path(), to.at(), sqlite::fresh().await.at()).await;
    assert!(words.contains("is incomplete"), "{words}");
    relocate(data.path(), from.at(), to.at(), false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_serves_again_only_when_the_move_is_given_up() {
    let data = TempDir::new().unwrap();
    let (from, to) = (sqlite::fresh().await, sqlite::fresh().await);
    from.user().await;
    relocate(data.path(), from.at(), to.at(), false).await.unwrap();
    assert!(app::open_store(from.at()).await.is_err());
    let words = refused(data.path(), from.at(), sqlite::fresh().await.at()).await;
    assert!(words.contains("before"), "{words}");
    // Moving it there once more changes nothing, whatever happened there since.
    to.user().await;
    assert_eq!(relocate(data.path(), from.at(), to.at(), false).await.unwrap().tables, []);
    assert_eq!(to.store().users(None, "", 9).await.unwrap().len(), 2);
    assert!(abandon(data.path(), from.at()).await.unwrap());
    app::open_store(from.at()).await.unwrap();
    assert!(!abandon(data.path(), from.at()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_copy_both_can_be_served_from() {
    let data = TempDir::new().unwrap();
    let (from, to) = (sqlite::fresh().await, sqlite::fresh().await);
    let filled = filled(&from).await;
    relocate(data.path(), from.at(), to.at(), true).await.unwrap();
    for world in [&from, &to] {
        app::open_store(world.at()).await.unwrap();
        assert_goes_on(world, &filled).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_served_from_is_not_moved() {
    let plane = Plane::start().await;
    let from = plane.app().config.store.clone();
    let to = sqlite::fresh().await;
    let elsewhere = TempDir::new().unwrap();
    for data in [plane.folder.path().join("data"), elsewhere.path().to_path_buf()] {
        let words = refused(&data, &from, to.at()).await;
        assert!(words.contains("another control plane serves"), "{words}");
        let words = refused(&data, to.at(), &from).await;
        assert!(words.contains("another control plane serves"), "{words}");
    }
}

/// A store that loses the first conversation that is moved to it, once.
#[derive(Debug)]
struct Forgetful {
    store: Arc<dyn Store>,
    forgot: AtomicBool,
}

passing_on!(People for Forgetful);
passing_on!(Access for Forgetful);
passing_on!(Workspaces for Forgetful);
passing_on!(Conversations for Forgetful);
passing_on!(Secrets for Forgetful);
passing_on!(Audit for Forgetful);
passing_on!(Store for Forgetful);
passing_on! { impl Transfer for Forgetful {
    own {
        async fn import(&self, entries: &[Entry]) -> Result<()> {
            let forgets = matches!(entries, [Entry::Segment(..), ..]) && !self.forgot.swap(true, Ordering::SeqCst);
            self.store.import(if forgets { &entries[1..] } else { entries }).await
        }
    }
    fn export(table: Table, from: Option<&str>) -> Page;
    fn mark(name: &str) -> Option<String>;
    fn set_mark(name: &str, text: Option<&str>) -> ();
} }

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_the_end_is_noticed_and_comes_the_next_time() {
    let (from, to) = (sqlite::fresh().await, sqlite::fresh().await);
    let filled = filled(&from).await;
    let target = Forgetful { store: to.other_handle(), forgot: AtomicBool::new(false) };
    let moving = || move_all((from.store(), "one"), (&target, "two"), false);
    let words = format!("{:#}", moving().await.unwrap_err());
    assert!(words.contains("segments differ: 48 records") && words.contains("47 records"), "{words}");
    assert!(from.store().mark("departed").await.unwrap().is_none());
    moving().await.unwrap();
    assert_goes_on(&to, &filled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_differs_in_one_letter_is_noticed() {
    let (from, to) = (sqlite::fresh().await, sqlite::fresh().await);
    let user = from.store().sign_in(&ada("google:1"), 1).await.unwrap();
    let data = TempDir::new().unwrap();
    relocate(data.path(), from.at(), to.at(), true).await.unwrap();
    // As if the move had been cut off just before the end.
    let arriving = format!("{{\"from\":\"{}\",\"at\":null}}", from.at());
    to.store().set_mark("arriving", Some(&arriving)).await.unwrap();
    let changed = Profile { name: "Adb".into(), language: None, onboarding: None };
    to.store().save_profile(user.id, &changed).await.unwrap();
    let words = format!("{:#}", relocate(data.path(), from.at(), to.at(), true).await.unwrap_err());
    assert!(words.contains("users differ: 1 records"), "{words}");
}
