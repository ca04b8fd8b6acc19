//! The arithmetic of numbered logs: what follows what, what is a repeat, what is missing.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ConversationId;

/// A place in a conversation's log: after event `n` of `epoch`. Numbers go on across epochs; a new epoch says
/// that what the writer wrote before may differ from what others saw, and no place stands for two different events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Position {
    /// The epoch, from 1. 0: nothing was ever written.
    pub epoch: u64,
    /// The last event's number, from 1. 0: none.
    pub n: u64,
}

/// The end of one conversation's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct LogEnd {
    /// Whose.
    pub conversation: ConversationId,
    /// Where it ends.
    pub end: Position,
}

/// What to do with events that arrive for a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Take {
    /// They continue the log, once this many are dropped from their beginning as already known.
    After(u64),
    /// All of them are known.
    Known,
    /// Events between the log's end and these are missing.
    Gap,
    /// They belong to an epoch that is over.
    Stale,
}

/// What to do with `count` events from number `first` of `epoch`, for a log that ends at `end`.
pub fn take(end: Position, epoch: u64, first: u64, count: u64) -> Take {
    let next = end.n + 1;
    match epoch.cmp(&end.epoch) {
        std::cmp::Ordering::Less => Take::Stale,
        std::cmp::Ordering::Greater if first != next => Take::Gap,
        std::cmp::Ordering::Greater => Take::After(0),
        std::cmp::Ordering::Equal if first > next => Take::Gap,
        std::cmp::Ordering::Equal if first.saturating_add(count) <= next => Take::Known,
        std::cmp::Ordering::Equal => Take::After(next - first),
    }
}

/// How a writer goes on, once it knows what the store has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// Send what follows event `after`; go on numbering in the same epoch.
    Send {
        /// The store's last event.
        after: u64,
    },
    /// The journal and the store can't be joined. Go on after the store's end, in an epoch of at least this number.
    NewEpoch {
        /// The lowest that was not used yet, as far as either knows.
        epoch: u64,
    },
}

/// How a writer whose journal ends at `journal` goes on with a store that ends at `stored`. `place` tells the place after
/// an event, in the journal's own account: of every event that it holds, and of the one before the oldest.
pub fn reconcile(place: impl Fn(u64) -> Option<Position>, journal: Position, stored: Position) -> Resume {
    if place(stored.n) == Some(stored) {
        Resume::Send { after: stored.n }
    } else {
        Resume::NewEpoch { epoch: stored.epoch.max(journal.epoch) + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, n: u64) -> Position {
        Position { epoch, n }
    }

    #[test]
    fn events_are_taken_once_and_in_order() {
        let end = at(1, 10);
        assert_eq!(take(end, 1, 11, 3), Take::After(0));
        assert_eq!(take(end, 1, 9, 4), Take::After(2));
        assert_eq!(take(end, 1, 9, 2), Take::Known);
        assert_eq!(take(end, 1, 12, 1), Take::Gap);
        assert_eq!(take(end, 0, 11, 1), Take::Stale);
        assert_eq!(take(end, 2, 11, 1), Take::After(0));
        assert_eq!(take(end, 2, 10, 5), Take::Gap);
        assert_eq!(take(at(0, 0), 1, 1, 1), Take::After(0));
    }

    /// A journal that begins after `base` and holds events of these epochs.
    fn resume(base: Position, epochs: &[u64], stored: Position) -> Resume {
        let place = |n: u64| match n.checked_sub(base.n)? {
            0 => Some(base),
            held => epochs.get(usize::try_from(held - 1).ok()?).map(|epoch| at(*epoch, n)),
        };
        let end = at(epochs.last().copied().unwrap_or(base.epoch), base.n + epochs.len() as u64);
        reconcile(place, end, stored)
    }

    #[test]
    fn a_journal_that_is_ahead_sends_what_is_missing() {
        assert_eq!(resume(at(0, 0), &[1; 12], at(1, 10)), Resume::Send { after: 10 });
        assert_eq!(resume(at(0, 0), &[1; 12], at(0, 0)), Resume::Send { after: 0 });
        assert_eq!(resume(at(1, 10), &[1, 1], at(1, 10)), Resume::Send { after: 10 });
        // Across an epoch that was opened and not told yet.
        assert_eq!(resume(at(0, 0), &[1, 1, 2, 2], at(1, 2)), Resume::Send { after: 2 });
        assert_eq!(resume(at(1, 7), &[2, 2], at(1, 7)), Resume::Send { after: 7 });
    }

    #[test]
    fn a_journal_that_cannot_be_joined_opens_a_new_epoch() {
        // The volume was reset, or put back.
        assert_eq!(resume(at(0, 0), &[], at(3, 10)), Resume::NewEpoch { epoch: 4 });
        assert_eq!(resume(at(0, 0), &[1; 8], at(1, 10)), Resume::NewEpoch { epoch: 2 });
        // The store was put back to before what the journal has dropped.
        assert_eq!(resume(at(1, 8), &[1; 4], at(1, 3)), Resume::NewEpoch { epoch: 2 });
        // Both went on from the same place in different ways.
        assert_eq!(resume(at(0, 0), &[1, 1, 3, 3], at(2, 3)), Resume::NewEpoch { epoch: 4 });
    }

    #[test]
    fn a_new_epoch_is_taken_by_the_store_it_was_opened_for() {
        for (base, epochs, stored) in [(at(0, 0), &[][..], at(3, 10)), (at(1, 8), &[1; 4], at(1, 3))] {
            let Resume::NewEpoch { epoch } = resume(base, epochs, stored) else { panic!() };
            assert_eq!(take(stored, epoch, stored.n + 1, 1), Take::After(0));
        }
    }
}
