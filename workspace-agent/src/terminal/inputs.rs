//! What was typed and is not written to the program yet.
//!
//! Every byte has its place in what its source typed, so that a repeat changes nothing. Pure.

use std::collections::VecDeque;

use protocol::limits::INPUT_WINDOW_BYTES;

/// How many sources are remembered. The one that is heard of least goes first; if it comes back its first bytes are taken as
/// new.
const SOURCES: usize = 32;
/// What may wait in all: one source's window, and answers of the model.
const WAITING_BYTES: usize = 2 * INPUT_WINDOW_BYTES;
/// What the terminal driver takes for the interrupt key, unless a program says otherwise.
const INTERRUPT: u8 = 0x03;

/// The queue.
#[derive(Debug, Default)]
pub struct Inputs {
    waiting: VecDeque<u8>,
    /// Whose the waiting bytes are, in order; the model's answers are nobody's.
    parts: VecDeque<Part>,
    /// Most recently heard of last.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Part {
    /// Whose, and where it ends in what they typed.
    source: Option<(u64, u64)>,
    len: usize,
}

#[derive(Debug)]
struct Source {
    id: u64,
    /// Everything before is taken into the queue.
    accepted: u64,
    /// Everything before is written.
    written: u64,
    /// How far it has to be told so.
    tell: bool,
}

impl Inputs {
    /// Takes what is new of some bytes. Returns whether something is to be written.
    pub fn take(&mut self, id: u64, place: u64, bytes: &[u8]) -> bool {
        let source = self.source(id, place);
        let (accepted, written) = (source.accepted, source.written);
        let known = usize::try_from(accepted.saturating_sub(place)).unwrap_or(usize::MAX);
        let fresh = bytes.get(known..).unwrap_or_default();
        let start = accepted.max(place);
        let window = (accepted - written).saturating_add(fresh.len() as u64);
        if fresh.is_empty() {
            source.tell = true;
            return false;
        }
        if window > INPUT_WINDOW_BYTES as u64 || self.waiting.len() + fresh.len() > WAITING_BYTES {
            return false;
        }
        let source = self.source(id, place);
        // What lies between, if anything does, was given up by the source.
        source.accepted = start + fresh.len() as u64;
        let end = source.accepted;
        self.queue(Some((id, end)), fresh);
        true
    }

    /// Takes an answer of the model, if there is room.
    pub fn answer(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && self.waiting.len() + bytes.len() <= WAITING_BYTES {
            self.queue(None, bytes);
        }
    }

    fn queue(&mut self, source: Option<(u64, u64)>, bytes: &[u8]) {
        self.waiting.extend(bytes);
        self.parts.push_back(Part { source, len: bytes.len() });
    }

    fn source(&mut self, id: u64, place: u64) -> &mut Source {
        let known = match self.sources.iter().position(|source| source.id == id) {
            Some(at) => self.sources.remove(at),
            None => Source { id, accepted: place, written: place, tell: false },
        };
        if self.sources.len() >= SOURCES {
            self.sources.remove(0);
        }
        self.sources.push(known);
        let last = self.sources.len() - 1;
        &mut self.sources[last]
    }

    /// What is to be written next.
    pub fn next(&self) -> &[u8] {
        self.waiting.as_slices().0
    }

    /// So many bytes were written.
    pub fn written(&mut self, count: usize) {
        self.waiting.drain(..count);
        let mut left = count;
        while left > 0 {
            let Some(part) = self.parts.front_mut() else { return };
            let done = part.len.min(left);
            part.len -= done;
            left -= done;
            let (source, rest) = (part.source, part.len);
            if rest == 0 {
                self.parts.pop_front();
            }
            let Some((id, end)) = source else { continue };
            if let Some(source) = self.sources.iter_mut().find(|known| known.id == id) {
                source.written = end - rest as u64;
                source.tell = true;
            }
        }
    }

    /// How far each source's bytes are written, for those that were not told since.
    pub fn taken(&mut self) -> Vec<(u64, u64)> {
        let news = self.sources.iter_mut();
        news.filter_map(|source| std::mem::take(&mut source.tell).then_some((source.id, source.written)))
            .collect()
    }

    /// Whether an interrupt key waits.
    pub fn has_interrupt(&self) -> bool {
        self.waiting.contains(&INTERRUPT)
    }

    /// Drops everything up to the last interrupt key that waits, as the terminal driver does. Returns whether there is one.
    pub fn interrupt(&mut self) -> bool {
        let last = self.waiting.iter().rposition(|byte| *byte == INTERRUPT);
        if let Some(last) = last {
            self.written(last + 1);
        }
        last.is_some()
    }

    /// Drops everything: the program is another one.
    pub fn clear(&mut self) {
        self.written(self.waiting.len());
    }
}
