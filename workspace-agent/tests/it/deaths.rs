//! Whatever dies, no word is lost, none is done twice, and what nobody knows is called unknown.

use proptest::prelude::*;
use protocol::EventBody;
use protocol::close::ErrorCode;
use protocol::event::{MessageEnd, Trouble, Unknown};
use protocol::link::Delivery;
use protocol::summary::State;
use serde_json::json;
use workspace_agent::conversation::core::{Aftermath, Input};

use crate::desk::Desk;

#[test]
fn a_death_before_any_tool_gives_the_message_again_under_the_same_id() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("SLOW 50");
    desk.exit();
    assert_eq!(desk.find("message_resent"), Some(&EventBody::MessageResent { item, attempt: 1 }));
    assert!(desk.spawned[1].resume);
    desk.come_up();
    assert_eq!(desk.expect_written("user")["uuid"], json!(item));
    desk.lifecycle(item, "started");
    desk.result(&[item]);
    assert_eq!(desk.summary().state, State::Idle);
}

#[test]
fn a_death_after_a_tool_call_is_unknown_and_names_the_tool() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    desk.exit();
    let Some(EventBody::MessageUnknown { item: unknown, why, tools }) = desk.find("message_unknown") else {
        panic!()
    };
    assert_eq!((*unknown, *why, tools[0].subject.as_str()), (item, Unknown::ToolsCalled, "make"));
    assert_eq!((desk.spawned.len(), desk.summary().state), (1, State::Idle));
}

#[test]
fn a_call_that_had_only_begun_counts_as_a_call() {
    let mut desk = Desk::new();
    desk.begin_turn("TOOL");
    for event in [
        json!({ "type": "message_start", "message": { "id": "msg_1" } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "tool_use", "name": "Bash" } }),
    ] {
        desk.hear(json!({ "type": "stream_event", "event": event }));
    }
    let mut reborn = desk.reborn();
    desk.exit();
    assert!(desk.find("message_unknown").is_some());
    assert!(reborn.find("message_unknown").is_some());
    assert!(reborn.written.is_empty() && reborn.spawned.is_empty());
    reborn.exit();
}

#[test]
fn an_unknown_turn_is_continued_by_a_person() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    desk.exit();
    desk.continue_turn(item);
    assert!(desk.spawned[1].continue_turn && desk.spawned[1].resume);
    desk.lifecycle(item, "started");
    desk.come_up_as("running");
    assert!(desk.written.is_empty(), "the CLI takes the turn up by itself");
    desk.result(&[item]);
    assert_eq!((desk.summary().state, desk.summary().unknown), (State::Idle, None));
}

#[test]
fn what_steered_a_lost_turn_waits_until_somebody_has_dealt_with_that() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    let steer = desk.steer("and this");
    desk.exit();
    assert_eq!(desk.spawned.len(), 1, "nothing is begun");
    assert_eq!((desk.summary().state, desk.summary().unknown), (State::Idle, Some(item)));
    let mut reborn = desk.reborn();
    assert!(reborn.spawned.is_empty());
    reborn.continue_turn(item);
    reborn.lifecycle(item, "started");
    reborn.come_up_as("running");
    reborn.result(&[item]);
    assert_eq!(reborn.expect_written("user")["uuid"], json!(steer));
}

#[test]
fn what_was_to_steer_a_turn_that_is_lost_meanwhile_is_refused() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    let known = Some(desk.core.end());
    desk.call_tool("toolu_1");
    desk.exit();
    let late = Delivery { steer: true, known, ..desk.delivery("and this") };
    let refused = (late.item, Some(ErrorCode::Conflict));
    desk.feed(Input::Deliver(late));
    assert_eq!(desk.settled.last(), Some(&refused));
    assert_eq!(desk.summary().unknown, Some(item), "it can still be continued");
}

#[test]
fn a_message_that_is_held_can_be_stopped() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    let steer = desk.steer("and this");
    desk.exit();
    desk.stop(Some(steer));
    let end = EventBody::MessageEnded { item: steer, how: MessageEnd::Stopped };
    assert_eq!(desk.find("message_ended"), Some(&end));
    assert_eq!(desk.summary().unknown, Some(item));
}

#[test]
fn a_continued_turn_with_nothing_to_take_up_ends() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    desk.exit();
    desk.continue_turn(item);
    desk.come_up_as("idle");
    assert_eq!(desk.find("message_ended"), Some(&EventBody::MessageEnded { item, how: MessageEnd::Nothing }));
}

