//! How much of a terminal's output may be on its way to one viewer. No I/O.
//!
//! What a viewer has not acknowledged lies somewhere before it: in the kernel's buffers, in the network, in its own
//! parser. All of that has to pass before anything newer shows, the prompt after a Ctrl-C among it. So the window is
//! what the viewer takes in a moment, not a fixed number: each round (until what was sent at its beginning is
//! acknowledged) its shortest delay is held against the shortest ever, which is the way. What lies between is a queue that
//! stands; a long one makes the window smaller, a short one that the viewer waited behind makes it larger.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::limits::{CREDIT_BYTES, OUTPUT_BYTES};

/// The window to begin with.
const FIRST: usize = 32 * 1024;
/// The smallest window: a few screenfuls.
const LEAST: usize = 8 * 1024;
/// The queue that is tolerated. Half of it leaves room for more.
const QUEUE: Duration = Duration::from_millis(80);
/// Sent pieces that are remembered. Windows are cut into pieces of at least an eighth ([`Pace::piece`]), and keystrokes
/// come one by one; beyond this the newest are taken for one.
const REMEMBERED: usize = 64;

/// The window of one viewer on one terminal.
#[derive(Clone, Debug)]
pub struct Pace {
    window: usize,
    /// Where pieces that are on their way end, and when they were sent.
    sent: VecDeque<(u64, Instant)>,
    /// The shortest delay ever: how long the way is.
    way: Duration,
    /// Where the round ends, and its shortest delay so far.
    round: u64,
    shortest: Duration,
    /// The viewer has waited for its window.
    limited: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            window: FIRST,
            sent: VecDeque::new(),
            way: Duration::MAX,
            round: 0,
            shortest: Duration::MAX,
            limited: false,
        }
    }
}

impl Pace {
    /// How much may be unacknowledged.
    pub const fn window(&self) -> usize {
        self.window
    }

    /// The largest piece to send at a time.
    pub fn piece(&self) -> usize {
        (self.window / 8).clamp(1024, OUTPUT_BYTES)
    }

    /// There was more to send than the window has room for, here or at the program's end.
    pub const fn waits(&mut self) {
        self.limited = true;
    }

    /// A piece that ends here was sent.
    pub fn sent(&mut self, end: u64, now: Instant) {
        if self.sent.len() >= REMEMBERED {
            self.sent.pop_back();
        }
        self.sent.push_back((end, now));
    }

    /// The viewer has everything up to here.
    pub fn acked(&mut self, upto: u64, now: Instant) {
        while let Some((end, at)) = self.sent.front().copied()
            && end <= upto
        {
            self.sent.pop_front();
            self.shortest = self.shortest.min(now.saturating_duration_since(at));
        }
        if upto >= self.round && self.shortest < Duration::MAX {
            self.judge();
            self.round = self.sent.back().map_or(upto + 1, |(end, _)| *end);
            self.shortest = Duration::MAX;
            self.limited = false;
        }
    }

    /// What was on its way does not count: the viewer begins anew.
    pub fn forget(&mut self) {
        self.sent.clear();
        self.round = 0;
        self.shortest = Duration::MAX;
        self.limited = false;
    }

    fn judge(&mut self) {
        self.way = self.way.min(self.shortest);
        let queue = self.shortest.saturating_sub(self.way);
        if queue > QUEUE {
            let share = (self.way + QUEUE).as_secs_f64() / self.shortest.as_secs_f64();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a share of a window"
            )]
            let smaller = (self.window as f64 * share) as usize;
            self.window = smaller.clamp(LEAST, CREDIT_BYTES);
        } else if self.limited && queue < QUEUE / 2 {
            self.window = (self.window * 2).min(CREDIT_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A viewer who takes so many bytes a second, at the end of a way of this length, while there is always more.
    /// Returns the window after a while, and how long the last bytes were on their way.
    fn settle(rate: f64, way: Duration, rounds: usize) -> (usize, Duration) {
        let mut pace = Pace::default();
        let mut now = Instant::now();
        let (mut sent, mut acked, mut free) = (0_u64, 0_u64, now);
        let mut arriving: VecDeque<(u64, Instant, Instant)> = VecDeque::new();
        let mut delay = Duration::ZERO;
        // The prompt, before there is any queue.
        pace.sent(1, now);
        now += way;
        pace.acked(1, now);
        for _ in 0..rounds {
            while sent + pace.piece() as u64 <= acked + pace.window() as u64 {
                let piece = pace.piece();
                sent += piece as u64;
                #[expect(clippy::cast_precision_loss, reason = "a piece")]
                let takes = Duration::from_secs_f64(piece as f64 / rate);
                free = free.max(now) + takes;
                arriving.push_back((sent, now, free + way));
                pace.sent(sent, now);
            }
            pace.waits();
            let (end, at, arrives) = arriving.pop_front().unwrap();
            now = now.max(arrives);
            delay = now - at;
            acked = end;
            pace.acked(end, now);
        }
        (pace.window(), delay)
    }

    #[test]
    fn a_slow_viewer_has_little_on_its_way() {
        let (window, delay) = settle(100_000.0, Duration::from_millis(1), 500);
        assert!(window <= 16 * 1024, "{window}");
        assert!(delay <= Duration::from_millis(200), "{delay:?}");
    }

    #[test]
    fn a_quick_viewer_has_all_there_may_be() {
        assert_eq!(settle(20e6, Duration::from_millis(1), 2000).0, CREDIT_BYTES);
    }

    #[test]
    fn a_long_way_is_no_queue() {
        assert_eq!(settle(20e6, Duration::from_millis(300), 5000).0, CREDIT_BYTES);
    }

    #[test]
    fn a_quick_viewer_that_becomes_slow_is_noticed_within_rounds() {
        let mut pace = Pace { window: CREDIT_BYTES, ..Pace::default() };
        let mut now = Instant::now();
        pace.sent(1, now);
        now += Duration::from_millis(1);
        pace.acked(1, now);
        let mut end = 1;
        for _ in 0..20 {
            end += pace.window() as u64;
            pace.sent(end, now);
            #[expect(clippy::cast_precision_loss, reason = "a window")]
            let takes = Duration::from_secs_f64(pace.window() as f64 / 100_000.0);
            now += takes;
            pace.acked(end, now);
        }
        assert!(pace.window() <= 16 * 1024, "{}", pace.window());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut pace = Pace::default();
        let now = Instant::now();
        (1..10_000).for_each(|end| pace.sent(end, now));
        assert_eq!(pace.sent.len(), REMEMBERED);
        assert_eq!(pace.sent.back().map(|(end, _)| *end), Some(9_999));
    }
}
