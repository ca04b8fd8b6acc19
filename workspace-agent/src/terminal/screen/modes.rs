//! Modes: what is switched on and off.

use super::State;
use super::cell::Cell;
use super::charsets::Charset;
use super::parser::Params;

/// How many of the kitty keyboard protocol's flags are kept on a stack.
const KITTY_STACK: usize = 16;

/// All modes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Modes {
    /// Characters push others to the right.
    pub insert: bool,
    /// A line feed returns the carriage, too.
    pub newline: bool,
    /// Cursor keys send what applications expect.
    pub cursor_keys: bool,
    /// So does the keypad.
    pub keypad: bool,
    /// Rows count from the scroll region's first.
    pub origin: bool,
    /// Text goes on in the next line.
    pub wraparound: bool,
    /// Backspace goes back to the line before.
    pub reverse_wraparound: bool,
    /// Whether the cursor blinks, if that was ever said.
    pub blink: Option<bool>,
    /// The cursor's shape, as DECSCUSR numbers them; 0: the viewer's own.
    pub cursor_style: u8,
    /// The cursor isn't shown.
    pub cursor_hidden: bool,
    /// Which mouse events are sent: 9, 1000, 1002, 1003, or 0 for none.
    pub mouse: u16,
    /// How they are encoded: 1006, 1016, or 0 for the old way.
    pub mouse_encoding: u16,
    /// Coming into focus and leaving it is sent.
    pub focus: bool,
    /// Pasted text comes in brackets.
    pub paste: bool,
    /// What is printed is shown when this ends.
    pub synchronized: bool,
    /// The kitty keyboard protocol's flags, for each of the two screens, and what is on their stacks.
    pub kitty: [Kitty; 2],
}

/// The kitty keyboard protocol's flags of one screen.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Kitty {
    /// The flags.
    pub flags: u8,
    /// Those that were pushed away.
    pub stack: Vec<u8>,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            insert: false,
            newline: false,
            cursor_keys: false,
            keypad: false,
            origin: false,
            wraparound: true,
            reverse_wraparound: false,
            blink: None,
            cursor_style: 0,
            cursor_hidden: false,
            mouse: 0,
            mouse_encoding: 0,
            focus: false,
            paste: false,
            synchronized: false,
            kitty: [Kitty::default(), Kitty::default()],
        }
    }
}

impl Modes {
    /// After a soft reset, or a full one: some outlive both, as in the emulator.
    pub fn reset(&mut self, fully: bool) {
        let kept = std::mem::take(self);
        self.newline = kept.newline;
        self.blink = kept.blink;
        self.cursor_hidden = kept.cursor_hidden;
        if !fully {
            self.mouse = kept.mouse;
            self.mouse_encoding = kept.mouse_encoding;
            self.kitty = kept.kitty;
        }
    }
}

impl State {
    /// SM and RM.
    pub(super) fn set_modes(&mut self, params: &Params, on: bool) {
        for index in 0..params.len() {
            match params.get(index) {
                4 => self.modes.insert = on,
                20 => self.modes.newline = on,
                _ => {}
            }
        }
    }

    /// DECSET and DECRST.
    pub(super) fn set_private_modes(&mut self, params: &Params, on: bool) {
        for index in 0..params.len() {
            self.set_private_mode(params.get(index), on);
        }
    }

    fn set_private_mode(&mut self, mode: i32, on: bool) {
        let modes = &mut self.modes;
        match mode {
            1 => modes.cursor_keys = on,
            2 if on => {
                self.charsets = [Charset::default(); 4];
                self.charset = Charset::default();
            }
            6 => {
                modes.origin = on;
                self.go_to(0, 0);
            }
            7 => modes.wraparound = on,
            12 => modes.blink = Some(on),
            25 => modes.cursor_hidden = !on,
            45 => modes.reverse_wraparound = on,
            66 => modes.keypad = on,
            9 | 1000 | 1002 | 1003 => {
                modes.mouse = if on { u16::try_from(mode).unwrap_or_default() } else { 0 }
            }
            1004 => modes.focus = on,
            1006 | 1016 => {
                modes.mouse_encoding = if on { u16::try_from(mode).unwrap_or_default() } else { 0 };
            }
            2004 => modes.paste = on,
            2026 => modes.synchronized = on,
            47 | 1047 | 1049 => self.switch(mode == 1049, on),
            1048 if on => self.save_cursor(),
            1048 => self.restore_cursor(),
            _ => {}
        }
    }

    /// To the alternate screen, or back.
    fn switch(&mut self, with_cursor: bool, on: bool) {
        if on && with_cursor {
            self.save_cursor();
        }
        if on != self.on_alternate {
            let (x, y) = (self.buffer().x, self.buffer().y);
            let fill = self.fill();
            self.alternate.clear(if on { fill } else { Cell::default() });
            self.on_alternate = on;
            (self.buffer_mut().x, self.buffer_mut().y) = (x, y);
        }
        if !on && with_cursor {
            self.restore_cursor();
        }
    }

    /// DECSCUSR.
    pub(super) fn set_cursor_style(&mut self, params: &Params) {
        if let Ok(style @ 0..=6) = u8::try_from(params.get(0)) {
            self.modes.cursor_style = style;
        }
    }

    /// The kitty keyboard protocol: push, pop or set flags.
    pub(super) fn kitty(&mut self, what: u8, params: &Params) {
        let kitty = &mut self.modes.kitty[usize::from(self.on_alternate)];
        let flags = u8::try_from(params.get(0)).unwrap_or_default() & 0x1f;
        match what {
            b'>' => {
                if kitty.stack.len() >= KITTY_STACK {
                    kitty.stack.remove(0);
                }
                kitty.stack.push(kitty.flags);
                kitty.flags = flags;
            }
            b'<' => {
                for _ in 0..params.count(0).min(KITTY_STACK) {
                    kitty.flags = kitty.stack.pop().unwrap_or_default();
                }
            }
            _ => match params.get(1) {
                2 => kitty.flags |= flags,
                3 => kitty.flags &= !flags,
                _ => kitty.flags = flags,
            },
        }
    }
}
