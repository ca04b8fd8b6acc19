//! Two handles on one fresh store, and what the cases need in it.

use std::any::Any;
use std::sync::Arc;
use std::task::Poll;

use control_plane::store::records::{
    Commit, ConversationRecord, Identity, NewConversation, Segment, WorkspaceRecord,
};
use control_plane::store::{Hash, Store, StoreAt, StoreError};
use protocol::event::Person;
use protocol::log::Position;
use protocol::notice::{Notice, NoticeKind};
use protocol::outbox::{Item, ItemState, What};
use protocol::settings::Settings;
use protocol::{ConversationId, ItemId, Millis, UserId, WorkspaceId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The user ids that workspaces get.
pub(crate) const UIDS: std::ops::Range<u32> = 200_000..200_200;
/// How many networks there are.
pub(crate) const NETWORKS: u32 = 200;
/// A moment; which one doesn't matter.
pub(crate) const NOW: Millis = 1_000_000;

/// A handle on a store.
pub(crate) type Shared = Arc<dyn Store>;

/// Two handles on one fresh store.
pub(crate) struct World {
    handles: [Shared; 2],
    at: StoreAt,
    _kept: Box<dyn Any + Send + Sync>,
}

impl World {
    /// `kept` lives as long as the world: a folder, a connection.
    pub(crate) fn new(handles: [Shared; 2], at: StoreAt, kept: impl Any + Send + Sync) -> Self {
        Self { handles, at, _kept: Box::new(kept) }
    }

    /// Where the store is, for other processes.
    pub(crate) const fn at(&self) -> &StoreAt {
        &self.at
    }

    /// One handle.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.handles[0]
    }

    /// The other handle, which must see what the first did.
    pub(crate) fn other(&self) -> &dyn Store {
        &*self.handles[1]
    }

    /// The other handle, to be kept.
    pub(crate) fn other_handle(&self) -> Shared {
        Arc::clone(&self.handles[1])
    }

    /// Calls from both handles at once, and what each came to.
    pub(crate) async fn at_once<T, F>(&self, count: u32, call: impl Fn(Shared, u32) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let gate = Arc::new(Barrier::new(count as usize));
        let mut calls = JoinSet::new();
        for n in 0..count {
            let call = call(Arc::clone(&self.handles[n as usize % 2]), n);
            let gate = Arc::clone(&gate);
            calls.spawn(async move {
                gate.wait().await;
                call.await
            });
        }
        calls.join_all().await
    }

    /// A new user.
    pub(crate) async fn user(&self) -> UserId {
        self.store().sign_in(&ada(&Uuid::new_v4().to_string()), NOW).await.unwrap().id
    }

    /// A new user's new workspace.
    pub(crate) async fn workspace(&self) -> WorkspaceRecord {
        let user = self.user().await;
        self.store().create_workspace(user, UIDS, NETWORKS, NOW).await.unwrap()
    }

    /// A new conversation in a workspace.
    pub(crate) async fn conversation_in(&self, workspace: WorkspaceId) -> ConversationRecord {
        self.store().create_conversation(&new_conversation(workspace)).await.unwrap()
    }

    /// A new conversation in a new workspace.
    pub(crate) async fn conversation(&self) -> ConversationRecord {
        self.conversation_in(self.workspace().await.id).await
    }

    /// A conversation as the other handle sees it.
    pub(crate) async fn again(&self, record: &ConversationRecord) -> ConversationRecord {
        self.other().conversation(record.id).await.unwrap()
    }

    /// A conversation's whole log, the oldest segment first.
    pub(crate) async fn log(&self, id: ConversationId) -> Vec<Segment> {
        let mut segments = self.other().segments_before(id, u64::MAX, u64::MAX, usize::MAX).await.unwrap();
        segments.reverse();
        segments
    }

    /// Every item of a conversation that a cursor at the beginning gets, by revision.
    pub(crate) async fn items(&self, id: ConversationId) -> Vec<Item> {
        let mut items = self.other().outbox(id, Some(0)).await.unwrap();
        items.sort_by_key(|item| (item.rev, item.id));
        items
    }
}

/// Someone called Ada, whom the identity provider calls so.
pub(crate) fn ada(subject: &str) -> Identity {
    Identity::new(subject, "Ada")
}

/// A conversation to be made.
pub(crate) fn new_conversation(workspace: WorkspaceId) -> NewConversation {
    let id = ConversationId(Uuid::new_v4());
    NewConversation { id, workspace, title: String::new(), settings: Settings::default(), now: NOW }
}

/// The step after `record`, without anything in it yet.
pub(crate) fn step(record: &ConversationRecord) -> Commit {
    let record = ConversationRecord { version: record.version + 1, ..record.clone() };
    Commit { record, segment: None, items: Vec::new(), notices: Vec::new() }
}

/// The step after `record` that appends `count` events in its epoch, or in the first.
pub(crate) fn appending(record: &ConversationRecord, count: u64) -> Commit {
    let end = record.end;
    with_segment(step(record), segment(end.epoch.max(1), end.n + 1, end.n + count))
}

/// A step with a segment in it, and the record to match.
pub(crate) fn with_segment(mut step: Commit, segment: Segment) -> Commit {
    step.record.end = Position { epoch: segment.epoch, n: segment.last };
    step.segment = Some(segment);
    step
}

/// Events, each on its line.
pub(crate) fn segment(epoch: u64, first: u64, last: u64) -> Segment {
    let lines = (first..=last).map(|n| format!("{{\"n\":{n},\"epoch\":{epoch}}}\n"));
    Segment { epoch, first, last, lines: lines.collect::<String>().into_bytes() }
}

/// A message in a state, changed at a revision.
pub(crate) fn item(rev: u64, state: ItemState) -> Item {
    Item {
        handed: false,
        id: ItemId(Uuid::new_v4()),
        seq: rev,
        version: 1,
        rev,
        by: Person { id: UserId(Uuid::nil()), name: "김하나".into(), token: None },
        at: NOW,
        after: Position::default(),
        what: What::Message { text: format!("message {rev}"), steer: false, again_of: None },
        state,
    }
}

/// A notice of that number.
pub(crate) fn notice(m: u64) -> Notice {
    Notice { m, at: NOW, after: Position::default(), what: NoticeKind::OutOfMemory {} }
}

/// A hash that nothing else has.
pub(crate) fn hash() -> Hash {
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(one.as_bytes());
    hash[16..].copy_from_slice(two.as_bytes());
    hash
}

/// Has a call go on until it has waited so many times, and drops it; `None`: it was dropped.
pub(crate) async fn cut_off<T>(call: impl Future<Output = T>, after: usize) -> Option<T> {
    let mut call = Box::pin(call);
    let mut waited = 0;
    std::future::poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if waited >= after => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

/// How many succeeded, if all the others were refused as conflicts.
pub(crate) fn winners<T: std::fmt::Debug>(outcomes: &[Result<T, StoreError>]) -> usize {
    for outcome in outcomes {
        assert!(matches!(outcome, Ok(_) | Err(StoreError::Conflict)), "{outcome:?}");
    }
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}
