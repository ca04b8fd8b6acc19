//! The newest events of one conversation, as the bytes they came in, for as many readers as there are.
//!
//! What the store doesn't have yet is never dropped; it is bounded by what a workspace-agent may send ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::Position;

/// How much of a log is at hand for those who follow it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AtHand {
    /// Bytes of events that are kept for all readers although the store has them; older ones are read from there.
    pub ring: usize,
    /// With how many events a snapshot begins. Earlier ones are asked for as history.
    pub snapshot: u64,
    /// A viewer that lacks more events than this gets a snapshot.
    pub replay: u64,
}

impl Default for AtHand {
    /// A screenful or two in memory, and replays for as long as they are quicker than a snapshot.
    fn default() -> Self {
        Self { ring: 192 * 1024, snapshot: 200, replay: 1_000 }
    }
}

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its epoch.
    pub epoch: u64,
    /// Its number.
    pub n: u64,
    /// Its JSON.
    pub json: Arc<str>,
}

/// The newest events.
#[derive(Clone, Debug)]
pub struct Ring {
    lines: VecDeque<Line>,
    bytes: usize,
    end: Position,
    stored: u64,
    /// Bytes of stored events that are kept.
    most: usize,
}

impl Ring {
    /// An empty ring for a log that ends at `end`, all of it stored, that keeps `most` bytes of what the store has.
    pub const fn new(end: Position, most: usize) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, end, stored: end.n, most }
    }

    /// The log's end.
    pub const fn end(&self) -> Position {
        self.end
    }

    /// The first event that is held; one past the end if none is.
    pub fn first(&self) -> u64 {
        self.lines.front().map_or(self.end.n + 1, |line| line.n)
    }

    /// Takes the next event.
    pub fn push(&mut self, epoch: u64, n: u64, json: &str) {
        self.bytes += json.len();
        self.end = Position { epoch, n };
        self.lines.push_back(Line { epoch, n, json: json.into() });
        self.trim();
    }

    /// The store has everything up to `n`.
    pub fn stored(&mut self, n: u64) {
        self.stored = self.stored.max(n);
        self.trim();
    }

    /// What is held, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().rev()
    }

    /// The lines after event `n`, at least one if there is any, about `max` bytes of one epoch. `None` when event
    /// `n + 1` is not held any more.
    pub fn after(&self, n: u64, max: usize) -> Option<Vec<Line>> {
        if n + 1 < self.first() {
            return None;
        }
        let start = usize::try_from(n + 1 - self.first()).ok()?;
        let rest = self.lines.range(start.min(self.lines.len())..);
        let mut bytes = 0;
        let mut epoch = None;
        let within = rest.take_while(|line| {
            let fits = bytes == 0 || bytes + line.json.len() <= max;
            bytes += line.json.len();
            fits && *epoch.get_or_insert(line.epoch) == line.epoch
        });
        Some(within.cloned().collect())
    }

    fn trim(&mut self) {
        while self.bytes > self.most
            && let Some(front) = self.lines.front()
            && front.n <= self.stored
        {
            self.bytes -= front.json.len();
            self.lines.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_stored_is_never_dropped() {
        let mut ring = Ring::new(Position { epoch: 1, n: 10 }, 200_000);
        for n in 11..=30 {
            ring.push(1, n, &"x".repeat(20_000));
        }
        assert_eq!(ring.first(), 11);
        ring.stored(20);
        assert_eq!(ring.first(), 21);
        assert!(ring.bytes <= 220_000);
    }

    proptest! {
        /// A reader that follows sees every event once and in order, or is told that it fell behind.
        #[test]
        fn readers_miss_nothing(sizes in prop::collection::vec(1..30_000usize, 1..60), max in 1..100_000usize, lag in 0..20usize) {
            let mut ring = Ring::new(Position { epoch: 1, n: 0 }, 200_000);
            let mut seen = 0;
            for (index, size) in sizes.iter().enumerate() {
                let n = index as u64 + 1;
                ring.push(1, n, &"x".repeat(*size));
                ring.stored(n);
                if index % (lag + 1) == 0 {
                    match ring.after(seen, max) {
                        Some(lines) => for line in lines {
                            prop_assert_eq!(line.n, seen + 1);
                            seen = line.n;
                        },
                        None => seen = ring.first() - 1,
                    }
                }
            }
        }
    }
}
