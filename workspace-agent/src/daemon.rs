//! What the workspace-agent holds together: the conversations by id, the terminals, what the control plane says to them, and what
//! a link needs of them all.

mod held;
mod screens;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::close::ErrorCode;
use protocol::limits::TERMINALS;
use protocol::link::{Activity, ActivityKind, FromAgent, FromControl, Hello, Policy, Report, Welcome};
use protocol::log::LogEnd;
use protocol::status::Versions;
use protocol::terminal::CAPABILITY;
use protocol::{ConversationId, ItemId, Position};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use uuid::Uuid;

use self::held::{Held, Waiting};
use self::screens::Screens;
use crate::config::Config;
use crate::conversation::core::Input;
use crate::conversation::driver::{self, Command, Handle, Shared};
use crate::conversation::outgoing::{Cursor, Outgoing};
use crate::disk::{self, Reserve};
use crate::process::{self, Processes};
use crate::terminal::Terminals;

/// How often the control plane is told how the workspace fares.
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// How often what is held is tried again.
const HELD_RETRY: Duration = Duration::from_millis(500);
/// How long a conversation may take to read what it is told of a new link. It never takes long over anything but a disk
/// that hangs.
const JOINING: Duration = Duration::from_secs(30);
/// Refusals that wait to be told, at most.
const MAX_REFUSED: usize = 256;
/// Terminals that ask for a session at a time. No more can be open.
const BORROWS: usize = TERMINALS;
/// Until the control plane says otherwise.
const FIRST_POLICY: Policy = Policy {
    idle_ms: 900_000,
    max_processes: 1,
    allow_bypass: false,
    silent_ms: 180_000,
    terminal_idle_ms: 0,
};

/// The conversations and what they share.
#[derive(Debug)]
pub struct Desk {
    shared: Shared,
    boot: Uuid,
    versions: Versions,
    state: Mutex<State>,
    terminals: Arc<Terminals>,
    /// Counts the store's acknowledgements.
    acknowledged: watch::Sender<u64>,
    /// Something is held that was not.
    holds: Notify,
    /// What terminals ask of conversations.
    screens: Screens,
}

#[derive(Debug)]
struct State {
    policy: Policy,
    conversations: HashMap<ConversationId, Handle>,
    /// Where the store's logs ended at the last welcome, for conversations that are opened later.
    stored: HashMap<ConversationId, Position>,
    /// The number of the link that it came on.
    link: u64,
    /// What there is to tell of conversations that can't be opened.
    untold: Vec<FromAgent>,
    /// What conversations can't be given for the moment.
    held: Waiting,
    report_at: Instant,
}

/// How far one link has told of each conversation.
#[derive(Debug, Default)]
pub struct Cursors(HashMap<ConversationId, (Arc<Outgoing>, Cursor)>);

impl Desk {
    /// Opens every journal on the state volume.
    ///
    /// # Errors
    /// When the state volume can't be read. One journal that can't be is its conversation's trouble alone.
    pub fn open(config: Arc<Config>, processes: Arc<Processes>, versions: Versions) -> anyhow::Result<Self> {
        let (open_sessions, is_open) = watch::channel(Arc::default());
        let shared = Shared {
            open_sessions: is_open,
            sessions: Arc::default(),
            reserve: Arc::new(Reserve::new(&config.state)),
            config,
            processes,
            places: Arc::default(),
            changed: Arc::new(Notify::new()),
            started: Instant::now(),
            boot: process::boot_id()?,
        };
        let state = State {
            policy: FIRST_POLICY,
            conversations: HashMap::new(),
            stored: HashMap::new(),
            link: 0,
            untold: Vec::new(),
            held: Waiting::default(),
            report_at: Instant::now() + REPORT_EVERY,
        };
        let acknowledged = watch::Sender::new(0);
        let (config, processes) = (Arc::clone(&shared.config), Arc::clone(&shared.processes));
        let (lender, borrows) = mpsc::channel(BORROWS);
        let terminals = Terminals::new(config, processes, Arc::clone(&shared.changed), lender);
        let screens = Screens::new(borrows, open_sessions);
        let (boot, state, holds) = (Uuid::new_v4(), Mutex::new(state), Notify::new());
        let desk = Self { shared, boot, versions, state, terminals, acknowledged, holds, screens };
        for entry in std::fs::read_dir(desk.shared.config.conversations())? {
            let name = entry?.file_name();
            if let Some(id) = name.to_str().and_then(|name| name.parse().ok()) {
                // It is tried again when something comes for it. Nothing is told of it until then.
                if let Err(error) = desk.start(&mut desk.lock(), id) {
                    tracing::error!(conversation = %id, %error, "the journal can't be opened; going on without");
                }
            }
        }
        Ok(desk)
    }

