//! The CLI, as claude-cli's experiments describe it: its line protocol, its guard on message ids, its session files, and
//! its ways to die. What it really does is kept beside, as the truth that the log is held against.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use protocol::event::ToolOutcome;
use protocol::payload::Payload;
use protocol::{BlockId, EventBody, ToolUseId};
use serde_json::{Value, json};
use uuid::Uuid;
use workspace_agent::claude::events::Draft;
use workspace_agent::claude::rows::Added;
use workspace_agent::conversation::core::Launch;

use crate::dice::Dice;

/// How far the session's file knows a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// Begun; no tool block yet. Sent again, it runs again.
    Begun,
    /// Cut with a tool block in it. Sent again, it is called completed, and nothing runs.
    Cut,
    /// Answered. Likewise.
    Answered,
}

/// The user's home: the session files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Home {
    sessions: HashMap<String, SessionFile>,
    /// What a power cut can't take: the CLI syncs nothing, the kernel does now and then.
    synced: HashMap<String, SessionFile>,
}

#[derive(Clone, Debug, Default)]
struct SessionFile {
    messages: BTreeMap<Uuid, Progress>,
    /// The message of the last turn, if that was cut after a tool block.
    cut: Option<Uuid>,
    /// What was typed into Claude's own screen.
    typed: Vec<Uuid>,
}

/// What really happened.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    /// Turns of a message in which a tool ran, those aside that were continued.
    pub(crate) tool_turns: HashMap<Uuid, u32>,
    /// Turns that were continued and in which a tool ran.
    pub(crate) continued_turns: u32,
    /// The answers that were taken for each prompt: allowed or not.
    pub(crate) answers: HashMap<String, Vec<bool>>,
    /// Messages in whose turns tools had run when the volumes were lost.
    pub(crate) lost: BTreeSet<Uuid>,
    /// Two processes had one session at a time.
    pub(crate) shared: bool,
    /// Messages whose turn came to a result.
    pub(crate) results: HashMap<Uuid, u32>,
}

/// One thing that the CLI does next in a turn.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Beat {
    Start,
    Init,
    Persist,
    Speak,
    Block,
    ToolBegins,
    ToolBlock,
    Ask,
    RunTool,
    ToolResult,
    Fold,
    Result,
    End,
}

#[derive(Clone, Debug)]
struct Turn {
    messages: Vec<Uuid>,
    beats: VecDeque<Beat>,
    message_id: String,
    tool: String,
    ran_tool: bool,
    denied: bool,
    /// A person had it continued.
    continued: bool,
}

/// One process.
#[derive(Debug)]
pub(crate) struct Claude {
    session: String,
    resume: bool,
    continue_turn: bool,
    stdin: VecDeque<String>,
    stdin_closed: bool,
    /// What it has said and nobody has read.
    stdout: VecDeque<String>,
    queue: VecDeque<(Uuid, String)>,
    turn: Option<Turn>,
    /// Prompts that wait for an answer.
    open: Vec<String>,
    greeted: bool,
    /// It says nothing and does nothing any more, and lives.
    pub(crate) hung: bool,
    /// It has ended; how.
    pub(crate) ended: Option<String>,
}

impl Home {
    /// The kernel writes out what there is.
    pub(crate) fn sync(&mut self) {
        self.synced.clone_from(&self.sessions);
    }

    /// A power cut: of what was not written out, some sessions lose all.
    pub(crate) fn cut_power(&mut self, dice: &mut Dice) {
        let mut names: Vec<String> = self.sessions.keys().cloned().collect();
        names.sort();
        for name in names.into_iter().filter(|_| dice.once_in(2)) {
            match self.synced.get(&name) {
                Some(file) => self.sessions.insert(name, file.clone()),
                None => self.sessions.remove(&name),
            };
        }
        self.sync();
    }

    /// Somebody types into Claude's own screen.
    pub(crate) fn type_in(&mut self, session: &str, row: Uuid) {
        self.sessions.entry(session.to_owned()).or_default().typed.push(row);
    }

