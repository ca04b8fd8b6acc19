//! The decisions of a conversation, without I/O: [`Conversation::step`] takes one [`Input`] and returns the
//! [`Effect`]s to carry out, in order.
//!
//! # A message
//!
//! ```text
//! taken ──▶ waiting for the process ──▶ written to it ──▶ started ──▶ result
//!                    ▲                          │              │
//!                    └── the process died, no tool called ◀────┤
//!                                                              └─▶ tools were called: unknown ──▶ continue
//! ```
//!
//! One ordinary message is in the CLI at a time; one that steers goes into the running turn. After a death of
//! the process the journal decides what happens to the message, never the CLI's own record of its id.

mod answers;
mod loan;
mod recent;
mod recover;
mod settings;
mod size;
mod speech;
mod turn;
mod watchdog;

use std::collections::{HashMap, HashSet, VecDeque};

use protocol::close::ErrorCode;
use protocol::event::{BackgroundTask, MessageEnd, OpenTool, Person, ProcessEnd, Trouble, Unknown};
use protocol::limits::LOG_BYTES;
use protocol::link::{ActivityKind, Catalog, Delivery, FromControl, Policy};
use protocol::payload::{Body, BodyDigest, short};
use protocol::prompt::Decision;
use protocol::settings::Settings;
use protocol::summary::{State, Summary};
use protocol::terminal::NotLent;
use protocol::{ConversationId, Event, EventBody, ItemId, Millis, Position, PromptId, TerminalId};

use self::answers::OpenPrompt;
pub use self::loan::Read;
use self::loan::{KnownRows, Loan};
use self::recent::Recent;
pub use self::recover::{Aftermath, Checkpoint, Opening};
use self::size::Sized;
use self::turn::{Given, Message, Phase, Steer, Turn};
use self::watchdog::Watch;
use super::places::Standing;
use crate::claude::blocks::{Blocks, Change};
use crate::claude::events::Draft;
use crate::claude::lines::Line;
use uuid::Uuid;

use crate::claude::outgoing;
use crate::claude::tasks::Tasks;

/// How long a process may take from its start to its first answer. Ten times what was seen with a cold cache and
/// twenty others starting.
const START_MS: Millis = 60_000;
/// How long a turn may take to end after Stop before its process is ended. The CLI takes 6 ms; a tool that
/// ignores signals, or a starved container, takes for ever.
const STOP_MS: Millis = 4_000;
/// How long a turn may take to end when the workspace stops. The engine ends everything after ten seconds.
const FAREWELL_MS: Millis = 2_000;
/// How long a process may take to leave after its stdin was closed.
const LEAVE_MS: Millis = 3_000;
/// For how long a process is left alone when what it had in the background has ended: Claude is told of that, and mostly
/// begins a turn by itself. That takes it 20 to 50 ms.
const WAKE_MS: Millis = 2_000;
/// How often a message is given again after its process died before any tool was called.
const MAX_RESENDS: u32 = 2;
/// How often in a row a process may fail to come up.
const MAX_START_FAILURES: u32 = 3;
/// Items that were dealt with without a trace in the log and that are remembered.
const MAX_SETTLED: usize = 256;

/// The time: `wall` to show, `mono` to measure. Milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Since the Unix epoch.
    pub wall: Millis,
    /// Since some fixed moment; never goes back.
    pub mono: Millis,
}

