//! One conversation: where its three streams meet.
//!
//! Two locks, always in this order. `writer` (held across a commit) guards what is in the store: record and outbox.
//! `shared` (never held across an await) guards what viewers read: the ring, what is live, what changed lately.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::frame::Events;
use protocol::limits::SEGMENT_BYTES;
use protocol::link::{Activity, ActivityKind, Delivery, Delta, FromControl};
use protocol::log::{self, Take};
use protocol::notice::{Notice, NoticeKind};
use protocol::outbox::{Item, ItemState, What};
use protocol::payload::short;
use protocol::settings::Settings;
use protocol::summary::{State, Summary};
use protocol::{BlockId, ConversationId, Event, EventBody, EventHeader, ItemId, Position};
use serde::Deserialize;
use tokio::sync::MutexGuard as WriterGuard;

use super::live::Live;
use super::ring::Ring;
use super::workspace::WorkspaceHub;
use crate::clock;
use crate::links::Link;
use crate::outbox::{Outbox, Refusal, Stamp};
use crate::store::records::{Commit, ConversationRecord, Segment};
use crate::store::{Store, StoreError};

/// How long a person's request may wait for the conversation's turn to write.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first wait before a failed commit of events is tried again; it doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// Changes of the outbox, and notices, that are kept in memory for viewers that follow.
const RECENT: usize = 256;
/// How long a title made from a message may be, in bytes.
const TITLE_BYTES: usize = 120;

/// One conversation.
#[derive(Debug)]
pub struct ConversationHub {
    id: ConversationId,
    workspace: Weak<WorkspaceHub>,
    store: Arc<dyn Store>,
    pub(super) writer: tokio::sync::Mutex<Writer>,
    shared: Mutex<Shared>,
}

/// What is in the store.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) record: ConversationRecord,
    pub(super) outbox: Outbox,
}

/// What viewers read.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ring: Ring,
    /// The first event of the current epoch, if it began while we looked.
    pub(super) epoch_from: Option<u64>,
    /// The fold of everything in the ring's log, stored or not.
    pub(super) fold: Summary,
    pub(super) live: Live,
    pub(super) recent_items: VecDeque<Item>,
    /// Outbox changes up to here may be missing from `recent_items`.
    pub(super) items_from: u64,
    pub(super) recent_notices: VecDeque<Notice>,
    pub(super) notices_from: u64,
    pub(super) deleted: bool,
    pending: VecDeque<Pending>,
    committing: bool,
    link: Option<Link>,
    /// The journal's end when the link came up: before the log has reached it nobody knows what was delivered.
    journal: Position,
    /// What this link was handed.
    handed: HashSet<ItemId>,
}

/// Events that are not in the store yet.
#[derive(Debug)]
struct Pending {
    segment: Segment,
    folded: Vec<Event>,
}

/// Why what a workspace-agent sent can't be taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogFault {
    /// Events are missing in between.
    #[error("events after {end:?} are missing before {first}")]
    Gap {
        /// The log's end.
        end: Position,
        /// The first event that was sent.
        first: u64,
    },
    /// They belong to an epoch that is over.
    #[error("epoch {0} is over")]
    Stale(u64),
    /// An event of a kind that matters can't be understood.
    #[error("event {0} is malformed")]
    Malformed(u64),
}

