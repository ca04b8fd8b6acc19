//! What the CLI says, and what follows from it.

use protocol::event::{BackgroundTask, MessageEnd, ProcessEnd, Trouble};
use protocol::limits::OUTBOX_ITEMS;
use protocol::link::{ActivityKind, Catalog, CommandOffer, ModelOffer};
use protocol::payload::short;
use protocol::settings::ModelName;
use protocol::{EventBody, ItemId, Millis};
use serde_json::Value;

use super::turn::{Phase, Turn};
use super::{Asked, Conversation, Effect, Process};
use crate::claude::blocks::Change;
use crate::claude::events::{self, Draft};
use crate::claude::lines::{
    ApiRetry, Assistant, Background, Init, Lifecycle, Line, Response, ResultLine, Status, Stream, User,
};

/// Commands and models that are passed on at most.
const MAX_OFFERS: usize = 200;
/// Background tasks that are passed on at most.
const MAX_BACKGROUND: usize = 32;
/// What one turn is believed to cost at most. Sums of it stay numbers.
const MAX_COST_USD: f64 = 1e6;
/// Open calls that are kept track of at most.
const MAX_CALLS: usize = 256;

impl Conversation {
    /// Takes one line of the CLI.
    pub(super) fn hear(&mut self, line: Line) {
        if line.is_sign_of_life() {
            self.sign_of_life();
        }
        match line {
            Line::Lifecycle(lifecycle) => self.hear_lifecycle(&lifecycle),
            Line::Init(init) => self.hear_init(init),
            Line::Status(status) => self.hear_status(&status),
            Line::Stream(stream) => self.hear_stream(&stream),
            Line::Assistant(assistant) => self.hear_assistant(assistant),
            Line::User(user) => self.hear_user(user),
            Line::Result(result) => self.hear_result(&result),
            Line::Request(request) => self.asked(request),
            Line::Cancel { request_id } => self.withdrawn(&request_id),
            Line::Response(response) => self.hear_response(response),
            Line::SessionState { state } => self.hear_session_state(&state),
            Line::Retry(retry) => self.hear_retry(&retry),
            Line::Compacted { before, after } => self.append(EventBody::Compacted { before, after }),
            Line::Cleared => self.hear_cleared(),
            Line::Background(tasks) => self.hear_background(&tasks),
            Line::Commands(commands) => self.offer(&Value::Null, &commands),
            Line::Information { text } => {
                self.append_draft(Draft::text(text, |text| EventBody::Note { text }))
            }
            Line::Quiet | Line::Unknown => {}
        }
    }

    fn hear_lifecycle(&mut self, lifecycle: &Lifecycle) {
        let item = ItemId(lifecycle.item);
        match lifecycle.state.as_str() {
            "started" => self.message_started(item),
            "completed" => self.message_completed(item),
            "cancelled" => self.message_cancelled(item),
            _ => {}
        }
    }

    fn hear_init(&mut self, init: Init) {
        let session = short(&init.session_id, 64);
        let moved = self.session.id != session;
        self.may_wake = false;
        self.session.id = session;
        self.session.used = true;
        if !self.introduced || moved {
            let resumed = self.session.answered;
            self.introduced = true;
            self.append(EventBody::ProcessStarted {
                session: self.session.id.clone(),
                version: short(&init.version, 64),
                model: short(&init.model, 128),
                resumed,
            });
        }
        match &self.turn {
            None => self.turn = Some(Turn::begun_by_claude(None)),
            Some(turn) if turn.continued => {
                turn.item().into_iter().for_each(|item| self.message_started(item))
            }
            Some(_) => {}
        }
        self.heard_mode(&init.mode);
    }

    fn hear_status(&mut self, status: &Status) {
        match status.status.as_deref() {
            Some("requesting") => self.set_turn_activity(ActivityKind::Requesting {}),
            Some("compacting") => self.set_turn_activity(ActivityKind::Compacting {}),
            _ => {}
        }
        if let Some(mode) = &status.mode {
            self.heard_mode(mode);
        }
    }

    /// What a turn does is of no interest once it is to be stopped.
    fn set_turn_activity(&mut self, activity: ActivityKind) {
        if self.turn.as_ref().is_some_and(|turn| !turn.stop_asked) {
            self.set_activity(activity);
        }
    }

