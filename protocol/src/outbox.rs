//! What people send, as the control plane keeps it and viewers see it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::close::ErrorCode;
use crate::event::{Person, Unknown};
use crate::log::Position;
use crate::prompt::Decision;
use crate::{ItemId, Millis, PromptId};

/// One thing that a person sent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Item {
    /// Named by the browser that sent it.
    pub id: ItemId,
    /// Its place in the queue: messages are handed over from the lowest up.
    pub seq: u64,
    /// Counts edits: an edit names the version it edits.
    pub version: u32,
    /// The outbox's revision at which this item last changed; a viewer's cursor is the highest it has seen.
    pub rev: u64,
    /// Who.
    pub by: Person,
    /// When it was saved.
    pub at: Millis,
    /// Where the log stood when it was saved, which is where to show it until the log has it.
    pub after: Position,
    /// What.
    pub what: What,
    /// It is a message on its way to the workspace, or was at some time: it can't be changed or taken back any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(optional, as = "Option<bool>")]
    pub handed: bool,
    /// How far it has come.
    pub state: ItemState,
}

/// What a person sent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// A message to Claude.
    Message {
        /// What it says.
        text: String,
        /// Give it to the running turn instead of waiting for its end.
        #[serde(default)]
        steer: bool,
        /// The message whose fate is unknown and which this one repeats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        again_of: Option<ItemId>,
    },
    /// An answer to a prompt.
    Answer {
        /// The prompt.
        prompt: PromptId,
        /// The answer.
        decision: Decision,
    },
    /// Stop the turn that runs for this message. One that comes too late stops nothing else.
    Stop {
        /// The message; none for a turn that Claude began by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        message: Option<ItemId>,
    },
    /// Continue the interrupted turn of a message whose fate is unknown.
    Continue {
        /// The message.
        message: ItemId,
    },
}

impl What {
    /// How many bytes a person wrote, about.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Message { text, .. } => text.len(),
            Self::Answer { decision, .. } => decision.bytes(),
            Self::Stop { .. } | Self::Continue { .. } => 0,
        }
    }
}

/// How far an item has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ItemState {
    /// Safe in the store.
    Saved,
    /// Safe in the workspace.
    Delivered,
    /// Claude works on it.
    Started,
    /// Its turn ended; or, for anything but a message, it took effect.
    Done,
    /// It will not be done.
    Refused {
        /// Why.
        code: ErrorCode,
    },
    /// Nobody knows what became of it.
    Unknown {
        /// Why.
        why: Unknown,
    },
    /// Taken back by a person before it was delivered.
    Cancelled,
}

impl ItemState {
    /// Whether nothing more will happen to it by itself.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Saved | Self::Delivered | Self::Started => false,
            Self::Done | Self::Refused { .. } | Self::Unknown { .. } | Self::Cancelled => true,
        }
    }
}