#[test]
fn a_process_that_dies_again_and_again_is_given_up() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("x");
    for _ in 0..2 {
        desk.exit();
        desk.come_up();
        assert_eq!(desk.expect_written("user")["uuid"], json!(item));
    }
    desk.exit();
    assert!(matches!(
        desk.find("message_unknown"),
        Some(EventBody::MessageUnknown { why: Unknown::KeepsDying, .. })
    ));
    assert_eq!(desk.spawned.len(), 3);
}

#[test]
fn a_process_that_never_comes_up_is_given_up() {
    let mut desk = Desk::new();
    let item = desk.send("x");
    for _ in 0..3 {
        desk.written.clear();
        desk.exit();
    }
    assert_eq!(desk.spawned.len(), 3);
    assert!(matches!(desk.find("trouble"), Some(EventBody::Trouble { what: Trouble::CantStart, .. })));
    assert_eq!(desk.find("message_ended"), Some(&EventBody::MessageEnded { item, how: MessageEnd::Failed }));
    // The next message tries again.
    desk.written.clear();
    desk.send("y");
    assert_eq!(desk.spawned.len(), 4);
}

#[test]
fn a_process_that_says_nothing_is_ended() {
    let mut desk = Desk::new();
    desk.send("x");
    desk.now.mono = desk.core.deadline().unwrap();
    desk.feed(Input::Tick);
    assert_eq!(desk.terminated, 1);
}

#[test]
fn an_answer_that_was_lost_with_the_process_is_unknown() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("x");
    desk.exit();
    desk.come_up();
    desk.expect_written("user");
    // The CLI has an answer to this id on record and drops the repeat.
    desk.lifecycle(item, "completed");
    let probe = desk.expect_written("initialize");
    desk.respond(&probe, json!({ "session_state": "idle" }));
    assert!(matches!(
        desk.find("message_unknown"),
        Some(EventBody::MessageUnknown { why: Unknown::AnswerLost, .. })
    ));
}

#[test]
fn a_session_whose_file_is_missing_is_begun_anew_and_one_that_exists_is_resumed() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.result(&[item]);
    desk.exit();
    desk.send("two");
    desk.written.clear();
    desk.hear(json!({ "type": "result", "subtype": "error_during_execution", "is_error": true,
                      "errors": ["No conversation found with session ID: s-1"] }));
    desk.exit();
    assert!(!desk.spawned.last().unwrap().resume);
    assert!(matches!(desk.find("trouble"), Some(EventBody::Trouble { what: Trouble::SessionLost, .. })));
    desk.written.clear();
    desk.feed(Input::Exited { detail: "Error: Session ID s-1 is already in use.".into() });
    assert!(desk.spawned.last().unwrap().resume);
}

#[test]
fn the_workspace_agents_own_death_is_like_the_processs() {
    let mut before = Desk::new();
    let item = before.begin_turn("SLOW");
    let mut after = before.reborn();
    assert_eq!(after.find("message_resent"), Some(&EventBody::MessageResent { item, attempt: 1 }));
    after.come_up();
    let written = after.expect_written("user");
    assert_eq!((&written["uuid"], &written["message"]["content"]), (&json!(item), &json!("SLOW")));

    let mut tool = Desk::new();
    tool.begin_turn("TOOL");
    tool.call_tool("toolu_1");
    tool.ask("r1", "toolu_1");
    let after = tool.reborn();
    assert!(after.find("message_unknown").is_some() && after.find("prompt_withdrawn").is_some());
    assert_eq!(after.summary().state, State::Idle);

    let mut taken = Desk::new();
    let item = taken.send("hello");
    let mut after = taken.reborn();
    after.come_up();
    assert_eq!(after.expect_written("user")["uuid"], json!(item));
}

/// A message that the process was given, of which nothing was heard since.
fn give(desk: &mut Desk) -> protocol::ItemId {
    let first = desk.begin_turn("one");
    desk.result(&[first]);
    let item = desk.send("TOOL");
    assert_eq!(desk.expect_written("user")["uuid"], json!(item));
    item
}

/// It had come to a tool in the process that is gone: the next one calls it completed, and nothing runs.
fn completed_by_the_next(desk: &mut Desk, item: protocol::ItemId) {
    desk.come_up();
    assert_eq!(desk.expect_written("user")["uuid"], json!(item));
    desk.lifecycle(item, "completed");
    let probe = desk.expect_written("initialize");
    desk.respond(&probe, json!({ "session_state": "idle", "commands": [], "models": [] }));
    let unknown = desk.log.iter().rev().find_map(|event| match &event.body {
        EventBody::MessageUnknown { item, why, .. } => Some((*item, *why)),
        _ => None,
    });
    assert_eq!(unknown, Some((item, Unknown::AnswerLost)));
}

