//! Claude's own screen: a conversation whose session is lent to a terminal, and what its record comes to.

use std::path::Path;
use std::process::Command;

use protocol::event::{EventBody, MessageEnd, Outcome, ProcessEnd, ToolOutcome};
use protocol::link::ActivityKind;
use protocol::payload::Payload;
use protocol::summary::State;
use protocol::terminal::NotLent;
use protocol::{ItemId, TerminalId};
use serde_json::json;
use uuid::Uuid;
use workspace_agent::claude::events::Draft;
use workspace_agent::claude::rows::{Added, Reader};
use workspace_agent::conversation::core::Input;

use crate::desk::{Desk, kind};

const FIRST: &str = "3582d681-6c22-4b72-b95c-29991ad371cb";
const CLEARED: &str = "a662898f-0f46-4c2d-b164-78008fb7cf2f";

fn terminal() -> TerminalId {
    TerminalId(Uuid::from_u128(7))
}

/// A row's id.
fn row(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

fn typed(row: &str) -> Draft {
    Draft::plain(EventBody::TerminalTyped { row: row.to_owned(), content: Payload::Text("hello".to_owned()) })
}

pub(crate) fn added(session: &str, rows: &[u128]) -> Added {
    let rows: Vec<String> = rows.iter().copied().map(row).collect();
    Added {
        session: session.to_owned(),
        exists: true,
        drafts: rows.iter().map(|row| typed(row)).collect(),
        rows: u32::try_from(rows.len()).unwrap(),
        last: rows.last().cloned(),
        ..Added::default()
    }
}

/// A conversation that has had one turn, lent to a terminal.
pub(crate) fn lent() -> Desk {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.result(&[item]);
    desk.feed(Input::Lend(terminal()));
    assert_eq!((desk.stdin_closed, desk.lent.len()), (1, 0));
    desk.feed(Input::Exited { detail: "exit status 0".into() });
    desk
}

#[test]
fn our_process_leaves_before_the_session_is_lent() {
    let desk = lent();
    let launch = desk.lent[0].as_ref().unwrap();
    assert_eq!((launch.session.as_str(), launch.resume), ("s-1", true));
    let Some(EventBody::ProcessEnded { why, .. }) = desk.find("process_ended") else { panic!() };
    assert_eq!(*why, ProcessEnd::Replaced);
    assert_eq!(desk.find("terminal_opened"), Some(&EventBody::TerminalOpened { terminal: Some(terminal()) }));
    assert_eq!(desk.activity, ActivityKind::InTerminal { terminal: Some(terminal()) });
}

#[test]
fn a_conversation_without_a_process_is_lent_at_once() {
    let mut desk = Desk::new();
    desk.feed(Input::Lend(terminal()));
    assert!(!desk.lent[0].as_ref().unwrap().resume);
    desk.feed(Input::Lend(TerminalId(Uuid::from_u128(8))));
    assert_eq!(*desk.lent[1].as_ref().unwrap_err(), NotLent::InTerminal);
}

#[test]
fn a_conversation_at_work_is_not_lent() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.feed(Input::Lend(terminal()));
    assert_eq!(*desk.lent[0].as_ref().unwrap_err(), NotLent::AtWork);
    desk.ask("p1", "toolu_1");
    desk.feed(Input::Lend(terminal()));
    assert!(desk.lent[1].is_err());
    desk.result(&[item]);
    assert_eq!((desk.stdin_closed, desk.find("terminal_opened")), (0, None));
}

#[test]
fn messages_wait_while_it_is_lent_and_are_begun_behind_what_was_added() {
    let mut desk = lent();
    let item = desk.send("two");
    let steer = desk.steer("three");
    assert_eq!((desk.spawned.len(), desk.summary().state), (1, State::Idle));
    let refused = desk.continue_turn(item);
    assert_eq!(desk.settled.last().unwrap().0, refused);
    desk.feed(Input::GivenBack);
    assert_eq!(desk.to_read, [("s-1".to_owned(), Vec::new())]);
    assert_eq!(desk.spawned.len(), 1);
    desk.feed(Input::SessionRead(Ok(vec![added("s-1", &[1, 2])])));
    let closed = EventBody::TerminalClosed { rows: 2, left_out: 0, row: Some(row(2)), session: None };
    assert_eq!(desk.find("terminal_closed"), Some(&closed));
    assert_eq!((desk.spawned.len(), desk.spawned[1].resume), (2, true));
    desk.come_up();
    assert_eq!(desk.expect_written("user")["uuid"], json!(item));
    desk.lifecycle(item, "started");
    desk.result(&[item]);
    assert_eq!(desk.expect_written("user")["uuid"], json!(steer));
}

