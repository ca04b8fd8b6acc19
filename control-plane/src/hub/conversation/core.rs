//! The rules of one conversation's hub, without I/O: what is taken from a link, what is to be committed, what is to be
//! handed over, what viewers may read.
//!
//! Nothing becomes true by being asked. A method that changes what must outlive the process returns the [`Commit`] that
//! would do it; the shell has the store do it, one at a time, and tells [`Core::committed`]. Events are the exception:
//! viewers see them as soon as they have come, and the store follows ([`Core::next_to_store`]).

use std::collections::{HashSet, VecDeque};

use protocol::close::ErrorCode;
use protocol::event::{Person, SettingsChange};
use protocol::frame::Events;
use protocol::limits::{LINK_FRAME_BYTES, SEGMENT_BYTES, UNSTORED_BYTES};
use protocol::link::{Activity, ActivityKind, Delivery, Delta, FromControl};
use protocol::log::{self, Take};
use protocol::notice::{Notice, NoticeKind};
use protocol::outbox::{Item, ItemState, What};
use protocol::payload::short;
use protocol::settings::Settings;
use protocol::summary::{State, Summary};
use protocol::{BlockId, ConversationId, Event, EventBody, EventHeader, ItemId, Millis, Position};
use serde::Deserialize;

use super::super::live::Live;
use super::super::ring::{AtHand, Ring};
use crate::outbox::{Outbox, Refusal, Stamp};
use crate::store::records::{Commit, ConversationRecord, Segment};

/// Changes of the outbox, and notices, that are kept in memory for viewers that follow.
const RECENT: usize = 256;
/// What the outbox's changes that are kept so may take in all; a viewer that lags further behind reads the store.
const RECENT_BYTES: usize = 1024 * 1024;
/// Events that may be held here while the store lacks them: what a workspace-agent may send ahead, and the frame with which
/// it got there. One that sends more does not keep to its bound.
const MOST_UNSTORED: usize = UNSTORED_BYTES + LINK_FRAME_BYTES;
/// How long a title made from a message may be, in bytes.
const TITLE_BYTES: usize = 120;

/// One conversation.
#[derive(Debug)]
pub struct Core {
    /// What is in the store.
    record: ConversationRecord,
    outbox: Outbox,
    pub(in crate::hub) ring: Ring,
    pub(in crate::hub) at_hand: AtHand,
    /// The epochs that began while we looked, each with its first event.
    epochs: VecDeque<Position>,
    /// The fold of everything in the ring's log, stored or not.
    fold: Summary,
    pub(in crate::hub) live: Live,
    pub(in crate::hub) recent_items: VecDeque<Item>,
    /// Outbox changes up to here may be missing from `recent_items`.
    pub(in crate::hub) items_from: u64,
    pub(in crate::hub) recent_notices: VecDeque<Notice>,
    pub(in crate::hub) notices_from: u64,
    deleted: bool,
    /// Someone else writes this conversation's record: what is here is old.
    overtaken: bool,
    /// Events that are not in the store yet.
    pending: VecDeque<Pending>,
    /// How many bytes of events are not in the store yet.
    unstored: usize,
    /// What [`Core::next_to_store`] gave out.
    storing: Option<Pending>,
    /// Items that are dealt with without a trace in the log, and how, until the store has it.
    settled: Vec<(ItemId, Option<ErrorCode>)>,
    /// What a person wants the conversation to run with and the log does not say yet: until it does, what it says is older.
    wish: Option<Settings>,
    link: Option<LinkUp>,
    /// Links with a lower number say nothing any more.
    newest_link: u64,
}

/// A link that is up.
#[derive(Debug)]
struct LinkUp {
    generation: u64,
    /// The journal's end when the link came up: before the log has reached it nobody knows what was delivered.
    journal: Position,
    /// What this link was handed.
    had: HashSet<ItemId>,
}

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
    /// More than may be sent ahead of what the store acknowledged.
    #[error("{0} bytes of events would not be stored yet; {MOST_UNSTORED} are allowed")]
    TooFarAhead(usize),
}

