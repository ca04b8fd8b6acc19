//! The newest bytes of one terminal, with their absolute offsets, for as many readers as there are. No I/O.
//!
//! Bytes of any chunking cost what they are: a terminal that prints one byte at a time takes no more than one that
//! prints by the megabyte.

use std::collections::VecDeque;

use protocol::limits::RING_BYTES;

/// The newest bytes, [`RING_BYTES`] of them. That is more than any viewer's window, so that what the fastest has not
/// acknowledged is never dropped, and a reload finds where it was.
#[derive(Clone, Debug)]
pub struct Ring {
    bytes: VecDeque<u8>,
    end: u64,
}

/// What became of bytes that came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// So many of them were new.
    New(usize),
    /// They lie beyond the end: what was held is dropped, and the ring goes on with them.
    Gap,
}

impl Ring {
    /// An empty ring of a terminal that has printed `end` bytes.
    pub const fn new(end: u64) -> Self {
        Self { bytes: VecDeque::new(), end }
    }

    /// The offset of the first byte that is held.
    pub fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// The offset of the byte that comes next.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Whether nothing that a reader lacks who has everything up to `offset` was dropped.
    pub fn holds(&self, offset: u64) -> bool {
        self.start() <= offset
    }

    /// Whether a reader who has everything up to `offset` can go on from here now.
    pub fn reaches(&self, offset: u64) -> bool {
        self.holds(offset) && offset <= self.end
    }

    /// Takes bytes that begin at `offset`. What is there already stays as it is.
    pub fn push(&mut self, offset: u64, bytes: &[u8]) -> Pushed {
        if offset > self.end {
            self.restart(offset);
            self.extend(bytes);
            return Pushed::Gap;
        }
        let known = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
        let new = bytes.get(known..).unwrap_or_default();
        self.extend(new);
        Pushed::New(new.len())
    }

    /// Drops everything and goes on at `offset`.
    pub fn restart(&mut self, offset: u64) {
        self.bytes.clear();
        self.end = offset;
    }

    /// Appends to `into` at most `max` of the bytes from `offset` on; returns how many. `None` when they are not held
    /// any more.
    pub fn read(&self, offset: u64, max: usize, into: &mut Vec<u8>) -> Option<usize> {
        let skipped = usize::try_from(offset.checked_sub(self.start())?).ok()?;
        let (first, second) = self.bytes.as_slices();
        let mut left = max;
        for (slice, skip) in [(first, skipped), (second, skipped.saturating_sub(first.len()))] {
            let rest = slice.get(skip..).unwrap_or_default();
            let some = &rest[..rest.len().min(left)];
            into.extend_from_slice(some);
            left -= some.len();
        }
        Some(max - left)
    }

    /// Room is made first: the buffer never grows beyond what is kept.
    fn extend(&mut self, bytes: &[u8]) {
        self.end = self.end.saturating_add(bytes.len() as u64);
        let kept = &bytes[bytes.len().saturating_sub(RING_BYTES)..];
        let overflow = (self.bytes.len() + kept.len()).saturating_sub(RING_BYTES);
        self.bytes.drain(..overflow);
        let needed = self.bytes.len() + kept.len();
        if needed > self.bytes.capacity() {
            let room = needed.next_power_of_two().min(RING_BYTES);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend(kept);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the terminal prints at this offset.
    #[expect(clippy::cast_possible_truncation, reason = "a pattern with a long period")]
    fn printed(offset: u64) -> u8 {
        (offset ^ (offset >> 7) ^ (offset >> 15)) as u8
    }

    fn bytes(offset: u64, len: usize) -> Vec<u8> {
        (offset..).take(len).map(printed).collect()
    }

    #[test]
    fn bytes_that_come_again_are_taken_once() {
        let mut ring = Ring::new(5);
        assert_eq!(ring.push(5, b"hello"), Pushed::New(5));
        assert_eq!(ring.push(5, b"hello"), Pushed::New(0));
        assert_eq!(ring.push(7, b"llo world"), Pushed::New(6));
        let mut read = Vec::new();
        assert_eq!(ring.read(5, 100, &mut read), Some(11));
        assert_eq!(read, b"hello world");
        assert_eq!(ring.read(16, 100, &mut read), Some(0));
        assert_eq!(ring.read(4, 100, &mut read), None);
    }

    #[test]
    fn a_gap_is_told_and_nothing_is_made_up() {
        let mut ring = Ring::new(0);
        ring.push(0, b"one");
        assert_eq!(ring.push(10, b"two"), Pushed::Gap);
        assert!(!ring.holds(3));
        assert_eq!((ring.start(), ring.end()), (10, 13));
    }

    proptest! {
        /// Whatever the chunks, overlaps and reads: a reader gets the bytes that were printed, in order and once, or is
        /// told that it fell out. The buffer keeps to its size.
        #[test]
        fn readers_get_what_was_printed(
            chunks in prop::collection::vec((1..200_000usize, 0..1000u64), 1..40),
            max in 1..300_000usize,
            lag in 1..6usize,
        ) {
            let mut ring = Ring::new(0);
            let mut seen = 0;
            for (index, (len, overlap)) in chunks.into_iter().enumerate() {
                let from = ring.end().saturating_sub(overlap);
                ring.push(from, &bytes(from, len));
                prop_assert!(ring.bytes.capacity() <= RING_BYTES);
                if index % lag == 0 {
                    let mut read = Vec::new();
                    match ring.read(seen, max, &mut read) {
                        Some(count) => {
                            prop_assert_eq!(&read, &bytes(seen, count));
                            prop_assert_eq!(count as u64, (ring.end() - seen).min(max as u64));
                            seen += count as u64;
                        }
                        None => {
                            prop_assert!(seen < ring.start());
                            seen = ring.start();
                        }
                    }
                }
            }
        }
    }
}
