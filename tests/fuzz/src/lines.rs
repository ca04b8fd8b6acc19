//! What the CLI, or whoever writes to its standard output, says, with what people do meanwhile in between.
//!
//! A line that begins with `!` is no line of the CLI but something that happens: `!send`, `!steer`, `!stop`, `!allow`, `!deny`,
//! `!tick`, `!exit`, `!lend`, `!back`. From `!lend` on, if the session is lent, the lines are rows that Claude's own screen adds to the
//! session's record. What the CLI is asked for (`initialize`, above all) is answered at once, as it would.

use protocol::event::{EventBody, Person};
use protocol::limits::EVENT_BYTES;
use protocol::link::{Delivery, Policy};
use protocol::prompt::Decision;
use protocol::settings::Settings;
use protocol::{ConversationId, Event, ItemId, PromptId, TerminalId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;
use workspace_agent::claude::lines::Line;
use workspace_agent::claude::rows::{Added, Reader};
use workspace_agent::conversation::core::{Conversation, Effect, Input, Now};

const POLICY: Policy = Policy {
    idle_ms: 900_000,
    max_processes: 6,
    allow_bypass: false,
    silent_ms: 180_000,
    terminal_idle_ms: 0,
};
/// What a tick takes: some of them and a silent turn is noticed.
const TICK_MS: u64 = 60_000;

/// Whatever it says, the log has no hole and no event is larger than the protocol allows.
///
/// # Panics
/// When it has, or one is.
pub fn run(bytes: &[u8]) {
    log(bytes);
}

/// The log that comes of it.
///
/// # Panics
/// See [`run`].
pub fn log(bytes: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(bytes);
    let mut world = World::new(recorded_item(&text));
    world.happen("!send");
    for line in text.split('\n') {
        world.now.wall += 10;
        world.now.mono += 10;
        if line.starts_with('!') {
            world.happen(line);
        } else {
            world.hear(line);
        }
    }
    world.happen("!exit");
    world.log
}

/// The id of the message that a recording is about, so that its lines are about the message that is sent here.
fn recorded_item(text: &str) -> Option<ItemId> {
    let (_, rest) = text.split_once("\"command_uuid\":\"")?;
    rest.split_once('"')?.0.parse().ok()
}

struct World {
    core: Conversation,
    now: Now,
    log: Vec<Event>,
    /// The first message's id, until it is sent.
    first: Option<ItemId>,
    items: u128,
    sent: Option<ItemId>,
    asked: Option<PromptId>,
    /// Claude's own screen, while it has the session.
    screen: Option<Reader>,
}

impl World {
    fn new(first: Option<ItemId>) -> Self {
        Self {
            core: Conversation::new(ConversationId(Uuid::nil()), 1, 1, POLICY),
            now: Now { wall: 1_000_000, mono: 1_000 },
            log: Vec::new(),
            first,
            items: 0,
            sent: None,
            asked: None,
            screen: None,
        }
    }

    fn hear(&mut self, text: &str) {
        if let Some(screen) = &mut self.screen {
            return screen.row(text);
        }
        let said = Line::parse(text);
        let strange = matches!(said, Line::Unknown);
        self.take(if strange { Input::Strange(text.to_owned()) } else { Input::Line(said) });
    }

    /// Something happens that no line of the CLI says. What has no meaning now does not happen.
    fn happen(&mut self, what: &str) {
        let item = self.item();
        let by = person();
        match what {
            "!send" | "!steer" => {
                let item = self.first.take().unwrap_or(item);
                self.sent = Some(item);
                self.take(Input::Deliver(message(item, what == "!steer")));
            }
            "!stop" => self.take(Input::Stop { item, by, message: self.sent }),
            "!allow" | "!deny" => {
                let Some(prompt) = self.asked.clone() else { return };
                let allow = serde_json::from_value(json!({ "type": "allow" })).expect("a decision");
                let decision = if what == "!allow" { allow } else { Decision::Deny { message: None } };
                self.take(Input::Answer { item, by, prompt, decision });
            }
            "!tick" => {
                self.now.wall += TICK_MS;
                self.now.mono += TICK_MS;
                self.take(Input::Tick);
            }
            "!lend" => self.take(Input::Lend(TerminalId(Uuid::nil()))),
            "!back" => self.take(Input::GivenBack),
            "!exit" => self.take(Input::Exited { detail: "exit status 1".to_owned() }),
            _ => {}
        }
    }

    fn item(&mut self) -> ItemId {
        self.items += 1;
        ItemId(Uuid::from_u128(self.items))
    }

    fn take(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let effects = self.core.step(self.now, input);
            // Answered in the order in which they were asked for.
            let answers: Vec<Input> =
                effects.into_iter().filter_map(|effect| self.carry_out(effect)).collect();
            inputs.extend(answers.into_iter().rev());
        }
    }

    /// What comes of an effect, if anything does at once.
    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Append { event, .. } => {
                assert_eq!(event.n, self.log.len() as u64 + 1, "the log has a hole");
                let size = serde_json::to_vec(&event).expect("an event can be written").len();
                assert!(size <= EVENT_BYTES, "an event of {size} bytes");
                if let EventBody::PromptAsked(prompt) = &event.body {
                    self.asked = Some(prompt.prompt.clone());
                }
                self.log.push(*event);
                None
            }
            Effect::Spawn(_) => Some(Input::Placed),
            Effect::Write(line) => answer(&line),
            Effect::Terminate => Some(Input::Exited { detail: "terminated".to_owned() }),
            Effect::CloseStdin => Some(Input::Exited { detail: "it left".to_owned() }),
            Effect::Lent(_) => {
                self.screen = Some(Reader::default());
                None
            }
            Effect::ReadSession { session, .. } => {
                let added = self.screen.take().unwrap_or_default().finish();
                Some(Input::SessionRead(Ok(vec![Added { session, exists: true, ..added }])))
            }
            Effect::MarkTool
            | Effect::MarkTaken
            | Effect::MarkGiven(_)
            | Effect::NotLent(_)
            | Effect::Live(_)
            | Effect::Activity(_)
            | Effect::Settled { .. }
            | Effect::Catalog(_) => None,
        }
    }
}

/// What the CLI says to a request of ours.
fn answer(line: &str) -> Option<Input> {
    let asked: Value = serde_json::from_str(line).expect("what we write is JSON");
    if asked["type"] != "control_request" {
        return None;
    }
    let response = json!({ "subtype": "success", "request_id": asked["request_id"], "response": {} });
    let said = json!({ "type": "control_response", "response": response });
    Some(Input::Line(Line::parse(&said.to_string())))
}

fn person() -> Person {
    Person { id: UserId(Uuid::from_u128(2)), name: "someone".to_owned(), token: None }
}

fn message(item: ItemId, steer: bool) -> Delivery {
    Delivery {
        conversation: ConversationId(Uuid::nil()),
        item,
        by: person(),
        text: "hello".to_owned(),
        steer,
        again_of: None,
        settings: Settings::default(),
        known: None,
    }
}
