//! The task that owns one conversation: it feeds its [`keeper`](super::keeper) and does with the process what that says.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::link::Policy;
use protocol::terminal::NotLent;
use protocol::{ConversationId, Millis, Position};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::core::{Input, Launch, Now};
use super::journal::medium::OnDisk;
use super::keeper::{Act, Keeper};
use super::lending::{Borrow, Event, Loans, OpenSessions, Sessions};
use super::outgoing::Outgoing;
use super::places::{Places, Seat, Standing};
use crate::claude::launch;
use crate::claude::process::{Claude, Heard};
use crate::config::Config;
use crate::disk::{self, Reserve};
use crate::process::Processes;

/// Commands of the control plane that wait for the conversation. It never takes long over one.
const COMMANDS: usize = 64;
/// How often a full disk is tried again.
const DISK_RETRY: Duration = Duration::from_millis(500);

/// What every conversation of the workspace shares.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The configuration.
    pub config: Arc<Config>,
    /// The workspace's processes.
    pub processes: Arc<Processes>,
    /// Places for CLI processes.
    pub places: Arc<Places>,
    /// Something is to be told to the control plane.
    pub changed: Arc<Notify>,
    /// Space kept back on the state volume.
    pub reserve: Arc<Reserve>,
    /// The moment that [`Now::mono`] counts from.
    pub started: Instant,
    /// The machine's boot.
    pub boot: [u8; 16],
    /// Which conversation has which session.
    pub sessions: Arc<Sessions>,
    /// The sessions that are open in Claude's own screen.
    pub open_sessions: OpenSessions,
}

/// A conversation's task, from outside.
#[derive(Debug)]
pub struct Handle {
    /// Where its inputs go.
    pub commands: mpsc::Sender<Command>,
    /// What it has to tell.
    pub outgoing: Arc<Outgoing>,
}

/// What the conversation's task can be told.
#[derive(Debug)]
pub enum Command {
    /// Something happened.
    Input(Box<Input>),
    /// How the control plane wants us to behave.
    Policy(Policy),
    /// The store's end is known, and the number of the link that leads to it: join the journal to it, and only then go on.
    Join(Position, u64),
    /// A terminal asks for the session.
    Lend(Borrow),
    /// The conversation is deleted: end everything and remove its journal.
    Forget,
    /// The workspace stops: end the process, write the last events, and leave.
    Leave,
}

/// Opens a conversation's journal and starts its task.
///
/// # Errors
/// When the journal can't be opened or read.
pub fn start(shared: &Shared, id: ConversationId, policy: Policy) -> io::Result<Handle> {
    let dir = shared.config.conversations().join(id.to_string());
    // A full disk is met with the space that was kept back. The conversation begins held then, until that is back.
    let (keeper, disk_full) = match open(shared, id, policy, &dir) {
        Err(error) if disk::is_full(&error) && shared.reserve.release() => {
            (open(shared, id, policy, &dir)?, true)
        }
        opened => (opened?, false),
    };
    let noted = keeper.session().to_owned();
    shared.sessions.note(id, &noted);
    let outgoing = keeper.outgoing();
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let driver = Driver {
        shared: shared.clone(),
        id,
        keeper,
        inbox,
        process: None,
        seat: shared.places.seat(),
        spawning: None,
        noted,
        loans: Loans::new(shared.open_sessions.clone()),
        disk_full,
    };
    shared.processes.tasks().spawn(driver.run(dir));
    Ok(Handle { commands, outgoing })
}

/// Opens the keeper. A journal that makes no sense is put aside, where it can be looked at: the conversation begins anew
/// behind what the store has of it, in an epoch that says that events are lost.
fn open(shared: &Shared, id: ConversationId, policy: Policy, dir: &Path) -> io::Result<Keeper> {
    let keeper = || {
        let medium = Arc::new(OnDisk::open(dir)?);
        Keeper::open(id, policy, medium, shared.boot, Arc::clone(&shared.changed))
    };
    match keeper() {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::error!(conversation = %id, %error, "the journal makes no sense; it is put aside");
            OnDisk::put_aside(dir)?;
            keeper()
        }
        opened => opened,
    }
}

struct Driver {
    shared: Shared,
    id: ConversationId,
    keeper: Keeper,
    inbox: mpsc::Receiver<Command>,
    process: Option<Claude>,
    /// Its place, or that of one to come.
    seat: Seat,
    /// A process that waits for its place, and what is to be written to it.
    spawning: Option<(Launch, Vec<String>)>,
    /// The session, as the others know it.
    noted: String,
    /// Where the session is, when it is not here.
    loans: Loans,
    disk_full: bool,
}