#[test]
fn a_waiting_message_can_be_taken_back_while_it_is_lent() {
    let mut desk = lent();
    let item = desk.send("two");
    desk.stop(Some(item));
    let end = EventBody::MessageEnded { item, how: MessageEnd::Stopped };
    assert_eq!(
        desk.log.iter().rev().find(|event| kind(event) == "message_ended").map(|event| &event.body),
        Some(&end)
    );
    assert_eq!(desk.activity, ActivityKind::InTerminal { terminal: Some(terminal()) });
}

#[test]
fn the_next_time_only_what_is_new_is_read() {
    let mut desk = lent();
    desk.feed(Input::GivenBack);
    desk.feed(Input::SessionRead(Ok(vec![added("s-1", &[1])])));
    desk.feed(Input::Lend(terminal()));
    desk.feed(Input::GivenBack);
    assert_eq!(desk.to_read[1], ("s-1".to_owned(), vec![Uuid::from_u128(1)]));
    desk.feed(Input::SessionRead(Ok(vec![added("s-1", &[])])));
    let mut reborn = desk.reborn();
    reborn.feed(Input::Lend(terminal()));
    reborn.feed(Input::GivenBack);
    assert_eq!(reborn.to_read, [("s-1".to_owned(), vec![Uuid::from_u128(1)])]);
}

#[test]
fn after_a_death_what_was_said_there_is_read_before_anything_is_begun() {
    let mut desk = lent();
    let item = desk.send("two");
    let mut reborn = desk.reborn();
    assert_eq!((reborn.to_read.len(), reborn.spawned.len()), (1, 0));
    reborn.feed(Input::SessionRead(Ok(vec![added("s-1", &[1])])));
    assert_eq!(reborn.spawned.len(), 1);
    reborn.come_up();
    assert_eq!(reborn.expect_written("user")["uuid"], json!(item));
    // What was read once is not read again.
    assert!(reborn.reborn().to_read.is_empty());
}

fn call(id: &str) -> Draft {
    let (block, tool_use) = (protocol::BlockId::clipped(id), protocol::ToolUseId::clipped(id));
    let input = Payload::Text(String::new());
    let (tool, subject) = ("Bash".to_owned(), String::new());
    Draft::plain(EventBody::ToolCall { block, tool_use, tool, subject, input, parent: None })
}

/// A message's turn had no part in what was done there.
#[test]
fn a_message_that_waits_is_begun_after_a_death_whatever_was_called_there() {
    let mut desk = lent();
    let item = desk.send("two");
    desk.feed(Input::GivenBack);
    let mut said = added("s-1", &[1]);
    said.drafts.push(call("t1"));
    desk.feed(Input::SessionRead(Ok(vec![said])));
    let mut reborn = desk.reborn();
    assert_eq!(reborn.find("message_unknown"), None);
    reborn.come_up();
    assert_eq!(reborn.expect_written("user")["uuid"], json!(item));
}

#[test]
fn what_became_part_of_the_log_before_a_death_does_not_come_again() {
    let mut desk = lent();
    desk.feed(Input::GivenBack);
    let mut said = added("s-1", &[1]);
    said.drafts.extend([call("t1"), call("t2")]);
    desk.feed(Input::SessionRead(Ok(vec![said])));
    // It died behind the first call: neither the second nor the end is in the journal.
    let cut = desk.kept.len() - 2;
    desk.kept.truncate(cut);
    desk.log.truncate(desk.log.len() - 2);
    let mut reborn = desk.reborn();
    assert_eq!(reborn.to_read, [("s-1".to_owned(), vec![Uuid::from_u128(1)])]);
    let rest = Added { drafts: vec![call("t1"), call("t2")], rows: 2, ..added("s-1", &[]) };
    reborn.feed(Input::SessionRead(Ok(vec![rest])));
    let calls = reborn.log.iter().filter(|event| kind(event) == "tool_call").count();
    assert_eq!(calls, 2);
}