impl ConversationHub {
    /// A conversation as the store has it.
    pub fn new(
        workspace: Weak<WorkspaceHub>,
        store: Arc<dyn Store>,
        record: ConversationRecord,
        items: Vec<Item>,
    ) -> Self {
        let shared = Shared {
            ring: Ring::new(record.end),
            epoch_from: None,
            fold: record.summary.clone(),
            live: Live::default(),
            recent_items: VecDeque::new(),
            items_from: record.outbox_rev,
            recent_notices: VecDeque::new(),
            notices_from: record.notice,
            deleted: false,
            pending: VecDeque::new(),
            committing: false,
            link: None,
            journal: Position::default(),
            handed: HashSet::new(),
        };
        let outbox = Outbox::new(items, record.outbox_rev, record.outbox_seq);
        let id = record.id;
        let writer = tokio::sync::Mutex::new(Writer { record, outbox });
        Self { id, workspace, store, writer, shared: Mutex::new(shared) }
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
    pub fn state(&self) -> State {
        self.lock().fold.state
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub fn take_events(self: &Arc<Self>, frame: &Events<'_>) -> Result<(), LogFault> {
        let mut shared = self.lock();
        let end = shared.ring.end();
        let skip = match log::take(end, frame.epoch, frame.first, frame.events.len() as u64) {
            Take::After(skip) => usize::try_from(skip).unwrap_or(usize::MAX),
            Take::Known => return Ok(()),
            Take::Gap => return Err(LogFault::Gap { end, first: frame.first }),
            Take::Stale => return Err(LogFault::Stale(frame.epoch)),
        };
        let fresh = frame.events.get(skip..).unwrap_or_default();
        let folded = fold(fresh)?;
        shared.publish(frame.epoch, fresh, &folded);
        let first = frame.first + skip as u64;
        shared.pending.push_back(Pending { segment: segment(frame.epoch, first, fresh), folded });
        let idle = !std::mem::replace(&mut shared.committing, true);
        drop(shared);
        self.beat();
        if idle && let Some(workspace) = self.workspace.upgrade() {
            workspace.tasks().spawn(Arc::clone(self).commit_pending());
        }
        Ok(())
    }

    /// Live text.
    pub fn take_delta(&self, delta: Delta) {
        self.lock().live.append(delta);
        self.beat();
    }

    /// Live text that will never be final.
    pub fn retract(&self, block: Option<&BlockId>) {
        self.lock().live.retract(block);
        self.beat();
    }

    /// The conversation does something else.
    pub fn take_activity(&self, activity: Activity) {
        self.lock().live.set_activity(activity);
        self.beat();
    }

    /// An item is dealt with without a trace in the log.
    pub async fn settled(&self, item: ItemId, refused: Option<ErrorCode>) {
        let mut writer = self.writer.lock().await;
        let Some(changed) = writer.outbox.settle(item, refused) else { return };
        if let Err(error) = self.commit_items(&mut writer, vec![changed], |_| {}).await {
            tracing::warn!(conversation = %self.id, %error, "an item's end can't be kept; it will be asked again");
        }
    }

    /// Writes pending events to the store until there are none.
    async fn commit_pending(self: Arc<Self>) {
        let mut retry = FIRST_RETRY;
        loop {
            let mut writer = self.writer.lock().await;
            let Some(batch) = self.lock().take_pending() else { return };
            let last = batch.segment.last;
            match self.commit_events(&mut writer, &batch).await {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    self.hand_over(&writer);
                }
                Err(error @ (StoreError::NotFound | StoreError::Conflict)) => {
                    // Deleted, or another control plane owns it now. The link's next hello sorts it out.
                    tracing::error!(conversation = %self.id, last, %error, "events can't be stored");
                    self.lock().give_up();
                    return;
                }
                Err(error) => {
                    drop(writer);
                    tracing::error!(conversation = %self.id, last, %error, "events can't be stored yet");
                    self.lock().pending.push_front(batch);
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
        }
    }

    async fn commit_events(&self, writer: &mut Writer, batch: &Pending) -> Result<(), StoreError> {
        let items = writer.outbox.follow(&batch.folded);
        let mut outbox = writer.outbox.clone();
        outbox.apply(&items);
        let mut record = writer.record.clone();
        for event in &batch.folded {
            record.summary.apply(event);
            if let EventBody::SettingsChanged { settings, .. } = &event.body {
                record.settings = settings.clone();
            }
        }
        let shown = !batch.folded.is_empty();
        record.end = Position { epoch: batch.segment.epoch, n: batch.segment.last };
        self.finish_record(&mut record, &outbox, shown);
        let commit = Commit {
            record: record.clone(),
            segment: Some(batch.segment.clone()),
            items: items.clone(),
            notices: Vec::new(),
        };
        self.store.commit(&commit).await?;
        writer.record = record;
        writer.outbox = outbox;
        let end = writer.record.end;
        let link = {
            let mut shared = self.lock();
            shared.ring.stored(end.n);
            shared.note_items(&items);
            shared.link.clone()
        };
        if let Some(link) = link {
            link.send(FromControl::Stored { conversation: self.id, end });
        }
        if shown {
            self.show(&writer.record);
        }
        Ok(())
    }

    // What people want.

    /// Keeps a new item and has it handed over. Sending an item again changes nothing.
    ///
    /// # Errors
    /// When it makes no sense any more, or can't be kept.
    pub async fn add(&self, item: ItemId, by: Person, what: What) -> Result<(), Refusal> {
        let mut writer = self.write().await?;
        let known = writer.outbox.contains(item)
            || self.store.outbox_item(self.id, item).await.map_err(cant)?.is_some();
        if known {
            return Ok(());
        }
        let (fold, after) = {
            let shared = self.lock();
            (shared.fold.clone(), shared.ring.end())
        };
        let title = title_of(&what);
        let wakes = matches!(what, What::Message { .. } | What::Continue { .. });
        let fresh = writer.outbox.add(item, what, Stamp { by, at: clock::now(), after }, &fold)?;
        let name = |record: &mut ConversationRecord| {
            if let Some(title) = title.filter(|_| record.title.is_empty()) {
                record.title = title;
            }
        };
        self.commit_items(&mut writer, vec![fresh], name).await.map_err(cant)?;
        self.hand_over(&writer);
        if wakes && let Some(workspace) = self.workspace.upgrade() {
            workspace.wake();
        }
        Ok(())
    }

    /// Changes a message that waits.
    ///
    /// # Errors
    /// When it no longer waits, or the change can't be kept.
    pub async fn change(
        &self,
        item: ItemId,
        change: impl FnOnce(&Outbox) -> Result<Vec<Item>, Refusal>,
    ) -> Result<(), Refusal> {
        let mut writer = self.write().await?;
        if self.lock().handed.contains(&item) {
            let message = "the message is on its way already".to_owned();
            return Err(Refusal { code: ErrorCode::Conflict, message });
        }
        let changed = change(&writer.outbox)?;
        self.commit_items(&mut writer, changed, |_| {}).await.map_err(cant)?;
        self.hand_over(&writer);
        Ok(())
    }

    /// Changes what the conversation should run with.
    ///
    /// # Errors
    /// When it can't be kept.
    pub async fn configure(&self, settings: Settings) -> Result<(), Refusal> {
        let mut writer = self.write().await?;
        if writer.record.settings == settings {
            return Ok(());
        }
        let wanted = settings.clone();
        self.commit_items(&mut writer, Vec::new(), |record| record.settings = wanted).await.map_err(cant)?;
        let shared = self.lock();
        if let Some(link) = shared.link.as_ref().filter(|_| shared.fold.last_at > 0) {
            link.send(FromControl::Configure { conversation: self.id, settings });
        }
        Ok(())
    }

    /// Gives the conversation a title.
    ///
    /// # Errors
    /// When it can't be kept.
    pub async fn rename(&self, title: String) -> Result<ConversationRecord, Refusal> {
        let mut writer = self.write().await?;
        self.commit_items(&mut writer, Vec::new(), |record| record.title = title).await.map_err(cant)?;
        Ok(writer.record.clone())
    }

    /// The record as the store has it.
    pub async fn record(&self) -> ConversationRecord {
        self.writer.lock().await.record.clone()
    }

    /// Whether messages wait to be delivered.
    pub async fn has_waiting(&self) -> bool {
        self.writer.lock().await.outbox.waiting() > 0
    }

    /// The message whose turn a stop means: the one that Claude works on, or is about to.
    pub async fn to_stop(&self) -> Option<ItemId> {
        let writer = self.writer.lock().await;
        self.lock().fold.current.or_else(|| writer.outbox.next_turn())
    }

    /// Adds a notice at the log's end.
    pub async fn notice(&self, what: NoticeKind) {
        let after = self.lock().ring.end();
        self.notice_after(after, what).await;
    }

    /// Adds a notice after an event.
    pub async fn notice_after(&self, after: Position, what: NoticeKind) {
        let mut writer = self.writer.lock().await;
        let mut record = writer.record.clone();
        record.notice += 1;
        let notice = Notice { m: record.notice, at: clock::now(), after, what };
        self.finish_record(&mut record, &writer.outbox, false);
        let notices = vec![notice.clone()];
        let commit = Commit { record: record.clone(), segment: None, items: Vec::new(), notices };
        if let Err(error) = self.store.commit(&commit).await {
            tracing::warn!(conversation = %self.id, %error, "a notice can't be kept");
            return;
        }
        writer.record = record;
        self.lock().note_notice(notice);
        self.beat();
    }

    async fn write(&self) -> Result<WriterGuard<'_, Writer>, Refusal> {
        let busy = || Refusal {
            code: ErrorCode::Unavailable,
            message: "the store is slow; nothing was changed".to_owned(),
        };
        let writer = tokio::time::timeout(PATIENCE, self.writer.lock()).await.map_err(|_| busy())?;
        if self.lock().deleted {
            return Err(Refusal {
                code: ErrorCode::NotFound,
                message: "the conversation was deleted".to_owned(),
            });
        }
        Ok(writer)
    }

    async fn commit_items(
        &self,
        writer: &mut Writer,
        items: Vec<Item>,
        change: impl FnOnce(&mut ConversationRecord),
    ) -> Result<(), StoreError> {
        let mut outbox = writer.outbox.clone();
        outbox.apply(&items);
        let mut record = writer.record.clone();
        change(&mut record);
        self.finish_record(&mut record, &outbox, true);
        let commit =
            Commit { record: record.clone(), segment: None, items: items.clone(), notices: Vec::new() };
        self.store.commit(&commit).await?;
        writer.record = record;
        writer.outbox = outbox;
        self.lock().note_items(&items);
        self.show(&writer.record);
        Ok(())
    }

    fn finish_record(&self, record: &mut ConversationRecord, outbox: &Outbox, shown: bool) {
        record.version += 1;
        record.outbox_rev = outbox.rev();
        record.outbox_seq = outbox.seq();
        record.waiting = outbox.waiting();
        if shown {
            record.changed_at = clock::now();
        }
    }

    fn show(&self, record: &ConversationRecord) {
        if let Some(workspace) = self.workspace.upgrade() {
            workspace.list_changed(record.view());
        }
    }

    // The link.

    /// A link came up; the journal behind it ends at `journal`.
    pub fn linked(self: &Arc<Self>, link: Link, journal: Position) {
        {
            let mut shared = self.lock();
            shared.link = Some(link);
            shared.journal = journal;
            shared.handed.clear();
        }
        if let Some(workspace) = self.workspace.upgrade() {
            let hub = Arc::clone(self);
            workspace.tasks().spawn(async move { hub.hand_over(&*hub.writer.lock().await) });
        }
    }

    /// The link went down. What it was handed may or may not have arrived: the next hello tells.
    pub fn unlinked(&self) {
        self.lock().link = None;
    }

    /// The workspace is gone: nothing is live any more.
    pub fn workspace_lost(&self) {
        let mut shared = self.lock();
        shared.live.retract(None);
        shared.live.set_activity(Activity { what: ActivityKind::None {}, since: clock::now() });
        drop(shared);
        self.beat();
    }

    /// The conversation was deleted.
    pub fn deleted(&self) {
        let mut shared = self.lock();
        shared.deleted = true;
        shared.pending.clear();
    }

    /// Hands over what the conversation is ready for.
    fn hand_over(&self, writer: &Writer) {
        let mut shared = self.lock();
        // Until the log has what the journal had, nobody knows what was delivered already.
        let Some(link) = shared.link.clone().filter(|_| writer.record.end.n >= shared.journal.n) else {
            return;
        };
        let now = writer.outbox.to_hand_over(&shared.fold, &shared.handed);
        let messages: Vec<(ItemId, FromControl)> =
            now.into_iter().map(|item| (item.id, self.message(item, &writer.record.settings))).collect();
        for (item, message) in messages {
            if link.send(message) {
                shared.handed.insert(item);
            }
        }
    }

    fn message(&self, item: &Item, settings: &Settings) -> FromControl {
        let (conversation, by, settings) = (self.id, item.by.clone(), settings.clone());
        let id = item.id;
        match item.what.clone() {
            What::Message { text, steer, again_of } => {
                FromControl::Deliver(Delivery { conversation, item: id, by, text, steer, again_of, settings })
            }
            What::Answer { prompt, decision } => {
                FromControl::Answer { conversation, item: id, by, prompt, decision }
            }
            What::Stop { message } => FromControl::Stop { conversation, item: id, by, message },
            What::Continue { message } => {
                FromControl::Continue { conversation, item: id, by, message, settings }
            }
        }
    }
}

impl Shared {
    fn publish(&mut self, epoch: u64, events: &[(EventHeader, &str)], folded: &[Event]) {
        let end = self.ring.end();
        if epoch != end.epoch {
            self.epoch_from = Some(end.n + 1);
        }
        for (header, json) in events {
            self.ring.push(epoch, header.n, json);
            if finishes_a_block(&header.kind)
                && let Ok(BlockOf { block }) = serde_json::from_str(json)
            {
                self.live.finish(&block);
            }
        }
        for event in folded {
            self.fold.apply(event);
        }
    }

    /// The oldest pending events, with those that follow as far as one segment holds them.
    fn take_pending(&mut self) -> Option<Pending> {
        let Some(mut batch) = self.pending.pop_front() else {
            self.committing = false;
            return None;
        };
        while let Some(next) = self.pending.front()
            && next.segment.epoch == batch.segment.epoch
            && batch.segment.lines.len() + next.segment.lines.len() <= SEGMENT_BYTES
            && let Some(next) = self.pending.pop_front()
        {
            batch.segment.last = next.segment.last;
            batch.segment.lines.extend_from_slice(&next.segment.lines);
            batch.folded.extend(next.folded);
        }
        Some(batch)
    }

    fn give_up(&mut self) {
        self.pending.clear();
        self.committing = false;
        if let Some(link) = self.link.take() {
            link.close();
        }
    }

    fn note_items(&mut self, items: &[Item]) {
        self.recent_items.extend(items.iter().cloned());
        while self.recent_items.len() > RECENT
            && let Some(old) = self.recent_items.pop_front()
        {
            self.items_from = old.rev;
        }
        for item in items.iter().filter(|item| item.state != ItemState::Saved) {
            self.handed.remove(&item.id);
        }
    }

    fn note_notice(&mut self, notice: Notice) {
        self.recent_notices.push_back(notice);
        if self.recent_notices.len() > RECENT
            && let Some(old) = self.recent_notices.pop_front()
        {
            self.notices_from = old.m;
        }
    }
}

#[derive(Deserialize)]
struct BlockOf {
    block: BlockId,
}

/// Kinds that carry a block of Claude's answer: long, frequent, and of no consequence for the summary or the outbox.
fn finishes_a_block(kind: &str) -> bool {
    matches!(kind, "text" | "thinking" | "tool_call")
}

/// Kinds that are passed on unread: those of blocks, and what this version doesn't know.
fn is_passed_on(kind: &str) -> bool {
    finishes_a_block(kind) || matches!(kind, "tool_result" | "tasks" | "background" | "note" | "opaque")
}

/// The events that change the summary or the outbox.
fn fold(events: &[(EventHeader, &str)]) -> Result<Vec<Event>, LogFault> {
    let mut folded = Vec::new();
    for (header, json) in events.iter().filter(|(header, _)| !is_passed_on(&header.kind)) {
        match serde_json::from_str(json) {
            Ok(event) => folded.push(event),
            Err(error) if error.to_string().starts_with("unknown variant") => {}
            Err(_) => return Err(LogFault::Malformed(header.n)),
        }
    }
    Ok(folded)
}

fn segment(epoch: u64, first: u64, events: &[(EventHeader, &str)]) -> Segment {
    let mut lines = Vec::with_capacity(events.iter().map(|(_, json)| json.len() + 1).sum());
    for (_, json) in events {
        lines.extend_from_slice(json.as_bytes());
        lines.push(b'\n');
    }
    Segment { epoch, first, last: first + events.len() as u64 - 1, lines }
}

/// A title made from the first message: its first line.
fn title_of(what: &What) -> Option<String> {
    let What::Message { text, .. } = what else { return None };
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(short(line, TITLE_BYTES))
}

/// A failure of the store, as a person is told.
fn cant(error: StoreError) -> Refusal {
    let code = match &error {
        StoreError::NotFound => ErrorCode::NotFound,
        StoreError::Conflict => ErrorCode::Conflict,
        StoreError::Exhausted(_) => ErrorCode::TooMany,
        StoreError::Full(_) | StoreError::Unavailable(_) | StoreError::Malformed(_) => ErrorCode::Unavailable,
    };
    tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "a person's request can't be kept");
    Refusal { code, message: "nothing was changed".to_owned() }
}
