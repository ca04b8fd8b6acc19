//! The task that owns one conversation: it feeds [`core`](super::core) and carries out what it decides.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::link::{ActivityKind, Policy};
use protocol::payload::{Cut, Payload};
use protocol::{BlockId, ConversationId, Event, EventBody, Millis, Position};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::core::{Checkpoint, Conversation, Effect, Input, Launch, Now};
use super::journal::{Journal, Record, Span, read_span};
use super::outgoing::{Entry, Outgoing};
use crate::claude::launch;
use crate::claude::process::{Claude, Heard};
use crate::config::Config;
use crate::disk::Reserve;
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
    /// Places for CLI processes; each costs some 200 MB.
    pub slots: Arc<Semaphore>,
    /// Someone waits for a place.
    pub want_slot: Arc<Notify>,
    /// Something is to be told to the control plane.
    pub changed: Arc<Notify>,
    /// Space kept back on the state volume.
    pub reserve: Arc<Reserve>,
    /// The moment that [`Now::mono`] counts from.
    pub started: Instant,
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
    /// The store's end is known: join the journal to it, and only then go on.
    Join(Position),
    /// Since when nothing was owed, if a process lives on that.
    IdleSince(oneshot::Sender<Option<Millis>>),
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
    let (journal, records) = Journal::open(&dir)?;
    let mut core = Conversation::new(id, 1, 1, policy);
    let entries = replay(&mut core, &journal, records)?;
    let is_new = core.end().n == 0;
    let outgoing = Outgoing::new(id, core.end(), journal.file(), entries, Arc::clone(&shared.changed));
    let outgoing = Arc::new(outgoing);
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let driver = Driver {
        shared: shared.clone(),
        id,
        core,
        journal,
        outgoing: Arc::clone(&outgoing),
        inbox,
        process: None,
        spawning: None,
        joined: false,
        is_new,
        disk_full: false,
    };
    shared.processes.tasks().spawn(driver.run(dir));
    Ok(Handle { commands, outgoing })
}

/// Feeds the journal's records to the conversation and returns where its events lie.
fn replay(core: &mut Conversation, journal: &Journal, records: Vec<Record>) -> io::Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut bodies: Vec<([u8; 32], Span)> = Vec::new();
    for record in records {
        match record {
            Record::Body(digest, span) => bodies.push((digest, span)),
            Record::ToolBegan => core.replay_tool_began(),
            Record::Epoch { epoch, next } => {
                core.replay_epoch(epoch, next);
                entries.clear();
            }
            Record::Checkpoint(json) => {
                let checkpoint: Checkpoint = serde_json::from_slice(&json).map_err(io::Error::other)?;
                core.replay_checkpoint(checkpoint);
                entries.clear();
            }
            Record::Event(event, span) => {
                let text = message_text(&event, journal, &bodies)?;
                core.replay(&event, text);
                let bodies = std::mem::take(&mut bodies);
                entries.push(Entry { n: event.n, epoch: core.epoch(), span, bodies });
            }
        }
    }
    Ok(entries)
}

fn message_text(event: &Event, journal: &Journal, bodies: &[([u8; 32], Span)]) -> io::Result<Option<String>> {
    let EventBody::MessageTaken { content, .. } = &event.body else { return Ok(None) };
    match content {
        Payload::Text(text) => Ok(Some(text.clone())),
        Payload::Json(value) => Ok(Some(value.to_string())),
        Payload::Cut(Cut { digest, .. }) => {
            let body = bodies.iter().find(|(known, _)| Some(*known) == digest.to_bytes());
            let (_, span) = body.ok_or_else(|| io::Error::other("a message's body is missing"))?;
            let bytes = read_span(&journal.file(), *span)?;
            String::from_utf8(bytes).map(Some).map_err(io::Error::other)
        }
    }
}

struct Driver {
    shared: Shared,
    id: ConversationId,
    core: Conversation,
    journal: Journal,
    outgoing: Arc<Outgoing>,
    inbox: mpsc::Receiver<Command>,
    process: Option<(Claude, OwnedSemaphorePermit)>,
    /// A process that waits for its place, and what is to be written to it.
    spawning: Option<(Launch, Vec<String>)>,
    /// Whether the store's end is known. Nothing is numbered before.
    joined: bool,
    /// Whether the journal began with this task.
    is_new: bool,
    disk_full: bool,
}

