//! The outbox items that were dealt with lately, so that a repeat changes nothing.

use std::collections::{HashSet, VecDeque};

use protocol::ItemId;

/// How many are remembered. The control plane repeats only what it has no final word on: one message, and the
/// answers and stops around it.
const KEEP: usize = 1024;

/// A set that forgets its oldest members.
#[derive(Debug, Default)]
pub(super) struct Recent {
    order: VecDeque<ItemId>,
    known: HashSet<ItemId>,
}

impl Recent {
    /// Adds an item. Returns whether it is new.
    pub(super) fn insert(&mut self, item: ItemId) -> bool {
        if !self.known.insert(item) {
            return false;
        }
        self.order.push_back(item);
        if self.order.len() > KEEP
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = ItemId> {
        self.order.iter().copied()
    }

    /// Whether it is known.
    pub(super) fn contains(&self, item: ItemId) -> bool {
        self.known.contains(&item)
    }
}