/// What happens to a conversation.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// A person's message arrived.
    Deliver(Delivery),
    /// A person answered a prompt.
    Answer {
        /// The answer's id.
        item: ItemId,
        /// Who.
        by: Person,
        /// The prompt.
        prompt: PromptId,
        /// The answer.
        decision: Decision,
    },
    /// A person wants the turn stopped.
    Stop {
        /// The stop's id.
        item: ItemId,
        /// Who.
        by: Person,
        /// The message whose turn is meant.
        message: Option<ItemId>,
    },
    /// A person wants an interrupted turn continued.
    Continue {
        /// The request's id.
        item: ItemId,
        /// Who.
        by: Person,
        /// The message.
        message: ItemId,
        /// What the conversation runs with.
        settings: Settings,
        /// See [`Delivery::known`].
        known: Option<Position>,
    },
    /// What the conversation runs with from now on, said in view of the log up to this place.
    Configure(Settings, Option<Position>),
    /// The CLI said something.
    Line(Line),
    /// The CLI said something that isn't understood: the line as it came.
    Strange(String),
    /// The CLI's line was too long to take.
    TooLong {
        /// How long, in bytes.
        bytes: u64,
    },
    /// The process that was asked for has its place among those of the workspace, and is started.
    Placed,
    /// The process could not be started, or ended; nothing of it is left.
    Exited {
        /// How, in words.
        detail: String,
    },
    /// The journal can't be written: what the process says is not listened to until it can.
    DiskFull,
    /// The journal could not be written for a while, and now can again.
    DiskWasFull {
        /// In words.
        detail: String,
    },
    /// Memory is wanted for another conversation: end the process if nothing is owed.
    MakeRoom,
    /// A terminal wants the session for Claude's own screen.
    Lend(TerminalId),
    /// It has ended there.
    GivenBack,
    /// Whether somebody has the session open in a screen that they started by hand.
    InUse(bool),
    /// What was added to the session's record meanwhile.
    SessionRead(Read),
    /// A deadline has passed.
    Tick,
    /// The workspace stops.
    Shutdown,
}

impl Input {
    /// What a message of the control plane means for a conversation: which one, the outbox item that it stands for, and
    /// what happens.
    ///
    /// # Errors
    /// The message, if it is for no conversation's decisions.
    pub fn of(message: FromControl) -> Result<(ConversationId, Option<ItemId>, Self), Box<FromControl>> {
        Ok(match message {
            FromControl::Deliver(delivery) => {
                (delivery.conversation, Some(delivery.item), Self::Deliver(delivery))
            }
            FromControl::Answer { conversation, item, by, prompt, decision } => {
                (conversation, Some(item), Self::Answer { item, by, prompt, decision })
            }
            FromControl::Stop { conversation, item, by, message } => {
                (conversation, Some(item), Self::Stop { item, by, message })
            }
            FromControl::Continue { conversation, item, by, message, settings, known } => {
                (conversation, Some(item), Self::Continue { item, by, message, settings, known })
            }
            FromControl::Configure { conversation, settings, known } => {
                (conversation, None, Self::Configure(settings, known))
            }
            other @ (FromControl::Welcome(_)
            | FromControl::Stored { .. }
            | FromControl::Forget { .. }
            | FromControl::Terminal(_)
            | FromControl::Drain { .. }) => return Err(Box::new(other)),
        })
    }
}

/// What is to be done, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Write an event to the journal, and only then go on.
    Append {
        /// The event.
        event: Box<Event>,
        /// The bodies of its cut payloads.
        bodies: Vec<Body>,
        /// It must survive a power cut before anything follows.
        sync: bool,
    },
    /// Note in the journal that a tool call has begun. It must survive a power cut before anything follows.
    MarkTool,
    /// Note in the journal that the process took the answers that it was given.
    MarkTaken,
    /// Note in the journal that the process is about to be given a message. It must survive a power cut before anything follows.
    MarkGiven(ItemId),
    /// Start a process.
    Spawn(Launch),
    /// Write one line to its stdin.
    Write(String),
    /// Close its stdin, so that it leaves by itself.
    CloseStdin,
    /// End it and everything that descends from it, by force if need be.
    Terminate,
    /// Live text changed.
    Live(Change),
    /// The conversation does something else now.
    Activity(ActivityKind),
    /// An outbox item that leaves no trace in the log is dealt with.
    Settled {
        /// Which.
        item: ItemId,
        /// Why it was refused, if it was.
        refused: Option<ErrorCode>,
    },
    /// What the CLI offers.
    Catalog(Catalog),
    /// The session is the terminal's from here on, to be started so.
    Lent(Launch),
    /// The terminal doesn't get the session.
    NotLent(NotLent),
    /// Read what was added to the session's record.
    ReadSession {
        /// The session.
        session: String,
        /// It stands behind the last of these rows that is there.
        after: Vec<Uuid>,
    },
}