    /// What was typed into the screen, all of it, by its rows.
    pub(crate) fn typed(&self) -> impl Iterator<Item = &Uuid> {
        self.sessions.values().flat_map(|file| &file.typed)
    }

    /// What was typed into the screen behind a row, as it is read.
    pub(crate) fn added(&self, session: &str, after: &[Uuid]) -> Added {
        let Some(file) = self.sessions.get(session) else {
            return Added { session: session.to_owned(), ..Added::default() };
        };
        let known = file.typed.iter().rposition(|row| after.contains(row));
        let rows = file.typed.get(known.map_or(0, |at| at + 1)..).unwrap_or_default();
        Added {
            session: session.to_owned(),
            exists: true,
            drafts: rows.iter().flat_map(said).collect(),
            rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            last: file.typed.last().map(Uuid::to_string),
            ..Added::default()
        }
    }

    fn exists(&self, session: &str) -> bool {
        self.sessions.contains_key(session)
    }

    /// The message of the last turn, if that was cut after a tool block.
    fn cut(&self, session: &str) -> Option<Uuid> {
        self.sessions.get(session)?.cut
    }

    fn note(&mut self, session: &str, messages: &[Uuid], progress: Progress) {
        let file = self.sessions.entry(session.to_owned()).or_default();
        for message in messages {
            file.messages.insert(*message, progress);
        }
        file.cut = messages.first().copied().filter(|_| progress == Progress::Cut);
    }

    fn knows(&self, session: &str, message: Uuid) -> Option<Progress> {
        self.sessions.get(session)?.messages.get(&message).copied()
    }
}

/// What a row typed into Claude's own screen comes to: a call, and its result.
fn said(row: &Uuid) -> [Draft; 3] {
    let (block, tool_use) = (BlockId::clipped(&row.to_string()), ToolUseId::clipped(&row.to_string()));
    let (tool, nothing) = ("Bash".to_owned(), Payload::Text(String::new()));
    [
        EventBody::TerminalTyped { row: row.to_string(), content: nothing.clone() },
        EventBody::ToolCall {
            block,
            tool_use: tool_use.clone(),
            tool,
            subject: String::new(),
            input: nothing.clone(),
            parent: None,
        },
        EventBody::ToolResult {
            tool_use,
            content: nothing,
            details: None,
            outcome: ToolOutcome::Ok,
            parent: None,
        },
    ]
    .map(Draft::plain)
}