/// What the loop wakes up for.
enum Wake {
    Command(Option<Command>),
    Heard(Heard),
    /// There is a place for the process that is to be started.
    Place,
    /// Another one wants the place of this one.
    Wanted,
    Loan(Event),
    Tick,
    DiskRetry,
}

impl Driver {
    async fn run(mut self, dir: PathBuf) {
        loop {
            let event = self.next().await;
            match event {
                Wake::Command(None | Some(Command::Leave)) => return self.leave().await,
                Wake::Command(Some(Command::Forget)) => return self.forget(&dir).await,
                Wake::Command(Some(Command::Input(input))) => self.feed(*input),
                Wake::Command(Some(Command::Policy(policy))) => self.keeper.set_policy(policy),
                Wake::Command(Some(Command::Join(stored, link))) => {
                    self.keeper.join(self.now(), stored, link);
                    if self.disk_full {
                        self.keeper.disk_full(self.now());
                    }
                    self.act();
                }
                Wake::Command(Some(Command::Lend(borrow))) => self.lend(borrow),
                Wake::Loan(event) => self.loan(event),
                Wake::Heard(heard) => self.hear(heard),
                Wake::Place => self.spawn(),
                Wake::Wanted => self.feed(Input::MakeRoom),
                Wake::Tick => self.feed(Input::Tick),
                Wake::DiskRetry => self.retry_disk(),
            }
            // A screen that has the session keeps its place for as long as it likes.
            self.seat.report(if self.loans.is_out() { Standing::Busy } else { self.keeper.standing() });
            self.note_session();
            self.compact();
        }
    }

