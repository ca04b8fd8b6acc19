//! A conversation put together again from its journal, after the workspace-agent itself was restarted.

use protocol::event::{SettingsChange, Task, Trouble};
use protocol::link::ActivityKind;
use protocol::settings::Settings;
use protocol::summary::Summary;
use protocol::{Event, EventBody, ItemId, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answers::OpenPrompt;
use super::loan::KnownRows;
use super::turn::{Given, Message, Phase, Steer, Turn};
use super::{Conversation, Effect, Now, Process};
use crate::claude::events;

/// How a new epoch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// The epoch.
    pub epoch: u64,
    /// The last event of before that others will have.
    pub after: Position,
    /// Events are known to be lost.
    pub lost: bool,
    /// What runs here goes on. Otherwise [`Conversation::recovered`] follows.
    pub alive: bool,
}

/// What is known of how the last life ended, besides what the journal says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Aftermath {
    /// Records of the journal that this version can't read.
    pub strange: usize,
    /// The machine was started anew since.
    pub rebooted: bool,
}

impl Conversation {
    /// Takes one event of the journal. `text` is the whole text of a message, for [`EventBody::MessageTaken`].
    pub fn replay(&mut self, event: &Event, text: Option<String>) {
        self.next_n = event.n + 1;
        self.summary.apply(event);
        match &event.body {
            EventBody::MessageTaken { item, by, again_of, steer, .. } => {
                let (item, by, again_of) = (*item, by.clone(), *again_of);
                let text = text.unwrap_or_default();
                self.replay_taken(
                    Message { item, text, by, again_of, taken_at: event.n, given: Given::Not },
                    *steer,
                );
            }
            EventBody::MessageStarted { item } => self.replay_started(*item),
            EventBody::MessageResent { item, attempt } => {
                if let Some(turn) = self.replay_turn(*item) {
                    (turn.resends, turn.phase) = (*attempt, Phase::Waiting);
                }
            }
            EventBody::MessageEnded { item, .. } => self.replay_ended(*item),
            EventBody::MessageUnknown { item, .. } => {
                self.unknown = Some(event.body.clone());
                self.replay_ended(*item);
            }
            EventBody::MessageContinued { message, item, by } => {
                self.seen.insert(*item);
                self.turn = Some(Turn::continued(*message, by.clone()));
            }
            EventBody::StopAsked { item, message, .. } => {
                self.seen.insert(*item);
                // One that names no message is for whatever runs. That of a message that waited came with its end.
                let meant = |turn: &&mut Turn| message.is_none() || turn.item() == *message;
                self.turn.as_mut().filter(meant).into_iter().for_each(|turn| turn.stop_asked = true);
            }
            EventBody::PromptAsked(prompt) => {
                self.prompts.retain(|open| !open.is(&prompt.prompt));
                self.prompts.push(OpenPrompt::of_journal(prompt.clone()));
            }
            EventBody::PromptAnswered { prompt, item, .. } => {
                self.seen.insert(*item);
                self.prompts.iter_mut().filter(|open| open.is(prompt)).for_each(|open| open.answered = true);
            }
            EventBody::PromptWithdrawn { prompt, .. } => self.prompts.retain(|open| !open.is(prompt)),
            EventBody::Text { .. }
            | EventBody::Thinking { .. }
            | EventBody::ToolCall { .. }
            | EventBody::ToolResult { .. }
            | EventBody::Compacted { .. }
            | EventBody::Note { .. }
                if !self.is_here() =>
            {
                // It was said in Claude's own screen.
                self.taken_since += 1;
            }
            EventBody::ToolCall { .. } => {
                self.replay_tool_began();
                self.open_calls.extend(events::open_tool(&event.body));
            }
            EventBody::ToolResult { tool_use, .. } => {
                self.open_calls.retain(|call| call.tool_use != *tool_use);
                self.prompts.retain(|open| open.is_open() || open.prompt.tool_use.as_ref() != Some(tool_use));
            }
            EventBody::Tasks { tasks } => self.tasks.replace(tasks),
            EventBody::Result(result) => {
                self.taken_since += usize::from(!self.is_here());
                self.session.answered = true;
                self.session.cost_usd += result.cost_usd;
                self.replay_answers_taken();
                for item in &result.items {
                    self.replay_ended(*item);
                }
                if self.turn.as_ref().is_some_and(|turn| turn.message.is_none()) {
                    self.turn = None;
                }
            }
            EventBody::ProcessStarted { session, .. } => {
                self.session.id.clone_from(session);
                self.session.used = true;
                self.introduced = true;
                self.process = Process::Live;
            }
            EventBody::ProcessEnded { .. } => {
                self.process = Process::None;
                self.introduced = false;
            }
            EventBody::EpochBegan { held, .. } => {
                self.forget_all_but(held);
                self.doubt_given();
            }
            EventBody::SettingsChanged { settings, why } => {
                self.wanted = why.applied(&self.wanted, settings);
                if *why != SettingsChange::Asked {
                    self.unasked_at = self.end();
                }
            }
            // What was cleared in Claude's own screen is followed by the word of which session goes on.
            EventBody::Cleared {} if !self.is_here() => self.session.cost_usd = 0.0,
            EventBody::Cleared {} => self.begin_session_anew(),
            EventBody::TerminalOpened { .. } => self.replay_lent(),
            EventBody::TerminalClosed { row, session, .. } => {
                self.replay_read(row.as_deref(), session.as_deref());
            }
            EventBody::TerminalTyped { row, .. } => {
                self.known_rows.note(row);
                self.taken_since = 0;
            }
            EventBody::Trouble { what, .. } => self.full |= *what == Trouble::LogFull,
            EventBody::Text { .. }
            | EventBody::Thinking { .. }
            | EventBody::Background { .. }
            | EventBody::Retry { .. }
            | EventBody::State { .. }
            | EventBody::Compacted { .. }
            | EventBody::Silent { .. }
            | EventBody::Note { .. }
            | EventBody::Opaque { .. } => {}
        }
    }

