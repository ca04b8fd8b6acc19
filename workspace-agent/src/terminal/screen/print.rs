//! Printing characters.

use unicode_width::UnicodeWidthChar;

use super::State;
use super::cell::Cell;

/// How often a character may be repeated on a small screen; on a larger one, until it fills it twice.
const REPEAT: usize = 1_024;

/// How many columns a character takes.
pub fn width(character: char) -> u8 {
    match character {
        ' '..='~' => 1,
        // Controls that are printed at all take none.
        other => other.width().map_or(0, |width| u8::try_from(width.min(2)).unwrap_or(2)),
    }
}

impl State {
    pub(super) fn print_text(&mut self, text: &[char]) {
        let look = self.look;
        let blank = Cell::blank(look);
        let x = self.buffer().x;
        // Half of a wide character is about to be overwritten.
        if x > 0 && self.buffer_mut().line().width(x - 1) == 2 {
            self.buffer_mut().line().set(x - 1, blank);
        }
        let mut rest = text;
        while let Some(&character) = rest.first() {
            let printed = self.print_plain(rest);
            if printed == 0 {
                self.print_one(character);
            }
            rest = &rest[printed.max(1)..];
        }
        let (x, cols) = (self.buffer().x, self.cols);
        let line = self.buffer_mut().line();
        if x < cols && line.width(x) == 0 && !line.cells[x].has_content() {
            line.set(x, blank);
        }
    }

    /// Prints what is plain ASCII at the beginning of a text, as far as the line goes, at once: most of what programs print is
    /// that. Returns how many characters it was.
    fn print_plain(&mut self, text: &[char]) -> usize {
        if self.modes.insert || !self.charset.is_ascii() {
            return 0;
        }
        let look = self.look;
        let buffer = self.buffer_mut();
        let x = buffer.x;
        let places = buffer.line().cells.get_mut(x..).unwrap_or_default();
        let plain = text.iter().take_while(|character| matches!(character, ' '..='~'));
        let printed =
            places.iter_mut().zip(plain).map(|(cell, character)| *cell = Cell::of(*character, 1, look));
        let printed = printed.count();
        buffer.x += printed;
        if printed > 0 {
            self.join = 1;
        }
        printed
    }

    fn print_one(&mut self, character: char) {
        let character = if self.charset.is_ascii() { character } else { self.charset.map(character) };
        let own = width(character);
        let joins = own == 0 && self.join != 0;
        let (width, old) = if joins { (self.join, self.join) } else { (own, 0) };
        self.join = width;
        if !self.make_room(width - old) {
            return;
        }
        if joins && self.buffer().x > 0 {
            return self.combine(character);
        }
        let (cols, look) = (self.cols, self.look);
        let insert = self.modes.insert;
        let buffer = self.buffer_mut();
        let x = buffer.x;
        let line = buffer.line();
        if insert && x < cols {
            line.insert(x, usize::from(width), Cell::blank(look));
            if line.width(cols - 1) == 2 {
                line.set(cols - 1, Cell::blank(look));
            }
        }
        line.set(x, Cell::of(character, width, look));
        if width == 2 {
            line.set(x + 1, Cell::second_half(look));
        }
        buffer.x += usize::from(width.max(1));
    }

    /// Wraps if `width` columns are not left. Returns whether the character is printed at all.
    fn make_room(&mut self, width: u8) -> bool {
        if self.buffer().x + usize::from(width) <= self.cols {
            return true;
        }
        let (cols, rows, fill) = (self.cols, self.rows, self.fill());
        let blank = Cell::blank(self.look);
        if !self.modes.wraparound {
            self.buffer_mut().x = cols - 1;
            return width < 2;
        }
        let buffer = self.buffer_mut();
        for col in buffer.x..cols {
            buffer.line().set(col, blank);
        }
        buffer.x = 0;
        buffer.y += 1;
        if buffer.y == buffer.bottom + 1 {
            buffer.y -= 1;
            buffer.scroll(fill, true);
        } else {
            buffer.y = buffer.y.min(rows - 1);
            buffer.line().wrapped = true;
        }
        true
    }

    /// Adds a combining character to the one before the cursor.
    fn combine(&mut self, character: char) {
        let x = self.buffer().x;
        let line = self.buffer_mut().line();
        let col = if line.width(x - 1) > 0 { Some(x - 1) } else { x.checked_sub(2) };
        let Some(mut cell) = col.and_then(|col| line.cells.get(col).copied()) else { return };
        if cell.has_content() {
            if self.pools.are_full() {
                self.sweep();
            }
            match self.pools.append(cell, character) {
                Some(text) => cell.set_text(text),
                None => return,
            }
        } else {
            cell.set_lone(character);
        }
        cell.set_width(self.join);
        if let Some(col) = col {
            self.buffer_mut().line().set(col, cell);
        }
    }

    pub(super) fn sweep(&mut self) {
        let looks = [self.look, self.primary.saved.look, self.alternate.saved.look];
        self.pools.sweep([&self.primary, &self.alternate], &looks, self.extra);
    }

    /// Prints once more what was printed last.
    pub(super) fn repeat(&mut self, count: usize) {
        if self.join == 0 {
            return;
        }
        let Some(col) = self.buffer().x.checked_sub(usize::from(self.join)) else { return };
        let Some(cell) = self.buffer_mut().line().cells.get(col).copied() else { return };
        let text: Vec<char> = match cell.content() {
            super::cell::Content::Empty => return,
            super::cell::Content::Char(character) => vec![character],
            super::cell::Content::Text(number) => self.pools.text(number).chars().collect(),
        };
        // A few bytes must not cost more than filling the screen does.
        let most = REPEAT.max(2 * self.cols * self.rows);
        for _ in 0..count.min(most) {
            self.print_text(&text);
        }
    }
}
