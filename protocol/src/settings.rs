//! What a conversation runs with: the model and the permission mode.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::bounded::bounded_string;

bounded_string!(
    /// A model's name as the CLI takes it: an alias (`opus`) or a full name.
    ModelName,
    128
);

/// What Claude may do without asking. The names are the CLI's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Asks before anything that changes something.
    #[default]
    Default,
    /// Edits files in the workspace without asking.
    AcceptEdits,
    /// Reads and plans; changes nothing.
    Plan,
    /// Refuses instead of asking.
    DontAsk,
    /// The CLI decides, with a safety check of the vendor's. Not offered: the check can't pass a gateway.
    Auto,
    /// Asks for nothing. Off unless the operator allows it.
    BypassPermissions,
}

impl Mode {
    /// The CLI's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::AcceptEdits => "acceptEdits",
            Self::Plan => "plan",
            Self::DontAsk => "dontAsk",
            Self::Auto => "auto",
            Self::BypassPermissions => "bypassPermissions",
        }
    }

    /// The mode of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Default, Self::AcceptEdits, Self::Plan, Self::DontAsk, Self::Auto, Self::BypassPermissions]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }

    /// Whether less is asked in it than by default: choosing it answers prompts beforehand.
    pub const fn asks_less(self) -> bool {
        match self {
            Self::AcceptEdits | Self::Auto | Self::BypassPermissions => true,
            Self::Default | Self::Plan | Self::DontAsk => false,
        }
    }

    /// What remains of the mode in a new process. A mode that loosens is never revived: the process that the
    /// person loosened is gone, and they are not looking at the new one.
    pub const fn after_restart(self) -> Self {
        match self {
            Self::Plan => Self::Plan,
            Self::DontAsk => Self::DontAsk,
            Self::Default | Self::AcceptEdits | Self::Auto | Self::BypassPermissions => Self::Default,
        }
    }
}

/// What a conversation runs with.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settings {
    /// The model, or the CLI's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub model: Option<ModelName>,
    /// The permission mode.
    #[serde(default)]
    pub mode: Mode,
}
