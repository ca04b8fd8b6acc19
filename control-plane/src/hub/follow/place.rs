//! A viewer's place in a conversation, without I/O: what it gets when it attaches, what it lacks, and what has to be
//! read from the store for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::frame::split_events;
use protocol::limits::REFUSED_SHOWN;
use protocol::link::Activity;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::viewer::{Because, Cursor, Verdict};
use protocol::{BlockId, Position};

use super::super::conversation::core::Core;
use super::super::live::{Known, More};
use super::super::ring::Line;
use crate::store::StoreError;
use crate::store::records::Segment;

/// Bytes of events in one frame.
const FRAME_BYTES: usize = 64 * 1024;
/// Events that are read from the store at once for a viewer that lags: several frames' worth, so that each is read about once.
/// What was read waits here; a viewer may follow a handful of conversations.
const READ_EVENTS: u64 = 1_000;
/// How many bytes of events are read so at once. One segment may be larger, and is read again for what is left of it.
pub const READ_BYTES: usize = 256 * 1024;
/// Live text is sent at once, then at most thirty times a second.
const LIVE_EVERY: Duration = Duration::from_millis(33);
/// Notices that a snapshot shows at most.
const SNAPSHOT_NOTICES: u64 = 50;

/// When a viewer may be told more of what passes: that is bounded for the viewer, however many conversations it follows and
/// however many blocks are written at a time. Each kind comes at once if nothing of it has come lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pace {
    live: Option<Instant>,
    activity: Option<Instant>,
}

impl Pace {
    /// The slower one of two.
    pub fn and(self, other: Self) -> Self {
        Self { live: self.live.max(other.live), activity: self.activity.max(other.activity) }
    }
}

/// What an attaching viewer is told first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Greeting {
    /// What it gets.
    pub verdict: Verdict,
    /// The first event that follows.
    pub from: u64,
    /// The log's end.
    pub end: Position,
}

/// What a viewer is to be sent, in this order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// It attaches, or has to begin anew.
    pub greeting: Option<Greeting>,
    /// Consecutive events of one epoch.
    pub lines: Vec<Line>,
    /// Live blocks that will never be final.
    pub gone: Vec<BlockId>,
    /// What the conversation is doing.
    pub activity: Option<Activity>,
    /// More live text.
    pub live: Vec<More>,
    /// There is more to send at once.
    pub more: bool,
    /// When to look again for live text, if nothing else happens.
    pub again_at: Option<Instant>,
    /// The conversation was deleted.
    pub deleted: bool,
}

/// Outbox items and notices for a viewer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Records {
    /// Items and the revision that they bring the viewer to.
    pub items: Option<(Vec<Item>, u64)>,
    /// Notices.
    pub notices: Vec<Notice>,
}

/// What has to be read from the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Outbox items: those after this revision, or all that a newcomer is shown.
    pub items: Option<u64>,
    /// Notices: those after this number.
    pub notices: u64,
}

/// Events that have to be read from the store: those between `after` and `before`, as many as [`READ_BYTES`] hold, the oldest
/// of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behind {
    /// The last event that the viewer has.
    pub after: u64,
    /// An event that is not wanted.
    pub before: u64,
    /// How many there are in between.
    pub limit: u64,
}

/// One viewer's place in one conversation.
#[derive(Clone, Debug)]
pub struct Place {
    cursor: Cursor,
    known: Known,
    pace: Pace,
    greeting: Option<Greeting>,
    /// Read when it attached, and not told yet.
    items: Vec<Item>,
    notices: Vec<Notice>,
    /// Read from the store, and not sent yet: what follows the cursor.
    read: VecDeque<Line>,
    /// The revision of the outbox was told, if only that: a viewer that comes back with it is spared all before.
    rev_told: bool,
}

impl Place {
    /// What has to be read before a viewer with this cursor can attach: what it has of the outbox and the notices stays
    /// right, whatever becomes of its log. No commit may fall between this and [`Place::attach`].
    pub fn wanted(core: &Core, cursor: Option<Cursor>) -> Wanted {
        let record = core.record();
        let items = cursor.map(|cursor| cursor.outbox).filter(|rev| *rev <= record.outbox_rev);
        let notices = cursor.map(|cursor| cursor.notice).filter(|notice| *notice <= record.notice);
        let notices = notices.unwrap_or_else(|| record.notice.saturating_sub(SNAPSHOT_NOTICES));
        Wanted { items, notices }
    }

