//! The terminals of one workspace: what its workspace-agent says of them, passed to those who watch, and what those type,
//! passed back.
//!
//! The workspace-agent owns terminals; nothing here outlives the control plane. The rules are without I/O ([`fan`]: output
//! and its pace, [`typed`]: input, [`list`], [`asks`]); this is what stands around them: the link, the viewers' sockets, and
//! one lock, never held across an await. A viewer's socket is a [`Viewing`]: it asks what it is to send next, and is woken
//! when there may be something.

pub mod asks;
pub mod fan;
pub mod list;
pub mod pace;
pub mod ring;
pub mod typed;
pub mod wish;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::close::ErrorCode;
use protocol::frame::{TerminalFrame, encode_terminal};
use protocol::link::FromControl;
use protocol::status::Phase;
use protocol::terminal::{Colors, TerminalAct, TerminalEnd, TerminalRequest, TerminalView};
use protocol::viewer::FromServer;
use protocol::{TerminalId, ViewerId};
use tokio::sync::Notify;
use uuid::Uuid;

use self::asks::{Asker, Asks};
use self::fan::{Ask, Fan, Seat};
use self::list::{List, News, Told};
use self::typed::Typed;
use crate::links::Link;
use crate::outbox::Refusal;

/// How often it is looked who is alive, while somebody watches or waits.
const LOOK: Duration = Duration::from_secs(1);

/// How long the link may be away before what was typed is no longer what the person wants.
const WANTED: Duration = Duration::from_secs(60);
/// What is said of a workspace-agent without terminals.
const TOO_OLD: &str = "the workspace-agent is too old for terminals; restart the workspace";

/// The terminals of one workspace.
#[derive(Debug, Default)]
pub struct Terminals(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    link: Option<Link>,
    /// The link that is up instead, of a workspace-agent without terminals.
    unable: Option<u64>,
    /// Since when there is no link, if there was one.
    away: Option<Instant>,
    list: List,
    asks: Asks,
    /// Terminals that are watched, or into which something was typed that was not taken.
    rooms: HashMap<TerminalId, Room>,
    desks: BTreeMap<Seat, Desk>,
    last_seat: u64,
}

#[derive(Debug)]
struct Room {
    fan: Fan,
    typed: Typed,
}

/// What one viewer's socket is to be told.
#[derive(Debug)]
struct Desk {
    viewer: ViewerId,
    wake: Arc<Notify>,
    told: Told,
    /// How its requests went. As many as may be unanswered.
    answers: VecDeque<FromServer<'static>>,
    /// How far its input was taken.
    taken: BTreeMap<(TerminalId, u64), u64>,
    /// The colours that it shows, once it has said them.
    colors: Option<Colors>,
    /// What it shows; the one whose turn it is comes first.
    shown: VecDeque<TerminalId>,
}

/// One viewer's socket, for as long as it is open.
#[derive(Debug)]
pub struct Viewing {
    terminals: Arc<Terminals>,
    seat: Seat,
    wake: Arc<Notify>,
    stir: Notify,
}

/// What a viewer is to be sent before any output.
#[derive(Debug, Default)]
pub struct Words {
    /// Messages.
    pub messages: Vec<FromServer<'static>>,
    /// Frames.
    pub frames: Vec<Vec<u8>>,
}

impl Terminals {
    /// A viewer's socket opens.
    pub fn enter(self: &Arc<Self>) -> Viewing {
        let wake = Arc::new(Notify::new());
        let mut state = self.lock();
        state.last_seat += 1;
        let seat = Seat(state.last_seat);
        let desk = Desk {
            viewer: ViewerId(Uuid::new_v4()),
            wake: Arc::clone(&wake),
            told: Told::default(),
            answers: VecDeque::new(),
            taken: BTreeMap::new(),
            colors: None,
            shown: VecDeque::new(),
        };
        state.desks.insert(seat, desk);
        drop(state);
        Viewing { terminals: Arc::clone(self), seat, wake, stir: Notify::new() }
    }