    /// Takes the journal's mark that a tool call had begun.
    pub fn replay_tool_began(&mut self) {
        if self.turn.is_none() {
            // Nothing said that a message was begun; then it is the one that was the next.
            self.turn = self.waiting.pop_front().map(|message| Turn::begun_by_claude(Some(message)));
        }
        if let Some(turn) = &mut self.turn {
            turn.tools_called = true;
        }
    }

    /// Takes the journal's mark that the process was about to be given a message.
    pub fn replay_given(&mut self, item: ItemId) {
        if let Some(turn) = self.replay_turn(item) {
            turn.phase = Phase::Written;
        }
    }

    /// The turn of a message, which begins with it if it waited until now.
    fn replay_turn(&mut self, item: ItemId) -> Option<&mut Turn> {
        if let Some(at) = self.waiting.iter().position(|message| message.item == item) {
            self.turn = self.waiting.remove(at).map(Turn::new);
        }
        self.turn.as_mut().filter(|turn| turn.item() == Some(item))
    }

    /// A message was taken; or one that was to steer becomes an ordinary one; or it is told again in a new epoch.
    fn replay_taken(&mut self, message: Message, steer: bool) {
        self.seen.insert(message.item);
        let steered = self.steers.iter().position(|steer| steer.message.item == message.item);
        let steered = steered.map(|at| self.steers.remove(at).message.given.max(Given::Before));
        let waited = self.waiting.iter().position(|waiting| waiting.item == message.item);
        let waited = waited.and_then(|at| self.waiting.remove(at));
        if steer {
            self.steers.push(Steer { message, started: false });
            return;
        }
        match self.turn.as_ref().and_then(Turn::item) {
            Some(current) if current == message.item => {}
            _ => match (steered, waited) {
                (Some(given), _) => self.waiting.push_front(Message { given, ..message }),
                // That it was given already outlives that it is told again.
                (None, Some(waited)) => {
                    self.waiting.push_back(Message { given: waited.given, ..message });
                }
                (None, None) => self.waiting.push_back(message),
            },
        }
    }

