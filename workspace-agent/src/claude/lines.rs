//! The CLI's line protocol, incoming half: one line of its stdout to one [`Line`].
//!
//! Pure. The protocol is documented by experiment only; every line is hostile input besides. So parsing never
//! fails: what is not understood is [`Line::Unknown`] and what is understood but says nothing to anyone is
//! [`Line::Quiet`].

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// One line of the CLI's stdout.
#[derive(Clone, PartialEq, Debug)]
pub enum Line {
    /// A message that carried our id moved on.
    Lifecycle(Lifecycle),
    /// A turn begins. Repeated at every turn.
    Init(Init),
    /// What the CLI is doing, or a new permission mode.
    Status(Status),
    /// A piece of an answer that is coming in.
    Stream(Stream),
    /// One finished block of an answer.
    Assistant(Assistant),
    /// Tool results, or text that the CLI put into the dialogue by itself.
    User(User),
    /// A turn ended.
    Result(Box<ResultLine>),
    /// The CLI wants to know something from us.
    Request(Request),
    /// The CLI no longer wants to know it.
    Cancel {
        /// The request.
        request_id: String,
    },
    /// An answer to a request of ours.
    Response(Response),
    /// The session's own account of whether anything is owed.
    SessionState {
        /// `running`, `requires_action` or `idle`.
        state: String,
    },
    /// The model's API failed and the CLI waits.
    Retry(ApiRetry),
    /// The conversation was summarised.
    Compacted {
        /// Tokens before.
        before: u64,
        /// Tokens after.
        after: u64,
    },
    /// The conversation was cleared.
    Cleared,
    /// What runs in the background, all of it.
    Background(Vec<Background>),
    /// The commands on offer changed; the list is whole.
    Commands(Value),
    /// Something to tell the user.
    Information {
        /// What.
        text: String,
    },
    /// Understood, and of no interest.
    Quiet,
    /// Not understood.
    Unknown,
}

/// `command_lifecycle`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Lifecycle {
    /// Our id of the message.
    #[serde(rename = "command_uuid")]
    pub item: Uuid,
    /// `queued`, `started`, `completed` or `cancelled`.
    pub state: String,
}

/// `system/init`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Init {
    /// The session; `/clear` changes it.
    pub session_id: String,
    /// The model in use.
    #[serde(default)]
    pub model: String,
    /// The permission mode in use.
    #[serde(default, rename = "permissionMode")]
    pub mode: String,
    /// The CLI's version.
    #[serde(default, rename = "claude_code_version")]
    pub version: String,
}

/// `system/status`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Status {
    /// `requesting`, `compacting` or nothing.
    #[serde(default)]
    pub status: Option<String>,
    /// The permission mode, when it changed.
    #[serde(default, rename = "permissionMode")]
    pub mode: Option<String>,
}

/// `stream_event`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Stream {
    /// The model API's own event.
    pub event: Value,
    /// The API message that it belongs to.
    #[serde(default)]
    pub api_message_id: Option<String>,
    /// The sub-agent's call that it belongs to.
    #[serde(default)]
    pub parent_tool_use_id: Option<String>,
    /// On `message_stop`: blocks that are given up.
    #[serde(default)]
    pub abandoned_blocks: Option<Abandoned>,
}

/// Blocks of a message that are given up.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Abandoned {
    /// From this index on.
    #[serde(default)]
    pub from_block_index: u64,
}

/// `assistant`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Assistant {
    /// The API's message with one finished block.
    pub message: AssistantMessage,
    /// The sub-agent's call that it belongs to.
    #[serde(default)]
    pub parent_tool_use_id: Option<String>,
    /// Why the model's API could not answer; then the text is the CLI's own.
    #[serde(default)]
    pub error: Option<String>,
    /// Cut off by a stop.
    #[serde(default)]
    pub aborted: bool,
}

/// The message of an [`Assistant`] line.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct AssistantMessage {
    /// Its id.
    pub id: String,
    /// Its blocks: one, as far as seen.
    pub content: Vec<Value>,
    /// The model, or `<synthetic>` for the CLI's own words.
    #[serde(default)]
    pub model: String,
}

/// `user`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct User {
    /// What was put into the dialogue.
    pub message: UserMessage,
    /// The tool's own account.
    #[serde(default)]
    pub tool_use_result: Option<Value>,
    /// How each result came about.
    #[serde(default)]
    pub tool_result_meta: Vec<ResultMeta>,
    /// The sub-agent's call that it belongs to.
    #[serde(default)]
    pub parent_tool_use_id: Option<String>,
    /// An echo of what we sent.
    #[serde(default, rename = "isReplay")]
    pub replay: bool,
}

/// The message of a [`User`] line.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct UserMessage {
    /// Text, or blocks.
    pub content: Value,
}

/// How a tool result came about.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct ResultMeta {
    /// The call.
    pub id: String,
    /// Why it did not run, or did not run to its end.
    #[serde(default)]
    pub non_execution_kind: Option<String>,
}

/// `result`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ResultLine {
    /// `success` (which says little), `error_during_execution`, `error_max_turns`, …
    #[serde(default)]
    pub subtype: String,
    /// Whether it failed, really.
    #[serde(default)]
    pub is_error: bool,
    /// The answer, or the error in words.
    #[serde(default)]
    pub result: Option<String>,
    /// What went wrong.
    #[serde(default)]
    pub errors: Vec<String>,
    /// How the turn ended.
    #[serde(default)]
    pub terminal_reason: Option<String>,
    /// The model API's HTTP status, when it failed there.
    #[serde(default)]
    pub api_error_status: Option<u16>,
    /// How long it took.
    #[serde(default)]
    pub duration_ms: u64,
    /// What the session has cost so far, all turns together.
    #[serde(default)]
    pub total_cost_usd: f64,
    /// The turn's tokens.
    #[serde(default)]
    pub usage: LineUsage,
    /// The messages that the turn answers.
    #[serde(default)]
    pub user_message_uuids: Vec<Uuid>,
    /// What set the turn off, when no person did.
    #[serde(default)]
    pub origin: Option<Origin>,
}