    fn hear_stream(&mut self, stream: &Stream) {
        for change in self.blocks.stream(stream) {
            match change {
                Change::ToolBegins => self.tool_begins(),
                Change::Append { .. } => {
                    self.set_turn_activity(ActivityKind::Responding {});
                    self.effects.push(Effect::Live(change));
                }
                Change::Retract(_) => self.effects.push(Effect::Live(change)),
            }
        }
    }

    /// From here on the turn may have had effects. The mark is in the journal before the call can run, since
    /// the call runs only once its input is complete.
    fn tool_begins(&mut self) {
        if let Some(turn) = self.turn.as_mut().filter(|turn| !turn.tools_called) {
            turn.tools_called = true;
            self.effects.push(Effect::MarkTool);
        }
    }

    fn hear_assistant(&mut self, assistant: Assistant) {
        let in_front = assistant.parent_tool_use_id.is_none();
        for draft in events::assistant(assistant, &mut self.blocks) {
            if let Some(call) = events::open_tool(&draft.event) {
                if let Some(turn) = &mut self.turn {
                    turn.tools_called = true;
                }
                if in_front {
                    self.set_turn_activity(ActivityKind::Tool { tool: call.tool.clone() });
                }
                if self.open_calls.len() < MAX_CALLS {
                    self.open_calls.push(call);
                }
            }
            self.append_draft(draft);
        }
    }

    fn hear_user(&mut self, user: User) {
        if user.replay {
            return;
        }
        let tasks = user.tool_use_result.as_ref().and_then(|details| self.tasks.apply(details));
        for draft in events::tool_results(user) {
            if let EventBody::ToolResult { tool_use, .. } = &draft.event {
                let tool_use = tool_use.clone();
                self.answers_taken(Some(&tool_use));
                self.open_calls.retain(|call| call.tool_use != tool_use);
            }
            self.append_draft(draft);
        }
        if let Some(tasks) = tasks {
            self.append(EventBody::Tasks { tasks });
        }
    }

    fn hear_result(&mut self, result: &ResultLine) {
        if result.is_missing_session() {
            self.session.used = false;
            if std::mem::take(&mut self.session.answered) {
                self.trouble(Trouble::SessionLost, "Claude Code found no session of this conversation");
            }
            return;
        }
        let given_up = self.blocks.retract_unfinished();
        self.effects.extend(given_up.into_iter().map(Effect::Live));
        self.answers_taken(None);
        let mut items = self.answered_by(result);
        let current = self.turn.as_ref().and_then(Turn::item);
        let begun = self.turn.as_ref().is_some_and(|turn| turn.phase == Phase::Started);
        let unnamed = items.is_empty() && begun && !result.is_unasked();
        // What is continued may go by the names of all that the lost turn had heard, also of what was dealt with since.
        let continued = begun && self.turn.as_ref().is_some_and(|turn| turn.continued);
        if continued {
            items.retain(|item| self.is_open(*item));
        }
        if unnamed || continued {
            items.retain(|item| Some(*item) != current);
            items.extend(current);
        }
        let over = unnamed || current.map_or(begun, |current| items.contains(&current));
        // One that waits was to steer a turn that was lost, and was heard by then.
        self.waiting.retain(|message| !items.contains(&message.item));
        self.session.answered = true;
        let cost_usd = self.own_cost(result.total_cost_usd);
        self.append(EventBody::Result(events::result(result, items, cost_usd)));
        if over {
            self.turn = None;
            self.open_calls.clear();
            self.set_activity(ActivityKind::None {});
            self.advance();
        }
    }

    /// Whether a message waits, or was written into the running turn.
    fn is_open(&self, item: ItemId) -> bool {
        let steers = self.steers.iter().map(|steer| &steer.message);
        self.waiting.iter().chain(steers).any(|message| message.item == item)
    }

    /// The messages that a result names, each once, and no more than can wait at a time.
    fn answered_by(&self, result: &ResultLine) -> Vec<ItemId> {
        let mut items: Vec<ItemId> = Vec::new();
        for item in result.user_message_uuids.iter().copied().map(ItemId) {
            if items.len() < OUTBOX_ITEMS && self.seen.contains(item) && !items.contains(&item) {
                items.push(item);
            }
        }
        items
    }

    /// The turn's share of the session's cost.
    pub(super) fn own_cost(&mut self, total: f64) -> f64 {
        let before = std::mem::replace(&mut self.session.cost_usd, total);
        let share = if total >= before { total - before } else { total };
        if share.is_finite() { share.clamp(0.0, MAX_COST_USD) } else { 0.0 }
    }

