//! A conversation put together again from its journal, after the workspace-agent itself was restarted.

use protocol::event::{Task, Trouble};
use protocol::prompt::Withdrawal;
use protocol::settings::Settings;
use protocol::summary::Summary;
use protocol::{Event, EventBody, ItemId};
use serde::{Deserialize, Serialize};

use super::turn::{Message, Phase, Turn};
use super::{Conversation, Effect, Now, Process};
use crate::claude::events;

impl Conversation {
    /// Takes one event of the journal. `text` is the whole text of a message, for [`EventBody::MessageTaken`].
    pub fn replay(&mut self, event: &Event, text: Option<String>) {
        self.next_n = event.n + 1;
        self.summary.apply(event);
        match &event.body {
            EventBody::MessageTaken { item, .. } => {
                self.seen.insert(*item);
                self.waiting.push_back(Message { item: *item, text: text.unwrap_or_default() });
            }
            EventBody::MessageStarted { item } => self.replay_started(*item),
            EventBody::MessageResent { attempt, .. } => {
                if let Some(turn) = &mut self.turn {
                    turn.resends = *attempt;
                    turn.phase = Phase::Waiting;
                }
            }
            EventBody::MessageEnded { item, .. } | EventBody::MessageUnknown { item, .. } => {
                self.replay_ended(*item);
            }
            EventBody::MessageContinued { message, item, .. } => {
                self.seen.insert(*item);
                let mut turn = Turn::new(Message { item: *message, text: String::new() });
                turn.continued = true;
                turn.tools_called = true;
                self.turn = Some(turn);
            }
            EventBody::StopAsked { item, .. } => {
                self.seen.insert(*item);
                if let Some(turn) = &mut self.turn {
                    turn.stop_asked = true;
                }
            }
            EventBody::PromptAnswered { item, .. } => {
                self.seen.insert(*item);
            }
            EventBody::ToolCall { .. } => {
                self.replay_tool_began();
                self.open_calls.extend(events::open_tool(&event.body));
            }
            EventBody::ToolResult { tool_use, .. } => {
                self.open_calls.retain(|call| call.tool_use != *tool_use)
            }
            EventBody::Tasks { tasks } => self.tasks.replace(tasks),
            EventBody::Result(result) => {
                self.session.answered = true;
                self.session.cost_usd += result.cost_usd;
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
            EventBody::ProcessEnded { .. } => self.process = Process::None,
            EventBody::SettingsChanged { settings, .. } => self.wanted = settings.clone(),
            EventBody::Cleared {} => self.session.cost_usd = 0.0,
            EventBody::PromptAsked(_)
            | EventBody::PromptWithdrawn { .. }
            | EventBody::Text { .. }
            | EventBody::Thinking { .. }
            | EventBody::Background { .. }
            | EventBody::Retry { .. }
            | EventBody::State { .. }
            | EventBody::Compacted { .. }
            | EventBody::Trouble { .. }
            | EventBody::Note { .. }
            | EventBody::Opaque { .. } => {}
        }
    }

    /// Takes the journal's mark that a tool call had begun.
    pub fn replay_tool_began(&mut self) {
        if let Some(turn) = &mut self.turn {
            turn.tools_called = true;
        }
    }

    fn replay_started(&mut self, item: ItemId) {
        let at = self.waiting.iter().position(|message| message.item == item);
        let message = at.and_then(|at| self.waiting.remove(at));
        match &mut self.turn {
            Some(turn) if turn.item() == Some(item) => turn.phase = Phase::Started,
            Some(turn) if turn.item().is_some() => {}
            _ => {
                self.turn = Some(Turn::begun_by_claude(message));
            }
        }
    }

    fn replay_ended(&mut self, item: ItemId) {
        self.waiting.retain(|message| message.item != item);
        if self.turn.as_ref().is_some_and(|turn| turn.item() == Some(item)) {
            self.turn = None;
            self.open_calls.clear();
        }
    }

    /// After the replay: what ran is gone, and what was owed is taken up. `prompts` are those that the journal
    /// left open.
    pub fn recovered(&mut self, now: Now) -> Vec<Effect> {
        self.now = now;
        for prompt in self.summary.prompts.clone() {
            self.append(EventBody::PromptWithdrawn {
                prompt,
                why: Withdrawal::LostWithProcess,
                answer_not_taken: false,
            });
        }
        if self.process == Process::Live || self.turn.is_some() {
            self.process = Process::Live;
            self.exited("the workspace was restarted");
        } else {
            self.advance();
        }
        self.settle_state();
        std::mem::take(&mut self.effects)
    }

    /// The log goes on in a new epoch: the journal and the store could not be joined.
    pub fn open_epoch(&mut self, now: Now, epoch: u64, next_n: u64) -> Vec<Effect> {
        self.now = now;
        self.epoch = epoch;
        self.next_n = next_n;
        self.trouble(Trouble::HistoryLost, "the journal and the store were put back to different times");
        std::mem::take(&mut self.effects)
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
    tasks: Vec<Task>,
}

impl Conversation {
    /// The checkpoint, if nothing is in flight.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let quiet = !self.is_busy() && self.process == Process::None && self.summary.unknown.is_none();
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
            tasks: self.tasks.list().to_vec(),
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
        fresh.tasks.replace(&checkpoint.tasks);
        for item in checkpoint.seen {
            fresh.seen.insert(item);
        }
        *self = fresh;
    }

    /// Takes the journal's note that the log goes on in another epoch.
    pub const fn replay_epoch(&mut self, epoch: u64, next_n: u64) {
        self.epoch = epoch;
        self.next_n = next_n;
    }
}
