//! Questions that Claude puts to a person, and the answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::limits::NESTING;
use crate::payload::{Payload, is_deep, json_len, short};
use crate::settings::Mode;
use crate::{PromptId, ToolUseId};

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// May this tool run?
    Permission,
    /// Questions with options (`AskUserQuestion`).
    Question,
    /// Is this plan right (`ExitPlanMode`)?
    Plan,
    /// A form that an MCP server wants filled in.
    Form,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// A prompt as it stands in the log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct Prompt {
    /// The CLI's id for it.
    pub prompt: PromptId,
    /// What is asked.
    pub ask: PromptKind,
    /// The tool that wants to run, or the MCP server that asks.
    pub tool: String,
    /// What it would act on, in one line.
    pub subject: String,
    /// Everything that it would be given; for a question, the questions.
    pub input: Payload,
    /// The call that waits for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tool_use: Option<ToolUseId>,
    /// Why it is asked, in the CLI's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
    /// The sub-agent that asks, if it isn't Claude itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub agent: Option<String>,
    /// What "always" could mean here. They are alternatives: an answer names at most one.
    pub suggestions: Vec<Suggestion>,
}

/// One reach of "always", as the CLI suggests it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Suggestion {
    /// Calls that match these rules no longer ask.
    Rules {
        /// The rules.
        rules: Vec<Rule>,
        /// Until when.
        reach: Reach,
    },
    /// The conversation changes its permission mode.
    Mode {
        /// The mode.
        mode: Mode,
        /// Until when.
        reach: Reach,
    },
    /// These folders count as part of the workspace.
    Directories {
        /// Absolute paths.
        directories: Vec<String>,
        /// Until when.
        reach: Reach,
    },
}

/// One permission rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Rule {
    /// The tool.
    pub tool: String,
    /// Which of its calls, in the CLI's rule language; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub content: Option<String>,
}

/// How far a permission reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Until this conversation's process ends.
    Session,
    /// Every later conversation in this folder (the CLI's local or project settings).
    Workspace,
    /// Every later conversation of this user (the CLI's user settings).
    User,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// A person's answer to a prompt.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Decision {
    /// Let it run.
    Allow {
        /// Which of the prompt's suggestions to take with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        suggestion: Option<u32>,
        /// For a plan: the permission mode to go on in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        mode: Option<Mode>,
    },
    /// Don't.
    Deny {
        /// What to tell Claude instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        message: Option<String>,
    },
    /// Answers to questions, by the question's text; several choices are joined by ", ".
    Answer {
        /// The answers; what is missing counts as not answered.
        answers: BTreeMap<String, String>,
    },
    /// A filled-in form.
    Form {
        /// The values by property.
        #[ts(type = "Record<string, unknown>")]
        content: serde_json::Map<String, Value>,
    },
}

impl Decision {
    /// Whether this kind of answer fits that kind of question.
    pub const fn fits(&self, ask: PromptKind) -> bool {
        match self {
            Self::Deny { .. } => true,
            Self::Allow { .. } => matches!(ask, PromptKind::Permission | PromptKind::Plan),
            Self::Answer { .. } => matches!(ask, PromptKind::Question),
            Self::Form { .. } => matches!(ask, PromptKind::Form),
        }
    }

    /// Its length as JSON, in bytes.
    pub fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }

    /// Whether its values are nested deeper than every reader can follow.
    pub fn is_deep(&self) -> bool {
        match self {
            Self::Form { content } => content.values().any(|value| is_deep(value, NESTING)),
            Self::Allow { .. } | Self::Deny { .. } | Self::Answer { .. } => false,
        }
    }

    /// The same answer with no more than about `max` bytes of what was written: of a denial its beginning, of answers and
    /// fields the first ones.
    #[must_use]
    pub fn shortened(&self, max: usize) -> Self {
        match self {
            Self::Allow { suggestion, mode } => Self::Allow { suggestion: *suggestion, mode: *mode },
            Self::Deny { message } => {
                Self::Deny { message: message.as_deref().map(|message| short(message, max)) }
            }
            Self::Answer { answers } => {
                let mut room = max;
                let fits = |(question, answer): &(&String, &String)| {
                    take(&mut room, json_len(question) + json_len(answer))
                };
                let answers = answers.iter().take_while(fits);
                Self::Answer { answers: answers.map(|(key, text)| (key.clone(), text.clone())).collect() }
            }
            Self::Form { content } => {
                let mut room = max;
                let fits = |(name, value): &(&String, &Value)| {
                    take(&mut room, json_len(name) + value.to_string().len())
                };
                let content = content.iter().take_while(fits);
                Self::Form { content: content.map(|(name, value)| (name.clone(), value.clone())).collect() }
            }
        }
    }
}

/// Takes `bytes` and what they are wrapped in out of the room that is left, if they fit.
const fn take(room: &mut usize, bytes: usize) -> bool {
    let bytes = bytes.saturating_add(8);
    let fits = bytes <= *room;
    *room = room.saturating_sub(bytes);
    fits
}

/// Why a prompt is closed without an answer of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// Claude no longer needs it.
    Claude,
    /// The turn was stopped.
    Stopped,
    /// The process that asked ended.
    LostWithProcess,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}