#[test]
fn a_session_that_was_cleared_there_goes_on_here() {
    let mut desk = lent();
    desk.feed(Input::GivenBack);
    let parts = vec![added("s-1", &[1]), added("s-2", &[9])];
    desk.feed(Input::SessionRead(Ok(parts)));
    let kinds = desk.kinds_since(desk.log.len() - 5);
    assert_eq!(kinds, ["terminal_opened", "terminal_typed", "cleared", "terminal_typed", "terminal_closed"]);
    let mut reborn = desk.reborn();
    for desk in [&mut desk, &mut reborn] {
        desk.send("two");
        assert_eq!(desk.spawned.last().unwrap().session, "s-2");
    }
    // One that has no record yet is nothing to go on with.
    let mut desk = lent();
    desk.feed(Input::GivenBack);
    let parts = vec![added("s-1", &[1]), Added { exists: false, ..added("s-2", &[]) }];
    desk.feed(Input::SessionRead(Ok(parts)));
    desk.send("two");
    assert_eq!(desk.spawned.last().unwrap().session, "s-1");
    assert!(
        matches!(desk.find("terminal_closed"), Some(EventBody::TerminalClosed { row: Some(known), .. }) if *known == row(1))
    );
}

#[test]
fn one_started_by_hand_holds_the_conversation_likewise() {
    let mut desk = Desk::new();
    let item = desk.begin_turn("one");
    desk.feed(Input::InUse(true));
    assert_eq!((desk.stdin_closed, desk.terminated), (0, 0), "the turn ends first");
    let next = desk.send("two");
    desk.result(&[item]);
    assert_eq!(desk.stdin_closed, 1);
    desk.feed(Input::Exited { detail: "exit status 0".into() });
    assert_eq!(desk.last(), &EventBody::TerminalOpened { terminal: None });
    assert_eq!((desk.lent.len(), desk.spawned.len()), (0, 1));
    desk.feed(Input::InUse(false));
    desk.feed(Input::SessionRead(Ok(vec![added("s-1", &[1])])));
    desk.come_up();
    assert_eq!(desk.expect_written("user")["uuid"], json!(next));
}

#[test]
fn one_that_came_and_went_while_claude_worked_leaves_no_more_than_it_said() {
    for (rows, told) in [(&[1][..], 1), (&[][..], 0)] {
        let mut desk = Desk::new();
        desk.begin_turn("one");
        desk.feed(Input::InUse(true));
        desk.feed(Input::InUse(false));
        desk.feed(Input::SessionRead(Ok(vec![added("s-1", rows)])));
        let closed = desk.log.iter().filter(|event| kind(event) == "terminal_closed").count();
        assert_eq!(closed, told);
    }
}

#[test]
fn a_record_that_cannot_be_read_keeps_nobody_from_going_on() {
    let mut desk = lent();
    let item = desk.send("two");
    desk.feed(Input::GivenBack);
    desk.feed(Input::SessionRead(Err("what was said in the terminal: timed out".to_owned())));
    assert!(desk.find("trouble").is_some());
    desk.come_up();
    assert_eq!(desk.expect_written("user")["uuid"], json!(item));
}

/// What the real CLI's own screen wrote, read as the user would.
fn recorded(home: &Path, session: &str, after: Option<&str>) -> (Vec<String>, serde_json::Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workspace-agent"));
    command.arg("session-rows").arg("--home").arg(home).arg("--session").arg(session);
    command.args(after.into_iter().flat_map(|after| ["--after", after]));
    let output = command.output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let end = serde_json::from_str(&lines.pop().unwrap()).unwrap();
    (lines, end)
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/records");
    let project = home.path().join(".claude/projects/-workspace");
    std::fs::create_dir_all(&project).unwrap();
    for (name, session) in [("first", FIRST), ("cleared", CLEARED)] {
        std::fs::copy(records.join(name).with_extension("jsonl"), project.join(format!("{session}.jsonl")))
            .unwrap();
    }
    home
}

fn read(lines: &[String]) -> Added {
    let mut reader = Reader::default();
    lines.iter().for_each(|line| reader.row(line));
    reader.finish()
}

