//! One workspace: its container, the workspace-agent in it with the real decisions, its journals and its home.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use protocol::link::{FromAgent, FromControl, Hello, Policy, Welcome};
use protocol::log::LogEnd;
use protocol::status::Versions;
use protocol::{ConversationId, Event, EventBody, Position, TerminalId};
use tokio::sync::Notify;
use uuid::Uuid;
use workspace_agent::conversation::core::{Input, Now};
use workspace_agent::conversation::journal::{Record, read_records};
use workspace_agent::conversation::keeper::{Act, Keeper};
use workspace_agent::conversation::outgoing::Cursor;

use crate::claude::{Claude, Deeds, Home};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::link::{Conn, Up};

/// How much of a log is told at a time: little, so that much falls in between.
const TELL_BYTES: usize = 400;

pub(crate) const POLICY: Policy = Policy {
    idle_ms: 900_000,
    max_processes: 6,
    allow_bypass: false,
    silent_ms: 180_000,
    terminal_idle_ms: 0,
};

/// Every event that was ever journaled, as it was.
pub(crate) type Journaled = BTreeMap<(ConversationId, Position), String>;

/// One workspace.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) disks: BTreeMap<ConversationId, Disk>,
    pub(crate) home: Home,
    pub(crate) boot: [u8; 16],
    pub(crate) agent: Option<Agent>,
    pub(crate) deeds: Deeds,
    pub(crate) journaled: Journaled,
}

/// A workspace-agent that runs.
#[derive(Debug)]
pub(crate) struct Agent {
    run: Uuid,
    pub(crate) conversations: BTreeMap<ConversationId, Conversation>,
    /// Where the store's logs ended at the last welcome.
    stored: BTreeMap<ConversationId, Position>,
    link: u64,
    /// The connection that it uses, by its number.
    pub(crate) conn: Option<usize>,
    pub(crate) welcomed: bool,
    /// The container was told to end.
    pub(crate) stopping: bool,
    cursors: BTreeMap<ConversationId, Cursor>,
}

/// One conversation's task.
#[derive(Debug)]
pub(crate) struct Conversation {
    keeper: Keeper,
    pub(crate) inbox: VecDeque<Command>,
    pub(crate) claude: Option<Claude>,
    /// Claude's own screen, which has this session.
    pub(crate) screen: Option<String>,
    /// What is to be read of a session's record.
    pub(crate) to_read: Option<(String, Vec<Uuid>)>,
    /// The disk is full: what is decided is not done yet.
    pub(crate) blocked: bool,
    /// The disk was full at some time since it was last told so.
    was_full: bool,
}

#[derive(Debug)]
pub(crate) enum Command {
    Input(Box<Input>),
    Join(Position, u64),
}

impl Workspace {
    /// The container starts: journals are opened, nothing is numbered yet.
    pub(crate) fn start(&mut self, dice: &mut Dice) -> anyhow::Result<()> {
        let mut conversations = BTreeMap::new();
        for (id, disk) in &self.disks {
            conversations.insert(*id, Conversation::open(*id, disk, self.boot)?);
        }
        self.agent = Some(Agent {
            run: dice.id(),
            conversations,
            stored: BTreeMap::new(),
            link: 0,
            conn: None,
            welcomed: false,
            stopping: false,
            cursors: BTreeMap::new(),
        });
        Ok(())
    }

    /// The container is told to end: what goes on may still say its last.
    pub(crate) fn shut_down(&mut self, now: Now) {
        let Some(agent) = &mut self.agent else { return };
        agent.stopping = true;
        for conversation in agent.conversations.values_mut().filter(|held| held.keeper.is_joined()) {
            conversation.keeper.feed(now, Input::Shutdown);
            conversation.act(now);
        }
    }

    /// The container ends, with every process in it.
    pub(crate) fn kill(&mut self) {
        self.agent = None;
    }

    /// The machine loses power.
    pub(crate) fn cut_power(&mut self, dice: &mut Dice) {
        self.harvest_all();
        self.kill();
        for disk in self.disks.values() {
            disk.cut_power(dice);
        }
        self.home.cut_power(dice);
        self.boot = dice.id().into_bytes();
    }

