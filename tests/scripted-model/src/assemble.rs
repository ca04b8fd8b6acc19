//! Puts the events of an answer together to the one message of a request that does not stream. Pure.

use serde_json::value::RawValue;

use crate::sse::{Block, Delta, Event, Message};

/// The message that a sequence of events amounts to.
#[derive(Default)]
pub(crate) struct Assembly {
    message: Option<Message>,
    /// The input of the tool block that is open.
    input: String,
}

impl Assembly {
    /// Takes the next event.
    pub(crate) fn take(&mut self, event: Event) {
        if let Event::MessageStart { message } = event {
            self.message = Some(message);
            return;
        }
        let Some(message) = &mut self.message else { return };
        match event {
            Event::ContentBlockStart { content_block, .. } => message.content.push(content_block),
            Event::ContentBlockDelta { delta, .. } => {
                if let Some(block) = message.content.last_mut() {
                    grow(block, delta, &mut self.input);
                }
            }
            Event::ContentBlockStop { .. } => {
                if let Some(Block::ToolUse { input, .. }) = message.content.last_mut()
                    && let Ok(whole) = RawValue::from_string(std::mem::take(&mut self.input))
                {
                    *input = whole;
                }
            }
            Event::MessageDelta { delta, usage } => {
                message.stop_reason = Some(delta.stop_reason);
                message.usage = usage;
            }
            Event::MessageStart { .. } | Event::Ping | Event::MessageStop => {}
        }
    }

    /// The message; none before its start.
    pub(crate) fn finish(self) -> Option<Message> {
        self.message
    }
}

fn grow(block: &mut Block, delta: Delta, input: &mut String) {
    match (block, delta) {
        (Block::Text { text }, Delta::TextDelta { text: piece }) => text.push_str(&piece),
        (Block::Thinking { thinking, .. }, Delta::ThinkingDelta { thinking: piece }) => {
            thinking.push_str(&piece);
        }
        (Block::Thinking { signature, .. }, Delta::SignatureDelta { signature: whole }) => *signature = whole,
        (_, Delta::InputJsonDelta { partial_json }) => input.push_str(&partial_json),
        (_, Delta::TextDelta { .. } | Delta::ThinkingDelta { .. } | Delta::SignatureDelta { .. }) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::Assembly;
    use crate::answer::{Beat, compose};
    use crate::directive::parts;
    use crate::sse::Message;
    use crate::usage::Usage;

    #[test]
    fn the_events_of_an_answer_amount_to_its_message() {
        let usage = Usage {
            input_tokens: 7,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: 1,
            service_tier: "standard",
        };
        let line = "THINK two thoughts ||| TOOL:Bash ls -l ||| TEXT one two three four";
        let message = Message::begin("msg_1".into(), "m".into(), usage);
        let mut assembly = Assembly::default();
        for beat in compose(&parts(line), message, Duration::ZERO) {
            match beat {
                Beat::Say(event) => assembly.take(event),
                Beat::Wait(_) | Beat::Gate(_) | Beat::Cut => {}
            }
        }
        let message = serde_json::to_value(assembly.finish().unwrap()).unwrap();
        assert_eq!(message["content"][0]["thinking"], "two thoughts");
        assert_eq!(message["content"][1], json!({"type": "text", "text": "thought done"}));
        assert_eq!(
            message["content"][2]["input"],
            json!({"command": "ls -l", "description": "run a command"})
        );
        assert_eq!(message["content"][3]["text"], "one two three four");
        assert_eq!(message["stop_reason"], "tool_use");
        assert!(message["usage"]["output_tokens"].as_u64().unwrap() > 10);
    }
}
