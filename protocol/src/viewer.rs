//! Messages between a browser and the control plane: JSON text frames, both ways. The bytes of terminals travel beside them
//! in binary frames ([`crate::frame`]).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ts_rs::TS;

use crate::api::{ConversationView, Me, ModelAccess};
use crate::bounded::bounded_string;
use crate::close::ErrorCode;
use crate::event::Event;
use crate::link::{Activity, Catalog, LiveKind};
use crate::notice::Notice;
use crate::outbox::Item;
use crate::prompt::Decision;
use crate::settings::{Mode, Settings};
use crate::status::WorkspaceStatus;
use crate::terminal::{Terminal, TerminalEnd, TerminalWish};
use crate::{BlockId, ConversationId, ItemId, Position, PromptId, TerminalId, ToolUseId, ViewerId};

bounded_string!(
    /// A conversation's title.
    Title,
    240
);

/// How far a viewer has followed a conversation: one number for each of its three streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
pub struct Cursor {
    /// The log.
    pub log: Position,
    /// The outbox's revision.
    pub outbox: u64,
    /// The notices.
    pub notice: u64,
}

/// From a viewer: what it wants, and a number of its own by which it is told how that went.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct Request {
    /// Named in the [`FromServer::Done`] or [`FromServer::Refused`] that follows.
    pub re: u32,
    /// What it wants.
    #[serde(flatten)]
    pub body: FromViewer,
}

/// What a viewer wants.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromViewer {
    /// Follow a conversation, from a cursor if there is one.
    Open {
        /// Which.
        conversation: ConversationId,
        /// What the viewer has already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        cursor: Option<Cursor>,
    },
    /// Follow it no longer.
    Close {
        /// Which.
        conversation: ConversationId,
    },
    /// Send a message.
    Send {
        /// To which conversation.
        conversation: ConversationId,
        /// The message's id, made by the viewer. Sending it again changes nothing.
        item: ItemId,
        /// What it says.
        text: String,
        /// Give it to the running turn.
        #[serde(default)]
        steer: bool,
        /// The message whose fate is unknown and which this one repeats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        again_of: Option<ItemId>,
    },
    /// Change a message that is still waiting.
    Edit {
        /// In which conversation.
        conversation: ConversationId,
        /// Which message.
        item: ItemId,
        /// The version that was edited.
        version: u32,
        /// What it says now.
        text: String,
    },
    /// Take back a message that is still waiting. One that has not come will change nothing if it comes later.
    Cancel {
        /// In which conversation.
        conversation: ConversationId,
        /// Which message.
        item: ItemId,
    },
    /// Put a waiting message before another one, or at the end.
    Reorder {
        /// In which conversation.
        conversation: ConversationId,
        /// Which message.
        item: ItemId,
        /// Before which; none: at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<ItemId>,
    },
    /// Give a waiting message to the running turn at once.
    SendNow {
        /// In which conversation.
        conversation: ConversationId,
        /// Which message.
        item: ItemId,
    },
    /// Answer a prompt.
    Answer {
        /// In which conversation.
        conversation: ConversationId,
        /// The answer's own id, made by the viewer.
        item: ItemId,
        /// The prompt.
        prompt: PromptId,
        /// The answer.
        decision: Decision,
    },
    /// Stop the running turn.
    Stop {
        /// Of which conversation.
        conversation: ConversationId,
        /// The stop's own id, made by the viewer.
        item: ItemId,
        /// The message whose turn the viewer sees running. None: whichever turn runs when this arrives.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        message: Option<ItemId>,
    },
    /// Continue the interrupted turn of a message whose fate is unknown.
    Continue {
        /// In which conversation.
        conversation: ConversationId,
        /// The request's own id, made by the viewer.
        item: ItemId,
        /// The message.
        message: ItemId,
    },
    /// Change what the conversation runs with.
    Configure {
        /// Which conversation.
        conversation: ConversationId,
        /// All settings.
        settings: Settings,
    },
    /// Nothing but an answer: a page can't see the pings of the socket itself, and wants to know a dead link.
    Ping {},
    /// Something of a terminal. The bytes travel beside it, in binary frames.
    Terminal {
        /// Which.
        terminal: TerminalId,
        /// What.
        wish: TerminalWish,
    },
    /// Start the workspace.
    StartWorkspace {},
    /// Stop the workspace. Its data is kept.
    StopWorkspace {},
}