    /// The volumes are gone.
    pub(crate) fn lose_volumes(&mut self) {
        self.harvest_all();
        self.kill();
        self.deeds.lost.extend(self.deeds.tool_turns.keys());
        self.disks.clear();
        self.home = Home::default();
    }

    /// Every event of a conversation that was ever journaled.
    pub(crate) fn journaled_of(&self, id: ConversationId) -> impl Iterator<Item = EventBody> {
        let of_it = self.journaled.iter().filter(move |((of, _), _)| *of == id);
        of_it.filter_map(|(_, json)| parsed(json)).map(|event| event.body)
    }

    /// Writes down what the journals hold, before that is lost.
    pub(crate) fn harvest_all(&mut self) {
        for id in self.disks.keys().copied().collect::<Vec<_>>() {
            self.harvest(id);
        }
    }

    fn harvest(&mut self, id: ConversationId) {
        let Some(disk) = self.disks.get(&id) else { return };
        let bytes = disk.bytes();
        let Ok((records, _)) = read_records(&bytes[..]) else { return };
        let mut epoch = 1;
        for record in records {
            match record {
                Record::Epoch { epoch: next, .. } => epoch = next,
                Record::Checkpoint(json) => {
                    let checkpoint: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
                    epoch = checkpoint["epoch"].as_u64().unwrap_or(epoch);
                }
                Record::Event(event, span) => {
                    let from = usize::try_from(span.offset).unwrap_or_default();
                    let json = String::from_utf8_lossy(&bytes[from..from + span.len as usize]).into_owned();
                    self.journaled.insert((id, Position { epoch, n: event.n }), json);
                }
                Record::StrangeEvent(..)
                | Record::Strange
                | Record::Body(..)
                | Record::ToolBegan
                | Record::AnswersTaken
                | Record::Given(_)
                | Record::Boot(_) => {}
            }
        }
    }

    /// Carries out one command of a conversation.
    pub(crate) fn command(&mut self, id: ConversationId, now: Now) {
        let Some(conversation) = self.conversation(id) else { return };
        match conversation.inbox.pop_front() {
            Some(Command::Input(input)) => conversation.keeper.feed(now, *input),
            Some(Command::Join(stored, link)) => conversation.keeper.join(now, stored, link),
            None => {}
        }
        conversation.act(now);
    }

    /// A conversation hears the next thing of its process.
    pub(crate) fn hear(&mut self, id: ConversationId, now: Now) {
        let Some(conversation) = self.conversation(id) else { return };
        let Some(claude) = &mut conversation.claude else { return };
        let input = match claude.next_line() {
            Some(line) => {
                let line = workspace_agent::claude::lines::Line::parse(&line);
                Input::Line(line)
            }
            None => {
                let Some(detail) = claude.ended.clone() else { return };
                conversation.claude = None;
                Input::Exited { detail }
            }
        };
        conversation.keeper.feed(now, input);
        conversation.act(now);
    }

    /// A conversation's deadline has passed.
    pub(crate) fn tick(&mut self, id: ConversationId, now: Now) {
        let Some(conversation) = self.conversation(id) else { return };
        conversation.keeper.feed(now, Input::Tick);
        conversation.act(now);
    }

    /// A terminal wants a conversation's session.
    pub(crate) fn borrow(&mut self, id: ConversationId, now: Now, dice: &mut Dice) {
        let terminal = TerminalId(dice.id());
        let Some(conversation) = self.conversation(id).filter(|held| held.keeper.is_joined()) else { return };
        conversation.keeper.feed(now, Input::Lend(terminal));
        conversation.act(now);
    }

    /// Somebody types into Claude's own screen, or leaves it.
    pub(crate) fn use_screen(&mut self, id: ConversationId, now: Now, dice: &mut Dice) {
        let Some(agent) = &mut self.agent else { return };
        let Some(conversation) = agent.conversations.get_mut(&id) else { return };
        self.deeds.shared |= conversation.claude.is_some();
        let Some(session) = conversation.screen.take() else { return };
        if dice.once_in(3) {
            conversation.keeper.feed(now, Input::GivenBack);
            conversation.act(now);
        } else {
            self.home.type_in(&session, dice.id());
            conversation.screen = Some(session);
        }
    }