impl Claude {
    /// The next line of what it has said.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        self.stdout.pop_front()
    }

    /// Whether all that it has said was read.
    pub(crate) fn is_heard(&self) -> bool {
        self.stdout.is_empty()
    }

    pub(crate) fn new(launch: &Launch) -> Self {
        Self {
            session: launch.session.clone(),
            resume: launch.resume,
            continue_turn: launch.continue_turn,
            stdin: VecDeque::new(),
            stdin_closed: false,
            stdout: VecDeque::new(),
            queue: VecDeque::new(),
            turn: None,
            open: Vec::new(),
            greeted: false,
            hung: false,
            ended: None,
        }
    }

    pub(crate) fn write(&mut self, line: String) {
        self.stdin.push_back(line);
    }

    pub(crate) const fn close_stdin(&mut self) {
        self.stdin_closed = true;
    }

    /// A signal that it can't survive. What it has said can still be read.
    pub(crate) fn kill(&mut self, how: &str) {
        self.ended.get_or_insert_with(|| how.to_owned());
    }

    /// Whether it could do something.
    pub(crate) fn can_step(&self) -> bool {
        if self.ended.is_some() || self.hung {
            return false;
        }
        !self.stdin.is_empty() || self.can_play() || self.can_leave()
    }

    fn can_play(&self) -> bool {
        match &self.turn {
            Some(turn) => self.open.is_empty() || turn.beats.front() == Some(&Beat::Ask),
            None => !self.queue.is_empty(),
        }
    }

    fn can_leave(&self) -> bool {
        self.stdin_closed && self.turn.is_none() && self.queue.is_empty()
    }

    /// Whether it works on something, or owes something.
    pub(crate) fn is_busy(&self) -> bool {
        self.ended.is_none() && (self.turn.is_some() || !self.queue.is_empty() || !self.stdin.is_empty())
    }

    /// Does one thing.
    pub(crate) fn step(&mut self, home: &mut Home, deeds: &mut Deeds, dice: &mut Dice) {
        let reads = !self.stdin.is_empty() && (!self.can_play() || dice.once_in(2));
        if reads && let Some(line) = self.stdin.pop_front() {
            self.read(&line, home, deeds, dice);
        } else if self.can_play() {
            self.play(home, deeds, dice);
        } else if self.can_leave() {
            self.ended = Some("exit status 0".to_owned());
        }
    }

    fn say(&mut self, line: &Value) {
        self.stdout.push_back(line.to_string());
    }

    fn lifecycle(&mut self, message: Uuid, state: &str) {
        self.say(&json!({ "type": "command_lifecycle", "command_uuid": message, "state": state }));
    }

    fn session_state(&mut self, state: &str) {
        self.say(&json!({ "type": "system", "subtype": "session_state_changed", "state": state }));
    }

    fn respond(&mut self, request: &Value, response: &Value) {
        let response =
            json!({ "subtype": "success", "request_id": request["request_id"], "response": response });
        self.say(&json!({ "type": "control_response", "response": response }));
    }

    fn read(&mut self, line: &str, home: &mut Home, deeds: &mut Deeds, dice: &mut Dice) {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            return self.kill("exit status 1: a line that is no JSON");
        };
        if !std::mem::replace(&mut self.greeted, true) && !self.begin(home) {
            return;
        }
        match line["type"].as_str() {
            Some("control_request") => self.request(&line, home, dice),
            Some("control_response") => self.answered(&line["response"], deeds),
            Some("user") => self.take_message(&line, home),
            _ => {}
        }
    }

    /// The session's file must be there to be resumed, and must not be to be new.
    fn begin(&mut self, home: &Home) -> bool {
        match (self.resume, home.exists(&self.session)) {
            (true, false) => {
                let words = format!("No conversation found with session ID: {}", self.session);
                let result = json!({ "type": "result", "subtype": "error_during_execution", "is_error": true, "errors": [words] });
                self.say(&result);
                self.kill("exit status 1");
                false
            }
            (false, true) => {
                self.kill(&format!("exit status 1: Error: Session ID {} is already in use.", self.session));
                false
            }
            (true, true) | (false, false) => true,
        }
    }

    fn request(&mut self, line: &Value, home: &mut Home, dice: &mut Dice) {
        let request = &line["request"];
        match request["subtype"].as_str().unwrap_or_default() {
            "initialize" => {
                let cut = home.cut(&self.session).filter(|_| std::mem::take(&mut self.continue_turn));
                let state = match (&cut, &self.turn) {
                    (None, None) if self.queue.is_empty() => "idle",
                    (_, Some(_)) if !self.open.is_empty() => "requires_action",
                    _ => "running",
                };
                self.respond(line, &json!({ "session_state": state, "models": [], "commands": [] }));
                // As the real one does whenever it is asked.
                self.say(&json!({ "type": "system", "subtype": "background_tasks_changed", "tasks": [] }));
                if let Some(cut) = cut {
                    let turn = Turn::new(vec![cut], "tool", dice);
                    self.turn = Some(Turn { continued: true, ..turn });
                }
            }
            "set_permission_mode" => {
                let mode = &request["mode"];
                self.say(&json!({ "type": "system", "subtype": "status", "permissionMode": mode }));
                self.respond(line, &json!({ "mode": mode }));
            }
            "interrupt" => {
                let cancelled: Vec<Uuid> = self.queue.drain(..).map(|(message, _)| message).collect();
                for message in cancelled {
                    self.lifecycle(message, "cancelled");
                }
                self.respond(line, &json!({ "still_queued": [] }));
                self.interrupt(home);
            }
            _ => self.respond(line, &json!({})),
        }
    }

    fn interrupt(&mut self, home: &mut Home) {
        for request in std::mem::take(&mut self.open) {
            self.say(&json!({ "type": "control_cancel_request", "request_id": request }));
        }
        let Some(turn) = self.turn.take() else { return };
        let messages = turn.messages.clone();
        // Cut before it was announced, the turn comes up aborted.
        if turn.beats.contains(&Beat::Start) {
            messages.iter().for_each(|message| self.lifecycle(*message, "started"));
        }
        if turn.beats.contains(&Beat::Init) {
            self.init();
        }
        self.say(&json!({ "type": "result", "subtype": "error_during_execution", "is_error": true,
            "terminal_reason": "aborted_streaming", "errors": ["aborted"], "user_message_uuids": messages }));
        home.note(&self.session, &messages, Progress::Answered);
        messages.iter().for_each(|message| self.lifecycle(*message, "cancelled"));
        self.session_state("idle");
    }

    fn answered(&mut self, response: &Value, deeds: &mut Deeds) {
        let request = response["request_id"].as_str().unwrap_or_default();
        let Some(at) = self.open.iter().position(|open| open == request) else { return };
        self.open.remove(at);
        let allowed = response["response"]["behavior"] == "allow";
        deeds.answers.entry(request.to_owned()).or_default().push(allowed);
        if let Some(turn) = &mut self.turn {
            turn.denied |= !allowed;
        }
        self.session_state(if self.open.is_empty() { "running" } else { "requires_action" });
    }

    fn take_message(&mut self, line: &Value, home: &Home) {
        let Some(message) = line["uuid"].as_str().and_then(|uuid| uuid.parse().ok()) else { return };
        let text = line["message"]["content"].as_str().unwrap_or_default().to_owned();
        match home.knows(&self.session, message) {
            Some(Progress::Answered | Progress::Cut) => self.lifecycle(message, "completed"),
            Some(Progress::Begun) | None => {
                self.lifecycle(message, "queued");
                self.queue.push_back((message, text));
            }
        }
    }

    fn init(&mut self) {
        self.say(
            &json!({ "type": "system", "subtype": "init", "session_id": self.session, "model": "scripted",
            "permissionMode": "default", "claude_code_version": "0" }),
        );
    }

    fn play(&mut self, home: &mut Home, deeds: &mut Deeds, dice: &mut Dice) {
        let Some(mut turn) = self.turn.take() else {
            // What waits together becomes one turn.
            let waiting: Vec<(Uuid, String)> = self.queue.drain(..).collect();
            let text = waiting.first().map(|(_, text)| text.clone()).unwrap_or_default();
            let messages = waiting.into_iter().map(|(message, _)| message).collect();
            self.turn = Some(Turn::new(messages, &text, dice));
            return;
        };
        let Some(beat) = turn.beats.pop_front() else { return };
        self.beat(beat, &mut turn, home, deeds, dice);
        if beat_is_last(&turn) {
            return;
        }
        self.turn = Some(turn);
    }

    fn beat(&mut self, beat: Beat, turn: &mut Turn, home: &mut Home, deeds: &mut Deeds, dice: &mut Dice) {
        let event = |event: Value| json!({ "type": "stream_event", "event": event });
        match beat {
            Beat::Start => turn.messages.iter().for_each(|message| self.lifecycle(*message, "started")),
            Beat::Init => {
                self.session_state("running");
                self.init();
                self.say(&json!({ "type": "system", "subtype": "status", "status": "requesting" }));
            }
            Beat::Persist => home.note(&self.session, &turn.messages, Progress::Begun),
            Beat::Speak => {
                turn.message_id = format!("msg_{}", dice.id().simple());
                self.say(&event(json!({ "type": "message_start", "message": { "id": turn.message_id } })));
                self.say(&event(
                    json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text" } }),
                ));
                let delta = json!({ "type": "text_delta", "text": "so far" });
                self.say(&event(json!({ "type": "content_block_delta", "index": 0, "delta": delta })));
            }
            Beat::Block => {
                home.note(&self.session, &turn.messages, progress_of(turn));
                let content = json!([{ "type": "text", "text": "so far so good" }]);
                self.say(&json!({ "type": "assistant", "message": { "id": turn.message_id, "content": content, "model": "scripted" } }));
            }
            Beat::ToolBegins => {
                turn.tool = format!("toolu_{}", dice.id().simple());
                turn.denied = false;
                let block = json!({ "type": "tool_use", "name": "Bash" });
                self.say(&event(
                    json!({ "type": "content_block_start", "index": 1, "content_block": block }),
                ));
            }
            Beat::ToolBlock => {
                home.note(&self.session, &turn.messages, Progress::Cut);
                let content = json!([{ "type": "tool_use", "id": turn.tool, "name": "Bash", "input": { "command": "make" } }]);
                self.say(&json!({ "type": "assistant", "message": { "id": turn.message_id, "content": content, "model": "scripted" } }));
            }
            Beat::Ask => {
                let request = dice.id().to_string();
                let call = format!("{}{}", turn.tool, self.open.len());
                self.open.push(request.clone());
                self.say(&json!({ "type": "control_request", "request_id": request, "request": {
                    "subtype": "can_use_tool", "tool_name": "Bash", "input": { "command": "make" }, "tool_use_id": call } }));
                self.session_state("requires_action");
            }
            Beat::RunTool => {
                if !turn.denied && !std::mem::replace(&mut turn.ran_tool, true) {
                    deeds.continued_turns += u32::from(turn.continued);
                    for message in turn.messages.iter().filter(|_| !turn.continued) {
                        *deeds.tool_turns.entry(*message).or_default() += 1;
                    }
                }
            }
            Beat::ToolResult => {
                let content = json!([{ "type": "tool_result", "tool_use_id": turn.tool, "content": "done", "is_error": turn.denied }]);
                self.say(&json!({ "type": "user", "message": { "role": "user", "content": content } }));
            }
            Beat::Fold => {
                for (message, _) in self.queue.drain(..).collect::<Vec<_>>() {
                    self.lifecycle(message, "started");
                    turn.messages.push(message);
                    home.note(&self.session, &[message], Progress::Cut);
                }
            }
            Beat::Result => {
                home.note(&self.session, &turn.messages, Progress::Answered);
                for message in turn.messages.iter().skip(1) {
                    self.lifecycle(*message, "completed");
                }
                for message in &turn.messages {
                    *deeds.results.entry(*message).or_default() += 1;
                }
                self.say(&json!({ "type": "result", "subtype": "success", "is_error": false, "result": "done",
                    "terminal_reason": "completed", "total_cost_usd": 0.0, "user_message_uuids": turn.messages }));
            }
            Beat::End => {
                if let Some(first) = turn.messages.first() {
                    self.lifecycle(*first, "completed");
                }
                if self.queue.is_empty() {
                    self.session_state("idle");
                }
            }
        }
    }
}

