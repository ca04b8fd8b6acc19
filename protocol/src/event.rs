//! The events of a conversation's log, written by the workspace-agent alone.
//!
//! An event is one JSON object of at most [`EVENT_BYTES`](crate::limits::EVENT_BYTES): its number, its time, its
//! `kind`, and the kind's fields. Kinds and fields are only ever added. Whoever passes events on keeps the bytes
//! as they came, so that what it doesn't know survives; whoever reads them skips unknown kinds.
//!
//! Text in events comes from the workspace and is hostile until shown otherwise. Only `message_*`,
//! `prompt_answered` and `stop_asked` stand for what a person did, and the workspace-agent writes those from
//! what the control plane handed it, never from a line of the CLI.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::Payload;
use crate::prompt::{Decision, Prompt, Withdrawal};
use crate::settings::Settings;
use crate::summary::State;
use crate::{BlockId, ItemId, Millis, PromptId, TerminalId, ToolUseId, UserId};

/// One numbered event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct Event {
    /// Its number. Numbers of one conversation have no holes and no repeats, across epochs too.
    pub n: u64,
    /// When the workspace-agent wrote it.
    pub at: Millis,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What every event carries, known kind or not.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct EventHeader {
    /// See [`Event::n`].
    pub n: u64,
    /// See [`Event::at`].
    pub at: Millis,
    /// The kind's name.
    pub kind: String,
}

