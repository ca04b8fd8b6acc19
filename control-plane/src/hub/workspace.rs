//! One workspace: its conversations, its link, its status, and the list of conversations as viewers see it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::api::ConversationView;
use protocol::fleet::{Counts, LastError};
use protocol::link::{Catalog, FromControl};
use protocol::log::LogEnd;
use protocol::notice::NoticeKind;
use protocol::outbox::{Item, ItemState, What};
use protocol::status::{Phase, Reason, WorkspaceStatus};
use protocol::summary::{State as Doing, Summary};
use protocol::{ConversationId, Millis, Position, UserId, WorkspaceId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::conversation::ConversationHub;
use super::tally::Tally;
use super::terminal::Terminals;
use super::touched::Touched;
use crate::clock;
use crate::links::Link;
use crate::store::records::{Last, WorkspaceRecord};
use crate::store::{Store, StoreError};

/// Conversations that are held before those of no interest are let go. Each costs a ring.
const HELD: usize = 16;
/// Conversations that are gone and of which that is remembered. A viewer that missed more than these shows one until it is asked
/// for.
const GONE: usize = 10_000;
/// Conversations that are read from the store at a time to be counted.
const COUNTED: usize = 500;

/// Asks the workspace's driver to start it. Set once the driver is there.
type Starter = Box<dyn Fn() + Send + Sync>;

/// One workspace.
pub struct WorkspaceHub {
    id: WorkspaceId,
    user: UserId,
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    state: Mutex<State>,
    status: watch::Sender<WorkspaceStatus>,
    /// Counts whatever changed that a viewer may want to know.
    pulse: watch::Sender<u64>,
    closed: CancellationToken,
    starter: Mutex<Option<Starter>>,
    terminals: Arc<Terminals>,
    touched: Arc<Touched>,
}

struct State {
    conversations: HashMap<ConversationId, Arc<ConversationHub>>,
    link: Option<LinkUp>,
    /// Links with a lower number don't count any more.
    newest_link: u64,
    /// Conversations that changed since this hub exists, by when they did; `None` for those deleted.
    changes: BTreeMap<u64, (ConversationId, Option<ConversationView>)>,
    stamps: HashMap<ConversationId, u64>,
    /// Stamps of those that are gone, the oldest first.
    gone: VecDeque<u64>,
    stamp: u64,
    catalog: Option<Catalog>,
    catalog_stamp: u64,
    /// Once somebody asked.
    tally: Option<Tally>,
    last_error: Option<LastError>,
    /// The first generation of the status in the workspace's present life, or its last.
    life: u64,
}

/// A link that is up and where the journals behind it ended when it came up.
struct LinkUp {
    link: Link,
    journals: HashMap<ConversationId, Position>,
}

/// One change of the list of conversations.
#[derive(Clone, Debug)]
pub enum ListChange {
    /// New or different.
    Is(Box<ConversationView>),
    /// Deleted.
    Gone(ConversationId),
}

impl std::fmt::Debug for WorkspaceHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkspaceHub").field("id", &self.id).finish_non_exhaustive()
    }
}

impl WorkspaceHub {
    /// The hub of a workspace that nobody watches yet.
    pub fn new(
        record: &WorkspaceRecord,
        store: Arc<dyn Store>,
        tasks: TaskTracker,
        touched: Arc<Touched>,
    ) -> Self {
        let last_error = match &record.last {
            Last::Failed { reason, at } => Some(LastError { at: *at, reason: reason.clone() }),
            Last::Never {} | Last::Stopped { .. } => None,
        };
        let state = State {
            conversations: HashMap::new(),
            link: None,
            newest_link: 0,
            changes: BTreeMap::new(),
            stamps: HashMap::new(),
            gone: VecDeque::new(),
            stamp: 0,
            catalog: record.catalog.clone(),
            catalog_stamp: 0,
            tally: None,
            last_error,
            life: 0,
        };
        let status = WorkspaceStatus {
            generation: 0,
            phase: Phase::Stopped { reason: None },
            since: record.created_at,
            linked: false,
            versions: None,
        };
        Self {
            id: record.id,
            user: record.user,
            store,
            tasks,
            state: Mutex::new(state),
            status: watch::Sender::new(status),
            pulse: watch::Sender::new(0),
            closed: CancellationToken::new(),
            starter: Mutex::new(None),
            terminals: Arc::default(),
            touched,
        }
    }