    async fn next(&mut self) -> Wake {
        let deadline = self.keeper.deadline().map(|at| self.shared.started + Duration::from_millis(at));
        let (waits, runs) = (self.spawning.is_some(), self.process.is_some());
        // A full disk holds the turn: what the process says is left in its pipe until there is room.
        let listens = !self.disk_full;
        // Nothing can be decided before.
        let joined = self.keeper.is_joined();
        tokio::select! {
            biased;
            command = self.inbox.recv() => Wake::Command(command),
            heard = hear(&mut self.process), if listens => Wake::Heard(heard),
            event = self.loans.event(), if joined => Wake::Loan(event),
            () = self.seat.held(), if waits => Wake::Place,
            // What the process has said comes first: it may be more to do.
            () = self.seat.wanted(), if runs => Wake::Wanted,
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                Wake::Tick
            }
            () = tokio::time::sleep(DISK_RETRY), if self.disk_full => Wake::DiskRetry,
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Line(line) => self.feed(Input::Line(line)),
            Heard::Strange(line) => self.feed(Input::Strange(line)),
            Heard::TooLong { bytes } => self.feed(Input::TooLong { bytes }),
            Heard::Exited { detail } => {
                self.process = None;
                self.seat.leave();
                self.feed(Input::Exited { detail });
            }
        }
    }

    fn feed(&mut self, input: Input) {
        self.keeper.feed(self.now(), input);
        self.act();
    }

    /// Does what was decided. A full disk is met with the space that was kept back for it; if that is gone too the rest
    /// is left for later, but for the end of the process: nobody is kept from stopping what fills the disk.
    fn act(&mut self) {
        loop {
            match tokio::task::block_in_place(|| self.keeper.next_act()) {
                Ok(None) => return,
                Ok(Some(act)) => self.perform(act),
                Err(error) if self.make_space(&error) => {}
                Err(_) => break,
            }
        }
        if self.keeper.take_terminate() {
            self.terminate();
        }
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Spawn(launch) => {
                self.spawning = Some((launch, Vec::new()));
                self.seat.want();
            }
            Act::Write(line) => self.write(line),
            Act::CloseStdin => {
                if let Some(process) = &mut self.process {
                    process.close_stdin();
                }
            }
            Act::Terminate => self.terminate(),
            Act::Lent(launch) => {
                if self.loans.lend(launch) {
                    self.seat.take();
                } else {
                    self.keeper.feed(self.now(), Input::GivenBack);
                }
            }
            Act::NotLent(why) => {
                self.loans.refuse(why);
                // Whatever changed while the terminal waited for its answer was not looked at.
                self.keeper.feed(self.now(), self.who_has_it());
            }
            Act::ReadSession { session, after } => {
                let (id, sessions) = (self.id, Arc::clone(&self.shared.sessions));
                let is_free = move |session: &str| sessions.is_free(session, id);
                self.loans.read(&self.shared.config, &self.shared.processes, session, after, is_free);
            }
        }
    }

    /// Tells the others which session this conversation has, whenever it is another one: `/clear` begins one.
    fn note_session(&mut self) {
        if self.noted != self.keeper.session() {
            self.keeper.session().clone_into(&mut self.noted);
            self.shared.sessions.note(self.id, &self.noted);
        }
    }

    fn lend(&mut self, borrow: Borrow) {
        let terminal = borrow.terminal;
        if !self.keeper.is_joined() {
            let _ = borrow.answer.send(Err(NotLent::NotReady));
        } else if self.loans.ask(borrow) {
            self.feed(Input::Lend(terminal));
        }
    }

    fn loan(&mut self, event: Event) {
        match event {
            Event::Back => {
                self.seat.leave();
                self.feed(Input::GivenBack);
            }
            Event::Read(read) => {
                self.feed(Input::SessionRead(read));
                if let Some(next) = self.loans.next() {
                    self.lend(next);
                }
                self.look_who_has_it();
            }
            Event::Open => self.look_who_has_it(),
        }
    }

    /// Somebody may have started a screen on the session by hand, or left it.
    fn look_who_has_it(&mut self) {
        if !self.loans.is_lent() {
            self.feed(self.who_has_it());
        }
    }

    fn who_has_it(&self) -> Input {
        Input::InUse(self.loans.is_open_elsewhere(self.keeper.session()))
    }

    /// The journal can't be written. Returns whether there may be space now.
    fn make_space(&mut self, error: &io::Error) -> bool {
        if !std::mem::replace(&mut self.disk_full, true) {
            tracing::error!(conversation = %self.id, %error, "the journal can't be written");
            self.keeper.disk_full(self.now());
            return true;
        }
        self.shared.reserve.release()
    }

    /// Goes on once what was left for later is written and the space that is kept back could be taken again.
    fn retry_disk(&mut self) {
        self.act();
        if self.keeper.is_joined() && self.keeper.is_done() && self.shared.reserve.take() {
            self.disk_full = false;
            self.feed(Input::DiskWasFull { detail: "the workspace's disk was full".to_owned() });
        }
    }

    fn write(&mut self, line: String) {
        if let Some((_, lines)) = &mut self.spawning {
            lines.push(line);
        } else if let Some(process) = &mut self.process {
            process.write(line);
        }
    }

    fn spawn(&mut self) {
        self.feed(Input::Placed);
        let Some((launch, lines)) = self.spawning.take_if(|_| self.seat.is_held()) else { return };
        let mark = self.shared.processes.new_mark();
        let command = launch::command(&self.shared.config, self.id, &launch, mark);
        match Claude::start(&self.shared.processes, mark, command) {
            Ok(mut process) => {
                for line in lines {
                    process.write(line);
                }
                self.process = Some(process);
            }
            Err(error) => {
                self.seat.leave();
                let detail = format!("Claude can't be started: {error}");
                self.feed(Input::Exited { detail });
            }
        }
    }

    /// What comes of it is fed when it has come.
    fn terminate(&mut self) {
        if let Some(process) = &mut self.process {
            process.terminate();
        } else if self.spawning.take().is_some() {
            self.seat.leave();
            self.keeper.feed(self.now(), Input::Exited { detail: "it was not started any more".to_owned() });
        }
    }

    fn compact(&mut self) {
        if let Err(error) = tokio::task::block_in_place(|| self.keeper.compact_if_quiet()) {
            tracing::warn!(conversation = %self.id, %error, "the journal can't be compacted");
        }
    }

    /// Ends the process and writes what there is to say about it.
    async fn leave(&mut self) {
        if !self.keeper.is_joined() {
            return;
        }
        self.feed(Input::Shutdown);
        while self.process.is_some() {
            let deadline = self.keeper.deadline().map(|at| self.shared.started + Duration::from_millis(at));
            tokio::select! {
                heard = hear(&mut self.process) => self.hear(heard),
                () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.feed(Input::Tick);
                }
            }
        }
    }

    async fn forget(&mut self, dir: &Path) {
        self.shared.sessions.forget(self.id);
        if let Some(process) = &mut self.process {
            process.terminate();
            while !matches!(process.hear().await, Heard::Exited { .. }) {}
        }
        if let Err(error) = std::fs::remove_dir_all(dir) {
            tracing::warn!(conversation = %self.id, %error, "a deleted conversation's journal can't be removed");
        }
    }

    fn now(&self) -> Now {
        Now { wall: wall(), mono: millis(self.shared.started.elapsed()) }
    }
}

/// The time of day.
pub fn wall() -> Millis {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

async fn hear(process: &mut Option<Claude>) -> Heard {
    match process {
        Some(process) => process.hear().await,
        None => std::future::pending().await,
    }
}
