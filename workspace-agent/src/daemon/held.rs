//! What the control plane said to conversations that can't be given anything for the moment: their journal finds no room on
//! the disk, or they have not read what they were given before. It waits here, in order, and nothing of it is settled: what a
//! person sent goes on when there is room.

use std::collections::HashSet;

use protocol::{ConversationId, ItemId};

use crate::conversation::core::Input;

/// How many inputs may wait, of all conversations. Each may carry a message.
const MAX_HELD: usize = 64;

/// One input that waits.
#[derive(Debug)]
pub(super) struct Held {
    /// Whose.
    pub(super) conversation: ConversationId,
    /// The item that it is about, if any.
    pub(super) item: Option<ItemId>,
    /// What happened.
    pub(super) input: Box<Input>,
}

/// The inputs that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Held>);

impl Waiting {
    /// Whether something waits for this conversation, so that what comes later has to wait, too.
    pub(super) fn has(&self, conversation: ConversationId) -> bool {
        self.0.iter().any(|held| held.conversation == conversation)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes one more. If there are too many it is dropped, unsettled: the control plane hands it over again with the next
    /// link.
    pub(super) fn push(&mut self, held: Held) {
        if self.0.len() < MAX_HELD {
            self.0.push(held);
        } else {
            tracing::error!(conversation = %held.conversation, "too much waits; the next link brings it again");
        }
    }

    /// Nothing waits for this conversation any more.
    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.0.retain(|held| held.conversation != conversation);
    }

    /// Nothing waits any more: a new link brings everything again that is not in the journal.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives what waits to `give`, in order, and keeps what that gives back, with all that is behind it.
    pub(super) fn retry(&mut self, mut give: impl FnMut(Held) -> Result<(), Held>) {
        let mut stuck = HashSet::new();
        for held in std::mem::take(&mut self.0) {
            let given = if stuck.contains(&held.conversation) { Err(held) } else { give(held) };
            if let Err(held) = given {
                stuck.insert(held.conversation);
                self.0.push(held);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::settings::Settings;
    use uuid::Uuid;

    use super::*;

    fn held(conversation: u128, item: u128) -> Held {
        let input = Box::new(Input::Configure(Settings::default(), None));
        let conversation = ConversationId(Uuid::from_u128(conversation));
        Held { conversation, item: Some(ItemId(Uuid::from_u128(item))), input }
    }

    fn number(held: &Held) -> u128 {
        held.item.unwrap().0.as_u128()
    }

    #[test]
    fn what_is_behind_something_that_waits_waits_too_and_no_other_conversation_does() {
        let mut waiting = Waiting::default();
        for (conversation, item) in [(1, 1), (2, 2), (1, 3), (2, 4)] {
            waiting.push(held(conversation, item));
        }
        let mut tried = Vec::new();
        waiting.retry(|held| {
            tried.push(number(&held));
            if number(&held) == 1 { Err(held) } else { Ok(()) }
        });
        assert_eq!(tried, [1, 2, 4]);
        tried.clear();
        waiting.retry(|held| {
            tried.push(number(&held));
            Ok(())
        });
        assert_eq!(tried, [1, 3]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn no_more_waits_than_there_is_room_for() {
        let mut waiting = Waiting::default();
        for item in 0..1000 {
            waiting.push(held(1, item));
        }
        assert_eq!(waiting.0.len(), MAX_HELD);
        waiting.forget(ConversationId(Uuid::from_u128(1)));
        assert!(waiting.is_empty());
    }
}
