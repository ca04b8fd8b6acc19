//! A conversation with its journal, without tasks and processes: what [`core`](super::core) decides is written down before
//! anything is done or told, in the order in which it was decided.
//!
//! Whoever has a keeper feeds it and then asks for [`Keeper::next_act`] until there is none. A write that fails leaves
//! everything as it was: asked again, the keeper goes on where it stopped.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use protocol::link::Policy;
use protocol::log::{Resume, reconcile};
use protocol::payload::{Cut, Payload};
use protocol::terminal::NotLent;
use protocol::{BlockId, ConversationId, Event, EventBody, Millis, Position};
use tokio::sync::Notify;
use uuid::Uuid;

use super::core::{Aftermath, Checkpoint, Conversation, Effect, Input, Launch, Now, Opening};
use super::journal::medium::Medium;
use super::journal::{Journal, Record, Span, read_span};
use super::outgoing::{Entry, Outgoing};
use super::places::Standing;

/// What is left to do for whoever has the process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Start a process.
    Spawn(Launch),
    /// Write one line to its stdin.
    Write(String),
    /// Close its stdin, so that it leaves by itself.
    CloseStdin,
    /// End it and everything that descends from it, by force if need be.
    Terminate,
    /// The terminal that asked for the session has it.
    Lent(Launch),
    /// It doesn't get it.
    NotLent(NotLent),
    /// Read what was added to the session's record, and say so.
    ReadSession {
        /// The session.
        session: String,
        /// It stands behind the last of these rows that is there.
        after: Vec<Uuid>,
    },
}

/// What is decided and not done yet.
#[derive(Debug)]
enum Todo {
    Effect(Effect),
    /// Go on in `epoch`, after this place.
    OpenEpoch {
        epoch: u64,
        after: Position,
    },
    /// Note the machine's boot.
    MarkBoot,
    /// The link may tell events again.
    Tell,
}

/// A conversation with its journal.
#[derive(Debug)]
pub struct Keeper {
    core: Conversation,
    journal: Journal,
    outgoing: Arc<Outgoing>,
    todo: VecDeque<Todo>,
    /// The epoch that is written. The core's may be ahead of it.
    epoch: u64,
    boot: [u8; 16],
    /// The journal was written under another boot.
    rebooted: bool,
    /// Whether the store's end is known. Nothing is numbered before.
    joined: bool,
    /// Whether the journal began with this keeper.
    is_new: bool,
    /// Records of the journal that could not be read, until that is told.
    strange: usize,
    now: Now,
}

impl Keeper {
    /// Opens a conversation's journal and takes up what it tells. `changed` is notified whenever there is something to
    /// tell.
    ///
    /// # Errors
    /// When the journal can't be read; [`io::ErrorKind::InvalidData`] when it holds something that makes no sense.
    pub fn open(
        id: ConversationId,
        policy: Policy,
        medium: Arc<dyn Medium>,
        boot: [u8; 16],
        changed: Arc<Notify>,
    ) -> io::Result<Self> {
        let (journal, records) = Journal::on(medium)?;
        let is_new = records.is_empty();
        let mut core = Conversation::new(id, 1, 1, policy);
        let Replayed { base, entries, boot: last_boot, strange } = replay(&mut core, &journal, records)?;
        let outgoing = Outgoing::new(id, journal.medium(), base, entries, changed);
        let (outgoing, epoch) = (Arc::new(outgoing), core.epoch());
        let rebooted = last_boot != Some(boot);
        let (todo, now) = (VecDeque::new(), Now::default());
        Ok(Self { core, journal, outgoing, todo, epoch, boot, rebooted, joined: false, is_new, strange, now })
    }

    /// What it has to tell the control plane.
    pub fn outgoing(&self) -> Arc<Outgoing> {
        Arc::clone(&self.outgoing)
    }

    /// Whether the store's end is known.
    pub const fn is_joined(&self) -> bool {
        self.joined
    }

    /// See [`Conversation::session`].
    pub fn session(&self) -> &str {
        self.core.session()
    }

    /// See [`Conversation::standing`].
    pub fn standing(&self) -> Standing {
        self.core.standing()
    }

    /// See [`Conversation::deadline`].
    pub fn deadline(&self) -> Option<Millis> {
        self.core.deadline()
    }

    /// How the control plane wants us to behave, from here on.
    pub const fn set_policy(&mut self, policy: Policy) {
        self.core.set_policy(policy);
    }

    /// Something happened. Before the store's end is known nothing can: whatever it led to would be numbered.
    pub fn feed(&mut self, now: Now, input: Input) {
        if !self.joined {
            return tracing::error!(
                ?input,
                "it came before the journal was joined to the store, and is dropped"
            );
        }
        self.now = now;
        let effects = self.core.step(now, input);
        self.todo.extend(effects.into_iter().map(Todo::Effect));
    }

    /// The journal can't be written for now. That much can be told all the same.
    pub fn disk_full(&mut self, now: Now) {
        self.now = now;
        for effect in self.core.step(now, Input::DiskFull) {
            if matches!(effect, Effect::Activity(_)) {
                self.todo.push_front(Todo::Effect(effect));
            } else {
                self.todo.push_back(Todo::Effect(effect));
            }
        }
    }