/// How to start a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Launch {
    /// The CLI's session.
    pub session: String,
    /// Whether the session exists already.
    pub resume: bool,
    /// What to run with.
    pub settings: Settings,
    /// Take up the turn that was interrupted.
    pub continue_turn: bool,
    /// Permissions may be switched off later.
    pub allow_bypass: bool,
}

/// The process that serves the conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Process {
    /// There is none.
    None,
    /// It was asked for, and has not answered yet. Without a time to give up it waits for its place.
    Starting { give_up_at: Option<Millis> },
    /// It answers.
    Live,
    /// It is on its way out.
    Ending { why: ProcessEnd, force_at: Option<Millis> },
}

/// A request of ours that the CLI has not answered yet.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    Initialize,
    /// Another `initialize`, only to learn whether anything is owed for this message.
    Probe(ItemId),
    /// Another one, only to learn whether the process lives.
    Sign,
    Interrupt,
    Model(Settings),
    Mode(Settings),
}

/// The CLI's session of this conversation: the one that its process last said it is on, or that it is to begin.
#[derive(Clone, PartialEq, Debug)]
struct Session {
    id: String,
    /// A process has used it, so that its file ought to exist.
    used: bool,
    /// It has answered something, so that losing its file would lose context.
    answered: bool,
    /// Its cost at its last result; the CLI reports the sum.
    cost_usd: f64,
}

impl Session {
    /// One that no process has used.
    const fn new(id: String) -> Self {
        Self { id, used: false, answered: false, cost_usd: 0.0 }
    }

    /// The one that a conversation goes on in when the log's last event says that everything was forgotten: until the CLI
    /// says which one it has begun. If it dies before that, the next process begins this one, instead of taking up what was
    /// to be forgotten. The same event always leads to the same one.
    fn after(conversation: ConversationId, cleared: Position) -> Self {
        let place = format!("{conversation} cleared at {}.{}", cleared.epoch, cleared.n);
        let mut bytes = [0; 16];
        let digest = BodyDigest::of(place.as_bytes()).to_bytes().unwrap_or_default();
        bytes.iter_mut().zip(digest).for_each(|(byte, of)| *byte = of);
        Self::new(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
    }
}

/// The state of one conversation.
#[derive(Debug)]
pub struct Conversation {
    id: ConversationId,
    epoch: u64,
    next_n: u64,
    summary: Summary,
    policy: Policy,
    session: Session,
    loan: Loan,
    /// Rows of the session's record that were looked at.
    known_rows: KnownRows,
    /// Events behind the last of them that became part of the log before the workspace-agent died in the midst of it.
    taken_since: usize,
    process: Process,
    /// Whether the log already says that this process started.
    introduced: bool,
    /// What the process runs with.
    running_with: Settings,
    wanted: Settings,
    /// Where the permission mode last changed without a person having asked: whoever did not know of that can't have meant to
    /// loosen it again.
    unasked_at: Position,
    start_failures: u32,
    asked: HashMap<String, Asked>,
    next_request: u64,
    turn: Option<Turn>,
    steers: Vec<Steer>,
    /// Messages that were taken while a turn ran.
    waiting: VecDeque<Message>,
    prompts: Vec<OpenPrompt>,
    open_calls: Vec<OpenTool>,
    background: Vec<BackgroundTask>,
    /// Something ended in the background, and no turn has begun since.
    may_wake: bool,
    /// The session says that something is owed, a background agent for one.
    session_busy: bool,
    blocks: Blocks,
    tasks: Tasks,
    /// Items that the log tells of.
    seen: Recent,
    /// Those of them that only a log told of which is lost: their end is told again when they are asked for.
    forgotten: HashSet<ItemId>,
    /// Items that were dealt with without a trace in the log, and how.
    settled: VecDeque<(ItemId, Option<ErrorCode>)>,
    /// What the log takes from its beginning on, with all bodies, in bytes.
    written: u64,
    /// The log has had all that it may take, and has said so.
    full: bool,
    /// The last message whose fate is unknown, as it was told.
    unknown: Option<EventBody>,
    watch: Watch,
    activity: ActivityKind,
    idle_since: Millis,
    /// The workspace stops: nothing is begun any more.
    stopping: bool,
    /// A person wanted what was last interrupted stopped.
    stop_wanted: bool,
    now: Now,
    effects: Vec<Effect>,
}

impl Conversation {
    /// A conversation whose next event is `next_n` of `epoch`.
    pub fn new(id: ConversationId, epoch: u64, next_n: u64, policy: Policy) -> Self {
        Self {
            id,
            epoch,
            next_n,
            summary: Summary::default(),
            policy,
            session: Session::new(id.to_string()),
            loan: Loan::None,
            known_rows: KnownRows::default(),
            taken_since: 0,
            process: Process::None,
            introduced: false,
            running_with: Settings::default(),
            wanted: Settings::default(),
            unasked_at: Position::default(),
            start_failures: 0,
            asked: HashMap::new(),
            next_request: 0,
            turn: None,
            steers: Vec::new(),
            waiting: VecDeque::new(),
            prompts: Vec::new(),
            open_calls: Vec::new(),
            background: Vec::new(),
            may_wake: false,
            session_busy: false,
            blocks: Blocks::default(),
            tasks: Tasks::default(),
            seen: Recent::default(),
            forgotten: HashSet::new(),
            settled: VecDeque::new(),
            written: 0,
            full: false,
            unknown: None,
            watch: Watch::default(),
            activity: ActivityKind::None {},
            idle_since: 0,
            stopping: false,
            stop_wanted: false,
            now: Now::default(),
            effects: Vec::new(),
        }
    }