/// A person, as they are shown in a log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// The name they had then.
    pub name: String,
    /// What they call the token of the script that did it for them; absent: they did it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub token: Option<String>,
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    /// A person's message reached the workspace and is safe there.
    MessageTaken {
        /// The message.
        item: ItemId,
        /// Who sent it.
        by: Person,
        /// What it says.
        content: Payload,
        /// It goes into the running turn instead of starting one.
        #[serde(default, skip_serializing_if = "is_false")]
        #[ts(optional, as = "Option<bool>")]
        steer: bool,
        /// The message whose fate is unknown and which this one repeats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        again_of: Option<ItemId>,
    },
    /// Claude began to work on the message.
    MessageStarted {
        /// The message.
        item: ItemId,
    },
    /// The process died before any tool was called for the message; a new one was given it again.
    MessageResent {
        /// The message.
        item: ItemId,
        /// How often it has been given again, counting from 1.
        attempt: u32,
    },
    /// The message ended without a result of its own.
    MessageEnded {
        /// The message.
        item: ItemId,
        /// How.
        how: MessageEnd,
    },
    /// Nobody knows what became of the message. A person decides: continue, or send again.
    MessageUnknown {
        /// The message.
        item: ItemId,
        /// Why nobody knows.
        why: Unknown,
        /// The calls that had begun and whose outcome is not known.
        tools: Vec<OpenTool>,
    },
    /// A person had Claude continue a turn whose fate was unknown.
    MessageContinued {
        /// The message.
        message: ItemId,
        /// The request's own id in the outbox.
        item: ItemId,
        /// Who.
        by: Person,
    },
    /// A person asked to stop the turn.
    StopAsked {
        /// The stop's own id in the outbox.
        item: ItemId,
        /// Who.
        by: Person,
        /// The message that it was for; none for a turn that Claude began by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        message: Option<ItemId>,
    },
    /// A finished block of Claude's text.
    Text {
        /// The block; replaces live text of the same id.
        block: BlockId,
        /// Markdown.
        text: Payload,
        /// The sub-agent's call that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        parent: Option<ToolUseId>,
        /// Cut off by a stop.
        #[serde(default, skip_serializing_if = "is_false")]
        #[ts(optional, as = "Option<bool>")]
        aborted: bool,
    },
    /// A finished block of Claude's thinking.
    Thinking {
        /// The block; replaces live text of the same id.
        block: BlockId,
        /// Plain text; empty when the model doesn't show it.
        text: Payload,
        /// The sub-agent's call that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        parent: Option<ToolUseId>,
    },
    /// Claude calls a tool.
    ToolCall {
        /// The block; replaces live input of the same id.
        block: BlockId,
        /// The call.
        tool_use: ToolUseId,
        /// The tool.
        tool: String,
        /// What it acts on, in one line.
        subject: String,
        /// Everything it is given.
        input: Payload,
        /// The sub-agent's call that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        parent: Option<ToolUseId>,
    },
    /// What a call came to.
    ToolResult {
        /// The call.
        tool_use: ToolUseId,
        /// What Claude is told.
        content: Payload,
        /// The tool's own, structured account (a patch, for an edit), without copies of whole files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        details: Option<Payload>,
        /// How it ended.
        outcome: ToolOutcome,
        /// The sub-agent's call that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        parent: Option<ToolUseId>,
    },
    /// Claude puts a question to a person.
    PromptAsked(Prompt),
    /// A person answered.
    PromptAnswered {
        /// The prompt.
        prompt: PromptId,
        /// The answer's own id in the outbox.
        item: ItemId,
        /// Who.
        by: Person,
        /// What.
        decision: Decision,
    },
    /// The prompt is closed without an answer that counted.
    PromptWithdrawn {
        /// The prompt.
        prompt: PromptId,
        /// Why.
        why: Withdrawal,
        /// A person had answered, but Claude had not taken the answer.
        #[serde(default, skip_serializing_if = "is_false")]
        #[ts(optional, as = "Option<bool>")]
        answer_not_taken: bool,
    },
    /// Claude's own list of what it means to do. Replaces the one before.
    Tasks {
        /// All of them, in order.
        tasks: Vec<Task>,
    },
    /// What runs on in the background. Replaces the list before.
    Background {
        /// All of it.
        tasks: Vec<BackgroundTask>,
    },
    /// A turn ended.
    Result(TurnResult),
    /// The model's API failed and the CLI tries again: what was said of the current answer is taken back.
    Retry {
        /// Which try this will be, counting from 1.
        attempt: u32,
        /// How many there will be at most.
        max: u32,
        /// How long the CLI waits before it.
        delay_ms: u64,
        /// The HTTP status, if there was an answer at all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        status: Option<u16>,
    },
    /// The conversation changed its state.
    State {
        /// The new state.
        state: State,
    },
    /// A CLI process serves the conversation from here on, in this session. It is said again of the same process when that
    /// goes over to another session, as it does for `/clear`.
    ProcessStarted {
        /// The CLI's session id.
        session: String,
        /// The CLI's version.
        version: String,
        /// The model that it uses, by its full name.
        model: String,
        /// It took up an earlier session.
        resumed: bool,
    },
    /// The CLI process ended.
    ProcessEnded {
        /// Why.
        why: ProcessEnd,
        /// The exit status in words, and what it last said on its error stream.
        detail: String,
    },
    /// The model or the permission mode is another from here on.
    SettingsChanged {
        /// All settings, as they are now.
        settings: Settings,
        /// Why.
        why: SettingsChange,
    },
    /// The conversation is open in Claude's own screen from here on, and held in the chat.
    TerminalOpened {
        /// In which terminal; none: somebody started `claude` by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        terminal: Option<TerminalId>,
    },
    /// That is over. What was said there was imported just before, as `terminal_typed` and as events of Claude
    /// as ever.
    TerminalClosed {
        /// Rows of the session's record that became events.
        rows: u32,
        /// Rows that did not: more than is taken, or not to be read.
        left_out: u32,
        /// The last row that was looked at. What was added is looked for behind it the next time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        row: Option<String>,
        /// The CLI's session from here on, if it is another one: `/clear` begins one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        session: Option<String>,
    },
    /// What the session's record says was typed into Claude's own screen. Anything in the workspace can write that record:
    /// it is shown as typed in a terminal, and never as a person's message.
    TerminalTyped {
        /// The row's id.
        row: String,
        /// What was typed.
        content: Payload,
    },
    /// The CLI summarised the conversation to make room.
    Compacted {
        /// Tokens before.
        before: u64,
        /// Tokens after.
        after: u64,
    },
    /// The CLI forgot the conversation so far (`/clear`). The log keeps it. The session of before is not taken up again.
    Cleared {},
    /// Something went wrong that is not a turn's result.
    Trouble {
        /// What.
        what: Trouble,
        /// In words, for whoever mends it.
        detail: String,
    },
    /// The log goes on in a new epoch: what the journal and the store held could not be joined, or the machine may have
    /// lost the journal's end. Prompts that are open, and the state, are told anew after it.
    EpochBegan {
        /// The messages that are in the workspace still. What became of any other that was delivered, nobody knows.
        held: Vec<ItemId>,
        /// Events are known to be lost.
        lost: bool,
    },
    /// The turn shows no sign of life; what is done about it.
    Silent {
        /// What.
        step: SilentStep,
        /// For how long nothing was heard.
        for_ms: u64,
    },
    /// The CLI tells the user something.
    Note {
        /// What.
        text: Payload,
    },
    /// A line of the CLI that this version doesn't know, as it came.
    Opaque {
        /// The line.
        line: Payload,
    },
}

