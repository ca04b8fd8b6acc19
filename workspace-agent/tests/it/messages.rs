//! Messages in ordinary life: one at a time, steered, stopped, configured.

use protocol::close::ErrorCode;
use protocol::event::{MessageEnd, ProcessEnd, SettingsChange, Trouble};
use protocol::link::{ActivityKind, Delivery};
use protocol::settings::{Mode, ModelName, Settings};
use protocol::summary::State;
use protocol::{EventBody, Position};
use serde_json::{Value, json};
use workspace_agent::conversation::core::{Input, Opening};
use workspace_agent::conversation::places::Standing;

use crate::desk::{Desk, POLICY};

#[test]
fn a_message_starts_a_process_and_comes_to_a_result() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("hello");
    assert_eq!(desk.spawned.len(), 1);
    assert!(!desk.spawned[0].resume);
    assert_eq!(desk.summary().state, State::Working);
    desk.result(&[item]);
    assert_eq!(
        desk.kinds_since(0),
        ["message_taken", "state", "message_started", "process_started", "result", "state"]
    );
    assert_eq!(desk.summary().state, State::Idle);
    assert_eq!(desk.activity, ActivityKind::None {});
    assert!(desk.log.iter().map(|event| event.n).eq(1..=6));
}

#[test]
fn a_message_that_is_delivered_again_changes_nothing() {
    let mut desk = Desk::new();
    let delivery = desk.delivery("hello");
    desk.feed(Input::Deliver(delivery.clone()));
    let events = desk.log.len();
    desk.feed(Input::Deliver(delivery));
    assert_eq!((desk.log.len(), desk.spawned.len()), (events, 1));
}

#[test]
fn the_next_message_waits_for_the_turns_end() {
    let mut desk = Desk::new();
    let first = desk.begin_turn("one");
    let second = desk.send("two");
    assert!(desk.written.is_empty());
    desk.result(&[first]);
    assert_eq!(desk.expect_written("user")["uuid"], json!(second));
}

#[test]
fn a_message_that_steers_goes_into_the_running_turn() {
    let mut desk = Desk::new();
    let first = desk.begin_turn("one");
    let steer = desk.steer("and this");
    assert_eq!(desk.expect_written("user")["uuid"], json!(steer));
    desk.lifecycle(steer, "queued");
    desk.lifecycle(steer, "started");
    assert_eq!(desk.last(), &EventBody::MessageStarted { item: steer });
    desk.lifecycle(steer, "completed");
    desk.result(&[first, steer]);
    desk.lifecycle(first, "completed");
    assert_eq!(desk.summary().state, State::Idle);
    assert!(desk.written.is_empty());
}

#[test]
fn a_message_that_steers_nothing_is_an_ordinary_one() {
    let mut desk = Desk::new();
    desk.steer("hello");
    desk.come_up();
    desk.expect_written("user");
    assert!(matches!(desk.log[0].body, EventBody::MessageTaken { steer: false, .. }));
}

#[test]
fn a_steering_message_that_came_too_late_becomes_the_next_turn() {
    let mut desk = Desk::new();
    let first = desk.begin_turn("one");
    let steer = desk.steer("two");
    desk.expect_written("user");
    desk.result(&[first]);
    desk.lifecycle(steer, "started");
    assert_eq!(desk.summary().state, State::Working);
    desk.result(&[steer]);
    assert_eq!(desk.summary().state, State::Idle);
}

#[test]
fn stop_interrupts_and_the_result_says_stopped() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("SLOW 50");
    desk.stop(Some(item));
    assert_eq!(desk.activity, ActivityKind::Stopping {});
    assert_eq!(desk.expect_written("interrupt")["request"]["cancel_queued"], json!(true));
    desk.hear(json!({ "type": "result", "subtype": "error_during_execution", "is_error": true,
                      "terminal_reason": "aborted_streaming", "user_message_uuids": [item] }));
    let Some(EventBody::Result(result)) = desk.find("result") else { panic!() };
    assert_eq!(result.outcome, protocol::event::Outcome::Stopped);
    desk.lifecycle(item, "cancelled");
    assert_eq!(desk.summary().state, State::Idle);
}

