//! Messages between an operator's browser and the control plane: JSON text frames, both ways. Counts and states only:
//! nothing here comes out of a conversation.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::close::ErrorCode;
use crate::status::{Reason, WorkspaceStatus};
use crate::{Millis, UserId, WorkspaceId};

/// A workspace, as operators see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct FleetRow {
    /// Which.
    pub workspace: WorkspaceId,
    /// Whose.
    pub user: UserId,
    /// What they are called.
    pub name: String,
    /// Their e-mail address, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub email: Option<String>,
    /// The workspace's state, why, since when, its link and its versions.
    pub status: WorkspaceStatus,
    /// How long the last ping on its link took, there and back, in microseconds; absent while it is not linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub round_trip_us: Option<u32>,
    /// Its conversations; absent until they are counted, and while it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub conversations: Option<Counts>,
    /// What last went wrong with it, as far as this control plane remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last_error: Option<LastError>,
}

/// How many conversations of a workspace are in which state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
pub struct Counts {
    /// All of them.
    pub total: u32,
    /// Those with a Claude process.
    pub live: u32,
    /// Those whose turn runs.
    pub working: u32,
    /// Those whose turn waits for a person.
    pub waiting: u32,
    /// Those whose turn shows no sign of life.
    pub not_responding: u32,
    /// Open prompts, in all of them.
    pub prompts: u32,
}

/// Something that went wrong with a workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct LastError {
    /// When.
    pub at: Millis,
    /// What.
    pub reason: Reason,
}

/// How many workspaces there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
pub struct Totals {
    /// All of them.
    pub workspaces: u32,
    /// Those whose link is up.
    pub connected: u32,
}

/// From an operator: what they want, and a number of their own by which they are told how that went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct FleetRequest {
    /// Named in the [`ToOperator::Done`] or [`ToOperator::Refused`] that follows.
    pub re: u32,
    /// What they want.
    #[serde(flatten)]
    pub body: FromOperator,
}

/// What an operator wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromOperator {
    /// Begin the list anew, with or without workspaces that are stopped.
    List {
        /// With them.
        stopped: bool,
    },
    /// Stop or restart a workspace. Asking again changes nothing: it is the life of the workspace that was seen which is
    /// to end, and once it has ended, it has.
    Act {
        /// Which workspace.
        workspace: WorkspaceId,
        /// The generation of the status that the operator saw.
        seen: u64,
        /// What to do.
        act: Act,
    },
    /// Nothing but an answer: a page can't see the pings of the socket itself.
    Ping {},
}

/// What an operator can do to a workspace. Its data is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Have it not run.
    Stop,
    /// Have it run anew; one that does not run is started.
    Restart,
}

/// From the control plane to an operator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToOperator {
    /// The first message on the socket. The list follows.
    Welcome {
        /// The control plane's version.
        version: String,
    },
    /// Workspaces, whole rows: keep the last of each.
    Fleet {
        /// The list begins: what came before is to be dropped.
        begin: bool,
        /// The list goes on in the next message; otherwise it is whole, as of now.
        more: bool,
        /// New or changed rows.
        rows: Vec<FleetRow>,
        /// Workspaces that are no more.
        gone: Vec<WorkspaceId>,
        /// How many there are.
        totals: Totals,
    },
    /// A request was carried out.
    Done {
        /// Which request.
        re: u32,
    },
    /// A request was refused; nothing of it was done.
    Refused {
        /// Which request.
        re: u32,
        /// Why.
        code: ErrorCode,
        /// For logs and scripts.
        message: String,
        /// It came too soon: made again after so long, it will be looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        back_in_ms: Option<u64>,
    },
}