impl ResultLine {
    /// Whether the CLI woke by itself: a background task ended.
    pub fn is_unasked(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.kind == "task-notification")
    }

    /// Whether the process says that it can't find the session to resume. It comes before any turn.
    pub fn is_missing_session(&self) -> bool {
        self.is_error
            && self.errors.iter().any(|error| error.starts_with("No conversation found with session ID"))
    }
}

/// What set a turn off.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Origin {
    /// `human`, `task-notification`, …
    #[serde(default)]
    pub kind: String,
}

/// The tokens of a [`ResultLine`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct LineUsage {
    /// Read anew.
    #[serde(default)]
    pub input_tokens: u64,
    /// Written.
    #[serde(default)]
    pub output_tokens: u64,
    /// Read from the cache.
    #[serde(default)]
    pub cache_read_input_tokens: u64,
    /// Written to the cache.
    #[serde(default)]
    pub cache_creation_input_tokens: u64,
}

/// `control_request`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Request {
    /// Names it in the answer.
    pub request_id: String,
    /// What is wanted; `subtype` says which.
    pub request: Value,
}

/// `control_response`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Response {
    /// The request of ours that it answers.
    pub request_id: String,
    /// What was asked for, or the refusal in words.
    pub outcome: Result<Value, String>,
}

/// `system/api_retry`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ApiRetry {
    /// Which try comes next.
    #[serde(default)]
    pub attempt: u32,
    /// How many there will be.
    #[serde(default)]
    pub max_retries: u32,
    /// How long until then.
    #[serde(default)]
    pub retry_delay_ms: f64,
    /// The API's HTTP status, if it answered.
    #[serde(default)]
    pub error_status: Option<u16>,
}

/// One background task.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Background {
    /// The CLI's id.
    #[serde(default)]
    pub task_id: String,
    /// `local_bash`, `local_agent`, …
    #[serde(default)]
    pub task_type: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
}

impl Line {
    /// Whether it shows that a turn goes on. Not what answers us, nor what the CLI says of itself, since it says that again
    /// when it is asked whether it lives.
    pub const fn is_sign_of_life(&self) -> bool {
        !matches!(
            self,
            Self::Response(_) | Self::Background(_) | Self::Commands(_) | Self::SessionState { .. }
        )
    }

    /// Reads one line, without its newline.
    pub fn parse(text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else { return Self::Unknown };
        let Some(kind) = value.get("type").and_then(Value::as_str) else { return Self::Unknown };
        let line = match kind {
            "command_lifecycle" => typed(value, Self::Lifecycle),
            "stream_event" => typed(value, Self::Stream),
            "assistant" => typed(value, Self::Assistant),
            "user" => typed(value, Self::User),
            "result" => typed(value, |result| Self::Result(Box::new(result))),
            "control_request" => typed(value, Self::Request),
            "control_response" => response(value),
            "control_cancel_request" => cancel(&value),
            "system" => system(value),
            "conversation_reset" => Some(Self::Cleared),
            "keep_alive" | "rate_limit_event" | "tool_progress" | "tool_use_summary"
            | "prompt_suggestion" | "transcript_mirror" => Some(Self::Quiet),
            _ => None,
        };
        line.unwrap_or(Self::Unknown)
    }
}

fn typed<T: serde::de::DeserializeOwned>(value: Value, make: impl FnOnce(T) -> Line) -> Option<Line> {
    serde_json::from_value(value).ok().map(make)
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn system(mut value: Value) -> Option<Line> {
    match text(&value, "subtype")?.as_str() {
        "init" => typed(value, Line::Init),
        "status" => typed(value, Line::Status),
        "session_state_changed" => Some(Line::SessionState { state: text(&value, "state")? }),
        "api_retry" => typed(value, Line::Retry),
        "compact_boundary" => {
            let tokens =
                |key| value.get("compact_metadata").and_then(|meta| meta.get(key)).and_then(Value::as_u64);
            Some(Line::Compacted {
                before: tokens("pre_tokens").unwrap_or(0),
                after: tokens("post_tokens").unwrap_or(0),
            })
        }
        "background_tasks_changed" => typed(value.get_mut("tasks")?.take(), Line::Background),
        "commands_changed" => Some(Line::Commands(value.get_mut("commands")?.take())),
        "informational" => Some(Line::Information { text: text(&value, "content")? }),
        "task_started"
        | "task_progress"
        | "task_updated"
        | "task_notification"
        | "thinking_tokens"
        | "permission_denied"
        | "session_title_changed"
        | "control_request_progress"
        | "hook_started"
        | "hook_response"
        | "local_command_run"
        | "ui_invalidate" => Some(Line::Quiet),
        _ => None,
    }
}

fn cancel(value: &Value) -> Option<Line> {
    Some(Line::Cancel { request_id: text(value, "request_id")? })
}

fn response(mut value: Value) -> Option<Line> {
    let response = value.get_mut("response")?;
    let request_id = text(response, "request_id")?;
    let outcome = match text(response, "subtype")?.as_str() {
        "success" => Ok(response.get_mut("response").map(Value::take).unwrap_or_default()),
        _ => Err(text(response, "error").unwrap_or_else(|| "no reason given".to_owned())),
    };
    Some(Line::Response(Response { request_id, outcome }))
}
