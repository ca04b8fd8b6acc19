//! What is said is what is understood.

use proptest::prelude::*;
use protocol::event::Outcome;
use protocol::fleet::FleetRequest;
use protocol::frame::{self, Chunk, Frame, TerminalFrame, encode_chunk, encode_events, encode_terminal};
use protocol::link::{Delta, FromAgent, FromControl, LiveKind};
use protocol::payload::Payload;
use protocol::terminal::Size;
use protocol::viewer::{FromViewer, Request};
use protocol::{BlockId, ConversationId, Event, EventBody, ItemId, TerminalId};
use serde_json::json;
use uuid::Uuid;

use crate::samples;

#[test]
fn every_sample_survives() {
    for event in samples::events() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
    for message in samples::from_agent() {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<FromAgent>(&text).unwrap(), message);
    }
    for message in samples::from_control() {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<FromControl>(&text).unwrap(), message);
    }
    for request in samples::from_viewer() {
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    }
    for request in samples::from_operator() {
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<FleetRequest>(&text).unwrap(), request);
    }
}

#[test]
fn unknown_fields_are_no_error() {
    let text =
        r#"{"n":1,"at":2,"kind":"message_started","item":"00000000-0000-0000-0000-000000000001","later":{}}"#;
    let event: Event = serde_json::from_str(text).unwrap();
    assert_eq!(event.body, EventBody::MessageStarted { item: ItemId(Uuid::from_u128(1)) });
}

#[test]
fn content_is_read_whatever_a_newer_writer_says_beside_it() {
    let read = |value| serde_json::from_value::<Payload>(value).unwrap();
    assert_eq!(read(json!({ "text": "x", "later": {} })), Payload::Text("x".into()));
    assert_eq!(read(json!({ "later": {}, "json": [1] })), Payload::Json(json!([1])));
    for unknown in [json!({ "json": null }), json!({ "picture": {} }), json!({})] {
        assert_eq!(read(unknown), Payload::Json(json!(null)));
    }
    assert!(serde_json::from_value::<Payload>(json!({ "text": 1 })).is_err());
}

#[test]
fn what_a_newer_peer_names_leaves_the_rest_readable() {
    let id = Uuid::from_u128(1);
    let item = ItemId(id);
    let events = [
        json!({ "kind": "message_taken", "item": id, "by": { "id": id, "name": "x" }, "content": { "later": 1 } }),
        json!({ "kind": "message_ended", "item": id, "how": "of_tomorrow" }),
        json!({ "kind": "message_unknown", "item": id, "why": "of_tomorrow", "tools": [] }),
        json!({ "kind": "result", "items": [id], "outcome": "of_tomorrow", "duration_ms": 1, "cost_usd": 0.5,
                "usage": { "input": 1, "output": 1, "cache_read": 0, "cache_write": 0 } }),
        json!({ "kind": "tool_result", "tool_use": "t", "content": { "text": "x" }, "outcome": "of_tomorrow" }),
        json!({ "kind": "tasks", "tasks": [{ "id": "1", "title": "x", "status": "of_tomorrow" }] }),
        json!({ "kind": "process_ended", "why": "of_tomorrow", "detail": "" }),
        json!({ "kind": "settings_changed", "settings": {}, "why": "of_tomorrow" }),
        json!({ "kind": "trouble", "what": "of_tomorrow", "detail": "" }),
        json!({ "kind": "silent", "step": "of_tomorrow", "for_ms": 1 }),
        json!({ "kind": "prompt_withdrawn", "prompt": "p", "why": "of_tomorrow" }),
        json!({ "kind": "prompt_asked", "prompt": "p", "ask": "of_tomorrow", "tool": "x", "subject": "",
                "input": { "json": {} }, "suggestions": [
                    { "type": "rules", "rules": [{ "tool": "x" }], "reach": "of_tomorrow" }] }),
    ];
    for mut event in events {
        event["n"] = 1.into();
        event["at"] = 1.into();
        let read: Result<Event, _> = serde_json::from_value(event.clone());
        assert!(read.is_ok(), "{event}: {read:?}");
        // What it is about is followed all the same.
        if let EventBody::Result(result) = &read.unwrap().body {
            assert_eq!((result.items.as_slice(), result.outcome), (&[item][..], Outcome::Other));
        }
    }
    let activity = json!({ "type": "activity", "conversation": id,
        "activity": { "what": { "type": "of_tomorrow", "x": 1 }, "since": 1 } });
    assert!(serde_json::from_value::<FromAgent>(activity).is_ok());
    let delta = json!({ "type": "delta", "conversation": id, "block": "m:0",
        "what": { "type": "of_tomorrow" }, "at": 0, "text": "x" });
    assert!(serde_json::from_value::<FromAgent>(delta).is_ok());
}