#[test]
fn stop_before_the_process_is_up_takes_the_message_back() {
    let mut desk = Desk::new();
    let item = desk.send("hello");
    desk.stop(Some(item));
    assert_eq!(desk.find("message_ended"), Some(&EventBody::MessageEnded { item, how: MessageEnd::Stopped }));
    desk.come_up();
    assert!(desk.written.is_empty());
    assert_eq!(desk.summary().state, State::Idle);
}

#[test]
fn a_message_cancelled_by_stop_ends_without_a_result() {
    let mut desk = Desk::new();
    let item = desk.send("hello");
    desk.come_up();
    desk.expect_written("user");
    desk.stop(Some(item));
    desk.lifecycle(item, "queued");
    desk.lifecycle(item, "cancelled");
    assert_eq!(desk.find("message_ended"), Some(&EventBody::MessageEnded { item, how: MessageEnd::Stopped }));
}

#[test]
fn a_stop_that_comes_too_late_stops_nothing_else() {
    let mut desk = Desk::new();
    let first = desk.begin_turn("one");
    desk.result(&[first]);
    desk.begin_turn("two");
    let stop = desk.stop(Some(first));
    assert_eq!(desk.settled, [(stop, None)]);
    assert!(desk.written.is_empty());
}

#[test]
fn a_turn_that_does_not_stop_is_ended_by_force_and_never_given_again() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("TOOL");
    desk.call_tool("toolu_1");
    desk.stop(Some(item));
    desk.expect_written("interrupt");
    let deadline = desk.core.deadline().unwrap();
    desk.now.mono = deadline;
    desk.feed(Input::Tick);
    assert_eq!(desk.terminated, 1);
    desk.exit();
    assert_eq!(desk.find("message_ended"), Some(&EventBody::MessageEnded { item, how: MessageEnd::Stopped }));
    let Some(EventBody::ProcessEnded { why, .. }) = desk.find("process_ended") else { panic!() };
    assert_eq!(*why, ProcessEnd::Stopped);
    assert_eq!((desk.spawned.len(), desk.summary().state), (1, State::Idle));
}

#[test]
fn a_quiet_process_is_ended_and_the_next_message_resumes_its_session() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.result(&[item]);
    desk.now.mono = desk.core.deadline().unwrap();
    desk.feed(Input::Tick);
    assert_eq!(desk.stdin_closed, 1);
    desk.feed(Input::Exited { detail: "exit status 0".into() });
    assert!(matches!(desk.last(), EventBody::ProcessEnded { why: ProcessEnd::Idle, .. }));
    desk.send("two");
    assert!(desk.spawned[1].resume);
    assert_eq!(desk.spawned[1].session, "s-1");
}

#[test]
fn a_process_with_a_background_task_is_not_idle() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.hear(json!({ "type": "system", "subtype": "background_tasks_changed",
                      "tasks": [{ "task_id": "b1", "task_type": "local_bash", "description": "ticker" }] }));
    desk.result(&[item]);
    assert_eq!(desk.core.deadline(), None);
    assert_eq!(desk.core.standing(), Standing::Busy);
}

/// Claude is told of what ended in the background, and begins a turn by itself: nobody's place is taken in between.
#[test]
fn a_process_whose_background_task_has_ended_is_not_idle_at_once() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    let tasks =
        |tasks: Value| json!({ "type": "system", "subtype": "background_tasks_changed", "tasks": tasks });
    desk.hear(tasks(json!([{ "task_id": "b1", "task_type": "local_bash", "description": "ticker" }])));
    desk.result(&[item]);
    desk.hear(tasks(json!([])));
    desk.feed(Input::MakeRoom);
    assert_eq!((desk.core.standing(), desk.stdin_closed), (Standing::Busy, 0));
    desk.hear(json!({ "type": "system", "subtype": "init", "session_id": "s-1" }));
    assert_eq!(desk.core.standing(), Standing::Busy);
    desk.hear(json!({ "type": "result", "subtype": "success", "is_error": false, "result": "ok",
                      "origin": { "kind": "task-notification" } }));
    desk.hear(json!({ "type": "system", "subtype": "session_state_changed", "state": "idle" }));
    assert_eq!(desk.core.standing(), Standing::Idle { since: desk.now.mono });
    desk.feed(Input::MakeRoom);
    assert_eq!((desk.core.standing(), desk.stdin_closed), (Standing::Leaving, 1));
}

