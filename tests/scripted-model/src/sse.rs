//! The events of a streamed answer and their framing as server-sent events.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::usage::Usage;

/// One event of the stream.
#[derive(Serialize, Clone, Debug)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The answer begins.
    MessageStart { message: Message },
    /// Keeps the connection warm.
    Ping,
    /// A block begins, empty.
    ContentBlockStart { index: usize, content_block: Block },
    /// A block grows.
    ContentBlockDelta { index: usize, delta: Delta },
    /// A block is complete.
    ContentBlockStop { index: usize },
    /// Why the answer ends and what it cost.
    MessageDelta { delta: Ending, usage: Usage },
    /// The answer is complete.
    MessageStop,
}

/// A message as it begins in a stream, or whole.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) role: &'static str,
    pub(crate) model: String,
    pub(crate) content: Vec<Block>,
    pub(crate) stop_reason: Option<StopReason>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) usage: Usage,
}

impl Message {
    /// An answer that has just begun.
    pub(crate) fn begin(id: String, model: String, usage: Usage) -> Self {
        Self {
            id,
            kind: "message",
            role: "assistant",
            model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage,
        }
    }
}

/// A content block of an answer.
#[derive(Serialize, Clone, Debug)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block {
    Text { text: String },
    Thinking { thinking: String, signature: String },
    ToolUse { id: String, name: String, input: Box<RawValue> },
}

/// How a content block grows.
#[derive(Serialize, Clone, Debug)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the wire names them so")]
pub(crate) enum Delta {
    TextDelta { text: String },
    ThinkingDelta { thinking: String },
    SignatureDelta { signature: String },
    InputJsonDelta { partial_json: String },
}

/// How an answer ends.
#[derive(Serialize, Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) stop_reason: StopReason,
    pub(crate) stop_sequence: Option<&'static str>,
}

/// Why an answer ends.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopReason {
    EndTurn,
    ToolUse,
    MaxTokens,
    Refusal,
}

impl Event {
    /// Its name in the stream.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::Ping => "ping",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }

    /// Its bytes in the stream.
    pub(crate) fn frame(&self) -> Bytes {
        /// Most events are a short delta.
        const USUAL: usize = 256;
        let mut frame = Vec::with_capacity(USUAL);
        frame.extend_from_slice(b"event: ");
        frame.extend_from_slice(self.name().as_bytes());
        frame.extend_from_slice(b"\ndata: ");
        serde_json::to_writer(&mut frame, self).expect("an event is plain data");
        frame.extend_from_slice(b"\n\n");
        frame.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Delta, Ending, Event, Message, StopReason};
    use crate::usage::Usage;

    fn framed(event: &Event) -> String {
        String::from_utf8(event.frame().to_vec()).unwrap()
    }

    fn usage() -> Usage {
        Usage {
            input_tokens: 10,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: 1,
            service_tier: "standard",
        }
    }

    #[test]
    fn events_are_framed_as_anthropic_frames_them() {
        let message = Message::begin("msg_1".into(), "m".into(), usage());
        assert_eq!(
            framed(&Event::MessageStart { message }),
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\
             \"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\
             \"stop_sequence\":null,\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":0,\
             \"cache_read_input_tokens\":0,\"output_tokens\":1,\"service_tier\":\"standard\"}}}\n\n"
        );
        assert_eq!(framed(&Event::Ping), "event: ping\ndata: {\"type\":\"ping\"}\n\n");
        let delta = Delta::TextDelta { text: "a\nb".into() };
        assert_eq!(
            framed(&Event::ContentBlockDelta { index: 0, delta }),
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{\"type\":\"text_delta\",\"text\":\"a\\nb\"}}\n\n"
        );
        let delta = Ending { stop_reason: StopReason::EndTurn, stop_sequence: None };
        assert!(
            framed(&Event::MessageDelta { delta, usage: usage() })
                .contains("\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{")
        );
    }

    #[test]
    fn the_name_of_an_event_is_its_type() {
        let block = Block::Text { text: String::new() };
        for event in [
            Event::Ping,
            Event::ContentBlockStart { index: 0, content_block: block },
            Event::ContentBlockStop { index: 0 },
            Event::MessageStop,
        ] {
            assert_eq!(serde_json::to_value(&event).unwrap()["type"], event.name());
        }
    }
}
