//! Bytes → characters → actions: UTF-8 and the escape sequences of a VT500, read as the page's emulator reads them.
//!
//! Pure. Strings (OSC, DCS) are kept up to a bound; what is longer is read to its end and not acted upon. Whoever wants a
//! snapshot asks whether the parser is [at ground](Parser::is_ground): between two characters and outside of any sequence.

/// The longest string of a sequence that is acted upon.
const STRING_BYTES: usize = 4 * 1024;
/// What is kept of a sequence that is not whole yet.
const PARTIAL_BYTES: usize = STRING_BYTES + 64;
/// Parameters, and parameters of parameters, of one sequence.
const PARAMS: usize = 32;
/// Stands for every printable character beyond ASCII.
const BEYOND: u32 = 0xA0;

/// What the parser calls.
pub trait Actions {
    /// Printable characters.
    fn print(&mut self, text: &[char]);
    /// A control character.
    fn execute(&mut self, code: u32);
    /// `ESC`, intermediates and a final character, packed into one number.
    fn esc(&mut self, ident: u32);
    /// `CSI`, prefix, intermediates and final character packed likewise, and its parameters.
    fn csi(&mut self, ident: u32, params: &Params);
    /// An operating system command.
    fn osc(&mut self, number: u32, payload: &str);
    /// A device control string. Its identifier is packed as in `csi`.
    fn dcs(&mut self, ident: u32, payload: &str);
    /// Whatever was printed last is not what a combining character joins, from here on.
    fn break_join(&mut self);
}

/// Packs a sequence's prefix, intermediates and final character.
pub const fn ident(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let (mut packed, mut at) = (0, 0);
    while at < bytes.len() {
        packed = packed << 8 | bytes[at] as u32;
        at += 1;
    }
    packed
}

/// The parameters of a sequence.
#[derive(Clone, Debug)]
pub struct Params {
    values: [i32; PARAMS],
    len: usize,
    subs: [i32; PARAMS],
    subs_len: usize,
    /// Where each parameter's own parameters begin and end.
    ranges: [(usize, usize); PARAMS],
    reject: bool,
    reject_sub: bool,
    in_sub: bool,
}

impl Params {
    const fn new() -> Self {
        let mut params = Self {
            values: [0; PARAMS],
            len: 0,
            subs: [0; PARAMS],
            subs_len: 0,
            ranges: [(0, 0); PARAMS],
            reject: false,
            reject_sub: false,
            in_sub: false,
        };
        params.reset();
        params
    }

    const fn reset(&mut self) {
        self.len = 0;
        self.subs_len = 0;
        self.reject = false;
        self.reject_sub = false;
        self.in_sub = false;
        self.add();
    }

    const fn add(&mut self) {
        self.in_sub = false;
        if self.len >= PARAMS {
            self.reject = true;
            return;
        }
        self.ranges[self.len] = (self.subs_len, self.subs_len);
        self.values[self.len] = 0;
        self.len += 1;
    }

    const fn add_sub(&mut self) {
        self.in_sub = true;
        if self.reject || self.subs_len >= PARAMS {
            self.reject_sub = true;
            return;
        }
        self.subs[self.subs_len] = -1;
        self.subs_len += 1;
        self.ranges[self.len - 1].1 += 1;
    }

    fn digit(&mut self, digit: i32) {
        let empty = if self.in_sub { self.subs_len == 0 } else { self.len == 0 };
        if self.reject || empty || (self.in_sub && self.reject_sub) {
            return;
        }
        let slot =
            if self.in_sub { &mut self.subs[self.subs_len - 1] } else { &mut self.values[self.len - 1] };
        *slot = if *slot == -1 { digit } else { slot.saturating_mul(10).saturating_add(digit) };
    }

    /// How many there are; at least one.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Always false: a sequence without parameters has one that is 0.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One of them; 0 if there are not so many.
    pub fn get(&self, index: usize) -> i32 {
        self.values[..self.len].get(index).copied().unwrap_or_default()
    }

    /// A count: 1 for a parameter that is 0 or missing.
    pub fn count(&self, index: usize) -> usize {
        usize::try_from(self.get(index)).unwrap_or_default().max(1)
    }

