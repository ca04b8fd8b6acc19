//! What is written down of deeds: the words for them, and how. What is said in conversations is not among it, but for what a
//! person allowed: that much of it, and no more than [`SHOWN_BYTES`].

use std::borrow::Cow;

use protocol::payload::{Payload, short};
use protocol::prompt::{Decision, Prompt};
use protocol::{ConversationId, Millis, PromptId, UserId, WorkspaceId};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::caller::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::store::records::AuditEntry;
use crate::store::{Store, StoreError};

/// How much of a tool's input is kept of what was allowed, in bytes.
pub const SHOWN_BYTES: usize = 1024;

/// Who acts when nobody does.
pub const ATELIER: &str = "atelier";
/// Who acts where nobody is signed in.
pub const NOBODY: &str = "nobody";
/// Who acts where the configuration says so.
pub const CONFIGURATION: &str = "configuration";

/// A deed, to be written down, as of now.
pub fn entry(who: impl ToString, kind: &str, object: impl ToString, detail: Value) -> AuditEntry {
    AuditEntry {
        at: clock::now(),
        who: who.to_string(),
        kind: kind.to_owned(),
        object: object.to_string(),
        detail,
    }
}

/// Writes down what has happened already. A store that can't is told of in the log: it happened all the same.
pub async fn note(store: &dyn Store, who: impl ToString, kind: &str, object: impl ToString, detail: Value) {
    let entry = entry(who, kind, object, detail);
    if let Err(error) = store.append_audit(&entry).await {
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::error!(kind, object = entry.object, error, "a deed can't be written down");
    }
}

/// Writes a deed down. To be called before it is done: what can't be written down is not done.
///
/// # Errors
/// When the store fails.
pub async fn write(
    app: &App,
    who: impl ToString,
    kind: &str,
    object: impl ToString,
    detail: Value,
) -> Result<(), StoreError> {
    let entry = entry(who, kind, object, detail);
    app.store.append_audit(&entry).await.map(drop)
}

/// Writes down that somebody answers a prompt, and what they allow by that, before it is done. What was asked may be too long ago
/// to be found; that it was answered, and how, is written down all the same.
///
/// # Errors
/// When the store can't.
pub async fn answer(
    app: &App,
    by: By<'_>,
    conversation: ConversationId,
    (prompt, asked): (&PromptId, Option<&Prompt>),
    decision: &Decision,
) -> Result<(), ApiError> {
    let mut detail = match asked {
        Some(asked) => approved(asked, decision),
        None => unfound(prompt, decision),
    };
    by.add_to(&mut detail);
    Ok(write(app, by.user, "prompt_answered", conversation, detail).await?)
}

/// Who does something in which workspace, and the token that stands for them, if one does.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Who.
    pub user: UserId,
    /// Where.
    pub workspace: WorkspaceId,
    /// By which token.
    pub caller: Option<&'a Caller>,
}

impl By<'_> {
    fn add_to(&self, detail: &mut Value) {
        detail["workspace"] = json!(self.workspace);
        if let Some(token) = self.caller.and_then(Caller::token) {
            detail["token"] = json!({ "id": token.id, "name": token.name });
        }
    }
}

/// Writes down that somebody changes what a conversation may do without asking, before it is done.
///
/// # Errors
/// When the store can't.
pub async fn mode(
    app: &App,
    by: By<'_>,
    conversation: ConversationId,
    (from, to): (&str, &str),
) -> Result<(), StoreError> {
    let mut detail = json!({ "from": from, "to": to });
    by.add_to(&mut detail);
    write(app, by.user, "mode_changed", conversation, detail).await
}

/// That somebody lets operators read a conversation until then, or no more.
pub fn grant(by: By<'_>, conversation: ConversationId, until: Option<Millis>) -> AuditEntry {
    let (kind, mut detail) = match until {
        Some(until) => ("grant_given", json!({ "expires_at": until })),
        None => ("grant_ended", json!({})),
    };
    by.add_to(&mut detail);
    entry(by.user, kind, conversation, detail)
}

/// Writes down that somebody deletes a conversation, before it is done. What it was called goes with it.
///
/// # Errors
/// When the store can't.
pub async fn deletion(app: &App, by: By<'_>, conversation: ConversationId) -> Result<(), StoreError> {
    let mut detail = json!({});
    by.add_to(&mut detail);
    write(app, by.user, "conversation_deleted", conversation, detail).await
}

