//! Whatever is said, by people or by a line, no event is larger than the protocol allows (the [`Desk`] looks at every one of
//! them), and what is kept of it is bounded.

use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::EventBody;
use protocol::close::ErrorCode;
use protocol::event::{MessageEnd, ProcessEnd, Trouble};
use protocol::limits::{LINE_BYTES, LOG_BYTES, OUTBOX_ITEMS};
use protocol::payload::Payload;
use protocol::prompt::Decision;
use serde_json::{Value, json};
use workspace_agent::claude::events::Draft;
use workspace_agent::conversation::core::{Checkpoint, Input};

use crate::desk::{Desk, kind};

#[test]
fn an_answer_that_is_too_long_for_its_event_is_told_shortened_and_given_whole() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    desk.ask("r1", "toolu_1");
    // What an older control plane may have saved.
    let reason = "no ".repeat(80_000);
    desk.decide("r1", Decision::Deny { message: Some(reason.clone()) });
    let Some(EventBody::PromptAnswered { decision: Decision::Deny { message: Some(told) }, .. }) =
        desk.find("prompt_answered")
    else {
        panic!("the answer is not told")
    };
    assert!(told.starts_with("no no ") && told.ends_with('…'));
    assert_eq!(desk.expect_written("control_response")["response"]["response"]["message"], json!(reason));
}

#[test]
fn a_result_that_names_a_message_again_and_again_names_it_once() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("x");
    desk.result(&vec![item; 2_000]);
    assert!(matches!(desk.find("result"), Some(EventBody::Result(result)) if result.items == [item]));
    let many: Vec<_> = (0..2 * OUTBOX_ITEMS).map(|_| desk.send("y")).collect();
    desk.result(&many);
    assert!(
        matches!(desk.find("result"), Some(EventBody::Result(result)) if result.items.len() <= OUTBOX_ITEMS + 1)
    );
}

#[test]
fn a_line_that_is_not_understood_is_kept_in_part_if_it_is_long() {
    for line in ["x".repeat(LINE_BYTES), json!({ "type": "odd", "data": "y".repeat(1 << 20) }).to_string()] {
        let Draft { event, bodies } = Draft::opaque(&line);
        assert!(bodies[0].bytes.len() < 257 * 1024);
        let EventBody::Opaque { line: Payload::Cut(cut) } = event else { panic!("{event:?}") };
        assert!(cut.tail.ends_with("more bytes were not kept"), "{}", cut.tail);
    }
}

#[test]
fn more_prompts_than_can_be_asked_are_refused_and_that_is_told() {
    let mut desk = Desk::new();
    desk.begin_turn("x");
    for n in 0..70 {
        desk.ask(&format!("r{n}"), "toolu_1");
    }
    let asked = desk.log.iter().filter(|event| kind(event) == "prompt_asked").count();
    assert_eq!(asked, 64);
    assert!(matches!(desk.find("trouble"), Some(EventBody::Trouble { what: Trouble::Garbled, .. })));
    assert_eq!(desk.expect_written("control_response")["response"]["request_id"], "r64");
    // One that was answered and taken makes room for another.
    desk.decide("r0", Decision::Allow { suggestion: None, mode: None });
    desk.hear(json!({ "type": "user", "message": { "content": [
        { "type": "tool_result", "tool_use_id": "toolu_1", "content": "done" }] } }));
    desk.ask("r99", "toolu_1");
    assert!(desk.summary().prompts.iter().any(|prompt| prompt.as_str() == "r99"));
}

#[test]
fn a_log_that_is_full_says_so_ends_the_turn_and_takes_nothing_more() {
    let mut desk = Desk::new();
    desk.core.replay_size(LOG_BYTES - 10_000);
    let item = desk.begin_turn("x");
    desk.hear(json!({ "type": "system", "subtype": "informational", "content": "z".repeat(10_000) }));
    assert!(matches!(desk.find("trouble"), Some(EventBody::Trouble { what: Trouble::LogFull, .. })));
    assert_eq!(desk.terminated, 1);
    let told = desk.log.len();
    desk.hear(json!({ "type": "system", "subtype": "informational", "content": "more" }));
    assert_eq!(desk.log.len(), told);
    desk.exit();
    let ended = desk.find("message_ended");
    assert!(
        matches!(ended, Some(EventBody::MessageEnded { item: ended, how: MessageEnd::Failed }) if *ended == item)
    );
    assert!(matches!(
        desk.find("process_ended"),
        Some(EventBody::ProcessEnded { why: ProcessEnd::LogFull, .. })
    ));
    let spawned = desk.spawned.len();
    let refused = desk.send("go on");
    assert_eq!(desk.settled, [(refused, Some(ErrorCode::TooMany))]);
    // Nor after a restart of the workspace.
    let mut desk = desk.reborn();
    let troubles = desk.log.iter().filter(|event| kind(event) == "trouble").count();
    assert_eq!(troubles, 1);
    desk.send("go on");
    assert_eq!((desk.spawned.len(), spawned), (0, 1));
}

/// A text that takes much more room than it has characters, or less.
fn nasty() -> impl Strategy<Value = String> {
    let letters = prop_oneof![Just('\u{1}'), Just('"'), Just('a'), Just('한'), Just('\n'), any::<char>()];
    (letters, prop_oneof![0..40usize, 100..2_000usize, 20_000..70_000usize])
        .prop_map(|(letter, count)| std::iter::repeat_n(letter, count).collect())
}

