//! A conversation without its surroundings: what is fed in and what comes out.

use std::collections::VecDeque;

use protocol::event::Person;
use protocol::limits::EVENT_BYTES;
use protocol::link::{ActivityKind, Catalog, Delivery, Policy};
use protocol::prompt::Decision;
use protocol::settings::Settings;
use protocol::summary::Summary;
use protocol::terminal::NotLent;
use protocol::{ConversationId, Event, EventBody, ItemId, PromptId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;
use workspace_agent::claude::blocks::Change;
use workspace_agent::claude::lines::Line;
use workspace_agent::conversation::core::{Aftermath, Conversation, Effect, Input, Launch, Now, Opening};

pub(crate) const POLICY: Policy = Policy {
    idle_ms: 900_000,
    max_processes: 6,
    allow_bypass: false,
    silent_ms: 180_000,
    terminal_idle_ms: 0,
};

pub(crate) struct Desk {
    pub(crate) core: Conversation,
    pub(crate) now: Now,
    /// Every event so far.
    pub(crate) log: Vec<Event>,
    /// What a journal would hold, in order.
    pub(crate) kept: Vec<Kept>,
    /// Lines to the CLI that no test has looked at yet.
    pub(crate) written: VecDeque<Value>,
    pub(crate) spawned: Vec<Launch>,
    pub(crate) live: Vec<Change>,
    pub(crate) activity: ActivityKind,
    pub(crate) settled: Vec<(ItemId, Option<protocol::close::ErrorCode>)>,
    pub(crate) catalog: Option<Catalog>,
    pub(crate) terminated: u32,
    pub(crate) stdin_closed: u32,
    pub(crate) lent: Vec<Result<Launch, NotLent>>,
    pub(crate) to_read: Vec<(String, Vec<Uuid>)>,
    next_item: u128,
}

#[derive(Clone)]
pub(crate) enum Kept {
    Event(Event, Option<String>),
    Tool,
    Taken,
    Given(ItemId),
}

impl Desk {
    pub(crate) fn new() -> Self {
        let core = Conversation::new(ConversationId(Uuid::from_u128(0xC0)), 1, 1, POLICY);
        Self::with(core)
    }

    pub(crate) fn with(core: Conversation) -> Self {
        Self {
            core,
            now: Now { wall: 1_000_000, mono: 1_000 },
            log: Vec::new(),
            kept: Vec::new(),
            written: VecDeque::new(),
            spawned: Vec::new(),
            live: Vec::new(),
            activity: ActivityKind::None {},
            settled: Vec::new(),
            catalog: None,
            terminated: 0,
            stdin_closed: 0,
            lent: Vec::new(),
            to_read: Vec::new(),
            next_item: 0x100,
        }
    }

    pub(crate) fn feed(&mut self, input: Input) {
        let text = match &input {
            Input::Deliver(delivery) => Some(delivery.text.clone()),
            _ => None,
        };
        let effects = self.core.step(self.now, input);
        let spawned = self.spawned.len();
        self.carry_out(effects, text);
        if self.spawned.len() > spawned {
            let effects = self.core.step(self.now, Input::Placed);
            self.carry_out(effects, None);
        }
    }

    pub(crate) fn carry_out(&mut self, effects: Vec<Effect>, text: Option<String>) {
        for effect in effects {
            match effect {
                Effect::Append { event, .. } => {
                    assert!(serde_json::to_vec(&event).unwrap().len() <= EVENT_BYTES, "{}", kind(&event));
                    let said =
                        matches!(event.body, EventBody::MessageTaken { .. }).then(|| text.clone()).flatten();
                    self.kept.push(Kept::Event((*event).clone(), said));
                    self.log.push(*event);
                }
                Effect::MarkTool => self.kept.push(Kept::Tool),
                Effect::MarkTaken => self.kept.push(Kept::Taken),
                Effect::MarkGiven(item) => self.kept.push(Kept::Given(item)),
                Effect::Spawn(launch) => self.spawned.push(launch),
                Effect::Write(line) => self.written.push_back(read(line)),
                Effect::CloseStdin => self.stdin_closed += 1,
                Effect::Terminate => self.terminated += 1,
                Effect::Live(change) => self.live.push(change),
                Effect::Activity(activity) => self.activity = activity,
                Effect::Settled { item, refused } => self.settled.push((item, refused)),
                Effect::Catalog(catalog) => self.catalog = Some(catalog),
                Effect::Lent(launch) => self.lent.push(Ok(launch)),
                Effect::NotLent(why) => self.lent.push(Err(why)),
                Effect::ReadSession { session, after } => self.to_read.push((session, after)),
            }
        }
    }

    /// The same conversation after the workspace-agent died and read its journal.
    pub(crate) fn reborn(&self) -> Self {
        self.reborn_after(Aftermath::default())
    }

    pub(crate) fn reborn_after(&self, aftermath: Aftermath) -> Self {
        let mut core = Conversation::new(self.core.id(), 1, 1, POLICY);
        for kept in &self.kept {
            match kept {
                Kept::Event(event, text) => core.replay(event, text.clone()),
                Kept::Tool => core.replay_tool_began(),
                Kept::Taken => core.replay_answers_taken(),
                Kept::Given(item) => core.replay_given(*item),
            }
        }
        let mut desk = Self::with(core);
        desk.now = self.now;
        desk.log.clone_from(&self.log);
        desk.kept.clone_from(&self.kept);
        desk.next_item = self.next_item + 0x100;
        if aftermath.rebooted {
            // As the journal is joined to the store then.
            let (after, epoch) = (desk.core.end(), desk.core.end().epoch + 1);
            let opening = Opening { epoch, after, lost: false, alive: false };
            let effects = desk.core.open_epoch(desk.now, opening);
            desk.carry_out(effects, None);
        }
        let effects = desk.core.recovered(desk.now, aftermath);
        desk.carry_out(effects, None);
        desk
    }

    pub(crate) fn new_item(&mut self) -> ItemId {
        self.next_item += 1;
        ItemId(Uuid::from_u128(self.next_item))
    }

    pub(crate) fn delivery(&mut self, text: &str) -> Delivery {
        Delivery {
            conversation: self.core.id(),
            item: self.new_item(),
            by: person(),
            text: text.to_owned(),
            steer: false,
            again_of: None,
            settings: Settings::default(),
            known: None,
        }
    }

    pub(crate) fn send(&mut self, text: &str) -> ItemId {
        let delivery = self.delivery(text);
        let item = delivery.item;
        self.feed(Input::Deliver(delivery));
        item
    }

    pub(crate) fn steer(&mut self, text: &str) -> ItemId {
        let delivery = Delivery { steer: true, ..self.delivery(text) };
        let item = delivery.item;
        self.feed(Input::Deliver(delivery));
        item
    }

    pub(crate) fn stop(&mut self, message: Option<ItemId>) -> ItemId {
        let item = self.new_item();
        self.feed(Input::Stop { item, by: person(), message });
        item
    }

    /// A person wants the turn of that message continued.
    pub(crate) fn continue_turn(&mut self, message: ItemId) -> ItemId {
        let (item, settings) = (self.new_item(), Settings::default());
        self.feed(Input::Continue { item, by: person(), message, settings, known: None });
        item
    }

    pub(crate) fn decide(&mut self, prompt: &str, decision: Decision) -> ItemId {
        let item = self.new_item();
        let prompt = PromptId::new(prompt).unwrap();
        self.feed(Input::Answer { item, by: person(), prompt, decision });
        item
    }

    pub(crate) fn hear(&mut self, line: Value) {
        let text = line.to_string();
        match Line::parse(&text) {
            Line::Unknown => self.feed(Input::Strange(text)),
            line => self.feed(Input::Line(line)),
        }
    }

    pub(crate) fn exit(&mut self) {
        self.feed(Input::Exited { detail: "killed by signal 9".into() });
    }

    /// The next line to the CLI, which must be of this type (and this subtype of a request).
    pub(crate) fn expect_written(&mut self, kind: &str) -> Value {
        let line = self.written.pop_front().unwrap_or_else(|| panic!("nothing was written; expected {kind}"));
        let is = line["request"]["subtype"].as_str().or(line["type"].as_str());
        assert_eq!(is, Some(kind), "{line}");
        line
    }

    /// Answers the `initialize` of a process that was just started.
    pub(crate) fn come_up(&mut self) {
        self.come_up_as("idle");
    }

    pub(crate) fn come_up_as(&mut self, state: &str) {
        let request = self.expect_written("initialize");
        let answer = json!({ "session_state": state, "commands": [], "models": [] });
        self.respond(&request, answer);
    }

    pub(crate) fn respond(&mut self, request: &Value, answer: Value) {
        let id = request["request_id"].clone();
        let response = json!({ "subtype": "success", "request_id": id, "response": answer });
        self.hear(json!({ "type": "control_response", "response": response }));
    }

    pub(crate) fn lifecycle(&mut self, item: ItemId, state: &str) {
        self.hear(json!({ "type": "command_lifecycle", "command_uuid": item, "state": state }));
    }

    /// A message is sent, reaches the process and is begun.
    pub(crate) fn begin_turn(&mut self, text: &str) -> ItemId {
        let item = self.send(text);
        if !self.written.is_empty() && self.written[0]["request"]["subtype"] == "initialize" {
            self.come_up();
        }
        assert_eq!(self.expect_written("user")["uuid"], json!(item));
        self.lifecycle(item, "queued");
        self.lifecycle(item, "started");
        self.introduce();
        item
    }

    /// What the process says of itself when a turn begins.
    pub(crate) fn introduce(&mut self) {
        self.hear(json!({ "type": "system", "subtype": "init", "session_id": "s-1", "model": "m",
                          "permissionMode": "default", "claude_code_version": "2.1.330" }));
    }

    pub(crate) fn result(&mut self, items: &[ItemId]) {
        self.hear(json!({ "type": "result", "subtype": "success", "is_error": false, "result": "ok",
                          "terminal_reason": "completed", "total_cost_usd": 0.5, "user_message_uuids": items }));
        self.hear(json!({ "type": "system", "subtype": "session_state_changed", "state": "idle" }));
    }

    pub(crate) fn call_tool(&mut self, id: &str) {
        self.hear(json!({ "type": "assistant", "message": { "id": "msg_1", "content": [
            { "type": "tool_use", "id": id, "name": "Bash", "input": { "command": "make" } }] } }));
    }

    pub(crate) fn ask(&mut self, prompt: &str, tool_use: &str) {
        self.hear(json!({ "type": "control_request", "request_id": prompt, "request": {
            "subtype": "can_use_tool", "tool_name": "Bash", "input": { "command": "make" },
            "tool_use_id": tool_use, "permission_suggestions": [] } }));
    }

    /// The kinds of the log from `from` on.
    pub(crate) fn kinds_since(&self, from: usize) -> Vec<String> {
        self.log[from..].iter().map(kind).collect()
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for event in &self.log {
            summary.apply(event);
        }
        summary
    }

    pub(crate) fn last(&self) -> &EventBody {
        &self.log.last().unwrap().body
    }

    pub(crate) fn find(&self, wanted: &str) -> Option<&EventBody> {
        self.log.iter().rev().find(|event| kind(event) == wanted).map(|event| &event.body)
    }
}

pub(crate) fn person() -> Person {
    Person { id: UserId(Uuid::from_u128(0x5E)), name: "Ada".into(), token: None }
}

pub(crate) fn kind(event: &Event) -> String {
    serde_json::to_value(event).unwrap()["kind"].as_str().unwrap().to_owned()
}

/// A line that was written. One that is nested deeper than a value is read is kept as text, if it is one.
fn read(line: String) -> Value {
    serde_json::from_str(&line).unwrap_or_else(|_| {
        serde_json::from_str::<serde::de::IgnoredAny>(&line).unwrap();
        Value::String(line)
    })
}