    /// What was added to the session's record is read.
    pub(crate) fn read_session(&mut self, id: ConversationId, now: Now) {
        let Some(agent) = &mut self.agent else { return };
        let Some(conversation) = agent.conversations.get_mut(&id) else { return };
        let Some((session, after)) = conversation.to_read.take() else { return };
        let added = self.home.added(&session, &after);
        conversation.keeper.feed(now, Input::SessionRead(Ok(vec![added])));
        conversation.act(now);
    }

    /// There is room again: what was decided is done.
    pub(crate) fn unblock(&mut self, id: ConversationId, now: Now) {
        if self.disks.get(&id).is_some_and(Disk::is_full) {
            return;
        }
        let Some(conversation) = self.conversation(id) else { return };
        conversation.act(now);
        if !conversation.blocked && std::mem::take(&mut conversation.was_full) {
            conversation.keeper.feed(now, Input::DiskWasFull { detail: "it was full".to_owned() });
            conversation.act(now);
        }
    }

    /// Shortens a journal, if all in it is stored and over.
    pub(crate) fn compact(&mut self, id: ConversationId) {
        self.harvest(id);
        if let Some(conversation) = self.conversation(id)
            && conversation.keeper.outgoing().is_stored()
        {
            let _ = conversation.keeper.compact();
        }
    }

    /// The process of a conversation does one thing.
    pub(crate) fn step_claude(&mut self, id: ConversationId, dice: &mut Dice) {
        let Some(agent) = &mut self.agent else { return };
        if let Some(claude) = agent.conversations.get_mut(&id).and_then(|held| held.claude.as_mut()) {
            claude.step(&mut self.home, &mut self.deeds, dice);
            if dice.once_in(20) {
                self.home.sync();
            }
        }
    }

    fn conversation(&mut self, id: ConversationId) -> Option<&mut Conversation> {
        self.agent.as_mut()?.conversations.get_mut(&id)
    }

    /// The workspace-agent says hello on a new connection.
    pub(crate) fn dial(&mut self, number: usize, conn: &mut Conn) {
        let Some(agent) = &mut self.agent else { return };
        agent.conn = Some(number);
        agent.welcomed = false;
        agent.cursors.clear();
        let logs = agent.conversations.iter();
        let logs = logs.map(|(id, held)| LogEnd { conversation: *id, end: held.keeper.outgoing().end() });
        let hello = Hello {
            boot: agent.run,
            versions: Versions { workspace_agent: "0".to_owned(), claude: "0".to_owned() },
            capabilities: Vec::new(),
            logs: logs.collect(),
        };
        conn.up.push_back(Up::Message(FromAgent::Hello(hello)));
    }

    /// The workspace-agent takes one message of the control plane.
    pub(crate) fn take(&mut self, message: FromControl) -> anyhow::Result<()> {
        let boot = self.boot;
        let Some(agent) = &mut self.agent else { return Ok(()) };
        if !agent.welcomed {
            if let FromControl::Welcome(welcome) = message {
                agent.welcome(&welcome);
            }
            return Ok(());
        }
        let other = match Input::of(message) {
            Ok((id, _, input)) => {
                if !agent.conversations.contains_key(&id) {
                    let disk = self.disks.entry(id).or_default();
                    let mut fresh = Conversation::open(id, disk, boot)?;
                    let stored = agent.stored.get(&id).copied().unwrap_or_default();
                    fresh.keeper.outgoing().hold(stored);
                    fresh.inbox.push_back(Command::Join(stored, agent.link));
                    agent.conversations.insert(id, fresh);
                }
                if let Some(conversation) = agent.conversations.get_mut(&id) {
                    conversation.inbox.push_back(Command::Input(Box::new(input)));
                }
                return Ok(());
            }
            Err(other) => *other,
        };
        if let FromControl::Stored { conversation, end } = other
            && let Some(held) = agent.conversations.get(&conversation)
        {
            held.keeper.outgoing().stored(end);
        }
        Ok(())
    }

