//! Composes an answer: from the parts of a step to its beats. Pure; `play` performs them.

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::directive::Part;
use crate::ids;
use crate::pieces::pieces;
use crate::plain;
use crate::sse::{Block, Delta, Ending, Event, Message, StopReason};
use crate::usage::Usage;

/// One thing that happens in the course of an answer.
#[derive(Debug)]
pub(crate) enum Beat {
    /// Send an event.
    Say(Event),
    /// Pause.
    Wait(Duration),
    /// Wait until the gate of this name is released.
    Gate(String),
    /// Cut the connection.
    Cut,
}

/// Any base64 will do: only Anthropic can verify it.
const SIGNATURE: &str = "c2NyaXB0ZWQtc2lnbmF0dXJl";
/// What the real API shows of a tool's input at a time.
const INPUT_PIECE: usize = 24;

/// The beats of a message made of `parts`, with a pause of `delay` before each piece.
pub(crate) fn compose(parts: &[Part], message: Message, delay: Duration) -> Vec<Beat> {
    let mut composer = Composer {
        beats: Vec::new(),
        usage: message.usage,
        index: 0,
        output: 0,
        stop_reason: StopReason::EndTurn,
        delay,
    };
    composer.say(Event::MessageStart { message });
    for part in parts {
        if composer.part(part).is_break() {
            return composer.beats;
        }
    }
    composer.end();
    composer.beats
}

struct Composer {
    beats: Vec<Beat>,
    usage: Usage,
    /// Of the block that is open or comes next.
    index: usize,
    /// Bytes of content so far.
    output: usize,
    stop_reason: StopReason,
    delay: Duration,
}

impl Composer {
    /// Adds a part; breaks off when the connection is cut in it.
    fn part(&mut self, part: &Part) -> ControlFlow<()> {
        match part {
            Part::Text(text) => self.text(text),
            Part::Markdown => self.text(plain::MARKDOWN),
            Part::Huge(size) => self.text_block(|block| block.piece("x".repeat(*size))),
            Part::Slow { count, pause } => self.text_block(|block| block.slow(*count, *pause)),
            Part::Gate(name) => self.text_block(|block| block.gate(name)),
            Part::Think(thought) => {
                self.thinking(thought);
                self.text("thought done");
            }
            Part::Tool { name, input } => {
                self.tool(name, input);
                self.stop_reason = StopReason::ToolUse;
            }
            Part::Refuse => {
                self.text("I cannot");
                self.stop_reason = StopReason::Refusal;
            }
            Part::MaxTokens => {
                self.text("truncated text");
                self.stop_reason = StopReason::MaxTokens;
            }
            Part::Hang { pause, .. } => {
                self.beats.extend([Beat::Wait(*pause), Beat::Cut]);
                return ControlFlow::Break(());
            }
            Part::Drop { .. } => {
                self.start(Block::Text { text: String::new() });
                self.piece("cut off he".into());
                self.beats.push(Beat::Cut);
                return ControlFlow::Break(());
            }
            // Both take the place of the whole answer and never come here.
            Part::Error { .. } | Part::Silent { .. } => {}
        }
        ControlFlow::Continue(())
    }

    fn text(&mut self, text: &str) {
        self.text_block(|block| pieces(text).for_each(|piece| block.paced_piece(piece)));
    }

    fn text_block(&mut self, fill: impl FnOnce(&mut Self)) {
        self.start(Block::Text { text: String::new() });
        fill(self);
        self.stop();
    }

    fn slow(&mut self, count: usize, pause: Duration) {
        for number in 0..count {
            self.beats.push(Beat::Wait(pause));
            self.piece(format!("tok{number} "));
        }
    }

    fn gate(&mut self, name: &str) {
        self.piece(format!("gate {name} "));
        self.beats.push(Beat::Gate(name.to_owned()));
        self.piece("released".into());
    }

    fn thinking(&mut self, thought: &str) {
        self.start(Block::Thinking { thinking: String::new(), signature: String::new() });
        for piece in pieces(thought) {
            self.pause();
            self.output += piece.len();
            self.delta(Delta::ThinkingDelta { thinking: piece.to_owned() });
        }
        self.delta(Delta::SignatureDelta { signature: SIGNATURE.into() });
        self.stop();
    }