    /// Which workspace.
    pub const fn id(&self) -> WorkspaceId {
        self.id
    }

    /// Whose.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Tasks that outlive the call that starts them, never the control plane.
    pub const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Cancelled when the workspace is deleted.
    pub const fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// Ends everything that watches.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Something changed that a viewer may want to know.
    pub fn beat(&self) {
        self.pulse.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Wakes whenever something changed.
    pub fn pulse(&self) -> watch::Receiver<u64> {
        self.pulse.subscribe()
    }

    /// The workspace's status.
    pub fn status(&self) -> WorkspaceStatus {
        self.status.borrow().clone()
    }

    /// Wakes whenever the status changed.
    pub fn watch_status(&self) -> watch::Receiver<WorkspaceStatus> {
        self.status.subscribe()
    }

    /// Its terminals.
    pub const fn terminals(&self) -> &Arc<Terminals> {
        &self.terminals
    }

    /// Publishes another status. Only the workspace's driver does.
    pub fn set_status(&self, status: WorkspaceStatus) {
        self.terminals.workspace_is(&status.phase);
        self.status.send_replace(status);
        self.beat();
        self.touch();
    }

    /// Something changed that operators see.
    pub fn touch(&self) {
        self.touched.touch(self.id);
    }

    /// The workspace begins another life with this generation of its status.
    pub fn begin_life(&self, generation: u64) {
        self.lock().life = generation;
    }

    /// Whether the life of the workspace in which its status had this generation is over.
    pub fn is_over(&self, generation: u64) -> bool {
        generation < self.lock().life
    }

    /// Something went wrong with the workspace.
    pub fn went_wrong(&self, reason: Reason) {
        self.lock().last_error = Some(LastError { at: clock::now(), reason });
        self.touch();
    }

    /// What last went wrong with it.
    pub fn last_error(&self) -> Option<LastError> {
        self.lock().last_error.clone()
    }

    /// The link, while it is up.
    pub fn link(&self) -> Option<Link> {
        self.lock().link.as_ref().map(|up| up.link.clone())
    }

    /// How many conversations are in which state, once [`WorkspaceHub::count`] has counted them.
    pub fn counts(&self) -> Option<Counts> {
        self.lock().tally.as_ref().and_then(Tally::counts)
    }

    /// Counts the conversations, once; from then on the counts are kept.
    ///
    /// # Errors
    /// When the store can't be read; asking again begins anew.
    pub async fn count(&self) -> Result<(), StoreError> {
        if self.counts().is_some() {
            return Ok(());
        }
        self.lock().tally = Some(Tally::default());
        let mut after = None;
        loop {
            let page = self.store.conversations(self.id, after, "", COUNTED).await?;
            let mut state = self.lock();
            let Some(tally) = &mut state.tally else { return Ok(()) };
            for record in &page {
                tally.is(record.id, record.version, &record.summary);
            }
            if page.len() < COUNTED {
                tally.complete();
                return Ok(());
            }
            after = page.last().map(|record| record.id);
        }
    }

    /// A conversation was made or changed.
    pub(super) fn note_summary(&self, id: ConversationId, version: u64, summary: &Summary) {
        let changed = self.lock().tally.as_mut().is_some_and(|tally| tally.is(id, version, summary));
        if changed {
            self.touch();
        }
    }

    /// Who starts the workspace when something waits for it.
    pub fn set_starter(&self, starter: impl Fn() + Send + Sync + 'static) {
        *self.starter.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(starter));
    }

    /// Something waits: have the workspace started, unless it runs.
    pub fn wake(&self) {
        if let Some(starter) = &*self.starter.lock().unwrap_or_else(PoisonError::into_inner) {
            starter();
        }
    }