    /// A parameter's own parameters; −1 stands for one that is empty.
    pub fn subs(&self, index: usize) -> &[i32] {
        self.ranges[..self.len].get(index).map_or(&[], |(start, end)| &self.subs[*start..*end])
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ground,
    Escape,
    EscapeIntermediate,
    CsiEntry,
    CsiParam,
    CsiIntermediate,
    CsiIgnore,
    /// SOS, PM or APC: read to its end.
    Ignored,
    Osc,
    DcsEntry,
    DcsParam,
    DcsIntermediate,
    DcsIgnore,
    Dcs,
}

/// The parser.
#[derive(Debug)]
pub struct Parser {
    state: State,
    collect: u32,
    params: Params,
    string: String,
    /// The string is longer than is acted upon.
    overlong: bool,
    dcs: u32,
    utf8: Utf8,
    text: Vec<char>,
    partial: Vec<u8>,
    /// The last byte was a control character.
    executed: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            state: State::Ground,
            collect: 0,
            params: Params::new(),
            string: String::new(),
            overlong: false,
            dcs: 0,
            utf8: Utf8::default(),
            text: Vec::new(),
            partial: Vec::new(),
            executed: false,
        }
    }
}

impl Parser {
    /// Whether the bytes so far end between two characters and outside of any sequence.
    pub fn is_ground(&self) -> bool {
        self.state == State::Ground && self.utf8.is_between()
    }

