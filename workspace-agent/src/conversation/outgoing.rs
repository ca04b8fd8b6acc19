//! What one conversation has to tell the control plane: the link's side of it.
//!
//! A shared log and cursors, not a queue: the link reads from its own place, as fast as it can, and nothing
//! piles up when it is slow or absent. Events lie in the journal; here is only where.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::bounded::clip;
use protocol::close::ErrorCode;
use protocol::frame::{Chunk, encode_chunk, encode_events};
use protocol::limits::{CHUNK_BYTES, DELTA_BYTES, LIVE_BLOCKS, LIVE_BYTES, SEGMENT_BYTES, UNSTORED_BYTES};
use protocol::link::{Activity, ActivityKind, Catalog, Delta, FromAgent, LiveKind};
use protocol::payload::clip_escaped;
use protocol::{BlockId, ConversationId, ItemId, Millis, Position, ToolUseId};
use tokio::sync::Notify;

use super::journal::medium::Medium;
use super::journal::{Span, Written, read_span};
use crate::claude::blocks::Change;

/// Items that are dealt with without a trace in the log and wait to be told. The control plane asks again for
/// what it isn't told.
const MAX_SETTLED: usize = 256;

/// [`CHUNK_BYTES`], as spans are measured.
#[expect(clippy::cast_possible_truncation, reason = "half a MiB")]
const CHUNK_LEN: u32 = CHUNK_BYTES as u32;

/// What one conversation has to tell.
#[derive(Debug)]
pub struct Outgoing {
    conversation: ConversationId,
    state: Mutex<State>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    medium: Arc<dyn Medium>,
    /// The place before the oldest event that the journal holds.
    base: Position,
    /// Where the events lie that are in the journal, in order and without holes.
    events: VecDeque<Entry>,
    /// The journal is joined to the store that this link leads to: events may be told.
    telling: bool,
    /// The store has everything up to here.
    stored: u64,
    live: Vec<LiveBlock>,
    /// Counts what was taken back, so that a cursor notices.
    live_epoch: u64,
    activity: Activity,
    settled: VecDeque<(ItemId, Option<ErrorCode>)>,
    catalog: Option<Catalog>,
    /// Counts the catalogues, so that a cursor notices another one.
    catalogs: u64,
}

/// One event's place in the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its number.
    pub n: u64,
    /// Its epoch.
    pub epoch: u64,
    /// Its JSON.
    pub span: Span,
    /// The bodies that it was cut from.
    pub bodies: Vec<([u8; 32], Span)>,
}

/// A block that is not final yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveBlock {
    /// The block.
    pub block: BlockId,
    /// What it is.
    pub what: LiveKind,
    /// The sub-agent's call that it belongs to.
    pub parent: Option<ToolUseId>,
    /// Its text so far.
    pub text: String,
    /// It has had all the text that there was room for: what would follow is left to the final block.
    full: bool,
}

/// How far a link has told of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// The last event sent.
    pub sent: u64,
    /// The next chunk of the bodies that go before the events after that.
    chunk: ChunkAt,
    /// The live blocks it knows and how many bytes of each.
    live: Vec<(BlockId, usize)>,
    live_epoch: u64,
    activity: Option<Activity>,
    catalogs: u64,
}

/// A place among the bodies of events. Places are in the order in which the chunks are sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct ChunkAt {
    /// The event.
    n: u64,
    /// Which of its bodies.
    body: usize,
    /// Which chunk of that.
    index: u32,
}

impl Cursor {
    /// How many bytes of a live block it knows.
    fn known(&mut self, block: &BlockId) -> &mut usize {
        let at = self.live.iter().position(|(known, _)| known == block).unwrap_or_else(|| {
            self.live.push((block.clone(), 0));
            self.live.len() - 1
        });
        &mut self.live[at].1
    }
}

impl Outgoing {
    /// A conversation that has told nothing yet, with what its journal holds.
    pub fn new(
        conversation: ConversationId,
        medium: Arc<dyn Medium>,
        base: Position,
        events: Vec<Entry>,
        changed: Arc<Notify>,
    ) -> Self {
        let state = State {
            medium,
            base,
            events: events.into(),
            telling: false,
            stored: 0,
            live: Vec::new(),
            live_epoch: 0,
            activity: Activity { what: ActivityKind::None {}, since: 0 },
            settled: VecDeque::new(),
            catalog: None,
            catalogs: 0,
        };
        Self { conversation, state: Mutex::new(state), changed }
    }

    /// Whose it is.
    pub const fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// The log's end.
    pub fn end(&self) -> Position {
        self.lock().end()
    }

    /// The place after event `n`, if the journal knows it.
    pub fn place(&self, n: u64) -> Option<Position> {
        self.lock().place(n)
    }