fn beat_is_last(turn: &Turn) -> bool {
    turn.beats.is_empty()
}

fn progress_of(turn: &Turn) -> Progress {
    if turn.tool.is_empty() { Progress::Begun } else { Progress::Cut }
}

impl Turn {
    fn new(messages: Vec<Uuid>, text: &str, dice: &mut Dice) -> Self {
        let mut beats = vec![Beat::Start, Beat::Init];
        if dice.once_in(2) {
            beats.push(Beat::Persist);
        }
        beats.extend([Beat::Speak, Beat::Block]);
        let tools = match text {
            "tool" | "ask" | "ask twice" => 1 + dice.below(2),
            _ => 0,
        };
        for _ in 0..tools {
            beats.extend([Beat::ToolBegins, Beat::ToolBlock]);
            match text {
                "ask" => beats.push(Beat::Ask),
                "ask twice" => beats.extend([Beat::Ask, Beat::Ask]),
                _ => {}
            }
            beats.extend([Beat::RunTool, Beat::ToolResult, Beat::Fold, Beat::Speak, Beat::Block]);
        }
        beats.extend([Beat::Result, Beat::End]);
        Self {
            messages,
            beats: beats.into(),
            message_id: String::new(),
            tool: String::new(),
            ran_tool: false,
            denied: false,
            continued: false,
        }
    }
}