    /// The store that link number `link` leads to ends at `stored`: the journal is joined to it; the first time, what was
    /// owed is taken up.
    pub fn join(&mut self, now: Now, stored: Position, link: u64) {
        self.now = now;
        let alive = std::mem::replace(&mut self.joined, true);
        let rebooted = std::mem::take(&mut self.rebooted);
        if let Some((opening, after)) = self.opening(stored, link, rebooted, alive) {
            self.todo.push_back(Todo::OpenEpoch { epoch: opening.epoch, after });
            let effects = self.core.open_epoch(now, opening);
            self.todo.extend(effects.into_iter().map(Todo::Effect));
        }
        if !alive && !self.is_new {
            let after = Aftermath { strange: std::mem::take(&mut self.strange), rebooted };
            let effects = self.core.recovered(now, after);
            self.todo.extend(effects.into_iter().map(Todo::Effect));
        }
        if rebooted {
            // Only once what follows from it is written down: or a second death would forget it.
            self.todo.push_back(Todo::MarkBoot);
        }
        self.todo.push_back(Todo::Tell);
    }

    /// Whether a new epoch is due, and after which place. Its number is the link's, which no journal that was lost can
    /// have used: the same place never stands for two different events.
    fn opening(
        &self,
        stored: Position,
        link: u64,
        rebooted: bool,
        alive: bool,
    ) -> Option<(Opening, Position)> {
        let end = self.core.end();
        let fresh = self.is_new && !alive;
        let (epoch, after, lost) = match reconcile(|n| self.outgoing.place(n), end, stored) {
            Resume::NewEpoch { epoch } => (epoch, stored, true),
            // Nothing is known to be lost. But others may have seen what was not synced, or a volume that is gone.
            Resume::Send { .. } if fresh || rebooted => (end.epoch + 1, end, false),
            Resume::Send { .. } => return None,
        };
        let opening = Opening { epoch: epoch.max(link), after, lost, alive };
        Some((opening, after))
    }

    /// Carries out what was decided, up to the next thing that is for whoever has the process; `None` when all is done.
    ///
    /// # Errors
    /// When the journal can't be written. What could not be written is tried again by the next call.
    pub fn next_act(&mut self) -> io::Result<Option<Act>> {
        while let Some(next) = self.todo.front() {
            match next {
                Todo::Effect(effect) => {
                    let act = carry_out(effect, &mut self.journal, &self.outgoing, self.epoch, self.now)?;
                    self.todo.pop_front();
                    if act.is_some() {
                        return Ok(act);
                    }
                }
                Todo::OpenEpoch { epoch, after } => {
                    self.journal.open_epoch(*epoch, *after)?;
                    self.outgoing.opened_epoch(*after);
                    self.epoch = *epoch;
                    self.todo.pop_front();
                }
                Todo::MarkBoot => {
                    self.journal.mark_boot(self.boot)?;
                    self.todo.pop_front();
                }
                Todo::Tell => {
                    self.outgoing.tell();
                    self.todo.pop_front();
                }
            }
        }
        Ok(None)
    }

    /// Whether everything that was decided is carried out.
    pub fn is_done(&self) -> bool {
        self.todo.is_empty()
    }

    /// Whether the end of the process is among what can't be carried out yet, because the journal can't be written. It is
    /// taken out of the order then: what the process does may be lost, as if it had died a moment ago, and whoever wants
    /// it gone does not wait for the disk.
    pub fn take_terminate(&mut self) -> bool {
        // One that is yet to be started is not to be started after its end.
        if self.todo.iter().any(|todo| matches!(todo, Todo::Effect(Effect::Spawn(_)))) {
            return false;
        }
        let before = self.todo.len();
        self.todo.retain(|todo| !matches!(todo, Todo::Effect(Effect::Terminate)));
        self.todo.len() < before
    }

    /// Shortens the journal, if that is worth it and everything in it is in the store and over.
    ///
    /// # Errors
    /// When it can't be; it is as it was then.
    pub fn compact_if_quiet(&mut self) -> io::Result<()> {
        if self.journal.is_large() { self.compact() } else { Ok(()) }
    }

    /// Shortens the journal if everything in it is in the store and over, however short it is.
    ///
    /// # Errors
    /// See [`Keeper::compact_if_quiet`].
    pub fn compact(&mut self) -> io::Result<()> {
        // Before the store's end is known the journal's epoch may be one that others have used.
        let quiet = self.todo.is_empty() && self.joined && self.outgoing.is_stored();
        let Some(checkpoint) = self.core.checkpoint().filter(|_| quiet) else { return Ok(()) };
        self.journal.compact(self.boot, &serde_json::to_vec(&checkpoint).map_err(io::Error::other)?)?;
        self.outgoing.compacted(self.journal.medium());
        Ok(())
    }
}

