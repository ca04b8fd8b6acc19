//! The national character sets and the line drawing set.

/// A character set, by the final character that selects it. `B` is ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charset(u8);

impl Default for Charset {
    fn default() -> Self {
        Self(b'B')
    }
}

impl Charset {
    /// The set of this final character, if it is known.
    pub fn of(name: u8) -> Option<Self> {
        b"0AB4C5RQKYE6ZH7=".contains(&name).then_some(Self(name))
    }

    /// The character that selects it.
    pub const fn name(self) -> u8 {
        self.0
    }

    /// Whether it changes nothing.
    pub const fn is_ascii(self) -> bool {
        self.0 == b'B'
    }

    /// What a character is in this set.
    pub fn map(self, character: char) -> char {
        let (from, to) = match self.0 {
            b'0' => ("`abcdefghijklmnopqrstuvwxyz{|}~", "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"),
            b'A' => ("#", "£"),
            b'4' => ("#@[\\]{|}~", "£¾i½|¨f¼´"),
            b'C' | b'5' => ("[\\]^`{|}~", "ÄÖÅÜéäöåü"),
            b'R' => ("#@[\\]{|}~", "£à°ç§éùè¨"),
            b'Q' => ("@[\\]^`{|}~", "àâçêîôéùèû"),
            b'K' => ("@[\\]{|}~", "§ÄÖÜäöüß"),
            b'Y' => ("#@[\\]`{|}~", "£§°çéùàòèì"),
            b'E' | b'6' => ("@[\\]^`{|}~", "ÄÆØÅÜäæøåü"),
            b'Z' => ("#@[\\]{|}", "£§¡Ñ¿°ñç"),
            b'H' | b'7' => ("@[\\]^`{|}~", "ÉÄÖÅÜéäöåü"),
            b'=' => ("#@[\\]^_`{|}~", "ùàéçêîèôäöüû"),
            _ => return character,
        };
        let place = from.chars().position(|known| known == character);
        place.and_then(|place| to.chars().nth(place)).unwrap_or(character)
    }
}
