//! What a conversation comes to at the end of its log: the fold that both sides and the list of conversations
//! rest on.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::event::{Event, EventBody, ProcessEnd, SettingsChange};
use crate::settings::Settings;
use crate::{ItemId, Millis, PromptId};

/// What a conversation is doing, as everybody is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is owed to anyone.
    #[default]
    Idle,
    /// A turn runs.
    Working,
    /// A turn waits for a person's answer.
    Waiting,
    /// A turn shows no sign of life.
    NotResponding,
}

/// The fold of a log.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// What it is doing.
    pub state: State,
    /// Open prompts, oldest first.
    pub prompts: Vec<PromptId>,
    /// The message that is being worked on, or is the next to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub current: Option<ItemId>,
    /// The last message whose fate is unknown and which nobody has dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub unknown: Option<ItemId>,
    /// The number of the event that said so. What was waiting before it waits until someone deals with it.
    #[serde(default)]
    pub unknown_at: u64,
    /// What it runs with.
    pub settings: Settings,
    /// Whether it has a Claude process.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub process: bool,
    /// Whether it is open in Claude's own screen, or was when its workspace ended: messages wait until what was said there is
    /// part of the log.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub lent: bool,
    /// What it has cost so far, as the CLI reckons it.
    pub cost_usd: f64,
    /// When something last happened in it. A process that is put to sleep, and what it forgets by that, is nothing
    /// that a reader of the list would call so.
    pub last_at: Millis,
}

/// More prompts than this are never open at a time; a workspace that claims so is not believed.
pub const MAX_PROMPTS: usize = 64;

impl Summary {
    /// Takes one more event into account.
    pub fn apply(&mut self, event: &Event) {
        if self.last_at == 0 || !is_housekeeping(&event.body) {
            self.last_at = event.at;
        }
        match &event.body {
            EventBody::State { state } => self.state = *state,
            EventBody::MessageStarted { item } | EventBody::MessageResent { item, .. } => {
                // One that steers is no turn of its own.
                self.current.get_or_insert(*item);
                self.unknown = None;
            }
            EventBody::MessageTaken { item, steer, .. } => {
                self.unknown = None;
                if !steer && self.current.is_none() {
                    self.current = Some(*item);
                }
            }
            EventBody::MessageContinued { message, .. } => {
                self.current = Some(*message);
                self.unknown = None;
            }
            EventBody::MessageUnknown { item, .. } => {
                self.current = None;
                self.unknown = Some(*item);
                self.unknown_at = event.n;
            }
            EventBody::MessageEnded { item, .. } => {
                if self.current == Some(*item) {
                    self.current = None;
                }
            }
            EventBody::Result(result) => {
                self.cost_usd += result.cost_usd.max(0.0);
                if self.current.is_some_and(|current| result.items.contains(&current)) {
                    self.current = None;
                }
            }
            EventBody::PromptAsked(prompt) => {
                if self.prompts.len() < MAX_PROMPTS && !self.prompts.contains(&prompt.prompt) {
                    self.prompts.push(prompt.prompt.clone());
                }
            }
            EventBody::PromptAnswered { prompt, .. } | EventBody::PromptWithdrawn { prompt, .. } => {
                self.prompts.retain(|open| open != prompt);
            }
            EventBody::ProcessStarted { .. } => self.process = true,
            EventBody::ProcessEnded { .. } => {
                self.process = false;
                self.prompts.clear();
            }
            EventBody::TerminalOpened { .. } => self.lent = true,
            EventBody::TerminalClosed { .. } => self.lent = false,
            EventBody::EpochBegan { held, .. } => self.begin_epoch(event.n, held),
            EventBody::SettingsChanged { settings, why } => {
                self.settings = why.applied(&self.settings, settings);
            }
            EventBody::StopAsked { .. }
            | EventBody::Text { .. }
            | EventBody::Thinking { .. }
            | EventBody::ToolCall { .. }
            | EventBody::ToolResult { .. }
            | EventBody::Tasks { .. }
            | EventBody::Background { .. }
            | EventBody::Retry { .. }
            | EventBody::Compacted { .. }
            | EventBody::Cleared {}
            | EventBody::TerminalTyped { .. }
            | EventBody::Trouble { .. }
            | EventBody::Silent { .. }
            | EventBody::Note { .. }
            | EventBody::Opaque { .. } => {}
        }
    }

    fn begin_epoch(&mut self, n: u64, held: &[ItemId]) {
        self.state = State::Idle;
        self.process = false;
        self.lent = false;
        self.prompts.clear();
        self.unknown = self.unknown.filter(|unknown| held.contains(unknown));
        if let Some(lost) = self.current.take_if(|current| !held.contains(current)) {
            self.unknown = Some(lost);
            self.unknown_at = n;
        }
    }
}

/// Whether this happens of itself, to a conversation that nobody is at.
fn is_housekeeping(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::ProcessEnded { why: ProcessEnd::Idle | ProcessEnd::WorkspaceStopped, .. }
            | EventBody::SettingsChanged { why: SettingsChange::Restarted, .. }
    )
}