    fn replay_started(&mut self, item: ItemId) {
        if let Some(steer) = self.steers.iter_mut().find(|steer| steer.message.item == item) {
            steer.started = true;
            return;
        }
        let at = self.waiting.iter().position(|message| message.item == item);
        let message = at.and_then(|at| self.waiting.remove(at));
        match &mut self.turn {
            Some(turn) if turn.item() == Some(item) => turn.phase = Phase::Started,
            Some(_) | None => self.turn = Some(Turn::begun_by_claude(message)),
        }
    }

    fn replay_ended(&mut self, item: ItemId) {
        self.waiting.retain(|message| message.item != item);
        self.steers.retain(|steer| steer.message.item != item);
        if self.turn.as_ref().is_some_and(|turn| turn.item() == Some(item)) {
            self.turn = None;
            self.open_calls.clear();
        }
    }

    /// Takes what an event and its bodies take in the journal.
    pub const fn replay_size(&mut self, bytes: u64) {
        self.written += bytes;
    }

    /// Takes an event of a kind that this version doesn't know: it keeps its number.
    pub const fn replay_strange(&mut self, n: u64) {
        self.next_n = n + 1;
    }

    /// After the replay, in which `strange` records could not be read: what ran is gone, and what was owed is taken up.
    pub fn recovered(&mut self, now: Now, after: Aftermath) -> Vec<Effect> {
        self.now = now;
        let Aftermath { strange, rebooted } = after;
        if strange > 0 {
            let words =
                format!("{strange} records of the journal are of a kind that this version does not know");
            self.trouble(Trouble::Unreadable, words);
        }
        self.lose_prompts();
        if rebooted && let Some(turn) = &mut self.turn {
            // Of a machine that stopped at once the journal's end may be lost, and with it that a tool was called; the CLI's own
            // record of the message likewise.
            turn.after_reboot = true;
            if turn.resends > 0 {
                turn.phase = Phase::Written;
            }
        }
        if self.process == Process::Live || self.turn.is_some() || !self.steers.is_empty() {
            self.process = Process::Live;
            self.exited("the workspace was restarted");
        } else {
            // One may have been started that had not said so yet.
            self.forget_loosened_mode();
            self.advance();
        }
        if !self.is_here() {
            self.read_back(true);
            self.set_activity(ActivityKind::InTerminal { terminal: None });
        }
        self.close_if_full();
        self.settle_state();
        std::mem::take(&mut self.effects)
    }

    /// The log goes on in a new epoch. What is here and not over is told anew; before the first event there is nothing to
    /// tell.
    pub fn open_epoch(&mut self, now: Now, opening: Opening) -> Vec<Effect> {
        let Opening { epoch, after, lost, alive } = opening;
        self.now = now;
        self.epoch = epoch;
        self.next_n = after.n + 1;
        if after.n == 0 {
            return Vec::new();
        }
        let messages = self.turn.iter().filter_map(|turn| turn.message.clone());
        let steers = self.steers.iter().map(|steer| steer.message.clone());
        let messages: Vec<Message> = messages.chain(self.waiting.iter().cloned()).chain(steers).collect();
        let held: Vec<ItemId> =
            messages.iter().map(|message| message.item).chain(self.summary.unknown).collect();
        self.forget_all_but(&held);
        let (unknown, unknown_at) = (self.unknown.clone(), self.summary.unknown_at);
        let unknown = unknown.filter(|_| self.summary.unknown.is_some() && unknown_at > after.n);
        self.append(EventBody::EpochBegan { held, lost });
        if !alive {
            self.doubt_given();
            // The word that it was forgotten may be among what was lost.
            self.forget_mode();
        }
        self.unknown.clone_from(&unknown);
        unknown.into_iter().for_each(|unknown| self.append(unknown));
        for message in
            messages.iter().filter(|message| message.taken_at > after.n && !message.text.is_empty())
        {
            self.take_message(message, false);
        }
        if alive {
            self.tell_turn();
            self.tell_loan();
            self.settle_state();
        }
        std::mem::take(&mut self.effects)
    }

