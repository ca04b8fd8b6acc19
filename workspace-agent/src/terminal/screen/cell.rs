//! Cells and lines of the model.

/// Bits of [`Cell::content`]: a character, or the number of a text of several; whether it is that; how wide it is.
const CODE: u32 = 0x1f_ffff;
const COMBINED: u32 = 1 << 21;
const WIDTH: u32 = 22;

/// Which kind of colour the low bits of `fg` and `bg` are, or of an underline's.
pub const COLOR_KIND: u32 = 0x0300_0000;
/// One of sixteen.
pub const COLOR_16: u32 = 0x0100_0000;
/// One of 256.
pub const COLOR_256: u32 = 0x0200_0000;
/// Red, green and blue.
pub const COLOR_RGB: u32 = 0x0300_0000;
/// The colour itself.
pub const COLOR_BITS: u32 = 0x00ff_ffff;

/// Flags in `fg`.
pub mod fg {
    /// Foreground and background swapped.
    pub const INVERSE: u32 = 0x0400_0000;
    /// Bold.
    pub const BOLD: u32 = 0x0800_0000;
    /// Underlined.
    pub const UNDERLINE: u32 = 0x1000_0000;
    /// Blinking.
    pub const BLINK: u32 = 0x2000_0000;
    /// Not shown.
    pub const INVISIBLE: u32 = 0x4000_0000;
    /// Struck through.
    pub const STRIKETHROUGH: u32 = 0x8000_0000;
}

/// Flags in `bg`.
pub mod bg {
    /// Italic.
    pub const ITALIC: u32 = 0x0400_0000;
    /// Dim.
    pub const DIM: u32 = 0x0800_0000;
    /// There is more than colours and flags tell: see [`super::Extra`].
    pub const EXTENDED: u32 = 0x1000_0000;
    /// Not erased by selective erasing.
    pub const PROTECTED: u32 = 0x2000_0000;
    /// A line above.
    pub const OVERLINE: u32 = 0x4000_0000;
    /// All flags.
    pub const FLAGS: u32 = 0xfc00_0000;
}

/// How characters look.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Look {
    /// The foreground's colour and flags.
    pub fg: u32,
    /// The background's colour and flags.
    pub bg: u32,
    /// The number of an [`Extra`]; counts if `bg` says so.
    pub extra: u32,
}

/// What few characters have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Extra {
    /// How it is underlined: 0 not at all, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
    pub underline: u8,
    /// The underline's colour, if that is not the text's.
    pub color: u32,
    /// The number of a hyperlink; 0 is none.
    pub link: u32,
}

impl Extra {
    /// Whether it says nothing that shows.
    pub const fn is_empty(self) -> bool {
        self.underline == 0 && self.link == 0
    }
}

/// One cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    content: u32,
    /// How it looks.
    pub look: Look,
}

impl Default for Cell {
    fn default() -> Self {
        Self::blank(Look { fg: 0, bg: 0, extra: 0 })
    }
}

/// What a cell holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A character.
    Char(char),
    /// The text of this number: a character and what is combined with it.
    Text(u32),
}

impl Cell {
    /// An empty cell.
    pub const fn blank(look: Look) -> Self {
        Self { content: 1 << WIDTH, look }
    }

    /// A cell with a character of this width.
    pub const fn of(character: char, width: u8, look: Look) -> Self {
        Self { content: character as u32 | (width as u32) << WIDTH, look }
    }

    /// The second half of a wide character.
    pub const fn second_half(look: Look) -> Self {
        Self { content: 0, look }
    }

    /// How many columns it takes; 0 for a wide character's second half, and for a combining character on its own.
    pub const fn width(self) -> u8 {
        (self.content >> WIDTH) as u8
    }

    /// Whether there is something in it.
    pub const fn has_content(self) -> bool {
        self.content & (CODE | COMBINED) != 0
    }

    /// What it holds.
    pub fn content(self) -> Content {
        let code = self.content & CODE;
        if self.content & COMBINED != 0 {
            return Content::Text(code);
        }
        char::from_u32(code).filter(|_| code != 0).map_or(Content::Empty, Content::Char)
    }