    fn hear_response(&mut self, response: Response) {
        let Some(asked) = self.asked.remove(&response.request_id) else { return };
        match (asked, response.outcome) {
            (Asked::Initialize, Ok(answer)) => self.came_up(&answer),
            (Asked::Initialize, Err(why)) => {
                self.trouble(Trouble::CantStart, why);
                self.end_process(ProcessEnd::Failed);
            }
            (Asked::Probe(item), Ok(answer)) => {
                let idle = answer.get("session_state").and_then(Value::as_str) == Some("idle");
                if idle && self.turn.as_ref().and_then(Turn::item) == Some(item) {
                    self.nothing_owed();
                }
            }
            (Asked::Sign, _) => self.sign_answered(),
            (Asked::Model(settings) | Asked::Mode(settings), outcome) => {
                self.settings_answered(settings, outcome.err());
            }
            (Asked::Probe(_), Err(_)) | (Asked::Interrupt, _) => {}
        }
    }

    fn came_up(&mut self, answer: &Value) {
        if !matches!(self.process, Process::Starting { .. }) {
            return;
        }
        self.process = Process::Live;
        self.start_failures = 0;
        self.idle_since = self.now.mono;
        self.watch.heard(self.now.mono);
        self.offer(
            answer.get("models").unwrap_or(&Value::Null),
            answer.get("commands").unwrap_or(&Value::Null),
        );
        let idle = answer.get("session_state").and_then(Value::as_str) == Some("idle");
        match &self.turn {
            Some(turn) if turn.continued && turn.phase == Phase::Waiting && idle => {
                self.end_turn_unanswered(MessageEnd::Nothing);
            }
            Some(_) => {}
            None => self.set_activity(ActivityKind::None {}),
        }
        self.apply_settings();
        self.advance();
    }

    fn offer(&mut self, models: &Value, commands: &Value) {
        let models =
            models.as_array().into_iter().flatten().take(MAX_OFFERS).filter_map(model_offer).collect();
        let commands =
            commands.as_array().into_iter().flatten().take(MAX_OFFERS).filter_map(command_offer).collect();
        self.effects.push(Effect::Catalog(Catalog { models, commands }));
    }

    fn hear_session_state(&mut self, state: &str) {
        match state {
            "idle" => {
                self.session_busy = false;
                self.nothing_owed();
            }
            "running" => {
                self.session_busy = true;
                if self.prompts.iter().all(|open| !open.is_open()) {
                    self.answers_taken(None);
                }
            }
            _ => {}
        }
    }

    fn hear_retry(&mut self, retry: &ApiRetry) {
        let given_up = self.blocks.retract_all();
        self.effects.extend(given_up.into_iter().map(Effect::Live));
        let (attempt, max, status) = (retry.attempt, retry.max_retries, retry.error_status);
        let delay_ms = milliseconds(retry.retry_delay_ms);
        let until = self.now.wall + delay_ms;
        self.set_turn_activity(ActivityKind::Retrying { attempt, max, until, status });
        self.append(EventBody::Retry { attempt, max, delay_ms, status });
    }

    fn hear_cleared(&mut self) {
        self.append(EventBody::Cleared {});
        self.begin_session_anew();
    }

    fn hear_background(&mut self, tasks: &[Background]) {
        let tasks = tasks.iter().take(MAX_BACKGROUND).map(|task| BackgroundTask {
            id: short(&task.task_id, 128),
            task_type: short(&task.task_type, 64),
            description: short(&task.description, 300),
        });
        let tasks: Vec<BackgroundTask> = tasks.collect();
        if tasks != self.background {
            self.may_wake |= tasks.len() < self.background.len();
            self.background.clone_from(&tasks);
            self.append(EventBody::Background { tasks });
        }
    }
}

/// A day is longer than any back-off; what is beyond it is not believed.
fn milliseconds(delay: f64) -> Millis {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a day")]
    let delay = delay.clamp(0.0, 86_400_000.0) as Millis;
    delay
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn model_offer(model: &Value) -> Option<ModelOffer> {
    Some(ModelOffer {
        model: ModelName::new(string(model, "value"))?,
        name: short(string(model, "displayName"), 128),
        description: short(string(model, "description"), 300),
    })
}

fn command_offer(command: &Value) -> Option<CommandOffer> {
    let name = string(command, "name");
    (!name.is_empty()).then(|| CommandOffer {
        name: short(name, 128),
        description: short(string(command, "description"), 300),
        argument_hint: short(string(command, "argumentHint"), 128),
    })
}
