//! The control plane: the real rules of the hub and of viewers' places, with a store that takes its time.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use control_plane::hub::conversation::core::Core;
use control_plane::hub::follow::place::Place;
use control_plane::hub::ring::AtHand;
use control_plane::outbox::{Outbox, Refusal};
use control_plane::store::records::Commit;
use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::frame::{self, Frame};
use protocol::link::{FromAgent, FromControl, Hello, Welcome};
use protocol::notice::NoticeKind;
use protocol::outbox::{Item, What};
use protocol::settings::Settings;
use protocol::summary::State as Doing;
use protocol::viewer::Cursor;
use protocol::{ConversationId, ItemId, Millis, Position, UserId};
use uuid::Uuid;

use crate::dice::Dice;
use crate::link::{Conn, Up};
use crate::store::Store;
use crate::viewer::{Answer, Shown};
use crate::workspace::POLICY;

/// So little that whoever follows lags now and then, begins anew, and has to ask for what was before.
const AT_HAND: AtHand = AtHand { ring: 1024, snapshot: 4, replay: 6 };

/// What a viewer asks for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Add(ItemId, What),
    Edit(ItemId, u32, String),
    Cancel(ItemId),
    Reorder(ItemId, Option<ItemId>),
    SendNow(ItemId),
    Stop(ItemId),
    Configure(Settings),
}

/// A request that waits for the conversation's turn to write.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// A viewer's, by its number and the number it gave the request.
    Viewer { viewer: usize, re: u32, ask: Ask },
    /// The control plane has something to tell.
    Notice(Position, NoticeKind),
}

#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) core: Core,
    pub(crate) requests: VecDeque<Request>,
    /// What the store does at the moment, and for whom.
    pub(crate) in_flight: Option<(Commit, Option<Request>)>,
}

/// A link's session.
#[derive(Debug)]
enum Session {
    /// It has said hello; what earlier links said is being stored.
    Settling { generation: u64, hello: Hello },
    /// It is up.
    Up { generation: u64 },
}

/// How the store answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Done,
    /// It failed, and nothing was kept.
    Failed,
    /// It was called failed, and all was kept.
    FailedButKept,
}

/// A control plane that runs.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) hubs: BTreeMap<ConversationId, Hub>,
    sessions: BTreeMap<usize, Session>,
    /// The link that is up: generation, connection, journals.
    link: Option<(u64, usize, BTreeMap<ConversationId, Position>)>,
    newest_link: u64,
    /// What the link is to be told next.
    outbound: Vec<FromControl>,
    epoch: Instant,
}

pub(crate) fn person() -> Person {
    Person { id: UserId(Uuid::nil()), name: "Ada".to_owned(), token: None }
}

impl Plane {
    /// A control plane starts: conversations that were busy are told so.
    pub(crate) fn start(store: &Store, epoch: Instant) -> Self {
        let mut plane = Self {
            hubs: BTreeMap::new(),
            sessions: BTreeMap::new(),
            link: None,
            newest_link: 0,
            outbound: Vec::new(),
            epoch,
        };
        for id in store.unfinished() {
            let busy = store.kept.get(&id).filter(|kept| kept.record.summary.state != Doing::Idle);
            if let Some(after) = busy.map(|kept| kept.record.end) {
                let notice = Request::Notice(after, NoticeKind::ControlPlaneRestarted {});
                plane.hub(id, store).requests.push_back(notice);
            }
        }
        plane
    }

    /// A conversation's hub, read from the store if it isn't held.
    pub(crate) fn hub(&mut self, id: ConversationId, store: &Store) -> &mut Hub {
        let (link, outbound) = (&self.link, &mut self.outbound);
        self.hubs.entry(id).or_insert_with(|| {
            let kept = store.kept.get(&id).map(|kept| kept.record.clone());
            let record = kept.unwrap_or_else(|| unreachable!("every conversation is in the store"));
            let mut core = Core::new(record, store.outbox(id, None), AT_HAND);
            if let Some((generation, _, journals)) = link {
                outbound.extend(core.linked(*generation, journals.get(&id).copied()));
            }
            Hub { core, requests: VecDeque::new(), in_flight: None }
        })
    }

    /// Reads one thing of a connection. Returns whether it is to be closed.
    pub(crate) fn read(&mut self, number: usize, conns: &mut [Conn], store: &mut Store) -> bool {
        let Some(up) = conns[number].up.pop_front() else { return false };
        let generation = match self.sessions.get(&number) {
            Some(Session::Up { generation }) => *generation,
            Some(Session::Settling { .. }) => {
                conns[number].up.push_front(up);
                return false;
            }
            None => {
                let Up::Message(FromAgent::Hello(hello)) = up else { return true };
                self.hello(number, hello, conns, store);
                return false;
            }
        };
        match up {
            Up::Frame(bytes) => self.frame(generation, &bytes, store),
            Up::Message(message) => self.message(generation, message, store),
        }
    }

