//! One viewer's place in one conversation.

use std::sync::Arc;
use std::time::Duration;

use protocol::frame::split_events;
use protocol::link::Activity;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::viewer::{Because, Cursor, Verdict};
use protocol::{BlockId, ConversationId, Position};
use tokio::time::Instant;

use super::conversation::{ConversationHub, Shared};
use super::live::{Known, More};
use super::ring::Line;
use crate::store::StoreError;

/// How many events a snapshot begins with. Earlier ones are asked for as history.
const SNAPSHOT_EVENTS: u64 = 200;
/// A viewer that lacks more than this gets a snapshot: it is quicker than the replay.
const REPLAY_EVENTS: u64 = 1_000;
/// Bytes of events in one frame.
const FRAME_BYTES: usize = 64 * 1024;
/// Live text is sent at once, then at most thirty times a second.
const LIVE_EVERY: Duration = Duration::from_millis(33);
/// Refused items and notices that a snapshot shows at most.
const SNAPSHOT_ITEMS: usize = 50;

/// One viewer's place in one conversation.
#[derive(Debug)]
pub struct Follow {
    hub: Arc<ConversationHub>,
    cursor: Cursor,
    known: Known,
    live_at: Instant,
    greeting: Option<Greeting>,
    items: Vec<Item>,
    notices: Vec<Notice>,
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

impl Follow {
    /// Attaches a viewer that has what its cursor says. No commit falls between what is read here and what follows.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn attach(hub: Arc<ConversationHub>, cursor: Option<Cursor>) -> Result<Self, StoreError> {
        let writer = hub.writer.lock().await;
        let end = hub.lock().ring.end();
        let verdict = verdict(cursor, end);
        let resumed = cursor.filter(|_| verdict == Verdict::Resumed {});
        let from = resumed
            .map_or_else(|| (end.n + 1).saturating_sub(SNAPSHOT_EVENTS).max(1), |cursor| cursor.log.n + 1);
        let items = hub.store().outbox(hub.id(), resumed.map(|cursor| cursor.outbox)).await?;
        let since = resumed
            .map_or(writer.record.notice.saturating_sub(SNAPSHOT_ITEMS as u64), |cursor| cursor.notice);
        let notices = hub.store().notices(hub.id(), since).await?;
        let at = Cursor {
            log: Position { epoch: resumed.map_or(end.epoch, |cursor| cursor.log.epoch), n: from - 1 },
            outbox: writer.record.outbox_rev,
            notice: writer.record.notice,
        };
        drop(writer);
        let greeting = Some(Greeting { verdict, from, end });
        Ok(Self {
            hub,
            cursor: at,
            known: Known::default(),
            live_at: Instant::now(),
            greeting,
            items,
            notices,
        })
    }

    /// Which conversation.
    pub fn conversation(&self) -> ConversationId {
        self.hub.id()
    }