    /// Holds a text from here on, as wide as before.
    pub const fn set_text(&mut self, text: u32) {
        self.content = self.content & !CODE | COMBINED | text & CODE;
    }

    /// Holds a character that was to be combined with nothing.
    pub const fn set_lone(&mut self, character: char) {
        self.content = character as u32 | 1 << WIDTH;
    }

    /// Another width.
    pub const fn set_width(&mut self, width: u8) {
        self.content = self.content & (CODE | COMBINED) | (width as u32) << WIDTH;
    }

    /// The character of a cell that holds nothing but one of printable ASCII in the default look.
    pub fn plain(self) -> Option<u8> {
        let code = self.content ^ 1 << WIDTH;
        let is_plain = (0x20..0x7f).contains(&code) && self.look == Look::default();
        u8::try_from(code).ok().filter(|_| is_plain)
    }

    const fn is_protected(self) -> bool {
        self.look.bg & bg::PROTECTED != 0
    }
}

/// A line.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Line {
    /// Its cells. On the screen as many as there are columns; in the scrollback without the blank ones at the end.
    pub cells: Vec<Cell>,
    /// Whether it goes on from the line before.
    pub wrapped: bool,
}

impl Line {
    /// An empty line.
    pub fn blank(cols: usize, fill: Cell) -> Self {
        Self { cells: vec![fill; cols], wrapped: false }
    }

    /// The same, in a line's old place.
    pub fn clear(&mut self, cols: usize, fill: Cell, wrapped: bool) {
        self.cells.clear();
        self.cells.resize(cols, fill);
        self.wrapped = wrapped;
    }

    /// Its cells without the blank ones at the end.
    pub fn used(&self) -> &[Cell] {
        let blank = Cell::default();
        let used = self.cells.iter().rposition(|cell| *cell != blank).map_or(0, |last| last + 1);
        &self.cells[..used]
    }

    /// Leaves off the blank cells at the end.
    pub fn trim(&mut self) {
        self.cells.truncate(self.used().len());
    }

    /// The width of a cell; 0 where there is none.
    pub fn width(&self, col: usize) -> u8 {
        self.cells.get(col).map_or(0, |cell| cell.width())
    }

    /// Sets a cell, if there is one.
    pub fn set(&mut self, col: usize, cell: Cell) {
        if let Some(place) = self.cells.get_mut(col) {
            *place = cell;
        }
    }

    /// Makes room for `count` cells.
    pub fn insert(&mut self, col: usize, count: usize, fill: Cell) {
        let len = self.cells.len();
        let col = col % len;
        if col > 0 && self.width(col - 1) == 2 {
            self.cells[col - 1] = Cell::blank(fill.look);
        }
        let count = count.min(len - col);
        self.cells[col..].rotate_right(count);
        self.cells[col..col + count].fill(fill);
        if self.width(len - 1) == 2 {
            self.cells[len - 1] = Cell::blank(fill.look);
        }
    }

    /// Removes `count` cells.
    pub fn delete(&mut self, col: usize, count: usize, fill: Cell) {
        let len = self.cells.len();
        let col = col % len;
        let count = count.min(len - col);
        self.cells[col..].rotate_left(count);
        self.cells[len - count..].fill(fill);
        if col > 0 && self.width(col - 1) == 2 {
            self.cells[col - 1] = Cell::blank(fill.look);
        }
        if self.width(col) == 0 && !self.cells[col].has_content() {
            self.cells[col] = Cell::blank(fill.look);
        }
    }

    /// Empties cells; protected ones stay if that is wanted.
    pub fn erase(&mut self, start: usize, end: usize, fill: Cell, spare: bool) {
        let len = self.cells.len();
        let keeps = |cell: Option<&Cell>| spare && cell.is_some_and(|cell| cell.is_protected());
        if start > 0 && self.width(start - 1) == 2 && !keeps(self.cells.get(start - 1)) {
            self.cells[start - 1] = Cell::blank(fill.look);
        }
        if end > 0 && end < len && self.width(end - 1) == 2 && !keeps(self.cells.get(end)) {
            self.cells[end] = Cell::blank(fill.look);
        }
        for cell in self.cells.iter_mut().take(end).skip(start) {
            if !(spare && cell.is_protected()) {
                *cell = fill;
            }
        }
    }
}