    /// The first message on a link.
    pub fn hello(&self) -> Hello {
        let state = self.lock();
        let logs = state.conversations.iter();
        let logs =
            logs.map(|(id, handle)| LogEnd { conversation: *id, end: handle.outgoing.end() }).collect();
        let capabilities = vec![CAPABILITY.to_owned()];
        Hello { boot: self.boot, versions: self.versions.clone(), capabilities, logs }
    }

    /// The control plane's answer to the hello: the journals are joined to the store, and what was deleted goes.
    ///
    /// # Errors
    /// The conversation that could not be told in time. The next link has to tell it.
    pub async fn welcomed(&self, welcome: Welcome) -> Result<(), ConversationId> {
        self.terminals.set_idle(welcome.policy.terminal_idle_ms);
        self.terminals.unwatch_all();
        let deadline = Instant::now() + JOINING;
        let mut commands = Vec::new();
        {
            let mut state = self.lock();
            state.policy = welcome.policy;
            state.link = welcome.link;
            state.held.clear();
            self.shared.places.set_limit(welcome.policy.max_processes);
            state.stored = welcome.logs.iter().map(|log| (log.conversation, log.end)).collect();
            let stored = state.stored.clone();
            state.conversations.retain(|id, handle| {
                let sender = handle.commands.clone();
                let Some(end) = stored.get(id) else {
                    commands.push((*id, sender, Command::Forget));
                    return false;
                };
                handle.outgoing.hold(*end);
                commands.push((*id, sender.clone(), Command::Policy(welcome.policy)));
                commands.push((*id, sender, Command::Join(*end, welcome.link)));
                true
            });
        }
        for (id, sender, command) in commands {
            // A conversation that has ended meanwhile needs no telling.
            let told = tokio::time::timeout_at(deadline, sender.send(command)).await;
            told.map_or(Err(id), |_| Ok(()))?;
        }
        Ok(())
    }

    /// One message of the control plane.
    pub fn take(&self, message: FromControl) {
        let other = match Input::of(message) {
            Ok((conversation, item, input)) => return self.input(conversation, item, input),
            Err(other) => *other,
        };
        match other {
            FromControl::Stored { conversation, end } => {
                if let Some(handle) = self.lock().conversations.get(&conversation) {
                    handle.outgoing.stored(end);
                    self.shared.changed.notify_one();
                }
                self.acknowledged.send_modify(|count| *count += 1);
            }
            FromControl::Forget { conversation } => self.forget(conversation),
            FromControl::Terminal(request) => self.terminals.take(request),
            FromControl::Deliver(_)
            | FromControl::Answer { .. }
            | FromControl::Stop { .. }
            | FromControl::Continue { .. }
            | FromControl::Configure { .. }
            | FromControl::Welcome(_)
            | FromControl::Drain { .. } => tracing::warn!("a message came at the wrong time"),
        }
    }

    fn input(&self, conversation: ConversationId, item: Option<ItemId>, input: Input) {
        let mut state = self.lock();
        let held = Held { conversation, item, input: Box::new(input) };
        let given = if state.held.has(conversation) { Err(held) } else { self.give(&mut state, held, true) };
        if let Err(held) = given {
            state.held.push(held);
            self.holds.notify_one();
        }
    }

    /// Gives a conversation an input, or gives it back: there is no room for it now. An item may be in the conversation
    /// already, so nothing is refused but what no conversation can ever be given.
    fn give(&self, state: &mut State, held: Held, first: bool) -> Result<(), Held> {
        let Held { conversation, item, input } = held;
        let sent = match self.conversation(state, conversation) {
            Ok(handle) => handle.commands.try_send(Command::Input(input)),
            Err(error) if disk::is_full(&error) => {
                if first {
                    tracing::error!(%conversation, %error, "there is no room for the conversation's journal");
                    self.tell(state, disk_full(conversation));
                }
                return Err(Held { conversation, item, input });
            }
            Err(error) => {
                tracing::error!(%conversation, %error, "the conversation's journal can't be opened");
                if let Some(item) = item {
                    self.tell(state, refusal(conversation, item));
                }
                return Ok(());
            }
        };
        match sent {
            Err(TrySendError::Full(Command::Input(input))) => Err(Held { conversation, item, input }),
            // It has ended with the workspace. What it did not take is handed over in the next life.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Closed(_)) => Ok(()),
        }
    }

