//! How long a ping takes on one link, there and back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// The pings of one link. One is on its way at a time.
#[derive(Debug, Default)]
pub struct RoundTrip(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    on_its_way: Option<(u64, Instant)>,
    last_us: Option<u32>,
    /// What was last worth telling.
    told_us: Option<u32>,
}

impl RoundTrip {
    /// A ping goes out now. Returns what it carries; a guess of it comes to nothing but a wrong figure of one's own.
    pub fn ping(&self, now: Instant) -> [u8; 8] {
        let nonce: u64 = rand::random();
        self.lock().on_its_way = Some((nonce, now));
        nonce.to_be_bytes()
    }

    /// An answer came, perhaps to an earlier one. Returns whether the time is one that an operator would want to see.
    pub fn pong(&self, carried: &[u8], now: Instant) -> bool {
        let mut state = self.lock();
        let Some((_, sent)) = state.on_its_way.take_if(|(nonce, _)| nonce.to_be_bytes() == carried) else {
            return false;
        };
        let took = u32::try_from(now.duration_since(sent).as_micros()).unwrap_or(u32::MAX);
        state.last_us = Some(took);
        let worth = state.told_us.is_none_or(|told| is_different(told, took));
        if worth {
            state.told_us = Some(took);
        }
        worth
    }

    /// How long the last one took, in microseconds.
    pub fn last_us(&self) -> Option<u32> {
        self.lock().last_us
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a reader would call the two different: by more than a millisecond, and by more than a quarter.
const fn is_different(before: u32, now: u32) -> bool {
    let by = before.abs_diff(now);
    by > 1000 && by > before / 4
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_answer_to_the_last_ping_counts() {
        let (trip, start) = (RoundTrip::default(), Instant::now());
        let first = trip.ping(start);
        let second = trip.ping(start + Duration::from_secs(1));
        assert!(!trip.pong(&first, start + Duration::from_secs(2)));
        assert!(!trip.pong(b"", start + Duration::from_secs(2)));
        assert_eq!(trip.last_us(), None);
        assert!(trip.pong(&second, start + Duration::from_millis(1007)));
        assert_eq!(trip.last_us(), Some(7_000));
        // The same answer again is none.
        assert!(!trip.pong(&second, start + Duration::from_secs(3)));
        assert_eq!(trip.last_us(), Some(7_000));
    }

    #[test]
    fn small_differences_are_not_worth_telling_and_do_not_creep() {
        let (trip, start) = (RoundTrip::default(), Instant::now());
        let took = |ms| {
            let ping = trip.ping(start);
            trip.pong(&ping, start + Duration::from_millis(ms))
        };
        assert!(took(20));
        assert!(!took(23) && !took(25));
        assert!(took(26));
        assert!(!took(21));
    }
}