    /// What to send now. The cursor is moved.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn next(&mut self) -> Result<Batch, StoreError> {
        let mut batch = Batch { greeting: self.greeting.take(), ..Batch::default() };
        let behind = self.read_shared(&mut batch);
        if let Some(first_held) = behind {
            batch.lines = self.read_store(first_held).await?;
            batch.more = true;
        }
        if let Some(last) = batch.lines.last() {
            self.cursor.log = Position { epoch: last.epoch, n: last.n };
        }
        Ok(batch)
    }

    /// Reads what the hub holds. Returns the first event held, if the viewer lacks earlier ones.
    fn read_shared(&mut self, batch: &mut Batch) -> Option<u64> {
        let shared = self.hub.lock();
        batch.deleted = shared.deleted;
        let end = shared.ring.end();
        if began_anew(&shared, self.cursor.log) && batch.greeting.is_none() {
            let from = (end.n + 1).saturating_sub(SNAPSHOT_EVENTS).max(1);
            self.cursor.log = Position { epoch: end.epoch, n: from - 1 };
            let verdict = Verdict::Snapshot { because: Because::NewEpoch };
            batch.greeting = Some(Greeting { verdict, from, end });
        }
        let Some(lines) = shared.ring.after(self.cursor.log.n, FRAME_BYTES) else {
            return Some(shared.ring.first());
        };
        batch.more = lines.last().is_some_and(|last| last.n < end.n);
        batch.lines = lines;
        if batch.more {
            // Live text belongs after the events that it follows.
            return None;
        }
        batch.gone = shared.live.news_of_gone(&mut self.known);
        batch.activity = shared.live.news_of_activity(&mut self.known);
        if shared.live.has_more(&self.known) {
            let now = Instant::now();
            if self.live_at <= now {
                batch.live = shared.live.more(&mut self.known);
                self.live_at = now + LIVE_EVERY;
            } else {
                batch.again_at = Some(self.live_at);
            }
        }
        None
    }

    /// Events after the cursor that the ring no longer holds.
    async fn read_store(&self, first_held: u64) -> Result<Vec<Line>, StoreError> {
        let after = self.cursor.log.n;
        let missing = first_held - 1 - after;
        let segments = self.hub.store().segments_before(self.hub.id(), first_held, missing).await?;
        let mut lines: Vec<Line> = Vec::new();
        let mut bytes = 0;
        for segment in segments.iter().rev() {
            let events = split_events(&segment.lines, segment.first);
            let events = events.map_err(|error| StoreError::Malformed(Box::new(error)))?;
            for (header, json) in
                events.into_iter().filter(|(header, _)| header.n > after && header.n < first_held)
            {
                let one_epoch = lines.first().is_none_or(|first| first.epoch == segment.epoch);
                if !one_epoch || (bytes > 0 && bytes + json.len() > FRAME_BYTES) {
                    return Ok(lines);
                }
                bytes += json.len();
                lines.push(Line { epoch: segment.epoch, n: header.n, json: json.into() });
            }
        }
        if lines.is_empty() {
            return Err(StoreError::Malformed(
                format!("events after {after} are missing in the store").into(),
            ));
        }
        Ok(lines)
    }

    /// Outbox items and notices that the viewer lacks.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn records(&mut self) -> Result<Records, StoreError> {
        let mut records = Records { items: None, notices: std::mem::take(&mut self.notices) };
        let attached = std::mem::take(&mut self.items);
        if !attached.is_empty() {
            records.items = Some((attached, self.cursor.outbox));
        }
        let (items, notices, lost) = {
            let shared = self.hub.lock();
            let items = shared.recent_items.iter().filter(|item| item.rev > self.cursor.outbox).cloned();
            let notices =
                shared.recent_notices.iter().filter(|notice| notice.m > self.cursor.notice).cloned();
            let lost = shared.items_from > self.cursor.outbox || shared.notices_from > self.cursor.notice;
            (items.collect::<Vec<_>>(), notices.collect::<Vec<_>>(), lost)
        };
        if lost {
            let (items, rev) = self.changed_items().await?;
            records.items = Some((items, rev));
            self.cursor.outbox = rev;
            records.notices.extend(self.hub.store().notices(self.hub.id(), self.cursor.notice).await?);
        } else {
            if let Some(last) = items.iter().map(|item| item.rev).max() {
                self.cursor.outbox = last;
                let mut all = records.items.take().map(|(items, _)| items).unwrap_or_default();
                all.extend(items);
                records.items = Some((all, last));
            }
            records.notices.extend(notices);
        }
        if let Some(last) = records.notices.last() {
            self.cursor.notice = self.cursor.notice.max(last.m);
        }
        Ok(records)
    }

    async fn changed_items(&self) -> Result<(Vec<Item>, u64), StoreError> {
        let writer = self.hub.writer.lock().await;
        let items = self.hub.store().outbox(self.hub.id(), Some(self.cursor.outbox)).await?;
        Ok((items, writer.record.outbox_rev))
    }
}

/// What a viewer with this cursor gets from a log that ends here.
fn verdict(cursor: Option<Cursor>, end: Position) -> Verdict {
    let Some(Cursor { log, .. }) = cursor else { return Verdict::Snapshot { because: Because::First } };
    if log.epoch != end.epoch && log.n > 0 && end.n > 0 {
        return Verdict::Snapshot { because: Because::NewEpoch };
    }
    // A cursor ahead of the log is no fault: this control plane was restarted, and the journal will catch up.
    if end.n > log.n + REPLAY_EVENTS {
        return Verdict::Snapshot { because: Because::TooFarBehind };
    }
    Verdict::Resumed {}
}

/// Whether the log went on in a new epoch from before where the viewer is: what it has may differ.
fn began_anew(shared: &Shared, log: Position) -> bool {
    shared.ring.end().epoch != log.epoch && shared.epoch_from.is_some_and(|from| log.n >= from)
}
