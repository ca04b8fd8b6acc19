//! What Claude's own screen added to the record of a session, as events. Pure.
//!
//! The record, one JSON object a line, is documented by experiment only, and it is the user's to write: a row that is not
//! understood is left out, and nothing here makes an event that stands for a person's act.

use protocol::event::{EventBody, Outcome, TurnError, TurnResult, Usage};
use protocol::payload::short;
use serde::Deserialize;
use serde_json::Value;

use super::blocks::Blocks;
use super::events::{self, Draft};
use super::lines::{Assistant, AssistantMessage, LineUsage, User, UserMessage};

/// Events that one part of a record becomes at most.
const MAX_DRAFTS: usize = 4_000;
/// How long a row's id may be, in bytes.
const ROW_BYTES: usize = 64;

/// What was added to the record of one session.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Added {
    /// The session.
    pub session: String,
    /// Whether there is a record at all.
    pub exists: bool,
    /// What it comes to.
    pub drafts: Vec<Draft>,
    /// Rows that became events.
    pub rows: u32,
    /// Rows that did not, and would have if they could be read, or were fewer.
    pub left_out: u32,
    /// The record's last row.
    pub last: Option<String>,
    /// What the session has cost so far, all turns together.
    pub cost_usd: Option<f64>,
}

/// One row, as far as it is of interest.
#[derive(Deserialize)]
struct Row {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    subtype: String,
    #[serde(default)]
    uuid: String,
    #[serde(default, rename = "isMeta")]
    meta: bool,
    #[serde(default, rename = "isCompactSummary")]
    summary: bool,
    #[serde(default)]
    message: Option<Value>,
    #[serde(default, rename = "toolUseResult")]
    tool_use_result: Option<Value>,
    #[serde(default)]
    attachment: Option<Value>,
    #[serde(default)]
    content: Option<Value>,
    #[serde(default, rename = "isApiErrorMessage")]
    api_error: bool,
    #[serde(default, rename = "durationMs")]
    duration_ms: u64,
    #[serde(default, rename = "totalCostUSD")]
    cost_usd: Option<f64>,
    #[serde(default, rename = "compactMetadata")]
    compacted: Option<Compacted>,
}

#[derive(Deserialize)]
struct Compacted {
    #[serde(default, rename = "preTokens")]
    before: u64,
    #[serde(default, rename = "postTokens")]
    after: u64,
}

/// What a turn in the record has come to so far.
#[derive(Default)]
struct Turn {
    /// Claude said something.
    answered: bool,
    stopped: bool,
    failed: Option<String>,
    usage: Usage,
    /// The answer whose tokens are counted: all of its rows name them.
    counted: String,
}

/// Reads rows, in their order.
#[derive(Default)]
pub struct Reader {
    added: Added,
    turn: Turn,
    blocks: Blocks,
}

impl Reader {
    /// Takes one row.
    pub fn row(&mut self, line: &str) {
        let row = serde_json::from_str::<Row>(line).ok();
        let Some(row) = row.filter(|_| self.added.drafts.len() < MAX_DRAFTS) else {
            self.added.left_out += 1;
            return;
        };
        let before = self.added.drafts.len();
        match (row.kind.as_str(), row.subtype.as_str()) {
            ("user", _) => self.user(row),
            ("assistant", _) => self.assistant(row),
            ("attachment", _) => self.queued(&row),
            ("system", "turn_duration") => self.end_turn(row.duration_ms),
            ("system", "local_command") => self.note(row.content.as_ref().and_then(Value::as_str)),
            ("system", "compact_boundary") => {
                let Compacted { before, after } = row.compacted.unwrap_or(Compacted { before: 0, after: 0 });
                self.add(EventBody::Compacted { before, after });
            }
            ("cost-state", _) => self.added.cost_usd = row.cost_usd.or(self.added.cost_usd),
            _ => {}
        }
        self.added.rows += u32::from(self.added.drafts.len() > before);
    }

    /// That was all of them.
    pub fn finish(mut self) -> Added {
        self.end_turn(0);
        self.added
    }

    fn add(&mut self, event: EventBody) {
        self.added.drafts.push(Draft::plain(event));
    }

    /// What was typed, told to Claude by its own screen, or came of its tools.
    fn user(&mut self, row: Row) {
        if row.meta || row.summary {
            return;
        }
        let content = row.message.and_then(|mut message| message.get_mut("content").map(Value::take));
        match content {
            Some(Value::String(text)) => self.said(row.uuid, &text),
            Some(Value::Array(blocks)) => {
                let text = |block: &Value| {
                    let text = block.get("text").and_then(Value::as_str);
                    text.map(str::to_owned)
                };
                let texts: Vec<String> = blocks.iter().filter_map(text).collect();
                let user = User {
                    message: UserMessage { content: Value::Array(blocks) },
                    tool_use_result: row.tool_use_result,
                    tool_result_meta: Vec::new(),
                    parent_tool_use_id: None,
                    replay: false,
                };
                self.added.drafts.extend(events::tool_results(user));
                if !texts.is_empty() {
                    self.said(row.uuid, &texts.join("\n"));
                }
            }
            _ => self.added.left_out += 1,
        }
    }

