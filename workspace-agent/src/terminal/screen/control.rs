//! Control characters and sequences: where the cursor goes, what is erased and moved.

use super::State;
use super::cell::{Cell, Extra, Line, Look, bg, fg};
use super::charsets::Charset;
use super::parser::{Actions, Params, ident};

impl Actions for State {
    fn print(&mut self, text: &[char]) {
        self.print_text(text);
    }

    fn execute(&mut self, code: u32) {
        match code {
            0x08 => self.backspace(),
            0x09 if self.buffer().x < self.cols => self.buffer_mut().x = self.buffer().next_stop(),
            0x0a..=0x0c => self.line_feed(),
            0x0d => self.buffer_mut().x = 0,
            0x0e => self.invoke(1),
            0x0f => self.invoke(0),
            0x84 => self.index(),
            0x85 => self.next_line(),
            0x88 => self.set_tab(),
            _ => {}
        }
    }

    fn esc(&mut self, packed: u32) {
        const SAVE: u32 = ident("7");
        const RESTORE: u32 = ident("8");
        const ALIGNMENT: u32 = ident("#8");
        const DEFAULT_SET: u32 = ident("%@");
        const UTF8_SET: u32 = ident("%G");
        match packed {
            SAVE => self.save_cursor(),
            RESTORE => self.restore_cursor(),
            ALIGNMENT => self.alignment(),
            DEFAULT_SET | UTF8_SET => {
                self.invoke(0);
                self.designate(0, Charset::default());
            }
            _ => match u8::try_from(packed) {
                Ok(b'D') => self.index(),
                Ok(b'E') => self.next_line(),
                Ok(b'H') => self.set_tab(),
                Ok(b'M') => self.reverse_index(),
                Ok(b'=') => self.modes.keypad = true,
                Ok(b'>') => self.modes.keypad = false,
                Ok(b'c') => self.reset(),
                Ok(b'n' | b'}') => self.invoke(2),
                Ok(b'o' | b'|') => self.invoke(3),
                Ok(b'~') => self.invoke(1),
                _ => self.select_charset(packed),
            },
        }
    }

    fn csi(&mut self, packed: u32, params: &Params) {
        match packed.to_be_bytes() {
            [0, 0, 0, last] => self.csi_plain(last, params),
            [0, 0, b'?', last] => match last {
                b'J' => self.erase_display(params, true),
                b'K' => self.erase_line(params, true),
                b'h' => self.set_private_modes(params, true),
                b'l' => self.set_private_modes(params, false),
                b'n' => self.report_private_status(params),
                _ => {}
            },
            [0, 0, b' ', b'q'] => self.set_cursor_style(params),
            [0, 0, b' ', b'@'] => self.shift_columns(0, params, false),
            [0, 0, b' ', b'A'] => self.shift_columns(0, params, true),
            [0, 0, b'\'', b'}'] => self.shift_columns(self.buffer().x, params, true),
            [0, 0, b'\'', b'~'] => self.shift_columns(self.buffer().x, params, false),
            [0, 0, b'"', b'q'] => self.protect(params),
            [0, 0, b'!', b'p'] => self.soft_reset(),
            [0, 0, b'>', b'c'] => self.report_device(params, "\x1b[>0;276;0c"),
            [0, 0, b'$', b'p'] => self.report_mode(params, false),
            [0, b'?', b'$', b'p'] => self.report_mode(params, true),
            [0, 0, what @ (b'>' | b'<' | b'='), b'u'] => self.kitty(what, params),
            _ => {}
        }
    }

    fn osc(&mut self, number: u32, payload: &str) {
        match number {
            0 => {
                self.set_title(payload);
                self.set_icon(payload);
            }
            1 => self.set_icon(payload),
            2 => self.set_title(payload),
            4 => self.palette(payload),
            8 => self.hyperlink(payload),
            10 => self.special_colors(0, payload),
            11 => self.special_colors(1, payload),
            12 => self.special_colors(2, payload),
            104 => self.restore_palette(payload),
            110 => self.colors.special[0] = None,
            111 => self.colors.special[1] = None,
            112 => self.colors.special[2] = None,
            _ => {}
        }
    }

    fn dcs(&mut self, packed: u32, payload: &str) {
        if packed == ident("$q") {
            self.report_setting(payload);
        }
    }

    fn break_join(&mut self) {
        self.join = 0;
    }
}