    /// Reads bytes.
    pub fn feed(&mut self, bytes: &[u8], actions: &mut impl Actions) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if self.is_ground() {
                let plain = rest.iter().take_while(|byte| (0x20..0x7f).contains(*byte)).count();
                if plain > 0 {
                    self.text.extend(rest[..plain].iter().map(|byte| char::from(*byte)));
                    rest = &rest[plain..];
                    continue;
                }
            }
            rest = &rest[1..];
            self.executed = false;
            self.decode(byte, actions);
            self.note(byte);
        }
        self.flush(actions);
    }

    /// What has been read of a sequence or a character that is not whole yet. Read again at ground, it leads to where the
    /// parser is.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    fn note(&mut self, byte: u8) {
        if self.is_ground() || byte == 0x1b {
            self.partial.clear();
        }
        // What was executed in the midst of a sequence is done, and not to be done again.
        if !self.is_ground() && !self.executed && self.partial.len() < PARTIAL_BYTES {
            self.partial.push(byte);
        }
    }

    fn decode(&mut self, byte: u8, actions: &mut impl Actions) {
        match self.utf8.push(byte) {
            Decoded::More | Decoded::Nothing => {}
            Decoded::Is(code) => self.take(code, actions),
            Decoded::Again => self.decode(byte, actions),
        }
    }

    fn flush(&mut self, actions: &mut impl Actions) {
        if !self.text.is_empty() {
            actions.print(&self.text);
            self.text.clear();
        }
    }

    fn take(&mut self, code: u32, actions: &mut impl Actions) {
        if self.state == State::Ground && ((0x20..0x7f).contains(&code) || code >= BEYOND) {
            self.text.extend(char::from_u32(code));
            return;
        }
        // What ends a run of text, even if it means nothing.
        self.flush(actions);
        if self.anywhere(code, actions) {
            return;
        }
        match self.state {
            State::Ground => self.control(code, actions),
            State::Escape => self.escape(code, actions),
            State::EscapeIntermediate => match code {
                0x20..0x30 => self.collect(code),
                0x30..0x7f => self.esc_dispatch(code, actions),
                0x7f => {}
                _ => self.control_or_error(code, actions),
            },
            State::CsiEntry | State::CsiParam | State::CsiIntermediate | State::CsiIgnore => {
                self.csi(code, actions)
            }
            State::Ignored => {
                if code >= 0x80 {
                    self.state = State::Ground;
                }
            }
            State::Osc => match code {
                0x07 => self.osc_end(true, actions),
                0x20..0x80 => self.put(code),
                _ if code >= BEYOND => self.put(code),
                _ => {}
            },
            State::DcsEntry | State::DcsParam | State::DcsIntermediate | State::DcsIgnore => {
                self.dcs_head(code)
            }
            State::Dcs => {
                if code != 0x7f {
                    self.put(code);
                }
            }
        }
    }

    /// What is the same in every state. Returns whether it was that.
    fn anywhere(&mut self, code: u32, actions: &mut impl Actions) -> bool {
        let cancels = matches!(code, 0x18 | 0x1a);
        match code {
            0x1b => {
                self.end_string(true, actions);
                self.clear();
                self.state = State::Escape;
            }
            0x18 | 0x1a | 0x9c if matches!(self.state, State::Osc | State::Dcs) => {
                self.end_string(!cancels, actions);
                self.clear();
                self.state = State::Ground;
            }
            0x18 | 0x1a | 0x80..=0x8f | 0x91..=0x97 | 0x99 | 0x9a => {
                self.state = State::Ground;
                actions.execute(code);
                actions.break_join();
            }
            0x9c => self.state = State::Ground,
            0x9b => self.enter(State::CsiEntry),
            0x90 => self.enter(State::DcsEntry),
            0x9d => self.osc_start(),
            0x98 | 0x9e | 0x9f => self.state = State::Ignored,
            _ => return false,
        }
        true
    }

    fn escape(&mut self, code: u32, actions: &mut impl Actions) {
        match code {
            0x20..0x30 => {
                self.collect(code);
                self.state = State::EscapeIntermediate;
            }
            0x50 => self.enter(State::DcsEntry),
            0x58 | 0x5e | 0x5f => self.state = State::Ignored,
            0x5b => self.enter(State::CsiEntry),
            0x5d => self.osc_start(),
            0x30..0x7f => self.esc_dispatch(code, actions),
            0x7f => {}
            _ => self.control_or_error(code, actions),
        }
    }

    fn csi(&mut self, code: u32, actions: &mut impl Actions) {
        match (self.state, code) {
            (_, 0x7f) => {}
            (State::CsiIgnore, 0x20..0x40) => {}
            (State::CsiIgnore, 0x40..0x7f) => self.state = State::Ground,
            (State::CsiIgnore, _) if code >= BEYOND => {}
            (_, 0x40..0x7f) => {
                self.state = State::Ground;
                let params = std::mem::replace(&mut self.params, Params::new());
                actions.csi(self.collect << 8 | code, &params);
                actions.break_join();
            }
            (State::CsiEntry | State::CsiParam, 0x30..0x3c) => {
                self.param(code);
                self.state = State::CsiParam;
            }
            (State::CsiEntry, 0x3c..0x40) => {
                self.collect(code);
                self.state = State::CsiParam;
            }
            (_, 0x20..0x30) => {
                self.collect(code);
                self.state = State::CsiIntermediate;
            }
            (_, 0x30..0x40) => self.state = State::CsiIgnore,
            _ => self.control_or_error(code, actions),
        }
    }

    fn dcs_head(&mut self, code: u32) {
        match (self.state, code) {
            (_, 0x00..0x20 | 0x7f) => {}
            (State::DcsIgnore, _) if !(0x80..BEYOND).contains(&code) => {}
            (_, 0x40..0x7f) => {
                self.dcs = self.collect << 8 | code;
                self.begin_string();
                self.state = State::Dcs;
            }
            (State::DcsEntry | State::DcsParam, 0x30..0x3c) => self.state = State::DcsParam,
            (State::DcsEntry, 0x3c..0x40) => {
                self.collect(code);
                self.state = State::DcsParam;
            }
            (_, 0x20..0x30) => {
                self.collect(code);
                self.state = State::DcsIntermediate;
            }
            (_, 0x30..0x40) => self.state = State::DcsIgnore,
            _ => self.state = State::Ground,
        }
    }

    fn control_or_error(&mut self, code: u32, actions: &mut impl Actions) {
        if code < 0x20 {
            self.control(code, actions);
        } else {
            self.state = State::Ground;
        }
    }

    fn control(&mut self, code: u32, actions: &mut impl Actions) {
        if code < 0x20 {
            self.executed = true;
            actions.execute(code);
            actions.break_join();
        }
    }

    fn esc_dispatch(&mut self, code: u32, actions: &mut impl Actions) {
        self.state = State::Ground;
        let packed = self.collect << 8 | code;
        actions.esc(packed);
        actions.break_join();
        if packed == ident("c") {
            self.clear();
        }
    }

    fn param(&mut self, code: u32) {
        match code {
            0x3b => self.params.add(),
            0x3a => self.params.add_sub(),
            _ => self.params.digit(Self::digit_of(code)),
        }
    }

    const fn collect(&mut self, code: u32) {
        self.collect = self.collect << 8 | code;
    }

    fn enter(&mut self, state: State) {
        self.clear();
        self.state = state;
    }

    const fn clear(&mut self) {
        self.params.reset();
        self.collect = 0;
    }

    fn osc_start(&mut self) {
        self.begin_string();
        self.state = State::Osc;
    }

    fn begin_string(&mut self) {
        self.string.clear();
        self.overlong = false;
    }

    fn put(&mut self, code: u32) {
        if self.string.len() >= STRING_BYTES {
            self.overlong = true;
        } else {
            self.string.extend(char::from_u32(code));
        }
    }

    fn end_string(&mut self, good: bool, actions: &mut impl Actions) {
        match self.state {
            State::Osc => self.osc_end(good, actions),
            State::Dcs => {
                if good && !self.overlong {
                    actions.dcs(self.dcs, &self.string);
                }
                actions.break_join();
            }
            State::Ground
            | State::Escape
            | State::EscapeIntermediate
            | State::CsiEntry
            | State::CsiParam
            | State::CsiIntermediate
            | State::CsiIgnore
            | State::Ignored
            | State::DcsEntry
            | State::DcsParam
            | State::DcsIntermediate
            | State::DcsIgnore => {}
        }
    }

    fn osc_end(&mut self, good: bool, actions: &mut impl Actions) {
        self.state = State::Ground;
        if good && !self.overlong {
            let (number, payload) = self.string.split_once(';').unwrap_or((&self.string, ""));
            if number.bytes().all(|digit| digit.is_ascii_digit())
                && let Ok(number) = number.parse()
            {
                actions.osc(number, payload);
            }
        }
        self.clear();
        actions.break_join();
    }
}