/// What the loop wakes up for.
enum Wake {
    Command(Option<Command>),
    Heard(Heard),
    Slot(OwnedSemaphorePermit),
    Tick,
    DiskRetry,
}

impl Driver {
    async fn run(mut self, dir: std::path::PathBuf) {
        loop {
            let event = self.next().await;
            match event {
                Wake::Command(None | Some(Command::Leave)) => return self.leave().await,
                Wake::Command(Some(Command::Forget)) => return self.forget(&dir).await,
                Wake::Command(Some(Command::Input(input))) => self.feed(*input).await,
                Wake::Command(Some(Command::Join(stored))) => self.join(stored).await,
                Wake::Command(Some(Command::IdleSince(answer))) => {
                    let _ = answer.send(self.core.idle_since());
                }
                Wake::Heard(heard) => self.hear(heard).await,
                Wake::Slot(permit) => self.spawn(permit).await,
                Wake::Tick => self.feed(Input::Tick).await,
                Wake::DiskRetry => self.retry_disk().await,
            }
            self.compact_if_quiet();
        }
    }

    async fn next(&mut self) -> Wake {
        let deadline = self.core.deadline().map(|at| self.shared.started + Duration::from_millis(at));
        let waits = self.spawning.is_some();
        // A full disk holds the turn: what the process says is left in its pipe until there is room.
        let listens = !self.disk_full;
        tokio::select! {
            biased;
            command = self.inbox.recv() => Wake::Command(command),
            heard = hear(&mut self.process), if listens => Wake::Heard(heard),
            Ok(permit) = Arc::clone(&self.shared.slots).acquire_owned(), if waits => Wake::Slot(permit),
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                Wake::Tick
            }
            () = tokio::time::sleep(DISK_RETRY), if self.disk_full => Wake::DiskRetry,
        }
    }

    async fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Line(line) => self.feed(Input::Line(line)).await,
            Heard::Strange(line) => self.feed(Input::Strange(line)).await,
            Heard::TooLong { bytes } => self.feed(Input::TooLong { bytes }).await,
            Heard::Exited { detail } => {
                self.process = None;
                self.feed(Input::Exited { detail }).await;
            }
        }
    }

    async fn feed(&mut self, input: Input) {
        let now = self.now();
        let effects = self.core.step(now, input);
        self.carry_out(effects).await;
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append { event, bodies, sync } => {
                    let (epoch, finished) = (self.core.epoch(), finished_block(&event.body).cloned());
                    let written = self.persist(|journal| journal.append(&event, &bodies, sync)).await;
                    self.outgoing.appended(Position { epoch, n: event.n }, written, finished.as_ref());
                }
                Effect::MarkTool => self.persist(Journal::mark_tool).await,
                Effect::Spawn(launch) => {
                    self.spawning = Some((launch, Vec::new()));
                    self.shared.want_slot.notify_one();
                }
                Effect::Write(line) => self.write(line),
                Effect::CloseStdin => {
                    if let Some((process, _)) = &mut self.process {
                        process.close_stdin();
                    }
                }
                Effect::Terminate => self.terminate().await,
                Effect::Live(change) => self.outgoing.live(change),
                Effect::Activity(activity) => self.outgoing.doing(activity, self.now().wall),
                Effect::Settled { item, refused } => self.outgoing.settled(item, refused),
                Effect::Catalog(catalog) => self.outgoing.offers(catalog),
            }
        }
    }

    /// Writes to the journal. A full disk is met with the space that was kept back for it; only if that is gone
    /// too does this wait.
    async fn persist<T>(&mut self, mut write: impl FnMut(&mut Journal) -> io::Result<T>) -> T {
        loop {
            let error = match tokio::task::block_in_place(|| write(&mut self.journal)) {
                Ok(written) => return written,
                Err(error) => error,
            };
            tracing::error!(conversation = %self.id, %error, "the journal can't be written");
            if !self.disk_full {
                self.disk_full = true;
                self.outgoing.doing(ActivityKind::DiskFull {}, self.now().wall);
            }
            if !self.shared.reserve.release() {
                tokio::time::sleep(DISK_RETRY).await;
            }
        }
    }

    /// Goes on once the space that is kept back could be taken again.
    async fn retry_disk(&mut self) {
        if self.shared.reserve.take() {
            self.disk_full = false;
            self.feed(Input::DiskWasFull { detail: "the workspace's disk was full".to_owned() }).await;
        }
    }

    fn write(&mut self, line: String) {
        if let Some((_, lines)) = &mut self.spawning {
            lines.push(line);
        } else if let Some((process, _)) = &mut self.process {
            process.write(line);
        }
    }

    async fn spawn(&mut self, permit: OwnedSemaphorePermit) {
        let Some((launch, lines)) = self.spawning.take() else { return };
        let mark = self.shared.processes.new_mark();
        let command = launch::command(&self.shared.config, self.id, &launch, mark);
        match Claude::start(&self.shared.processes, mark, command) {
            Ok(mut process) => {
                for line in lines {
                    process.write(line);
                }
                self.process = Some((process, permit));
            }
            Err(error) => {
                let detail = format!("Claude can't be started: {error}");
                Box::pin(self.feed(Input::Exited { detail })).await;
            }
        }
    }

    async fn terminate(&mut self) {
        if let Some((process, _)) = &mut self.process {
            process.terminate();
        } else if self.spawning.take().is_some() {
            let detail = "it was not started any more".to_owned();
            Box::pin(self.feed(Input::Exited { detail })).await;
        }
    }

    /// Joins the journal to the store's end; the first time, takes up what was owed.
    async fn join(&mut self, stored: Position) {
        let end = self.core.end();
        if let protocol::log::Resume::NewEpoch { epoch, next } =
            protocol::log::reconcile(self.outgoing.oldest(), end, stored)
        {
            self.persist(|journal| journal.open_epoch(epoch, next)).await;
            self.outgoing.opened_epoch(epoch, next);
            let now = self.now();
            let effects = self.core.open_epoch(now, epoch, next);
            self.carry_out(effects).await;
        }
        self.outgoing.stored(stored);
        if !std::mem::replace(&mut self.joined, true) && !self.is_new {
            let now = self.now();
            let effects = self.core.recovered(now);
            self.carry_out(effects).await;
        }
    }

    fn compact_if_quiet(&mut self) {
        if !self.journal.is_large() || !self.outgoing.is_stored() {
            return;
        }
        let Some(checkpoint) = self.core.checkpoint() else { return };
        let Ok(json) = serde_json::to_vec(&checkpoint) else { return };
        match tokio::task::block_in_place(|| self.journal.compact(&json)) {
            Ok(()) => self.outgoing.compacted(self.journal.file()),
            Err(error) => tracing::warn!(conversation = %self.id, %error, "the journal can't be compacted"),
        }
    }

    /// Ends the process and writes what there is to say about it.
    async fn leave(&mut self) {
        if !self.joined {
            return;
        }
        self.feed(Input::Shutdown).await;
        while self.process.is_some() {
            let heard = hear(&mut self.process).await;
            self.hear(heard).await;
        }
    }

    async fn forget(&mut self, dir: &Path) {
        if let Some((process, _)) = &mut self.process {
            process.terminate();
            while !matches!(process.hear().await, Heard::Exited { .. }) {}
        }
        if let Err(error) = std::fs::remove_dir_all(dir) {
            tracing::warn!(conversation = %self.id, %error, "a deleted conversation's journal can't be removed");
        }
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = |duration: Duration| Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX);
        Now { wall: millis(wall), mono: millis(self.shared.started.elapsed()) }
    }
}

async fn hear(process: &mut Option<(Claude, OwnedSemaphorePermit)>) -> Heard {
    match process {
        Some((process, _)) => process.hear().await,
        None => std::future::pending().await,
    }
}

/// The block that this event makes final.
const fn finished_block(body: &EventBody) -> Option<&BlockId> {
    if let EventBody::Text { block, .. }
    | EventBody::Thinking { block, .. }
    | EventBody::ToolCall { block, .. } = body
    {
        return Some(block);
    }
    None
}
