//! The CLI's lines to what the log says of them. Pure.
//!
//! Everything in a line is hostile: names and ids are cut to their bounds, content goes under the size rule, and
//! nothing here makes an event that stands for a person's act.

use protocol::bounded::clip;
use protocol::event::{EventBody, OpenTool, Outcome, ToolOutcome, TurnError, TurnResult, Usage};
use protocol::payload::{Body, Payload, short};
use protocol::{ItemId, ToolUseId};
use serde_json::Value;

use super::blocks::Blocks;
use super::lines::{Assistant, ResultLine, User};
use super::subject::subject;

/// What is kept of a line that isn't understood.
const OPAQUE_BYTES: usize = 256 * 1024;
/// How long a tool's name may be, in bytes.
const NAME_BYTES: usize = 128;
/// How long the CLI's words about a failure may be, in bytes.
const ERROR_BYTES: usize = 4096;

/// An event to be numbered, with the bodies that its payloads were cut from.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// What happened.
    pub event: EventBody,
    /// The bodies of cut payloads.
    pub bodies: Vec<Body>,
}

impl Draft {
    /// An event without large content.
    pub const fn plain(event: EventBody) -> Self {
        Self { event, bodies: Vec::new() }
    }

    /// An event with one payload of text.
    pub fn text(text: String, make: impl FnOnce(Payload) -> EventBody) -> Self {
        let (payload, body) = Payload::text(text);
        Self { event: make(payload), bodies: body.into_iter().collect() }
    }

    /// An event with one JSON payload.
    pub fn json(value: Value, make: impl FnOnce(Payload) -> EventBody) -> Self {
        let (payload, body) = Payload::json(value);
        Self { event: make(payload), bodies: body.into_iter().collect() }
    }

    /// A line that isn't understood, as it came; of a long one the beginning. Nothing that is known makes long ones.
    pub fn opaque(line: &str) -> Self {
        let kept = clip(line, OPAQUE_BYTES);
        if kept.len() < line.len() {
            let cut = format!("{kept}\n… {} more bytes were not kept", line.len() - kept.len());
            return Self::text(cut, |line| EventBody::Opaque { line });
        }
        match serde_json::from_str(line) {
            Ok(value) => Self::json(value, |line| EventBody::Opaque { line }),
            Err(_) => Self::text(line.to_owned(), |line| EventBody::Opaque { line }),
        }
    }
}

/// The events of one finished block (or more, should the CLI ever put more into a line).
pub fn assistant(line: Assistant, blocks: &mut Blocks) -> Vec<Draft> {
    let parent = line.parent_tool_use_id.as_deref().and_then(ToolUseId::new);
    let (id, aborted) = (line.message.id, line.aborted);
    line.message
        .content
        .into_iter()
        .map(|content| block(&id, content, blocks, parent.clone(), aborted))
        .collect()
}

fn block(
    message: &str,
    mut content: Value,
    blocks: &mut Blocks,
    parent: Option<ToolUseId>,
    aborted: bool,
) -> Draft {
    let kind = string(&content, "type").to_owned();
    match kind.as_str() {
        "text" => {
            let block = blocks.finish(message, &kind);
            Draft::text(take_string(&mut content, "text"), |text| EventBody::Text {
                block,
                text,
                parent,
                aborted,
            })
        }
        "thinking" | "redacted_thinking" => {
            let block = blocks.finish(message, &kind);
            let text = take_string(&mut content, "thinking");
            Draft::text(text, |text| EventBody::Thinking { block, text, parent })
        }
        "tool_use" | "server_tool_use" | "mcp_tool_use" => {
            let block = blocks.finish(message, &kind);
            let tool_use = ToolUseId::clipped(string(&content, "id"));
            let tool = short(string(&content, "name"), NAME_BYTES);
            let input = content.get_mut("input").map(Value::take).unwrap_or_default();
            let subject = subject(&tool, &input);
            Draft::json(input, |input| EventBody::ToolCall { block, tool_use, tool, subject, input, parent })
        }
        _ => Draft::opaque(&content.to_string()),
    }
}