/// A value of any shape, up to large ones.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![nasty().prop_map(Value::from), any::<i64>().prop_map(Value::from), Just(Value::Null)];
    let tree = leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,8}", inner, 0..8)
                .prop_map(|fields| Value::from_iter(fields.into_iter().collect::<Vec<_>>())),
        ]
    });
    let deep = (0..126usize).prop_map(|levels| (0..levels).fold(Value::from(1), |inner, _| json!([inner])));
    let wide = (0..3_000usize).prop_map(|count| vec![json!({}); count].into());
    prop_oneof![4 => tree, 1 => deep, 1 => wide]
}

/// A line of a known kind with hostile content.
fn any_line() -> impl Strategy<Value = Value> {
    (nasty(), nasty(), any_value(), 0..300usize, 0..20usize).prop_map(|(a, b, value, count, which)| {
        let many = |entry: Value| Value::from(vec![entry; count]);
        let system = |subtype: &str, mut fields: Value| {
            fields["type"] = "system".into();
            fields["subtype"] = subtype.into();
            fields
        };
        let rule = json!({ "type": "addRules", "behavior": "allow",
            "rules": vec![json!({ "toolName": a.chars().take(40).collect::<String>(), "ruleContent": "\u{1}".repeat(49) }); 8] });
        let block = |content: Value| json!({ "type": "assistant", "parent_tool_use_id": b, "message": { "id": a, "content": [content] } });
        match which {
            0 => system("init", json!({ "session_id": a, "model": b, "permissionMode": "plan", "claude_code_version": a })),
            1 => block(json!({ "type": "text", "text": b })),
            2 => block(json!({ "type": "tool_use", "id": a, "name": b, "input": value })),
            3 => block(value),
            4 => json!({ "type": "user", "tool_use_result": value, "parent_tool_use_id": a, "message": { "content": [
                { "type": "tool_result", "tool_use_id": b, "content": a }] } }),
            5 => json!({ "type": "user", "tool_use_result": { "tasks": many(json!({ "id": a, "subject": b, "status": a })) },
                "message": { "content": [{ "type": "tool_result", "tool_use_id": b, "content": value }] } }),
            6 => json!({ "type": "result", "is_error": true, "result": a, "errors": [b], "total_cost_usd": 1e308,
                "duration_ms": u64::MAX, "usage": { "input_tokens": u64::MAX } }),
            7 => json!({ "type": "control_request", "request_id": a, "request": value }),
            8 => json!({ "type": "control_request", "request_id": format!("r{count}"), "request": {
                "subtype": "can_use_tool", "tool_name": b, "input": value, "tool_use_id": "\u{1}".repeat(128),
                "decision_reason": a, "agent_id": a, "permission_suggestions": many(rule) } }),
            9 => json!({ "type": "control_request", "request_id": format!("r{count}"), "request": {
                "subtype": "elicitation", "mcp_server_name": a, "message": b, "requested_schema": value } }),
            10 => system("background_tasks_changed",
                json!({ "tasks": many(json!({ "task_id": a, "task_type": b, "description": a })) })),
            11 => system("informational", json!({ "content": a })),
            12 => system("api_retry", json!({ "attempt": 1, "max_retries": 2, "retry_delay_ms": -1e300 })),
            13 => system("commands_changed", json!({ "commands": many(json!({ "name": a, "description": b })) })),
            14 => json!({ "type": "stream_event", "event": { "type": "message_start", "message": { "id": a } } }),
            15 => json!({ "type": "stream_event", "event": { "type": "content_block_start", "index": 0,
                "content_block": { "type": "tool_use", "name": b } } }),
            16 => json!({ "type": "stream_event", "event": { "type": "content_block_delta", "index": 0,
                "delta": { "type": "input_json_delta", "partial_json": a } } }),
            17 => system("compact_boundary", json!({ "compact_metadata": { "pre_tokens": u64::MAX } })),
            18 => system(&a, json!({ "content": value })),
            _ => value,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_step_makes_an_event_that_is_too_large(lines in prop::collection::vec((any_line(), nasty(), 0..8u8), 1..12)) {
        let mut desk = Desk::new();
        desk.begin_turn("x");
        for (line, words, then) in lines {
            desk.hear(line);
            let open: Vec<String> = desk.summary().prompts.iter().map(ToString::to_string).collect();
            let decision = match then {
                0 => Decision::Deny { message: Some(words.clone()) },
                1 => Decision::Answer { answers: BTreeMap::from([(words.clone(), words.clone()), ("b".into(), "c".into())]) },
                2 => Decision::Form { content: [(words.clone(), json!(words.clone()))].into_iter().collect() },
                _ => Decision::Allow { suggestion: Some(0), mode: None },
            };
            if let Some(prompt) = open.first() {
                desk.decide(prompt, decision);
            }
            match then {
                4 => desk.feed(Input::Strange(words)),
                5 => desk.feed(Input::Exited { detail: words }),
                6 => { desk.send(&words); }
                7 => desk.feed(Input::TooLong { bytes: u64::MAX }),
                _ => {}
            }
        }
        // What was written down can be read again, and so can what is left of it.
        let mut again = desk.reborn();
        again.feed(Input::Shutdown);
        again.exit();
        if let Some(checkpoint) = again.core.checkpoint() {
            let json = serde_json::to_vec(&checkpoint).unwrap();
            prop_assert!(serde_json::from_slice::<Checkpoint>(&json).is_ok());
        }
    }
}