#[test]
fn a_process_that_did_not_wake_up_for_its_background_task_can_make_room() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    let tasks =
        |tasks: Value| json!({ "type": "system", "subtype": "background_tasks_changed", "tasks": tasks });
    desk.hear(tasks(json!([{ "task_id": "b1", "task_type": "local_bash", "description": "ticker" }])));
    desk.result(&[item]);
    desk.hear(tasks(json!([])));
    let since = desk.now.mono;
    desk.now.mono = desk.core.deadline().unwrap();
    desk.feed(Input::Tick);
    assert_eq!(desk.core.standing(), Standing::Idle { since });
    assert_eq!(desk.core.deadline(), Some(since + POLICY.idle_ms));
}

#[test]
fn a_message_for_a_process_on_its_way_out_starts_another() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.result(&[item]);
    desk.feed(Input::MakeRoom);
    desk.send("two");
    assert!(desk.written.is_empty());
    desk.exit();
    assert_eq!(desk.spawned.len(), 2);
}

#[test]
fn settings_reach_the_process_and_the_log_says_who_asked() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    let settings = Settings { model: ModelName::new("opus"), mode: Mode::Plan };
    desk.feed(Input::Configure(settings.clone(), None));
    let model = desk.expect_written("set_model");
    let mode = desk.expect_written("set_permission_mode");
    desk.respond(&model, json!({ "model": "opus" }));
    desk.respond(&mode, json!({ "mode": "plan" }));
    assert_eq!(desk.last(), &EventBody::SettingsChanged { settings, why: SettingsChange::Asked });
    desk.result(&[item]);
}

#[test]
fn a_mode_that_loosens_ends_with_its_process_and_one_that_restricts_stays() {
    for (set, kept) in [(Mode::AcceptEdits, Mode::Default), (Mode::Plan, Mode::Plan)] {
        let mut desk = Desk::new();
        let delivery = Delivery { settings: Settings { model: None, mode: set }, ..desk.delivery("one") };
        let item = delivery.item;
        desk.feed(Input::Deliver(delivery));
        assert_eq!(desk.spawned[0].settings.mode, set);
        desk.come_up();
        desk.expect_written("user");
        desk.lifecycle(item, "started");
        desk.result(&[item]);
        desk.exit();
        assert_eq!(desk.summary().settings.mode, kept);
    }
}

#[test]
fn whoever_did_not_know_that_a_loosened_mode_was_forgotten_does_not_bring_it_back() {
    let mut desk = Desk::new();
    let loose = Settings { model: None, mode: Mode::AcceptEdits };
    let known = Some(desk.core.end());
    let delivery = Delivery { settings: loose.clone(), known, ..desk.delivery("one") };
    let item = delivery.item;
    desk.feed(Input::Deliver(delivery));
    desk.come_up();
    desk.lifecycle(item, "started");
    desk.result(&[item]);
    let before = Some(desk.core.end());
    let mut desk = desk.reborn();
    assert_eq!(desk.summary().settings.mode, Mode::Default);
    let ignorant = Delivery { settings: loose.clone(), known: before, ..desk.delivery("two") };
    desk.feed(Input::Deliver(ignorant));
    assert_eq!(desk.spawned[0].settings.mode, Mode::Default);
    // Who does know means it.
    desk.come_up();
    desk.expect_written("user");
    desk.feed(Input::Configure(loose, Some(desk.core.end())));
    assert_eq!(desk.expect_written("set_permission_mode")["request"]["mode"], "acceptEdits");
}

#[test]
fn a_loosened_mode_that_only_the_store_remembers_is_not_brought_back() {
    // The journal is lost; the store has its events, and its settings.
    let stored = Position { epoch: 1, n: 7 };
    let mut desk = Desk::new();
    let opening = Opening { epoch: 2, after: stored, lost: true, alive: false };
    let effects = desk.core.open_epoch(desk.now, opening);
    desk.carry_out(effects, None);
    let restarted =
        EventBody::SettingsChanged { settings: Settings::default(), why: SettingsChange::Restarted };
    assert_eq!(desk.last(), &restarted);
    let loose = Settings { model: None, mode: Mode::AcceptEdits };
    let delivery = Delivery { settings: loose, known: Some(stored), ..desk.delivery("one") };
    desk.feed(Input::Deliver(delivery));
    assert_eq!(desk.spawned[0].settings.mode, Mode::Default);
}

