//! An event built from payloads keeps under its limit, whatever the CLI said.

use proptest::prelude::*;
use protocol::limits::EVENT_BYTES;
use protocol::payload::{Payload, short};
use protocol::{Event, EventBody, ToolUseId};

proptest! {
    #[test]
    fn an_event_of_the_largest_payloads_fits(character in any::<char>(), count in 0..40_000usize) {
        let text: String = std::iter::repeat_n(character, count).collect();
        let (content, _) = Payload::text(text.clone());
        let (details, _) = Payload::json(serde_json::json!({ "stdout": text, "stderr": text }));
        let event = Event {
            n: u64::MAX,
            at: u64::MAX,
            body: EventBody::ToolResult {
                tool_use: ToolUseId::new("t".repeat(ToolUseId::MAX)).unwrap(),
                content,
                details: Some(details),
                outcome: protocol::event::ToolOutcome::Stopped,
                parent: ToolUseId::new("p".repeat(ToolUseId::MAX)),
            },
        };
        prop_assert!(serde_json::to_string(&event).unwrap().len() <= EVENT_BYTES);
    }

    #[test]
    fn short_text_is_short_when_escaped(text in ".*", max in 0..300usize) {
        let short = short(&text, max);
        prop_assert!(serde_json::to_string(&short).unwrap().len() <= max + 2 + '…'.len_utf8());
    }
}
