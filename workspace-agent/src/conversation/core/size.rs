//! The size rule, kept in one place: no event leaves the decisions that is larger than the protocol allows.

use protocol::limits::{DECISION_BYTES, EVENT_BYTES};
use protocol::payload::Body;
use protocol::{Event, EventBody};

use crate::claude::events::Draft;

/// An event that keeps to the size rule.
pub(super) struct Sized {
    pub(super) event: Event,
    pub(super) bodies: Vec<Body>,
    /// What it takes in a log, with its bodies.
    pub(super) bytes: u64,
}

/// Makes the draft's event. Whoever drafts keeps to the size rule; what is too large all the same is cut here: of a person's
/// answer the words, and of anything else its being understood, since nobody can say which part of it matters.
pub(super) fn fit(draft: Draft, number: impl Fn(EventBody) -> Event) -> Sized {
    let Draft { event: body, mut bodies } = draft;
    let mut event = number(body);
    if json(&event).len() > EVENT_BYTES {
        event.body = shortened(event.body);
    }
    let mut written = json(&event);
    if written.len() > EVENT_BYTES {
        let Draft { event: body, bodies: more } = Draft::opaque(&written);
        event.body = body;
        bodies.extend(more);
        written = json(&event);
    }
    let bytes = written.len() + bodies.iter().map(|body| body.bytes.len()).sum::<usize>();
    Sized { event, bodies, bytes: bytes as u64 }
}

/// The event as it is written down.
fn json(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

fn shortened(body: EventBody) -> EventBody {
    if let EventBody::PromptAnswered { prompt, item, by, decision } = body {
        let decision = decision.shortened(DECISION_BYTES);
        return EventBody::PromptAnswered { prompt, item, by, decision };
    }
    body
}
