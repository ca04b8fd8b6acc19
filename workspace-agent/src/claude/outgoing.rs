//! The CLI's line protocol, outgoing half: what we write to its stdin, one line at a time.
//!
//! Pure. One malformed line kills the process, so every line is built here, from values.

use std::collections::BTreeMap;

use protocol::ItemId;
use protocol::prompt::Decision;
use protocol::settings::Mode;
use serde_json::{Map, Value, json};

/// A person's message. `now` is not used for steering: it would end the running turn (it waits for a running
/// tool, but cuts an answer that comes in).
pub fn message(item: ItemId, text: &str) -> String {
    json!({
        "type": "user",
        "uuid": item,
        "session_id": "",
        "parent_tool_use_id": null,
        "origin": { "kind": "human" },
        "message": { "role": "user", "content": text },
    })
    .to_string()
}

/// A request of ours, named so that its answer is recognised.
pub fn request(id: &str, request: &Value) -> String {
    json!({ "type": "control_request", "request_id": id, "request": request }).to_string()
}

/// `initialize`: the first line to every process. Without the affordance a stop would end background sub-agents.
pub fn initialize() -> Value {
    json!({ "subtype": "initialize", "perTaskStopAffordance": true })
}

/// `interrupt`, for a Stop: a message that was only just sent is cancelled with it.
pub fn interrupt() -> Value {
    json!({ "subtype": "interrupt", "cancel_queued": true })
}

/// `set_model`.
pub fn set_model(model: Option<&str>) -> Value {
    json!({ "subtype": "set_model", "model": model })
}

/// `set_permission_mode`.
pub fn set_mode(mode: Mode) -> Value {
    json!({ "subtype": "set_permission_mode", "mode": mode.as_str() })
}

/// The answer to a request of the CLI that we don't serve. For a tool it means a denial, so it is never sent
/// for a prompt.
pub fn unsupported(request_id: &str) -> String {
    response(&json!({ "subtype": "error", "request_id": request_id, "error": "not supported by this host" }))
}

/// A person's answer to a prompt. `input` and `suggestions` are those of the prompt as it was asked.
pub fn answer(request_id: &str, decision: &Decision, input: &Value, suggestions: &[Value]) -> String {
    let body = match decision {
        Decision::Allow { suggestion, mode } => allow(input, updates(*suggestion, *mode, suggestions)),
        Decision::Deny { message } => {
            let message = message.as_deref().filter(|text| !text.trim().is_empty());
            let message = message.unwrap_or("The user does not want this. Ask what they want instead.");
            json!({ "behavior": "deny", "message": message, "interrupt": false })
        }
        Decision::Answer { answers } => allow(&with_answers(input, answers), Vec::new()),
        Decision::Form { content } => json!({ "action": "accept", "content": content }),
    };
    response(&json!({ "subtype": "success", "request_id": request_id, "response": body }))
}

/// The answer to a form that a person declines.
pub fn decline_form(request_id: &str) -> String {
    let body = json!({ "action": "decline" });
    response(&json!({ "subtype": "success", "request_id": request_id, "response": body }))
}

fn response(response: &Value) -> String {
    json!({ "type": "control_response", "response": response }).to_string()
}

fn allow(input: &Value, updates: Vec<Value>) -> Value {
    let mut body = Map::new();
    body.insert("behavior".into(), "allow".into());
    body.insert("updatedInput".into(), input.clone());
    if !updates.is_empty() {
        body.insert("updatedPermissions".into(), updates.into());
    }
    body.into()
}

/// The permission updates to send along: the one suggestion that was chosen (they are alternatives, so never all
/// of them), and the mode to leave a plan in.
fn updates(suggestion: Option<u32>, mode: Option<Mode>, suggestions: &[Value]) -> Vec<Value> {
    let chosen = suggestion.and_then(|index| suggestions.get(usize::try_from(index).ok()?).cloned());
    let mode = mode.map(|mode| json!({ "type": "setMode", "mode": mode.as_str(), "destination": "session" }));
    chosen.into_iter().chain(mode).collect()
}

fn with_answers(input: &Value, answers: &BTreeMap<String, String>) -> Value {
    let mut input = input.clone();
    if let Some(fields) = input.as_object_mut() {
        fields.insert("answers".into(), json!(answers));
    }
    input
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn parsed(line: &str) -> Value {
        assert!(!line.contains('\n'), "a line is one line");
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn a_message_is_one_line_whatever_it_says() {
        let line = message(ItemId(Uuid::from_u128(1)), "a\nb\u{2028}\"\\");
        assert_eq!(parsed(&line)["message"]["content"], "a\nb\u{2028}\"\\");
    }

    #[test]
    fn always_sends_the_chosen_suggestion_alone() {
        let suggestions =
            [json!({ "type": "addRules" }), json!({ "type": "setMode", "mode": "acceptEdits" })];
        let decision = Decision::Allow { suggestion: Some(0), mode: None };
        let line = parsed(&answer("r", &decision, &json!({ "command": "ls" }), &suggestions));
        let body = &line["response"]["response"];
        assert_eq!(body["updatedPermissions"], json!([{ "type": "addRules" }]));
        assert_eq!(body["updatedInput"], json!({ "command": "ls" }));
        let once = Decision::Allow { suggestion: None, mode: None };
        let line = parsed(&answer("r", &once, &json!({}), &suggestions));
        assert_eq!(line["response"]["response"].get("updatedPermissions"), None);
        let beyond = Decision::Allow { suggestion: Some(9), mode: None };
        let line = parsed(&answer("r", &beyond, &json!({}), &suggestions));
        assert_eq!(line["response"]["response"].get("updatedPermissions"), None);
    }

    #[test]
    fn answers_join_the_questions() {
        let answers = BTreeMap::from([("Which?".to_owned(), "Red".to_owned())]);
        let line = parsed(&answer("r", &Decision::Answer { answers }, &json!({ "questions": [] }), &[]));
        let input = &line["response"]["response"]["updatedInput"];
        assert_eq!(input, &json!({ "questions": [], "answers": { "Which?": "Red" } }));
    }

    #[test]
    fn a_denial_always_has_words() {
        let line = parsed(&answer("r", &Decision::Deny { message: Some(" ".into()) }, &json!({}), &[]));
        assert_ne!(line["response"]["response"]["message"], " ");
        assert_eq!(line["response"]["response"]["behavior"], "deny");
    }
}
