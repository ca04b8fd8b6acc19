//! The recorded lines of the real CLI, both directions, played through a conversation.

use std::path::{Path, PathBuf};

use protocol::limits::EVENT_BYTES;
use protocol::prompt::Decision;
use protocol::summary::State;
use protocol::{ItemId, PromptId};
use serde_json::{Value, json};
use workspace_agent::claude::lines::Line;
use workspace_agent::conversation::core::Input;

use crate::desk::{Desk, kind, person};

fn transcripts() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transcripts");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 40);
    files
}

/// The recording's `initialize` and its answer come before its first message; ours follow it.
#[derive(Default)]
struct Beginning {
    theirs: Option<String>,
    answer: Option<Value>,
}

fn play(path: &Path) -> Desk {
    let mut desk = Desk::new();
    let mut beginning = Beginning::default();
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        match entry["dir"].as_str() {
            Some("in") => hear_host(&mut desk, &entry["line"], &mut beginning),
            Some("out") => hear_cli(&mut desk, entry["line"].clone(), &mut beginning),
            Some("exit") => desk.feed(Input::Exited { detail: format!("exit status {}", entry["line"]) }),
            _ => {}
        }
    }
    desk
}

/// What the recording host wrote, done by us: the same acts, under our own request ids.
fn hear_host(desk: &mut Desk, line: &Value, beginning: &mut Beginning) {
    match (line["type"].as_str(), line["request"]["subtype"].as_str()) {
        (Some("user"), _) => hear_message(desk, line, beginning),
        (Some("control_request"), Some("interrupt")) => {
            let current = desk.summary().current;
            let item = desk.new_item();
            desk.feed(Input::Stop { item, by: person(), message: current });
        }
        (Some("control_response"), _) => answer(desk, line),
        (Some("control_request"), Some("initialize")) if beginning.theirs.is_none() => {
            beginning.theirs = line["request_id"].as_str().map(str::to_owned);
        }
        _ => {}
    }
}

fn hear_message(desk: &mut Desk, line: &Value, beginning: &mut Beginning) {
    let mut delivery = desk.delivery(line["message"]["content"].as_str().unwrap_or("?"));
    let theirs: Option<ItemId> = line["uuid"].as_str().and_then(|uuid| uuid.parse().ok());
    delivery.item = theirs.unwrap_or(delivery.item);
    delivery.steer = desk.summary().state != State::Idle;
    let item = delivery.item;
    let starts = desk.spawned.is_empty();
    desk.feed(Input::Deliver(delivery));
    if starts {
        let ours =
            desk.written.iter().find(|line| line["request"]["subtype"] == "initialize").cloned().unwrap();
        let answer = beginning.answer.take().unwrap_or_default();
        desk.respond(&ours, answer);
    }
    if theirs.is_none() {
        // Without an id the CLI reports no life cycle; ours always has one.
        desk.lifecycle(item, "started");
    }
}

fn answer(desk: &mut Desk, line: &Value) {
    let Some(prompt) = line["response"]["request_id"].as_str().and_then(PromptId::new) else { return };
    let body = &line["response"]["response"];
    let decision = match body["behavior"].as_str() {
        Some("allow") if !body["updatedInput"]["answers"].is_null() => Decision::Answer {
            answers: serde_json::from_value(body["updatedInput"]["answers"].clone()).unwrap_or_default(),
        },
        Some("allow") => Decision::Allow { suggestion: None, mode: None },
        Some("deny") => Decision::Deny { message: body["message"].as_str().map(str::to_owned) },
        _ => return,
    };
    let item: ItemId = desk.new_item();
    desk.feed(Input::Answer { item, by: person(), prompt, decision });
}

fn hear_cli(desk: &mut Desk, line: Value, beginning: &mut Beginning) {
    let answers = line["response"]["request_id"].as_str();
    if answers.is_some() && answers == beginning.theirs.as_deref() && desk.spawned.is_empty() {
        beginning.answer = Some(line["response"]["response"].clone());
        return;
    }
    match line {
        Value::String(raw) => desk.feed(Input::Strange(raw)),
        line => desk.hear(line),
    }
}

/// The log in short, without what is the recording's own noise.
fn digest(desk: &Desk) -> String {
    let lines = desk.log.iter().map(|event| {
        let value = serde_json::to_value(event).unwrap();
        let told = ["tool", "subject", "outcome", "how", "why", "state", "what", "item", "items", "prompt"]
            .iter()
            .filter_map(|key| Some(format!("{key}={}", value.get(*key)?)))
            .collect::<Vec<_>>();
        format!("{} {}", kind(event), told.join(" ")).trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_recording_is_understood_and_keeps_the_rules() {
    for path in transcripts() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let desk = play(&path);
        assert!(desk.log.iter().map(|event| event.n).eq(1..=desk.log.len() as u64), "{name}");
        for event in &desk.log {
            assert!(serde_json::to_string(event).unwrap().len() <= EVENT_BYTES, "{name}");
        }
        let strange: Vec<_> = desk.log.iter().filter(|event| kind(event) == "opaque").collect();
        let expected = ["s16_sdk_mcp_hooks"].contains(&name.as_str());
        assert!(strange.is_empty() || expected, "{name}: {strange:?}");
        // These end in mid-turn: one is cut off, in the other the message is about to be given again.
        let goes_on = ["s4_interrupt_hang", "s8_kill9_midstream"].contains(&name.as_str());
        let end = if goes_on { State::Working } else { State::Idle };
        assert_eq!(desk.summary().state, end, "{name}");
    }
}

#[test]
fn some_recordings_come_to_these_logs() {
    for name in [
        "s1_first",
        "s2_parallel",
        "s3_ask",
        "s3_plan",
        "s4_interrupt_perm",
        "s4_interrupt_tool",
        "s5_fold_midtool",
        "s8_kill9_midtool",
        "s10_529_recover",
        "s13_bg",
        "s14_subagent",
        "s18_todos_env",
        "s30_state_bgagent",
    ] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/transcripts/{name}.jsonl"));
        insta::assert_snapshot!(name, digest(&play(&path)));
    }
}

#[test]
fn lines_cut_anywhere_never_panic() {
    for path in transcripts().into_iter().take(12) {
        let text = std::fs::read_to_string(&path).unwrap();
        for entry in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let line = entry["line"].to_string();
            for cut in (0..line.len()).step_by(line.len() / 7 + 1).filter(|cut| line.is_char_boundary(*cut)) {
                let _ = Line::parse(&line[..cut]);
            }
        }
    }
}

#[test]
fn known_types_with_wild_fields_are_kept_as_they_came() {
    for line in [
        json!({ "type": "assistant", "message": 5 }),
        json!({ "type": "result", "usage": "much" }),
        json!({ "type": "system", "subtype": "init" }),
        json!({ "type": "system", "subtype": "never_seen" }),
        json!({ "type": "control_request", "request": {} }),
        json!({ "type": "stream_event" }),
        json!({ "type": 7 }),
        json!([1, 2]),
    ] {
        assert_eq!(Line::parse(&line.to_string()), Line::Unknown, "{line}");
    }
    let mut desk = Desk::new();
    desk.hear(json!({ "type": "system", "subtype": "never_seen", "x": 1 }));
    assert_eq!(desk.kinds_since(0), ["opaque"]);
}
