//! What is left in the database when something was removed, also when that was cut off: nothing.

use std::collections::BTreeMap;

use control_plane::store::StoreAt;
use control_plane::store::firestore::Database;
use control_plane::store::records::Chunk;
use firestore::gcloud_sdk::google::firestore::v1::run_query_request::QueryType;
use firestore::gcloud_sdk::google::firestore::v1::structured_query::CollectionSelector;
use firestore::gcloud_sdk::google::firestore::v1::{RunQueryRequest, StructuredQuery};
use firestore::{FirestoreDb, FirestoreDbOptions};
use protocol::outbox::ItemState;

use crate::store::world::{NOW, World, appending, cut_off, hash, item, notice};

/// How many documents there are, by the collection that they are in.
async fn documents(database: &Database) -> BTreeMap<String, usize> {
    let (project, _) =
        database.to_string().split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let db = FirestoreDb::with_options(FirestoreDbOptions::new(project)).await.unwrap();
    let every = CollectionSelector { collection_id: String::new(), all_descendants: true };
    let query = StructuredQuery { from: vec![every], ..StructuredQuery::default() };
    let request = RunQueryRequest {
        parent: db.get_documents_path().clone(),
        query_type: Some(QueryType::StructuredQuery(query)),
        ..RunQueryRequest::default()
    };
    let mut answers = db.client().get().run_query(request).await.unwrap().into_inner();
    let mut found = BTreeMap::new();
    while let Some(answer) = answers.message().await.unwrap() {
        if let Some(document) = answer.document {
            let collection = document.name.rsplit('/').nth(1).unwrap().to_owned();
            *found.entry(collection).or_default() += 1;
        }
    }
    // What stands for the database as a whole, and bitmaps, stay.
    found.retain(|collection, _| !["meta", "numbers"].contains(&collection.as_str()));
    found
}

/// A workspace with a conversation that has something of everything, and much of some.
async fn fill(world: &World) -> (control_plane::store::records::WorkspaceRecord, protocol::ConversationId) {
    let workspace = world.workspace().await;
    let fresh = world.conversation_in(workspace.id).await;
    let mut record = fresh.clone();
    for round in 0..3 {
        let mut commit = appending(&record, 2);
        commit.items = (1..=150).map(|n| item(round * 150 + n, ItemState::Saved)).collect();
        commit.notices = (1..=150).map(|n| notice(round * 150 + n)).collect();
        world.store().commit(&commit).await.unwrap();
        record = commit.record;
    }
    let mut long = appending(&record, 1);
    long.items = vec![item(1_000, ItemState::Done)];
    if let protocol::outbox::What::Message { text, .. } = &mut long.items[0].what {
        *text = "long ".repeat(5_000);
    }
    world.store().commit(&long).await.unwrap();
    let chunk = Chunk { digest: [1; 32], index: 0, chunks: 1, bytes: vec![1; 100_000] };
    world.store().put_chunk(fresh.id, &chunk).await.unwrap();
    world.store().add_enrol_token(hash(), workspace.id, NOW + 1).await.unwrap();
    world.store().take_lease(workspace.id, "a", NOW, NOW + 1).await.unwrap();
    let key = control_plane::store::records::UsageKey { workspace: workspace.id, day: 1, model: "m".into() };
    world.store().add_usage(&key, &control_plane::store::records::UsageRecord::default()).await.unwrap();
    (workspace, fresh.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_left_of_what_was_removed_wherever_it_was_cut_off() {
    let Some(world) = super::world().await else { return };
    let StoreAt::Firestore(database) = world.at() else { panic!("no database") };
    assert_eq!(documents(database).await, BTreeMap::new());
    for cut in [0, 1, 2, 3, 4, 5, 7, 10, 14, 1_000] {
        let (workspace, conversation) = fill(&world).await;
        if cut % 2 == 0 {
            let _ = cut_off(world.store().delete_conversation(conversation), cut).await;
        }
        let _ = cut_off(world.store().delete_user(workspace.user), cut).await;
        let _ = world.other().delete_user(workspace.user).await;
        // A later start.
        world.other().tidy(0).await.unwrap();
        assert_eq!(documents(database).await, BTreeMap::new(), "cut off after {cut}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_tidy_at_once_do_each_other_no_harm() {
    let Some(world) = super::world().await else { return };
    let StoreAt::Firestore(database) = world.at() else { panic!("no database") };
    let (gone, _) = fill(&world).await;
    let (kept, conversation) = fill(&world).await;
    let before = documents(database).await["notices"];
    // Cut off as soon as it is removed, with everything still to be swept away.
    for cut in 0.. {
        let done = cut_off(world.store().delete_workspace(gone.id), cut).await;
        assert!(done.is_none(), "it was done before it could be cut off");
        if world.other().workspace(gone.id).await.is_err() {
            break;
        }
    }
    assert_eq!(documents(database).await["notices"], before);
    for done in world.at_once(6, |store, _| async move { store.tidy(0).await }).await {
        done.unwrap();
    }
    assert_eq!(documents(database).await["notices"], before / 2);
    assert_eq!(world.log(conversation).await.len(), 4);
    assert_eq!(world.store().workspace(kept.id).await.unwrap(), kept);
}