#[test]
fn an_unknown_kind_still_has_its_header() {
    let header: protocol::EventHeader =
        serde_json::from_str(r#"{"n":7,"at":2,"kind":"later","x":[1]}"#).unwrap();
    assert_eq!((header.n, header.kind.as_str()), (7, "later"));
}

proptest! {
    #[test]
    fn any_text_survives(text in ".*", at in 0..1u64 << 50, uuid in any::<u128>()) {
        let conversation = ConversationId(Uuid::from_u128(uuid));
        let delta = FromAgent::Delta(Delta {
            conversation,
            block: BlockId::new("m:0").unwrap(),
            what: LiveKind::Text {},
            parent: None,
            at,
            text: text.clone(),
        });
        let json = serde_json::to_string(&delta).unwrap();
        prop_assert_eq!(serde_json::from_str::<FromAgent>(&json).unwrap(), delta);
        let body = FromViewer::Send { conversation, item: ItemId(Uuid::nil()), text, steer: true, again_of: None };
        let json = serde_json::to_string(&Request { re: 1, body: body.clone() }).unwrap();
        prop_assert_eq!(serde_json::from_str::<Request>(&json).unwrap().body, body);
    }

    #[test]
    fn event_frames_survive(uuid in any::<u128>(), epoch in any::<u64>(), first in 1..1u64 << 50, texts in prop::collection::vec(".*", 1..8)) {
        let conversation = ConversationId(Uuid::from_u128(uuid));
        let lines: Vec<String> = (first..)
            .zip(&texts)
            .map(|(n, text)| serde_json::json!({ "n": n, "at": 1, "kind": "anything", "text": text }).to_string())
            .collect();
        let bytes = encode_events(conversation, epoch, first, lines.iter().map(String::as_str));
        let Ok(Frame::Events(events)) = frame::decode(&bytes) else { panic!("not an events frame") };
        prop_assert_eq!((events.conversation, events.epoch, events.first), (conversation, epoch, first));
        let got: Vec<&str> = events.events.iter().map(|(_, line)| *line).collect();
        prop_assert_eq!(got, lines);
    }

    #[test]
    fn chunk_frames_survive(uuid in any::<u128>(), digest in any::<[u8; 32]>(), chunks in 1..100u32, bytes in prop::collection::vec(any::<u8>(), 1..4096)) {
        let chunk = Chunk { conversation: ConversationId(Uuid::from_u128(uuid)), digest, index: chunks - 1, chunks, bytes: &bytes };
        let encoded = encode_chunk(&chunk);
        prop_assert_eq!(frame::decode(&encoded), Ok(Frame::Chunk(chunk)));
    }

    #[test]
    fn terminal_frames_survive(uuid in any::<u128>(), a in 0..1u64 << 52, b in 0..1u64 << 52, part in 0..300u32, cols in 2..=500u16, bytes in prop::collection::vec(any::<u8>(), 1..4096)) {
        let terminal = TerminalId(Uuid::from_u128(uuid));
        let frames = [
            TerminalFrame::Output { offset: a, bytes: &bytes },
            TerminalFrame::Input { source: a, place: b, bytes: &bytes },
            TerminalFrame::Snapshot { offset: a, size: Size { cols, rows: 24 }, part, parts: 300, bytes: &bytes },
            TerminalFrame::Ack { offset: a },
            TerminalFrame::Credit { offset: a },
            TerminalFrame::Taken { source: a, place: b },
        ];
        for frame in frames {
            let encoded = encode_terminal(terminal, &frame);
            prop_assert_eq!(frame::decode(&encoded), Ok(Frame::Terminal(terminal, frame)));
        }
    }
}