#[test]
fn a_message_that_was_given_and_not_heard_of_before_the_workspace_agent_died_is_not_called_done() {
    let mut desk = Desk::new();
    let item = give(&mut desk);
    let mut after = desk.reborn();
    assert_eq!(after.find("message_resent"), Some(&EventBody::MessageResent { item, attempt: 1 }));
    completed_by_the_next(&mut after, item);
}

#[test]
fn that_a_message_was_given_again_outlives_the_workspace_agent() {
    let mut desk = Desk::new();
    let item = give(&mut desk);
    desk.exit();
    // It waits for the process, and was given before.
    completed_by_the_next(&mut desk.reborn(), item);
    desk.come_up();
    desk.expect_written("user");
    completed_by_the_next(&mut desk.reborn(), item);
}

#[test]
fn one_that_was_to_steer_the_lost_turn_is_not_called_done_for_nothing() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("SLOW");
    let steer = desk.steer("TOOL");
    assert_eq!(desk.expect_written("user")["uuid"], json!(steer));
    desk.stop(Some(item));
    desk.written.clear();
    let mut reborn = desk.reborn();
    desk.exit();
    completed_by_the_next(&mut desk, steer);
    let mut again = reborn.reborn();
    completed_by_the_next(&mut reborn, steer);
    completed_by_the_next(&mut again, steer);
}

#[test]
fn one_that_the_lost_turn_had_heard_is_over_with_it_when_that_is_continued() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    let steer = desk.steer("and this");
    desk.exit();
    desk.written.clear();
    desk.continue_turn(item);
    desk.come_up_as("running");
    desk.introduce();
    desk.result(&[steer, item]);
    assert!(desk.written.iter().all(|line| line["uuid"] != json!(steer)), "given again after its answer");
    assert_eq!(desk.summary().state, State::Idle);
}

#[test]
fn what_a_person_dealt_with_is_not_ended_again_by_the_turn_that_is_continued() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    let steer = desk.steer("and this");
    desk.exit();
    desk.written.clear();
    // It is sent again; what was to steer comes first, and of that the next process knows already.
    let delivery = desk.delivery("TOOL");
    let again = delivery.item;
    desk.feed(Input::Deliver(Delivery { again_of: Some(item), ..delivery }));
    completed_by_the_next(&mut desk, steer);
    desk.continue_turn(steer);
    desk.exit();
    desk.come_up_as("running");
    desk.introduce();
    desk.result(&[item, steer]);
    let Some(EventBody::Result(result)) = desk.find("result") else { panic!("the turn has no end") };
    assert_eq!(result.items, [steer]);
    assert_eq!(desk.expect_written("user")["uuid"], json!(again));
}

#[test]
fn a_message_that_was_given_when_the_machine_stopped_is_unknown() {
    let mut desk = Desk::new();
    let item = give(&mut desk);
    let after = desk.reborn_after(Aftermath { rebooted: true, ..Aftermath::default() });
    let unknown = EventBody::MessageUnknown { item, why: Unknown::MachineStopped, tools: Vec::new() };
    assert_eq!(after.find("message_unknown"), Some(&unknown));
    assert!(after.spawned.is_empty());
}

#[test]
fn one_that_was_to_steer_when_the_machine_stopped_is_unknown_in_its_turn() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    let steer = desk.steer("TOOL");
    let mut after = desk.reborn_after(Aftermath { rebooted: true, ..Aftermath::default() });
    let lost = |item| EventBody::MessageUnknown { item, why: Unknown::MachineStopped, tools: Vec::new() };
    assert_eq!(after.find("message_unknown"), Some(&lost(item)));
    // A person has dealt with the first, and the workspace-agent died meanwhile: neither makes it known.
    after.continue_turn(item);
    let mut after = after.reborn();
    after.come_up();
    after.result(&[item]);
    assert_eq!(after.log.iter().filter(|event| event.body == lost(steer)).count(), 1);
    assert!(after.written.iter().all(|line| line["uuid"] != json!(steer)), "it is not given again");
}

#[test]
fn a_message_that_was_given_and_stopped_stays_so_when_the_workspace_agent_dies() {
    let mut desk = Desk::new();
    let item = give(&mut desk);
    desk.stop(Some(item));
    let after = desk.reborn();
    let end = EventBody::MessageEnded { item, how: MessageEnd::Stopped };
    assert!(after.log.iter().any(|event| event.body == end));
    assert!(after.spawned.is_empty());
}

#[test]
fn the_stop_of_a_message_that_waits_stops_no_other_turn() {
    let mut desk = Desk::new();
    let running = desk.begin_turn("SLOW");
    let waits = desk.send("later");
    desk.stop(Some(waits));
    let after = desk.reborn();
    let resent = EventBody::MessageResent { item: running, attempt: 1 };
    assert_eq!(after.find("message_resent"), Some(&resent));
    let end = EventBody::MessageEnded { item: waits, how: MessageEnd::Stopped };
    assert_eq!(after.log.iter().filter(|event| event.body == end).count(), 1);
}

