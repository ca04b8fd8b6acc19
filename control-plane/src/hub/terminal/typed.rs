//! What was typed into one terminal and is not known to be taken by its program. No I/O.
//!
//! The workspace-agent says how far it has taken what each source typed, and takes nothing twice. So everything is kept
//! until it says so, and on a new link what is kept is sent again.

use std::collections::VecDeque;

use protocol::limits::{INPUT_BYTES, INPUT_WINDOW_BYTES};

use super::fan::Seat;

/// Sources of one terminal that are remembered: whoever keeps typing, and the pages before their last reloads.
const SOURCES: usize = 8;

/// What was typed into one terminal.
#[derive(Debug, Default)]
pub struct Typed {
    /// The one that typed last comes last.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    id: u64,
    /// Where it typed last.
    seat: Seat,
    /// Everything before this was taken.
    taken: u64,
    /// Everything before this was sent on the present link.
    sent: u64,
    /// What was typed from `taken` on.
    bytes: VecDeque<u8>,
}

/// Bytes to be passed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// Who typed them.
    pub source: u64,
    /// Where they lie in what the source typed.
    pub place: u64,
    /// They.
    pub bytes: Vec<u8>,
}

impl Source {
    fn end(&self) -> u64 {
        self.taken + self.bytes.len() as u64
    }
}

impl Typed {
    /// Takes what a source typed. Returns how far it was taken already, if the source does not seem to know. What there
    /// is no room for is not taken, and neither is what does not follow: the source is not told that it was, and says it
    /// again.
    pub fn typed(&mut self, seat: Seat, source: u64, place: u64, bytes: &[u8]) -> Option<u64> {
        let source = self.source(seat, source, place);
        let known = source.end().checked_sub(place).and_then(|known| usize::try_from(known).ok());
        let new = known.and_then(|known| bytes.get(known..)).unwrap_or_default();
        if source.bytes.len() + new.len() <= INPUT_WINDOW_BYTES {
            source.bytes.extend(new);
        }
        (place < source.taken).then_some(source.taken)
    }

    /// A source's bytes before this were taken. Returns where the source is to be told.
    pub fn taken(&mut self, source: u64, upto: u64) -> Option<Seat> {
        let source = self.sources.iter_mut().find(|known| known.id == source)?;
        let new = usize::try_from(upto.saturating_sub(source.taken)).unwrap_or(usize::MAX);
        source.bytes.drain(..new.min(source.bytes.len()));
        source.taken = source.taken.max(upto);
        source.sent = source.sent.max(source.taken);
        Some(source.seat)
    }

    /// What is to be passed on next, and counts as passed on from here.
    pub fn pass_on(&mut self) -> Option<Input> {
        let source = self.sources.iter_mut().find(|source| source.sent < source.end())?;
        let skipped = usize::try_from(source.sent - source.taken).unwrap_or(usize::MAX);
        let bytes: Vec<u8> = source.bytes.iter().skip(skipped).take(INPUT_BYTES).copied().collect();
        let input = Input { source: source.id, place: source.sent, bytes };
        source.sent += input.bytes.len() as u64;
        Some(input)
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.sources.iter().all(|source| source.bytes.is_empty())
    }

    /// Nothing was passed on yet on a new link.
    pub fn again(&mut self) {
        self.sources.iter_mut().for_each(|source| source.sent = source.taken);
    }

    fn source(&mut self, seat: Seat, id: u64, place: u64) -> &mut Source {
        let index = match self.sources.iter().position(|source| source.id == id) {
            Some(index) => index,
            None => {
                if self.sources.len() >= SOURCES {
                    self.sources.remove(0);
                }
                self.sources.push(Source { id, seat, taken: place, sent: place, bytes: VecDeque::new() });
                self.sources.len() - 1
            }
        };
        self.sources[index..].rotate_left(1);
        let last = self.sources.len() - 1;
        let source = &mut self.sources[last];
        source.seat = seat;
        source
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEAT: Seat = Seat(1);

    /// The other end: takes what follows, once.
    #[derive(Default)]
    struct Program {
        taken: Vec<u8>,
    }

    impl Program {
        fn take(&mut self, input: &Input) -> u64 {
            let end = self.taken.len() as u64;
            if let Some(new) = end.checked_sub(input.place) {
                let new = usize::try_from(new).ok().and_then(|known| input.bytes.get(known..));
                self.taken.extend_from_slice(new.unwrap_or_default());
            }
            self.taken.len() as u64
        }
    }

    #[test]
    fn whoever_repeats_what_was_taken_is_told() {
        let mut typed = Typed::default();
        assert_eq!(typed.typed(SEAT, 7, 0, b"hello"), None);
        assert_eq!(typed.pass_on().map(|input| input.bytes), Some(b"hello".to_vec()));
        assert_eq!(typed.taken(7, 5), Some(SEAT));
        assert_eq!(typed.typed(Seat(2), 7, 0, b"hello you"), Some(5));
        assert_eq!(typed.pass_on(), Some(Input { source: 7, place: 5, bytes: b" you".to_vec() }));
        assert_eq!(typed.taken(7, 9), Some(Seat(2)));
        assert_eq!(typed.taken(8, 9), None);
    }

    #[test]
    fn what_is_kept_is_bounded_and_sources_are_forgotten_oldest_first() {
        let mut typed = Typed::default();
        for place in 0..1000 {
            typed.typed(SEAT, 1, place * 1024, &[b'x'; 1024]);
        }
        assert_eq!(typed.sources[0].bytes.len(), INPUT_WINDOW_BYTES);
        for source in 2..100 {
            typed.typed(SEAT, source, 0, b"y");
        }
        assert_eq!(typed.sources.len(), SOURCES);
        assert_eq!(typed.taken(1, 1), None);
        assert_eq!(typed.taken(99, 1), Some(SEAT));
    }

    proptest! {
        /// However links break and whatever is lost with them, in either direction: the program takes what was typed, in
        /// order and once.
        #[test]
        fn what_is_typed_is_taken_once(steps in prop::collection::vec((1..3000usize, 0..6u8), 1..60)) {
            let (mut typed, mut program) = (Typed::default(), Program::default());
            let mut all = Vec::new();
            for (len, fate) in steps {
                let place = all.len() as u64;
                let bytes: Vec<u8> = (place..).take(len).map(|at| (at % 251) as u8).collect();
                if typed.sources.first().is_none_or(|source| source.bytes.len() + len <= INPUT_WINDOW_BYTES) {
                    typed.typed(SEAT, 7, place, &bytes);
                    all.extend_from_slice(&bytes);
                }
                while let Some(input) = typed.pass_on() {
                    prop_assert!(input.bytes.len() <= INPUT_BYTES);
                    match fate {
                        // It does not arrive, and the link breaks.
                        0 => break,
                        // It arrives, and nobody hears of it.
                        1 => { program.take(&input); }
                        _ => { typed.taken(7, program.take(&input)); }
                    }
                }
                if fate < 2 {
                    typed.again();
                }
            }
            typed.again();
            while let Some(input) = typed.pass_on() {
                typed.taken(7, program.take(&input));
            }
            prop_assert_eq!(program.taken, all);
        }
    }
}
