//! The task that owns one terminal: its program, what it reads and writes, its size, its end.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::close::ErrorCode;
use protocol::terminal::{Colors, NotLent, Size, TerminalKind, TerminalPhase};
use protocol::{ConversationId, Millis};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::pty::{self, Ended, Program, Pty};
use super::record::Recorder;
use super::stream::Stream;
use super::{Refusal, Shared, launch, model};
use crate::conversation::lending::{Borrow, Lent};
use crate::process::Mark;

/// How much is read of the program at once.
const READ_BYTES: usize = 64 * 1024;
/// Commands that wait for the task. It never takes long over one.
const COMMANDS: usize = 32;
/// How long a terminal is one row too high, for programs that ignore a resize to the size they have.
const NUDGE: Duration = Duration::from_millis(50);
/// How long after a key was taken that is told, for all that were since: a frame for each would be in the way of their echoes.
const TOLD_LATER: Duration = Duration::from_millis(10);
/// More than keys. Whoever pastes waits to hear that there is room for more.
const TOLD_AT_ONCE: usize = 64;
/// How long a recording's beginning may wait for the model to have read everything.
const PAINTING: Duration = Duration::from_millis(500);
/// How often it is told until when a terminal that nobody watches may idle.
const IDLE_TOLD_EVERY: Duration = Duration::from_secs(30);
/// What a restart prints before the new program does: it ends whatever modes the old one left, and keeps what it printed.
const RESTARTED: &[u8] = b"\x18\x1b\\\x1b[?1049l\x1b[!p\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1016l\x1b[20l\x1b[=0;1u\x1b]8;;\x1b\\\x1b[0\"q\x1b[999;1H\r\n";

/// What the task can be told.
#[derive(Debug)]
pub enum Command {
    /// Start the program again, if this life is over.
    Restart(u32, Answer),
    /// Record, or not.
    Record(bool, Answer),
}

/// How a command went.
pub type Answer = oneshot::Sender<Result<(), Refusal>>;

/// A terminal's task, from outside.
#[derive(Debug)]
pub struct Handle {
    /// Where its commands go.
    pub commands: mpsc::Sender<Command>,
    /// What it shares.
    pub stream: Arc<Stream>,
    /// Ends everything in it. The task is over when that is done.
    pub close: CancellationToken,
}

/// Starts a terminal's task.
pub fn start(shared: &Shared, stream: Arc<Stream>, over: impl FnOnce(Why) + Send + 'static) -> Handle {
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let close = CancellationToken::new();
    let (colors, _) = watch::channel(None);
    let owner = Owner {
        mark: shared.processes.new_mark(),
        shared: shared.clone(),
        stream: Arc::clone(&stream),
        inbox,
        close: close.clone(),
        colors,
        pty: None,
        program: None,
        asked: None,
        lent: None,
        nudge: None,
        tell_taken: None,
        recorder: None,
        active_at: Instant::now(),
        idle_told_at: Instant::now(),
        watched: false,
        buffer: vec![0; READ_BYTES],
    };
    shared.processes.tasks().spawn(async move {
        let why = owner.run().await;
        over(why);
    });
    Handle { commands, stream, close }
}

/// Why the task ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It was told to.
    Closed,
    /// Nothing happened for too long.
    Idle,
}

struct Owner {
    shared: Shared,
    stream: Arc<Stream>,
    mark: Mark,
    inbox: mpsc::Receiver<Command>,
    close: CancellationToken,
    colors: watch::Sender<Option<Colors>>,
    pty: Option<Pty>,
    program: Option<Program>,
    /// A conversation's session is asked for.
    asked: Option<oneshot::Receiver<Result<Lent, NotLent>>>,
    /// The session that the program runs on.
    lent: Option<Lent>,
    /// When the terminal gets its real size back.
    nudge: Option<Instant>,
    /// When it is told that what was typed was taken.
    tell_taken: Option<Instant>,
    recorder: Option<Recorder>,
    /// When something was last typed or printed, or somebody watched.
    active_at: Instant,
    idle_told_at: Instant,
    /// Whether somebody watched when it was last looked.
    watched: bool,
    buffer: Vec<u8>,
}

/// What the loop wakes up for.
enum Wake {
    Close,
    Command(Command),
    Lent(Result<Lent, NotLent>),
    Ended(std::io::Result<Ended>),
    Read(std::io::Result<usize>),
    Written(std::io::Result<usize>),
    /// Something was typed, or there is credit. The program may not be taking what was typed before.
    Look {
        stuck: bool,
    },
    Nudge,
    TellTaken,
    Idle,
}