impl State {
    fn csi_plain(&mut self, last: u8, params: &Params) {
        let count = params.count(0);
        match last {
            b'@' => self.edit_line(|line, x, fill| line.insert(x, count, fill)),
            b'A' => self.up(count),
            b'B' => self.down(count),
            b'C' | b'a' => self.move_by(signed(count), 0),
            b'D' => self.move_by(-signed(count), 0),
            b'E' => {
                self.down(count);
                self.buffer_mut().x = 0;
            }
            b'F' => {
                self.up(count);
                self.buffer_mut().x = 0;
            }
            b'G' | b'`' => self.put_cursor(signed(count) - 1, signed(self.buffer().y)),
            b'H' | b'f' => {
                let col = if params.len() >= 2 { params.count(1) } else { 1 };
                self.put_cursor(signed(col) - 1, signed(count) - 1);
            }
            b'I' => self.tabs(count, true),
            b'Z' => self.tabs(count, false),
            b'J' => self.erase_display(params, false),
            b'K' => self.erase_line(params, false),
            b'L' => self.in_region(|buffer, y, fill| buffer.insert_lines(y, count, fill)),
            b'M' => self.in_region(|buffer, y, fill| buffer.delete_lines(y, count, fill)),
            b'P' => self.edit_line(|line, x, fill| line.delete(x, count, fill)),
            b'S' => {
                let fill = self.fill();
                let top = self.buffer().top;
                self.buffer_mut().delete_lines(top, count, fill);
            }
            b'T' => {
                let top = self.buffer().top;
                self.buffer_mut().insert_lines(top, count, Cell::default());
            }
            b'X' => self.edit_line(|line, x, fill| line.erase(x, x.saturating_add(count), fill, false)),
            b'b' => self.repeat(count),
            b'c' => self.report_device(params, "\x1b[?1;2c"),
            b'd' => self.put_cursor(signed(self.buffer().x), signed(count) - 1),
            b'e' => self.move_by(0, signed(count)),
            b'g' => self.clear_tabs(params),
            b'h' => self.set_modes(params, true),
            b'l' => self.set_modes(params, false),
            b'm' => self.set_look(params),
            b'n' => self.report_status(params),
            b'r' => self.set_region(params),
            b's' => self.save_cursor(),
            b't' => self.report_window(params),
            b'u' => self.restore_cursor(),
            _ => {}
        }
    }

    /// Keeps the cursor on the screen, and in the region if rows count from there. Its column may be `beyond` the last.
    fn restrict(&mut self, beyond: bool) {
        let (last, rows) = (self.cols - usize::from(!beyond), self.rows);
        let origin = self.modes.origin;
        let buffer = self.buffer_mut();
        buffer.x = buffer.x.min(last);
        buffer.y = if origin { buffer.y.clamp(buffer.top, buffer.bottom) } else { buffer.y.min(rows - 1) };
    }

    /// Puts the cursor at a column and a row of the region, if rows count from there.
    pub(super) fn go_to(&mut self, x: usize, y: usize) {
        let top = if self.modes.origin { self.buffer().top } else { 0 };
        let buffer = self.buffer_mut();
        (buffer.x, buffer.y) = (x, top.saturating_add(y));
        self.restrict(false);
    }

    fn put_cursor(&mut self, x: isize, y: isize) {
        // A row above the region is its first, above the screen the screen's.
        let top = if self.modes.origin { signed(self.buffer().top) } else { 0 };
        let place = |value: isize| usize::try_from(value).unwrap_or_default();
        let buffer = self.buffer_mut();
        (buffer.x, buffer.y) = (place(x), place(top.saturating_add(y)));
        self.restrict(false);
    }

    fn move_by(&mut self, x: isize, y: isize) {
        self.restrict(false);
        let (from_x, from_y) = (signed(self.buffer().x), signed(self.buffer().y));
        self.put_cursor(from_x.saturating_add(x), from_y.saturating_add(y));
    }

    fn up(&mut self, count: usize) {
        let buffer = self.buffer();
        let count = if buffer.y >= buffer.top { count.min(buffer.y - buffer.top) } else { count };
        self.move_by(0, -signed(count));
    }

    fn down(&mut self, count: usize) {
        let buffer = self.buffer();
        let count = if buffer.y <= buffer.bottom { count.min(buffer.bottom - buffer.y) } else { count };
        self.move_by(0, signed(count));
    }

    fn tabs(&mut self, count: usize, forward: bool) {
        if self.buffer().x >= self.cols {
            return;
        }
        for _ in 0..count.min(self.cols) {
            let buffer = self.buffer_mut();
            buffer.x = if forward { buffer.next_stop() } else { buffer.previous_stop() };
        }
    }

    fn set_tab(&mut self) {
        let x = self.buffer().x;
        if x < self.cols {
            self.buffer_mut().tabs.insert(x);
        }
    }