fn carry_out(
    effect: &Effect,
    journal: &mut Journal,
    outgoing: &Outgoing,
    epoch: u64,
    now: Now,
) -> io::Result<Option<Act>> {
    match effect {
        Effect::Append { event, bodies, sync } => {
            let written = journal.append(event, bodies, *sync)?;
            outgoing.appended(Position { epoch, n: event.n }, written, finished_block(&event.body));
        }
        Effect::MarkTool => journal.mark_tool()?,
        Effect::MarkTaken => journal.mark_taken()?,
        Effect::MarkGiven(item) => journal.mark_given(*item)?,
        Effect::Spawn(launch) => return Ok(Some(Act::Spawn(launch.clone()))),
        Effect::Write(line) => return Ok(Some(Act::Write(line.clone()))),
        Effect::CloseStdin => return Ok(Some(Act::CloseStdin)),
        Effect::Terminate => return Ok(Some(Act::Terminate)),
        Effect::Lent(launch) => return Ok(Some(Act::Lent(launch.clone()))),
        Effect::NotLent(why) => return Ok(Some(Act::NotLent(*why))),
        Effect::ReadSession { session, after } => {
            return Ok(Some(Act::ReadSession { session: session.clone(), after: after.clone() }));
        }
        Effect::Live(change) => outgoing.live(change.clone()),
        Effect::Activity(activity) => outgoing.doing(activity.clone(), now.wall),
        Effect::Settled { item, refused } => outgoing.settled(*item, *refused),
        Effect::Catalog(catalog) => outgoing.offers(catalog.clone()),
    }
    Ok(None)
}

/// What a journal held.
struct Replayed {
    /// The place before the oldest event that it holds.
    base: Position,
    /// Where its events lie.
    entries: Vec<Entry>,
    /// Under which boot the last were written.
    boot: Option<[u8; 16]>,
    /// Records that this version can't read.
    strange: usize,
}

/// Feeds the journal's records to the conversation.
fn replay(core: &mut Conversation, journal: &Journal, records: Vec<Record>) -> io::Result<Replayed> {
    let mut replayed = Replayed { base: Position::default(), entries: Vec::new(), boot: None, strange: 0 };
    let mut bodies: Vec<([u8; 32], Span)> = Vec::new();
    for record in records {
        match record {
            Record::Body(digest, span) => bodies.push((digest, span)),
            Record::ToolBegan => core.replay_tool_began(),
            Record::AnswersTaken => core.replay_answers_taken(),
            Record::Given(item) => core.replay_given(item),
            Record::Boot(boot) => replayed.boot = Some(boot),
            Record::Epoch { epoch, next, after } => {
                core.replay_epoch(epoch, next);
                replayed.go_on_after(after);
            }
            Record::Checkpoint(json) => {
                let checkpoint: Checkpoint = serde_json::from_slice(&json).map_err(nonsense)?;
                core.replay_checkpoint(checkpoint);
                replayed.base = core.end();
                replayed.entries.clear();
            }
            Record::Event(event, span) => {
                let text = message_text(&event, journal, &bodies)?;
                core.replay(&event, text);
                core.replay_size(size(span, &bodies));
                replayed.hold(core.end(), span, std::mem::take(&mut bodies));
            }
            Record::StrangeEvent(n, span) => {
                core.replay_strange(n);
                core.replay_size(size(span, &bodies));
                replayed.strange += 1;
                replayed.hold(core.end(), span, std::mem::take(&mut bodies));
            }
            Record::Strange => replayed.strange += 1,
        }
    }
    Ok(replayed)
}

impl Replayed {
    /// Notes where an event lies, after which the log ends at `end`. If events before it are missing, those before them
    /// can't be told any more.
    fn hold(&mut self, end: Position, span: Span, bodies: Vec<([u8; 32], Span)>) {
        let before = Position { n: end.n - 1, ..end };
        if self.entries.last().map_or(self.base, Entry::place).n != before.n {
            self.go_on_after(before);
        }
        self.entries.push(Entry { n: end.n, epoch: end.epoch, span, bodies });
    }

    /// A new epoch follows this place. If it is not where the events end, they can't be told any more.
    fn go_on_after(&mut self, after: Position) {
        let end = self.entries.last().map_or(self.base, Entry::place);
        if end != after {
            self.entries.clear();
            self.base = after;
        }
    }
}

fn size(event: Span, bodies: &[([u8; 32], Span)]) -> u64 {
    u64::from(event.len) + bodies.iter().map(|(_, span)| u64::from(span.len)).sum::<u64>()
}

fn message_text(event: &Event, journal: &Journal, bodies: &[([u8; 32], Span)]) -> io::Result<Option<String>> {
    let EventBody::MessageTaken { content, .. } = &event.body else { return Ok(None) };
    match content {
        Payload::Text(text) => Ok(Some(text.clone())),
        Payload::Json(value) => Ok(Some(value.to_string())),
        Payload::Cut(Cut { digest, .. }) => {
            let body = bodies.iter().find(|(known, _)| Some(*known) == digest.to_bytes());
            let (_, span) = body.ok_or_else(|| nonsense("a message's body is missing"))?;
            let bytes = read_span(&*journal.medium(), *span)?;
            String::from_utf8(bytes).map(Some).map_err(nonsense)
        }
    }
}

fn nonsense(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
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
