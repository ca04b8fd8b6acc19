//! Places for CLI processes: each costs some 200 MB, so a workspace has only so many. A conversation that finds none free waits
//! its turn, and of those whose process has nothing to do the one that was idle for longest is asked to make room: as many
//! as are waited for, whenever one begins to wait or becomes idle.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::Millis;
use tokio::sync::Notify;

/// Whether a process could give its place to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Something is owed, or may be in a moment.
    Busy,
    /// Nothing has been owed since then.
    Idle {
        /// Since when.
        since: Millis,
    },
    /// It is on its way out.
    Leaving,
}

/// The places of a workspace.
#[derive(Debug, Default)]
pub struct Places(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    limit: usize,
    next_seat: u64,
    held: BTreeMap<u64, Held>,
    /// Who waits, the longest first.
    waiting: VecDeque<(u64, Arc<Notify>)>,
}

/// A place that somebody has.
#[derive(Debug)]
struct Held {
    standing: Standing,
    ask: Ask,
    wake: Arc<Notify>,
}

/// Whether the one who has a place is asked to make room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ask {
    No,
    Asked,
    /// It was told so.
    Told,
}

/// A conversation's standing among those that may want a place. Whoever drops it has none any more.
#[derive(Debug)]
pub struct Seat {
    number: u64,
    places: Arc<Places>,
    wake: Arc<Notify>,
}

impl Places {
    /// Somebody who may want a place.
    pub fn seat(self: &Arc<Self>) -> Seat {
        let mut state = self.lock();
        state.next_seat += 1;
        Seat { number: state.next_seat, places: Arc::clone(self), wake: Arc::default() }
    }

    /// There are so many from here on. What runs in more of them goes on until it is idle and its place is wanted.
    pub fn set_limit(&self, limit: u32) {
        let mut state = self.lock();
        state.limit = usize::try_from(limit).unwrap_or(usize::MAX);
        state.settle();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives free places to those who wait, and sees to it that as many become free as are waited for.
    fn settle(&mut self) {
        while self.held.len() < self.limit
            && let Some((seat, wake)) = self.waiting.pop_front()
        {
            wake.notify_one();
            self.held.insert(seat, Held { standing: Standing::Busy, ask: Ask::No, wake });
        }
        if self.waiting.is_empty() {
            return;
        }
        let too_many = (self.held.len() + self.waiting.len()).saturating_sub(self.limit);
        let leaving = self.held.values().filter(|held| held.is_leaving()).count();
        for _ in leaving..too_many {
            let idle = self.held.values_mut().filter_map(|held| Some((held.idle_since()?, held)));
            let Some((_, held)) = idle.min_by_key(|(since, _)| *since) else { return };
            held.ask = Ask::Asked;
            held.wake.notify_one();
        }
    }
}

impl Held {
    fn is_leaving(&self) -> bool {
        self.ask != Ask::No || self.standing == Standing::Leaving
    }

    /// Since when it has been idle, if it can be asked.
    const fn idle_since(&self) -> Option<Millis> {
        match (self.standing, self.ask) {
            (Standing::Idle { since }, Ask::No) => Some(since),
            _ => None,
        }
    }
}

impl Seat {
    /// A place is wanted.
    pub fn want(&self) {
        let mut state = self.places.lock();
        let waits = state.waiting.iter().any(|(seat, _)| *seat == self.number);
        if !waits && !state.held.contains_key(&self.number) {
            state.waiting.push_back((self.number, Arc::clone(&self.wake)));
            state.settle();
        }
    }

    /// Has a place from here on, though none may be free: a person has opened Claude's own screen, and it runs. Others wait for
    /// as long.
    pub fn take(&self) {
        let mut state = self.places.lock();
        state.waiting.retain(|(seat, _)| *seat != self.number);
        let wake = Arc::clone(&self.wake);
        let held = Held { standing: Standing::Busy, ask: Ask::No, wake };
        state.held.entry(self.number).or_insert(held);
        state.settle();
    }

    /// No place is wanted any more, or needed.
    pub fn leave(&self) {
        let mut state = self.places.lock();
        state.waiting.retain(|(seat, _)| *seat != self.number);
        state.held.remove(&self.number);
        state.settle();
    }

    /// Whether it has a place.
    pub fn is_held(&self) -> bool {
        self.places.lock().held.contains_key(&self.number)
    }

    /// Waits until it has a place.
    pub async fn held(&self) {
        while !self.is_held() {
            self.wake.notified().await;
        }
    }

