//! The output of one terminal, for those who watch it: a shared ring and a place for each. No I/O, no clock.
//!
//! Nobody waits for a slow viewer: each has a window of what it has not acknowledged, and one whose place is no longer
//! in the ring goes on from a snapshot of the screen. The workspace-agent is given credit up to the acknowledgement of
//! the fastest plus its window. One that has something to take and shows no sign of life counts for nothing; while
//! nobody counts the terminal is not watched, and the workspace-agent reads it freely.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::TerminalId;
use protocol::frame::{TerminalFrame, encode_terminal};

use super::pace::Pace;
use super::ring::{Pushed, Ring};

/// How long a viewer that has something to take may do nothing before the terminal goes on without it.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// A snapshot that lies no further back than this is as good as a fresh one.
const FRESH: u64 = 64 * 1024;
/// How long a snapshot may take to come.
const COMES: Duration = Duration::from_secs(10);
/// Credit is told in steps of this share of the window.
const STEP: u64 = 4;

/// One viewer's socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Seat(pub u64);

/// What is to be asked of the workspace-agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Output.
    Watch {
        /// From this offset on, or from a snapshot.
        from: Option<u64>,
        /// So much without further credit.
        window: usize,
    },
    /// No more output.
    Unwatch,
    /// Output up to here.
    Credit(u64),
    /// A snapshot.
    Snapshot,
}

/// The output of one terminal.
#[derive(Debug)]
pub struct Fan {
    terminal: TerminalId,
    ring: Ring,
    /// Whether the ring's offsets are those of the terminal yet.
    known: bool,
    places: BTreeMap<Seat, Place>,
    feed: Feed,
    /// The last snapshot, while it is of use to whoever comes next.
    snapshot: Option<Snapshot>,
    /// The one that comes in.
    coming: Option<Coming>,
    asks: Vec<Ask>,
}

/// The screen, as the frames that it came in.
#[derive(Clone, Debug)]
struct Snapshot {
    offset: u64,
    frames: Arc<[Bytes]>,
}

#[derive(Debug)]
struct Coming {
    offset: u64,
    parts: u32,
    frames: Vec<Bytes>,
}

/// What the workspace-agent was asked for on the present link.
#[derive(Clone, Copy, Debug)]
enum Feed {
    /// There is no link.
    Down,
    /// Nothing.
    Off,
    /// Output.
    On(On),
}

#[derive(Clone, Copy, Debug)]
struct On {
    /// Up to here.
    credit: u64,
    /// So much beyond where it begins.
    window: u64,
    /// It has not answered yet, with output or with a snapshot.
    due: bool,
    /// A snapshot was asked for.
    asked: Option<Instant>,
}

#[derive(Debug)]
struct Place {
    at: At,
    /// What the viewer has. A snapshot that it is given counts at once.
    acked: u64,
    /// The snapshot that it was given last is not acknowledged yet.
    painted: bool,
    pace: Pace,
    /// Its last sign of life.
    alive: Instant,
}

#[derive(Debug)]
enum At {
    /// It needs a snapshot.
    Waiting,
    /// It is being sent one.
    Painting { snapshot: Snapshot, done: usize },
    /// It has been sent everything up to here.
    Following(u64),
}

impl Fan {
    /// Nobody watches yet.
    pub const fn new(terminal: TerminalId) -> Self {
        Self {
            terminal,
            ring: Ring::new(0),
            known: false,
            places: BTreeMap::new(),
            feed: Feed::Down,
            snapshot: None,
            coming: None,
            asks: Vec::new(),
        }
    }