impl Core {
    /// A conversation as the store has it, and how much of its log is to be at hand.
    pub fn new(record: ConversationRecord, items: Vec<Item>, at_hand: AtHand) -> Self {
        Self {
            outbox: Outbox::new(items, record.outbox_rev, record.outbox_seq),
            ring: Ring::new(record.end, at_hand.ring),
            at_hand,
            epochs: VecDeque::new(),
            fold: record.summary.clone(),
            live: Live::default(),
            recent_items: VecDeque::new(),
            items_from: record.outbox_rev,
            recent_notices: VecDeque::new(),
            notices_from: record.notice,
            deleted: false,
            overtaken: false,
            pending: VecDeque::new(),
            unstored: 0,
            storing: None,
            settled: Vec::new(),
            wish: None,
            link: None,
            newest_link: 0,
            record,
        }
    }

    /// Which conversation.
    pub const fn id(&self) -> ConversationId {
        self.record.id
    }

    /// The record as the store has it.
    pub const fn record(&self) -> &ConversationRecord {
        &self.record
    }

    /// The outbox as the store has it.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What the log comes to, events that are not stored yet among them.
    pub const fn summary(&self) -> &Summary {
        &self.fold
    }

    /// The log's end, events that are not stored yet among them.
    pub const fn end(&self) -> Position {
        self.ring.end()
    }

    /// Whether the event at this place is another one now: an epoch has begun at it, or before.
    pub fn began_anew(&self, place: Position) -> bool {
        self.epochs.iter().any(|began| began.epoch > place.epoch && began.n <= place.n)
    }

    /// Whether it was deleted.
    pub const fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Whether someone else writes the record, so that what is here is old and has to be read from the store again.
    pub const fn is_overtaken(&self) -> bool {
        self.overtaken
    }

    /// Whether everything that came is in the store.
    pub fn is_stored(&self) -> bool {
        self.pending.is_empty() && self.storing.is_none() && self.settled.is_empty()
    }

    /// Whether what is to be committed may wait for more: nobody's message, prompt or state hangs on it, and the journal has
    /// it. Viewers have read it already.
    pub fn can_wait(&self) -> bool {
        let idle = self.pending.iter().all(|pending| pending.folded.is_empty());
        idle && !self.pending.is_empty()
            && self.unstored < SEGMENT_BYTES / 2
            && self.storing.is_none()
            && self.settled.is_empty()
            && self.link.is_some()
            && !self.has_to_hand()
    }

    /// Whether there is something to commit that nobody asked for.
    pub fn has_to_store(&self) -> bool {
        !self.is_stored() || self.has_to_hand()
    }

    /// Whether nothing would be lost if it were forgotten here and read from the store again.
    pub fn is_quiet(&self) -> bool {
        self.is_stored() && self.fold.state == State::Idle && self.outbox.is_empty() && self.live.is_quiet()
    }

    /// The message whose turn a stop means: the one that Claude works on, or is about to.
    pub fn to_stop(&self) -> Option<ItemId> {
        self.fold.current.or_else(|| self.outbox.next_turn())
    }

    // What the workspace-agent says. A link that was superseded says nothing any more.

    /// Takes events: viewers may read them at once, the store gets them next. Returns whether there is something new.
    ///
    /// # Errors
    /// When they don't continue the log, or there is no room for them. Nothing of them is taken then.
    pub fn take_events(&mut self, link: u64, frame: &Events<'_>) -> Result<bool, LogFault> {
        if !self.is_linked(link) {
            return Ok(false);
        }
        let end = self.ring.end();
        let skip = match log::take(end, frame.epoch, frame.first, frame.events.len() as u64) {
            Take::After(skip) => usize::try_from(skip).unwrap_or(usize::MAX),
            Take::Known => return Ok(false),
            Take::Gap => return Err(LogFault::Gap { end, first: frame.first }),
            Take::Stale => return Err(LogFault::Stale(frame.epoch)),
        };
        let fresh = frame.events.get(skip..).unwrap_or_default();
        let bytes: usize = fresh.iter().map(|(_, json)| json.len() + 1).sum();
        if self.unstored + bytes > MOST_UNSTORED {
            return Err(LogFault::TooFarAhead(self.unstored + bytes));
        }
        let folded = fold(fresh)?;
        self.unstored += bytes;
        self.publish(frame.epoch, fresh, &folded);
        let first = frame.first + skip as u64;
        self.pending.push_back(Pending { segment: segment(frame.epoch, first, fresh), folded });
        Ok(true)
    }

