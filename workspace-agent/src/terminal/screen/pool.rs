//! What few cells have, kept once and named by number: texts of several characters, looks beyond colours, hyperlinks.

use std::collections::HashMap;
use std::hash::Hash;

use super::buffer::Buffer;
use super::cell::{Cell, Content, Extra, Look};

/// How many of one kind are kept. When there are more, those that no cell has any more go; if all are in use, new ones are
/// left out: a character is shown without what combines with it, and text without its link.
const MOST: usize = 16_384;
/// The longest text of one cell, in characters.
const TEXT_CHARS: usize = 32;
/// The longest hyperlink.
const LINK_BYTES: usize = 2_083;
/// How many hyperlinks are kept.
const LINKS: usize = 1_024;

/// A hyperlink.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Link {
    /// What ties its parts together, if anything does.
    pub id: Option<String>,
    /// Where it leads.
    pub uri: String,
    /// Tells links without an id apart.
    serial: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Pools {
    texts: Pool<String>,
    extras: Pool<Extra>,
    links: Pool<Link>,
    serial: u64,
}

/// Values by number, from 1. 0 is none.
#[derive(Debug)]
struct Pool<T> {
    values: Vec<Option<T>>,
    numbers: HashMap<T, u32>,
    free: Vec<u32>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new(), free: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Pool<T> {
    fn get(&self, number: u32) -> Option<&T> {
        self.values.get((number as usize).checked_sub(1)?)?.as_ref()
    }

    /// The number of a value; none if there is no room.
    fn number(&mut self, value: T, most: usize) -> Option<u32> {
        if let Some(number) = self.numbers.get(&value) {
            return Some(*number);
        }
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.values.len() >= most => return None,
            None => {
                self.values.push(None);
                u32::try_from(self.values.len()).ok()?
            }
        };
        self.values[number as usize - 1] = Some(value.clone());
        self.numbers.insert(value, number);
        Some(number)
    }

    fn is_full(&self, most: usize) -> bool {
        self.free.is_empty() && self.values.len() >= most
    }

    fn keep(&mut self, used: &[bool]) {
        for (index, value) in self.values.iter_mut().enumerate() {
            if !used.get(index + 1).copied().unwrap_or_default()
                && let Some(gone) = value.take()
            {
                self.numbers.remove(&gone);
                self.free.extend(u32::try_from(index + 1));
            }
        }
    }
}

impl Pools {
    /// A text; empty if there is none of this number.
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number).map_or("", String::as_str)
    }

    /// What a look has beyond colours.
    pub fn extra(&self, number: u32) -> Extra {
        self.extras.get(number).copied().unwrap_or_default()
    }

    /// A hyperlink.
    pub fn link(&self, number: u32) -> Option<&Link> {
        self.links.get(number)
    }

    /// What a cell holds, with one more character.
    pub fn append(&mut self, cell: Cell, character: char) -> Option<u32> {
        let text = match cell.content() {
            Content::Empty => return None,
            Content::Char(first) => String::from_iter([first, character]),
            Content::Text(number) if self.text(number).chars().count() < TEXT_CHARS => {
                format!("{}{character}", self.text(number))
            }
            Content::Text(_) => return None,
        };
        self.texts.number(text, MOST)
    }

    /// The number of an extra; 0 if there is no room.
    pub fn extra_number(&mut self, extra: Extra) -> u32 {
        if extra == Extra::default() { 0 } else { self.extras.number(extra, MOST).unwrap_or_default() }
    }

    /// The number of a hyperlink; 0 if there is no room for it.
    pub fn link_number(&mut self, id: Option<&str>, uri: &str) -> u32 {
        if uri.len() > LINK_BYTES || id.is_some_and(|id| id.len() > LINK_BYTES) {
            return 0;
        }
        self.serial += u64::from(id.is_none());
        let serial = if id.is_none() { self.serial } else { 0 };
        let link = Link { id: id.map(str::to_owned), uri: uri.to_owned(), serial };
        self.links.number(link, LINKS).unwrap_or_default()
    }

    /// Whether it is time to [`sweep`](Self::sweep).
    pub fn are_full(&self) -> bool {
        self.texts.is_full(MOST) || self.extras.is_full(MOST) || self.links.is_full(LINKS)
    }

    /// Forgets what no cell of these screens has, nor one of these looks.
    pub fn sweep(&mut self, buffers: [&Buffer; 2], looks: &[Look], current: Extra) {
        let mut used = Used::default();
        for look in looks {
            mark(&mut used.extras, look.extra);
        }
        mark(&mut used.links, current.link);
        for cell in buffers.into_iter().flat_map(Buffer::cells) {
            mark(&mut used.extras, cell.look.extra);
            if let Content::Text(number) = cell.content() {
                mark(&mut used.texts, number);
            }
        }
        self.texts.keep(&used.texts);
        self.extras.keep(&used.extras);
        for extra in self.extras.values.iter().flatten() {
            mark(&mut used.links, extra.link);
        }
        self.links.keep(&used.links);
    }
}

#[derive(Default)]
struct Used {
    texts: Vec<bool>,
    extras: Vec<bool>,
    links: Vec<bool>,
}

fn mark(used: &mut Vec<bool>, number: u32) {
    let number = number as usize;
    if used.len() <= number {
        used.resize(number + 1, false);
    }
    used[number] = true;
}
