//! Prompts: asked, answered by a person, withdrawn, lost.

use std::collections::BTreeMap;

use protocol::EventBody;
use protocol::close::ErrorCode;
use protocol::prompt::{Decision, PromptKind, Suggestion, Withdrawal};
use protocol::settings::Mode;
use protocol::summary::State;
use serde_json::json;

use crate::desk::Desk;

const ALLOW: Decision = Decision::Allow { suggestion: None, mode: None };

#[test]
fn a_prompt_waits_for_a_person_and_is_answered_once() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    desk.ask("r1", "toolu_1");
    assert_eq!(desk.summary().state, State::Waiting);
    desk.decide("r1", ALLOW);
    assert_eq!(desk.expect_written("control_response")["response"]["response"]["behavior"], "allow");
    assert_eq!(desk.summary().state, State::Working);
    let late = desk.decide("r1", Decision::Deny { message: None });
    assert_eq!(desk.settled, [(late, Some(ErrorCode::PromptClosed))]);
    assert!(desk.written.is_empty());
}

#[test]
fn several_prompts_are_open_at_once_and_each_gets_its_own_answer() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.ask("r1", "toolu_1");
    desk.ask("r2", "toolu_2");
    desk.decide("r2", Decision::Deny { message: Some("no".into()) });
    let line = desk.expect_written("control_response");
    assert_eq!(
        (&line["response"]["request_id"], &line["response"]["response"]["message"]),
        (&json!("r2"), &json!("no"))
    );
    assert_eq!(desk.summary().state, State::Waiting);
    desk.decide("r1", ALLOW);
    assert_eq!(desk.expect_written("control_response")["response"]["request_id"], "r1");
}

#[test]
fn a_prompt_that_is_listed_again_is_not_asked_again() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.ask("r1", "toolu_1");
    let events = desk.log.len();
    desk.ask("r1", "toolu_1");
    assert_eq!(desk.log.len(), events);
}

#[test]
fn a_prompt_that_claude_withdraws_is_closed_and_a_late_answer_goes_nowhere() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.ask("r1", "toolu_1");
    desk.stop(Some(item));
    desk.expect_written("interrupt");
    desk.hear(json!({ "type": "control_cancel_request", "request_id": "r1" }));
    assert!(matches!(
        desk.find("prompt_withdrawn"),
        Some(EventBody::PromptWithdrawn { why: Withdrawal::Stopped, answer_not_taken: false, .. })
    ));
    desk.decide("r1", ALLOW);
    assert!(desk.written.is_empty());
}

#[test]
fn prompts_are_lost_with_the_process_and_answers_not_taken_are_shown_as_such() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    desk.ask("r1", "toolu_1");
    desk.ask("r2", "toolu_2");
    desk.decide("r1", ALLOW);
    desk.exit();
    let lost: Vec<(String, bool)> = desk
        .log
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::PromptWithdrawn { prompt, why: Withdrawal::LostWithProcess, answer_not_taken } => {
                Some((prompt.to_string(), *answer_not_taken))
            }
            _ => None,
        })
        .collect();
    assert_eq!(lost, [("r1".to_owned(), true), ("r2".to_owned(), false)]);
}

#[test]
fn an_answer_that_was_taken_is_not_called_lost() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    desk.ask("r1", "toolu_1");
    desk.decide("r1", ALLOW);
    desk.hear(json!({ "type": "user", "message": { "content": [
        { "type": "tool_result", "tool_use_id": "toolu_1", "content": "done" }] } }));
    desk.exit();
    assert_eq!(desk.find("prompt_withdrawn"), None);
}

#[test]
fn an_answer_of_the_wrong_kind_is_refused() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.ask("r1", "toolu_1");
    let wrong = desk.decide("r1", Decision::Answer { answers: BTreeMap::new() });
    assert_eq!(desk.settled, [(wrong, Some(ErrorCode::Forbidden))]);
    assert_eq!(desk.summary().state, State::Waiting);
}

#[test]
fn permissions_are_not_switched_off_by_an_answer() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.hear(json!({ "type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "Write", "input": {}, "permission_suggestions": [
            { "type": "setMode", "mode": "bypassPermissions", "destination": "session" }] } }));
    let by_mode =
        desk.decide("r1", Decision::Allow { suggestion: None, mode: Some(Mode::BypassPermissions) });
    let by_suggestion = desk.decide("r1", Decision::Allow { suggestion: Some(0), mode: None });
    let refused = Some(ErrorCode::Forbidden);
    assert_eq!(desk.settled, [(by_mode, refused), (by_suggestion, refused)]);
}

#[test]
fn a_suggestion_that_cannot_be_shown_whole_is_not_offered() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    let rule = |content: &str| {
        json!({ "type": "addRules", "behavior": "allow", "destination": "localSettings",
                "rules": [{ "toolName": "Bash", "ruleContent": content }] })
    };
    let deny = json!({ "type": "addRules", "behavior": "deny", "rules": [{ "toolName": "Bash" }] });
    desk.hear(json!({ "type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "Bash", "input": {},
        "permission_suggestions": [rule(&"x".repeat(500)), deny, rule("ls"), { "type": "later" }] } }));
    let Some(EventBody::PromptAsked(prompt)) = desk.find("prompt_asked") else { panic!() };
    assert_eq!(prompt.suggestions.len(), 1);
    assert!(
        matches!(&prompt.suggestions[0], Suggestion::Rules { rules, .. } if rules[0].content.as_deref() == Some("ls"))
    );
    // The index counts what was offered, not what the CLI sent.
    desk.decide("r1", Decision::Allow { suggestion: Some(0), mode: None });
    let line = desk.expect_written("control_response");
    assert_eq!(line["response"]["response"]["updatedPermissions"], json!([rule("ls")]));
}

#[test]
fn questions_plans_and_forms_are_told_apart() {
    let mut desk = Desk::new();
    desk.begin_turn("x");
    for (id, tool, ask) in
        [("r1", "AskUserQuestion", PromptKind::Question), ("r2", "ExitPlanMode", PromptKind::Plan)]
    {
        desk.hear(json!({ "type": "control_request", "request_id": id, "request": {
            "subtype": "can_use_tool", "tool_name": tool, "input": {}, "requires_user_interaction": true } }));
        assert!(
            matches!(desk.last(), EventBody::PromptAsked(prompt) if prompt.ask == ask)
                || matches!(desk.find("prompt_asked"), Some(EventBody::PromptAsked(prompt)) if prompt.ask == ask)
        );
    }
    desk.hear(json!({ "type": "control_request", "request_id": "r3", "request": {
        "subtype": "elicitation", "mcp_server_name": "lab", "message": "Name?", "requested_schema": {} } }));
    assert!(
        matches!(desk.find("prompt_asked"), Some(EventBody::PromptAsked(prompt)) if prompt.ask == PromptKind::Form)
    );
    desk.decide("r3", Decision::Deny { message: None });
    assert_eq!(desk.expect_written("control_response")["response"]["response"]["action"], "decline");
}

#[test]
fn a_request_that_nobody_serves_is_answered_with_an_error() {
    let mut desk = Desk::new();
    desk.begin_turn("x");
    desk.hear(
        json!({ "type": "control_request", "request_id": "h1", "request": { "subtype": "hook_callback" } }),
    );
    assert_eq!(desk.expect_written("control_response")["response"]["subtype"], "error");
    assert!(desk.find("opaque").is_some());
}