    /// Attaches a viewer that has what its cursor says, with what was [wanted](Place::wanted).
    pub fn attach(core: &Core, cursor: Option<Cursor>, items: Vec<Item>, notices: Vec<Notice>) -> Self {
        let end = core.end();
        let verdict = verdict(cursor, end, core.at_hand.replay);
        let items = if Self::wanted(core, cursor).items.is_none() { shown(items) } else { items };
        let resumed = cursor.filter(|_| verdict == Verdict::Resumed {});
        let from = resumed.map_or_else(|| snapshot_from(core), |cursor| cursor.log.n + 1);
        let at = Cursor {
            log: Position { epoch: resumed.map_or(end.epoch, |cursor| cursor.log.epoch), n: from - 1 },
            outbox: core.record().outbox_rev,
            notice: core.record().notice,
        };
        let greeting = Some(Greeting { verdict, from, end });
        let (known, pace, read) = (Known::default(), Pace::default(), VecDeque::new());
        Self { cursor: at, known, pace, greeting, items, notices, read, rev_told: false }
    }

    /// How far it has come.
    pub const fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// What to send now, and what has to be [read](Place::behind) for it first, if the viewer lags behind what is held.
    pub fn next(&mut self, core: &Core, now: Instant) -> (Batch, Option<Behind>) {
        let mut batch =
            Batch { greeting: self.greeting.take(), deleted: core.is_deleted(), ..Batch::default() };
        let end = core.end();
        if let Some(because) = self.to_begin_anew(core) {
            let from = snapshot_from(core);
            self.cursor.log = Position { epoch: end.epoch, n: from - 1 };
            let verdict = Verdict::Snapshot { because };
            batch.greeting = Some(Greeting { verdict, from, end });
            self.read.clear();
        }
        let after = self.cursor.log.n;
        let read = self.of_what_was_read();
        let Some(lines) = read.or_else(|| core.ring.after(after, FRAME_BYTES)) else {
            let before = core.ring.first().min(after + 1 + READ_EVENTS);
            batch.more = true;
            return (batch, Some(Behind { after, before, limit: before - 1 - after }));
        };
        batch.more = lines.last().is_some_and(|last| last.n < end.n);
        self.sent(&lines);
        batch.lines = lines;
        if !batch.more {
            // Live text belongs after the events that it follows.
            self.next_live(core, now, &mut batch);
        }
        (batch, None)
    }

    /// Why what the viewer has is not what the log has, if it is not.
    fn to_begin_anew(&self, core: &Core) -> Option<Because> {
        // What a control plane showed that died before the store had it comes back from the journal, unless that is lost too.
        let is_ahead = self.cursor.log.n > core.end().n && core.is_caught_up();
        let epoch = core.began_anew(self.cursor.log).then_some(Because::NewEpoch);
        epoch.or(is_ahead.then_some(Because::Ahead))
    }

    fn next_live(&mut self, core: &Core, now: Instant, batch: &mut Batch) {
        batch.gone = core.live.news_of_gone(&mut self.known);
        if core.live.has_other_activity(&self.known) && is_time(&mut self.pace.activity, now, batch) {
            batch.activity = core.live.news_of_activity(&mut self.known);
        }
        if core.live.has_more(&self.known) && is_time(&mut self.pace.live, now, batch) {
            batch.live = core.live.more(&mut self.known);
        }
    }