/// How a message ended without a result of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MessageEnd {
    /// Stopped by a person before it came to a result.
    Stopped,
    /// It became part of another turn.
    Folded,
    /// The CLI had nothing to do for it (a local command, say).
    Nothing,
    /// It could not be given to Claude; the trouble is told beside it.
    Failed,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// Why a message's fate is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// The process died after tools were called.
    ToolsCalled,
    /// Claude had answered, but the answer was lost with the process.
    AnswerLost,
    /// The process died again and again.
    KeepsDying,
    /// The workspace's record of it was lost.
    HistoryLost,
    /// The machine stopped at once while Claude was at work; the end of the record may be lost.
    MachineStopped,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// What is done about a turn that shows no sign of life, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SilentStep {
    /// It was noticed, and the process is asked whether it lives.
    Asked,
    /// The process answers; the turn is given more time.
    Answered,
    /// The turn is interrupted.
    Interrupted,
    /// The process is ended. What becomes of the message is decided as after any death.
    Ended,
    /// Something was heard again.
    Over,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// A call that had begun when the process died.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct OpenTool {
    /// The call.
    pub tool_use: ToolUseId,
    /// The tool.
    pub tool: String,
    /// What it acts on.
    pub subject: String,
}

/// How a tool call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ToolOutcome {
    /// It ran.
    Ok,
    /// It ran and failed.
    Failed,
    /// It was not allowed to run.
    Denied,
    /// It was stopped.
    Stopped,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// One entry of Claude's task list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Task {
    /// Its id in the list.
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// How far it is.
    pub status: TaskStatus,
}

/// How far a task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Not begun.
    Pending,
    /// Begun.
    InProgress,
    /// Done.
    Completed,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// Something that runs on while the conversation doesn't wait for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct BackgroundTask {
    /// The CLI's id for it.
    pub id: String,
    /// `local_bash`, `local_agent` and others that may come.
    pub task_type: String,
    /// What it is, in the CLI's words.
    pub description: String,
}

/// How a turn ended and what it took.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
pub struct TurnResult {
    /// The messages that it answers. None, when Claude woke by itself.
    pub items: Vec<ItemId>,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, in the CLI's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<TurnError>,
    /// How long it took.
    pub duration_ms: u64,
    /// What it cost, as the CLI reckons it.
    pub cost_usd: f64,
    /// Tokens it took.
    pub usage: Usage,
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Claude finished.
    Completed,
    /// A person stopped it.
    Stopped,
    /// It failed; the error says how.
    Failed,
    /// It reached the turn limit or the budget.
    Limit,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// What went wrong with a turn.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct TurnError {
    /// The HTTP status of the model's API, if that is where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub status: Option<u16>,
    /// In the CLI's words.
    pub text: String,
}

/// Tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
pub struct Usage {
    /// Read anew.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
}

/// Why a CLI process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ProcessEnd {
    /// Nothing to do for a while; its memory was given back.
    Idle,
    /// The workspace stopped.
    WorkspaceStopped,
    /// A person's stop needed it.
    Stopped,
    /// Something that it was started with changed.
    Replaced,
    /// It showed no sign of life.
    Silent,
    /// It could not be started or would not come up.
    Failed,
    /// It ended by itself in mid-work, or was killed.
    Died,
    /// The log has reached its largest size.
    LogFull,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// Why the settings changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SettingsChange {
    /// A person asked.
    Asked,
    /// Claude or an answered prompt changed them.
    Claude,
    /// A new process: a mode that loosens is never revived.
    Restarted,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

impl SettingsChange {
    /// What settings come to when they change to others for this reason. A restart may know a mode and no model.
    pub fn applied(self, before: &Settings, to: &Settings) -> Settings {
        let known = before.model.as_ref().filter(|_| self == Self::Restarted);
        Settings { model: to.model.as_ref().or(known).cloned(), mode: to.mode }
    }
}

/// What went wrong outside of a turn's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The CLI could not be started.
    CantStart,
    /// A line of the CLI was longer than is taken.
    LineDropped,
    /// The journal could not be written: the disk is full.
    DiskFull,
    /// The CLI said something that is not its protocol.
    Garbled,
    /// The CLI's own record of the conversation is gone: Claude begins anew, without memory of what was said.
    SessionLost,
    /// A setting could not be changed.
    SettingRefused,
    /// The log has reached its largest size: nothing goes on in this conversation.
    LogFull,
    /// The journal holds something that the workspace-agent can't read, an older one than wrote it.
    Unreadable,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
