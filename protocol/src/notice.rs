//! What the control plane has to tell in a conversation while nothing else can write there.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Millis;
use crate::log::Position;
use crate::status::Reason;

/// One notice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    /// Its number, from 1, without holes.
    pub m: u64,
    /// When.
    pub at: Millis,
    /// Where the log stood.
    pub after: Position,
    /// What.
    pub what: NoticeKind,
}

/// What a notice tells.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NoticeKind {
    /// The workspace could not be started for what waits in the outbox.
    StartFailed {
        /// Why.
        reason: Reason,
    },
    /// The workspace went away in mid-turn.
    WorkspaceLost {
        /// Why.
        reason: Reason,
    },
    /// The control plane was restarted in mid-turn.
    ControlPlaneRestarted {},
    /// The model gateway refused requests: the budget is used up.
    BudgetReached {
        /// The budget, in millionths of a US dollar.
        limit_micro_usd: u64,
    },
    /// The workspace's memory ran out and the kernel ended a process.
    OutOfMemory {},
}
