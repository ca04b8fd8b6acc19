//! The world: everything that can happen, and a dice that says what happens next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use control_plane::hub::history;
use protocol::outbox::{Item, ItemState, What};
use protocol::prompt::Decision;
use protocol::settings::{Mode, Settings};
use protocol::viewer::{Cursor, Verdict};
use protocol::{ConversationId, ItemId, Millis};
use workspace_agent::conversation::core::Now;

use crate::checks::Violation;
use crate::claude::Claude;
use crate::dice::Dice;
use crate::link::Conn;
use crate::plane::{Ask, Outcome, Plane};
use crate::store::Store;
use crate::viewer::{Answer, Shown, Socket, Viewer};
use crate::workspace::Workspace;

/// How many events a page of history has at most.
const PAGE_EVENTS: usize = 6;
/// Bytes on such a page, about.
const PAGE_BYTES: usize = 1024;

/// What persons did: the truth about who asked for what.
#[derive(Debug, Default)]
pub(crate) struct Persons {
    /// Everything that was ever asked to be kept.
    pub(crate) asked: BTreeMap<ItemId, What>,
    /// What the control plane said is safe.
    pub(crate) safe: BTreeSet<ItemId>,
    /// What the control plane refused for good.
    pub(crate) refused: BTreeSet<ItemId>,
    /// How often a person wanted a turn continued.
    pub(crate) continued: u32,
    /// How often the control plane was told, by a page that asks again if it is not answered, of a permission mode that loosens.
    pub(crate) loosened: usize,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) dice: Dice,
    now: Millis,
    epoch: Instant,
    pub(crate) store: Store,
    pub(crate) plane: Option<Plane>,
    pub(crate) workspace: Workspace,
    conns: Vec<Conn>,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) persons: Persons,
    /// What happened, when it is to be told.
    pub(crate) story: Option<Vec<String>>,
    /// What viewers were told when they attached, or had to begin anew.
    pub(crate) verdicts: Vec<Verdict>,
    /// How many pages of history were read.
    pub(crate) pages: u64,
    /// How often a viewer needed what is not at hand.
    pub(crate) behind: u64,
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    // The workspace.
    StartContainer,
    EndContainer,
    Dial,
    Notice,
    TakeDown,
    Command(ConversationId),
    Hear(ConversationId),
    Claude(ConversationId),
    Tell(ConversationId),
    Unblock(ConversationId),
    Tick(ConversationId),
    Compact(ConversationId),
    Borrow(ConversationId),
    Screen(ConversationId),
    ReadSession(ConversationId),
    // The control plane.
    StartPlane,
    Plane(PlaneAct),
    // Viewers.
    Connect(usize),
    Attach(usize),
    ServeAsk(usize),
    Show(usize),
    Receive(usize),
    Retry(usize),
    Page(usize),
    Person(usize),
    Disconnect(usize),
    Fault(Fault),
}

/// What a control plane that runs can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PlaneAct {
    ReadUp(usize),
    Over(usize),
    Welcome(usize),
    Begin(ConversationId),
    Finish(ConversationId, Outcome),
    Evict(ConversationId),
}