    /// When its viewer may be told more of what passes.
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// What its viewer was told of other conversations counts, too.
    pub const fn keep_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// The events that the ring no longer holds, from what was read, the newest segment first: a frame's worth of one epoch.
    /// What follows it is kept.
    ///
    /// # Errors
    /// When the store holds something else than what was asked for.
    pub fn behind(&mut self, behind: Behind, segments: &[Segment]) -> Result<Vec<Line>, StoreError> {
        let after = self.cursor.log.n;
        let mut lines = VecDeque::new();
        let mut bytes = 0;
        'read: for segment in segments.iter().rev() {
            let events = split_events(&segment.lines, segment.first);
            let events = events.map_err(|error| StoreError::Malformed(Box::new(error)))?;
            for (header, json) in
                events.into_iter().filter(|(header, _)| header.n > after && header.n < behind.before)
            {
                if bytes > 0 && bytes + json.len() > READ_BYTES {
                    break 'read;
                }
                bytes += json.len();
                lines.push_back(Line { epoch: segment.epoch, n: header.n, json: json.into() });
            }
        }
        if lines.front().is_none_or(|first| first.n != after + 1) {
            let missing = format!("event {} is missing in the store", after + 1);
            return Err(StoreError::Malformed(missing.into()));
        }
        self.read = lines;
        let lines = self.of_what_was_read().unwrap_or_default();
        self.sent(&lines);
        Ok(lines)
    }

    /// The next frame's worth of what was read, of one epoch; `None`: nothing is left of it.
    fn of_what_was_read(&mut self) -> Option<Vec<Line>> {
        let epoch = self.read.front()?.epoch;
        let mut bytes = 0;
        let mut lines = Vec::new();
        while let Some(line) = self.read.pop_front_if(|line| {
            line.epoch == epoch && (bytes == 0 || bytes + line.json.len() <= FRAME_BYTES)
        }) {
            bytes += line.json.len();
            lines.push(line);
        }
        if self.read.is_empty() {
            self.read = VecDeque::new();
        }
        Some(lines)
    }

    fn sent(&mut self, lines: &[Line]) {
        if let Some(last) = lines.last() {
            self.cursor.log = Position { epoch: last.epoch, n: last.n };
        }
    }

    /// Outbox items and notices that the viewer lacks, and whether it lags so far behind that they have to be
    /// [read](Place::lost).
    pub fn records(&mut self, core: &Core) -> (Records, bool) {
        if core.items_from > self.cursor.outbox || core.notices_from > self.cursor.notice {
            return (Records::default(), true);
        }
        let mut records = Records { items: None, notices: std::mem::take(&mut self.notices) };
        let mut items = std::mem::take(&mut self.items);
        items.extend(core.recent_items.iter().filter(|item| item.rev > self.cursor.outbox).cloned());
        records
            .notices
            .extend(core.recent_notices.iter().filter(|notice| notice.m > self.cursor.notice).cloned());
        self.told(items, core.record().outbox_rev, &mut records);
        (records, false)
    }

    /// The records of a viewer that lags, from what the store has after its cursor. No commit may fall between the reading
    /// and this.
    pub fn lost(&mut self, core: &Core, items: Vec<Item>, notices: Vec<Notice>) -> Records {
        let mut records = Records { items: None, notices: std::mem::take(&mut self.notices) };
        records.notices.extend(notices);
        let items = std::mem::take(&mut self.items).into_iter().chain(items).collect();
        self.told(items, core.record().outbox_rev, &mut records);
        records
    }

    fn told(&mut self, mut items: Vec<Item>, rev: u64, records: &mut Records) {
        self.cursor.outbox = rev;
        items.sort_unstable_by_key(|item| item.rev);
        let untold = !std::mem::replace(&mut self.rev_told, true);
        if untold || !items.is_empty() {
            records.items = Some((items, rev));
        }
        if let Some(last) = records.notices.last() {
            self.cursor.notice = self.cursor.notice.max(last.m);
        }
    }
}

/// Whether it is time for an update now. The next one has to wait then; and if not, the viewer comes again when it is.
fn is_time(next: &mut Option<Instant>, now: Instant, batch: &mut Batch) -> bool {
    match next.filter(|at| *at > now) {
        Some(at) => {
            batch.again_at = Some(batch.again_at.map_or(at, |other| other.min(at)));
            false
        }
        None => {
            *next = Some(now + LIVE_EVERY);
            true
        }
    }
}

/// What a newcomer is shown of the outbox: what is under way, and the newest of what was refused. In the order of their
/// revisions, so that a viewer that gets only the first of them knows how far that brings it.
fn shown(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_unstable_by_key(|item| item.rev);
    let final_ones = items.iter().filter(|item| item.state.is_final()).count();
    let mut too_old = final_ones.saturating_sub(REFUSED_SHOWN);
    items.retain(|item| {
        let drop = item.state.is_final() && too_old > 0;
        too_old -= usize::from(drop);
        !drop
    });
    items
}

/// The first event of a snapshot.
fn snapshot_from(core: &Core) -> u64 {
    (core.end().n + 1).saturating_sub(core.at_hand.snapshot).max(1)
}

/// What a viewer with this cursor gets from a log that ends here and of which so many events are replayed.
fn verdict(cursor: Option<Cursor>, end: Position, replay: u64) -> Verdict {
    let Some(Cursor { log, .. }) = cursor else { return Verdict::Snapshot { because: Because::First } };
    if log.epoch != end.epoch && log.n > 0 && end.n > 0 {
        return Verdict::Snapshot { because: Because::NewEpoch };
    }
    // A cursor ahead of the log is no fault: this control plane was restarted, and the journal will catch up.
    if end.n > log.n + replay {
        return Verdict::Snapshot { because: Because::TooFarBehind };
    }
    Verdict::Resumed {}
}