/// The results of tool calls that a line reports. Its text is not shown: what claims to be a user's message
/// comes from the control plane alone.
pub fn tool_results(line: User) -> Vec<Draft> {
    let parent = line.parent_tool_use_id.as_deref().and_then(ToolUseId::new);
    let Value::Array(content) = line.message.content else { return Vec::new() };
    let mut details = line.tool_use_result;
    let results = content.into_iter().filter(|block| string(block, "type") == "tool_result");
    results
        .map(|mut block| {
            let id = string(&block, "tool_use_id").to_owned();
            let failed = block.get("is_error").and_then(Value::as_bool).unwrap_or(false);
            let meta = line.tool_result_meta.iter().find(|meta| meta.id == id);
            let outcome = outcome(failed, meta.and_then(|meta| meta.non_execution_kind.as_deref()));
            let content = block.get_mut("content").map(Value::take).unwrap_or_default();
            tool_result(ToolUseId::clipped(&id), content, details.take(), outcome, parent.clone())
        })
        .collect()
}

fn outcome(failed: bool, non_execution: Option<&str>) -> ToolOutcome {
    match (failed, non_execution) {
        (_, Some("user-rejected" | "aborted" | "interrupted")) => ToolOutcome::Stopped,
        (_, Some(_)) => ToolOutcome::Denied,
        (true, None) => ToolOutcome::Failed,
        (false, None) => ToolOutcome::Ok,
    }
}

fn tool_result(
    tool_use: ToolUseId,
    content: Value,
    details: Option<Value>,
    outcome: ToolOutcome,
    parent: Option<ToolUseId>,
) -> Draft {
    let (content, body) = match plain_text(content) {
        Ok(text) => Payload::text(text),
        Err(blocks) => Payload::json(blocks),
    };
    let mut bodies: Vec<Body> = body.into_iter().collect();
    let details = details.and_then(without_copies).map(|details| {
        let (payload, body) = Payload::json(details);
        bodies.extend(body);
        payload
    });
    Draft { event: EventBody::ToolResult { tool_use, content, details, outcome, parent }, bodies }
}

/// Text, if the content is text or text blocks only; otherwise the content.
fn plain_text(content: Value) -> Result<String, Value> {
    match content {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        Value::Array(blocks) if blocks.iter().all(|block| string(block, "type") == "text") => {
            let texts: Vec<&str> = blocks.iter().map(|block| string(block, "text")).collect();
            Ok(texts.join("\n"))
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(other),
    }
}

/// The tool's own account without what is only a copy: the whole file before an edit (a line of 11 MB was seen)
/// and pictures, which the content has already. A plain string repeats the content.
fn without_copies(mut details: Value) -> Option<Value> {
    let fields = details.as_object_mut()?;
    fields.remove("originalFile");
    if let Some(Value::Object(file)) = fields.get_mut("file") {
        file.remove("base64");
    }
    Some(details)
}

/// What the log says of the end of a turn. `cost_usd` is the turn's own share.
pub fn result(line: &ResultLine, items: Vec<ItemId>, cost_usd: f64) -> TurnResult {
    let aborted = line.terminal_reason.as_deref().is_some_and(|reason| reason.starts_with("aborted"));
    let outcome = match line.subtype.as_str() {
        "error_max_turns" | "error_max_budget_usd" => Outcome::Limit,
        _ if aborted => Outcome::Stopped,
        _ if line.is_error => Outcome::Failed,
        _ => Outcome::Completed,
    };
    let error = matches!(outcome, Outcome::Failed | Outcome::Limit).then(|| {
        let words = line.result.clone().unwrap_or_else(|| line.errors.join("\n"));
        TurnError { status: line.api_error_status, text: short(&words, ERROR_BYTES) }
    });
    let usage = Usage {
        input: line.usage.input_tokens,
        output: line.usage.output_tokens,
        cache_read: line.usage.cache_read_input_tokens,
        cache_write: line.usage.cache_creation_input_tokens,
    };
    TurnResult { items, outcome, error, duration_ms: line.duration_ms, cost_usd, usage }
}

/// The call that this event begins, if it begins one.
pub fn open_tool(event: &EventBody) -> Option<OpenTool> {
    if let EventBody::ToolCall { tool_use, tool, subject, .. } = event {
        return Some(OpenTool { tool_use: tool_use.clone(), tool: tool.clone(), subject: subject.clone() });
    }
    None
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn take_string(value: &mut Value, key: &str) -> String {
    match value.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}