#[test]
fn switching_permissions_off_is_refused_unless_allowed() {
    let mut desk = Desk::new();
    let settings = Settings { model: None, mode: Mode::BypassPermissions };
    let delivery = Delivery { settings, ..desk.delivery("one") };
    desk.feed(Input::Deliver(delivery));
    assert_eq!(desk.spawned[0].settings.mode, Mode::Default);
    assert!(matches!(desk.find("trouble"), Some(EventBody::Trouble { what: Trouble::SettingRefused, .. })));
}

#[test]
fn a_mode_that_claude_changed_is_told() {
    let mut desk = Desk::new();
    desk.begin_turn("one");
    desk.hear(
        json!({ "type": "system", "subtype": "status", "status": null, "permissionMode": "acceptEdits" }),
    );
    let Some(EventBody::SettingsChanged { settings, why }) = desk.find("settings_changed") else { panic!() };
    assert_eq!((settings.mode, *why), (Mode::AcceptEdits, SettingsChange::Claude));
}

#[test]
fn a_turn_that_claude_began_by_itself_is_a_turn() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.result(&[item]);
    desk.hear(json!({ "type": "system", "subtype": "init", "session_id": "s-1" }));
    assert_eq!(desk.summary().state, State::Working);
    let waits = desk.send("two");
    assert!(desk.written.is_empty());
    desk.hear(json!({ "type": "result", "subtype": "success", "is_error": false,
                      "origin": { "kind": "task-notification" } }));
    assert_eq!(desk.expect_written("user")["uuid"], json!(waits));
}

#[test]
fn a_command_that_needs_no_model_ends_the_message() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("/cost");
    desk.result(&[item]);
    assert_eq!(desk.summary().state, State::Idle);
}

#[test]
fn a_message_that_the_cli_completes_without_a_result_ends() {
    let mut desk = Desk::new();
    let item = desk.send("hello");
    desk.come_up();
    desk.expect_written("user");
    desk.lifecycle(item, "completed");
    let probe = desk.expect_written("initialize");
    desk.respond(&probe, json!({ "session_state": "idle" }));
    assert_eq!(desk.find("message_ended"), Some(&EventBody::MessageEnded { item, how: MessageEnd::Nothing }));
    assert_eq!(desk.summary().state, State::Idle);
}

#[test]
fn the_turns_cost_is_its_own_share() {
    let mut desk = Desk::new();
    for total in [0.5, 0.75, 0.1] {
        let item = desk.begin_turn("x");
        desk.hear(json!({ "type": "result", "subtype": "success", "total_cost_usd": total, "user_message_uuids": [item] }));
    }
    let costs: Vec<f64> = desk
        .log
        .iter()
        .filter_map(
            |event| if let EventBody::Result(result) = &event.body { Some(result.cost_usd) } else { None },
        )
        .collect();
    assert_eq!(costs, [0.5, 0.25, 0.1]);
}

#[test]
fn continuing_what_is_not_unknown_is_refused() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    let request = desk.continue_turn(item);
    assert_eq!(desk.settled, [(request, Some(ErrorCode::Conflict))]);
}

#[test]
fn shutting_down_stops_the_turn_and_begins_nothing() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.feed(Input::Shutdown);
    // It is interrupted first, so that what was said so far is kept; one that does not end is ended.
    desk.expect_written("interrupt");
    assert_eq!(desk.terminated, 0);
    let late = desk.send("while it stops");
    desk.now.mono += 2_000;
    desk.feed(Input::Tick);
    assert_eq!(desk.terminated, 1);
    desk.exit();
    assert!(
        !desk
            .log
            .iter()
            .any(|event| matches!(event.body, EventBody::MessageTaken { item, .. } if item == late))
    );
    assert_eq!(desk.find("message_ended"), Some(&EventBody::MessageEnded { item, how: MessageEnd::Stopped }));
    assert!(matches!(
        desk.find("process_ended"),
        Some(EventBody::ProcessEnded { why: ProcessEnd::WorkspaceStopped, .. })
    ));
    assert_eq!(desk.spawned.len(), 1);
}