impl Owner {
    async fn run(mut self) -> Why {
        let size = self.stream.lock().view.size;
        let model = model::serve(Arc::clone(&self.stream), size, self.colors.subscribe());
        let model = self.shared.processes.tasks().spawn(model);
        self.start_program().await;
        let why = self.serve().await;
        self.end().await;
        model.abort();
        why
    }

    async fn serve(&mut self) -> Why {
        loop {
            match self.next().await {
                Wake::Close => return Why::Closed,
                Wake::Command(command) => self.command(command).await,
                Wake::Lent(lent) => self.start_screen(lent),
                Wake::Ended(ended) => self.ended(ended),
                Wake::Read(Ok(0)) => self.pty = None,
                Wake::Read(Ok(count)) => self.printed(count),
                Wake::Read(Err(error)) | Wake::Written(Err(error)) => {
                    tracing::warn!(terminal = %self.id(), %error, "the terminal can't be read or written any more");
                    self.pty = None;
                }
                Wake::Written(Ok(count)) => self.written(count),
                Wake::Look { stuck } => self.look(stuck),
                Wake::Nudge => self.resize_back(),
                Wake::TellTaken => self.tell_taken(),
                Wake::Idle => {
                    if self.is_idle_for_too_long() {
                        return Why::Idle;
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Wake {
        let (room, typed) = {
            let state = self.stream.lock();
            (state.may_read().min(READ_BYTES), state.inputs.next().to_vec())
        };
        let (nudge, tell_taken) = (self.nudge, self.tell_taken);
        let idle = self.idle_deadline();
        let pty = self.pty.as_ref();
        tokio::select! {
            biased;
            () = self.close.cancelled() => Wake::Close,
            Some(command) = self.inbox.recv() => Wake::Command(command),
            lent = answer(self.asked.as_mut()), if self.asked.is_some() => Wake::Lent(lent),
            written = write(pty, &typed), if pty.is_some() && !typed.is_empty() => Wake::Written(written),
            () = self.stream.wake.notified() => Wake::Look { stuck: !typed.is_empty() },
            () = sleep_until(tell_taken.unwrap_or_else(Instant::now)), if tell_taken.is_some() => Wake::TellTaken,
            read = read(pty, &mut self.buffer[..room]), if pty.is_some() && room > 0 => Wake::Read(read),
            ended = wait(self.program.as_mut()), if self.program.is_some() => Wake::Ended(ended),
            () = sleep_until(nudge.unwrap_or_else(Instant::now)), if nudge.is_some() => Wake::Nudge,
            () = sleep_until(idle.unwrap_or_else(Instant::now)), if idle.is_some() => Wake::Idle,
        }
    }

    fn id(&self) -> protocol::TerminalId {
        self.stream.lock().view.id
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Restart(life, answer) => {
                let _ = answer.send(self.restart(life).await);
            }
            Command::Record(on, answer) => {
                let _ = answer.send(self.record(on).await);
            }
        }
    }

    /// Starts the program; Claude's own screen only once its conversation's session is there.
    async fn start_program(&mut self) {
        let what = self.stream.lock().view.what.clone();
        match what {
            TerminalKind::Shell {} => self.start(&launch::shell(None), None),
            TerminalKind::Command { line } => self.start(&launch::shell(Some(&line)), None),
            TerminalKind::Claude { conversation } => {
                let (answer, lent) = oneshot::channel();
                let borrow = Borrow { conversation, terminal: self.id(), answer };
                let _ = self.shared.lender.send(borrow).await;
                self.asked = Some(lent);
                self.phase(TerminalPhase::Waiting {});
            }
            TerminalKind::Other => self.failed("there is no program for what is wanted", None),
        }
    }

    fn start_screen(&mut self, lent: Result<Lent, NotLent>) {
        self.asked = None;
        match lent {
            Ok(lent) => {
                let argv = launch::screen(&self.shared.config, &lent.launch);
                self.start(&argv, Some(lent.conversation));
                // Without a program it goes back at once.
                self.lent = self.program.as_ref().map(|program| {
                    lent.started(program.pid());
                    lent
                });
            }
            Err(why) => self.failed(&why.to_string(), Some(why)),
        }
    }

    fn start(&mut self, argv: &[String], conversation: Option<ConversationId>) {
        let environment = launch::environment(&self.shared.config, conversation);
        let size = self.stream.lock().view.size;
        let (config, processes) = (&self.shared.config, &self.shared.processes);
        let started = tokio::task::block_in_place(|| {
            pty::start(config, processes, self.mark, size, argv, &environment)
        });
        match started {
            Ok((pty, program)) => {
                (self.pty, self.program) = (Some(pty), Some(program));
                self.phase(TerminalPhase::Running { since: now() });
                self.shared.typed.notify_one();
            }
            Err(error) => self.failed(&format!("{error:#}"), None),
        }
    }

    fn failed(&self, why: &str, not_lent: Option<NotLent>) {
        tracing::warn!(terminal = %self.id(), why, "the program can't be started");
        self.phase(TerminalPhase::Failed { at: now(), detail: why.to_owned(), not_lent });
    }

    fn phase(&self, phase: TerminalPhase) {
        self.stream.tell(|view| view.phase = phase);
    }

    fn printed(&mut self, count: usize) {
        self.active_at = Instant::now();
        let bytes = &self.buffer[..count];
        self.stream.printed(bytes);
        if let Some(recorder) = &mut self.recorder {
            recorder.printed(bytes);
            if let Some(trouble) = recorder.trouble() {
                self.recorder = None;
                self.recorded(false, Some(trouble));
            }
        }
    }

    fn written(&mut self, count: usize) {
        self.active_at = Instant::now();
        self.stream.lock().inputs.written(count);
        if count > TOLD_AT_ONCE {
            self.tell_taken();
        } else if self.tell_taken.is_none() {
            self.tell_taken = Some(self.active_at + TOLD_LATER);
        }
        self.shared.typed.notify_one();
    }

    fn tell_taken(&mut self) {
        self.tell_taken = None;
        self.stream.tell_taken();
    }

    /// Does what is wanted.
    fn look(&mut self, stuck: bool) {
        let (size, colors, watched) = {
            let mut state = self.stream.lock();
            (state.wanted_size.take(), state.wanted_colors.take(), state.is_watched())
        };
        if stuck {
            self.interrupt();
        }
        if let Some(size) = size {
            self.resize(size);
        }
        if colors.is_some() {
            self.colors.send_replace(colors);
        }
        if std::mem::replace(&mut self.watched, watched) != watched {
            self.active_at = Instant::now();
            self.tell_idle();
        }
    }

    /// The program doesn't take what was typed. An interrupt key among it acts all the same, as the terminal driver has it where
    /// there is room.
    fn interrupt(&mut self) {
        let asked = self.stream.lock().inputs.has_interrupt();
        if asked && self.pty.as_ref().is_some_and(Pty::interrupt) {
            self.stream.lock().inputs.interrupt();
            self.tell_taken();
        }
    }

    fn ended(&mut self, ended: std::io::Result<Ended>) {
        self.program = None;
        self.lent = None;
        let at = now();
        let phase = match ended {
            Ok(Ended::Exited(code)) => TerminalPhase::Exited { at, code },
            Ok(Ended::Killed(signal)) => TerminalPhase::Killed { at, signal },
            Err(error) => TerminalPhase::Failed { at, detail: error.to_string(), not_lent: None },
        };
        // What was typed for it is for no other program.
        self.stream.lock().inputs.clear();
        self.tell_taken();
        self.phase(phase);
    }

    /// Sizes the terminal. To a size that it has already it comes by way of another one, so that programs draw anew.
    fn resize(&mut self, size: Size) {
        let size = size.clamped();
        let same = {
            let mut state = self.stream.lock();
            let same = state.view.size == size;
            if !same {
                state.resize(size);
                state.view.size = size;
                state.version += 1;
            }
            same
        };
        let first = if same { Size { rows: size.rows + 1, ..size } } else { size };
        self.nudge = same.then(|| Instant::now() + NUDGE);
        self.set_size(first);
        if let Some(recorder) = self.recorder.as_mut().filter(|_| !same) {
            recorder.resized(size);
        }
        self.stream.model.notify_one();
        self.stream.changed.notify_one();
    }

    fn resize_back(&mut self) {
        self.nudge = None;
        let size = self.stream.lock().view.size;
        self.set_size(size);
    }

    fn set_size(&self, size: Size) {
        if let Some(Err(error)) = self.pty.as_ref().map(|pty| pty.resize(size)) {
            tracing::warn!(terminal = %self.id(), error = format!("{error:#}"), "the terminal can't be sized");
        }
    }

    async fn restart(&mut self, life: u32) -> Result<(), Refusal> {
        let view = self.stream.lock().view.clone();
        if view.life != life {
            // It was, meanwhile.
            return Ok(());
        }
        if self.program.is_some() || self.asked.is_some() {
            return Err(Refusal::new(ErrorCode::Conflict, "the program runs"));
        }
        self.pty = None;
        self.shared.processes.hang_up(self.mark).await;
        // What was typed since its program ended is for no other one.
        self.stream.lock().inputs.clear();
        self.tell_taken();
        self.stream.printed(RESTARTED);
        self.stream.tell(|view| view.life += 1);
        self.start_program().await;
        Ok(())
    }

    async fn record(&mut self, on: bool) -> Result<(), Refusal> {
        if on == self.recorder.is_some() {
            return Ok(());
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.finish().await;
            self.recorded(false, None);
            return Ok(());
        }
        let view = self.stream.lock().view.clone();
        let mut recorder = Recorder::start(&self.shared, &view).map_err(|error| {
            Refusal::new(ErrorCode::Unavailable, format!("it can't be recorded: {error:#}"))
        })?;
        // It begins with what is there. Without it, it would make no sense until the program draws anew.
        if let Ok(Ok(painting)) = timeout(PAINTING, self.stream.painting()).await {
            recorder.printed(&painting);
        }
        if let Some(trouble) = recorder.trouble() {
            return Err(Refusal::new(ErrorCode::Unavailable, format!("it can't be recorded: {trouble}")));
        }
        let file = recorder.file().to_owned();
        self.recorder = Some(recorder);
        self.stream.tell(|view| {
            view.recording = Some(protocol::terminal::Recording { file, on: true, trouble: None });
        });
        Ok(())
    }

    fn recorded(&self, on: bool, trouble: Option<String>) {
        self.stream.tell(|view| {
            if let Some(recording) = &mut view.recording {
                recording.on = on;
                recording.trouble = trouble;
            }
        });
    }

    fn idle_deadline(&self) -> Option<Instant> {
        let limit = self.shared.idle()?;
        if self.stream.lock().is_watched() {
            return None;
        }
        Some((self.active_at + limit).min(self.idle_told_at + IDLE_TOLD_EVERY).max(Instant::now()))
    }

    fn is_idle_for_too_long(&mut self) -> bool {
        let Some(limit) = self.shared.idle() else { return false };
        if self.active_at.elapsed() >= limit && !self.stream.lock().is_watched() {
            return true;
        }
        self.tell_idle();
        false
    }

    /// Tells until when it may idle.
    fn tell_idle(&mut self) {
        self.idle_told_at = Instant::now();
        let watched = self.stream.lock().is_watched();
        let left = self
            .shared
            .idle()
            .filter(|_| !watched)
            .map(|limit| limit.saturating_sub(self.active_at.elapsed()));
        // To the second: what is not new is not told.
        let until = left.map(|left| (now() + millis(left)) / 1_000 * 1_000);
        if self.stream.lock().view.idle_until != until {
            self.stream.tell(|view| view.idle_until = until);
        }
    }

    /// Ends everything in the terminal. What it prints meanwhile is read and dropped, or it would wait for that.
    async fn end(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish().await;
        }
        let (pty, buffer) = (self.pty.take(), &mut self.buffer);
        let drain = async {
            while let Ok(1..) = read(pty.as_ref(), buffer).await {}
            std::future::pending::<()>().await;
        };
        let (program, processes) = (self.program.as_mut(), &self.shared.processes);
        let end = async {
            processes.hang_up(self.mark).await;
            if let Some(program) = program {
                let _ = program.wait().await;
            }
        };
        tokio::select! {
            () = end => {}
            () = drain => {}
        }
    }
}

async fn read(pty: Option<&Pty>, buffer: &mut [u8]) -> std::io::Result<usize> {
    match pty {
        Some(pty) => pty.read(buffer).await,
        None => std::future::pending().await,
    }
}

async fn write(pty: Option<&Pty>, bytes: &[u8]) -> std::io::Result<usize> {
    match pty {
        Some(pty) => pty.write(bytes).await,
        None => std::future::pending().await,
    }
}

async fn answer(asked: Option<&mut oneshot::Receiver<Result<Lent, NotLent>>>) -> Result<Lent, NotLent> {
    match asked {
        Some(asked) => asked.await.unwrap_or_else(|_| Err(NotLent::NoConversation)),
        None => std::future::pending().await,
    }
}

async fn wait(program: Option<&mut Program>) -> std::io::Result<Ended> {
    match program {
        Some(program) => program.wait().await,
        None => std::future::pending().await,
    }
}

fn now() -> Millis {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