/// What can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    CutLink,
    KillPlane,
    KillClaude(ConversationId),
    HangClaude(ConversationId),
    StopContainer,
    KillContainer,
    CutPower,
    LoseVolumes,
    FillDisk(ConversationId),
    FreeDisk(ConversationId),
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut store = Store::default();
        let conversations: Vec<ConversationId> =
            (0..1 + dice.below(2)).map(|_| ConversationId(dice.id())).collect();
        for id in &conversations {
            store.create(*id);
        }
        let viewers = (0..2).map(|index| Viewer::new(conversations[index % conversations.len()])).collect();
        let mut workspace = Workspace { boot: dice.id().into_bytes(), ..Workspace::default() };
        workspace.disks = BTreeMap::new();
        Self {
            dice,
            now: 1_000,
            epoch: Instant::now(),
            store,
            plane: None,
            workspace,
            conns: Vec::new(),
            viewers,
            persons: Persons::default(),
            story: None,
            verdicts: Vec::new(),
            pages: 0,
            behind: 0,
        }
    }

    const fn clock(&self) -> Now {
        Now { wall: self.now, mono: self.now }
    }

    /// Lets something happen. Returns whether anything could.
    pub(crate) fn step(&mut self, faults: bool) -> Result<bool, Violation> {
        let mut acts = Vec::new();
        self.workspace_acts(&mut acts, faults);
        self.plane_acts(&mut acts, faults);
        self.viewer_acts(&mut acts, faults);
        if faults {
            self.fault_acts(&mut acts);
        }
        let total: u32 = acts.iter().map(|(weight, _)| weight).sum();
        let mut at = u32::try_from(self.dice.below(total as usize)).unwrap_or_default();
        for (weight, act) in acts {
            if at < weight {
                self.now += 1;
                if let Some(story) = &mut self.story {
                    story.push(format!("{:>6} {act:?}", self.now));
                }
                self.act(act)?;
                return Ok(true);
            }
            at -= weight;
        }
        Ok(false)
    }

    fn workspace_acts(&self, acts: &mut Vec<(u32, Act)>, faults: bool) {
        let Some(agent) = &self.workspace.agent else {
            return acts.push((4, Act::StartContainer));
        };
        if agent.stopping {
            acts.push((4, Act::EndContainer));
        }
        match agent.conn {
            None if self.plane.is_some() => acts.push((10, Act::Dial)),
            Some(number) if self.conns[number].is_over_for_agent() => acts.push((10, Act::Notice)),
            Some(number) if !self.conns[number].down.is_empty() => acts.push((10, Act::TakeDown)),
            _ => {}
        }
        for (id, held) in &agent.conversations {
            if held.blocked {
                acts.push((4, Act::Unblock(*id)));
                // Nobody listens to it until there is room; it goes on meanwhile.
                if held.claude.as_ref().is_some_and(Claude::can_step) {
                    acts.push((6, Act::Claude(*id)));
                }
                continue;
            }
            if !held.inbox.is_empty() {
                acts.push((10, Act::Command(*id)));
            }
            if let Some(claude) = &held.claude {
                if !claude.is_heard() || claude.ended.is_some() {
                    acts.push((10, Act::Hear(*id)));
                }
                if claude.can_step() {
                    acts.push((10, Act::Claude(*id)));
                }
            }
            if held.screen.is_some() {
                acts.push((4, Act::Screen(*id)));
            } else if held.to_read.is_some() {
                acts.push((6, Act::ReadSession(*id)));
            } else if faults && agent.welcomed {
                acts.push((1, Act::Borrow(*id)));
            }
            if agent.welcomed && agent.conn.is_some() {
                acts.push((6, Act::Tell(*id)));
            }
        }
    }

    fn plane_acts(&self, acts: &mut Vec<(u32, Act)>, faults: bool) {
        let Some(plane) = &self.plane else {
            return acts.push((4, Act::StartPlane));
        };
        for (number, conn) in self.conns.iter().enumerate().filter(|(_, conn)| !conn.closed_by_plane) {
            if !conn.up.is_empty() {
                acts.push((10, Act::Plane(PlaneAct::ReadUp(number))));
            } else if conn.is_over_for_plane() {
                acts.push((5, Act::Plane(PlaneAct::Over(number))));
            }
        }
        acts.extend(plane.settled().map(|number| (10, Act::Plane(PlaneAct::Welcome(number)))));
        for (id, hub) in &plane.hubs {
            if hub.in_flight.is_some() {
                acts.push((12, Act::Plane(PlaneAct::Finish(*id, Outcome::Done))));
                if faults {
                    acts.push((1, Act::Plane(PlaneAct::Finish(*id, Outcome::Failed))));
                    acts.push((1, Act::Plane(PlaneAct::Finish(*id, Outcome::FailedButKept))));
                }
            } else if !hub.requests.is_empty() || hub.core.has_to_store() {
                acts.push((10, Act::Plane(PlaneAct::Begin(*id))));
            } else if faults && hub.core.is_quiet() {
                acts.push((1, Act::Plane(PlaneAct::Evict(*id))));
            }
        }
    }

    fn viewer_acts(&self, acts: &mut Vec<(u32, Act)>, faults: bool) {
        for (index, viewer) in self.viewers.iter().enumerate() {
            match &viewer.socket {
                None if self.plane.is_some() => acts.push((5, Act::Connect(index))),
                None => {}
                Some(socket) => {
                    match &socket.place {
                        None => acts.push((8, Act::Attach(index))),
                        Some(_) => acts.push((5, Act::Show(index))),
                    }
                    if !socket.up.is_empty() {
                        acts.push((8, Act::ServeAsk(index)));
                    }
                    if !socket.down.is_empty() {
                        acts.push((8, Act::Receive(index)));
                    }
                    if viewer.lacks_history() {
                        acts.push((3, Act::Page(index)));
                    }
                    if !viewer.unanswered.is_empty() && socket.up.is_empty() {
                        acts.push((2, Act::Retry(index)));
                    }
                }
            }
            acts.push((if faults { 3 } else { 1 }, Act::Person(index)));
        }
    }

    fn fault_acts(&mut self, acts: &mut Vec<(u32, Act)>) {
        // Faults are rare, so that there is work between them.
        if !self.dice.once_in(12) {
            return;
        }
        if self.workspace.agent.as_ref().is_some_and(|agent| agent.conn.is_some()) {
            acts.push((12, Act::Fault(Fault::CutLink)));
        }
        if self.plane.is_some() {
            acts.push((8, Act::Fault(Fault::KillPlane)));
        }
        if let Some(agent) = &self.workspace.agent {
            acts.push((4, Act::Fault(Fault::StopContainer)));
            acts.push((5, Act::Fault(Fault::KillContainer)));
            acts.push((4, Act::Fault(Fault::CutPower)));
            for (id, held) in &agent.conversations {
                if held.claude.is_some() {
                    acts.push((8, Act::Fault(Fault::KillClaude(*id))));
                    acts.push((2, Act::Fault(Fault::HangClaude(*id))));
                }
                acts.push((4, Act::Compact(*id)));
                acts.push((2, Act::Tick(*id)));
                acts.push((2, Act::Fault(Fault::FillDisk(*id))));
            }
        }
        if self.dice.once_in(10) {
            acts.push((3, Act::Fault(Fault::LoseVolumes)));
        }
        for (id, disk) in &self.workspace.disks {
            if disk.is_full() {
                acts.push((30, Act::Fault(Fault::FreeDisk(*id))));
            }
        }
        for (index, viewer) in self.viewers.iter().enumerate() {
            if viewer.socket.is_some() {
                acts.push((6, Act::Disconnect(index)));
            }
        }
    }

    fn act(&mut self, act: Act) -> Result<(), Violation> {
        let now = self.clock();
        match act {
            Act::StartContainer => self.workspace.start(&mut self.dice).map_err(Violation::broken)?,
            Act::EndContainer => self.end_container(),
            Act::Dial => {
                self.conns.push(Conn::default());
                let number = self.conns.len() - 1;
                self.workspace.dial(number, &mut self.conns[number]);
            }
            Act::Notice => self.leave_link(),
            Act::TakeDown => self.take_down()?,
            Act::Command(id) => self.workspace.command(id, now),
            Act::Hear(id) => self.workspace.hear(id, now),
            Act::Claude(id) => self.workspace.step_claude(id, &mut self.dice),
            Act::Tell(id) => self.tell(id)?,
            Act::Unblock(id) => self.workspace.unblock(id, now),
            Act::Tick(id) => self.tick(id),
            Act::Compact(id) => self.workspace.compact(id),
            Act::Borrow(id) => self.workspace.borrow(id, now, &mut self.dice),
            Act::Screen(id) => self.workspace.use_screen(id, now, &mut self.dice),
            Act::ReadSession(id) => self.workspace.read_session(id, now),
            Act::StartPlane => self.plane = Some(Plane::start(&self.store, self.epoch)),
            Act::Person(viewer) => self.person(viewer),
            Act::Connect(viewer) => self.viewers[viewer].connect(),
            Act::Disconnect(viewer) => self.viewers[viewer].socket = None,
            Act::Receive(viewer) => self.receive(viewer)?,
            Act::Retry(viewer) => self.viewers[viewer].retry(),
            Act::Page(viewer) => self.page(viewer)?,
            Act::Attach(viewer) => self.attach(viewer),
            Act::Show(viewer) => self.show(viewer)?,
            Act::ServeAsk(viewer) => self.serve_ask(viewer),
            Act::Plane(act) => self.plane_act(act),
            Act::Fault(fault) => self.fault(fault),
        }
        if let Some(plane) = &mut self.plane {
            plane.flush(&mut self.conns);
        }
        Ok(())
    }

    /// Adds to the story what the store has.
    pub(crate) fn tell_log(&mut self) {
        let Some(story) = &mut self.story else { return };
        for (index, viewer) in self.viewers.iter().enumerate() {
            let places = viewer.log.iter().map(|(position, _)| format!("{}/{}", position.epoch, position.n));
            story.push(format!(
                "viewer {index} of {}: {}",
                viewer.conversation,
                places.collect::<Vec<_>>().join(" ")
            ));
        }
        for (id, kept) in &self.store.kept {
            story.push(format!("the log of {id}:"));
            let lines = kept.log().into_iter();
            story.extend(lines.map(|(position, json)| format!("  {}/{} {json}", position.epoch, position.n)));
            story.extend(
                kept.items.values().map(|item| format!("  {:?} {} {:?}", item.state, item.id, item.what)),
            );
        }
    }

    // The workspace.

    fn leave_link(&mut self) {
        if let Some(agent) = &mut self.workspace.agent
            && let Some(number) = agent.conn.take()
        {
            self.conns[number].left_by_agent = true;
            self.conns[number].down.clear();
        }
    }

    fn take_down(&mut self) -> Result<(), Violation> {
        let number = self.workspace.agent.as_ref().and_then(|agent| agent.conn);
        let message = number.and_then(|number| self.conns[number].down.pop_front());
        match message {
            Some(message) => self.workspace.take(message).map_err(Violation::broken),
            None => Ok(()),
        }
    }

    fn tell(&mut self, id: ConversationId) -> Result<(), Violation> {
        let Some(number) = self.workspace.agent.as_ref().and_then(|agent| agent.conn) else { return Ok(()) };
        let conn = &mut self.conns[number];
        let dead = conn.cut || conn.closed_by_plane;
        self.workspace.tell(id, conn).map_err(Violation::broken)?;
        if dead {
            conn.up.clear();
        }
        Ok(())
    }

    /// Time passes until a conversation's next deadline.
    fn tick(&mut self, id: ConversationId) {
        let held = self.workspace.agent.as_ref().and_then(|agent| agent.conversations.get(&id));
        if let Some(at) = held.and_then(|held| held.deadline()) {
            self.now = self.now.max(at);
            self.workspace.tick(id, self.clock());
        }
    }

    // The control plane.

    fn plane_act(&mut self, act: PlaneAct) {
        let Some(plane) = &mut self.plane else { return };
        let now = self.now;
        let answer = match act {
            PlaneAct::ReadUp(number) => {
                if plane.read(number, &mut self.conns, &mut self.store) {
                    self.close(number);
                }
                None
            }
            PlaneAct::Over(number) => {
                self.close(number);
                None
            }
            PlaneAct::Welcome(number) => {
                plane.welcome(number, &mut self.conns[number], &self.store);
                None
            }
            PlaneAct::Begin(id) => plane.begin(id, &self.store, &mut self.dice, now),
            PlaneAct::Finish(id, outcome) => {
                let held = plane.hubs.contains_key(&id);
                let answer = plane.finish(id, outcome, &mut self.store, &mut self.conns);
                if held && !plane.hubs.contains_key(&id) {
                    self.turn_out(id);
                }
                answer
            }
            PlaneAct::Evict(id) => {
                let watched = |viewer: &Viewer| {
                    viewer.conversation == id
                        && viewer.socket.as_ref().is_some_and(|socket| socket.place.is_some())
                };
                if !self.viewers.iter().any(watched) {
                    plane.evict(id);
                }
                None
            }
        };
        if let Some((viewer, re, answer)) = answer {
            self.answer(viewer, re, answer);
        }
    }

    fn close(&mut self, number: usize) {
        self.conns[number].closed_by_plane = true;
        self.conns[number].up.clear();
        if let Some(plane) = &mut self.plane {
            plane.gone(number);
        }
    }

    /// Whoever follows a conversation that has to be read again is sent away.
    fn turn_out(&mut self, id: ConversationId) {
        for viewer in self.viewers.iter_mut().filter(|viewer| viewer.conversation == id) {
            viewer.socket = None;
        }
    }

    fn answer(&mut self, viewer: usize, re: u32, answer: Answer) {
        if let Some(socket) = &mut self.viewers[viewer].socket {
            socket.down.push_back(Shown::Answer(re, answer));
        }
    }

    // Viewers.

    fn attach(&mut self, index: usize) {
        let viewer = &mut self.viewers[index];
        let (cursor, id) = (viewer.cursor(), viewer.conversation);
        if let (Some(plane), Some(socket)) = (&mut self.plane, &mut viewer.socket) {
            socket.place = plane.attach(id, cursor, &self.store);
        }
    }

    fn show(&mut self, index: usize) -> Result<(), Violation> {
        let viewer = &mut self.viewers[index];
        if let (Some(plane), Some(socket)) = (&mut self.plane, &mut viewer.socket)
            && let Some(place) = &mut socket.place
        {
            let shown = plane.show(viewer.conversation, place, &self.store, self.now);
            let (shown, lags) = shown.map_err(Violation::broken)?;
            self.behind += u64::from(lags);
            socket.down.extend(shown);
        }
        Ok(())
    }

    /// A viewer asks for what was before its snapshot, once the store has that.
    fn page(&mut self, index: usize) -> Result<(), Violation> {
        let viewer = &mut self.viewers[index];
        let (id, before) = (viewer.conversation, viewer.first());
        if self.plane.is_none() || self.store.kept[&id].record.end.n + 1 < before {
            return Ok(());
        }
        let events = 1 + self.dice.below(PAGE_EVENTS) as u64;
        let segments = self.store.segments_before(id, before, events);
        let page = history::page(&segments, before, events, PAGE_BYTES);
        let page = page.map_err(|error| Violation::broken(error.into()))?;
        self.pages += 1;
        viewer.take_history(&page).map_err(|words| Violation::viewer(index, words))
    }

    fn serve_ask(&mut self, index: usize) {
        let viewer = &mut self.viewers[index];
        let asked = viewer.socket.as_mut().and_then(|socket| socket.up.pop_front());
        if let (Some(plane), Some((re, ask))) = (&mut self.plane, asked) {
            self.persons.loosened +=
                usize::from(matches!(&ask, Ask::Configure(wanted) if wanted.mode == Mode::AcceptEdits));
            let request = crate::plane::Request::Viewer { viewer: index, re, ask };
            plane.hub(viewer.conversation, &self.store).requests.push_back(request);
        }
    }

    fn receive(&mut self, index: usize) -> Result<(), Violation> {
        let front = self.viewers[index].socket.as_ref().and_then(|socket| socket.down.front());
        if let Some(Shown::Opened(greeting)) = front {
            self.verdicts.push(greeting.verdict);
            if let Some(story) = &mut self.story {
                story.push(format!("       viewer {index}: {greeting:?}"));
            }
        }
        match self.viewers[index].receive() {
            Ok(None) => {}
            Ok(Some((ask, answer))) => {
                if let Ask::Add(item, _) | Ask::Stop(item) = ask {
                    let kept = if answer == Answer::Done {
                        &mut self.persons.safe
                    } else {
                        &mut self.persons.refused
                    };
                    kept.insert(item);
                }
            }
            Err(words) => return Err(Violation::viewer(index, words)),
        }
        Ok(())
    }

    /// A person before a viewer does something, if there is something to do.
    fn person(&mut self, index: usize) {
        let item = ItemId(self.dice.id());
        let Some(ask) = self.wish(index, item) else { return };
        if let Ask::Add(item, what) = &ask {
            self.persons.asked.insert(*item, what.clone());
            self.persons.continued += u32::from(matches!(what, What::Continue { .. }));
        }
        if let Ask::Stop(item) = &ask {
            self.persons.asked.insert(*item, What::Stop { message: None });
        }
        if let Some(story) = &mut self.story {
            story.push(format!("       viewer {index}: {ask:?}"));
        }
        self.viewers[index].ask(ask);
    }

    fn wish(&mut self, index: usize, item: ItemId) -> Option<Ask> {
        let viewer = &self.viewers[index];
        if viewer.unanswered.len() > 3 {
            return None;
        }
        if let Some(prompt) = self.dice.pick(&viewer.open_prompts())
            && self.dice.once_in(2)
        {
            let decision = if self.dice.once_in(3) {
                Decision::Deny { message: None }
            } else {
                Decision::Allow { suggestion: None, mode: None }
            };
            return Some(Ask::Add(item, What::Answer { prompt, decision }));
        }
        if let Some(message) = viewer.summary.unknown {
            let again = What::Message { text: "text".to_owned(), steer: false, again_of: Some(message) };
            let what = if self.dice.once_in(2) { What::Continue { message } } else { again };
            return self.dice.once_in(4).then_some(Ask::Add(item, what));
        }
        if self.persons.asked.len() > 14 {
            return None;
        }
        let waiting = self.dice.pick(&viewer.waiting());
        match (self.dice.below(12), waiting) {
            (0, _) => Some(Ask::Stop(item)),
            (1, Some(one)) => Some(Ask::Cancel(one.id)),
            (2, Some(one)) => Some(Ask::Edit(one.id, one.version, "text".to_owned())),
            (3, Some(one)) => {
                let before = self.dice.pick(&self.viewers[index].waiting()).map(|other| other.id);
                Some(Ask::Reorder(one.id, before.filter(|other| *other != one.id)))
            }
            (4, Some(one)) => Some(Ask::SendNow(one.id)),
            (5, _) => {
                let mode = self.dice.pick(&[Mode::Default, Mode::AcceptEdits, Mode::Plan])?;
                Some(Ask::Configure(Settings { model: None, mode }))
            }
            _ => {
                let text = self.dice.pick(&["text", "text", "tool", "ask", "ask twice"])?.to_owned();
                let steer = self.dice.once_in(6);
                Some(Ask::Add(item, What::Message { text, steer, again_of: None }))
            }
        }
    }

    // Faults.

    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::CutLink => {
                if let Some(number) = self.workspace.agent.as_ref().and_then(|agent| agent.conn) {
                    if self.dice.once_in(2) {
                        self.conns[number].cut();
                    } else {
                        // The workspace-agent gives up on it; what it sent before is still under way.
                        self.leave_link();
                    }
                }
            }
            Fault::KillPlane => self.kill_plane(),
            Fault::KillClaude(id) => {
                if let Some(claude) = self.claude(id) {
                    claude.kill("ended by signal 9");
                }
            }
            Fault::HangClaude(id) => {
                if let Some(claude) = self.claude(id) {
                    claude.hung = true;
                }
            }
            Fault::StopContainer => self.workspace.shut_down(self.clock()),
            Fault::KillContainer => self.end_container(),
            Fault::CutPower => {
                self.leave_link();
                if self.dice.once_in(2) {
                    // It is one machine.
                    self.kill_plane();
                }
                self.workspace.cut_power(&mut self.dice);
            }
            Fault::LoseVolumes => {
                self.leave_link();
                self.workspace.lose_volumes();
            }
            Fault::FillDisk(id) => self.fill_disk(id, true),
            Fault::FreeDisk(id) => self.fill_disk(id, false),
        }
    }

    fn end_container(&mut self) {
        self.leave_link();
        self.workspace.kill();
    }

    fn claude(&mut self, id: ConversationId) -> Option<&mut Claude> {
        self.workspace.agent.as_mut()?.conversations.get_mut(&id)?.claude.as_mut()
    }

    fn fill_disk(&self, id: ConversationId, full: bool) {
        if let Some(disk) = self.workspace.disks.get(&id) {
            disk.fill(full);
        }
    }

    /// SIGKILL: what the store was doing is done or not; nobody is told.
    fn kill_plane(&mut self) {
        let Some(plane) = self.plane.take() else { return };
        for (_, hub) in plane.hubs {
            if let Some((commit, _)) = hub.in_flight
                && self.dice.once_in(2)
            {
                let _ = self.store.commit(&commit);
            }
        }
        for conn in &mut self.conns {
            conn.closed_by_plane = true;
            conn.up.clear();
        }
        for viewer in &mut self.viewers {
            viewer.socket = None;
        }
    }

    // The end.

    /// From here on nothing fails. Returns once nothing is under way.
    pub(crate) fn calm(&mut self, most: usize) -> Result<(), Violation> {
        for disk in self.workspace.disks.values() {
            disk.fill(false);
        }
        for step in 0..most {
            if step % 50 == 49 {
                if self.is_quiet() {
                    return Ok(());
                }
                self.wake();
            }
            self.step(false)?;
        }
        Err(Violation::stuck(self))
    }

    /// Time passes where nothing else helps: what hangs is noticed.
    fn wake(&mut self) {
        let agent = self.workspace.agent.iter();
        let held = agent.flat_map(|agent| &agent.conversations);
        let stalled: Vec<_> = held.filter(|(_, held)| held.is_stalled()).map(|(id, _)| *id).collect();
        for id in stalled {
            self.tick(id);
        }
    }

    fn is_quiet(&self) -> bool {
        let told = |viewer: &Viewer| {
            let kept = &self.store.kept[&viewer.conversation].record;
            let all = Cursor { log: kept.end, outbox: kept.outbox_rev, notice: kept.notice };
            let idle =
                |socket: &Socket| socket.place.is_some() && socket.up.is_empty() && socket.down.is_empty();
            viewer.socket.as_ref().is_some_and(idle)
                && viewer.cursor() == Some(all)
                && viewer.unanswered.is_empty()
                && viewer.summary.prompts.is_empty()
                && !viewer.lacks_history()
        };
        self.plane.as_ref().is_some_and(Plane::is_quiet)
            && self.workspace.is_quiet()
            && self.viewers.iter().all(told)
            && self
                .store
                .kept
                .values()
                .all(|kept| kept.items.values().all(|item| item.state.is_final() || is_held(kept, item)))
    }
}

/// Whether a message waits, here or in the workspace, for a person to decide about an earlier one of unknown fate.
fn is_held(kept: &crate::store::Kept, item: &Item) -> bool {
    let summary = &kept.record.summary;
    matches!(item.state, ItemState::Saved | ItemState::Delivered)
        && summary.unknown.is_some()
        && item.after.n < summary.unknown_at
}