    /// The workspace-agent tells a little of one conversation.
    pub(crate) fn tell(&mut self, id: ConversationId, conn: &mut Conn) -> anyhow::Result<()> {
        let Some(agent) = self.agent.as_mut().filter(|agent| agent.welcomed) else { return Ok(()) };
        let Some(held) = agent.conversations.get(&id) else { return Ok(()) };
        let outgoing = held.keeper.outgoing();
        let cursor = agent.cursors.entry(id).or_insert_with(|| outgoing.cursor());
        conn.up.extend(outgoing.next_messages(cursor).into_iter().map(Up::Message));
        conn.up.extend(outgoing.next_frame(cursor, TELL_BYTES)?.map(Up::Frame));
        Ok(())
    }

    /// Whether everything that was decided is done, told and stored.
    pub(crate) fn is_quiet(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| {
            agent.welcomed
                && agent.conversations.values().all(|held| {
                    held.inbox.is_empty()
                        && !held.blocked
                        && held.screen.is_none()
                        && held.to_read.is_none()
                        && held.keeper.is_joined()
                        && held.keeper.outgoing().is_stored()
                        && held.claude.as_ref().is_none_or(|claude| {
                            claude.is_heard() && !claude.is_busy() && claude.ended.is_none()
                        })
                })
        })
    }

    /// The events of a conversation as its journal has them, and where it ends.
    pub(crate) fn end(&self, id: ConversationId) -> Option<Position> {
        Some(self.agent.as_ref()?.conversations.get(&id)?.keeper.outgoing().end())
    }
}

impl Agent {
    fn welcome(&mut self, welcome: &Welcome) {
        self.welcomed = true;
        self.link = welcome.link;
        self.stored = welcome.logs.iter().map(|log| (log.conversation, log.end)).collect();
        let stored = &self.stored;
        self.conversations.retain(|id, held| {
            let Some(end) = stored.get(id) else { return false };
            held.keeper.outgoing().hold(*end);
            held.keeper.set_policy(welcome.policy);
            held.inbox.push_back(Command::Join(*end, welcome.link));
            true
        });
    }
}

impl Conversation {
    fn open(id: ConversationId, disk: &Disk, boot: [u8; 16]) -> anyhow::Result<Self> {
        let medium = Arc::new(disk.clone());
        let keeper = Keeper::open(id, POLICY, medium, boot, Arc::new(Notify::new()))?;
        Ok(Self {
            keeper,
            inbox: VecDeque::new(),
            claude: None,
            screen: None,
            to_read: None,
            blocked: false,
            was_full: false,
        })
    }

    /// Whether nothing happens any more but that time passes.
    pub(crate) fn is_stalled(&self) -> bool {
        let silent = |claude: &Claude| claude.is_heard() && claude.ended.is_none() && !claude.can_step();
        let is_here = self.screen.is_none() && self.to_read.is_none();
        is_here && self.inbox.is_empty() && !self.blocked && self.claude.as_ref().is_none_or(silent)
    }

    /// When it wants to be woken.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.keeper.deadline()
    }

    fn act(&mut self, now: Now) {
        loop {
            match self.keeper.next_act() {
                Ok(None) => {
                    self.blocked = false;
                    return;
                }
                Ok(Some(Act::Spawn(launch))) => {
                    self.claude = Some(Claude::new(&launch));
                    self.keeper.feed(now, Input::Placed);
                }
                Ok(Some(Act::Write(line))) => {
                    if let Some(claude) = &mut self.claude {
                        claude.write(line);
                    }
                }
                Ok(Some(Act::CloseStdin)) => {
                    if let Some(claude) = &mut self.claude {
                        claude.close_stdin();
                    }
                }
                Ok(Some(Act::Lent(launch))) => self.screen = Some(launch.session),
                Ok(Some(Act::NotLent(_))) => {}
                Ok(Some(Act::ReadSession { session, after })) => self.to_read = Some((session, after)),
                Ok(Some(Act::Terminate)) => match &mut self.claude {
                    Some(claude) => claude.kill("ended by signal 15"),
                    None => self.keeper.feed(now, Input::Exited { detail: "it was not started".to_owned() }),
                },
                Err(_) => {
                    if !std::mem::replace(&mut self.was_full, true) {
                        self.keeper.disk_full(now);
                    }
                    self.blocked = true;
                    return;
                }
            }
        }
    }
}

/// An event of a log.
pub(crate) fn parsed(json: &str) -> Option<Event> {
    serde_json::from_str(json).ok()
}
