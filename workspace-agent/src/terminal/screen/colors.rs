//! Colours that programs may set and ask for: the palette, text, background and cursor.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::State;

/// The sixteen that have names, unless a program says otherwise.
const NAMED: [u32; 16] = [
    0x2e_3436, 0xcc_0000, 0x4e_9a06, 0xc4_a000, 0x34_65a4, 0x75_507b, 0x06_989a, 0xd3_d7cf, 0x55_5753,
    0xef_2929, 0x8a_e234, 0xfc_e94f, 0x72_9fcf, 0xad_7fa8, 0x34_e2e2, 0xee_eeec,
];

/// What was set.
#[derive(Debug)]
pub struct Colors {
    /// Of the palette, by number.
    pub palette: BTreeMap<u8, u32>,
    /// Text, background and cursor.
    pub special: [Option<u32>; 3],
    /// What the viewer shows where nothing was set: text, background and cursor.
    pub theme: [u32; 3],
}

impl Default for Colors {
    fn default() -> Self {
        Self { palette: BTreeMap::new(), special: [None; 3], theme: [0xe6_e6e6, 0x1e_1e1e, 0xe6_e6e6] }
    }
}

impl State {
    /// OSC 4: pairs of a number and a colour, or a question mark.
    pub(super) fn palette(&mut self, payload: &str) {
        let mut slots = payload.split(';');
        while let (Some(index), Some(spec)) = (slots.next(), slots.next()) {
            let Ok(index) = index.parse::<u8>() else { continue };
            if spec == "?" {
                let color = self.colors.palette.get(&index).copied().unwrap_or_else(|| standard(index));
                self.report_color(&format!("4;{index}"), color);
            } else if let Some(color) = parse(spec) {
                self.colors.palette.insert(index, color);
            }
        }
    }

    /// OSC 10, 11 and 12, of which one may go on to the next.
    pub(super) fn special_colors(&mut self, first: usize, payload: &str) {
        for (index, spec) in (first..3).zip(payload.split(';')) {
            if spec == "?" {
                let color = self.colors.special[index].unwrap_or(self.colors.theme[index]);
                self.report_color(&(10 + index).to_string(), color);
            } else if let Some(color) = parse(spec) {
                self.colors.special[index] = Some(color);
            }
        }
    }

    /// OSC 104.
    pub(super) fn restore_palette(&mut self, payload: &str) {
        if payload.is_empty() {
            return self.colors.palette.clear();
        }
        for index in payload.split(';').filter_map(|index| index.parse::<u8>().ok()) {
            self.colors.palette.remove(&index);
        }
    }

    fn report_color(&mut self, what: &str, color: u32) {
        let mut answer = format!("\x1b]{what};rgb:");
        for (place, shift) in [16, 8, 0].into_iter().enumerate() {
            let part = color >> shift & 0xff;
            let slash = if place > 0 { "/" } else { "" };
            let _ = write!(answer, "{slash}{part:02x}{part:02x}");
        }
        self.reply(&(answer + "\x1b\\"));
    }
}

/// A colour of the palette as it is at the start.
fn standard(index: u8) -> u32 {
    let level = |step: u32| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..16 => NAMED[usize::from(index)],
        16..232 => {
            let cube = u32::from(index) - 16;
            level(cube / 36) << 16 | level(cube / 6 % 6) << 8 | level(cube % 6)
        }
        232.. => (8 + 10 * (u32::from(index) - 232)) * 0x01_0101,
    }
}

/// `rgb:r/g/b` with one to four digits each, or `#rgb` likewise.
fn parse(spec: &str) -> Option<u32> {
    let lower = spec.to_ascii_lowercase();
    let (parts, digits, scaled) = if let Some(rest) = lower.strip_prefix("rgb:") {
        let parts: Vec<&str> = rest.split('/').collect();
        let digits = parts.first()?.len();
        (parts, digits, true)
    } else {
        let rest = lower.strip_prefix('#').filter(|rest| rest.is_ascii())?;
        let digits = rest.len() / 3;
        (vec![rest.get(..digits)?, rest.get(digits..2 * digits)?, rest.get(2 * digits..)?], digits, false)
    };
    if parts.len() != 3 || !(1..=4).contains(&digits) || parts.iter().any(|part| part.len() != digits) {
        return None;
    }
    let mut color = 0;
    for part in parts {
        let value = u32::from_str_radix(part, 16)
            .ok()
            .filter(|_| part.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        let most = (1 << (4 * digits)) - 1;
        let eight = match digits {
            _ if scaled => (value * 255 + most / 2) / most,
            1 => value << 4,
            2 => value,
            _ => value >> (4 * (digits - 2)),
        };
        color = color << 8 | eight;
    }
    Some(color)
}
