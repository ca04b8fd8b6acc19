//! What viewers want of terminals and the workspace-agent has not answered yet. No I/O, no clock.
//!
//! Everything that can be wanted may be said twice, so what is not answered is said again on the next link. Nobody waits
//! for ever: what is not answered in time is refused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protocol::TerminalId;
use protocol::terminal::{TerminalAct, TerminalRequest};

use super::fan::Seat;

/// Unanswered wishes of one viewer.
const OF_ONE: usize = 32;
/// Unanswered wishes of all viewers of a workspace.
const OF_ALL: usize = 128;
/// How long a workspace may take to come up, and the workspace-agent to answer. The driver gives up on a start earlier, and
/// says why.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long the workspace-agent may take while its link is up.
const ANSWER: Duration = Duration::from_secs(30);

/// Who is to be told how it went: a viewer, and its own number for it.
pub type Asker = Option<(Seat, u32)>;

/// What is not answered.
#[derive(Debug, Default)]
pub struct Asks {
    last: u64,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    asker: Asker,
    request: TerminalRequest,
    until: Instant,
}

/// There are too many already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooMany;

impl Asks {
    /// One more. Returns what is to be sent, if there is a link.
    ///
    /// # Errors
    /// When there are too many already.
    pub fn add(
        &mut self,
        asker: Asker,
        terminal: TerminalId,
        act: TerminalAct,
        now: Instant,
    ) -> Result<TerminalRequest, TooMany> {
        let own = |waiting: &&Waiting| waiting.asker.map(|(seat, _)| seat) == asker.map(|(seat, _)| seat);
        if self.waiting.len() >= OF_ALL || self.waiting.values().filter(own).count() >= OF_ONE {
            return Err(TooMany);
        }
        self.last += 1;
        let request = TerminalRequest { re: self.last, terminal, act };
        self.waiting.insert(self.last, Waiting { asker, request: request.clone(), until: now + PATIENCE });
        Ok(request)
    }

    /// One is answered. Returns who is to be told.
    pub fn answered(&mut self, re: u64) -> Asker {
        self.waiting.remove(&re).and_then(|waiting| waiting.asker)
    }

    /// A link is up: all of this is to be said on it.
    pub fn again(&mut self, now: Instant) -> Vec<TerminalRequest> {
        let again = |waiting: &mut Waiting| {
            waiting.until = now + ANSWER;
            waiting.request.clone()
        };
        self.waiting.values_mut().map(again).collect()
    }

    /// Whether anything is unanswered.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives up on what has waited for too long. Returns who is to be told.
    pub fn late(&mut self, now: Instant) -> Vec<Asker> {
        self.give_up(|waiting| waiting.until <= now)
    }

    /// The workspace is not there: gives up on whatever does not start it.
    pub fn stopped(&mut self) -> Vec<Asker> {
        self.give_up(|waiting| !matches!(waiting.request.act, TerminalAct::Open { .. }))
    }

    /// The workspace can't be there: gives up on everything.
    pub fn failed(&mut self) -> Vec<Asker> {
        self.give_up(|_| true)
    }

    fn give_up(&mut self, on: impl Fn(&Waiting) -> bool) -> Vec<Asker> {
        self.waiting.extract_if(.., |_, waiting| on(waiting)).map(|(_, waiting)| waiting.asker).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const TERMINAL: TerminalId = TerminalId(Uuid::nil());

    #[test]
    fn what_is_not_answered_is_said_again_and_what_is_answered_is_not() {
        let (mut asks, now) = (Asks::default(), Instant::now());
        let first = asks.add(Some((Seat(1), 7)), TERMINAL, TerminalAct::Close {}, now).unwrap();
        let second = asks.add(Some((Seat(2), 7)), TERMINAL, TerminalAct::Unwatch {}, now).unwrap();
        assert_eq!(asks.answered(first.re), Some((Seat(1), 7)));
        assert_eq!(asks.answered(first.re), None);
        assert_eq!(asks.again(now), vec![second]);
    }

    #[test]
    fn one_viewer_leaves_room_for_others() {
        let (mut asks, now) = (Asks::default(), Instant::now());
        let mut add = |seat| asks.add(Some((Seat(seat), 0)), TERMINAL, TerminalAct::Close {}, now);
        assert!((0..OF_ONE).all(|_| add(1).is_ok()));
        assert_eq!(add(1), Err(TooMany));
        assert!(add(2).is_ok());
        assert!((0..1000).filter(|seat| add(100 + seat).is_ok()).count() < OF_ALL);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let (mut asks, now) = (Asks::default(), Instant::now());
        asks.add(Some((Seat(1), 1)), TERMINAL, TerminalAct::Close {}, now).unwrap();
        assert!(asks.late(now + PATIENCE - Duration::from_secs(1)).is_empty());
        asks.again(now);
        assert_eq!(asks.late(now + ANSWER), vec![Some((Seat(1), 1))]);
        assert!(asks.is_empty());
    }
}
