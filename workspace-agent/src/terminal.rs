//! Terminals: the PTYs by id, what the hub asks of them, and what a link is told of them.
//!
//! - [`owner`]: the task of one terminal; [`pty`]: the PTY and the program in it; [`launch`]: what runs; [`record`]: recordings.
//! - [`stream`]: what its task, its model and the link share, with the pace rule; [`ring`], [`inputs`]: the bytes both ways.
//! - [`model`]: the task that feeds the [`screen`], the model of what viewers show.

pub mod inputs;
pub mod launch;
pub mod model;
pub mod owner;
pub mod pty;
pub mod record;
pub mod ring;
pub mod screen;
pub mod stream;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::close::ErrorCode;
use protocol::frame::TerminalFrame;
use protocol::limits::TERMINALS;
use protocol::link::FromAgent;
use protocol::terminal::{
    Size, TerminalAct, TerminalEnd, TerminalKind, TerminalName, TerminalPhase, TerminalRequest, TerminalView,
};
use protocol::{Millis, TerminalId};
use tokio::sync::{Notify, mpsc, oneshot};

use self::owner::{Answer, Command, Handle, Why};
use self::stream::Stream;
use crate::config::Config;
use crate::conversation::lending::Borrow;
use crate::process::Processes;

/// Answers that wait to be told. The hub has far fewer requests open; what is lost it asks again.
const ANSWERS: usize = 1_024;
/// Terminals whose end is remembered for the link.
const GONE: usize = 64;

/// Why something that the hub wanted is not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    code: ErrorCode,
    message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What every terminal of the workspace shares.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The configuration.
    pub config: Arc<Config>,
    /// The workspace's processes.
    pub processes: Arc<Processes>,
    /// Something is to be told to the control plane.
    pub changed: Arc<Notify>,
    /// Where sessions for Claude's own screen are asked for.
    lender: mpsc::Sender<Borrow>,
    /// Something was typed into some terminal, or started in it.
    typed: Arc<Notify>,
    /// How long a terminal that nobody watches may do nothing, in milliseconds; 0: for ever.
    idle_ms: Arc<AtomicU64>,
}

impl Shared {
    fn idle(&self) -> Option<Duration> {
        Some(self.idle_ms.load(Ordering::Relaxed)).filter(|millis| *millis > 0).map(Duration::from_millis)
    }
}

/// The terminals.
#[derive(Debug)]
pub struct Terminals {
    shared: Shared,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    terminals: HashMap<TerminalId, Handle>,
    gone: VecDeque<(TerminalId, TerminalEnd)>,
    answers: VecDeque<FromAgent>,
    /// No terminal is opened any more.
    leaving: bool,
}

/// What one link has been told: the version of each terminal's view.
#[derive(Debug, Default)]
pub struct Told {
    /// Whether all terminals have been told once.
    begun: bool,
    versions: HashMap<TerminalId, u64>,
    /// Whose turn it is to send.
    turn: usize,
}