    /// What is to be asked of the workspace-agent now.
    pub fn asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.asks)
    }

    /// Whether nobody watches.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many watch.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Who watches.
    pub fn seats(&self) -> impl Iterator<Item = Seat> {
        self.places.keys().copied()
    }

    /// A link is up, on which nothing was asked for yet.
    pub fn linked(&mut self, now: Instant) {
        self.feed = Feed::Off;
        self.coming = None;
        self.settle(now);
    }

    /// The link is down.
    pub fn unlinked(&mut self) {
        self.feed = Feed::Down;
        self.coming = None;
        self.asks.clear();
    }

    /// A viewer watches from now on, or anew. It has everything up to `have`.
    pub fn attach(&mut self, seat: Seat, have: Option<u64>, now: Instant) {
        if !self.known
            && let Some(have) = have
        {
            // What it lacks the workspace-agent may still have.
            self.restart(have);
        }
        let at = match have {
            Some(have) if self.ring.reaches(have) => At::Following(have),
            Some(_) | None => At::Waiting,
        };
        let acked = have.unwrap_or_default();
        self.places.insert(seat, Place { at, acked, painted: false, pace: Pace::default(), alive: now });
        self.settle(now);
    }

    /// A viewer watches no longer.
    pub fn detach(&mut self, seat: Seat, now: Instant) {
        self.places.remove(&seat);
        self.settle(now);
    }

    /// A viewer has shown everything up to here. What it was never sent it has not, whatever it says.
    pub fn acked(&mut self, seat: Seat, upto: u64, now: Instant) {
        let Some(place) = self.places.get_mut(&seat) else { return };
        if place.acked_upto(upto, now) {
            self.settle(now);
        }
    }

    /// Output came in.
    pub fn output(&mut self, offset: u64, bytes: &[u8], now: Instant) {
        if let Feed::On(on) = &mut self.feed {
            on.due = false;
        }
        let end = self.ring.end();
        for place in self.places.values_mut().filter(|place| !place.has_work(end)) {
            // There was nothing for it to do until now.
            place.alive = now;
        }
        if !self.known {
            self.restart(offset);
        }
        match self.ring.push(offset, bytes) {
            Pushed::New(_) => {}
            Pushed::Gap => tracing::debug!(terminal = %self.terminal, end, offset, "output has a gap"),
        }
        self.snapshot.take_if(|snapshot| !snapshot.is_fresh(&self.ring));
        if let Feed::On(on) = self.feed
            && self.ring.end() >= on.credit
        {
            // The program waits: windows are all that holds it back.
            self.places.values_mut().for_each(|place| place.pace.waits());
        }
    }

    /// A part of a snapshot came in, as a frame. Parts that don't follow each other come to nothing.
    pub fn part(&mut self, offset: u64, (part, parts): (u32, u32), frame: Bytes, now: Instant) {
        if part == 0 {
            self.coming = Some(Coming { offset, parts, frames: Vec::new() });
        }
        let Some(coming) = &mut self.coming else { return };
        if coming.offset != offset || coming.parts != parts || coming.frames.len() != part as usize {
            tracing::debug!(terminal = %self.terminal, offset, part, parts, "a part of a snapshot does not follow");
            self.coming = None;
            return;
        }
        coming.frames.push(frame);
        if part + 1 == parts
            && let Some(coming) = self.coming.take()
        {
            self.painted(Snapshot { offset, frames: coming.frames.into() }, now);
        }
    }

    fn painted(&mut self, snapshot: Snapshot, now: Instant) {
        let offset = snapshot.offset;
        let mut instead = !self.known;
        if let Feed::On(on) = &mut self.feed {
            // One that was not asked for came instead of output: the stream goes on from there.
            instead |= on.due || on.asked.is_none();
            let given = offset.saturating_add(on.window);
            on.credit = if on.due { given } else { on.credit.min(given).max(self.ring.end()) };
            (on.due, on.asked) = (false, None);
        }
        if instead && (!self.known || !self.ring.reaches(offset)) {
            self.restart(offset);
        }
        if self.ring.holds(offset) {
            for place in self.places.values_mut().filter(|place| place.waits()) {
                place.paint(&snapshot, now);
            }
            self.snapshot = Some(snapshot);
        }
        self.settle(now);
    }

    /// The stream goes on here. Whoever claims to have more has something else.
    fn restart(&mut self, offset: u64) {
        self.ring.restart(offset);
        self.known = true;
        for place in self.places.values_mut().filter(|place| place.sent() > offset) {
            (place.at, place.acked, place.painted) = (At::Waiting, 0, false);
        }
    }

    /// The frame that this viewer is to be sent now.
    pub fn next(&mut self, seat: Seat, now: Instant) -> Option<Bytes> {
        let frame = self.frame(seat, now);
        if frame.is_some() {
            self.settle(now);
        }
        frame
    }

    fn frame(&mut self, seat: Seat, now: Instant) -> Option<Bytes> {
        let place = self.places.get_mut(&seat)?;
        if let At::Following(sent) = place.at
            && !self.ring.holds(sent)
            && place.room() > 0
        {
            place.at = At::Waiting;
        }
        if place.waits() {
            match &self.snapshot {
                Some(snapshot) if snapshot.is_fresh(&self.ring) => place.paint(snapshot, now),
                Some(_) | None => {
                    place.alive = now;
                    self.settle(now);
                    self.ask_for_snapshot(now);
                    return None;
                }
            }
        }
        let place = self.places.get_mut(&seat)?;
        let frame = match &mut place.at {
            At::Waiting => None,
            At::Painting { snapshot, done } => {
                let (frame, offset) = (snapshot.frames.get(*done).cloned(), snapshot.offset);
                *done += 1;
                if *done >= snapshot.frames.len() {
                    place.at = At::Following(offset);
                }
                frame
            }
            At::Following(_) => place.output(self.terminal, &self.ring, now),
        };
        if frame.is_some() {
            place.alive = now;
        }
        frame
    }

    /// Looks who is alive, and asks for what follows from it.
    pub fn settle(&mut self, now: Instant) {
        let end = self.ring.end();
        let mut best: Option<(u64, u64)> = None;
        for place in self.places.values_mut() {
            if place.is_stalled(end, now) {
                place.put_down();
                continue;
            }
            let window = place.pace.window() as u64;
            best = best.max(Some((place.acked.min(end).saturating_add(window), window)));
        }
        match (&mut self.feed, best) {
            (Feed::Off, Some((_, window))) => self.watch(window, now),
            (Feed::On(on), Some((credit, window))) => {
                if !on.due && credit >= on.credit.saturating_add(window / STEP) {
                    on.credit = credit;
                    self.asks.push(Ask::Credit(credit));
                }
            }
            (Feed::On(_), None) => {
                self.feed = Feed::Off;
                self.coming = None;
                self.asks.push(Ask::Unwatch);
            }
            (Feed::Down, _) | (Feed::Off, None) => {}
        }
    }

    fn watch(&mut self, window: u64, now: Instant) {
        let from = self.known.then(|| self.ring.end());
        let credit = self.ring.end().saturating_add(window);
        self.feed = Feed::On(On { credit, window, due: true, asked: from.is_none().then_some(now) });
        self.asks.push(Ask::Watch { from, window: usize::try_from(window).unwrap_or(usize::MAX) });
    }

    /// Several viewers may wait for the same one. One that does not come is asked for again.
    fn ask_for_snapshot(&mut self, now: Instant) {
        if let Feed::On(on) = &mut self.feed
            && on.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= COMES)
        {
            on.asked = Some(now);
            self.asks.push(Ask::Snapshot);
        }
    }
}