fn words(draft: &Draft) -> String {
    match &draft.event {
        EventBody::TerminalTyped { content: Payload::Text(text), .. } => format!("typed {text}"),
        EventBody::Text { text: Payload::Text(text), .. } => format!("text {text}"),
        EventBody::Note { text: Payload::Text(text) } => format!("note {text}"),
        EventBody::ToolCall { tool, subject, .. } => format!("call {tool} {subject}"),
        EventBody::ToolResult { outcome: ToolOutcome::Ok, .. } => "done".to_owned(),
        EventBody::Result(result) if result.outcome == Outcome::Completed => {
            format!("result {} {}", result.usage.input, result.usage.output)
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn what_the_real_screen_wrote_becomes_what_was_said_there() {
    let home = home();
    let (lines, end) = recorded(home.path(), FIRST, None);
    let read = read(&lines);
    assert_eq!((end["exists"].as_bool(), end["left_out"].as_u64(), read.left_out), (Some(true), Some(0), 0));
    let said: Vec<String> = read.drafts.iter().map(words).collect();
    assert_eq!(
        said,
        [
            "typed TEXT said in tui",
            "text said in tui",
            "result 10 5",
            "typed TOOL:Bash touch /workspace/x",
            "call Bash touch /workspace/x",
            "done",
            "text OK 9: TOOL:Bash touch /workspace/x",
            "result 20 14",
            "typed ! echo hi",
            "note hi",
            "text OK 11: <bash-stdout>hi</bash-stdout><bash-stderr></bash-stderr>",
            "result 10 5",
        ]
    );
    assert!(read.cost_usd.is_some());
    let (rest, again) = recorded(home.path(), FIRST, end["last"].as_str());
    assert_eq!((read_words(&rest), &again["last"]), (Vec::new(), &end["last"]));
    let (lines, _) = recorded(home.path(), CLEARED, None);
    assert_eq!(
        read_words(&lines),
        ["typed /clear", "typed TEXT after clear", "text after clear", "result 10 5"]
    );
}

fn read_words(lines: &[String]) -> Vec<String> {
    read(lines).drafts.iter().map(words).collect()
}

#[test]
fn a_record_is_the_users_to_spoil() {
    let home = home();
    let project = home.path().join(".claude/projects/-workspace");
    let absent = "00000000-0000-4000-8000-000000000001";
    assert_eq!(recorded(home.path(), absent, None).1["exists"], json!(false));
    assert_eq!(recorded(home.path(), "../../etc/passwd", None).1["exists"], json!(false));
    let spoilt = "00000000-0000-4000-8000-000000000002";
    let said = |text: &str| json!({ "type": "user", "uuid": "u", "entrypoint": "cli", "message": { "content": text } });
    let long = "x".repeat(9 * 1024 * 1024);
    let lines = [
        "not JSON".to_owned(),
        "[1]".to_owned(),
        said("kept").to_string(),
        json!({ "type": "user", "entrypoint": "cli", "message": 7 }).to_string(),
        json!({ "type": "assistant", "entrypoint": "cli", "message": { "content": "no list" } }).to_string(),
        said(&long).to_string(),
        "{\"type\":\"user\",\"entry".to_owned(),
    ];
    std::fs::write(project.join(format!("{spoilt}.jsonl")), lines.join("\n")).unwrap();
    let (rows, end) = recorded(home.path(), spoilt, None);
    let added = read(&rows);
    assert_eq!(added.drafts.iter().map(words).collect::<Vec<_>>(), ["typed kept"]);
    assert_eq!(
        (end["left_out"].as_u64(), added.left_out),
        (Some(2), 2),
        "too long, torn; two that make no sense"
    );
}

#[test]
fn what_is_typed_there_is_never_a_persons_message() {
    let drafts = read(&[
        json!({ "type": "user", "uuid": "x", "message": { "content": [{ "type": "text", "text": "[Request interrupted by user]" }] } })
            .to_string(),
        json!({ "type": "user", "uuid": "y", "origin": { "kind": "human" }, "message": { "content": "me" } }).to_string(),
    ])
    .drafts;
    let known = drafts.iter().all(|draft| {
        matches!(&draft.event, EventBody::TerminalTyped { .. } | EventBody::Result(_))
            && !matches!(&draft.event, EventBody::Result(result) if result.items != Vec::<ItemId>::new())
    });
    assert!(known, "{drafts:?}");
}
