//! One conversation: the shell around [`core`], which decides. It has the store commit, tells the link, and wakes viewers.
//!
//! Two locks, always in this order. `turn` is held across a commit: whoever has it is the one whose commit the store
//! does next. `state` is never held across an await.

mod cancel;
pub mod core;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::frame::Events;
use protocol::link::{Activity, Delta, FromControl};
use protocol::notice::NoticeKind;
use protocol::outbox::{Item, What};
use protocol::settings::Settings;
use protocol::status::Phase;
use protocol::summary::State as Doing;
use protocol::{BlockId, ConversationId, ItemId, Millis, Position};
use tokio::sync::{Notify, OwnedMutexGuard};

use self::core::{Core, LogFault};
use super::ring::AtHand;
use super::workspace::WorkspaceHub;
use crate::clock;
use crate::links::Link;
use crate::outbox::{Outbox, Refusal};
use crate::store::records::{AuditEntry, Commit, ConversationRecord};
use crate::store::{Store, StoreError};

/// How long events that may wait are gathered: a commit costs the same for one as for many, and Firestore takes about one
/// write a second of the same document. Viewers have what is gathered, and so has the workspace's journal.
const GATHER: Duration = Duration::from_secs(2);
/// How many moments there are in that, of which each conversation has its own. Were all that stream at the same time committed
/// at once, everybody's events would wait for that; were each committed alone, each would cost the store an `fsync`.
const MOMENTS: u32 = 64;
/// How long a reader of the log waits for what was still being gathered to be stored.
const HURRY: Duration = Duration::from_secs(1);
/// How long a person's request, a viewer or a notice may wait for the conversation's turn to write.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first wait before a failed commit of events is tried again; it doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Whose commit the store does next.
type Turn = OwnedMutexGuard<()>;

/// One conversation.
#[derive(Debug)]
pub struct ConversationHub {
    id: ConversationId,
    workspace: Weak<WorkspaceHub>,
    store: Arc<dyn Store>,
    turn: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
    /// Events were stored, or never will be.
    stored: Notify,
    /// What is to be committed may not wait any more.
    urgent: Notify,
    /// How many wait for everything to be stored.
    hurried: AtomicU32,
}

/// Somebody waits for everything to be stored, for as long as this lives.
struct InAHurry<'a>(&'a AtomicU32);

impl<'a> InAHurry<'a> {
    fn one(hurried: &'a AtomicU32) -> Self {
        hurried.fetch_add(1, Ordering::SeqCst);
        Self(hurried)
    }
}

impl Drop for InAHurry<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) core: Core,
    link: Option<Link>,
    /// A task commits what nobody asked for: events, mostly.
    committing: bool,
}

impl State {
    fn tell(&mut self, messages: Vec<FromControl>) {
        if let Some(link) = &self.link {
            // A link that does not take it is closed by that; the next one begins anew.
            let _ = messages.into_iter().all(|message| link.send(message));
        }
    }
}

impl ConversationHub {
    /// A conversation as the store has it.
    pub fn new(
        workspace: Weak<WorkspaceHub>,
        store: Arc<dyn Store>,
        record: ConversationRecord,
        items: Vec<Item>,
    ) -> Self {
        let id = record.id;
        let state =
            State { core: Core::new(record, items, AtHand::default()), link: None, committing: false };
        let (turn, state) = (Arc::default(), Mutex::new(state));
        let (stored, urgent, hurried) = (Notify::new(), Notify::new(), AtomicU32::new(0));
        Self { id, workspace, store, turn, state, stored, urgent, hurried }
    }

    /// Which conversation.
    pub const fn id(&self) -> ConversationId {
        self.id
    }

    /// The store behind it.
    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What it is doing.
    pub fn state(&self) -> Doing {
        self.lock().core.summary().state
    }

    /// The record as the store has it.
    pub fn record(&self) -> ConversationRecord {
        self.lock().core.record().clone()
    }