    /// Tries again, for as long as something is held, to give it to its conversation.
    pub async fn retry_held(self: Arc<Self>) {
        loop {
            self.holds.notified().await;
            while !self.lock().held.is_empty() {
                tokio::time::sleep(HELD_RETRY).await;
                let state = &mut *self.lock();
                let mut held = std::mem::take(&mut state.held);
                held.retry(|held| self.give(state, held, false));
                state.held = held;
            }
        }
    }

    /// Refuses what no conversation can be given.
    pub fn refuse(&self, conversation: ConversationId, item: ItemId) {
        self.tell(&mut self.lock(), refusal(conversation, item));
    }

    fn tell(&self, state: &mut State, message: FromAgent) {
        if state.untold.len() < MAX_REFUSED && !state.untold.contains(&message) {
            state.untold.push(message);
            self.shared.changed.notify_one();
        }
    }

    /// What there is to tell of conversations that can't be opened. It is told once; what is lost is asked for again.
    pub fn untold(&self) -> Vec<FromAgent> {
        std::mem::take(&mut self.lock().untold)
    }

    /// The conversation's task; it is started if it isn't there.
    fn conversation<'a>(&self, state: &'a mut State, id: ConversationId) -> io::Result<&'a Handle> {
        if !state.conversations.contains_key(&id) {
            self.start(state, id)?;
            let (stored, link) = (state.stored.get(&id).copied().unwrap_or_default(), state.link);
            if let Some(handle) = state.conversations.get(&id) {
                handle.outgoing.hold(stored);
                let _ = handle.commands.try_send(Command::Join(stored, link));
            }
        }
        state.conversations.get(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn start(&self, state: &mut State, id: ConversationId) -> io::Result<()> {
        let handle = driver::start(&self.shared, id, state.policy)?;
        state.conversations.insert(id, handle);
        Ok(())
    }

    fn forget(&self, conversation: ConversationId) {
        let mut state = self.lock();
        state.stored.remove(&conversation);
        state.held.forget(conversation);
        if let Some(handle) = state.conversations.remove(&conversation) {
            let _ = handle.commands.try_send(Command::Forget);
        }
    }

    /// Ends every conversation's process and has the last events written.
    pub async fn leave(&self) {
        let handles: Vec<_> =
            self.lock().conversations.values().map(|handle| handle.commands.clone()).collect();
        self.terminals.leave();
        for commands in handles {
            let _ = commands.send(Command::Leave).await;
        }
        self.shared.processes.all_gone().await;
    }

    /// Waits until the store has everything.
    pub async fn told(&self) {
        let mut acknowledged = self.acknowledged.subscribe();
        while !self.lock().conversations.values().all(|handle| handle.outgoing.is_stored()) {
            if acknowledged.changed().await.is_err() {
                return;
            }
        }
    }

    /// The terminals.
    pub const fn terminals(&self) -> &Arc<Terminals> {
        &self.terminals
    }

    /// Notified when there is something to tell.
    pub fn changed(&self) -> &Notify {
        &self.shared.changed
    }

    /// The cursors of a new link.
    pub fn cursors(&self) -> Cursors {
        Cursors::default()
    }

    /// How the workspace fares, when it is time to say so.
    pub async fn next_report(&self) -> Report {
        let at = self.lock().report_at;
        tokio::time::sleep_until(at).await;
        self.lock().report_at = Instant::now() + REPORT_EVERY;
        let (user_free, user_total) = disk::space(&self.shared.config.home);
        let (state_free, _) = disk::space(&self.shared.config.state);
        let processes = u32::try_from(process::count()).unwrap_or(u32::MAX);
        Report { user_free, user_total, state_free, memory_used: memory_used(), processes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cursors {
    /// The conversations there are now, each with its cursor.
    pub fn refresh(&mut self, desk: &Desk) -> impl Iterator<Item = (&Outgoing, &mut Cursor)> {
        let state = desk.lock();
        self.0.retain(|id, _| state.conversations.contains_key(id));
        for (id, handle) in &state.conversations {
            let fresh = || (Arc::clone(&handle.outgoing), handle.outgoing.cursor());
            self.0.entry(*id).or_insert_with(fresh);
        }
        self.0.values_mut().map(|(outgoing, cursor)| (&**outgoing, cursor))
    }
}

fn refusal(conversation: ConversationId, item: ItemId) -> FromAgent {
    FromAgent::Settled { conversation, item, refused: Some(ErrorCode::Unavailable) }
}

fn disk_full(conversation: ConversationId) -> FromAgent {
    let activity = Activity { what: ActivityKind::DiskFull {}, since: driver::wall() };
    FromAgent::Activity { conversation, activity }
}

/// Memory in use in the container, from whichever cgroup version there is.
fn memory_used() -> u64 {
    ["/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok())
        .unwrap_or(0)
}
