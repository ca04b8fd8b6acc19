//! The model, as bytes that rebuild it.
//!
//! They are for an emulator of the same size that was just reset. First both screens are drawn, line by line, then what doesn't
//! show is set, and the cursor comes last: where it waits to wrap, the last character is printed once more. What can't be
//! said in sequences is left out: an empty cell with more than a background becomes a blank, a link that is
//! open while its look was restored away is closed, the scrollback's first line doesn't go on from one that is gone, on a screen of one row a line keeps a blank where a wide character did not fit, and a wrap that waits behind an erased cell in an otherwise filled line is lost.

use std::borrow::Cow;
use std::io::Write;

use protocol::limits::SNAPSHOT_BYTES;

use super::State;
use super::buffer::{Buffer, Saved};
use super::cell::{COLOR_16, COLOR_256, COLOR_BITS, COLOR_KIND, Cell, Content, Extra, Line, Look, bg, fg};
use super::charsets::Charset;

/// Where tab stops are at the start.
const TAB: usize = 8;

/// Writes the whole state.
pub(super) fn write(state: &State) -> Vec<u8> {
    let mut keep = state.primary.scrollback.len();
    loop {
        let snapshot = Writer::new(state).whole(keep, true);
        if snapshot.len() <= SNAPSHOT_BYTES {
            return snapshot;
        }
        if keep == 0 {
            return Writer::new(state).whole(0, false);
        }
        keep /= 2;
    }
}

/// Writes the state but for the lines that have scrolled off.
pub(super) fn without_scrollback(state: &State) -> Vec<u8> {
    Writer::new(state).whole(0, true)
}

struct Writer<'a> {
    out: Vec<u8>,
    state: &'a State,
    /// How the next character would look to the emulator.
    look: Look,
    extra: Extra,
}

impl<'a> Writer<'a> {
    fn new(state: &'a State) -> Self {
        Self { out: Vec::with_capacity(8 * 1024), state, look: Look::default(), extra: Extra::default() }
    }