    fn hello(&mut self, number: usize, hello: Hello, conns: &mut [Conn], store: &mut Store) {
        let generation = store.count_link();
        self.newest_link = generation;
        // The one before is told that it is superseded.
        let before: Vec<usize> = self.sessions.keys().copied().collect();
        for before in before {
            conns[before].closed_by_plane = true;
        }
        self.link = None;
        for hub in self.hubs.values_mut() {
            hub.core.superseded(generation);
        }
        self.sessions.insert(number, Session::Settling { generation, hello });
    }

    /// Whether a session waits for the store, and need not any more.
    pub(crate) fn settled(&self) -> Option<usize> {
        let stored = self.hubs.values().all(|hub| hub.core.is_stored());
        let mut sessions = self.sessions.iter();
        let settling = sessions.find(|(_, session)| matches!(session, Session::Settling { .. }));
        settling.map(|(number, _)| *number).filter(|_| stored)
    }

    /// Says welcome and has what waits handed over.
    pub(crate) fn welcome(&mut self, number: usize, conn: &mut Conn, store: &Store) {
        let Some(Session::Settling { generation, hello }) = self.sessions.remove(&number) else { return };
        self.sessions.insert(number, Session::Up { generation });
        let logs = store.log_ends();
        conn.down.push_back(FromControl::Welcome(Welcome { link: generation, logs, policy: POLICY }));
        if generation < self.newest_link {
            return;
        }
        let journals: BTreeMap<_, _> =
            hello.logs.into_iter().map(|log| (log.conversation, log.end)).collect();
        for (id, hub) in &mut self.hubs {
            conn.down.extend(hub.core.linked(generation, journals.get(id).copied()));
        }
        let held: Vec<_> = self.hubs.keys().copied().collect();
        self.link = None;
        for id in store.unfinished().into_iter().filter(|id| !held.contains(id)) {
            let hub = self.hub(id, store);
            conn.down.extend(hub.core.linked(generation, journals.get(&id).copied()));
        }
        self.link = Some((generation, number, journals));
    }

    /// Sends what the link is to be told.
    pub(crate) fn flush(&mut self, conns: &mut [Conn]) {
        let outbound = std::mem::take(&mut self.outbound);
        if let Some((_, number, _)) = &self.link {
            conns[*number].down.extend(outbound);
        }
    }

    /// A connection is over.
    pub(crate) fn gone(&mut self, number: usize) {
        let generation = match self.sessions.remove(&number) {
            Some(Session::Up { generation } | Session::Settling { generation, .. }) => generation,
            None => return,
        };
        if self.link.as_ref().is_some_and(|(up, ..)| *up == generation) {
            self.link = None;
            self.hubs.values_mut().for_each(|hub| hub.core.unlinked(generation));
        }
    }

    fn frame(&mut self, generation: u64, bytes: &[u8], store: &Store) -> bool {
        let Ok(Frame::Events(events)) = frame::decode(bytes) else { return true };
        self.hub(events.conversation, store).core.take_events(generation, &events).is_err()
    }

    fn message(&mut self, generation: u64, message: FromAgent, store: &Store) -> bool {
        match message {
            FromAgent::Hello(_) => return true,
            FromAgent::Activity { conversation, activity } => {
                self.hub(conversation, store).core.take_activity(generation, activity);
            }
            FromAgent::Delta(delta) => {
                self.hub(delta.conversation, store).core.take_delta(generation, delta);
            }
            FromAgent::Retract { conversation, block } => {
                self.hub(conversation, store).core.retract(generation, block.as_ref());
            }
            FromAgent::Settled { conversation, item, refused } => {
                self.hub(conversation, store).core.settled(generation, item, refused);
            }
            FromAgent::Catalog(_)
            | FromAgent::Report(_)
            | FromAgent::Terminals { .. }
            | FromAgent::Terminal { .. }
            | FromAgent::TerminalGone { .. }
            | FromAgent::TerminalDone { .. }
            | FromAgent::TerminalRefused { .. } => {}
        }
        false
    }

    /// Gives the store the next thing to do for a conversation. Returns an answer that needs no commit.
    pub(crate) fn begin(
        &mut self,
        id: ConversationId,
        store: &Store,
        dice: &mut Dice,
        now: Millis,
    ) -> Option<(usize, u32, Answer)> {
        let hub = self.hubs.get_mut(&id)?;
        if hub.in_flight.is_some() {
            return None;
        }
        let first =
            if hub.requests.is_empty() || dice.once_in(2) { hub.core.next_to_store(now) } else { None };
        if let Some(commit) = first {
            hub.in_flight = Some((commit, None));
            return None;
        }
        let request = hub.requests.pop_front()?;
        match prepare(&hub.core, &request, id, store, now) {
            Ok(Some(commit)) => {
                hub.in_flight = Some((commit, Some(request)));
                None
            }
            Ok(None) => reply(&request, Answer::Done),
            Err(refusal) => reply(&request, Answer::Refused(refusal.code)),
        }
    }

