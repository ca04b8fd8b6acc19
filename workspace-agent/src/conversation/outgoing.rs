//! What one conversation has to tell the control plane: the link's side of it.
//!
//! A shared log and cursors, not a queue: the link reads from its own place, as fast as it can, and nothing
//! piles up when it is slow or absent. Events lie in the journal's file; here is only where.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::close::ErrorCode;
use protocol::limits::LIVE_BLOCKS;
use protocol::link::{Activity, ActivityKind, Catalog, LiveKind};
use protocol::{BlockId, ConversationId, ItemId, Millis, Position, ToolUseId};
use tokio::sync::Notify;

use super::journal::{Span, Written, read_span};
use crate::claude::blocks::Change;

/// Items that are dealt with without a trace in the log and wait to be told. The control plane asks again for
/// what it isn't told.
const MAX_SETTLED: usize = 256;

/// What one conversation has to tell.
#[derive(Debug)]
pub struct Outgoing {
    conversation: ConversationId,
    state: Mutex<State>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    end: Position,
    file: Arc<File>,
    /// Where the events lie that are in the journal's file, in order.
    events: VecDeque<Entry>,
    /// The store has everything up to here.
    stored: u64,
    live: Vec<LiveBlock>,
    /// Counts what was taken back, so that a cursor notices.
    live_epoch: u64,
    activity: Activity,
    settled: VecDeque<(ItemId, Option<ErrorCode>)>,
    catalog: Option<Catalog>,
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
}

/// How far a link has told of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// The last event sent.
    pub sent: u64,
    /// The live blocks it knows and how many bytes of each.
    live: Vec<(BlockId, usize)>,
    live_epoch: u64,
    activity: Option<Activity>,
    catalog_sent: bool,
}

/// More of a live block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct More {
    /// The block.
    pub block: BlockId,
    /// What it is.
    pub what: LiveKind,
    /// The sub-agent's call that it belongs to.
    pub parent: Option<ToolUseId>,
    /// Where `text` starts.
    pub at: usize,
    /// What is new.
    pub text: String,
}

/// What a cursor has not been told yet, beyond events.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct News {
    /// Live blocks that were taken back.
    pub retracted: Vec<BlockId>,
    /// More of live blocks.
    pub more: Vec<More>,
    /// What it is doing now.
    pub activity: Option<Activity>,
    /// Items that are dealt with.
    pub settled: Vec<(ItemId, Option<ErrorCode>)>,
    /// What the CLI offers.
    pub catalog: Option<Catalog>,
}

impl Outgoing {
    /// A conversation that has told nothing yet, with what its journal holds.
    pub fn new(
        conversation: ConversationId,
        end: Position,
        file: Arc<File>,
        events: Vec<Entry>,
        changed: Arc<Notify>,
    ) -> Self {
        let state = State {
            end,
            file,
            events: events.into(),
            stored: 0,
            live: Vec::new(),
            live_epoch: 0,
            activity: Activity { what: ActivityKind::None {}, since: 0 },
            settled: VecDeque::new(),
            catalog: None,
        };
        Self { conversation, state: Mutex::new(state), changed }
    }

    /// Whose it is.
    pub const fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// The log's end.
    pub fn end(&self) -> Position {
        self.lock().end
    }

    /// The oldest event that the journal still holds; one past the end if it holds none.
    pub fn oldest(&self) -> u64 {
        let state = self.lock();
        state.events.front().map_or(state.end.n + 1, |entry| entry.n)
    }

