//! The CLI's requests that are questions to a person. Pure.

use protocol::PromptId;
use protocol::ToolUseId;
use protocol::payload::{Body, Payload, short};
use protocol::prompt::{Prompt, PromptKind, Reach, Rule, Suggestion};
use protocol::settings::Mode;
use serde_json::Value;

use super::lines::Request;
use super::subject::subject;

/// Suggestions that are offered at most; a workspace may make up more.
const MAX_SUGGESTIONS: usize = 8;
/// Rules or folders in one suggestion.
const MAX_ENTRIES: usize = 8;
/// How long one rule, folder or reason may be, in bytes.
const WORDS_BYTES: usize = 300;

/// A question to a person, as it was asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    /// What the log says of it.
    pub prompt: Prompt,
    /// The bodies of cut payloads.
    pub bodies: Vec<Body>,
    /// What the tool would be given; an answer repeats it.
    pub input: Value,
    /// The CLI's suggestions as it wrote them, by the index that the log's suggestions have.
    pub suggestions: Vec<Value>,
}

/// The question in `request`, if it is one that a person has to answer.
pub fn read(request: Request) -> Option<Asked> {
    let prompt = PromptId::new(request.request_id)?;
    let body = request.request;
    match body.get("subtype").and_then(Value::as_str)? {
        "can_use_tool" => Some(permission(prompt, body)),
        "elicitation" => Some(form(prompt, body)),
        _ => None,
    }
}

fn permission(prompt: PromptId, mut body: Value) -> Asked {
    let tool = short(string(&body, "tool_name"), 128);
    let input = body.get_mut("input").map(Value::take).unwrap_or_default();
    let ask = match tool.as_str() {
        "AskUserQuestion" => PromptKind::Question,
        "ExitPlanMode" => PromptKind::Plan,
        _ => PromptKind::Permission,
    };
    let offered = body.get_mut("permission_suggestions").map(Value::take).unwrap_or_default();
    let (suggestions, raw) = suggestions(offered);
    let (payload, cut) = Payload::json(input.clone());
    let prompt = Prompt {
        prompt,
        ask,
        subject: subject(&tool, &input),
        tool,
        input: payload,
        tool_use: ToolUseId::new(string(&body, "tool_use_id")),
        reason: words(&body, "decision_reason"),
        agent: words(&body, "agent_id"),
        suggestions,
    };
    Asked { prompt, bodies: cut.into_iter().collect(), input, suggestions: raw }
}

fn form(prompt: PromptId, mut body: Value) -> Asked {
    let schema = body.get_mut("requested_schema").map(Value::take).unwrap_or_default();
    let (payload, cut) = Payload::json(schema.clone());
    let prompt = Prompt {
        prompt,
        ask: PromptKind::Form,
        tool: short(string(&body, "mcp_server_name"), 128),
        subject: short(string(&body, "message"), WORDS_BYTES),
        input: payload,
        tool_use: None,
        reason: None,
        agent: None,
        suggestions: Vec::new(),
    };
    Asked { prompt, bodies: cut.into_iter().collect(), input: schema, suggestions: Vec::new() }
}

/// The suggestions that have a meaning here, and beside each the CLI's own form of it.
fn suggestions(offered: Value) -> (Vec<Suggestion>, Vec<Value>) {
    let Value::Array(offered) = offered else { return (Vec::new(), Vec::new()) };
    offered.into_iter().filter_map(|raw| Some((suggestion(&raw)?, raw))).take(MAX_SUGGESTIONS).unzip()
}

/// A suggestion, if all of it can be shown: nobody is offered a permission of which they see a part.
fn suggestion(raw: &Value) -> Option<Suggestion> {
    let reach = match string(raw, "destination") {
        "userSettings" => Reach::User,
        "projectSettings" | "localSettings" => Reach::Workspace,
        _ => Reach::Session,
    };
    match string(raw, "type") {
        "addRules" if string(raw, "behavior") == "allow" => {
            let rules: Option<Vec<Rule>> = entries(raw, "rules")?.iter().map(rule).collect();
            Some(Suggestion::Rules { rules: rules?, reach })
        }
        "setMode" => Some(Suggestion::Mode { mode: Mode::parse(string(raw, "mode"))?, reach }),
        "addDirectories" => {
            let directories: Option<Vec<String>> = entries(raw, "directories")?.iter().map(whole).collect();
            Some(Suggestion::Directories { directories: directories?, reach })
        }
        _ => None,
    }
}

fn entries<'a>(raw: &'a Value, key: &str) -> Option<&'a [Value]> {
    let entries = raw.get(key)?.as_array()?;
    (1..=MAX_ENTRIES).contains(&entries.len()).then_some(entries)
}

fn rule(raw: &Value) -> Option<Rule> {
    let content = match raw.get("ruleContent") {
        None | Some(Value::Null) => None,
        Some(content) => Some(whole(content)?),
    };
    Some(Rule { tool: whole(raw.get("toolName")?)?, content })
}

/// A text that fits without being cut.
fn whole(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    (short(text, WORDS_BYTES) == text).then(|| text.to_owned())
}

fn words(value: &Value, key: &str) -> Option<String> {
    value
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(|text| short(text, WORDS_BYTES))
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
