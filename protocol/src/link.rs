//! Messages of the link that are JSON. Events and bodies travel beside them in binary frames ([`crate::frame`]).

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

use crate::close::ErrorCode;
use crate::event::Person;
use crate::limits::TERMINAL_IDLE_MS;
use crate::log::LogEnd;
use crate::prompt::Decision;
use crate::settings::{ModelName, Settings};
use crate::status::Versions;
use crate::terminal::{TerminalEnd, TerminalRequest, TerminalView};
use crate::{BlockId, ConversationId, ItemId, Millis, Position, PromptId, TerminalId, ToolUseId};

/// From the workspace-agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromAgent {
    /// The first message on every link.
    Hello(Hello),
    /// What a conversation is doing right now, beyond its log. Replaces what was said before.
    Activity {
        /// Whose.
        conversation: ConversationId,
        /// What.
        activity: Activity,
    },
    /// Live text: more of a block that is not final yet.
    Delta(Delta),
    /// Live blocks that will never be final: take them back. None: all of the conversation's.
    Retract {
        /// Whose.
        conversation: ConversationId,
        /// Which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<BlockId>,
    },
    /// An outbox item that leaves no trace in the log is dealt with.
    Settled {
        /// Whose.
        conversation: ConversationId,
        /// Which.
        item: ItemId,
        /// Refused, or done if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<ErrorCode>,
    },
    /// What the CLI offers. Replaces what was said before.
    Catalog(Catalog),
    /// How the workspace fares, every half minute.
    Report(Report),
    /// All terminals there are: what is not among them is gone. Said once on every link, after the welcome.
    Terminals {
        /// They.
        terminals: Vec<TerminalView>,
    },
    /// A terminal is new or changed.
    Terminal {
        /// All of it.
        terminal: TerminalView,
    },
    /// A terminal is gone.
    TerminalGone {
        /// Which.
        terminal: TerminalId,
        /// Why.
        why: TerminalEnd,
    },
    /// What the hub wanted of a terminal is done.
    TerminalDone {
        /// Which request.
        re: u64,
    },
    /// What the hub wanted of a terminal is refused; nothing of it was done.
    TerminalRefused {
        /// Which request.
        re: u64,
        /// Why.
        code: ErrorCode,
        /// For logs and scripts.
        message: String,
    },
}

/// The first message on every link.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// This run of the workspace-agent: another one means that every process in the workspace is new.
    pub boot: Uuid,
    /// What runs there.
    pub versions: Versions,
    /// What it can do beyond version 1's beginnings: [`crate::terminal::CAPABILITY`].
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The end of every journal it holds.
    pub logs: Vec<LogEnd>,
}

/// Live text of one block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delta {
    /// Whose.
    pub conversation: ConversationId,
    /// The block.
    pub block: BlockId,
    /// What the block is.
    pub what: LiveKind,
    /// The sub-agent's call that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ToolUseId>,
    /// Where `text` starts in the block, in bytes. 0 starts the block over.
    pub at: u64,
    /// What is new.
    pub text: String,
}

/// What a live block is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveKind {
    /// Claude's text.
    Text {},
    /// Claude's thinking.
    Thinking {},
    /// The input of a tool call, as unfinished JSON.
    ToolInput {
        /// The tool.
        tool: String,
    },
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// What a conversation is doing right now, beyond its log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Activity {
    /// What.
    pub what: ActivityKind,
    /// Since when.
    pub since: Millis,
}

/// What a conversation is doing right now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ActivityKind {
    /// Nothing.
    None {},
    /// The CLI waits for its place: as many run as the workspace may have.
    Queued {},
    /// The CLI comes up.
    Starting {},
    /// The model was asked and has not answered yet.
    Requesting {},
    /// The model's answer comes in.
    Responding {},
    /// A tool runs.
    Tool {
        /// The tool.
        tool: String,
    },
    /// The model's API failed; the CLI waits before it tries again.
    Retrying {
        /// Which try comes next.
        attempt: u32,
        /// How many there will be.
        max: u32,
        /// When.
        until: Millis,
        /// The API's HTTP status, if it answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        status: Option<u16>,
    },
    /// The conversation is being summarised to make room.
    Compacting {},
    /// Stop was asked and the turn has not ended yet.
    Stopping {},
    /// The workspace's disk is full: nothing goes on until there is room.
    DiskFull {},
    /// The conversation is open in a terminal: messages wait until that is over.
    InTerminal {
        /// Which one; none for a `claude` that somebody started by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        terminal: Option<TerminalId>,
    },
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// What the CLI offers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
pub struct Catalog {
    /// The models it would take.
    pub models: Vec<ModelOffer>,
    /// Commands that a message may begin with, without the slash.
    pub commands: Vec<CommandOffer>,
}

