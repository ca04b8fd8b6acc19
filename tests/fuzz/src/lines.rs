//! What the CLI, or whoever writes to its standard output, says.

use protocol::event::Person;
use protocol::limits::EVENT_BYTES;
use protocol::link::{Delivery, Policy};
use protocol::settings::Settings;
use protocol::{ConversationId, ItemId, UserId};
use uuid::Uuid;
use workspace_agent::claude::lines::Line;
use workspace_agent::conversation::core::{Conversation, Effect, Input, Now};

const POLICY: Policy = Policy {
    idle_ms: 900_000,
    max_processes: 6,
    allow_bypass: false,
    silent_ms: 180_000,
    terminal_idle_ms: 0,
};

/// Whatever it says, the log has no hole and no event is larger than the protocol allows.
///
/// # Panics
/// When it has, or one is.
pub fn run(bytes: &[u8]) {
    let mut core = Conversation::new(ConversationId(Uuid::nil()), 1, 1, POLICY);
    let mut now = Now { wall: 1_000_000, mono: 1_000 };
    let mut next = 1;
    let mut take = |core: &mut Conversation, now: Now, input: Input| {
        for effect in core.step(now, input) {
            if let Effect::Append { event, .. } = effect {
                assert_eq!(event.n, next, "the log has a hole");
                next += 1;
                let size = serde_json::to_vec(&event).expect("an event can be written").len();
                assert!(size <= EVENT_BYTES, "an event of {size} bytes");
            }
        }
    };
    take(&mut core, now, Input::Deliver(message()));
    for line in bytes.split(|byte| *byte == b'\n') {
        now.wall += 10;
        now.mono += 10;
        let text = String::from_utf8_lossy(line);
        let said = Line::parse(&text);
        let strange = matches!(said, Line::Unknown);
        let input = if strange { Input::Strange(text.into_owned()) } else { Input::Line(said) };
        take(&mut core, now, input);
    }
    take(&mut core, now, Input::Exited { detail: "exit status 1".to_owned() });
}

fn message() -> Delivery {
    Delivery {
        conversation: ConversationId(Uuid::nil()),
        item: ItemId(Uuid::from_u128(1)),
        by: Person { id: UserId(Uuid::from_u128(2)), name: "someone".to_owned() },
        text: "hello".to_owned(),
        steer: false,
        again_of: None,
        settings: Settings::default(),
    }
}