    fn said(&mut self, row: String, text: &str) {
        if text.starts_with("[Request interrupted by user") {
            self.turn.stopped = true;
        } else if let Some(command) = tagged(text, "command-name") {
            let arguments = tagged(text, "command-args").unwrap_or_default();
            self.typed(row, format!("{command} {arguments}").trim_end());
        } else if let Some(command) = tagged(text, "bash-input") {
            self.typed(row, &format!("! {}", command.trim()));
        } else if text.starts_with("<bash-stdout>") || text.starts_with("<local-command-stdout>") {
            self.note(Some(text));
        } else {
            self.typed(row, text);
        }
    }

    fn typed(&mut self, row: String, text: &str) {
        self.end_turn(0);
        let row = short(&row, ROW_BYTES);
        self.added
            .drafts
            .push(Draft::text(text.to_owned(), |content| EventBody::TerminalTyped { row, content }));
    }

    /// What was typed while Claude worked.
    fn queued(&mut self, row: &Row) {
        let Some(attachment) = &row.attachment else { return };
        let queued = attachment.get("type").and_then(Value::as_str) == Some("queued_command");
        let prompt = attachment.get("prompt").and_then(Value::as_str);
        if let Some(prompt) = prompt.filter(|_| queued) {
            let row = short(&row.uuid, ROW_BYTES);
            let typed = |content| EventBody::TerminalTyped { row, content };
            self.added.drafts.push(Draft::text(prompt.to_owned(), typed));
        }
    }

    /// What a command that ran in the screen printed.
    fn note(&mut self, text: Option<&str>) {
        let text = text.unwrap_or_default();
        let parts = ["bash-stdout", "bash-stderr", "local-command-stdout", "local-command-stderr"];
        let printed: Vec<&str> =
            parts.iter().filter_map(|tag| tagged(text, tag)).filter(|part| !part.trim().is_empty()).collect();
        if !printed.is_empty() {
            self.added.drafts.push(Draft::text(printed.join("\n"), |text| EventBody::Note { text }));
        }
    }

    fn assistant(&mut self, row: Row) {
        let Some(message) = row.message else {
            self.added.left_out += 1;
            return;
        };
        let usage = message.get("usage").cloned().and_then(|usage| serde_json::from_value(usage).ok());
        let Ok(message) = serde_json::from_value::<AssistantMessage>(message) else {
            self.added.left_out += 1;
            return;
        };
        self.turn.answered = true;
        if self.turn.counted != message.id {
            self.turn.counted.clone_from(&message.id);
            self.count(usage.unwrap_or_default());
        }
        if row.api_error {
            let words = message.content.first().and_then(|block| block.get("text")).and_then(Value::as_str);
            self.turn.failed = Some(short(words.unwrap_or_default(), 4096));
        }
        let line = Assistant { message, parent_tool_use_id: None, error: None, aborted: false };
        self.added.drafts.extend(events::assistant(line, &mut self.blocks));
    }

    const fn count(&mut self, tokens: LineUsage) {
        let usage = &mut self.turn.usage;
        usage.input = usage.input.saturating_add(tokens.input_tokens);
        usage.output = usage.output.saturating_add(tokens.output_tokens);
        usage.cache_read = usage.cache_read.saturating_add(tokens.cache_read_input_tokens);
        usage.cache_write = usage.cache_write.saturating_add(tokens.cache_creation_input_tokens);
    }

    /// A turn is over: as the record says so, or because another one begins, or the record ends. What it cost is known of
    /// the session only.
    fn end_turn(&mut self, duration_ms: u64) {
        let turn = std::mem::take(&mut self.turn);
        // A command of the screen itself sets off none.
        if !turn.answered && !turn.stopped {
            return;
        }
        let outcome = match (&turn.failed, turn.stopped) {
            (_, true) => Outcome::Stopped,
            (Some(_), false) => Outcome::Failed,
            (None, false) => Outcome::Completed,
        };
        let error = turn.failed.filter(|_| outcome == Outcome::Failed);
        let error = error.map(|text| TurnError { status: None, text });
        let (items, usage) = (Vec::new(), turn.usage);
        self.add(EventBody::Result(TurnResult { items, outcome, error, duration_ms, cost_usd: 0.0, usage }));
    }
}

/// What stands between the first `<tag>` and the `</tag>` that follows it.
fn tagged<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    rest.split_once(&format!("</{tag}>")).map(|(inside, _)| inside)
}
