//! How many conversations of a workspace are in which state. Pure.
//!
//! Kept from when somebody first asks on: the store says what there is, page by page, while commits go on; whatever has
//! the higher version counts. A change costs the same however many conversations there are.

use std::collections::HashMap;

use protocol::ConversationId;
use protocol::fleet::Counts;
use protocol::summary::{State, Summary};

/// The conversations of one workspace, counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// `None`: deleted, which no page of the store can undo.
    known: HashMap<ConversationId, Option<Known>>,
    counts: Counts,
    whole: bool,
}

/// What is counted of one conversation.
#[derive(Clone, Copy, Debug)]
struct Known {
    version: u64,
    state: State,
    process: bool,
    prompts: u32,
}

impl Tally {
    /// A conversation as it is at `version`. Returns whether the counts changed.
    pub fn is(&mut self, id: ConversationId, version: u64, summary: &Summary) -> bool {
        let before = match self.known.get(&id) {
            Some(None) => return false,
            Some(Some(known)) if known.version >= version => return false,
            Some(Some(known)) => Some(*known),
            None => None,
        };
        let prompts = u32::try_from(summary.prompts.len()).unwrap_or(u32::MAX);
        let known = Known { version, state: summary.state, process: summary.process, prompts };
        self.known.insert(id, Some(known));
        self.replace(before, Some(known))
    }

    /// A conversation is gone. Returns whether the counts changed.
    pub fn gone(&mut self, id: ConversationId) -> bool {
        let before = if self.whole { self.known.remove(&id) } else { self.known.insert(id, None) };
        self.replace(before.flatten(), None)
    }

    /// Everything that the store had has been said.
    pub fn complete(&mut self) {
        self.whole = true;
        self.known.retain(|_, known| known.is_some());
    }

    /// The counts, once they are whole.
    pub fn counts(&self) -> Option<Counts> {
        self.whole.then_some(self.counts)
    }

    fn replace(&mut self, before: Option<Known>, after: Option<Known>) -> bool {
        let was = self.counts;
        for (known, change) in
            [(before, u32::wrapping_sub as fn(u32, u32) -> u32), (after, u32::wrapping_add)]
        {
            let Some(known) = known else { continue };
            let counts = &mut self.counts;
            counts.total = change(counts.total, 1);
            counts.live = change(counts.live, known.process.into());
            counts.prompts = change(counts.prompts, known.prompts);
            let of_state = match known.state {
                State::Idle => continue,
                State::Working => &mut counts.working,
                State::Waiting => &mut counts.waiting,
                State::NotResponding => &mut counts.not_responding,
            };
            *of_state = change(*of_state, 1);
        }
        self.counts != was
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::PromptId;
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> ConversationId {
        ConversationId(Uuid::from_u128(n))
    }

    fn summary(state: State, process: bool, prompts: usize) -> Summary {
        let prompts = (0..prompts).map(|n| PromptId::new(format!("p{n}")).unwrap()).collect();
        Summary { state, process, prompts, ..Summary::default() }
    }

    #[test]
    fn nothing_is_said_before_it_is_whole() {
        let mut tally = Tally::default();
        assert!(tally.is(id(1), 1, &summary(State::Working, true, 0)));
        assert_eq!(tally.counts(), None);
        tally.complete();
        assert_eq!(tally.counts(), Some(Counts { total: 1, live: 1, working: 1, ..Counts::default() }));
    }

    #[test]
    fn a_page_that_is_older_than_a_commit_or_a_deletion_changes_nothing() {
        let mut tally = Tally::default();
        tally.is(id(1), 5, &summary(State::Waiting, true, 2));
        assert!(!tally.is(id(1), 4, &summary(State::Idle, false, 0)));
        tally.is(id(2), 1, &summary(State::Idle, false, 0));
        tally.gone(id(2));
        assert!(!tally.is(id(2), 1, &summary(State::Idle, false, 0)));
        tally.gone(id(3));
        assert!(!tally.is(id(3), 9, &summary(State::Working, true, 0)));
        tally.complete();
        let expected = Counts { total: 1, live: 1, waiting: 1, prompts: 2, ..Counts::default() };
        assert_eq!(tally.counts(), Some(expected));
    }

    #[test]
    fn what_does_not_show_is_no_change() {
        let mut tally = Tally::default();
        tally.is(id(1), 1, &summary(State::Working, true, 0));
        assert!(!tally.is(id(1), 2, &summary(State::Working, true, 0)));
        assert!(tally.is(id(1), 3, &summary(State::Working, true, 1)));
    }

    fn any_state() -> impl Strategy<Value = State> {
        prop::sample::select(vec![State::Idle, State::Working, State::Waiting, State::NotResponding])
    }

    proptest! {
        #[test]
        fn counting_changes_comes_to_what_counting_all_does(
            steps in prop::collection::vec((0..6u128, any_state(), any::<bool>(), 0..3usize, any::<bool>()), 0..60),
        ) {
            let (mut tally, mut all) = (Tally::default(), HashMap::new());
            tally.complete();
            for (version, (n, state, process, prompts, gone)) in (1..).zip(steps) {
                if gone {
                    tally.gone(id(n));
                    all.remove(&n);
                } else {
                    tally.is(id(n), version, &summary(state, process, prompts));
                    all.insert(n, (state, process, prompts));
                }
            }
            let count = |is: &dyn Fn(&(State, bool, usize)) -> usize| all.values().map(is).sum::<usize>() as u32;
            let expected = Counts {
                total: count(&|_| 1),
                live: count(&|(_, process, _)| usize::from(*process)),
                working: count(&|(state, ..)| usize::from(*state == State::Working)),
                waiting: count(&|(state, ..)| usize::from(*state == State::Waiting)),
                not_responding: count(&|(state, ..)| usize::from(*state == State::NotResponding)),
                prompts: count(&|(_, _, prompts)| *prompts),
            };
            prop_assert_eq!(tally.counts(), Some(expected));
        }
    }
}