    /// Everything, with the newest `keep` lines of scrollback, and the screen that isn't shown if that is `both`.
    fn whole(mut self, keep: usize, both: bool) -> Vec<u8> {
        let state = self.state;
        // What a reset leaves as it was.
        self.put("\x1b[20l\x1b[?25h\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\");
        if both || !state.on_alternate {
            let first = state.primary.scrollback.len() - keep;
            let shown = state.primary.lines.iter().map(Cow::Borrowed);
            self.draw(state.primary.scrollback.iter().skip(first).chain(shown), keep == 0);
            if keep == 0 {
                // It takes away what the first line goes on from.
                self.put("\x1b[3J");
            }
        }
        self.hidden(&state.primary, 0);
        if state.on_alternate || state.alternate.saved != Saved::default() {
            self.alternate();
        }
        self.charsets();
        self.modes();
        self.words();
        self.cursor();
        self.out
    }

    fn alternate(&mut self) {
        let state = self.state;
        self.plain();
        // By the cursor that it was left with, the other screen takes another size.
        let (x, y) = (state.primary.x.min(state.cols - 1), state.primary.y);
        self.print(format_args!("\x1b[{};{}H\x1b[?47h\x1b[H", y + 1, x + 1));
        if state.on_alternate {
            self.draw(state.alternate.lines.iter().map(Cow::Borrowed), true);
        }
        self.hidden(&state.alternate, 1);
        if !state.on_alternate {
            self.put("\x1b[?47l");
        }
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn print(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into memory doesn't fail.
        let _ = self.out.write_fmt(text);
    }

    /// Draws lines from the top left corner on; above them what the first one goes on from, if it does and that is `to_scroll`
    /// away. The screen is empty before.
    fn draw<'l>(&mut self, lines: impl Iterator<Item = Cow<'l, Line>>, to_scroll: bool) {
        let first = Line { cells: vec![Cell::of('x', 1, Look::default()); self.state.cols], wrapped: false };
        let mut above: Option<Cow<'l, Line>> = None;
        for line in lines {
            if above.is_none() && line.wrapped && to_scroll {
                self.line(&first, false);
                above = Some(Cow::Owned(first.clone()));
            }
            match &above {
                None => {}
                Some(above) if line.wrapped => self.wrap(above),
                Some(_) => {
                    self.plain();
                    self.put("\r\n");
                }
            }
            self.line(&line, line.wrapped && above.is_some());
            above = Some(line);
        }
        self.plain();
    }

    /// Goes on in the next line, so that the emulator knows that it belongs to the one above.
    fn wrap(&mut self, above: &Line) {
        let (cols, state) = (self.state.cols, self.state);
        let last = above.cells.get(cols - 1).copied().unwrap_or_default();
        // So is a wide character's second half, and what was drawn as a blank.
        let full = last.has_content() || last.width() == 0 || !self.is_erased(last.look);
        self.plain();
        if !full {
            self.print(format_args!("\x1b[{cols}G "));
        }
        self.put(" \r");
        if !full && state.rows > 1 {
            self.print(format_args!("\x1b[A\x1b[{cols}G"));
            self.set_look(Look { fg: 0, bg: last.look.bg & !bg::FLAGS, extra: 0 });
            self.put("\x1b[X\x1b[B\r");
            self.plain();
        }
    }

    /// Draws a line. A wrapped one has a blank in its first cell.
    fn line(&mut self, line: &Line, wrapped: bool) {
        let blank = Cell::default();
        let used = line.cells.iter().rposition(|cell| *cell != blank).map_or(0, |last| last + 1);
        if wrapped && (used == 0 || line.cells[0] == blank) {
            self.plain();
            self.put("\x1b[X");
        }
        let mut col = 0;
        while col < used {
            let found = line.cells[col];
            let alike = line.cells[col..used].iter().take_while(|other| **other == found).count();
            // A second half without a first one is as good as an empty cell.
            let cell = if found.has_content() { found } else { Cell::blank(found.look) };
            if cell == blank {
                self.print(format_args!("\x1b[{alike}C"));
                col += alike;
            } else if !cell.has_content() && self.is_erased(cell.look) {
                self.set_look(cell.look);
                self.print(format_args!("\x1b[{alike}X"));
                col += alike;
                if col < used {
                    self.print(format_args!("\x1b[{alike}C"));
                }
            } else {
                self.cell(cell);
                col += usize::from(cell.width().max(1));
            }
        }
    }

    fn cell(&mut self, cell: Cell) {
        if cell.width() == 0 && cell.has_content() {
            // It combines with nothing: a sequence comes between.
            self.break_join();
        }
        self.set_look(cell.look);
        self.text(cell);
    }

    /// What comes next combines with nothing.
    fn break_join(&mut self) {
        self.put("\x1b[m");
        self.forget_look(Look::default());
    }

    /// The emulator has this look now, with the link that it had.
    fn forget_look(&mut self, look: Look) {
        self.look = look;
        self.extra = Extra { link: self.extra.link, ..Extra::default() };
    }

    fn text(&mut self, cell: Cell) {
        match cell.content() {
            Content::Empty => self.put(" "),
            Content::Char(character) => self.put(character.encode_utf8(&mut [0; 4])),
            Content::Text(number) => self.put(self.state.pools.text(number)),
        }
    }

    fn plain(&mut self) {
        self.set_look(Look::default());
    }

    fn set_look(&mut self, look: Look) {
        let extra =
            if look.bg & bg::EXTENDED != 0 { self.state.pools.extra(look.extra) } else { Extra::default() };
        self.set_both(look, extra);
    }

    fn set_both(&mut self, look: Look, extra: Extra) {
        if extra.link != self.extra.link {
            self.link(extra.link);
        }
        let shown = |look: Look, extra: Extra| {
            (look.fg, look.bg & !bg::PROTECTED & !bg::EXTENDED, extra.underline, extra.color)
        };
        if shown(look, extra) != shown(self.look, self.extra) {
            self.sgr(look, extra);
        }
        if (look.bg ^ self.look.bg) & bg::PROTECTED != 0 {
            self.print(format_args!("\x1b[{}\"q", u8::from(look.bg & bg::PROTECTED != 0)));
        }
        (self.look, self.extra) = (look, extra);
    }

    fn sgr(&mut self, look: Look, extra: Extra) {
        let flags = [
            (look.fg & fg::BOLD, ";1"),
            (look.bg & bg::DIM, ";2"),
            (look.bg & bg::ITALIC, ";3"),
            (look.fg & fg::BLINK, ";5"),
            (look.fg & fg::INVERSE, ";7"),
            (look.fg & fg::INVISIBLE, ";8"),
            (look.fg & fg::STRIKETHROUGH, ";9"),
            (look.bg & bg::OVERLINE, ";53"),
        ];
        // A sequence has at most 32 parameters, which these are far from.
        self.put("\x1b[0");
        flags.iter().filter(|(flag, _)| *flag != 0).for_each(|(_, code)| self.put(code));
        if look.fg & fg::UNDERLINE != 0 {
            self.print(format_args!(";4:{}", extra.underline.max(1)));
        }
        self.color(look.fg, 30, 90, ";38");
        self.color(look.bg, 40, 100, ";48");
        if extra.color & COLOR_KIND != 0 {
            self.underline_color(extra.color);
        }
        self.put("m");
        // That ended protection, too.
        self.forget_look(Look { bg: look.bg & !bg::PROTECTED, ..look });
        self.extra = Extra { link: self.extra.link, ..extra };
    }

    fn color(&mut self, color: u32, dark: u32, bright: u32, prefix: &str) {
        let bits = color & COLOR_BITS;
        match color & COLOR_KIND {
            0 => {}
            COLOR_16 if bits < 8 => self.print(format_args!(";{}", dark + bits)),
            COLOR_16 => self.print(format_args!(";{}", bright + (bits & 7))),
            COLOR_256 => self.print(format_args!("{prefix};5;{}", bits & 0xff)),
            _ => self.print(format_args!("{prefix};2;{};{};{}", bits >> 16, bits >> 8 & 0xff, bits & 0xff)),
        }
    }

    fn underline_color(&mut self, color: u32) {
        let bits = color & COLOR_BITS;
        if color & COLOR_KIND == COLOR_256 {
            self.print(format_args!(";58:5:{}", bits & 0xff));
        } else {
            self.print(format_args!(";58:2::{}:{}:{}", bits >> 16, bits >> 8 & 0xff, bits & 0xff));
        }
    }

    fn link(&mut self, number: u32) {
        match self.state.pools.link(number) {
            None => self.put("\x1b]8;;\x1b\\"),
            Some(link) => {
                let id = link.id.as_deref().map(|id| format!("id={id}")).unwrap_or_default();
                self.print(format_args!("\x1b]8;{id};{}\x1b\\", link.uri));
            }
        }
    }

    /// What of a screen doesn't show: the region, tab stops, the saved cursor, the keyboard's flags.
    fn hidden(&mut self, buffer: &Buffer, which: usize) {
        let state = self.state;
        if (buffer.top, buffer.bottom) != (0, state.rows - 1) {
            self.print(format_args!("\x1b[{};{}r", buffer.top + 1, buffer.bottom + 1));
        }
        if !buffer.tabs.iter().copied().eq((0..state.cols).step_by(TAB)) {
            self.put("\x1b[3g");
            for stop in &buffer.tabs {
                self.print(format_args!("\x1b[{}G\x1bH", stop + 1));
            }
        }
        self.saved(buffer);
        let kitty = &state.modes.kitty[which];
        let mut flags = kitty.stack.iter().chain(std::iter::once(&kitty.flags));
        if let Some(first) = flags.next().filter(|first| **first != 0 || !kitty.stack.is_empty()) {
            self.print(format_args!("\x1b[={first};1u"));
            flags.for_each(|flags| self.print(format_args!("\x1b[>{flags}u")));
        }
    }

    fn saved(&mut self, buffer: &Buffer) {
        let saved = buffer.saved;
        if saved == Saved::default() {
            return;
        }
        let row = saved.line.saturating_sub(buffer.scrollback.len()).min(self.state.rows - 1);
        self.print(format_args!("\x1b[{};{}H", row + 1, saved.x.min(self.state.cols - 1) + 1));
        let underline = u8::from(saved.look.bg & bg::EXTENDED != 0);
        self.set_both(saved.look, Extra { underline, ..Extra::default() });
        self.designate(0, saved.charset);
        self.put("\x1b7");
        self.designate(0, Charset::default());
        self.plain();
    }

    fn designate(&mut self, level: usize, charset: Charset) {
        let place = ["(", ")", "*", "+"][level];
        self.print(format_args!("\x1b{place}{}", char::from(charset.name())));
    }

    fn charsets(&mut self) {
        let state = self.state;
        for (level, charset) in
            state.charsets.into_iter().enumerate().filter(|(_, charset)| !charset.is_ascii())
        {
            self.designate(level, charset);
        }
        self.invoke(state.level);
        if state.charset != state.charsets[state.level] {
            // It came with a cursor that was restored.
            self.put("\x1b8");
            let bg = state.buffer().saved.look.bg & bg::PROTECTED;
            self.forget_look(Look { fg: u32::MAX, bg, extra: 0 });
            self.plain();
        }
    }

    fn invoke(&mut self, level: usize) {
        self.put(["\x0f", "\x0e", "\x1bn", "\x1bo"][level]);
    }

    fn modes(&mut self) {
        let modes = &self.state.modes;
        let mouse = |mode| (modes.mouse == mode, mode);
        let switched = [
            (modes.cursor_keys, 1),
            (modes.reverse_wraparound, 45),
            mouse(9),
            mouse(1000),
            mouse(1002),
            mouse(1003),
            (modes.focus, 1004),
            (modes.mouse_encoding == 1006, 1006),
            (modes.mouse_encoding == 1016, 1016),
            (modes.paste, 2004),
            // This moves the cursor, which comes after it.
            (modes.origin, 6),
        ];
        for (_, mode) in switched.into_iter().filter(|(on, _)| *on) {
            self.print(format_args!("\x1b[?{mode}h"));
        }
        for (on, sequence) in [
            (!modes.wraparound, "\x1b[?7l"),
            (modes.cursor_hidden, "\x1b[?25l"),
            (modes.synchronized, "\x1b[?2026h"),
        ] {
            if on {
                self.put(sequence);
            }
        }
        if modes.newline {
            self.put("\x1b[20h");
        }
        if modes.keypad {
            self.put("\x1b=");
        }
        if let Some(blink) = modes.blink {
            self.print(format_args!("\x1b[?12{}", if blink { 'h' } else { 'l' }));
        }
        if modes.cursor_style != 0 {
            self.print(format_args!("\x1b[{} q", modes.cursor_style));
        }
    }

    /// Title, icon and colours.
    fn words(&mut self) {
        let state = self.state;
        for (number, words) in [(1, &state.icon), (2, &state.title)] {
            if !words.is_empty() {
                self.print(format_args!("\x1b]{number};{words}\x1b\\"));
            }
        }
        for (index, color) in &state.colors.palette {
            self.print(format_args!("\x1b]4;{index};#{color:06x}\x1b\\"));
        }
        for (place, color) in state.colors.special.iter().enumerate() {
            if let Some(color) = color {
                self.print(format_args!("\x1b]{};#{color:06x}\x1b\\", 10 + place));
            }
        }
    }

    /// The cursor, how the next character looks, and the mode that would be in the way before.
    fn cursor(&mut self) {
        let state = self.state;
        let buffer = state.buffer();
        let again = self.printed_last();
        let (waits, beyond) = (buffer.x >= state.cols, buffer.x.saturating_sub(state.cols));
        let plain_set = again.is_none_or(|(_, cell)| self.is_said_so(cell));
        match again {
            Some((col, cell)) if plain_set || (waits && state.charset == state.charsets[state.level]) => {
                self.go_to(col, buffer.y);
                if !plain_set {
                    self.designate(0, Charset::default());
                    self.invoke(0);
                }
                if state.join == 0 {
                    self.set_look(cell.look);
                } else {
                    // Nothing may come between it and what combines with it.
                    self.set_both(state.look, self.open_extra());
                }
                if state.modes.insert {
                    // It is to push the others back to where they are.
                    self.print(format_args!("\x1b[{}P\x1b[4h", cell.width().max(1)));
                }
                self.text(cell);
                if !plain_set {
                    self.designate(0, state.charsets[0]);
                    self.invoke(state.level);
                }
            }
            Some(_) => {
                self.go_to_cursor();
                if state.modes.insert {
                    self.put("\x1b[4h");
                }
            }
            None if waits && self.is_erased_line() => {
                let fill = buffer.lines[buffer.y].cells[0].look;
                self.plain();
                self.go_to(state.cols - 1, buffer.y);
                self.put(" ");
                self.set_look(fill);
                self.put("\x1b[1K");
            }
            None => self.go_to_cursor(),
        }
        for _ in 0..beyond {
            self.break_join();
            self.put("\u{301}");
        }
        if state.join == 0 {
            // Whatever is combined next is not to be combined with what was printed here.
            self.sgr(state.look, state.extra);
        }
        self.set_both(state.look, self.open_extra());
        if state.modes.insert && again.is_none() {
            self.put("\x1b[4h");
        }
    }

    /// What the next character has beyond colours and flags.
    fn open_extra(&self) -> Extra {
        let state = self.state;
        let link = if state.look.bg & bg::EXTENDED != 0 { state.extra.link } else { 0 };
        Extra { link, ..state.extra }
    }

    /// Whether the character set of now leaves the cell's text as it is.
    fn is_said_so(&self, cell: Cell) -> bool {
        let charset = self.state.charset;
        match cell.content() {
            Content::Empty => charset.map(' ') == ' ',
            Content::Char(character) => charset.map(character) == character,
            Content::Text(number) => self.state.pools.text(number).chars().all(|one| charset.map(one) == one),
        }
    }

    fn go_to_cursor(&mut self) {
        let buffer = self.state.buffer();
        self.go_to(buffer.x.min(self.state.cols - 1), buffer.y);
    }

    fn go_to(&mut self, x: usize, y: usize) {
        let top = if self.state.modes.origin { self.state.buffer().top } else { 0 };
        self.print(format_args!("\x1b[{};{}H", y.saturating_sub(top) + 1, x + 1));
    }

    /// The cell before the cursor, if printing it again brings back that a wrap waits, or what a combining character joins.
    fn printed_last(&self) -> Option<(usize, Cell)> {
        let state = self.state;
        let buffer = state.buffer();
        let line = &buffer.lines[buffer.y];
        let end = buffer.x.min(state.cols);
        let waits = buffer.x >= state.cols;
        if !waits && state.join == 0 {
            return None;
        }
        let last = *line.cells.get(end.checked_sub(1)?)?;
        if waits && last.width() == 0 && last.has_content() {
            return Some((end - 1, last));
        }
        let width = if last.width() > 0 { 1 } else { 2 };
        let col = end.checked_sub(width)?;
        let cell = *line.cells.get(col)?;
        let fits = usize::from(cell.width()) == width && cell.has_content();
        (fits && (waits || usize::from(state.join) == width)).then_some((col, cell))
    }

    /// Whether erasing can leave this, or something that looks like it.
    fn is_erased(&self, look: Look) -> bool {
        let linked = look.bg & bg::EXTENDED != 0 && self.state.pools.extra(look.extra).link != 0;
        look.fg == 0 && look.bg & bg::FLAGS & !bg::EXTENDED == 0 && !linked
    }

    fn is_erased_line(&self) -> bool {
        let buffer = self.state.buffer();
        let cells = &buffer.lines[buffer.y].cells;
        cells.iter().all(|cell| !cell.has_content() && self.is_erased(cell.look) && *cell == cells[0])
    }
}
