//! A recording as a newer workspace-agent might have made it: every object has a field more, and between what is known
//! stand events, messages, frames and values of kinds that nobody knows yet.

use anyhow::Context;
use protocol::ConversationId;
use protocol::frame::{self, Events, Frame};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::recording::{Line, Recording, Said, Told};

/// A name for everything that is not known yet.
const UNKNOWN: &str = "of_tomorrow";
/// The tag of a binary frame that is not known yet.
const UNKNOWN_TAG: u8 = 250;

/// What a newer workspace-agent would have said. Every known event follows one of its own, so the numbers double.
///
/// # Errors
/// When the recording can't be read.
pub fn of(recording: &[Line]) -> anyhow::Result<Recording> {
    let conversation = Told::of(recording)?.conversation.context("the recording has no events")?;
    let mut newer = Recording::new();
    for line in recording {
        match line {
            Line::Agent(said) => newer.extend(agent(conversation, said)?.into_iter().map(Line::Agent)),
            Line::Control(said) => newer.push(Line::Control(control(said)?)),
            Line::Dialled(_) | Line::Read(_) | Line::Broke | Line::Items(_) => newer.push(line.clone()),
        }
    }
    Ok(newer)
}

fn agent(conversation: ConversationId, said: &Said) -> anyhow::Result<Vec<Said>> {
    match said.message()? {
        Message::Text(text) => {
            let mut message: Value = serde_json::from_str(&text)?;
            if message["type"] == "hello" {
                double_ends(&mut message["logs"]);
                message["capabilities"] = json!([UNKNOWN]);
            }
            grow(&mut message);
            let mut all = vec![Said::Text(message.to_string())];
            all.extend(strange(conversation));
            Ok(all)
        }
        Message::Binary(bytes) => Ok(vec![match frame::decode(&bytes)? {
            Frame::Events(events) => Said::bytes(&double(&events)?),
            Frame::Chunk(_) | Frame::Terminal(..) | Frame::Unknown(_) => said.clone(),
        }]),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(Vec::new()),
    }
}

/// Messages that nobody knows yet, and one whose value is not known.
fn strange(conversation: ConversationId) -> [Said; 3] {
    let message = json!({ "type": UNKNOWN, "conversation": conversation, "x": [1] });
    let activity = json!({ "type": "activity", "conversation": conversation,
                           "activity": { "what": { "type": UNKNOWN, "x": 1 }, "since": 1 } });
    [Said::Text(message.to_string()), Said::Text(activity.to_string()), Said::bytes(&[UNKNOWN_TAG, 1, 2, 3])]
}

/// The events, each grown and behind one that nobody knows yet.
fn double(events: &Events<'_>) -> anyhow::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for (header, json) in &events.events {
        let mut event: Value = serde_json::from_str(json)?;
        grow(&mut event);
        event["n"] = (2 * header.n).into();
        let (n, at) = (2 * header.n - 1, header.at);
        // By turns: a kind that is not known, and a kind that is with a value that is not.
        let strange = match header.n % 2 {
            0 => json!({ "n": n, "at": at, "kind": UNKNOWN, "item": { "x": 1 }, "state": 2 }),
            _ => json!({ "n": n, "at": at, "kind": "trouble", "what": UNKNOWN, "detail": "", UNKNOWN: [] }),
        };
        lines.extend([strange.to_string(), event.to_string()]);
    }
    let first = 2 * events.first - 1;
    Ok(frame::encode_events(events.conversation, events.epoch, first, lines.iter().map(String::as_str)))
}

/// What the control plane says to all that.
fn control(said: &Said) -> anyhow::Result<Said> {
    let Said::Text(text) = said else { return Ok(said.clone()) };
    let mut message: Value = serde_json::from_str(text)?;
    match message["type"].as_str() {
        Some("welcome") => double_ends(&mut message["logs"]),
        Some("stored") => double_n(&mut message["end"]),
        _ => {}
    }
    Ok(Said::Text(message.to_string()))
}

fn double_ends(logs: &mut Value) {
    for log in logs.as_array_mut().into_iter().flatten() {
        double_n(&mut log["end"]);
    }
}

fn double_n(position: &mut Value) {
    position["n"] = (2 * position["n"].as_u64().unwrap_or_default()).into();
}

/// Gives every object a field more.
fn grow(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(grow);
            fields.insert(UNKNOWN.to_owned(), json!({ "x": [1] }));
        }
        Value::Array(values) => values.iter_mut().for_each(grow),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
