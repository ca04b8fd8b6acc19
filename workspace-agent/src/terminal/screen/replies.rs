//! What programs ask a terminal, answered.

use super::State;
use super::cell::bg;
use super::parser::Params;

impl State {
    /// DA.
    pub(super) fn report_device(&mut self, params: &Params, answer: &str) {
        if params.get(0) <= 0 {
            self.reply(answer);
        }
    }

    /// DSR.
    pub(super) fn report_status(&mut self, params: &Params) {
        match params.get(0) {
            5 => self.reply("\x1b[0n"),
            6 => self.report_cursor(""),
            _ => {}
        }
    }

    /// DECDSR.
    pub(super) fn report_private_status(&mut self, params: &Params) {
        if params.get(0) == 6 {
            self.report_cursor("?");
        }
    }

    fn report_cursor(&mut self, prefix: &str) {
        let (row, col) = (self.buffer().y + 1, (self.buffer().x + 1).min(self.cols));
        self.reply(&format!("\x1b[{prefix}{row};{col}R"));
    }

    /// The size in characters, of all that XTWINOPS can ask.
    pub(super) fn report_window(&mut self, params: &Params) {
        if params.get(0) == 18 {
            self.reply(&format!("\x1b[8;{};{}t", self.rows, self.cols));
        }
    }

    /// DECRQM.
    pub(super) fn report_mode(&mut self, params: &Params, private: bool) {
        let mode = params.get(0);
        let state = if private { self.private_mode(mode) } else { self.mode(mode) };
        let prefix = if private { "?" } else { "" };
        self.reply(&format!("\x1b[{prefix}{mode};{state}$y"));
    }

    const fn mode(&self, mode: i32) -> u8 {
        match mode {
            2 => 4,
            4 => set(self.modes.insert),
            12 => 3,
            20 => set(self.modes.newline),
            _ => 0,
        }
    }

    fn private_mode(&self, mode: i32) -> u8 {
        let modes = &self.modes;
        match mode {
            1 => set(modes.cursor_keys),
            6 => set(modes.origin),
            7 => set(modes.wraparound),
            8 => 3,
            9 | 1000 | 1002 | 1003 => set(i32::from(modes.mouse) == mode),
            12 => set(modes.blink.unwrap_or_default()),
            25 => set(!modes.cursor_hidden),
            45 => set(modes.reverse_wraparound),
            47 | 1047 | 1049 => set(self.on_alternate),
            66 => set(modes.keypad),
            67 | 1005 | 1015 => 4,
            1004 => set(modes.focus),
            1006 | 1016 => set(i32::from(modes.mouse_encoding) == mode),
            1048 => 1,
            2004 => set(modes.paste),
            2026 => set(modes.synchronized),
            _ => 0,
        }
    }

    /// DECRQSS.
    pub(super) fn report_setting(&mut self, what: &str) {
        let answer = match what {
            "\"q" => format!("1$r{}\"q", u8::from(self.look.bg & bg::PROTECTED != 0)),
            "\"p" => "1$r61;1\"p".to_owned(),
            "r" => format!("1$r{};{}r", self.buffer().top + 1, self.buffer().bottom + 1),
            "m" => "1$r0m".to_owned(),
            " q" => format!("1$r{} q", self.modes.cursor_style.max(1)),
            _ => "0$r".to_owned(),
        };
        self.reply(&format!("\x1bP{answer}\x1b\\"));
    }
}

const fn set(on: bool) -> u8 {
    if on { 1 } else { 2 }
}