    /// The CLI's session.
    pub fn session(&self) -> &str {
        &self.session.id
    }

    /// Whose decisions these are.
    pub const fn id(&self) -> ConversationId {
        self.id
    }

    /// The epoch that events are numbered in.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The log's end.
    pub const fn end(&self) -> Position {
        match self.next_n - 1 {
            0 => Position { epoch: 0, n: 0 },
            n => Position { epoch: self.epoch, n },
        }
    }

    /// Whether there is a process, or one is being started or ended.
    pub fn has_process(&self) -> bool {
        self.process != Process::None
    }

    /// Whether the process could give its place to another.
    pub fn standing(&self) -> Standing {
        match self.process {
            Process::Ending { .. } => Standing::Leaving,
            Process::Live if !self.is_busy() && self.may_leave_at() <= self.now.mono => {
                Standing::Idle { since: self.idle_since }
            }
            Process::None | Process::Starting { .. } | Process::Live => Standing::Busy,
        }
    }

    /// When the process can leave, if nothing is owed until then.
    const fn may_leave_at(&self) -> Millis {
        self.idle_since + if self.may_wake { WAKE_MS } else { 0 }
    }

    /// How the control plane wants us to behave, from here on.
    pub const fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// The log's last event says that everything was forgotten.
    fn begin_session_anew(&mut self) {
        self.session = Session::after(self.id, self.end());
    }