    /// How the process fares that has the place. One that was asked to make room and has something to do now keeps it, and
    /// another is asked.
    pub fn report(&self, standing: Standing) {
        let mut state = self.places.lock();
        let Some(held) = state.held.get_mut(&self.number).filter(|held| held.standing != standing) else {
            return;
        };
        held.standing = standing;
        if standing == Standing::Busy {
            held.ask = Ask::No;
        }
        state.settle();
    }

    /// Waits until it is asked to make room. Each time it is asked that is said once.
    pub async fn wanted(&self) {
        while !self.take_ask() {
            self.wake.notified().await;
        }
    }

    fn take_ask(&self) -> bool {
        let mut state = self.places.lock();
        let held = state.held.get_mut(&self.number);
        held.filter(|held| held.ask == Ask::Asked).map(|held| held.ask = Ask::Told).is_some()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats<const N: usize>(limit: u32) -> (Arc<Places>, [Seat; N]) {
        let places = Arc::new(Places::default());
        places.set_limit(limit);
        let seats = std::array::from_fn(|_| places.seat());
        seats.iter().for_each(Seat::want);
        (places, seats)
    }

    fn held<const N: usize>(seats: &[Seat; N]) -> [bool; N] {
        seats.each_ref().map(Seat::is_held)
    }

    #[test]
    fn who_waited_for_longest_has_the_next_place() {
        let (_places, [a, b, c, d]) = seats(2);
        b.leave();
        assert!(c.is_held() && !d.is_held());
        // Who wants another one is behind those who wait.
        b.want();
        a.leave();
        assert!(d.is_held() && !b.is_held());
        drop(c);
        assert!(b.is_held());
    }

    #[test]
    fn who_becomes_idle_while_somebody_waits_is_asked_for_room() {
        let (_places, [a, b, c]) = seats(2);
        assert!(!a.take_ask() && !b.take_ask(), "they have something to do");
        b.report(Standing::Idle { since: 5 });
        assert!(b.take_ask() && !b.take_ask(), "once");
        a.report(Standing::Idle { since: 6 });
        assert!(!a.take_ask(), "one makes room for one");
        b.report(Standing::Leaving);
        assert!(!a.take_ask());
        b.leave();
        assert!(c.is_held() && !a.take_ask());
    }

    #[test]
    fn who_was_idle_for_longest_is_asked_first() {
        let (places, [a, b, c]) = seats(3);
        a.report(Standing::Idle { since: 7 });
        b.report(Standing::Idle { since: 5 });
        let (d, e) = (places.seat(), places.seat());
        d.want();
        assert!(b.take_ask() && !a.take_ask());
        e.want();
        assert!(a.take_ask() && !c.take_ask());
    }

    #[test]
    fn who_has_something_to_do_when_asked_keeps_the_place_and_another_is_asked() {
        let (_places, [a, b, c]) = seats(2);
        a.report(Standing::Idle { since: 5 });
        a.report(Standing::Busy);
        assert!(!a.take_ask(), "what is no longer so is not said");
        b.report(Standing::Idle { since: 6 });
        assert!(b.take_ask());
        b.report(Standing::Busy);
        a.report(Standing::Idle { since: 8 });
        assert!(a.take_ask() && !c.is_held());
    }

    #[test]
    fn fewer_places_are_met_as_soon_as_they_can_be() {
        let (places, seats) = seats::<4>(3);
        places.set_limit(1);
        seats[0].report(Standing::Idle { since: 5 });
        seats[1].report(Standing::Idle { since: 6 });
        seats[2].report(Standing::Idle { since: 7 });
        assert!(seats[..3].iter().all(Seat::take_ask));
        seats[0].leave();
        seats[1].leave();
        assert_eq!(held(&seats), [false, false, true, false]);
        places.set_limit(2);
        assert_eq!(held(&seats), [false, false, true, true]);
    }

    #[test]
    fn who_takes_a_place_that_is_not_free_has_the_others_wait_for_two() {
        let (places, [a, b]) = seats(1);
        let screen = places.seat();
        screen.take();
        assert!(screen.is_held() && a.is_held() && !b.is_held());
        a.report(Standing::Idle { since: 1 });
        assert!(a.take_ask());
        a.leave();
        assert!(!b.is_held());
        screen.leave();
        assert!(b.is_held());
    }

    #[tokio::test]
    async fn who_waits_wakes_up() {
        let (_places, [a, b]) = seats(1);
        let ends = async {
            a.report(Standing::Idle { since: 1 });
            a.wanted().await;
            a.leave();
        };
        tokio::join!(b.held(), ends);
        assert!(b.is_held());
    }
}