    /// Takes live text.
    pub fn take_delta(&mut self, link: u64, delta: Delta) {
        if self.is_linked(link) {
            self.live.append(delta);
        }
    }

    /// Takes back live text that will never be final.
    pub fn retract(&mut self, link: u64, block: Option<&BlockId>) {
        if self.is_linked(link) {
            self.live.retract(block);
        }
    }

    /// The conversation does something else.
    pub fn take_activity(&mut self, link: u64, activity: Activity) {
        if self.is_linked(link) {
            self.live.set_activity(activity);
        }
    }

    /// An item is dealt with without a trace in the log.
    pub fn settled(&mut self, link: u64, item: ItemId, refused: Option<ErrorCode>) {
        let known = self.settled.iter().any(|(settled, _)| *settled == item);
        if self.is_linked(link) && self.outbox.contains(item) && !known {
            self.settled.push((item, refused));
        }
    }

    fn publish(&mut self, epoch: u64, events: &[(EventHeader, &str)], folded: &[Event]) {
        let end = self.ring.end();
        if epoch != end.epoch {
            self.epochs.push_back(Position { epoch, n: end.n + 1 });
            if self.epochs.len() > RECENT {
                self.epochs.pop_front();
            }
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

    // What people want.

    /// Keeps a new item. Its id must not be in the store.
    ///
    /// # Errors
    /// When it makes no sense any more.
    pub fn add(&self, item: ItemId, by: Person, what: What, now: Millis) -> Result<Commit, Refusal> {
        let title = title_of(&what).filter(|_| self.record.title.is_empty());
        let stamp = Stamp { by, at: now, after: self.ring.end() };
        let fresh = self.outbox.add(item, what, stamp, &self.fold)?;
        Ok(self.commit_items(vec![fresh], now, |record| {
            if let Some(title) = title {
                record.title = title;
            }
        }))
    }

    /// Changes a message that waits.
    ///
    /// # Errors
    /// When it no longer waits.
    pub fn change(
        &self,
        change: impl FnOnce(&Outbox) -> Result<Vec<Item>, Refusal>,
        now: Millis,
    ) -> Result<Commit, Refusal> {
        Ok(self.commit_items(change(&self.outbox)?, now, |_| {}))
    }

    /// Changes what the conversation should run with; `None` if that is so already.
    pub fn configure(&self, settings: Settings, now: Millis) -> Option<Commit> {
        let new = self.record.settings != settings;
        new.then(|| self.commit_items(Vec::new(), now, |record| record.settings = settings))
    }

    /// Lets operators read the conversation until then, or no more; `None` if that is so already.
    pub fn grant(&self, until: Option<Millis>, now: Millis) -> Option<Commit> {
        let new = self.record.granted_until != until;
        new.then(|| self.commit_items(Vec::new(), now, |record| record.granted_until = until))
    }

    /// Gives the conversation a title.
    pub fn rename(&self, title: String, now: Millis) -> Commit {
        self.commit_items(Vec::new(), now, |record| record.title = title)
    }

    /// Adds a notice after an event.
    pub fn notice(&self, after: Position, what: NoticeKind, now: Millis) -> Commit {
        let mut record = self.record.clone();
        record.version += 1;
        record.notice += 1;
        let notice = Notice { m: record.notice, at: now, after, what };
        Commit { record, segment: None, items: Vec::new(), notices: vec![notice] }
    }

    fn commit_items(
        &self,
        mut items: Vec<Item>,
        now: Millis,
        change: impl FnOnce(&mut ConversationRecord),
    ) -> Commit {
        let outbox = self.hand(&mut items);
        let mut record = self.record.clone();
        change(&mut record);
        finish(&mut record, &outbox, Some(now));
        Commit { record, segment: None, items, notices: Vec::new() }
    }

    // The store.

    /// The commit of the oldest events that are not stored, as far as one segment holds them (the same again for as long as
    /// it is not [committed](Core::committed)); or of what was settled, and of that without which no message may be handed
    /// over.
    pub fn next_to_store(&mut self, now: Millis) -> Option<Commit> {
        if self.deleted {
            return None;
        }
        let Some(batch) = self.storing.take().or_else(|| self.take_pending()) else {
            let items = self.outbox.settle(&self.settled);
            let some = !items.is_empty() || self.has_to_hand();
            return some.then(|| self.commit_items(items, now, |_| {}));
        };
        let mut items = self.outbox.follow(&batch.folded);
        let outbox = self.hand(&mut items);
        let mut record = self.record.clone();
        for event in &batch.folded {
            record.summary.apply(event);
            if let EventBody::SettingsChanged { settings, why } = &event.body
                && self.is_up_to_date(settings, *why)
            {
                self.wish = None;
                record.settings = why.applied(&record.settings, settings);
            }
        }
        record.end = Position { epoch: batch.segment.epoch, n: batch.segment.last };
        finish(&mut record, &outbox, (!batch.folded.is_empty()).then_some(now));
        let segment = Some(batch.segment.clone());
        self.storing = Some(batch);
        Some(Commit { record, segment, items, notices: Vec::new() })
    }

    /// Whether what the log says of the settings is not older than what a person wants. What a restart forgot is forgotten.
    fn is_up_to_date(&self, settings: &Settings, why: SettingsChange) -> bool {
        why == SettingsChange::Restarted || self.wish.as_ref().is_none_or(|wish| wish == settings)
    }

    fn take_pending(&mut self) -> Option<Pending> {
        let mut batch = self.pending.pop_front()?;
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

    /// The store did it. Returns what the link is to be told.
    pub fn committed(&mut self, commit: Commit) -> Vec<FromControl> {
        let conversation = self.id();
        let mut tell = Vec::new();
        if let Some(segment) = &commit.segment {
            self.storing = None;
            self.unstored = self.unstored.saturating_sub(segment.lines.len());
            let end = commit.record.end;
            self.ring.stored(end.n);
            tell.push(FromControl::Stored { conversation, end });
        } else if commit.record.settings != self.record.settings && self.fold.last_at > 0 {
            let settings = commit.record.settings.clone();
            self.wish = (settings != self.fold.settings).then(|| settings.clone());
            let known = Some(commit.record.end);
            tell.push(FromControl::Configure { conversation, settings, known });
        }
        self.record = commit.record;
        self.outbox.apply(&commit.items);
        self.settled.retain(|(item, _)| self.outbox.contains(*item));
        self.note_items(commit.items);
        self.note_notices(commit.notices);
        tell.retain(|_| self.link.is_some());
        tell.extend(self.hand_over());
        tell
    }

    /// The store refuses for good: the record is not as it was left here. The next hello sorts it out.
    pub fn overtaken(&mut self) {
        self.overtaken = true;
        self.pending.clear();
        self.unstored = 0;
        self.storing = None;
        self.settled.clear();
        self.link = None;
    }

    // The link.

    /// A newer link is on its way up: what earlier ones still say does not count.
    pub fn superseded(&mut self, generation: u64) {
        self.newest_link = self.newest_link.max(generation);
        self.link.take_if(|link| link.generation < generation);
    }

    /// A link came up; the journal behind it ends at `journal`, if there is one. Returns what it is to be told.
    pub fn linked(&mut self, generation: u64, journal: Option<Position>) -> Vec<FromControl> {
        if generation < self.newest_link {
            return Vec::new();
        }
        self.newest_link = generation;
        let lost = journal.is_none()
            && (self.outbox.is_under_way() || self.fold.state != State::Idle || self.fold.lent);
        self.link = Some(LinkUp { generation, journal: journal.unwrap_or_default(), had: HashSet::new() });
        let mut tell = self.hand_over();
        if lost {
            // The workspace has no journal of what it was given: it is made to open one, and says so in a new epoch.
            let (conversation, settings) = (self.id(), self.record.settings.clone());
            let known = Some(self.record.end);
            tell.push(FromControl::Configure { conversation, settings, known });
        }
        tell
    }

    /// The link went down. What it was handed may or may not have arrived: the next hello tells. A late goodbye of a
    /// superseded link changes nothing.
    pub fn unlinked(&mut self, generation: u64) {
        if self.is_linked(generation) {
            self.link = None;
        }
    }

    fn is_linked(&self, generation: u64) -> bool {
        self.link.as_ref().is_some_and(|link| link.generation == generation)
    }

    /// The workspace is gone: nothing is live any more.
    pub fn workspace_lost(&mut self, now: Millis) {
        self.live.retract(None);
        self.live.set_activity(Activity { what: ActivityKind::None {}, since: now });
    }

    /// The conversation was deleted.
    pub fn deleted(&mut self) {
        self.deleted = true;
        self.pending.clear();
        self.unstored = 0;
        self.storing = None;
        self.settled.clear();
    }

    /// Whether the log has what the journal had when the link came up. Before, nobody knows what was delivered already.
    pub fn is_caught_up(&self) -> bool {
        let end = self.record.end;
        self.link.as_ref().is_some_and(|link| end.epoch > link.journal.epoch || end.n >= link.journal.n)
    }

    /// Whether a message could be handed over, but for that this is not kept.
    fn has_to_hand(&self) -> bool {
        let link = self.link.as_ref().filter(|_| self.is_caught_up());
        link.is_some_and(|link| !self.outbox.hand(&self.fold, &link.had).is_empty())
    }

    /// Adds, to items that are to be committed, those that are to be handed over when they are. Returns the outbox as it
    /// will be.
    fn hand(&self, items: &mut Vec<Item>) -> Outbox {
        let mut outbox = self.outbox.clone();
        outbox.apply(items);
        if let Some(link) = self.link.as_ref().filter(|_| self.is_caught_up()) {
            let handed = outbox.hand(&self.fold, &link.had);
            outbox.apply(&handed);
            items.retain(|item| handed.iter().all(|other| other.id != item.id));
            items.extend(handed);
        }
        outbox
    }

    /// What the conversation is ready for, and this link has not had.
    fn hand_over(&mut self) -> Vec<FromControl> {
        if !self.is_caught_up() {
            return Vec::new();
        }
        let Some(link) = &mut self.link else { return Vec::new() };
        let now: Vec<&Item> = self.outbox.handed(&self.fold, &link.had).collect();
        let messages = now.iter().map(|item| message(&self.record, item));
        let messages = messages.collect();
        link.had.extend(now.iter().map(|item| item.id));
        messages
    }

    fn note_items(&mut self, items: Vec<Item>) {
        if let Some(link) = &mut self.link {
            for item in items.iter().filter(|item| item.state != ItemState::Saved) {
                link.had.remove(&item.id);
            }
        }
        self.recent_items.extend(items);
        let mut bytes: usize = self.recent_items.iter().map(|item| item.what.bytes()).sum();
        while (self.recent_items.len() > RECENT || bytes > RECENT_BYTES)
            && let Some(old) = self.recent_items.pop_front()
        {
            bytes -= old.what.bytes();
            self.items_from = old.rev;
        }
    }

    fn note_notices(&mut self, notices: Vec<Notice>) {
        self.recent_notices.extend(notices);
        while self.recent_notices.len() > RECENT
            && let Some(old) = self.recent_notices.pop_front()
        {
            self.notices_from = old.m;
        }
    }
}

fn finish(record: &mut ConversationRecord, outbox: &Outbox, shown_at: Option<Millis>) {
    record.version += 1;
    record.outbox_rev = outbox.rev();
    record.outbox_seq = outbox.seq();
    record.waiting = outbox.waiting();
    // Two changes in one millisecond are two: lists are told of what has another time.
    record.changed_at = shown_at.map_or(record.changed_at, |at| at.max(record.changed_at + 1));
}

fn message(record: &ConversationRecord, item: &Item) -> FromControl {
    let (by, settings) = (item.by.clone(), record.settings.clone());
    let (conversation, id, known) = (record.id, item.id, Some(record.end));
    match item.what.clone() {
        What::Message { text, steer, again_of } => FromControl::Deliver(Delivery {
            conversation,
            item: id,
            by,
            text,
            steer,
            again_of,
            settings,
            known,
        }),
        What::Answer { prompt, decision } => {
            FromControl::Answer { conversation, item: id, by, prompt, decision }
        }
        What::Stop { message } => FromControl::Stop { conversation, item: id, by, message },
        What::Continue { message } => {
            FromControl::Continue { conversation, item: id, by, message, settings, known }
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