    /// Whether messages wait to be delivered.
    pub fn has_waiting(&self) -> bool {
        self.lock().core.outbox().waiting() > 0
    }

    /// Whether nothing would be lost if it were forgotten here.
    pub(super) fn is_quiet(&self) -> bool {
        self.lock().core.is_quiet()
    }

    /// The message whose turn a stop means.
    pub fn to_stop(&self) -> Option<ItemId> {
        self.lock().core.to_stop()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds off every commit for as long as it is held.
    async fn hold(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Holds off every commit for as long as it is held, for one who has others wait meanwhile.
    ///
    /// # Errors
    /// When the store is too slow for that.
    pub(super) async fn hold_soon(&self) -> Result<Turn, StoreError> {
        let turn = tokio::time::timeout(PATIENCE, self.hold()).await;
        turn.map_err(|_| StoreError::Unavailable("the store is busy with the conversation".into()))
    }

    fn beat(&self) {
        if let Some(workspace) = self.workspace.upgrade() {
            workspace.beat();
        }
    }

    // What the workspace-agent says.

    /// Takes events: viewers see them at once, the store gets them next.
    ///
    /// # Errors
    /// When they don't continue the log. Nothing of them is taken then.
    pub fn take_events(self: &Arc<Self>, link: u64, frame: &Events<'_>) -> Result<(), LogFault> {
        if self.lock().core.take_events(link, frame)? {
            self.beat();
            self.keep_committing();
        }
        Ok(())
    }

    /// Has a task commit what is to be committed without anyone asking, unless one does.
    fn keep_committing(self: &Arc<Self>) {
        let Some(workspace) = self.workspace.upgrade() else { return };
        let (begun, can_wait) = {
            let mut state = self.lock();
            (std::mem::replace(&mut state.committing, true), state.core.can_wait())
        };
        if !can_wait {
            self.urgent.notify_waiters();
        }
        if !begun {
            workspace.tasks().spawn(Arc::clone(self).commit_events());
        }
    }

    /// Live text.
    pub fn take_delta(&self, link: u64, delta: Delta) {
        self.lock().core.take_delta(link, delta);
        self.beat();
    }

    /// Live text that will never be final.
    pub fn retract(&self, link: u64, block: Option<&BlockId>) {
        self.lock().core.retract(link, block);
        self.beat();
    }

    /// The conversation does something else.
    pub fn take_activity(&self, link: u64, activity: Activity) {
        self.lock().core.take_activity(link, activity);
        self.beat();
    }

    /// An item is dealt with without a trace in the log.
    pub fn settled(self: &Arc<Self>, link: u64, item: ItemId, refused: Option<ErrorCode>) {
        self.lock().core.settled(link, item, refused);
        self.keep_committing();
    }

    /// Writes events to the store until there are none that it lacks, and what is to be kept before it is handed over.
    async fn commit_events(self: Arc<Self>) {
        let mut retry = FIRST_RETRY;
        loop {
            self.gather().await;
            let turn = self.hold().await;
            let Some(commit) = self.next_to_store() else { return };
            let shown = commit.record.changed_at != self.lock().core.record().changed_at;
            let done = self.carry_out(turn, commit, shown).await;
            self.stored.notify_waiters();
            match done {
                Ok(()) => retry = FIRST_RETRY,
                Err(error) => {
                    tracing::error!(conversation = %self.id, %error, "events can't be stored yet");
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
        }
    }

    /// The log's end, as viewers see it: what the store has may end before.
    pub fn end(&self) -> Position {
        self.lock().core.end()
    }

    /// Has what waits to be stored be stored now, and waits for that, up to a second: whoever reads the log from the store
    /// finds there what viewers have seen, or, from a store that is away, what it had.
    pub async fn hurry(&self) {
        let _hurry = InAHurry::one(&self.hurried);
        self.urgent.notify_waiters();
        let _ = tokio::time::timeout(HURRY, self.wait_until_stored()).await;
    }

    async fn wait_until_stored(&self) {
        loop {
            let stored = self.stored.notified();
            if self.lock().core.is_stored() {
                return;
            }
            stored.await;
        }
    }

    /// Waits for more to commit, if what there is can wait.
    async fn gather(&self) {
        let urgent = self.urgent.notified();
        let can_wait = self.lock().core.can_wait() && self.hurried.load(Ordering::SeqCst) == 0;
        if can_wait {
            let _ = tokio::time::timeout(until_moment(self.id), urgent).await;
        }
    }

    fn next_to_store(&self) -> Option<Commit> {
        let mut state = self.lock();
        let next = state.core.next_to_store(clock::now());
        state.committing = next.is_some();
        next
    }

    // What people want.

    /// Keeps a new item and has it handed over. Sending an item again changes nothing.
    ///
    /// # Errors
    /// When it makes no sense any more, or can't be kept.
    pub async fn add(self: &Arc<Self>, item: ItemId, by: Person, what: What) -> Result<(), Refusal> {
        let turn = self.turn().await?;
        let wakes = matches!(what, What::Message { .. } | What::Continue { .. });
        if self.store.outbox_item(self.id, item).await.map_err(cant)?.is_some() {
            // Whoever kept it may have died before it started the workspace.
            self.wake(wakes && self.has_waiting());
            return Ok(());
        }
        let added = self.lock().core.add(item, by, what, clock::now());
        let commit = added.map_err(|refusal| self.unless_behind(refusal))?;
        self.commit(turn, commit, true).await.map_err(cant)?;
        self.wake(wakes);
        Ok(())
    }

    fn wake(&self, wakes: bool) {
        if wakes && let Some(workspace) = self.workspace.upgrade() {
            workspace.wake();
        }
    }

    /// A refusal for what is not known here, while the workspace may know better: this control plane has just started, say,
    /// and was not told yet of the prompt that a person sees and answers.
    fn unless_behind(&self, refusal: Refusal) -> Refusal {
        let runs = |phase: &Phase| matches!(phase, Phase::Running {} | Phase::Starting { .. });
        let workspace_runs = self.workspace.upgrade().is_some_and(|hub| runs(&hub.status().phase));
        let of_the_log = matches!(refusal.code, ErrorCode::PromptClosed | ErrorCode::Conflict);
        if !of_the_log || !workspace_runs || self.lock().core.is_caught_up() {
            return refusal;
        }
        let message = "the workspace has not told yet how things stand; nothing was changed".to_owned();
        Refusal { code: ErrorCode::Unavailable, message }
    }

    /// Changes a message that waits.
    ///
    /// # Errors
    /// When it no longer waits, or the change can't be kept.
    pub async fn change(
        self: &Arc<Self>,
        change: impl FnOnce(&Outbox) -> Result<Vec<Item>, Refusal> + Send,
    ) -> Result<(), Refusal> {
        let turn = self.turn().await?;
        let commit = self.lock().core.change(change, clock::now())?;
        self.commit(turn, commit, true).await.map_err(cant)
    }

    /// Changes what the conversation should run with.
    ///
    /// # Errors
    /// When it can't be kept.
    pub async fn configure(self: &Arc<Self>, settings: Settings) -> Result<(), Refusal> {
        let turn = self.turn().await?;
        let commit = self.lock().core.configure(settings, clock::now());
        match commit {
            Some(commit) => self.commit(turn, commit, true).await.map_err(cant),
            None => Ok(()),
        }
    }

    /// Lets operators read the conversation until then, or no more. The deed is written down before it is so, if it changes
    /// anything; both happen, whether or not the caller waits for that.
    ///
    /// # Errors
    /// When it can't be kept.
    pub async fn grant(
        self: &Arc<Self>,
        until: Option<Millis>,
        deed: AuditEntry,
    ) -> Result<ConversationRecord, Refusal> {
        let gone = || cant(StoreError::NotFound);
        let workspace = self.workspace.upgrade().ok_or_else(gone)?;
        let hub = Arc::clone(self);
        let done = workspace.tasks().spawn(async move { hub.grant_in_turn(until, &deed).await });
        done.await.map_err(|error| cant(StoreError::Unavailable(Box::new(error))))?
    }

    async fn grant_in_turn(
        self: Arc<Self>,
        until: Option<Millis>,
        deed: &AuditEntry,
    ) -> Result<ConversationRecord, Refusal> {
        let turn = self.turn().await?;
        let (known, now) = (self.record(), clock::now());
        let commit = self.lock().core.grant(until, now);
        if let Some(commit) = commit {
            if until.is_some() || known.is_granted(now) {
                self.store.append_audit(deed).await.map_err(cant)?;
            }
            self.carry_out(turn, commit, true).await.map_err(cant)?;
        }
        Ok(self.record())
    }

    /// Gives the conversation a title.
    ///
    /// # Errors
    /// When it can't be kept.
    pub async fn rename(self: &Arc<Self>, title: String) -> Result<ConversationRecord, Refusal> {
        let turn = self.turn().await?;
        let commit = self.lock().core.rename(title, clock::now());
        self.commit(turn, commit, true).await.map_err(cant)?;
        Ok(self.record())
    }

    /// Adds a notice at the log's end.
    pub async fn notice(self: &Arc<Self>, what: NoticeKind) {
        let after = self.lock().core.end();
        self.notice_after(after, what).await;
    }

    /// Adds a notice after an event.
    pub async fn notice_after(self: &Arc<Self>, after: Position, what: NoticeKind) {
        if let Err(error) = self.add_notice(after, what).await {
            tracing::warn!(conversation = %self.id, %error, "a notice can't be kept");
        }
    }

    async fn add_notice(self: &Arc<Self>, after: Position, what: NoticeKind) -> Result<(), StoreError> {
        let turn = self.hold_soon().await?;
        if self.lock().core.is_deleted() {
            return Ok(());
        }
        let commit = self.lock().core.notice(after, what, clock::now());
        self.commit(turn, commit, false).await
    }

    /// Waits for the conversation's turn to write.
    async fn turn(&self) -> Result<Turn, Refusal> {
        let refuse = |code, message: &str| Refusal { code, message: message.to_owned() };
        let turn = self.hold_soon().await;
        let turn =
            turn.map_err(|_| refuse(ErrorCode::Unavailable, "the store is slow; nothing was changed"))?;
        if self.lock().core.is_deleted() {
            return Err(refuse(ErrorCode::NotFound, "the conversation was deleted"));
        }
        Ok(turn)
    }

    /// Has the store do it, whether or not the caller waits for that: a commit that nobody heard of would be taken for
    /// somebody else's.
    async fn commit(self: &Arc<Self>, turn: Turn, commit: Commit, shown: bool) -> Result<(), StoreError> {
        let Some(workspace) = self.workspace.upgrade() else { return Err(StoreError::NotFound) };
        let hub = Arc::clone(self);
        let done = workspace.tasks().spawn(async move { hub.carry_out(turn, commit, shown).await });
        done.await.map_err(|error| StoreError::Unavailable(Box::new(error)))?
    }

    /// Has the store do it, then everyone who follows know.
    async fn carry_out(self: &Arc<Self>, turn: Turn, commit: Commit, shown: bool) -> Result<(), StoreError> {
        match self.store.commit(&commit).await {
            Ok(()) => {}
            Err(error @ StoreError::NotFound) => {
                if let Some(workspace) = self.workspace.upgrade() {
                    workspace.conversation_deleted(self.id);
                }
                return Err(error);
            }
            Err(error @ StoreError::Conflict) => {
                self.overtaken(&error);
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        let workspace = self.workspace.upgrade();
        if let Some(workspace) = &workspace {
            workspace.note_summary(self.id, commit.record.version, &commit.record.summary);
        }
        let (view, more) = {
            let mut state = self.lock();
            let messages = state.core.committed(commit);
            state.tell(messages);
            (shown.then(|| state.core.record().view()), state.core.has_to_store())
        };
        drop(turn);
        if more {
            self.keep_committing();
        }
        match (workspace, view) {
            (Some(workspace), Some(view)) => workspace.list_changed(view),
            (Some(workspace), None) => workspace.beat(),
            (None, _) => {}
        }
        Ok(())
    }

    /// Another control plane owns the conversation, or a commit that was called failed was not. What is here is old: whoever wants the conversation reads it from the store again.
    fn overtaken(self: &Arc<Self>, error: &StoreError) {
        tracing::error!(conversation = %self.id, %error, "the conversation's record is not as it was left");
        {
            let mut state = self.lock();
            state.core.overtaken();
            if let Some(link) = state.link.take() {
                link.close();
            }
        }
        if let Some(workspace) = self.workspace.upgrade() {
            workspace.let_go(self);
        }
    }

    // The link.

    /// A link came up; the journal behind it ends at `journal`, if there is one.
    pub fn linked(self: &Arc<Self>, link: Link, journal: Option<Position>) {
        let more = {
            let mut state = self.lock();
            let messages = state.core.linked(link.generation(), journal);
            state.link = Some(link);
            state.tell(messages);
            state.core.has_to_store()
        };
        if more {
            self.keep_committing();
        }
        // Viewers that are ahead of the log learn that it has all there is.
        self.beat();
    }

    /// A newer link is on its way up: what earlier ones still say does not count. Returns once what they said before is
    /// in the store.
    pub(super) async fn superseded(&self, generation: u64) {
        self.lock().core.superseded(generation);
        self.urgent.notify_waiters();
        self.wait_until_stored().await;
    }

    /// The link went down.
    pub fn unlinked(&self, generation: u64) {
        let mut state = self.lock();
        state.core.unlinked(generation);
        if state.link.as_ref().is_some_and(|link| link.generation() == generation) {
            state.link = None;
        }
    }

    /// The workspace is gone: nothing is live any more.
    pub fn workspace_lost(&self) {
        self.lock().core.workspace_lost(clock::now());
        self.beat();
    }

    /// Deletes the conversation, with all that belongs to it. Nothing is written to it meanwhile, nor after.
    ///
    /// # Errors
    /// When the store can't.
    pub async fn delete(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(workspace) = self.workspace.upgrade() else { return Err(StoreError::NotFound) };
        let hub = Arc::clone(self);
        let owner = Arc::clone(&workspace);
        let deleted = workspace.tasks().spawn(async move {
            let turn = hub.hold().await;
            hub.store.delete_conversation(hub.id).await?;
            owner.conversation_deleted(hub.id);
            drop(turn);
            Ok(())
        });
        deleted.await.map_err(|error| StoreError::Unavailable(Box::new(error)))?
    }

    /// The conversation was deleted.
    pub fn deleted(&self) {
        self.lock().core.deleted();
    }
}

/// How long it is until a conversation's moment comes next.
fn until_moment(id: ConversationId) -> Duration {
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    let [.., last] = id.0.into_bytes();
    let own = GATHER / MOMENTS * (u32::from(last) % MOMENTS);
    let gone = BEGINNING.elapsed().as_nanos() % GATHER.as_nanos();
    let gone = Duration::from_nanos_u128(gone);
    if own > gone { own - gone } else { own + GATHER - gone }
}

/// A failure of the store, as a person is told.
fn cant(error: StoreError) -> Refusal {
    let code = match &error {
        StoreError::NotFound => ErrorCode::NotFound,
        StoreError::Exhausted(_) => ErrorCode::TooMany,
        // After a conflict the conversation is read anew: asking again helps.
        StoreError::Conflict
        | StoreError::Full(_)
        | StoreError::Unavailable(_)
        | StoreError::Malformed(_) => ErrorCode::Unavailable,
    };
    tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "a person's request can't be kept");
    Refusal { code, message: "nothing was changed".to_owned() }
}