    /// One of its conversations.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id here, whoever else may have one.
    pub async fn conversation(
        self: &Arc<Self>,
        id: ConversationId,
    ) -> Result<Arc<ConversationHub>, StoreError> {
        if let Some(hub) = self.lock().conversations.get(&id) {
            return Ok(Arc::clone(hub));
        }
        let record = self.store.conversation(id).await?;
        if record.workspace != self.id {
            return Err(StoreError::NotFound);
        }
        let items = self.store.outbox(id, None).await?;
        let fresh = ConversationHub::new(Arc::downgrade(self), Arc::clone(&self.store), record, items);
        let mut state = self.lock();
        if let Some(hub) = state.conversations.get(&id) {
            return Ok(Arc::clone(hub));
        }
        state.make_room();
        let hub = Arc::new(fresh);
        state.conversations.insert(id, Arc::clone(&hub));
        if let Some(up) = &state.link {
            hub.linked(up.link.clone(), up.journals.get(&id).copied());
        }
        Ok(hub)
    }

    /// Forgets a conversation that has to be read from the store again.
    pub(super) fn let_go(&self, hub: &Arc<ConversationHub>) {
        let mut state = self.lock();
        if state.conversations.get(&hub.id()).is_some_and(|held| Arc::ptr_eq(held, hub)) {
            state.conversations.remove(&hub.id());
        }
        drop(state);
        self.beat();
    }

    /// The conversations that are held in memory.
    pub fn open_conversations(&self) -> Vec<Arc<ConversationHub>> {
        self.lock().conversations.values().cloned().collect()
    }

    /// A conversation is new or changed in the list.
    pub fn list_changed(&self, view: ConversationView) {
        self.note_summary(view.id, view.version, &view.summary);
        let mut state = self.lock();
        state.note(view.id, Some(view));
        drop(state);
        self.beat();
    }

    /// A conversation was deleted.
    pub fn conversation_deleted(&self, id: ConversationId) {
        let mut state = self.lock();
        state.note(id, None);
        let counted = state.tally.as_mut().is_some_and(|tally| tally.gone(id));
        if let Some(hub) = state.conversations.remove(&id) {
            hub.deleted();
        }
        if let Some(up) = &state.link {
            up.link.send(FromControl::Forget { conversation: id });
        }
        drop(state);
        self.beat();
        if counted {
            self.touch();
        }
    }

    /// What changed in the list after `stamp`, and the stamp to ask with next.
    pub fn changes_since(&self, stamp: u64) -> (Vec<ListChange>, u64) {
        let state = self.lock();
        let changes = state.changes.range(stamp + 1..).map(|(_, (id, view))| match view {
            Some(view) => ListChange::Is(Box::new(view.clone())),
            None => ListChange::Gone(*id),
        });
        (changes.collect(), state.stamp)
    }

    /// What the CLI offers, and since which stamp.
    pub fn catalog(&self) -> (Option<Catalog>, u64) {
        let state = self.lock();
        (state.catalog.clone(), state.catalog_stamp)
    }

    /// What the CLI offers, and since which stamp, if that is another one than what was read at `stamp`.
    pub fn catalog_since(&self, stamp: u64) -> Option<(Catalog, u64)> {
        let state = self.lock();
        if state.catalog_stamp <= stamp {
            return None;
        }
        Some((state.catalog.clone()?, state.catalog_stamp))
    }

    /// The CLI offers something else.
    pub async fn set_catalog(&self, catalog: Catalog) {
        {
            let mut state = self.lock();
            if state.catalog.as_ref() == Some(&catalog) {
                return;
            }
            state.catalog = Some(catalog.clone());
            state.catalog_stamp += 1;
        }
        self.beat();
        if let Err(error) = self.store.save_catalog(self.id, &catalog).await {
            tracing::warn!(workspace = %self.id, %error, "the catalogue can't be kept");
        }
    }

    /// A link is on its way up. What earlier ones said is in the store when this returns, and nothing follows it.
    pub async fn link_coming(&self, generation: u64) {
        {
            let mut state = self.lock();
            state.newest_link = state.newest_link.max(generation);
            state.link.take_if(|up| up.link.generation() < generation);
        }
        for hub in self.open_conversations() {
            hub.superseded(generation).await;
        }
    }