    /// Tells the turn that runs, its open prompts, and what runs in the background.
    fn tell_turn(&mut self) {
        let begun = self.turn.as_ref().filter(|turn| turn.phase == Phase::Started).and_then(Turn::item);
        if let Some(item) = begun {
            self.append(EventBody::MessageStarted { item });
        }
        let open: Vec<_> = self.prompts.iter().filter(|prompt| prompt.is_open()).collect();
        let asked: Vec<EventBody> =
            open.into_iter().map(|open| EventBody::PromptAsked(open.prompt.clone())).collect();
        asked.into_iter().for_each(|asked| self.append(asked));
        if !self.background.is_empty() {
            self.append(EventBody::Background { tasks: self.background.clone() });
        }
    }

    fn forget_all_but(&mut self, held: &[ItemId]) {
        self.forgotten = self.seen.iter().filter(|item| !held.contains(item)).collect();
    }
}

/// What a conversation comes to when nothing is in flight: enough to go on without its journal.
#[derive(Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    epoch: u64,
    next_n: u64,
    summary: Summary,
    session: String,
    session_used: bool,
    session_answered: bool,
    session_cost_usd: f64,
    wanted: Settings,
    seen: Vec<ItemId>,
    #[serde(default)]
    forgotten: Vec<ItemId>,
    tasks: Vec<Task>,
    #[serde(default)]
    written: u64,
    #[serde(default)]
    full: bool,
    #[serde(default)]
    known_rows: Vec<Uuid>,
}

impl Conversation {
    /// The checkpoint, if nothing is in flight.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let idle = !self.is_busy() && self.process == Process::None && self.is_here();
        let quiet = idle && self.summary.unknown.is_none();
        quiet.then(|| Checkpoint {
            epoch: self.epoch,
            next_n: self.next_n,
            summary: self.summary.clone(),
            session: self.session.id.clone(),
            session_used: self.session.used,
            session_answered: self.session.answered,
            session_cost_usd: self.session.cost_usd,
            wanted: self.wanted.clone(),
            seen: self.seen.iter().collect(),
            forgotten: self.forgotten.iter().copied().collect(),
            tasks: self.tasks.list().to_vec(),
            written: self.written,
            full: self.full,
            known_rows: self.known_rows.list(),
        })
    }

    /// Takes a checkpoint in place of all that was replayed before.
    pub fn replay_checkpoint(&mut self, checkpoint: Checkpoint) {
        let mut fresh = Self::new(self.id, checkpoint.epoch, checkpoint.next_n, self.policy);
        fresh.summary = checkpoint.summary;
        fresh.session.id = checkpoint.session;
        fresh.session.used = checkpoint.session_used;
        fresh.session.answered = checkpoint.session_answered;
        fresh.session.cost_usd = checkpoint.session_cost_usd;
        fresh.wanted = checkpoint.wanted;
        fresh.written = checkpoint.written;
        fresh.full = checkpoint.full;
        fresh.known_rows = KnownRows::of(checkpoint.known_rows);
        fresh.tasks.replace(&checkpoint.tasks);
        for item in checkpoint.seen {
            fresh.seen.insert(item);
        }
        fresh.forgotten.extend(checkpoint.forgotten);
        *self = fresh;
    }

    /// Takes the journal's note that the log goes on in another epoch.
    pub const fn replay_epoch(&mut self, epoch: u64, next_n: u64) {
        self.epoch = epoch;
        self.next_n = next_n;
    }
}