/// From the control plane.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromServer<'a> {
    /// The first message on every viewer socket.
    Welcome(Box<Welcome>),
    /// A request was carried out (a message: is safe in the store).
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
    /// The workspace is this now.
    Workspace {
        /// All of it.
        status: WorkspaceStatus,
    },
    /// A conversation is new or changed in the list.
    Conversation {
        /// All of it.
        conversation: ConversationView,
    },
    /// A conversation is gone.
    ConversationDeleted {
        /// Which.
        conversation: ConversationId,
    },
    /// What the CLI offers now.
    Catalog {
        /// All of it.
        catalog: Catalog,
    },
    /// Whether the model can be reached.
    Model {
        /// All of it.
        access: ModelAccess,
    },
    /// The viewer follows a conversation from here on; unasked, when a viewer has lagged too far or a new epoch began.
    /// What it has of the outbox and the notices stays right: only what is new of them follows.
    Opened {
        /// Which.
        conversation: ConversationId,
        /// What it gets.
        verdict: Verdict,
        /// The first event that follows, if any follow; earlier ones are asked for as history.
        from: u64,
        /// The end of the log, as it is now: when events up to here have come, the viewer is up to date.
        end: Position,
    },
    /// Events, in order and without holes.
    Events {
        /// Whose.
        conversation: ConversationId,
        /// Their epoch.
        epoch: u64,
        /// The events, as the workspace-agent wrote them.
        #[ts(as = "Vec<Event>")]
        events: Vec<&'a RawValue>,
    },
    /// Outbox items that are new or changed.
    Outbox {
        /// Whose.
        conversation: ConversationId,
        /// The revision that this brings the viewer to.
        rev: u64,
        /// The items, whole.
        items: Vec<Item>,
    },
    /// Notices.
    Notices {
        /// Whose.
        conversation: ConversationId,
        /// The notices, in order.
        notices: Vec<Notice>,
    },
    /// What a conversation is doing right now.
    Activity {
        /// Whose.
        conversation: ConversationId,
        /// What.
        activity: Activity,
    },
    /// More of a block that is not final yet. A block that the viewer doesn't have starts empty.
    Live {
        /// Whose.
        conversation: ConversationId,
        /// The block.
        block: BlockId,
        /// What the block is.
        what: LiveKind,
        /// The sub-agent's call that it belongs to.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        parent: Option<ToolUseId>,
        /// Forget what came before of this block.
        restart: bool,
        /// What is new.
        text: String,
    },
    /// All terminals there are: what is not among them is gone. After the welcome, and whenever the workspace's link comes
    /// or goes.
    Terminals {
        /// This viewer, as `owner` names it.
        you: ViewerId,
        /// Whether terminals can be opened: the workspace runs and its workspace-agent has them.
        available: bool,
        /// They.
        terminals: Vec<Terminal>,
    },
    /// A terminal is new or changed.
    Terminal {
        /// All of it.
        terminal: Terminal,
    },
    /// A terminal is gone.
    TerminalGone {
        /// Which.
        terminal: TerminalId,
        /// Why.
        why: TerminalEnd,
    },
    /// These live blocks will never be final.
    Retract {
        /// Whose.
        conversation: ConversationId,
        /// Which.
        blocks: Vec<BlockId>,
    },
}

/// The first message on every viewer socket.
#[derive(Clone, PartialEq, Debug, Serialize, TS)]
pub struct Welcome {
    /// The control plane's version.
    pub version: String,
    /// Who is signed in.
    pub me: Me,
    /// The workspace.
    pub workspace: WorkspaceStatus,
    /// The conversations that changed last, newest first.
    pub conversations: Vec<ConversationView>,
    /// Whether there are more than these.
    pub more: bool,
    /// Whether the model can be reached.
    pub model: ModelAccess,
    /// What the CLI offers, if one ever ran here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub catalog: Option<Catalog>,
    /// The permission modes that the operator allows.
    pub modes: Vec<Mode>,
}

/// What an attaching viewer gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Verdict {
    /// What it lacks; what it has stays right.
    Resumed {},
    /// The log's newest part; what it has is to be dropped.
    Snapshot {
        /// Why.
        because: Because,
    },
}

/// Why a viewer gets a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It had nothing.
    First,
    /// Too much has happened since its cursor.
    TooFarBehind,
    /// Its cursor lies in an epoch that is over.
    NewEpoch,
    /// Its cursor lies beyond the end.
    Ahead,
}