impl Snapshot {
    fn is_fresh(&self, ring: &Ring) -> bool {
        ring.holds(self.offset) && ring.end().saturating_sub(self.offset) <= FRESH
    }
}

impl Place {
    /// What was sent of the stream.
    const fn sent(&self) -> u64 {
        match &self.at {
            At::Waiting => self.acked,
            At::Painting { snapshot, .. } => snapshot.offset,
            At::Following(sent) => *sent,
        }
    }

    /// How much more may be sent before it acknowledges something.
    fn room(&self) -> usize {
        let under_way = usize::try_from(self.sent().saturating_sub(self.acked)).unwrap_or(usize::MAX);
        self.pace.window().saturating_sub(under_way)
    }

    /// Whether a snapshot is what it waits for. One at a time: the last has to be acknowledged.
    const fn waits(&self) -> bool {
        matches!(self.at, At::Waiting) && !self.painted
    }

    fn paint(&mut self, snapshot: &Snapshot, now: Instant) {
        self.at = At::Painting { snapshot: snapshot.clone(), done: 0 };
        self.acked = snapshot.offset;
        self.painted = true;
        self.pace.forget();
        self.alive = now;
    }

    /// There is something for it to take or to acknowledge.
    const fn has_work(&self, end: u64) -> bool {
        match &self.at {
            At::Waiting => self.painted,
            At::Painting { .. } => true,
            At::Following(sent) => self.painted || *sent > self.acked || *sent < end,
        }
    }

    fn is_stalled(&self, end: u64, now: Instant) -> bool {
        self.has_work(end) && now.saturating_duration_since(self.alive) >= PATIENCE
    }

    /// Nothing is kept for one that is stalled. If it comes back, it begins with a snapshot.
    fn put_down(&mut self) {
        if matches!(self.at, At::Painting { .. }) {
            (self.at, self.painted) = (At::Waiting, false);
        }
    }

    /// Whether that is a sign of life.
    fn acked_upto(&mut self, upto: u64, now: Instant) -> bool {
        let upto = upto.min(self.sent());
        let paints = matches!(self.at, At::Painting { .. });
        if paints || upto < self.acked || (upto == self.acked && !self.painted) {
            return false;
        }
        (self.acked, self.painted, self.alive) = (upto, false, now);
        self.pace.acked(upto, now);
        true
    }

    /// The next output.
    fn output(&mut self, terminal: TerminalId, ring: &Ring, now: Instant) -> Option<Bytes> {
        let At::Following(sent) = self.at else { return None };
        let left = usize::try_from(ring.end().saturating_sub(sent)).unwrap_or(usize::MAX);
        let (room, piece) = (self.room(), self.pace.piece());
        if left == 0 {
            return None;
        }
        // Crumbs are not worth a frame: it will acknowledge more soon.
        if room < left.min(piece) {
            self.pace.waits();
            return None;
        }
        let mut frame = encode_terminal(terminal, &TerminalFrame::Output { offset: sent, bytes: &[] });
        let read = ring.read(sent, piece.min(room), &mut frame)?;
        self.at = At::Following(sent + read as u64);
        self.pace.sent(sent + read as u64, now);
        Some(frame.into())
    }
}

#[cfg(test)]
mod model;