    fn clear_tabs(&mut self, params: &Params) {
        let buffer = self.buffer_mut();
        match params.get(0) {
            0 => {
                buffer.tabs.remove(&buffer.x);
            }
            3 => buffer.tabs.clear(),
            _ => {}
        }
    }

    fn line_feed(&mut self) {
        let (fill, rows, cols) = (self.fill(), self.rows, self.cols);
        let newline = self.modes.newline;
        let buffer = self.buffer_mut();
        if newline {
            buffer.x = 0;
        }
        buffer.y += 1;
        if buffer.y == buffer.bottom + 1 {
            buffer.y -= 1;
            buffer.scroll(fill, false);
        } else if buffer.y >= rows {
            buffer.y = rows - 1;
        } else {
            buffer.line().wrapped = false;
        }
        if buffer.x >= cols {
            buffer.x -= 1;
        }
    }

    fn index(&mut self) {
        self.restrict(false);
        let (fill, rows) = (self.fill(), self.rows);
        let buffer = self.buffer_mut();
        buffer.y += 1;
        if buffer.y == buffer.bottom + 1 {
            buffer.y -= 1;
            buffer.scroll(fill, false);
        } else if buffer.y >= rows {
            buffer.y = rows - 1;
        }
        self.restrict(false);
    }

    fn next_line(&mut self) {
        self.buffer_mut().x = 0;
        self.index();
    }

    fn reverse_index(&mut self) {
        self.restrict(false);
        let fill = self.fill();
        let buffer = self.buffer_mut();
        if buffer.y == buffer.top {
            buffer.insert_lines(buffer.y, 1, fill);
        } else {
            buffer.y = buffer.y.saturating_sub(1);
            self.restrict(false);
        }
    }

    fn backspace(&mut self) {
        self.restrict(self.modes.reverse_wraparound);
        let (cols, reverse) = (self.cols, self.modes.reverse_wraparound);
        let buffer = self.buffer_mut();
        if buffer.x > 0 {
            buffer.x -= 1;
        } else if reverse && buffer.y > buffer.top && buffer.y <= buffer.bottom && buffer.line().wrapped {
            buffer.line().wrapped = false;
            buffer.y -= 1;
            buffer.x = cols - 1;
            let last = buffer.line().cells[cols - 1];
            if last.width() > 0 && !last.has_content() {
                buffer.x -= 1;
            }
        }
        self.restrict(false);
    }

    /// Changes the line with the cursor.
    fn edit_line(&mut self, edit: impl FnOnce(&mut Line, usize, Cell)) {
        self.restrict(false);
        let fill = self.fill();
        let x = self.buffer().x;
        edit(self.buffer_mut().line(), x, fill);
    }

    /// Moves lines of the region, if the cursor is in it.
    fn in_region(&mut self, edit: impl FnOnce(&mut super::Buffer, usize, Cell)) {
        self.restrict(false);
        let fill = self.fill();
        let buffer = self.buffer_mut();
        if (buffer.top..=buffer.bottom).contains(&buffer.y) {
            let y = buffer.y;
            edit(buffer, y, fill);
            buffer.x = 0;
        }
    }

    /// Puts columns in or takes them out, in all lines of the region.
    fn shift_columns(&mut self, x: usize, params: &Params, insert: bool) {
        let (fill, count) = (self.fill(), params.count(0));
        let buffer = self.buffer_mut();
        if !(buffer.top..=buffer.bottom).contains(&buffer.y) {
            return;
        }
        for row in buffer.top..=buffer.bottom {
            let line = &mut buffer.lines[row];
            if insert {
                line.insert(x, count, fill);
            } else {
                line.delete(x, count, fill);
            }
            line.wrapped = false;
        }
    }

    fn erase_display(&mut self, params: &Params, spare: bool) {
        self.restrict(true);
        let (fill, cols, rows) = (self.fill(), self.cols, self.rows);
        let buffer = self.buffer_mut();
        let (x, y) = (buffer.x, buffer.y);
        let clear = |line: &mut Line| {
            line.erase(0, cols, fill, spare);
            line.wrapped = false;
        };
        match params.get(0) {
            0 => {
                buffer.line().erase(x, cols, fill, spare);
                buffer.line().wrapped &= x > 0;
                buffer.lines.range_mut(y + 1..rows).for_each(clear);
            }
            1 => {
                buffer.line().erase(0, x + 1, fill, spare);
                buffer.line().wrapped = false;
                if x + 1 >= cols {
                    unwrap_counted(buffer, y + 1);
                }
                buffer.lines.range_mut(..y).for_each(clear);
            }
            2 => buffer.lines.iter_mut().for_each(clear),
            3 => buffer.scrollback.clear(),
            _ => {}
        }
    }

