//! Writes the seeds of the corpus: what the real parts say, as recorded, and a journal that the real code wrote.

use std::fs;
use std::path::{Path, PathBuf};

use protocol::frame::{self, Chunk, Frame};
use protocol::payload::Body;
use protocol::payload::BodyDigest;
use protocol::{ConversationId, Event, ItemId, Position};
use serde_json::Value;
use uuid::Uuid;
use workspace_agent::conversation::journal::Journal;

/// Longer recordings add little and slow the fuzzer down.
const LONGEST: usize = 24 * 1024;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let said: Vec<String> = ["the_workspace_agent_says_this", "events_look_like_this", "a_viewer_says_this"]
        .into_iter()
        .chain(["the_control_plane_says_this_to_a_workspace_agent"])
        .flat_map(|name| snapshot(&root, name))
        .collect();
    for (number, line) in said.iter().enumerate() {
        seed("json", &format!("{number:03}"), line.as_bytes());
    }
    let events: Vec<Event> = said.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    frames(&events);
    journal(&events);
    lines(&root.join("workspace-agent/tests/fixtures/transcripts"));
}

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&dir).expect("the corpus can be written");
    fs::write(dir.join(name), bytes).expect("the corpus can be written");
}

/// The JSON lines of one of the protocol's snapshots.
fn snapshot(root: &Path, name: &str) -> Vec<String> {
    let path = root.join(format!("protocol/tests/it/snapshots/it__snapshots__{name}.snap"));
    let text = fs::read_to_string(path).expect("a snapshot");
    text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect()
}

fn frames(events: &[Event]) {
    let conversation = ConversationId(Uuid::nil());
    let numbered = renumbered(events);
    let lines: Vec<String> = numbered.iter().filter_map(|event| serde_json::to_string(event).ok()).collect();
    for (name, lines) in [("one", &lines[..1]), ("all", &lines[..])] {
        seed("frames", name, &frame::encode_events(conversation, 1, 1, lines.iter().map(String::as_str)));
    }
    let chunk = Chunk { conversation, digest: [7; 32], index: 1, chunks: 3, bytes: b"some bytes" };
    let encoded = frame::encode_chunk(&chunk);
    assert!(matches!(frame::decode(&encoded), Ok(Frame::Chunk(_))), "a chunk is a chunk");
    seed("frames", "chunk", &encoded);
}

fn renumbered(events: &[Event]) -> Vec<Event> {
    (1..).zip(events).map(|(n, event)| Event { n, ..event.clone() }).collect()
}

fn journal(events: &[Event]) {
    let dir = std::env::temp_dir().join(format!("atelier-seeds-{}", std::process::id()));
    let (mut journal, _) = Journal::open(&dir).expect("a journal");
    journal.mark_boot([1; 16]).expect("it can be written");
    journal.open_epoch(1, Position { epoch: 1, n: 0 }).expect("it can be written");
    for event in renumbered(events).iter().take(12) {
        let body = Body { digest: BodyDigest::of(b"a body"), bytes: b"a body".to_vec() };
        journal.append(event, &[body], false).expect("it can be written");
        journal.mark_tool().expect("it can be written");
        journal.mark_taken().expect("it can be written");
        journal.mark_given(ItemId(Uuid::from_u128(7))).expect("it can be written");
    }
    seed("journal", "whole", &fs::read(dir.join("journal")).expect("it can be read"));
    journal.compact([1; 16], br#"{"a":"checkpoint"}"#).expect("it can be compacted");
    seed("journal", "compacted", &fs::read(dir.join("journal")).expect("it can be read"));
    let _ = fs::remove_dir_all(dir);
}

/// What the CLI said in each of the shorter recordings.
fn lines(recordings: &Path) {
    let mut files: Vec<PathBuf> =
        fs::read_dir(recordings).expect("recordings").filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).expect("a recording");
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let said: Vec<String> =
            entries.filter(|entry| entry["dir"] == "out").map(|entry| entry["line"].to_string()).collect();
        let said = said.join("\n");
        if said.len() <= LONGEST
            && let Some(name) = file.file_stem().and_then(|stem| stem.to_str())
        {
            seed("lines", name, said.as_bytes());
        }
    }
}