impl Terminals {
    /// No terminals yet. They ask the lender for the sessions of conversations.
    pub fn new(
        config: Arc<Config>,
        processes: Arc<Processes>,
        changed: Arc<Notify>,
        lender: mpsc::Sender<Borrow>,
    ) -> Arc<Self> {
        let (typed, idle_ms) = (Arc::default(), Arc::default());
        let shared = Shared { config, processes, changed, lender, typed, idle_ms };
        Arc::new(Self { shared, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something was typed into some terminal, or started in it, since it was last waited for.
    pub async fn typed(&self) {
        self.shared.typed.notified().await;
    }

    /// How long a terminal that nobody watches may do nothing.
    pub fn set_idle(&self, millis: u64) {
        self.shared.idle_ms.store(millis, Ordering::Relaxed);
    }

    /// A link is over, or a new one begins: nobody watches until it is said again.
    pub fn unwatch_all(&self) {
        for handle in self.lock().terminals.values() {
            handle.stream.lock().unwatch();
            handle.watched();
        }
    }

    /// What the hub wants of a terminal. It is answered when it is done.
    pub fn take(self: &Arc<Self>, request: TerminalRequest) {
        let TerminalRequest { re, terminal, act } = request;
        match self.act(terminal, act) {
            Ok(None) => self.answer(re, Ok(())),
            Ok(Some(later)) => {
                let this = Arc::clone(self);
                self.shared.processes.tasks().spawn(async move {
                    let gone = Err(Refusal::new(ErrorCode::NotFound, "the terminal is gone"));
                    this.answer(re, later.await.unwrap_or(gone));
                });
            }
            Err(refusal) => self.answer(re, Err(refusal)),
        }
    }

    fn answer(&self, re: u64, answer: Result<(), Refusal>) {
        let message = match answer {
            Ok(()) => FromAgent::TerminalDone { re },
            Err(Refusal { code, message }) => FromAgent::TerminalRefused { re, code, message },
        };
        let mut state = self.lock();
        if state.answers.len() >= ANSWERS {
            state.answers.pop_front();
        }
        state.answers.push_back(message);
        drop(state);
        self.shared.changed.notify_one();
    }

    fn act(
        self: &Arc<Self>,
        id: TerminalId,
        act: TerminalAct,
    ) -> Result<Option<oneshot::Receiver<Result<(), Refusal>>>, Refusal> {
        match act {
            TerminalAct::Open { name, what, size } => self.open(id, name, what, size).map(|()| None),
            TerminalAct::Close {} => {
                if let Some(handle) = self.lock().terminals.get(&id) {
                    handle.close.cancel();
                }
                Ok(None)
            }
            TerminalAct::Rename { name } => self.with(id, |handle| {
                handle.stream.tell(|view| view.name = name);
                Ok(None)
            }),
            // The last of many counts.
            TerminalAct::Resize { size } => self.with(id, |handle| {
                handle.stream.lock().wanted_size = Some(size);
                handle.stream.wake.notify_one();
                Ok(None)
            }),
            TerminalAct::Colors { colors } => self.with(id, |handle| {
                handle.stream.lock().wanted_colors = Some(colors);
                handle.stream.wake.notify_one();
                Ok(None)
            }),
            TerminalAct::Restart { life } => {
                self.with(id, |handle| handle.ask(|answer| Command::Restart(life, answer)))
            }
            TerminalAct::Record { on } => {
                self.with(id, |handle| handle.ask(|answer| Command::Record(on, answer)))
            }
            TerminalAct::Watch { from, window } => self.with(id, |handle| {
                handle.stream.lock().watch(from, window);
                handle.watched();
                Ok(None)
            }),
            TerminalAct::Unwatch {} => self.with(id, |handle| {
                handle.stream.lock().unwatch();
                handle.watched();
                Ok(None)
            }),
            TerminalAct::Snapshot {} => self.with(id, |handle| {
                handle.stream.lock().want_snapshot();
                handle.stream.model.notify_one();
                Ok(None)
            }),
            TerminalAct::Other => {
                Err(Refusal::new(ErrorCode::Invalid, "this workspace-agent can't do that with terminals"))
            }
        }
    }

    fn with<T>(&self, id: TerminalId, act: impl FnOnce(&Handle) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let state = self.lock();
        let handle = state.terminals.get(&id);
        handle.map_or_else(|| Err(Refusal::new(ErrorCode::NotFound, "there is no such terminal")), act)
    }

    fn open(
        self: &Arc<Self>,
        id: TerminalId,
        name: TerminalName,
        what: TerminalKind,
        size: Size,
    ) -> Result<(), Refusal> {
        if what == TerminalKind::Other {
            return Err(Refusal::new(ErrorCode::Invalid, "this workspace-agent doesn't know what is to run"));
        }
        let mut state = self.lock();
        if state.terminals.contains_key(&id) {
            return Ok(());
        }
        if state.leaving {
            return Err(Refusal::new(ErrorCode::Unavailable, "the workspace stops"));
        }
        if state.terminals.len() >= TERMINALS {
            return Err(Refusal::new(ErrorCode::TooMany, format!("{TERMINALS} terminals are open")));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let view = TerminalView {
            id,
            name,
            what,
            size: size.clamped(),
            opened_at: Millis::try_from(now).unwrap_or(Millis::MAX),
            life: 1,
            phase: TerminalPhase::Waiting {},
            title: None,
            idle_until: None,
            recording: None,
            end: 0,
        };
        let stream = Arc::new(Stream::new(view, Arc::clone(&self.shared.changed)));
        let this = Arc::clone(self);
        let handle = owner::start(&self.shared, stream, move |why| this.over(id, why));
        state.gone.retain(|(gone, _)| *gone != id);
        state.terminals.insert(id, handle);
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// A terminal's task is over.
    fn over(&self, id: TerminalId, why: Why) {
        let mut state = self.lock();
        let end = match why {
            Why::Closed if state.leaving => TerminalEnd::Stopped,
            Why::Closed => TerminalEnd::Closed,
            Why::Idle => TerminalEnd::Idle,
        };
        state.terminals.remove(&id);
        if state.gone.len() >= GONE {
            state.gone.pop_front();
        }
        state.gone.push_back((id, end));
        drop(state);
        self.shared.changed.notify_one();
    }

    /// A binary frame of the link.
    pub fn frame(&self, id: TerminalId, frame: TerminalFrame<'_>) {
        let state = self.lock();
        let Some(handle) = state.terminals.get(&id) else { return };
        match frame {
            TerminalFrame::Input { source, place, bytes } => {
                if handle.stream.lock().inputs.take(source, place, bytes) {
                    handle.stream.wake.notify_one();
                } else {
                    // A repeat is answered, too.
                    handle.stream.tell_taken();
                }
            }
            TerminalFrame::Credit { offset } => {
                handle.stream.lock().credit(offset);
                handle.stream.wake.notify_one();
                self.shared.changed.notify_one();
            }
            TerminalFrame::Output { .. }
            | TerminalFrame::Snapshot { .. }
            | TerminalFrame::Ack { .. }
            | TerminalFrame::Taken { .. } => tracing::warn!(terminal = %id, "a frame came the wrong way"),
        }
    }

    /// What is to be told before any output: answers, views, and how far what was typed is written.
    pub fn news(&self, told: &mut Told) -> (Vec<FromAgent>, Vec<Vec<u8>>) {
        let mut state = self.lock();
        let mut messages = Vec::new();
        if !std::mem::replace(&mut told.begun, true) {
            let terminals = state.terminals.values().map(|handle| told.see(&handle.stream)).collect();
            messages.push(FromAgent::Terminals { terminals });
        }
        let mut frames = Vec::new();
        for (id, handle) in &state.terminals {
            let version = handle.stream.lock().version;
            if told.versions.get(id) != Some(&version) {
                messages.push(FromAgent::Terminal { terminal: told.see(&handle.stream) });
            }
            frames.extend(handle.stream.taken());
        }
        let lost: Vec<TerminalId> =
            told.versions.keys().filter(|id| !state.terminals.contains_key(id)).copied().collect();
        for terminal in lost {
            told.versions.remove(&terminal);
            let known = state.gone.iter().rev().find(|(gone, _)| *gone == terminal);
            let why = known.map_or(TerminalEnd::Closed, |(_, why)| *why);
            messages.push(FromAgent::TerminalGone { terminal, why });
        }
        messages.extend(state.answers.drain(..));
        (messages, frames)
    }

    /// The next frame of output that may be sent, of each terminal in turn.
    pub fn next_frame(&self, told: &mut Told) -> Option<Vec<u8>> {
        let mut streams: Vec<Arc<Stream>> =
            self.lock().terminals.values().map(|handle| Arc::clone(&handle.stream)).collect();
        let count = streams.len();
        streams.rotate_left(told.turn.checked_rem(count).unwrap_or_default());
        told.turn = told.turn.wrapping_add(1);
        streams.iter().find_map(|stream| stream.next_frame())
    }

    /// Closes all terminals. They are gone when all tasks are.
    pub fn leave(&self) {
        let mut state = self.lock();
        state.leaving = true;
        for handle in state.terminals.values() {
            handle.close.cancel();
        }
    }
}

impl Told {
    fn see(&mut self, stream: &Stream) -> TerminalView {
        let state = stream.lock();
        self.versions.insert(state.view.id, state.version);
        TerminalView { end: state.ring.end(), ..state.view.clone() }
    }
}

impl Handle {
    /// Gives the task a command. A full inbox means a task that has more than enough to do; whoever floods it is told so.
    fn ask(
        &self,
        command: impl FnOnce(Answer) -> Command,
    ) -> Result<Option<oneshot::Receiver<Result<(), Refusal>>>, Refusal> {
        let (answer, later) = oneshot::channel();
        let busy =
            |_| Refusal::new(ErrorCode::TooMany, "the terminal has not come round to what was asked before");
        self.commands.try_send(command(answer)).map(|()| Some(later)).map_err(busy)
    }

    /// Whether somebody watches has changed.
    fn watched(&self) {
        self.stream.wake.notify_one();
        self.stream.model.notify_one();
    }
}
