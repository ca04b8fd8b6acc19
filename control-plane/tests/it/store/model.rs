//! Any sequence of commits, good and bad, from either handle, against the plainest model of a conversation.

use std::collections::BTreeMap;

use control_plane::store::StoreError;
use control_plane::store::records::{Commit, ConversationRecord, Segment};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use protocol::ItemId;
use protocol::notice::Notice;
use protocol::outbox::{Item, ItemState};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::world::{World, item, notice, segment, step, with_segment};

/// One attempt, relative to where the conversation stands.
#[derive(Clone, Debug)]
struct Attempt {
    handle: bool,
    /// How far its version is off.
    version: i64,
    segment: Option<Append>,
    /// Which of a few items, and their states.
    items: Vec<(u8, bool)>,
    /// How far the numbers of its notices are off.
    notices: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Append {
    /// How far it is off the log's end.
    off: i64,
    count: u64,
    /// How far its epoch is off.
    epoch: i64,
}

/// Mostly right, sometimes one off.
fn mostly_zero() -> impl Strategy<Value = i64> {
    prop_oneof![8 => Just(0), 1 => Just(-1), 1 => Just(1)]
}

fn append() -> impl Strategy<Value = Append> {
    (mostly_zero(), 1..4_u64, mostly_zero()).prop_map(|(off, count, epoch)| Append { off, count, epoch })
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let items = prop::collection::vec((0..4_u8, any::<bool>()), 0..3);
    let notices = prop::collection::vec(prop_oneof![5 => Just(1_u64), 1 => Just(0)], 0..3);
    let append = prop::option::weighted(0.6, append());
    (any::<bool>(), mostly_zero(), append, items, notices).prop_map(
        |(handle, version, segment, items, notices)| Attempt { handle, version, segment, items, notices },
    )
}

/// What a conversation is.
#[derive(Debug)]
struct Model {
    record: ConversationRecord,
    log: Vec<Segment>,
    items: BTreeMap<ItemId, Item>,
    notices: Vec<Notice>,
}

impl Model {
    fn commit(&self, attempt: &Attempt) -> Commit {
        let mut commit = step(&self.record);
        commit.record.version = commit.record.version.saturating_add_signed(attempt.version);
        commit.record.title = format!("step {}", commit.record.version);
        if let Some(append) = &attempt.segment {
            let first = (self.record.end.n + 1).saturating_add_signed(append.off);
            let epoch = self.record.end.epoch.max(1).saturating_add_signed(append.epoch);
            commit = with_segment(commit, segment(epoch, first, first + append.count - 1));
        }
        let mut rev = self.record.outbox_rev;
        for (which, done) in &attempt.items {
            rev += 1;
            let state = if *done { ItemState::Done } else { ItemState::Saved };
            commit.items.push(Item { id: ItemId(Uuid::from_u128((*which).into())), ..item(rev, state) });
        }
        commit.record.outbox_rev = rev;
        let mut m = self.record.notice;
        for further in &attempt.notices {
            m = (m + further).max(1);
            commit.notices.push(notice(m));
        }
        commit.record.notice = m;
        commit
    }

    fn takes(&self, commit: &Commit) -> bool {
        let end = self.record.end;
        let follows = |segment: &Segment| segment.first == end.n + 1 && segment.epoch >= end.epoch;
        let mut numbers: Vec<_> = self.notices.iter().chain(&commit.notices).map(|notice| notice.m).collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        commit.record.version == self.record.version + 1
            && commit.segment.as_ref().is_none_or(follows)
            && numbers.len() == count
    }

    fn apply(&mut self, commit: Commit) {
        self.record = commit.record;
        self.log.extend(commit.segment);
        self.items.extend(commit.items.into_iter().map(|item| (item.id, item)));
        self.notices.extend(commit.notices);
        self.notices.sort_by_key(|notice| notice.m);
    }

    async fn assert_kept(&self, world: &World) {
        let id = self.record.id;
        assert_eq!(world.again(&self.record).await, self.record);
        assert_eq!(world.log(id).await, self.log);
        let mut items: Vec<_> = self.items.values().cloned().collect();
        items.sort_by_key(|item| (item.rev, item.id));
        assert_eq!(world.items(id).await, items);
        assert_eq!(world.other().notices(id, 0).await.unwrap(), self.notices);
        let open = self.items.values().any(|item| !item.state.is_final());
        let unfinished = world.other().unfinished(self.record.workspace).await.unwrap();
        assert_eq!(unfinished.contains(&id), open);
    }
}

async fn run(world: &World, record: ConversationRecord, attempts: &[Attempt]) {
    let mut model = Model { record, log: Vec::new(), items: BTreeMap::new(), notices: Vec::new() };
    for attempt in attempts {
        let commit = model.commit(attempt);
        let store = if attempt.handle { world.store() } else { world.other() };
        match (store.commit(&commit).await, model.takes(&commit)) {
            (Ok(()), true) => model.apply(commit),
            (Err(StoreError::Conflict), false) => {}
            (done, takes) => panic!("{done:?} for {commit:?}; the model takes it: {takes}"),
        }
    }
    model.assert_kept(world).await;
}

pub(super) async fn any_sequence_of_commits_comes_to_what_the_model_says(world: &World) {
    let workspace = world.workspace().await.id;
    let attempts = prop::collection::vec(attempt(), 0..16);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(64) });
    let run = |attempts: Vec<Attempt>| {
        tokio::task::block_in_place(|| {
            Handle::current().block_on(async {
                let record = world.conversation_in(workspace).await;
                run(world, record, &attempts).await;
            });
        });
        Ok(())
    };
    runner.run(&attempts, run).unwrap();
}