    /// A link came up. What waits is handed over once the store has caught up with the journals behind it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn link_up(self: &Arc<Self>, link: Link, journals: Vec<LogEnd>) -> Result<(), StoreError> {
        let journals: HashMap<_, _> = journals.into_iter().map(|log| (log.conversation, log.end)).collect();
        let open = {
            let mut state = self.lock();
            if link.generation() < state.newest_link {
                return Ok(());
            }
            state.link = Some(LinkUp { link: link.clone(), journals: journals.clone() });
            state.conversations.values().cloned().collect::<Vec<_>>()
        };
        for hub in open {
            hub.linked(link.clone(), journals.get(&hub.id()).copied());
        }
        // What was sent while nobody had the conversation open.
        for id in self.store.unfinished(self.id).await? {
            self.conversation(id).await?;
        }
        Ok(())
    }

    /// A link went down. A late goodbye of a superseded one changes nothing.
    pub fn link_down(&self, generation: u64) {
        self.terminals.link_down(generation);
        let mut state = self.lock();
        if state.link.as_ref().is_none_or(|up| up.link.generation() != generation) {
            return;
        }
        state.link = None;
        for hub in state.conversations.values() {
            hub.unlinked(generation);
        }
    }

    /// The conversations in which something is under way.
    pub fn busy_conversations(&self) -> Vec<ConversationId> {
        let busy = self.open_conversations().into_iter().filter(|hub| hub.state() != Doing::Idle);
        busy.map(|hub| hub.id()).collect()
    }

    /// The workspace is gone, whatever its conversations were doing. Those of `cut_off` are told even if they had the time to
    /// say themselves that their turn is over.
    pub async fn lost(&self, what: NoticeKind, cut_off: &[ConversationId]) {
        for hub in self.open_conversations() {
            hub.workspace_lost();
            if hub.state() != Doing::Idle || cut_off.contains(&hub.id()) {
                hub.notice(what.clone()).await;
            }
        }
    }

    /// The conversations that were busy when the last control plane ended, and where their logs stood. To be asked
    /// before a link is served: what the workspace-agent says next may well be that they are done.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn found_busy(&self) -> Result<Vec<(ConversationId, Position)>, StoreError> {
        let mut busy = Vec::new();
        for id in self.store.unfinished(self.id).await? {
            let record = self.store.conversation(id).await?;
            if record.summary.state != Doing::Idle {
                busy.push((id, record.end));
            }
        }
        Ok(busy)
    }

    /// Whether a message waits that somebody sent after this time.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn was_written_to_since(&self, time: Millis) -> Result<bool, StoreError> {
        for id in self.store.unfinished(self.id).await? {
            let items = self.store.outbox(id, None).await?;
            let waits =
                |item: &Item| item.state == ItemState::Saved && matches!(item.what, What::Message { .. });
            if items.iter().any(|item| waits(item) && item.at > time) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A control plane begins to look after the workspace: tells the conversations that it found busy.
    pub async fn taken_over(self: &Arc<Self>, busy: &[(ConversationId, Position)], what: NoticeKind) {
        for (id, after) in busy {
            match self.conversation(*id).await {
                Ok(hub) => hub.notice_after(*after, what.clone()).await,
                Err(error) => tracing::warn!(conversation = %id, %error, "it can't be told of the restart"),
            }
        }
    }

    /// Something in the workspace was lost, and the workspace goes on: tells the conversations that are busy.
    pub async fn lost_something(&self, what: NoticeKind) {
        for hub in self.open_conversations() {
            if hub.state() != Doing::Idle {
                hub.notice(what.clone()).await;
            }
        }
    }

    /// Tells every conversation for which something waits that the workspace can't be started.
    pub async fn start_failed(&self, what: NoticeKind) {
        for hub in self.open_conversations() {
            if hub.has_waiting() {
                hub.notice(what.clone()).await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets conversations that nobody looks at and in which nothing is under way. The lock keeps anyone from asking
    /// for one meanwhile.
    fn make_room(&mut self) {
        if self.conversations.len() >= HELD {
            self.conversations.retain(|_, hub| Arc::strong_count(hub) > 1 || !hub.is_quiet());
        }
    }

    fn note(&mut self, id: ConversationId, view: Option<ConversationView>) {
        self.stamp += 1;
        if let Some(before) = self.stamps.insert(id, self.stamp) {
            self.changes.remove(&before);
        }
        if view.is_none() {
            self.gone.push_back(self.stamp);
        }
        self.changes.insert(self.stamp, (id, view));
        if self.gone.len() > GONE
            && let Some((id, _)) = self.gone.pop_front().and_then(|oldest| self.changes.remove(&oldest))
        {
            self.stamps.remove(&id);
        }
    }
}