    /// Takes what happened and returns what is to be done.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Effect> {
        self.now = now;
        let was_busy = self.is_busy();
        match input {
            // What people want while the workspace stops is for its next life: it is handed over again then.
            Input::Deliver(_) | Input::Answer { .. } | Input::Stop { .. } | Input::Continue { .. }
                if self.stopping => {}
            Input::Deliver(delivery) => self.deliver(delivery),
            Input::Answer { item, by, prompt, decision } => self.answer(item, by, &prompt, decision),
            Input::Stop { item, by, message } => self.stop(item, by, message),
            Input::Continue { item, by, message, settings, known } => {
                self.continue_turn(item, by, message, settings, known);
            }
            Input::Configure(settings, known) => self.configure(settings, known),
            Input::Line(_) | Input::Strange(_) | Input::TooLong { .. } if self.full => {}
            Input::Line(line) => self.hear(line),
            Input::Strange(line) => {
                self.sign_of_life();
                self.append_draft(Draft::opaque(&line));
            }
            Input::TooLong { bytes } => {
                self.sign_of_life();
                self.trouble(Trouble::LineDropped, format!("a line of {bytes} bytes"));
            }
            Input::Placed => self.placed(),
            Input::Exited { detail } => self.exited(&detail),
            Input::DiskFull => {
                self.watch.suspend();
                self.effects.push(Effect::Activity(ActivityKind::DiskFull {}));
            }
            Input::DiskWasFull { detail } => {
                self.watch.resume(self.now.mono);
                self.trouble(Trouble::DiskFull, detail);
                self.effects.push(Effect::Activity(self.activity.clone()));
            }
            Input::MakeRoom if matches!(self.standing(), Standing::Idle { .. }) => {
                self.leave_if_idle(ProcessEnd::Idle);
            }
            Input::MakeRoom => {}
            Input::Lend(terminal) => self.lend(terminal),
            Input::GivenBack => self.given_back(),
            Input::InUse(in_use) => self.in_use(in_use),
            Input::SessionRead(read) => self.read(read),
            Input::Tick => self.tick(),
            Input::Shutdown => self.shut_down(),
        }
        if self.stopping && self.process == Process::Live && !self.is_in_turn() {
            self.end_process(ProcessEnd::WorkspaceStopped);
        }
        self.close_if_full();
        self.settle_loan();
        self.settle_state();
        if was_busy && !self.is_busy() {
            self.idle_since = self.now.mono;
        }
        std::mem::take(&mut self.effects)
    }

    /// When [`Input::Tick`] is wanted, on the clock of [`Now::mono`].
    pub fn deadline(&self) -> Option<Millis> {
        let process = match &self.process {
            Process::None => None,
            Process::Starting { give_up_at } => *give_up_at,
            Process::Live if self.is_busy() => None,
            Process::Live if self.may_leave_at() > self.now.mono => Some(self.may_leave_at()),
            Process::Live => Some(self.idle_since + self.policy.idle_ms),
            Process::Ending { force_at, .. } => *force_at,
        };
        let stop = self.turn.as_ref().and_then(|turn| turn.force_stop_at);
        [process, stop, self.watch_deadline()].into_iter().flatten().min()
    }