    /// The store answers. Returns what a viewer is to be told, and the connections that are to be closed.
    pub(crate) fn finish(
        &mut self,
        id: ConversationId,
        outcome: Outcome,
        store: &mut Store,
        conns: &mut [Conn],
    ) -> Option<(usize, u32, Answer)> {
        let hub = self.hubs.get_mut(&id)?;
        let (commit, request) = hub.in_flight.take()?;
        let unavailable = Answer::Refused(ErrorCode::Unavailable);
        if outcome == Outcome::Failed {
            return request.and_then(|request| reply(&request, unavailable));
        }
        if store.commit(&commit).is_err() {
            self.overtaken(id, conns);
            return request.and_then(|request| reply(&request, unavailable));
        }
        if outcome == Outcome::FailedButKept {
            return request.and_then(|request| reply(&request, unavailable));
        }
        let messages = hub.core.committed(commit);
        if let Some((_, number, _)) = &self.link {
            conns[*number].down.extend(messages);
        }
        request.and_then(|request| reply(&request, Answer::Done))
    }

    fn overtaken(&mut self, id: ConversationId, conns: &mut [Conn]) {
        if let Some(mut hub) = self.hubs.remove(&id) {
            hub.core.overtaken();
        }
        if let Some((_, number, _)) = &self.link {
            conns[*number].closed_by_plane = true;
        }
    }

    /// Forgets a conversation in which nothing is under way.
    pub(crate) fn evict(&mut self, id: ConversationId) {
        if self
            .hubs
            .get(&id)
            .is_some_and(|hub| hub.core.is_quiet() && hub.requests.is_empty() && hub.in_flight.is_none())
        {
            self.hubs.remove(&id);
        }
    }

    /// Attaches a viewer to a conversation, if no commit is under way.
    pub(crate) fn attach(
        &mut self,
        id: ConversationId,
        cursor: Option<Cursor>,
        store: &Store,
    ) -> Option<Place> {
        let hub = self.hub(id, store);
        if hub.in_flight.is_some() {
            return None;
        }
        let wanted = Place::wanted(&hub.core, cursor);
        let (items, notices) = (store.outbox(id, wanted.items), store.notices(id, wanted.notices));
        Some(Place::attach(&hub.core, cursor, items, notices))
    }

    /// What a viewer is sent next, and whether it had fallen behind what is at hand.
    pub(crate) fn show(
        &mut self,
        id: ConversationId,
        place: &mut Place,
        store: &Store,
        now: Millis,
    ) -> anyhow::Result<(Vec<Shown>, bool)> {
        let at = self.epoch + Duration::from_millis(now);
        let hub = self.hub(id, store);
        let (mut batch, behind) = place.next(&hub.core, at);
        let lags = behind.is_some();
        if let Some(behind) = behind {
            let segments = store.segments_before(id, behind.before, behind.limit);
            batch.lines = place.behind(behind, &segments)?;
        }
        let (mut records, lost) = place.records(&hub.core);
        if lost && hub.in_flight.is_none() {
            let Cursor { outbox, notice, .. } = place.cursor();
            let (items, notices) = (store.outbox(id, Some(outbox)), store.notices(id, notice));
            records = place.lost(&hub.core, items, notices);
        }
        let mut shown = Vec::new();
        shown.extend(batch.greeting.map(Shown::Opened));
        if !batch.lines.is_empty() {
            shown.push(Shown::Events(batch.lines));
        }
        shown.extend(records.items.map(|(items, rev)| Shown::Outbox(items, rev)));
        if !records.notices.is_empty() {
            shown.push(Shown::Notices(records.notices));
        }
        Ok((shown, lags))
    }

    /// Whether nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.link.is_some()
            && self
                .hubs
                .values()
                .all(|hub| !hub.core.has_to_store() && hub.requests.is_empty() && hub.in_flight.is_none())
    }
}

fn prepare(
    core: &Core,
    request: &Request,
    id: ConversationId,
    store: &Store,
    now: Millis,
) -> Result<Option<Commit>, Refusal> {
    let one = |item: Item| vec![item];
    match request {
        Request::Notice(after, what) => Ok(Some(core.notice(*after, what.clone(), now))),
        Request::Viewer { ask, .. } => match ask.clone() {
            Ask::Add(item, _) | Ask::Stop(item)
                if store.kept.get(&id).is_some_and(|kept| kept.items.contains_key(&item)) =>
            {
                Ok(None)
            }
            Ask::Add(item, what) => core.add(item, person(), what, now).map(Some),
            Ask::Stop(item) => {
                core.add(item, person(), What::Stop { message: core.to_stop() }, now).map(Some)
            }
            Ask::Edit(item, version, text) => {
                core.change(|outbox: &Outbox| outbox.edit(item, version, text).map(one), now).map(Some)
            }
            Ask::Cancel(item) => core.change(|outbox| outbox.cancel(item).map(one), now).map(Some),
            Ask::Reorder(item, before) => core.change(|outbox| outbox.reorder(item, before), now).map(Some),
            Ask::SendNow(item) => core.change(|outbox| outbox.send_now(item).map(one), now).map(Some),
            Ask::Configure(settings) => Ok(core.configure(settings, now)),
        },
    }
}

fn reply(request: &Request, answer: Answer) -> Option<(usize, u32, Answer)> {
    match request {
        Request::Viewer { viewer, re, .. } => Some((*viewer, *re, answer)),
        Request::Notice(..) => None,
    }
}