    fn erase_line(&mut self, params: &Params, spare: bool) {
        self.restrict(true);
        let (fill, cols) = (self.fill(), self.cols);
        let x = self.buffer().x;
        let line = self.buffer_mut().line();
        match params.get(0) {
            0 => {
                line.erase(x, cols, fill, spare);
                line.wrapped &= x > 0;
            }
            1 => line.erase(0, x + 1, fill, spare),
            2 => {
                line.erase(0, cols, fill, spare);
                line.wrapped = false;
            }
            _ => {}
        }
    }

    fn set_region(&mut self, params: &Params) {
        let top = params.count(0);
        let given = usize::try_from(params.get(1)).unwrap_or_default();
        let bottom = if params.len() < 2 || given == 0 || given > self.rows { self.rows } else { given };
        if bottom > top {
            let buffer = self.buffer_mut();
            (buffer.top, buffer.bottom) = (top - 1, bottom - 1);
            self.go_to(0, 0);
        }
    }

    pub(super) fn save_cursor(&mut self) {
        let (look, charset) = (Look { extra: 0, ..self.look }, self.charset);
        let buffer = self.buffer_mut();
        buffer.saved = super::buffer::Saved { x: buffer.x, line: buffer.absolute_y(), look, charset };
    }

    pub(super) fn restore_cursor(&mut self) {
        let buffer = self.buffer_mut();
        let saved = buffer.saved;
        buffer.x = saved.x;
        buffer.y = saved.line.saturating_sub(buffer.scrollback.len());
        (self.look.fg, self.look.bg, self.charset) = (saved.look.fg, saved.look.bg, saved.charset);
        self.number_extra();
        self.restrict(false);
    }

    const fn invoke(&mut self, level: usize) {
        self.level = level;
        self.charset = self.charsets[level];
    }

    const fn designate(&mut self, level: usize, charset: Charset) {
        self.charsets[level] = charset;
        if self.level == level {
            self.charset = charset;
        }
    }

    fn select_charset(&mut self, packed: u32) {
        let [0, 0, place, name] = packed.to_be_bytes() else { return };
        let level = match place {
            b'(' => 0,
            b')' | b'-' => 1,
            b'*' | b'.' => 2,
            b'+' => 3,
            _ => return,
        };
        if let Some(charset) = Charset::of(name) {
            self.designate(level, charset);
        }
    }

    fn alignment(&mut self) {
        // The emulator gives these a single underline, of no colour of its own.
        let underline = u8::from(self.look.fg & fg::UNDERLINE != 0);
        let extra = self.pools.extra_number(Extra { underline, ..Extra::default() });
        let bg = if underline > 0 { self.look.bg } else { self.look.bg & !bg::EXTENDED };
        let cell = Cell::of('E', 1, Look { fg: self.look.fg, bg, extra });
        self.go_to(0, 0);
        let y = self.buffer().y;
        let cols = self.cols;
        for line in self.buffer_mut().lines.iter_mut().skip(y) {
            line.clear(cols, cell, false);
        }
        self.go_to(0, 0);
    }

    fn soft_reset(&mut self) {
        self.modes.reset(false);
        self.modes.cursor_hidden = false;
        self.plain();
        self.charset = Charset::default();
        self.charsets = [Charset::default(); 4];
        self.level = 0;
        let rows = self.rows;
        let buffer = self.buffer_mut();
        (buffer.top, buffer.bottom) = (0, rows - 1);
        buffer.saved = super::buffer::Saved { line: buffer.scrollback.len(), ..Default::default() };
    }

    fn reset(&mut self) {
        let size = protocol::terminal::Size {
            cols: u16::try_from(self.cols).unwrap_or(u16::MAX),
            rows: u16::try_from(self.rows).unwrap_or(u16::MAX),
        };
        let old = std::mem::replace(self, Self::new(size));
        self.modes = old.modes;
        self.modes.reset(true);
        self.colors = old.colors;
        self.title = old.title;
        self.icon = old.icon;
        self.replies = old.replies;
    }
}

/// The emulator counts this line from the scrollback's first.
fn unwrap_counted(buffer: &mut super::Buffer, index: usize) {
    let above = buffer.scrollback.len();
    match index.checked_sub(above) {
        Some(row) => buffer.lines.get_mut(row).into_iter().for_each(|line| line.wrapped = false),
        None => buffer.scrollback.begin_at(index),
    }
}

fn signed(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}
