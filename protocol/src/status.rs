//! The states of a workspace, each with its reason.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Millis;

/// What a workspace is and why. Whoever watches keeps the one with the highest generation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct WorkspaceStatus {
    /// Counts changes of this status, for ever.
    pub generation: u64,
    /// The state.
    pub phase: Phase,
    /// Since when.
    pub since: Millis,
    /// Whether the workspace-agent's link is up.
    pub linked: bool,
    /// Versions, once the workspace-agent has said them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub versions: Option<Versions>,
}

/// The state of a workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Phase {
    /// No container runs. The data is kept.
    Stopped {
        /// Why it stopped, if it ever ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<Reason>,
    },
    /// On its way up.
    Starting {
        /// How far.
        stage: Stage,
    },
    /// Up: the engine runs it and the workspace-agent has said hello at least once.
    Running {},
    /// Frozen to save CPU; wakes on use.
    Paused {},
    /// On its way down.
    Stopping {},
    /// Something went wrong; starting again is the way out, and so is deleting.
    Failed {
        /// What.
        reason: Reason,
    },
    /// On its way out, with its data.
    Deleting {},
}

/// How far a start has come. In this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The image is looked for.
    Image,
    /// Network, volumes and container are made.
    Create,
    /// The container starts.
    Start,
    /// The workspace-agent gets its certificate.
    Enrol,
    /// The link is up and both sides compare what they have.
    Ready,
}

/// Why something is as it is: a code that the page has words for, and detail for whoever mends it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// What.
    pub code: ReasonCode,
    /// In words, without secrets.
    #[serde(default)]
    pub detail: String,
}

/// Why something is as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// A person asked for it.
    Asked,
    /// An operator asked for it.
    Operator,
    /// An operator wanted it to run anew.
    Restarted,
    /// Nothing happened for a while.
    Idle,
    /// The engine does not answer.
    EngineDown,
    /// The workspace image is not there.
    ImageMissing,
    /// The engine refused.
    EngineRefused,
    /// The network wall could not be put up, so nothing runs behind it.
    WallFailed,
    /// The workspace-agent did not enrol in time.
    NotEnrolled,
    /// The workspace-agent did not come up in time.
    NotReady,
    /// The container ended by itself.
    Exited,
    /// The container ran out of memory.
    OutOfMemory,
    /// The disk is full and this workspace is what fills it.
    DiskFull,
    /// The workspace-agent is too old or too new for this control plane.
    Version,
    /// The user or the workspace was disabled.
    Disabled,
    /// The control plane failed in a way that is its own fault.
    Internal,
}

impl Reason {
    /// A reason without further words.
    pub const fn new(code: ReasonCode) -> Self {
        Self { code, detail: String::new() }
    }

    /// A reason with words.
    pub fn with(code: ReasonCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// What runs in the workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Versions {
    /// The workspace-agent.
    pub workspace_agent: String,
    /// The CLI.
    pub claude: String,
}
