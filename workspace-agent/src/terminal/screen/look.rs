//! How text looks: SGR, protection and hyperlinks.

use super::State;
use super::cell::{COLOR_16, COLOR_256, COLOR_BITS, COLOR_KIND, COLOR_RGB, Extra, Look, bg, fg};
use super::parser::Params;

impl State {
    /// SGR.
    pub(super) fn set_look(&mut self, params: &Params) {
        let mut index = 0;
        while index < params.len() {
            index += self.set_one(params, index);
        }
        self.number_extra();
    }

    /// One attribute. Returns how many parameters it took.
    fn set_one(&mut self, params: &Params, index: usize) -> usize {
        let value = params.get(index);
        let look = &mut self.look;
        match value {
            0 => self.reset_look(),
            1 => look.fg |= fg::BOLD,
            2 => look.bg |= bg::DIM,
            3 => look.bg |= bg::ITALIC,
            4 => self.underline(params.subs(index).first().copied().unwrap_or(1)),
            5 => look.fg |= fg::BLINK,
            7 => look.fg |= fg::INVERSE,
            8 => look.fg |= fg::INVISIBLE,
            9 => look.fg |= fg::STRIKETHROUGH,
            21 => self.underline(2),
            22 => {
                look.fg &= !fg::BOLD;
                look.bg &= !bg::DIM;
            }
            23 => look.bg &= !bg::ITALIC,
            24 => self.underline(0),
            25 => look.fg &= !fg::BLINK,
            27 => look.fg &= !fg::INVERSE,
            28 => look.fg &= !fg::INVISIBLE,
            29 => look.fg &= !fg::STRIKETHROUGH,
            30..=37 => color(&mut look.fg, COLOR_16 | number(value - 30)),
            39 => color(&mut look.fg, 0),
            40..=47 => color(&mut look.bg, COLOR_16 | number(value - 40)),
            49 => color(&mut look.bg, 0),
            38 | 48 | 58 => return self.extended_color(params, index),
            53 => look.bg |= bg::OVERLINE,
            55 => look.bg &= !bg::OVERLINE,
            59 => {
                // What the emulator makes of "the text's own colour".
                self.extra.color = COLOR_KIND | COLOR_BITS;
                self.flag_extra();
            }
            90..=97 => color(&mut look.fg, COLOR_16 | 8 | number(value - 90)),
            100..=107 => color(&mut look.bg, COLOR_16 | 8 | number(value - 100)),
            _ => {}
        }
        1
    }

    fn reset_look(&mut self) {
        (self.look.fg, self.look.bg) = (0, 0);
        self.extra = Extra { underline: 0, color: 0, link: self.extra.link };
        self.flag_extra();
    }

    fn underline(&mut self, style: i32) {
        let style = if (0..=5).contains(&style) { style } else { 1 };
        self.extra.underline = u8::try_from(style).unwrap_or(1);
        if style == 0 {
            self.look.fg &= !fg::UNDERLINE;
        } else {
            self.look.fg |= fg::UNDERLINE;
        }
        self.flag_extra();
    }

    const fn flag_extra(&mut self) {
        if self.extra.is_empty() {
            self.look.bg &= !bg::EXTENDED;
        } else {
            self.look.bg |= bg::EXTENDED;
        }
    }

    /// Names the extra that text has from here on.
    pub(super) fn number_extra(&mut self) {
        self.look.extra = 0;
        if self.look.bg & bg::EXTENDED != 0 {
            if self.pools.are_full() {
                self.sweep();
            }
            self.look.extra = self.pools.extra_number(self.extra);
        }
    }

    /// A colour of 256, or of red, green and blue, with semicolons or colons between its parts.
    fn extended_color(&mut self, params: &Params, index: usize) -> usize {
        let mut parts = [0, 0, -1, 0, 0, 0];
        let (mut space, mut advance) = (0, 0);
        loop {
            parts[advance + space] = params.get(index + advance);
            let subs = params.subs(index + advance);
            if !subs.is_empty() {
                for (place, sub) in subs.iter().enumerate() {
                    if parts[1] == 5 {
                        space = 1;
                    }
                    let Some(part) = parts.get_mut(advance + place + 1 + space) else { break };
                    *part = *sub;
                }
                break;
            }
            if (parts[1] == 5 && advance + space >= 2) || (parts[1] == 2 && advance + space >= 5) {
                break;
            }
            if parts[1] != 0 {
                space = 1;
            }
            advance += 1;
            if index + advance >= params.len() || advance + space >= parts.len() {
                break;
            }
        }
        let part = |place: usize| number(parts[place].max(0)) & 0xff;
        let new = match parts[1] {
            2 => Some(COLOR_RGB | part(3) << 16 | part(4) << 8 | part(5)),
            5 => Some(COLOR_256 | part(3)),
            _ => None,
        };
        if let Some(new) = new {
            match parts[0] {
                38 => color(&mut self.look.fg, new),
                48 => color(&mut self.look.bg, new),
                _ => self.extra.color = new,
            }
        }
        advance + 1
    }

    /// DECSCA.
    pub(super) fn protect(&mut self, params: &Params) {
        match params.get(0) {
            1 => self.look.bg |= bg::PROTECTED,
            0 | 2 => self.look.bg &= !bg::PROTECTED,
            _ => {}
        }
    }

    /// OSC 8.
    pub(super) fn hyperlink(&mut self, payload: &str) {
        let Some((params, uri)) = payload.split_once(';') else { return };
        let params = params.trim();
        if uri.is_empty() {
            if !params.is_empty() {
                return;
            }
            self.extra.link = 0;
        } else {
            if self.pools.are_full() {
                self.sweep();
            }
            let id =
                params.split(':').find_map(|param| param.strip_prefix("id=")).filter(|id| !id.is_empty());
            self.extra.link = self.pools.link_number(id, uri);
        }
        self.flag_extra();
        self.number_extra();
    }

    /// Looks as at the start.
    pub(super) fn plain(&mut self) {
        self.look = Look::default();
        self.extra = Extra::default();
    }
}

const fn color(of: &mut u32, new: u32) {
    *of = *of & !(COLOR_KIND | COLOR_BITS) | new;
}

fn number(value: i32) -> u32 {
    u32::try_from(value).unwrap_or_default()
}