    /// A link is up. `able`: its workspace-agent has terminals, and is about to say which.
    pub fn link_up(&self, link: Link, able: bool) {
        let mut state = self.lock();
        // This one was slower to come.
        if state.link.as_ref().is_some_and(|newer| newer.generation() > link.generation()) {
            return;
        }
        state.unlink();
        if able {
            (state.link, state.unable) = (Some(link), None);
        } else {
            state.unable = Some(link.generation());
            let late = state.asks.failed();
            state.refuse(late, TOO_OLD);
        }
    }

    /// A link is down, or another one takes its place.
    pub fn link_down(&self, generation: u64) {
        let mut state = self.lock();
        state.unable.take_if(|unable| *unable == generation);
        if state.is_link(generation) {
            state.unlink();
        }
    }

    /// These are all terminals there are.
    pub fn all(&self, generation: u64, views: Vec<TerminalView>) {
        let mut state = self.lock();
        if !state.is_link(generation) {
            return;
        }
        for gone in state.list.replace(views) {
            state.close(gone);
        }
        let now = Instant::now();
        // Nobody may have looked meanwhile.
        state.give_up(now);
        for request in state.asks.again(now) {
            state.send(request);
        }
        let long = state.away.take().is_some_and(|away| now.saturating_duration_since(away) > WANTED);
        let rooms: Vec<TerminalId> = state.rooms.keys().copied().collect();
        for id in rooms {
            if let Some(room) = state.rooms.get_mut(&id) {
                room.fan.linked(now);
                if long {
                    room.typed = Typed::default();
                }
                room.typed.again();
            }
            state.pass_on(id);
            state.leave_empty(id);
        }
        state.wake_all();
    }

    /// A terminal is new or changed.
    pub fn is(&self, generation: u64, view: TerminalView) {
        let mut state = self.lock();
        if !state.is_link(generation) {
            return;
        }
        if !state.list.is(view) {
            tracing::warn!(generation, "a workspace has more terminals than there may be");
        }
        state.wake_all();
    }

    /// A terminal is gone.
    pub fn gone(&self, generation: u64, id: TerminalId, why: TerminalEnd) {
        let mut state = self.lock();
        if state.is_link(generation) && state.list.gone(id, why) {
            state.close(id);
            state.wake_all();
        }
    }

    /// What was wanted is done, or refused.
    pub fn answered(&self, generation: u64, re: u64, refused: Option<(ErrorCode, String)>) {
        let mut state = self.lock();
        if !state.is_link(generation) {
            return;
        }
        let asker = state.asks.answered(re);
        let answer = match refused {
            None => Ok(()),
            Some((code, message)) => Err(Refusal { code, message: clipped(&message) }),
        };
        state.answer(asker, answer);
    }

    /// A frame came in. `raw` is all of it.
    pub fn frame(&self, generation: u64, id: TerminalId, frame: &TerminalFrame<'_>, raw: &Bytes) {
        let mut state = self.lock();
        if !state.is_link(generation) {
            return;
        }
        let State { rooms, desks, .. } = &mut *state;
        let Some(room) = rooms.get_mut(&id) else { return };
        let now = Instant::now();
        match *frame {
            TerminalFrame::Output { offset, bytes } => room.fan.output(offset, bytes, now),
            TerminalFrame::Snapshot { offset, part, parts, .. } => {
                room.fan.part(offset, (part, parts), raw.clone(), now);
            }
            TerminalFrame::Taken { source, place } => {
                let seat = room.typed.taken(source, place);
                if let Some(desk) = seat.and_then(|seat| desks.get_mut(&seat)) {
                    desk.taken.insert((id, source), place);
                    desk.wake.notify_one();
                }
                state.pass_on(id);
                state.leave_empty(id);
                return;
            }
            // These go the other way.
            TerminalFrame::Input { .. } | TerminalFrame::Ack { .. } | TerminalFrame::Credit { .. } => return,
        }
        for seat in room.fan.seats() {
            if let Some(desk) = desks.get(&seat) {
                desk.wake.notify_one();
            }
        }
        state.pass_on(id);
    }