#[test]
fn a_repeat_after_the_workspace_agents_death_changes_nothing() {
    let mut desk = Desk::new();
    let delivery = desk.delivery("hello");
    desk.feed(Input::Deliver(delivery.clone()));
    let mut after = desk.reborn();
    let events = after.log.len();
    after.feed(Input::Deliver(delivery));
    assert_eq!(after.log.len(), events);
}

/// What can happen next, whatever came before.
#[derive(Clone, Debug)]
enum Happening {
    Send,
    Steer,
    Stop,
    ComeUp,
    Started,
    Tool,
    ToolDone,
    Ask,
    Answer,
    Result,
    Idle,
    Exit,
    Reborn,
    Continue,
    Tick,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop::sample::select(vec![
        Send, Send, Steer, Stop, ComeUp, ComeUp, Started, Started, Tool, ToolDone, Ask, Answer, Result,
        Result, Idle, Exit, Reborn, Continue, Tick,
    ])
}

fn play(desk: &mut Desk, sent: &mut Vec<protocol::ItemId>, happening: &Happening) {
    let last = sent.last().copied();
    match happening {
        Happening::Send => sent.push(desk.send("x")),
        Happening::Steer => sent.push(desk.steer("y")),
        Happening::Stop => drop(desk.stop(desk.summary().current)),
        Happening::ComeUp => {
            if desk.written.front().is_some_and(|line| line["request"]["subtype"] == "initialize") {
                desk.come_up();
            }
        }
        Happening::Started => {
            if let Some(item) = last {
                desk.lifecycle(item, "started");
            }
        }
        Happening::Tool => desk.call_tool("toolu_1"),
        Happening::ToolDone => desk.hear(json!({ "type": "user", "message": { "content": [
            { "type": "tool_result", "tool_use_id": "toolu_1", "content": "done" }] } })),
        Happening::Ask => desk.ask("r1", "toolu_1"),
        Happening::Answer => {
            desk.decide("r1", protocol::prompt::Decision::Allow { suggestion: None, mode: None });
        }
        Happening::Result => {
            let items: Vec<_> = last.into_iter().collect();
            desk.hear(json!({ "type": "result", "subtype": "success", "user_message_uuids": items }));
        }
        Happening::Idle => {
            desk.hear(json!({ "type": "system", "subtype": "session_state_changed", "state": "idle" }));
        }
        Happening::Exit => desk.exit(),
        Happening::Reborn => *desk = desk.reborn(),
        Happening::Continue => {
            if let Some(message) = desk.summary().unknown {
                desk.continue_turn(message);
            }
        }
        Happening::Tick => {
            desk.now.mono = desk.core.deadline().unwrap_or(desk.now.mono);
            desk.feed(Input::Tick);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Numbers have no holes, and once a tool was called for a message no machine gives it again.
    #[test]
    fn whatever_happens_nothing_is_given_twice_after_a_tool(happenings in prop::collection::vec(happening(), 0..40)) {
        let mut desk = Desk::new();
        let mut sent = Vec::new();
        let mut given: Vec<protocol::ItemId> = Vec::new();
        let mut touched: Vec<protocol::ItemId> = Vec::new();
        for happening in &happenings {
            let before = desk.written.len();
            let current = desk.summary().current;
            play(&mut desk, &mut sent, happening);
            if matches!(happening, Happening::Tool) {
                // What is called before a message was given belongs to none.
                touched.extend(current.filter(|current| given.contains(current)));
            }
            let fresh: Vec<_> = desk.written.iter().skip(before.min(desk.written.len())).cloned().collect();
            for line in fresh.iter().filter(|line| line["type"] == "user") {
                let item: protocol::ItemId = line["uuid"].as_str().unwrap().parse().unwrap();
                prop_assert!(!touched.contains(&item), "{item} was given again after a tool call");
                given.push(item);
            }
            desk.written.retain(|line| line["type"] != "user" && line["type"] != "control_response");
        }
        prop_assert!(desk.log.iter().map(|event| event.n).eq(1..=desk.log.len() as u64));
        // Each message that was sent is in the log: once, or once more if it was to steer and became a turn of its own.
        for item in &sent {
            let taken = desk.log.iter().filter_map(|event| match &event.body {
                EventBody::MessageTaken { item: taken, steer, .. } if taken == item => Some(*steer),
                _ => None,
            });
            let taken: Vec<bool> = taken.collect();
            prop_assert!(matches!(&taken[..], [_] | [true, false]), "{taken:?}");
        }
    }
}