    fn tool(&mut self, name: &str, input: &str) {
        let empty = RawValue::from_string("{}".into()).expect("an empty object is JSON");
        self.start(Block::ToolUse { id: ids::tool_use(), name: name.to_owned(), input: empty });
        self.output += name.len() + input.len();
        let mut rest = input;
        self.delta(Delta::InputJsonDelta { partial_json: String::new() });
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(INPUT_PIECE));
            self.delta(Delta::InputJsonDelta { partial_json: piece.to_owned() });
            rest = after;
        }
        self.stop();
    }

    fn paced_piece(&mut self, text: &str) {
        self.pause();
        self.piece(text.to_owned());
    }

    fn piece(&mut self, text: String) {
        self.output += text.len();
        self.delta(Delta::TextDelta { text });
    }

    fn pause(&mut self) {
        if !self.delay.is_zero() {
            self.beats.push(Beat::Wait(self.delay));
        }
    }

    fn start(&mut self, content_block: Block) {
        self.say(Event::ContentBlockStart { index: self.index, content_block });
        if self.index == 0 {
            self.say(Event::Ping);
        }
    }

    fn delta(&mut self, delta: Delta) {
        self.say(Event::ContentBlockDelta { index: self.index, delta });
    }

    fn stop(&mut self) {
        self.say(Event::ContentBlockStop { index: self.index });
        self.index += 1;
    }

    fn end(&mut self) {
        let delta = Ending { stop_reason: self.stop_reason, stop_sequence: None };
        self.say(Event::MessageDelta { delta, usage: self.usage.with_output(self.output) });
        self.say(Event::MessageStop);
    }

    fn say(&mut self, event: Event) {
        self.beats.push(Beat::Say(event));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{Beat, compose};
    use crate::directive::parts;
    use crate::sse::Message;
    use crate::usage::Usage;

    const USAGE: Usage = Usage {
        input_tokens: 7,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: 1,
        service_tier: "standard",
    };

    fn beats(line: &str) -> Vec<Beat> {
        compose(&parts(line), Message::begin("msg_1".into(), "m".into(), USAGE), Duration::ZERO)
    }

    /// The beats in short: the events' names and what lies between them.
    fn outline(beats: &[Beat]) -> Vec<String> {
        let name = |beat: &Beat| match beat {
            Beat::Say(event) => event.name().to_owned(),
            Beat::Wait(pause) => format!("wait {}", pause.as_millis()),
            Beat::Gate(name) => format!("gate {name}"),
            Beat::Cut => "cut".to_owned(),
        };
        beats.iter().map(name).collect()
    }

    fn events(beats: &[Beat]) -> Vec<Value> {
        let event = |beat: &Beat| match beat {
            Beat::Say(event) => Some(serde_json::to_value(event).unwrap()),
            Beat::Wait(_) | Beat::Gate(_) | Beat::Cut => None,
        };
        beats.iter().filter_map(event).collect()
    }

    /// All that the deltas of block `index` add, joined.
    fn grown(events: &[Value], index: usize, field: &str) -> String {
        let deltas =
            events.iter().filter(|event| event["type"] == "content_block_delta" && event["index"] == index);
        deltas.filter_map(|event| event["delta"][field].as_str()).collect()
    }

    #[test]
    fn a_text_is_streamed_in_pieces() {
        let beats = beats("TEXT one two three");
        let expected = "message_start content_block_start ping content_block_delta content_block_delta \
                        content_block_stop message_delta message_stop";
        assert_eq!(outline(&beats).join(" "), expected);
        let events = events(&beats);
        assert_eq!(grown(&events, 0, "text"), "one two three");
        assert_eq!(events[6]["delta"], json!({"stop_reason": "end_turn", "stop_sequence": null}));
        assert_eq!(
            (&events[6]["usage"]["input_tokens"], &events[6]["usage"]["output_tokens"]),
            (&json!(7), &json!(4))
        );
    }

    #[test]
    fn parts_become_blocks_in_order() {
        let events =
            events(&beats(r#"THINK deep thoughts ||| TOOL:Read {"file_path": "/a/rather/long/한글/path"}"#));
        let started: Vec<_> = events.iter().filter(|event| event["type"] == "content_block_start").collect();
        let kinds: Vec<_> = started.iter().map(|event| &event["content_block"]["type"]).collect();
        assert_eq!(kinds, ["thinking", "text", "tool_use"]);
        assert_eq!(started[2]["content_block"]["input"], json!({}));
        assert_eq!(grown(&events, 0, "thinking"), "deep thoughts");
        assert!(!grown(&events, 0, "signature").is_empty());
        assert_eq!(grown(&events, 2, "partial_json"), r#"{"file_path": "/a/rather/long/한글/path"}"#);
        assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");
    }

    #[test]
    fn slow_tokens_wait_and_gates_stand_between_texts() {
        let outline_of = |line| outline(&beats(line)).join(" ");
        assert!(outline_of("SLOW 2 5").contains("wait 5 content_block_delta wait 5 content_block_delta"));
        assert!(outline_of("GATE a").contains("content_block_delta gate a content_block_delta"));
        assert_eq!(grown(&events(&beats("SLOW 2 5")), 0, "text"), "tok0 tok1 ");
    }

    #[test]
    fn a_cut_ends_the_beats() {
        let outline_of = |line| outline(&beats(line)).join(" ");
        assert_eq!(
            outline_of("DROP ||| TEXT never"),
            "message_start content_block_start ping content_block_delta cut"
        );
        assert_eq!(outline_of("HANG 2"), "message_start wait 2000 cut");
    }

    #[test]
    fn stop_reasons_are_told() {
        let reason = |line| {
            let events = events(&beats(line));
            events[events.len() - 2]["delta"]["stop_reason"].clone()
        };
        assert_eq!(reason("REFUSE"), "refusal");
        assert_eq!(reason("MAXTOK"), "max_tokens");
    }

    #[test]
    fn the_delay_comes_before_each_piece() {
        let message = Message::begin("msg_1".into(), "m".into(), USAGE);
        let beats = compose(&parts("TEXT one two three"), message, Duration::from_millis(7));
        assert_eq!(outline(&beats).iter().filter(|beat| *beat == "wait 7").count(), 2);
    }
}
