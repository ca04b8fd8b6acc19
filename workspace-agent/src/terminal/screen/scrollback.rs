//! What scrolled off a screen.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::cell::{Cell, Line, Look};

/// The newest lines that left a screen at its top, without the blank cells at their ends. Most are plain text and kept as that:
/// one byte a column instead of sixteen, and a flood writes as much less.
#[derive(Debug)]
pub struct Scrollback {
    lines: VecDeque<Kept>,
    most: usize,
}

#[derive(Debug)]
enum Kept {
    /// ASCII in the default look.
    Plain { text: Vec<u8>, wrapped: bool },
    /// Anything else.
    Cells(Line),
}

impl Scrollback {
    /// An empty one that keeps `most` lines.
    pub const fn new(most: usize) -> Self {
        Self { lines: VecDeque::new(), most }
    }

    /// Whether it never keeps anything.
    pub const fn is_none(&self) -> bool {
        self.most == 0
    }

    /// How many lines it keeps at most.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Keeps a line; the oldest goes if there are too many.
    pub fn push(&mut self, line: &Line) {
        if self.most == 0 {
            return;
        }
        let oldest = if self.lines.len() >= self.most { self.lines.pop_front() } else { None };
        self.lines.push_back(Kept::keep(line, oldest));
    }

    /// Takes the newest line out.
    pub fn pop(&mut self) -> Option<Line> {
        Some(self.lines.pop_back()?.into_line())
    }

    /// Takes all lines out, the oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Line> {
        self.lines.drain(..).map(Kept::into_line)
    }

    /// Drops all lines.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    /// The lines, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, Line>> {
        self.lines.iter().map(|kept| match kept {
            Kept::Plain { text, wrapped } => Cow::Owned(plain(text, *wrapped)),
            Kept::Cells(line) => Cow::Borrowed(line),
        })
    }

    /// All cells that hold more than a plain character, and maybe others.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        let lines = self.lines.iter().filter_map(|kept| match kept {
            Kept::Plain { .. } => None,
            Kept::Cells(line) => Some(line),
        });
        lines.flat_map(|line| &line.cells)
    }

    /// A line goes on from the one before it no longer, if there is that line.
    pub fn begin_at(&mut self, index: usize) {
        match self.lines.get_mut(index) {
            Some(Kept::Plain { wrapped, .. } | Kept::Cells(Line { wrapped, .. })) => *wrapped = false,
            None => {}
        }
    }
}

impl Kept {
    /// Keeps a line, in the place of one that is not needed any more if there is one.
    fn keep(line: &Line, old: Option<Self>) -> Self {
        let (cells, wrapped) = (line.used(), line.wrapped);
        let (mut text, mut kept) = match old {
            Some(Self::Plain { text, .. }) => (text, Vec::new()),
            Some(Self::Cells(line)) => (Vec::new(), line.cells),
            None => (Vec::new(), Vec::new()),
        };
        text.clear();
        text.extend(cells.iter().map_while(|cell| cell.plain()));
        if text.len() == cells.len() {
            return Self::Plain { text, wrapped };
        }
        kept.clear();
        kept.extend_from_slice(cells);
        Self::Cells(Line { cells: kept, wrapped })
    }

    fn into_line(self) -> Line {
        match self {
            Self::Plain { text, wrapped } => plain(&text, wrapped),
            Self::Cells(line) => line,
        }
    }
}

fn plain(text: &[u8], wrapped: bool) -> Line {
    let cells = text.iter().map(|byte| Cell::of(char::from(*byte), 1, Look::default()));
    Line { cells: cells.collect(), wrapped }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell> {
        let look = prop_oneof![4 => Just(0), 1 => 1..4_u32].prop_map(|fg| Look { fg, ..Look::default() });
        let character = prop_oneof![8 => prop::char::range(' ', '~'), 1 => any::<char>(), 2 => Just('\0')];
        (character, 0..3_u8, look).prop_map(|(character, width, look)| match character {
            '\0' => Cell::blank(look),
            ' '..='~' => Cell::of(character, 1, look),
            other => Cell::of(other, width, look),
        })
    }

    fn line() -> impl Strategy<Value = Line> {
        let cells = prop_oneof![
            prop::collection::vec(cell(), 0..40),
            "[ -~]{0,40}".prop_map(|text| plain(text.as_bytes(), false).cells),
        ];
        (cells, any::<bool>()).prop_map(|(cells, wrapped)| Line { cells, wrapped })
    }

    proptest! {
        #[test]
        fn lines_come_back_as_they_were(lines in prop::collection::vec(line(), 0..40), most in 1..20_usize) {
            let mut scrollback = Scrollback::new(most);
            lines.iter().for_each(|line| scrollback.push(line));
            let mut wanted: Vec<Line> = lines;
            wanted.iter_mut().for_each(Line::trim);
            let wanted = wanted.split_off(wanted.len().saturating_sub(most));
            prop_assert_eq!(scrollback.iter().map(Cow::into_owned).collect::<Vec<_>>(), wanted.clone());
            prop_assert_eq!(scrollback.len(), wanted.len());
            prop_assert_eq!(scrollback.pop(), wanted.last().cloned());
            let left = wanted.len().saturating_sub(1);
            prop_assert_eq!(scrollback.drain().collect::<Vec<_>>(), wanted[..left].to_vec());
            prop_assert!(scrollback.is_empty());
        }
    }

    #[test]
    fn plain_text_is_kept_as_text() {
        let mut scrollback = Scrollback::new(2);
        scrollback.push(&plain(b"a line", true));
        assert!(matches!(&scrollback.lines[0], Kept::Plain { text, wrapped: true } if text == b"a line"));
        scrollback.begin_at(0);
        assert!(matches!(&scrollback.lines[0], Kept::Plain { wrapped: false, .. }));
        scrollback.begin_at(1);
    }
}