    /// Whether the process has a message, or a turn of its own.
    fn is_in_turn(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.phase != Phase::Waiting)
    }

    fn is_busy(&self) -> bool {
        self.turn.is_some()
            || !self.prompts.is_empty()
            || !self.background.is_empty()
            || self.has_next()
            || self.session_busy
    }

    /// Whether a message waits that may be begun. What waited before the fate of another one became unknown waits on until
    /// a person has dealt with that, and everything waits while the session is elsewhere.
    fn has_next(&self) -> bool {
        let held =
            |message: &Message| self.summary.unknown.is_some() && message.taken_at < self.summary.unknown_at;
        self.is_here() && self.waiting.front().is_some_and(|next| !held(next))
    }

    /// Whether somebody who knew the log up to there did not know of this.
    fn is_news(known: Option<Position>, of: Position) -> bool {
        known.is_some_and(|known| known < of)
    }

    fn tick(&mut self) {
        let mono = self.now.mono;
        if self.turn.as_ref().and_then(|turn| turn.force_stop_at).is_some_and(|at| at <= mono) {
            self.force_stop();
        }
        self.watch_turn();
        match self.process {
            Process::Starting { give_up_at: Some(at) } if at <= mono => self.end_process(ProcessEnd::Failed),
            Process::Ending { why, force_at: Some(at) } if at <= mono => self.end_process(why),
            Process::Live if !self.is_busy() && self.idle_since + self.policy.idle_ms <= mono => {
                self.leave_if_idle(ProcessEnd::Idle);
            }
            Process::None | Process::Starting { .. } | Process::Live | Process::Ending { .. } => {}
        }
    }

    /// Does what the process and the turn allow now.
    fn advance(&mut self) {
        if self.turn.is_none()
            && !self.stopping
            && !self.full
            && self.has_next()
            && let Some(next) = self.waiting.pop_front()
        {
            if next.given == Given::BeforeReboot {
                return self.lose_message(next.item, Unknown::MachineStopped);
            }
            self.turn = Some(Turn::new(next));
        }
        let Some(turn) = self.turn.as_ref().filter(|_| !self.stopping && !self.full) else { return };
        let (waits, continued) = (turn.phase == Phase::Waiting, turn.continued);
        match self.process {
            Process::None if waits => self.spawn(continued),
            Process::Live if waits && !continued => {
                self.apply_settings();
                self.write_message();
            }
            Process::None | Process::Starting { .. } | Process::Live | Process::Ending { .. } => {}
        }
    }

    fn spawn(&mut self, continue_turn: bool) {
        self.asked.clear();
        self.introduced = false;
        self.session_busy = false;
        self.may_wake = false;
        self.running_with = self.wanted.clone();
        self.process = Process::Starting { give_up_at: None };
        self.effects.push(Effect::Spawn(self.launch(continue_turn)));
        self.request(Asked::Initialize, &outgoing::initialize());
        self.set_activity(ActivityKind::Queued {});
    }

    /// The process has its place and begins: from here on it can be late.
    fn placed(&mut self) {
        if self.process == (Process::Starting { give_up_at: None }) {
            self.process = Process::Starting { give_up_at: Some(self.now.mono + START_MS) };
            self.set_activity(ActivityKind::Starting {});
        }
    }

    fn leave_if_idle(&mut self, why: ProcessEnd) {
        if self.process == Process::Live && !self.is_busy() {
            self.process = Process::Ending { why, force_at: Some(self.now.mono + LEAVE_MS) };
            self.effects.push(Effect::CloseStdin);
        }
    }

    /// Ends the process by force. Its end is reported as [`Input::Exited`], always.
    fn end_process(&mut self, why: ProcessEnd) {
        if self.process != Process::None {
            self.process = Process::Ending { why, force_at: None };
            self.effects.push(Effect::Terminate);
        }
    }

    /// The workspace stops: a turn that goes on is interrupted, so that what was said so far is kept; then the process ends.
    fn shut_down(&mut self) {
        self.stopping = true;
        let begun = self.turn.as_mut().filter(|turn| turn.phase != Phase::Waiting);
        if let Some(turn) = begun.filter(|_| self.process == Process::Live) {
            let before = turn.stop_asked;
            // What the process has not begun is not stopped: it is for the next one.
            turn.stop_asked |= turn.is_begun();
            turn.force_stop_at = Some(self.now.mono + FAREWELL_MS);
            if !before {
                self.stop_wanted = false;
                self.request(Asked::Interrupt, &outgoing::interrupt());
            }
            self.set_activity(ActivityKind::Stopping {});
        } else {
            self.end_process(ProcessEnd::WorkspaceStopped);
        }
    }

    fn exited(&mut self, detail: &str) {
        let came_up = matches!(self.process, Process::Live);
        let why = match &self.process {
            Process::None => return,
            Process::Ending { why, .. } => *why,
            Process::Starting { .. } => ProcessEnd::Failed,
            Process::Live => ProcessEnd::Died,
        };
        self.process = Process::None;
        self.watch = Watch::default();
        self.session_busy = false;
        self.background.clear();
        let given_up = self.blocks.retract_all();
        self.effects.extend(given_up.into_iter().map(Effect::Live));
        self.lose_prompts();
        if detail.contains("is already in use") {
            self.session.used = true;
        }
        if self.introduced || why == ProcessEnd::Failed {
            self.append(EventBody::ProcessEnded { why, detail: short(detail, 2000) });
        }
        self.start_failures = if came_up || why != ProcessEnd::Failed { 0 } else { self.start_failures + 1 };
        self.forget_loosened_mode();
        self.set_activity(ActivityKind::None {});
        self.turn_lost_its_process(why);
        self.open_calls.clear();
        self.advance();
    }

    /// A log that has had all that it may take says so and ends what goes on; people can go on elsewhere.
    fn close_if_full(&mut self) {
        if self.written <= LOG_BYTES {
            return;
        }
        if !std::mem::replace(&mut self.full, true) {
            self.trouble(Trouble::LogFull, "this conversation's record has reached its largest size");
            self.end_process(ProcessEnd::LogFull);
        }
        if self.process == Process::None {
            self.end_turn_unanswered(MessageEnd::Failed);
            for message in std::mem::take(&mut self.waiting) {
                self.append(EventBody::MessageEnded { item: message.item, how: MessageEnd::Failed });
            }
        }
    }

    fn request(&mut self, asked: Asked, body: &serde_json::Value) {
        self.next_request += 1;
        let id = format!("atelier-{}", self.next_request);
        self.effects.push(Effect::Write(outgoing::request(&id, body)));
        self.asked.insert(id, asked);
    }

    fn append(&mut self, body: EventBody) {
        self.append_draft(Draft::plain(body));
    }

    fn append_draft(&mut self, draft: Draft) {
        let (n, at) = (self.next_n, self.now.wall);
        let Sized { event, bodies, bytes } = size::fit(draft, |body| Event { n, at, body });
        self.next_n += 1;
        self.written += bytes;
        self.summary.apply(&event);
        let sync = must_survive_power_cut(&event.body);
        self.effects.push(Effect::Append { event: Box::new(event), bodies, sync });
    }

    /// An outbox item is dealt with and leaves no trace in the log. It may be asked for again, if the word of it is lost.
    fn settle(&mut self, item: ItemId, refused: Option<ErrorCode>) {
        if self.settled.len() == MAX_SETTLED {
            self.settled.pop_front();
        }
        self.settled.push_back((item, refused));
        self.effects.push(Effect::Settled { item, refused });
    }

    /// Whether an item was dealt with before. If the control plane can't know that from the log, it is told.
    fn is_repeat(&mut self, item: ItemId) -> bool {
        let settled = self.settled.iter().find(|(known, _)| *known == item).map(|(_, refused)| *refused);
        let refused = settled.or_else(|| self.forgotten.contains(&item).then_some(None));
        if let Some(refused) = refused {
            self.effects.push(Effect::Settled { item, refused });
        }
        refused.is_some() || self.seen.contains(item)
    }

    fn trouble(&mut self, what: Trouble, detail: impl Into<String>) {
        self.append(EventBody::Trouble { what, detail: short(&detail.into(), 2000) });
    }

    fn set_activity(&mut self, activity: ActivityKind) {
        if self.activity != activity {
            self.activity = activity.clone();
            self.effects.push(Effect::Activity(activity));
        }
    }

    /// The state that everybody is told, after every step.
    fn settle_state(&mut self) {
        let state = if self.prompts.iter().any(OpenPrompt::is_open) {
            State::Waiting
        } else if self.watch.is_alarmed() {
            State::NotResponding
        } else if self.turn.is_some() || self.session_busy || self.has_next() {
            State::Working
        } else {
            State::Idle
        };
        if state != self.summary.state {
            self.append(EventBody::State { state });
        }
    }
}

/// What a person did and what a turn came to is worth a `fdatasync`; the rest can be told again by the CLI or is
/// not missed.
const fn must_survive_power_cut(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::MessageTaken { .. }
            // Final, for one that steers: it must not be begun again.
            | EventBody::MessageStarted { .. }
            | EventBody::MessageEnded { .. }
            | EventBody::MessageUnknown { .. }
            | EventBody::MessageContinued { .. }
            // Which session goes on.
            | EventBody::ProcessStarted { .. }
            | EventBody::Cleared {}
            | EventBody::StopAsked { .. }
            | EventBody::PromptAsked(_)
            | EventBody::PromptAnswered { .. }
            | EventBody::Result(_)
            | EventBody::EpochBegan { .. }
            // Who has the session, and what of its record is in the log.
            | EventBody::TerminalOpened { .. }
            | EventBody::TerminalClosed { .. }
    )
}
