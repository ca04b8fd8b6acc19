//! A network that loses answers and connections, between the store and the real emulator.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use control_plane::store::firestore::{Database, EMULATOR, Firestore};
use control_plane::store::records::{AuditEntry, AuditFilter, AuditFrom, UsageKey, UsageRecord};
use control_plane::store::transfer::Table;
use control_plane::store::{Conversations, Store, StoreAt, StoreError};
use firestore::FirestoreDb;
use firestore::gcloud_sdk::google::firestore::v1::write::Operation;
use firestore::gcloud_sdk::google::firestore::v1::{CommitRequest, Write};
use protocol::outbox::ItemState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::store::world::{
    NETWORKS, NOW, Shared, UIDS, World, ada, appending, hash, item, new_conversation, notice,
};

/// How a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    /// It passes everything.
    Good,
    /// Connections end, and new ones end at once.
    Dead,
    /// Connections end when so many more bytes were sent to the store, and new ones at once.
    CutAfter(usize),
}

/// Looks whether something was done.
type Seen = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// A line to the emulator that can be made to fail.
struct Network {
    line: watch::Sender<Line>,
    losing: watch::Sender<Option<Seen>>,
    port: u16,
}

impl Network {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (line, watched) = watch::channel(Line::Good);
        let losing = watch::channel(None).0;
        let lost = losing.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *watched.borrow() == Line::Good {
                    tokio::spawn(carry(near, watched.clone(), lost.clone()));
                }
            }
        });
        Self { line, losing, port }
    }

    fn is(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// Ends the connection, once, on which the store answers after `seen` shows that it did what it was asked for: before
    /// that answer. So what is done is done, and whoever asked does not know.
    fn loses_the_answer<F>(&self, seen: impl Fn(Shared) -> F + Send + Sync + 'static, other: Shared)
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.losing.send_replace(Some(Arc::new(move || Box::pin(seen(Arc::clone(&other))))));
    }

    /// Whether an answer was lost since it was asked for.
    fn has_lost_it(&self) -> bool {
        self.losing.borrow().is_none()
    }

    /// A store at the far end of this line, and one that has a line of its own.
    async fn world(&self) -> World {
        let database = super::fresh_database();
        let handles: [Shared; 2] = [Arc::new(self.far(&database).await), super::open(&database).await];
        World::new(handles, StoreAt::Firestore(database), ())
    }

    /// Two stores with lines of their own, and one at the far end of this line that soon gives up.
    async fn impatient(&self) -> (World, Firestore, Database) {
        let world = super::world().await.unwrap();
        let StoreAt::Firestore(database) = world.at().clone() else { panic!("no database") };
        let far = self.far(&database).await.with_patience(IMPATIENT);
        (world, far, database)
    }

    async fn far(&self, database: &Database) -> Firestore {
        let database = database.clone().reached_at(&format!("http://127.0.0.1:{}", self.port));
        Firestore::open(&database.with_patience(PATIENT)).await.unwrap()
    }
}

/// Carries bytes both ways, as the line allows.
async fn carry(near: TcpStream, line: watch::Receiver<Line>, losing: watch::Sender<Option<Seen>>) {
    let far = TcpStream::connect(std::env::var(EMULATOR).unwrap()).await.unwrap();
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    let mut dead = line.clone();
    tokio::select! {
        () = ask(from_near, to_far, line) => {}
        () = answer(from_far, to_near, losing) => {}
        _ = dead.wait_for(|line| *line == Line::Dead) => {}
    }
}