    /// An event was written to the journal. Live text of its block, if any, is final now.
    pub fn appended(&self, end: Position, written: Written, finished: Option<&BlockId>) {
        let mut state = self.lock();
        state.end = end;
        let Written { event, bodies } = written;
        state.events.push_back(Entry { n: end.n, epoch: end.epoch, span: event, bodies });
        if let Some(block) = finished {
            state.live.retain(|live| live.block != *block);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The log goes on in another epoch.
    pub fn opened_epoch(&self, epoch: u64, next: u64) {
        let mut state = self.lock();
        state.end = Position { epoch, n: next - 1 };
        state.events.clear();
    }

    /// The journal was compacted into another file.
    pub fn compacted(&self, file: Arc<File>) {
        let mut state = self.lock();
        state.file = file;
        state.events.clear();
    }

    /// The store has everything up to `end`.
    pub fn stored(&self, end: Position) {
        let mut state = self.lock();
        if end.epoch == state.end.epoch {
            state.stored = state.stored.max(end.n);
        }
    }

    /// Whether the store has everything.
    pub fn is_stored(&self) -> bool {
        let state = self.lock();
        state.stored >= state.end.n
    }

    /// Live text changed.
    pub fn live(&self, change: Change) {
        let mut state = self.lock();
        match change {
            Change::Append { block, what, text, parent, .. } => {
                let room = state.live.len() < LIVE_BLOCKS;
                match state.live.iter_mut().find(|live| live.block == block) {
                    Some(live) => live.text.push_str(&text),
                    None if room => state.live.push(LiveBlock { block, what, parent, text }),
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
        state.catalog = Some(Catalog { models, commands: catalog.commands });
        drop(state);
        self.changed.notify_one();
    }

    /// A cursor of a new link, for a store that ends at `stored`.
    pub fn cursor(&self, stored: u64) -> Cursor {
        self.lock().stored = stored;
        Cursor { sent: stored, ..Cursor::default() }
    }

    /// The next events after the cursor, at least one if there is any, about `max` bytes in all.
    pub fn next_events(&self, cursor: &Cursor, max: usize) -> Vec<Entry> {
        let state = self.lock();
        let start = state.events.partition_point(|entry| entry.n <= cursor.sent);
        let mut bytes = 0;
        let within = state.events.iter().skip(start).take_while(|entry| {
            let first = bytes == 0;
            bytes += entry.span.len as usize + 1;
            first || bytes <= max
        });
        within.cloned().collect()
    }

    /// Bytes of events that were sent and are not stored yet.
    pub fn unstored_bytes(&self, cursor: &Cursor) -> usize {
        let state = self.lock();
        let start = state.events.partition_point(|entry| entry.n <= state.stored);
        let sent = state.events.iter().skip(start).take_while(|entry| entry.n <= cursor.sent);
        sent.map(|entry| entry.span.len as usize).sum()
    }

    /// Reads from the journal.
    ///
    /// # Errors
    /// When the state volume can't be read.
    pub fn read(&self, span: Span) -> io::Result<Vec<u8>> {
        let file = Arc::clone(&self.lock().file);
        read_span(&file, span)
    }

    /// What the cursor has not been told yet, beyond events; the cursor is moved.
    pub fn news(&self, cursor: &mut Cursor) -> News {
        let mut state = self.lock();
        let mut news = News { settled: state.settled.drain(..).collect(), ..News::default() };
        if cursor.live_epoch != state.live_epoch {
            cursor.live_epoch = state.live_epoch;
            let gone = |(block, _): &(BlockId, usize)| !state.live.iter().any(|live| live.block == *block);
            news.retracted =
                cursor.live.extract_if(.., |known| gone(known)).map(|(block, _)| block).collect();
        }
        cursor.live.retain(|(block, _)| state.live.iter().any(|live| live.block == *block));
        for live in &state.live {
            let known = match cursor.live.iter_mut().find(|(block, _)| *block == live.block) {
                Some((_, known)) => known,
                None => {
                    cursor.live.push((live.block.clone(), 0));
                    let last = cursor.live.len() - 1;
                    &mut cursor.live[last].1
                }
            };
            if *known < live.text.len() {
                let (block, what, parent) = (live.block.clone(), live.what.clone(), live.parent.clone());
                news.more.push(More {
                    block,
                    what,
                    parent,
                    at: *known,
                    text: live.text[*known..].to_owned(),
                });
                *known = live.text.len();
            }
        }
        if cursor.activity.as_ref() != Some(&state.activity) {
            cursor.activity = Some(state.activity.clone());
            news.activity.clone_from(&cursor.activity);
        }
        if !cursor.catalog_sent && state.catalog.is_some() {
            cursor.catalog_sent = true;
            news.catalog.clone_from(&state.catalog);
        }
        news
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
