//! The model of a terminal's screen: what the page's emulator would show after the same bytes.
//!
//! It is written after that emulator (xterm.js 6), and a test holds it against it: only a model that agrees in everything that
//! shows can hand over a screen in mid-stream. It alone answers what programs ask a terminal. Pure: bytes in, answers and
//! [snapshots](snapshot) out. Everything in it is bounded, whatever the bytes.
//!
//! Not kept, since no viewer's emulator knows it either: pictures, the title stack, `modifyOtherKeys`. The kitty keyboard
//! protocol's flags are kept and handed over, and a query for them is not answered: an answer would promise keys that no
//! viewer sends.

pub mod cell;
pub mod charsets;
pub mod parser;
pub mod snapshot;

pub mod buffer;
pub mod colors;
mod control;
mod look;
pub mod modes;
pub mod pool;
mod print;
pub mod scrollback;

pub use self::print::width;
mod replies;

use protocol::limits::{SCROLLBACK_LINES, TERMINAL_TITLE_BYTES};
use protocol::terminal::Size;

use self::buffer::Buffer;
use self::cell::{Cell, Extra, Look};
use self::charsets::Charset;
use self::colors::Colors;
use self::modes::Modes;
use self::parser::Parser;
use self::pool::Pools;

/// What answers may wait to be written, at most. Whoever asks faster than it reads is answered no more.
const REPLY_BYTES: usize = 4 * 1024;

/// The model.
#[derive(Debug, Default)]
pub struct Screen {
    parser: Parser,
    state: State,
}

/// What the bytes make of it.
#[derive(Debug)]
struct State {
    cols: usize,
    rows: usize,
    primary: Buffer,
    alternate: Buffer,
    on_alternate: bool,
    /// How the next character looks.
    look: Look,
    /// The part of it that `look.extra` is the number of.
    extra: Extra,
    charset: Charset,
    charsets: [Charset; 4],
    /// Which of them is invoked.
    level: usize,
    modes: Modes,
    colors: Colors,
    title: String,
    icon: String,
    pools: Pools,
    /// How wide the character is that a combining one would join; 0 if there is none.
    join: u8,
    replies: Vec<u8>,
}

impl Default for State {
    fn default() -> Self {
        Self::new(Size { cols: 80, rows: 24 })
    }
}

impl Screen {
    /// An empty screen.
    pub fn new(size: Size) -> Self {
        Self { parser: Parser::default(), state: State::new(size.clamped()) }
    }

    /// Takes what the program printed.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.parser.feed(bytes, &mut self.state);
    }

    /// Whether the bytes so far end between two characters and outside of any sequence.
    pub fn is_ground(&self) -> bool {
        self.parser.is_ground()
    }

    /// What is to be written to the program, in answer to what it asked.
    pub fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.state.replies)
    }

    /// Another size.
    pub fn resize(&mut self, size: Size) {
        self.state.resize(size.clamped());
    }

    /// What viewers show where nothing is set, for programs that ask.
    pub fn set_colors(&mut self, colors: protocol::terminal::Colors) {
        self.state.colors.theme = [colors.text, colors.background, colors.cursor];
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        let number = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        Size { cols: number(self.state.cols), rows: number(self.state.rows) }
    }

    /// What the program calls itself.
    pub fn title(&self) -> &str {
        &self.state.title
    }

    /// Bytes that rebuild all of it in an emulator of this size that was just reset. In the midst of a sequence it is what was
    /// there at ground, and what came of the sequence since.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut snapshot = snapshot::write(&self.state);
        snapshot.extend_from_slice(self.parser.partial());
        snapshot
    }

    /// Like [`Screen::snapshot`], without the lines that have scrolled off.
    pub fn painting(&self) -> Vec<u8> {
        let mut painting = snapshot::without_scrollback(&self.state);
        painting.extend_from_slice(self.parser.partial());
        painting
    }

    /// The text of the lines that are shown, without blanks at their ends.
    pub fn text(&self) -> Vec<String> {
        self.state.buffer().lines.iter().map(|line| self.state.text_of(line)).collect()
    }

    /// The cursor's column and row.
    pub fn cursor(&self) -> (usize, usize) {
        (self.state.buffer().x, self.state.buffer().y)
    }
}

impl State {
    fn new(size: Size) -> Self {
        let (cols, rows) = (usize::from(size.cols), usize::from(size.rows));
        Self {
            cols,
            rows,
            primary: Buffer::new(cols, rows, SCROLLBACK_LINES),
            alternate: Buffer::new(cols, rows, 0),
            on_alternate: false,
            look: Look::default(),
            extra: Extra::default(),
            charset: Charset::default(),
            charsets: [Charset::default(); 4],
            level: 0,
            modes: Modes::default(),
            colors: Colors::default(),
            title: String::new(),
            icon: String::new(),
            pools: Pools::default(),
            join: 0,
            replies: Vec::new(),
        }
    }

    fn resize(&mut self, size: Size) {
        (self.cols, self.rows) = (usize::from(size.cols), usize::from(size.rows));
        self.primary.resize(self.cols, self.rows);
        self.alternate.resize(self.cols, self.rows);
    }

    const fn buffer(&self) -> &Buffer {
        if self.on_alternate { &self.alternate } else { &self.primary }
    }

    const fn buffer_mut(&mut self) -> &mut Buffer {
        if self.on_alternate { &mut self.alternate } else { &mut self.primary }
    }

    /// What erasing leaves: nothing on the background of now.
    const fn fill(&self) -> Cell {
        Cell::blank(Look { fg: 0, bg: self.look.bg & !cell::bg::FLAGS, extra: 0 })
    }

    fn reply(&mut self, answer: &str) {
        if self.replies.len() + answer.len() <= REPLY_BYTES {
            self.replies.extend_from_slice(answer.as_bytes());
        }
    }

    fn set_title(&mut self, title: &str) {
        protocol::bounded::clip(title, TERMINAL_TITLE_BYTES).clone_into(&mut self.title);
    }

    fn set_icon(&mut self, icon: &str) {
        protocol::bounded::clip(icon, TERMINAL_TITLE_BYTES).clone_into(&mut self.icon);
    }

    fn text_of(&self, line: &cell::Line) -> String {
        let mut text = String::new();
        for cell in &line.cells {
            match cell.content() {
                cell::Content::Empty if cell.width() == 0 => {}
                cell::Content::Empty => text.push(' '),
                cell::Content::Char(character) => text.push(character),
                cell::Content::Text(number) => text.push_str(self.pools.text(number)),
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}