async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: watch::Receiver<Line>) {
    let (mut buffer, mut passed) = (vec![0; 16 * 1024], 0);
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        let passes = match *line.borrow() {
            Line::Good => read,
            Line::CutAfter(bytes) => read.min(bytes - passed),
            Line::Dead => 0,
        };
        passed += if *line.borrow() == Line::Good { 0 } else { passes };
        let sent = to.write_all(&buffer[..passes]).await;
        if passes < read || passes == 0 || sent.is_err() {
            return;
        }
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, losing: watch::Sender<Option<Seen>>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        let seen = losing.borrow().clone();
        if let Some(seen) = seen
            && seen().await
        {
            losing.send_replace(None);
            return;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

const PATIENT: Duration = Duration::from_secs(30);
const IMPATIENT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_whose_answer_is_lost_is_made_once_and_known_to_be() {
    if !super::is_there() {
        return;
    }
    let network = Network::new().await;
    let world = network.world().await;
    let mut record = world.conversation().await;
    for _ in 0..5 {
        let mut commit = appending(&record, 3);
        let (id, version) = (record.id, commit.record.version);
        commit.items = vec![item(version, ItemState::Saved)];
        commit.notices = vec![notice(version)];
        let seen =
            move |other: Shared| async move { other.conversation(id).await.unwrap().version == version };
        network.loses_the_answer(seen, world.other_handle());
        world.store().commit(&commit).await.unwrap();
        assert!(network.has_lost_it());
        record = commit.record;
    }
    assert_eq!(world.log(record.id).await.len(), 5);
    assert_eq!(world.items(record.id).await.len(), 5);
    assert_eq!(world.again(&record).await, record);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deed_whose_answer_is_lost_is_written_down_once() {
    if !super::is_there() {
        return;
    }
    let network = Network::new().await;
    let world = network.world().await;
    let entry = AuditEntry {
        at: NOW,
        who: "a".into(),
        kind: "b".into(),
        object: String::new(),
        detail: serde_json::Value::Null,
    };
    for n in 1..=4 {
        let seen = move |other: Shared| async move {
            let page = other.audit(&AuditFilter::default(), AuditFrom::After(n - 1), 9).await.unwrap();
            page.records.len() == 1
        };
        network.loses_the_answer(seen, world.other_handle());
        assert_eq!(world.store().append_audit(&entry).await.unwrap(), n);
        assert!(network.has_lost_it());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_workspace_whose_answer_is_lost_is_made_changed_and_removed_once() {
    if !super::is_there() {
        return;
    }
    let network = Network::new().await;
    let world = network.world().await;
    let user = world.store().sign_in(&ada("google:1"), NOW).await.unwrap().id;
    let seen = move |other: Shared| async move { other.workspace_of(user).await.unwrap().is_some() };
    network.loses_the_answer(seen, world.other_handle());
    let made = world.store().create_workspace(user, UIDS, NETWORKS, NOW).await.unwrap();
    assert!(network.has_lost_it());
    assert_eq!(world.other().workspaces().await.unwrap(), std::slice::from_ref(&made));
    let (id, version) = (made.id, made.version + 1);
    let seen = move |other: Shared| async move { other.workspace(id).await.unwrap().version == version };
    network.loses_the_answer(seen, world.other_handle());
    world.store().save_workspace(&made).await.unwrap();
    assert!(network.has_lost_it());
    // No number was lost on the way.
    let next = world.workspace().await;
    assert_eq!((next.uid, next.network), (made.uid + 1, made.network + 1));
    let seen = move |other: Shared| async move { other.workspace(id).await.is_err() };
    network.loses_the_answer(seen, world.other_handle());
    world.store().delete_workspace(id).await.unwrap();
    assert!(network.has_lost_it());
    let again = world.workspace().await;
    assert_eq!((again.uid, again.network), (made.uid, made.network));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_conversation_whose_answer_is_lost_is_made_and_removed_once() {
    if !super::is_there() {
        return;
    }
    let network = Network::new().await;
    let world = network.world().await;
    let new = new_conversation(world.workspace().await.id);
    let id = new.id;
    let seen = move |other: Shared| async move { other.conversation(id).await.is_ok() };
    network.loses_the_answer(seen, world.other_handle());
    let made = world.store().create_conversation(&new).await.unwrap();
    assert!(network.has_lost_it());
    assert_eq!(world.again(&made).await, made);
    world.store().commit(&appending(&made, 3)).await.unwrap();
    let seen = move |other: Shared| async move { other.conversation(id).await.is_err() };
    network.loses_the_answer(seen, world.other_handle());
    world.store().delete_conversation(id).await.unwrap();
    assert!(network.has_lost_it());
}

/// Whether a table is empty.
async fn is_empty(other: Shared, table: Table) -> bool {
    other.export(table, None).await.unwrap().entries.is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_whose_answer_is_lost_is_worth_nothing_to_anyone() {
    if !super::is_there() {
        return;
    }
    let network = Network::new().await;
    let world = network.world().await;
    let (token, code) = (hash(), hash());
    world.store().add_enrol_token(token, world.workspace().await.id, NOW + 1).await.unwrap();
    network.loses_the_answer(|other| is_empty(other, Table::EnrolTokens), world.other_handle());
    let spent = world.store().spend_enrol_token(token, NOW).await;
    assert!(matches!(spent, Err(StoreError::Unavailable(_))) && network.has_lost_it(), "{spent:?}");
    assert_eq!(world.other().spend_enrol_token(token, NOW).await.unwrap(), None);
    world.store().add_code(code, NOW + 1).await.unwrap();
    network.loses_the_answer(|other| is_empty(other, Table::LocalCodes), world.other_handle());
    let spent = world.store().spend_code(code, NOW).await;
    assert!(matches!(spent, Err(StoreError::Unavailable(_))) && network.has_lost_it(), "{spent:?}");
    assert!(!world.other().spend_code(code, NOW).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_used_is_never_counted_twice() {
    if !super::is_there() {
        return;
    }
    let network = Network::new().await;
    let world = network.world().await;
    let workspace = world.workspace().await.id;
    let key = UsageKey { workspace, day: 1, model: "opus".into() };
    let usage = UsageRecord { micro_usd: 7, ..UsageRecord::default() };
    let seen = move |other: Shared| async move { other.spent_since(workspace, 0).await.unwrap() == 7 };
    network.loses_the_answer(seen, world.other_handle());
    let added = world.store().add_usage(&key, &usage).await;
    assert!(matches!(added, Err(StoreError::Unavailable(_))) && network.has_lost_it(), "{added:?}");
    // What may be asked twice finds the way back first.
    world.store().check().await.unwrap();
    world.store().add_usage(&key, &usage).await.unwrap();
    assert_eq!(world.other().spent_since(workspace, 0).await.unwrap(), 14);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_is_cut_in_the_middle_leaves_all_or_nothing() {
    if !super::is_there() {
        return;
    }
    for bytes in [0, 1, 9, 100, 1_000, 20_000, 100_000, 200_000] {
        let network = Network::new().await;
        let (world, far, _) = network.impatient().await;
        let record = world.conversation().await;
        let mut commit = appending(&record, 1);
        if let Some(segment) = &mut commit.segment {
            segment.lines = vec![b'x'; 300_000];
        }
        commit.items = vec![item(1, ItemState::Saved)];
        commit.notices = vec![notice(1)];
        network.is(Line::CutAfter(bytes));
        let failed = far.commit(&commit).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{bytes}: {failed:?}");
        assert_eq!(world.again(&record).await, record);
        assert_eq!((world.log(record.id).await, world.items(record.id).await), (vec![], vec![]));
        assert_eq!(world.other().notices(record.id, 0).await.unwrap(), []);
        // On a good line the same step is made.
        network.is(Line::Good);
        let far = far.with_patience(PATIENT);
        far.commit(&commit).await.unwrap();
        assert_eq!(world.again(&record).await, commit.record);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_out_of_reach_says_so_and_is_there_again_later() {
    if !super::is_there() {
        return;
    }
    let network = Network::new().await;
    let (world, far, database) = network.impatient().await;
    let record = world.conversation().await;
    network.is(Line::Dead);
    let refusals = [
        far.check().await.unwrap_err(),
        far.conversation(record.id).await.unwrap_err(),
        far.commit(&appending(&record, 1)).await.unwrap_err(),
        far.conversations(record.workspace, None, "", 9).await.unwrap_err(),
        far.count_conversations(record.workspace).await.unwrap_err(),
        far.delete_conversation(record.id).await.unwrap_err(),
    ];
    for refused in refusals {
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    }
    let unreachable = database.reached_at(&format!("http://127.0.0.1:{}", network.port));
    let refused = Firestore::open(&unreachable.with_patience(IMPATIENT)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    network.is(Line::Good);
    let far = far.with_patience(PATIENT);
    far.check().await.unwrap();
    far.commit(&appending(&record, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_of_a_newer_layout_is_refused() {
    if !super::is_there() {
        return;
    }
    let database = super::fresh_database();
    super::open(&database).await;
    let (project, _) =
        database.to_string().split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let db = FirestoreDb::new(&project).await.unwrap();
    let path = format!("{}/meta/layout", db.get_documents_path());
    let newer = FirestoreDb::serialize_to_doc(path, &serde_json::json!({ "version": 99 })).unwrap();
    let write = Write { operation: Some(Operation::Update(newer)), ..Write::default() };
    let request = CommitRequest {
        database: db.get_database_path().clone(),
        writes: vec![write],
        ..CommitRequest::default()
    };
    db.client().get().commit(request).await.unwrap();
    let refused = format!("{:#}", anyhow::Error::new(Firestore::open(&database).await.unwrap_err()));
    assert!(refused.contains("layout 99, newer than this program"), "{refused}");
}
