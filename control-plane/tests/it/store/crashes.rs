//! Callers that go away in the middle, processes that are killed, control planes that both believe they own a
//! conversation: what was acknowledged is there, and everything is there whole or not at all.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use control_plane::store::records::{Commit, ConversationRecord};
use control_plane::store::{StoreAt, StoreError};
use protocol::ConversationId;
use protocol::outbox::{Item, ItemState};
use uuid::Uuid;

use super::world::{World, appending, cut_off, item, notice, step};

/// A step with something of everything, whose parts can be told from other steps': as many events as its version, one
/// item and one notice, both of its version.
fn whole(record: &ConversationRecord) -> Commit {
    let mut commit = appending(record, record.version + 1);
    let version = commit.record.version;
    let id = protocol::ItemId(Uuid::from_u128(u128::from(version)));
    commit.items = vec![Item { id, ..item(version, ItemState::Saved) }];
    commit.notices = vec![notice(version)];
    (commit.record.outbox_rev, commit.record.notice) = (version, version);
    commit
}

/// Makes steps of the other handle's until one succeeds, so that none that is under way can come later; returns what
/// was there before it.
async fn fence(world: &World, id: ConversationId) -> ConversationRecord {
    loop {
        let before = world.other().conversation(id).await.unwrap();
        match world.other().commit(&step(&before)).await {
            Ok(()) => return before,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Asserts that of the versions that `whole` made, as told, all parts are there and no part of any other.
async fn assert_whole(world: &World, id: ConversationId, made: &[u64]) {
    let log: Vec<_> = world.log(id).await.iter().map(|part| part.last - part.first + 1).collect();
    let items: Vec<_> = world.items(id).await.iter().map(|item| item.rev).collect();
    let notices = world.other().notices(id, 0).await.unwrap();
    let notices: Vec<_> = notices.iter().map(|notice| notice.m).collect();
    assert_eq!((&log[..], &items[..], &notices[..]), (made, made, made));
}

pub(super) async fn a_caller_that_goes_away_leaves_all_or_nothing(world: &World) {
    let id = world.conversation().await.id;
    let mut made = Vec::new();
    for round in 0..40 {
        let before = world.store().conversation(id).await.unwrap();
        let commit = whole(&before);
        let done = cut_off(world.store().commit(&commit), round % 8).await;
        let after = fence(world, id).await;
        let came = after.version == commit.record.version;
        assert!(came || after == before, "{after:?}");
        assert!(came || done.is_none(), "it was acknowledged: {done:?}");
        if came {
            made.push(commit.record.version);
        }
        assert_whole(world, id, &made).await;
    }
}

pub(super) async fn a_caller_that_goes_away_can_try_again(world: &World) {
    let mut record = world.conversation().await;
    for round in 0..20 {
        let commit = whole(&record);
        let done = cut_off(world.store().commit(&commit), round % 5).await;
        // As the hub does: the same step again, from the record that it has.
        match (done, world.store().commit(&commit).await) {
            (Some(Ok(())), Err(StoreError::Conflict)) | (None, Ok(())) => record = commit.record,
            (None, Err(StoreError::Conflict)) => record = world.again(&record).await,
            (done, again) => panic!("{done:?}, then {again:?}"),
        }
        assert_eq!(world.again(&record).await, record);
    }
}

pub(super) async fn two_that_both_believe_they_own_it_are_never_merged(world: &World) {
    let record = world.conversation().await;
    let runs = world.at_once(4, |store, _| {
        let mut record = record.clone();
        async move {
            let mut acknowledged = Vec::new();
            while acknowledged.len() < 8 {
                let commit = whole(&record);
                match store.commit(&commit).await {
                    Ok(()) => {
                        acknowledged.push(commit.record.version);
                        record = commit.record;
                    }
                    Err(StoreError::Conflict) => record = store.conversation(record.id).await.unwrap(),
                    Err(error) => panic!("{error:?}"),
                }
            }
            acknowledged
        }
    });
    let mut acknowledged: Vec<_> = runs.await.into_iter().flatten().collect();
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, (2..34).collect::<Vec<_>>());
    assert_whole(world, record.id, &acknowledged).await;
}

pub(super) async fn a_removal_that_is_cut_off_is_finished_later(world: &World) {
    for cut in [1, 2, 3, 4, 6, 8, 11] {
        let workspace = world.workspace().await;
        let mut records = Vec::new();
        for _ in 0..3 {
            let mut record = world.conversation_in(workspace.id).await;
            for _ in 0..2 {
                let commit = whole(&record);
                world.store().commit(&commit).await.unwrap();
                record = commit.record;
            }
            records.push(record);
        }
        let done = cut_off(world.store().delete_conversation(records[0].id), cut).await;
        if done.is_none() {
            finish(world, world.other().delete_conversation(records[0].id)).await;
        }
        let done = cut_off(world.store().delete_workspace(workspace.id), cut).await;
        if done.is_none() {
            finish(world, world.other().delete_workspace(workspace.id)).await;
        }
        world.other().tidy(0).await.unwrap();
        for record in records {
            assert!(matches!(world.store().conversation(record.id).await, Err(StoreError::NotFound)));
            assert_eq!(world.log(record.id).await, []);
            assert_eq!(world.items(record.id).await, []);
        }
        assert_eq!(world.store().log_ends(workspace.id).await.unwrap(), []);
        assert_eq!(world.store().unfinished(workspace.id).await.unwrap(), []);
        assert_eq!(world.store().workspace_of(workspace.user).await.unwrap(), None);
    }
}

/// Does again what was cut off; what was done already is not found.
async fn finish(world: &World, again: impl Future<Output = Result<(), StoreError>>) {
    match again.await {
        Ok(()) | Err(StoreError::NotFound) => {}
        Err(error) => panic!("{error:?}"),
    }
    world.other().tidy(0).await.unwrap();
}

/// Where the process that is to be killed finds the store and its conversation.
const KILLED: &str = "ATELIER_TEST_KILLED";

/// Not a test: the process that [`a_process_that_is_killed_leaves_all_or_nothing`] kills. It makes steps and says so.
#[tokio::test]
#[ignore = "it is the process that another test kills"]
async fn works_until_it_is_killed() {
    let Ok(told) = std::env::var(KILLED) else { return };
    let (at, id) = told.rsplit_once(' ').unwrap();
    let store = at.parse::<StoreAt>().unwrap().open().await.unwrap();
    let mut record = store.conversation(id.parse().unwrap()).await.unwrap();
    loop {
        let commit = whole(&record);
        store.commit(&commit).await.unwrap();
        record = commit.record;
        println!("made {}", record.version);
    }
}

pub(super) async fn a_process_that_is_killed_leaves_all_or_nothing(world: &World) {
    let id = world.conversation().await.id;
    let mut made: Vec<u64> = Vec::new();
    for round in 1..=3 {
        let acknowledged = kill_after(world, id, round * 7);
        let after = fence(world, id).await;
        let known = made.last().copied().unwrap_or(1) + u64::from(!made.is_empty());
        made.extend(known + 1..=after.version);
        assert!(after.version >= acknowledged, "{acknowledged} was acknowledged: {after:?}");
        assert!(after.version <= acknowledged + 1, "after {acknowledged} one was under way: {after:?}");
        assert_whole(world, id, &made).await;
    }
}

/// Has a process work on a conversation, kills it when it has said so many times that it made a step, and returns the last
/// version that it said.
fn kill_after(world: &World, id: ConversationId, steps: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::crashes::works_until_it_is_killed", "--ignored", "--nocapture"])
        .env(KILLED, format!("{} {id}", world.at()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said =
        lines.filter_map(|line| line.strip_prefix("made ").map(|version| version.parse().unwrap()));
    let mut last: u64 = 0;
    for _ in 0..steps {
        last = said.next().expect("it ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // With what it said before it died.
    said.last().unwrap_or(last)
}