/// What a decision comes to. Words that a person wrote, and what was only refused, stay in the conversation.
fn approved(prompt: &Prompt, decision: &Decision) -> Value {
    let mut detail = json!({ "prompt": prompt.prompt, "ask": prompt.ask, "tool": short(&prompt.tool, 200) });
    detail["decision"] = json!(name(decision));
    match decision {
        Decision::Allow { suggestion, mode } => {
            detail["subject"] = json!(short(&prompt.subject, SHOWN_BYTES));
            detail["input"] = json!(short(&as_given(&prompt.input), SHOWN_BYTES));
            let index = suggestion.and_then(|index| usize::try_from(index).ok());
            if let Some(suggestion) = index.and_then(|index| prompt.suggestions.get(index)) {
                let text = serde_json::to_string(suggestion).unwrap_or_default();
                detail["always"] = json!(short(&text, SHOWN_BYTES));
            }
            if let Some(mode) = mode {
                detail["mode"] = json!(mode);
            }
        }
        Decision::Deny { .. } | Decision::Answer { .. } | Decision::Form { .. } => {}
    }
    detail
}

/// A tool's input as the tool gets it, or the beginning of it.
fn as_given(input: &Payload) -> Cow<'_, str> {
    match input {
        Payload::Json(value) => value.to_string().into(),
        Payload::Text(_) | Payload::Cut(_) => input.preview().into(),
    }
}

/// What is left to be said of an answer to a prompt that is not found.
fn unfound(prompt: &PromptId, decision: &Decision) -> Value {
    let mut detail = json!({ "prompt": prompt, "decision": name(decision), "asked": "too_old" });
    if let Decision::Allow { suggestion, mode } = decision {
        detail["suggestion"] = json!(suggestion);
        detail["mode"] = json!(mode);
    }
    detail
}

const fn name(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow { .. } => "allow",
        Decision::Deny { .. } => "deny",
        Decision::Answer { .. } => "answer",
        Decision::Form { .. } => "form",
    }
}

#[cfg(test)]
mod tests {
    use protocol::prompt::PromptKind;

    use super::*;

    fn prompt(input: String) -> Prompt {
        Prompt {
            prompt: PromptId::clipped("p1"),
            ask: PromptKind::Permission,
            tool: "Bash".into(),
            subject: "rm -rf build".into(),
            input: Payload::Text(input),
            tool_use: None,
            reason: None,
            agent: None,
            suggestions: Vec::new(),
        }
    }

    #[test]
    fn what_was_allowed_is_kept_and_bounded() {
        let allow = Decision::Allow { suggestion: Some(7), mode: None };
        let detail = approved(&prompt("x".repeat(1 << 20)), &allow);
        assert_eq!(detail["subject"], "rm -rf build");
        assert!(detail.to_string().len() < 3 * SHOWN_BYTES);
        let input = Payload::Json(json!({ "command": "rm -rf build" }));
        let detail = approved(&Prompt { input, ..prompt(String::new()) }, &allow);
        assert_eq!(detail["input"], r#"{"command":"rm -rf build"}"#);
    }

    #[test]
    fn an_answer_is_told_although_what_was_asked_is_not_found() {
        let allow = Decision::Allow { suggestion: Some(1), mode: None };
        let detail = unfound(&PromptId::clipped("p1"), &allow);
        let told = json!({
            "prompt": "p1", "decision": "allow", "asked": "too_old", "suggestion": 1, "mode": null,
        });
        assert_eq!(detail, told);
    }

    #[test]
    fn operators_see_what_was_done_and_not_to_what() {
        let detail = approved(&prompt("secret".into()), &Decision::Allow { suggestion: None, mode: None });
        let mut entry = entry("ada", "prompt_answered", "x", detail);
        assert!(entry.hide_content() && !entry.hide_content());
        assert_eq!((&entry.detail["decision"], &entry.detail["tool"]), (&json!("allow"), &json!("Bash")));
        assert!(!entry.detail.to_string().contains("secret") && !entry.detail.to_string().contains("build"));
    }

    #[test]
    fn what_was_only_said_is_not() {
        let secret = "the words of a person";
        let deny = Decision::Deny { message: Some(secret.into()) };
        let answers = [("q".to_owned(), secret.to_owned())].into();
        for decision in [deny, Decision::Answer { answers }] {
            let detail = approved(&prompt(secret.into()), &decision).to_string();
            assert!(!detail.contains(secret), "{detail}");
        }
    }
}