/// A character that is not whole yet.
#[derive(Default, Debug)]
struct Utf8 {
    code: u32,
    /// How many bytes the character has; 0 between two characters.
    len: u8,
    have: u8,
}

enum Decoded {
    More,
    Nothing,
    Is(u32),
    /// The byte does not go on with what came before, which is dropped; it is to be read again.
    Again,
}

impl Utf8 {
    const fn is_between(&self) -> bool {
        self.len == 0
    }

    fn push(&mut self, byte: u8) -> Decoded {
        if self.len == 0 {
            let (len, bits) = match byte {
                0..0x80 => return Decoded::Is(u32::from(byte)),
                0xc0..0xe0 => (2, byte & 0x1f),
                0xe0..0xf0 => (3, byte & 0x0f),
                0xf0..0xf8 => (4, byte & 0x07),
                0x80..0xc0 | 0xf8.. => return Decoded::Nothing,
            };
            *self = Self { code: u32::from(bits), len, have: 1 };
            return Decoded::More;
        }
        if byte & 0xc0 != 0x80 {
            self.len = 0;
            return Decoded::Again;
        }
        self.code = self.code << 6 | u32::from(byte & 0x3f);
        self.have += 1;
        if self.have < self.len {
            return Decoded::More;
        }
        let least = [0, 0, 0x80, 0x800, 0x1_0000][usize::from(self.len)];
        let short = std::mem::take(&mut self.len) == 2;
        match self.code {
            // The emulator reads the second byte of a two-byte character that is too small once more; it is no starter.
            code if code < least => {
                if short {
                    Decoded::Again
                } else {
                    Decoded::Nothing
                }
            }
            0xfeff => Decoded::Nothing,
            code if char::from_u32(code).is_none() => Decoded::Nothing,
            code => Decoded::Is(code),
        }
    }
}

impl Parser {
    #[expect(clippy::cast_possible_wrap, reason = "a digit")]
    const fn digit_of(code: u32) -> i32 {
        (code - 0x30) as i32
    }
}
