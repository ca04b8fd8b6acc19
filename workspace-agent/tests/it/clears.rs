//! `/clear` begins another session: what was forgotten stays forgotten, and what was said since does not, whatever ends.

use protocol::{EventBody, ItemId};
use serde_json::json;
use workspace_agent::claude::lines::Line;
use workspace_agent::conversation::core::{Aftermath, Conversation, Effect, Input, Launch};

use crate::desk::{Desk, Kept, POLICY, kind};
use crate::screens;

fn reset(desk: &mut Desk, clear: ItemId) {
    desk.hear(json!({ "type": "conversation_reset", "trigger": "clear", "user_message_uuid": clear, "new_conversation_id": "decoy" }));
    desk.hear(json!({ "type": "system", "subtype": "background_tasks_changed", "tasks": [] }));
}

fn init(desk: &mut Desk, session: &str) {
    desk.hear(json!({ "type": "system", "subtype": "init", "session_id": session, "model": "m",
                      "permissionMode": "default", "claude_code_version": "2.1.330" }));
}

/// A conversation that has had a turn in session `s-1`, and whose `/clear` has just begun.
fn clearing() -> (Desk, ItemId) {
    let mut desk = Desk::new();
    let first = desk.begin_turn("one");
    desk.result(&[first]);
    let clear = desk.send("/clear");
    desk.expect_written("user");
    desk.lifecycle(clear, "started");
    (desk, clear)
}

/// The same, done: the CLI is in session `s-2`.
fn cleared() -> (Desk, ItemId) {
    let (mut desk, clear) = clearing();
    reset(&mut desk, clear);
    init(&mut desk, "s-2");
    (desk, clear)
}

fn sessions_told(desk: &Desk) -> Vec<String> {
    let told = |body: &EventBody| match body {
        EventBody::ProcessStarted { session, .. } => Some(session.clone()),
        _ => None,
    };
    desk.log.iter().filter_map(|event| told(&event.body)).collect()
}

/// The process that comes next is for the session in which Claude was last.
fn goes_on_in(mut desk: Desk, session: &str) {
    if desk.spawned.is_empty() {
        desk.send("go on");
    }
    let Launch { session: launched, resume, .. } = desk.spawned.last().unwrap();
    assert_eq!((launched.as_str(), *resume), (session, true));
}

#[test]
fn what_was_said_since_is_known_to_the_next_process() {
    let (mut desk, clear) = cleared();
    desk.result(&[clear]);
    let third = desk.send("three");
    desk.expect_written("user");
    desk.lifecycle(third, "started");
    init(&mut desk, "s-2");
    desk.result(&[third]);
    // The workspace dies with the process, or after the process has left for being idle.
    goes_on_in(desk.reborn(), "s-2");
    desk.feed(Input::MakeRoom);
    desk.exit();
    goes_on_in(desk.reborn(), "s-2");
    assert_eq!(sessions_told(&desk), ["s-1", "s-2"], "said when it changes, and only then");
    // And so it is when the journal was shortened to what it comes to.
    let checkpoint = serde_json::to_vec(&desk.core.checkpoint().unwrap()).unwrap();
    let mut core = Conversation::new(desk.core.id(), 1, 1, POLICY);
    core.replay_checkpoint(serde_json::from_slice(&checkpoint).unwrap());
    assert!(core.recovered(desk.now, Aftermath::default()).is_empty());
    let mut shortened = Desk::with(core);
    // Their ids were used before.
    for _ in 0..3 {
        shortened.new_item();
    }
    goes_on_in(shortened, "s-2");
}

#[test]
fn a_death_right_behind_it_goes_on_in_the_new_session() {
    let (mut desk, _) = cleared();
    goes_on_in(desk.reborn(), "s-2");
    desk.exit();
    goes_on_in(desk, "s-2");
}

#[test]
fn a_death_before_the_new_session_has_a_name_does_not_bring_the_old_one_back() {
    let (mut desk, clear) = clearing();
    reset(&mut desk, clear);
    let mut reborn = desk.reborn();
    desk.exit();
    let fresh = desk.spawned[1].clone();
    assert_ne!(fresh.session, "s-1");
    assert!(!fresh.resume && fresh.session.parse::<uuid::Uuid>().is_ok());
    assert_eq!(reborn.spawned, std::slice::from_ref(&fresh));
    // It is cleared once more there, which does no harm. Nobody is told that Claude's memory is lost: it was to be.
    reborn.come_up();
    assert_eq!(reborn.expect_written("user")["uuid"], json!(clear));
    reborn.lifecycle(clear, "started");
    reset(&mut reborn, clear);
    init(&mut reborn, "s-3");
    reborn.result(&[clear]);
    goes_on_in(reborn.reborn(), "s-3");
    assert_eq!(reborn.find("trouble"), None);
    // One that had begun it, and said nothing before it died, leaves it to be taken up.
    desk.feed(Input::Exited { detail: format!("Error: Session ID {} is already in use.", fresh.session) });
    assert_eq!(desk.spawned[2], Launch { resume: true, ..fresh });
}

#[test]
fn a_stop_before_the_new_session_has_a_name_does_not_bring_the_old_one_back() {
    let (mut desk, clear) = clearing();
    desk.stop(Some(clear));
    reset(&mut desk, clear);
    desk.exit();
    for mut desk in [desk.reborn(), desk] {
        desk.send("two");
        let launch = desk.spawned.last().unwrap();
        assert!(launch.session != "s-1" && !launch.resume);
    }
}

#[test]
fn which_session_goes_on_survives_a_power_cut() {
    let (mut desk, _) = clearing();
    for line in [
        json!({ "type": "conversation_reset", "trigger": "clear" }),
        json!({ "type": "system", "subtype": "init", "session_id": "s-2" }),
    ] {
        let effects = desk.core.step(desk.now, Input::Line(Line::parse(&line.to_string())));
        let Some(Effect::Append { sync, .. }) = effects.first() else { panic!("{effects:?}") };
        assert!(sync, "{effects:?}");
    }
}

#[test]
fn what_was_cleared_in_claudes_own_screen_is_read_to_its_end_after_a_death() {
    let mut desk = screens::lent();
    desk.feed(Input::GivenBack);
    let parts = vec![screens::added("s-1", &[1]), screens::added("s-2", &[9])];
    desk.feed(Input::SessionRead(Ok(parts)));
    let is_cleared = |kept: &Kept| matches!(kept, Kept::Event(event, _) if kind(event) == "cleared");
    let at = desk.kept.iter().position(is_cleared).unwrap();
    desk.kept.truncate(at + 1);
    assert_eq!(desk.reborn().to_read[0].0, "s-1");
}