#[test]
fn what_was_not_begun_when_the_workspace_stops_is_for_its_next_life() {
    // It waits for the process.
    let mut desk = Desk::new();
    let item = desk.send("one");
    desk.feed(Input::Shutdown);
    desk.exit();
    assert_eq!(desk.find("message_ended"), None);
    let mut next = desk.reborn();
    next.come_up();
    assert_eq!(next.expect_written("user")["uuid"], json!(item));

    // The process was given it, and says that it won't do it; or says nothing.
    for cancelled in [true, false] {
        let mut desk = Desk::new();
        let first = desk.begin_turn("one");
        desk.result(&[first]);
        let item = desk.send("two");
        desk.feed(Input::Shutdown);
        if cancelled {
            desk.lifecycle(item, "cancelled");
            assert_eq!(desk.terminated, 1, "nothing is waited for any more");
        }
        desk.exit();
        assert_eq!(desk.find("message_ended"), None);
        let mut next = desk.reborn();
        next.come_up();
        assert_eq!(next.expect_written("user")["uuid"], json!(item));
    }

    // It was to steer the turn that is stopped.
    let mut desk = Desk::new();
    desk.begin_turn("one");
    let steer = desk.steer("two");
    desk.feed(Input::Shutdown);
    desk.lifecycle(steer, "cancelled");
    desk.exit();
    let mut next = desk.reborn();
    next.come_up();
    assert_eq!(next.expect_written("user")["uuid"], json!(steer));
}

#[test]
fn a_journal_is_not_shortened_over_what_waits_for_the_next_life() {
    let mut desk = Desk::new();
    let first = desk.begin_turn("one");
    let item = desk.send("two");
    desk.feed(Input::Shutdown);
    desk.result(&[first]);
    desk.exit();
    assert!(desk.core.checkpoint().is_none());
    let mut next = desk.reborn();
    next.come_up();
    assert_eq!(next.expect_written("user")["uuid"], json!(item));
}

#[test]
fn what_was_to_steer_a_turn_that_fell_silent_is_done_after_it() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    let steer = desk.steer("are you there?");
    desk.written.clear();
    desk.now.mono += POLICY.silent_ms;
    desk.feed(Input::Tick);
    desk.expect_written("initialize");
    desk.now.mono += POLICY.silent_ms;
    desk.feed(Input::Tick);
    desk.expect_written("interrupt");
    desk.lifecycle(steer, "cancelled");
    assert_eq!(desk.find("message_ended"), None, "nobody stopped it");
    desk.result(&[item]);
    assert_eq!(desk.expect_written("user")["uuid"], json!(steer));

    // A person's stop is for both.
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    let steer = desk.steer("two");
    desk.stop(Some(item));
    desk.result(&[item]);
    desk.lifecycle(steer, "cancelled");
    let stopped = EventBody::MessageEnded { item: steer, how: MessageEnd::Stopped };
    assert_eq!(desk.find("message_ended"), Some(&stopped));
}

#[test]
fn a_process_that_falls_silent_over_what_came_too_late_to_steer_is_noticed() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.hear(json!({ "type": "system", "subtype": "session_state_changed", "state": "running" }));
    let steer = desk.steer("two");
    desk.hear(json!({ "type": "result", "subtype": "success", "is_error": false, "result": "ok",
                      "terminal_reason": "completed", "user_message_uuids": [item] }));
    assert_eq!(desk.summary().state, State::Working);
    desk.written.clear();
    for step in ["initialize", "interrupt"] {
        desk.now.mono = desk.core.deadline().unwrap();
        desk.feed(Input::Tick);
        desk.expect_written(step);
    }
    desk.now.mono = desk.core.deadline().unwrap();
    desk.feed(Input::Tick);
    assert_eq!(desk.terminated, 1);
    desk.exit();
    desk.come_up();
    assert_eq!(desk.expect_written("user")["uuid"], json!(steer));
}

#[test]
fn a_message_that_was_not_given_has_not_begun_whatever_a_line_says() {
    let mut desk = Desk::new();
    let item = desk.send("x");
    desk.lifecycle(item, "started");
    assert!(desk.find("message_started").is_none());
    desk.come_up();
    assert_eq!(desk.expect_written("user")["uuid"], serde_json::json!(item));
    desk.lifecycle(item, "started");
    assert!(desk.find("message_started").is_some());
}