/// One model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct ModelOffer {
    /// What to ask for.
    pub model: ModelName,
    /// What to call it.
    pub name: String,
    /// What it is, in the CLI's words.
    pub description: String,
}

/// One command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct CommandOffer {
    /// Its name.
    pub name: String,
    /// What it does, in the CLI's words.
    pub description: String,
    /// What may follow it.
    pub argument_hint: String,
}

/// How the workspace fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
pub struct Report {
    /// Bytes free on the user's volume.
    pub user_free: u64,
    /// Bytes of it in all.
    pub user_total: u64,
    /// Bytes free on the state volume.
    pub state_free: u64,
    /// Memory in use in the container, in bytes; 0 if unknown.
    pub memory_used: u64,
    /// Processes in the container.
    pub processes: u32,
}

/// From the control plane.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromControl {
    /// The answer to [`Hello`].
    Welcome(Welcome),
    /// Everything up to here is in the store.
    Stored {
        /// Whose.
        conversation: ConversationId,
        /// The end of the stored log.
        end: Position,
    },
    /// A person's message.
    Deliver(Delivery),
    /// A person's answer to a prompt.
    Answer {
        /// Whose.
        conversation: ConversationId,
        /// The answer's own id.
        item: ItemId,
        /// Who.
        by: Person,
        /// The prompt.
        prompt: PromptId,
        /// The answer.
        decision: Decision,
    },
    /// A person wants the turn stopped.
    Stop {
        /// Whose.
        conversation: ConversationId,
        /// The stop's own id.
        item: ItemId,
        /// Who.
        by: Person,
        /// The message whose turn is meant; none for a turn that Claude began by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<ItemId>,
    },
    /// A person wants an interrupted turn continued.
    Continue {
        /// Whose.
        conversation: ConversationId,
        /// The request's own id.
        item: ItemId,
        /// Who.
        by: Person,
        /// The message whose turn it was.
        message: ItemId,
        /// What the conversation runs with.
        settings: Settings,
        /// See [`Delivery::known`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Position>,
    },
    /// What the conversation runs with from now on.
    Configure {
        /// Whose.
        conversation: ConversationId,
        /// All settings.
        settings: Settings,
        /// See [`Delivery::known`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Position>,
    },
    /// The conversation was deleted: end its process and remove its journal.
    Forget {
        /// Whose.
        conversation: ConversationId,
    },
    /// What is wanted of a terminal.
    Terminal(TerminalRequest),
    /// This control plane goes away. The link will be closed; dial again after this long.
    Drain {
        /// Milliseconds.
        back_in_ms: u64,
    },
}

/// The answer to [`Hello`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// This link. Later links of the same workspace have higher numbers.
    pub link: u64,
    /// The end of every log in the store. What the workspace-agent has beyond this list was deleted.
    pub logs: Vec<LogEnd>,
    /// How to behave.
    pub policy: Policy,
}

/// How the control plane wants a workspace-agent to behave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Policy {
    /// A conversation's process is ended after this long without anything to do.
    pub idle_ms: u64,
    /// How many CLI processes may live at a time; the longest idle one makes room.
    pub max_processes: u32,
    /// Whether a person may switch permissions off.
    pub allow_bypass: bool,
    /// A turn of which nothing is heard for this long is looked after.
    #[serde(default = "three_minutes")]
    pub silent_ms: u64,
    /// A terminal that nobody watches, in which nothing is typed or printed, is closed after this long; 0: never.
    #[serde(default = "terminal_idle_ms")]
    pub terminal_idle_ms: u64,
}

const fn terminal_idle_ms() -> u64 {
    TERMINAL_IDLE_MS
}

const fn three_minutes() -> u64 {
    180_000
}

/// A person's message on its way to Claude.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Whose.
    pub conversation: ConversationId,
    /// The message's id.
    pub item: ItemId,
    /// Who.
    pub by: Person,
    /// What it says.
    pub text: String,
    /// Give it to the running turn.
    #[serde(default)]
    pub steer: bool,
    /// The message that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_of: Option<ItemId>,
    /// What the conversation runs with.
    pub settings: Settings,
    /// The end of the log that this was said in view of: what happened after it was not known to whoever says this. None:
    /// all was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Position>,
}