    /// An event was written to the journal. Live text of its block, if any, is final now.
    pub fn appended(&self, end: Position, written: Written, finished: Option<&BlockId>) {
        let mut state = self.lock();
        let Written { event, bodies } = written;
        state.events.push_back(Entry { n: end.n, epoch: end.epoch, span: event, bodies });
        if let Some(block) = finished {
            state.live.retain(|live| live.block != *block);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The log goes on in another epoch after this place. If that is not where it ended, the events before are not told.
    pub fn opened_epoch(&self, after: Position) {
        let mut state = self.lock();
        if state.end() != after {
            state.events.clear();
            state.base = after;
        }
    }

    /// The journal was compacted into another one.
    pub fn compacted(&self, medium: Arc<dyn Medium>) {
        let mut state = self.lock();
        state.base = state.end();
        state.medium = medium;
        state.events.clear();
    }

    /// A new link leads to a store that ends at `stored`. Until the journal is joined to it no event is told.
    pub fn hold(&self, stored: Position) {
        let mut state = self.lock();
        state.telling = false;
        state.stored = stored.n;
    }

    /// The journal is joined to the store: events may be told.
    pub fn tell(&self) {
        self.lock().telling = true;
        self.changed.notify_one();
    }

    /// The store has everything up to `end`.
    pub fn stored(&self, end: Position) {
        let mut state = self.lock();
        if state.place(end.n) == Some(end) {
            state.stored = state.stored.max(end.n);
        }
    }

    /// Whether the store has everything.
    pub fn is_stored(&self) -> bool {
        let state = self.lock();
        state.stored >= state.end().n
    }

    /// Live text changed.
    pub fn live(&self, change: Change) {
        let mut state = self.lock();
        match change {
            Change::Append { block, what, text, parent, .. } => {
                let room = LIVE_BYTES - state.live.iter().map(|live| live.text.len()).sum::<usize>();
                let places = state.live.len() < LIVE_BLOCKS;
                match state.live.iter_mut().find(|live| live.block == block) {
                    Some(live) => live.push(&text, room),
                    None if places => {
                        let mut live = LiveBlock { block, what, parent, text: String::new(), full: false };
                        live.push(&text, room);
                        state.live.push(live);
                    }
                    None => {}
                }
            }
            Change::Retract(blocks) => {
                state.live.retain(|live| !blocks.contains(&live.block));
                state.live_epoch += 1;
            }
            Change::ToolBegins => {}
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The conversation does something else now.
    pub fn doing(&self, what: ActivityKind, since: Millis) {
        self.lock().activity = Activity { what, since };
        self.changed.notify_one();
    }

    /// An item is dealt with and leaves no trace in the log.
    pub fn settled(&self, item: ItemId, refused: Option<ErrorCode>) {
        let mut state = self.lock();
        if state.settled.len() == MAX_SETTLED {
            state.settled.pop_front();
        }
        state.settled.push_back((item, refused));
        drop(state);
        self.changed.notify_one();
    }

    /// What the CLI offers. Commands alone don't take the models away.
    pub fn offers(&self, catalog: Catalog) {
        let mut state = self.lock();
        let models = match &state.catalog {
            Some(known) if catalog.models.is_empty() => known.models.clone(),
            _ => catalog.models,
        };
        let catalog = Some(Catalog { models, commands: catalog.commands });
        if state.catalog != catalog {
            state.catalog = catalog;
            state.catalogs += 1;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// A cursor of a new link.
    pub fn cursor(&self) -> Cursor {
        Cursor { sent: self.lock().stored, ..Cursor::default() }
    }

    /// The frame that comes next after the cursor, if one may be sent: a chunk of a body, or events, once all bodies that
    /// they were cut from are sent. At least one event, about `max` bytes in all, of one epoch. The cursor is moved.
    ///
    /// # Errors
    /// When the journal can't be read. The cursor is where it was then.
    pub fn next_frame(&self, cursor: &mut Cursor, max: usize) -> io::Result<Option<Vec<u8>>> {
        let (entries, medium) = self.next_entries(cursor, max.min(SEGMENT_BYTES));
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(None) };
        for entry in &entries {
            for (body, (digest, span)) in entry.bodies.iter().enumerate() {
                let unsent = (0..chunks(*span))
                    .find(|index| cursor.chunk <= ChunkAt { n: entry.n, body, index: *index });
                if let Some(index) = unsent {
                    let frame = self.chunk(&*medium, *digest, *span, index)?;
                    cursor.chunk = ChunkAt { n: entry.n, body, index: index + 1 };
                    return Ok(Some(frame));
                }
            }
        }
        let mut lines = Vec::with_capacity(entries.len());
        for entry in &entries {
            let line = String::from_utf8(read_span(&*medium, entry.span)?).map_err(io::Error::other)?;
            lines.push(line);
        }
        let events = lines.iter().map(String::as_str);
        cursor.sent = last.n;
        Ok(Some(encode_events(self.conversation, first.epoch, first.n, events)))
    }

    /// One chunk of the body at `span`.
    fn chunk(&self, medium: &dyn Medium, digest: [u8; 32], span: Span, index: u32) -> io::Result<Vec<u8>> {
        let from = index * CHUNK_LEN;
        let part = Span { offset: span.offset + u64::from(from), len: (span.len - from).min(CHUNK_LEN) };
        let bytes = &read_span(medium, part)?;
        let (conversation, chunks) = (self.conversation, chunks(span));
        Ok(encode_chunk(&Chunk { conversation, digest, index, chunks, bytes }))
    }

    fn next_entries(&self, cursor: &Cursor, max: usize) -> (Vec<Entry>, Arc<dyn Medium>) {
        let state = self.lock();
        let mut entries = Vec::new();
        let room = UNSTORED_BYTES.saturating_sub(state.unstored_bytes(cursor));
        if state.telling && room > 0 {
            let rest = state.after(cursor.sent);
            let epoch = rest.clone().next().map(|entry| entry.epoch);
            let (mut bytes, mut bodies) = (0, 0);
            let within = rest.take_while(|entry| {
                let first = bytes == 0;
                bytes += entry.span.len as usize + 1;
                bodies += entry.body_bytes();
                (first || (bytes <= max && bodies <= room)) && Some(entry.epoch) == epoch
            });
            entries.extend(within.cloned());
        }
        (entries, Arc::clone(&state.medium))
    }

    /// What the cursor has not been told yet, beyond events; the cursor is moved.
    pub fn next_messages(&self, cursor: &mut Cursor) -> Vec<FromAgent> {
        let conversation = self.conversation;
        let mut state = self.lock();
        let mut messages: Vec<FromAgent> = state
            .settled
            .drain(..)
            .map(|(item, refused)| FromAgent::Settled { conversation, item, refused })
            .collect();
        let gone = state.take_gone(cursor).into_iter();
        messages.extend(gone.map(|block| FromAgent::Retract { conversation, block: Some(block) }));
        for live in &state.live {
            let known = cursor.known(&live.block);
            while *known < live.text.len() {
                let (block, what, parent) = (live.block.clone(), live.what.clone(), live.parent.clone());
                let text = clip_escaped(&live.text[*known..], DELTA_BYTES).to_owned();
                let at = *known as u64;
                *known += text.len();
                messages.push(FromAgent::Delta(Delta { conversation, block, what, parent, at, text }));
            }
        }
        if cursor.activity.as_ref() != Some(&state.activity) {
            cursor.activity = Some(state.activity.clone());
            messages.push(FromAgent::Activity { conversation, activity: state.activity.clone() });
        }
        if let Some(catalog) = state.catalog.clone().filter(|_| cursor.catalogs != state.catalogs) {
            cursor.catalogs = state.catalogs;
            messages.push(FromAgent::Catalog(catalog));
        }
        messages
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&self) -> Position {
        self.events.back().map_or(self.base, Entry::place)
    }

    /// The events after number `n`.
    fn after(&self, n: u64) -> impl Iterator<Item = &Entry> + Clone {
        self.events.iter().skip(self.events.partition_point(|entry| entry.n <= n))
    }

    /// Bytes of events, and of their bodies, that were sent and are not stored yet.
    fn unstored_bytes(&self, cursor: &Cursor) -> usize {
        let sent = self.after(self.stored).take_while(|entry| entry.n <= cursor.sent);
        sent.map(|entry| entry.span.len as usize + entry.body_bytes()).sum()
    }

    /// Live blocks that the cursor knows and that were taken back.
    fn take_gone(&self, cursor: &mut Cursor) -> Vec<BlockId> {
        let gone = |(block, _): &mut (BlockId, usize)| !self.live.iter().any(|live| live.block == *block);
        let gone: Vec<BlockId> = cursor.live.extract_if(.., gone).map(|(block, _)| block).collect();
        let retracted = std::mem::replace(&mut cursor.live_epoch, self.live_epoch) != self.live_epoch;
        if retracted { gone } else { Vec::new() }
    }

    fn place(&self, n: u64) -> Option<Position> {
        match n.checked_sub(self.base.n)? {
            0 => Some(self.base),
            held => self.events.get(usize::try_from(held - 1).ok()?).map(Entry::place),
        }
    }
}

impl LiveBlock {
    /// Adds what fits into `room`. After what did not fit nothing follows.
    fn push(&mut self, text: &str, room: usize) {
        if !self.full {
            let kept = clip(text, room);
            self.full = kept.len() < text.len();
            self.text.push_str(kept);
        }
    }
}

impl Entry {
    /// What its bodies take, in bytes.
    fn body_bytes(&self) -> usize {
        self.bodies.iter().map(|(_, span)| span.len as usize).sum()
    }

    /// The place after it.
    pub const fn place(&self) -> Position {
        Position { epoch: self.epoch, n: self.n }
    }
}

/// In how many chunks a body is sent.
const fn chunks(body: Span) -> u32 {
    body.len.div_ceil(CHUNK_LEN)
}