    /// The workspace is in this state now.
    pub fn workspace_is(&self, phase: &Phase) {
        let mut state = self.lock();
        let late = match phase {
            Phase::Starting { .. } | Phase::Running {} | Phase::Paused {} | Phase::Stopping {} => return,
            Phase::Stopped { .. } => state.asks.stopped(),
            Phase::Failed { .. } | Phase::Deleting {} => state.asks.failed(),
        };
        state.refuse(late, "the workspace does not run");
        state.list.clear(TerminalEnd::Stopped);
        let rooms: Vec<TerminalId> = state.rooms.keys().copied().collect();
        rooms.into_iter().for_each(|id| state.close(id));
        state.wake_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewing {
    /// What there is to say, before any output. It counts as said.
    pub fn words(&self) -> Words {
        let mut state = self.terminals.lock();
        let State { list, desks, .. } = &mut *state;
        let Some(desk) = desks.get_mut(&self.seat) else { return Words::default() };
        let you = desk.viewer;
        let news = list.news(&mut desk.told).into_iter().map(|news| match news {
            News::All(available, terminals) => FromServer::Terminals { you, available, terminals },
            News::Is(terminal) => FromServer::Terminal { terminal: *terminal },
            News::Gone(terminal, why) => FromServer::TerminalGone { terminal, why },
        });
        let messages = news.chain(desk.answers.drain(..)).collect();
        let taken = std::mem::take(&mut desk.taken).into_iter();
        let frames = taken.map(|((terminal, source), place)| {
            encode_terminal(terminal, &TerminalFrame::Taken { source, place })
        });
        Words { messages, frames: frames.collect() }
    }

    /// The next frame of output or of a snapshot. It counts as sent.
    pub fn next(&self) -> Option<Bytes> {
        let mut state = self.terminals.lock();
        let now = Instant::now();
        for _ in 0..state.desks.get(&self.seat)?.shown.len() {
            let shown = &mut state.desks.get_mut(&self.seat)?.shown;
            let id = *shown.front()?;
            shown.rotate_left(1);
            let frame = state.rooms.get_mut(&id).and_then(|room| room.fan.next(self.seat, now));
            state.pass_on(id);
            if frame.is_some() {
                return frame;
            }
        }
        None
    }

    /// Waits until there may be something to say or to send.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// A frame came from the viewer. `false`: it is none that a viewer sends.
    pub fn take(&self, id: TerminalId, frame: &TerminalFrame<'_>) -> bool {
        let mut state = self.terminals.lock();
        match *frame {
            TerminalFrame::Ack { offset } => {
                if let Some(room) = state.rooms.get_mut(&id) {
                    room.fan.acked(self.seat, offset, Instant::now());
                    self.wake.notify_one();
                }
                state.pass_on(id);
            }
            TerminalFrame::Input { source, place, bytes } => {
                let Some(room) = state.room(id) else { return true };
                let known = room.typed.typed(self.seat, source, place, bytes);
                if let Some(known) = known
                    && let Some(desk) = state.desks.get_mut(&self.seat)
                {
                    desk.taken.insert((id, source), known);
                    self.wake.notify_one();
                }
                state.pass_on(id);
            }
            TerminalFrame::Output { .. }
            | TerminalFrame::Snapshot { .. }
            | TerminalFrame::Credit { .. }
            | TerminalFrame::Taken { .. } => return false,
        }
        true
    }

    /// Looks every now and then who is alive and what waits too long. Never returns. While the viewer shows nothing and
    /// waits for nothing it costs nothing.
    pub async fn keep(&self) {
        loop {
            if self.terminals.lock().look(self.seat) {
                tokio::time::sleep(LOOK).await;
            } else {
                self.stir.notified().await;
            }
        }
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        let mut state = self.terminals.lock();
        let Some(desk) = state.desks.remove(&self.seat) else { return };
        for id in desk.shown {
            state.hide(self.seat, desk.viewer, id);
        }
        state.wake_all();
    }
}

impl State {
    fn is_link(&self, generation: u64) -> bool {
        self.link.as_ref().is_some_and(|link| link.generation() == generation)
    }

    fn unlink(&mut self) {
        if self.link.take().is_some() {
            self.away = Some(Instant::now());
        }
        self.list.unavailable();
        self.rooms.values_mut().for_each(|room| room.fan.unlinked());
        self.wake_all();
    }

    /// A terminal's room, if there is such a terminal.
    fn room(&mut self, id: TerminalId) -> Option<&mut Room> {
        if !self.list.has(id) {
            return None;
        }
        let (link, now) = (self.list.is_available(), Instant::now());
        Some(self.rooms.entry(id).or_insert_with(|| {
            let mut fan = Fan::new(id);
            if link {
                fan.linked(now);
            }
            Room { fan, typed: Typed::default() }
        }))
    }

    /// Says on the link what a room has to say.
    fn pass_on(&mut self, id: TerminalId) {
        let (Some(link), Some(room)) = (&self.link, self.rooms.get_mut(&id)) else { return };
        for ask in room.fan.asks() {
            let act = match ask {
                Ask::Credit(offset) => {
                    link.send_frame(encode_terminal(id, &TerminalFrame::Credit { offset }));
                    continue;
                }
                Ask::Watch { from, window } => {
                    TerminalAct::Watch { from, window: u32::try_from(window).unwrap_or(u32::MAX) }
                }
                Ask::Unwatch => TerminalAct::Unwatch {},
                Ask::Snapshot => TerminalAct::Snapshot {},
            };
            // Nobody waits for how it goes.
            link.send(FromControl::Terminal(TerminalRequest { re: 0, terminal: id, act }));
        }
        if !self.list.is_available() {
            return;
        }
        // What there is no room for is passed on when some of it was taken, or at the next look.
        while link.has_room()
            && let Some(input) = room.typed.pass_on()
        {
            let (source, place) = (input.source, input.place);
            let bytes = &input.bytes;
            link.send_frame(encode_terminal(id, &TerminalFrame::Input { source, place, bytes }));
        }
    }

    fn send(&self, request: TerminalRequest) {
        if let Some(link) = &self.link
            && self.list.is_available()
        {
            link.send(FromControl::Terminal(request));
        }
    }

    fn answer(&mut self, asker: Asker, answer: Result<(), Refusal>) {
        let Some((seat, re)) = asker else { return };
        let Some(desk) = self.desks.get_mut(&seat) else { return };
        desk.answers.push_back(match answer {
            Ok(()) => FromServer::Done { re },
            Err(Refusal { code, message }) => FromServer::Refused { re, code, message, back_in_ms: None },
        });
        desk.wake.notify_one();
    }

    fn give_up(&mut self, now: Instant) {
        let late = self.asks.late(now);
        self.refuse(late, "the workspace-agent does not answer");
    }

    fn refuse(&mut self, askers: Vec<Asker>, why: &str) {
        for asker in askers {
            self.answer(asker, Err(Refusal { code: ErrorCode::Unavailable, message: why.to_owned() }));
        }
    }

    /// A viewer shows a terminal no longer.
    fn hide(&mut self, seat: Seat, viewer: ViewerId, id: TerminalId) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        room.fan.detach(seat, Instant::now());
        self.list.shown(id, room.fan.len());
        self.list.disown(id, viewer);
        self.pass_on(id);
        self.leave_empty(id);
    }

    /// Forgets a room in which there is nobody and nothing.
    fn leave_empty(&mut self, id: TerminalId) {
        if self.rooms.get(&id).is_some_and(|room| room.fan.is_empty() && room.typed.is_empty()) {
            self.rooms.remove(&id);
        }
    }

    /// A terminal is gone.
    fn close(&mut self, id: TerminalId) {
        let Some(room) = self.rooms.remove(&id) else { return };
        for seat in room.fan.seats() {
            if let Some(desk) = self.desks.get_mut(&seat) {
                desk.shown.retain(|shown| *shown != id);
            }
        }
    }

    /// Looks who is alive and what waits too long. `false`: there is nothing to look after for this viewer.
    fn look(&mut self, seat: Seat) -> bool {
        let now = Instant::now();
        self.give_up(now);
        let Some(desk) = self.desks.get(&seat) else { return false };
        let shown: Vec<TerminalId> = desk.shown.iter().copied().collect();
        for id in &shown {
            if let Some(room) = self.rooms.get_mut(id) {
                room.fan.settle(now);
            }
            self.pass_on(*id);
        }
        !shown.is_empty() || !self.asks.is_empty()
    }

    fn wake_all(&self) {
        self.desks.values().for_each(|desk| desk.wake.notify_one());
    }
}

/// Words of a workspace, as far as they are passed on.
fn clipped(words: &str) -> String {
    protocol::bounded::clip(words, 1024).to_owned()
}
