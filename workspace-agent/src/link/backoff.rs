//! Waits that grow, with jitter, so that ten thousand workspaces don't return in step.

use std::time::Duration;

use rand::Rng;

/// Exponential back-off. Each wait is drawn from the upper half of its bound and the bound doubles.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    bound: Duration,
}

impl Backoff {
    /// Waits from about `first` up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, bound: first }
    }

    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.bound.mul_f64(rand::rng().random_range(0.5..1.0));
        self.bound = (self.bound * 2).min(self.longest);
        wait
    }

    /// Begins with short waits again.
    pub const fn reset(&mut self) {
        self.bound = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_begin_again() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(2));
        let mut backoff = Backoff::new(first, longest);
        let waits: Vec<Duration> = std::iter::repeat_with(|| backoff.wait()).take(12).collect();
        assert!(waits[0] >= first / 2 && waits[0] <= first);
        assert!(waits[11] >= longest / 2 && waits[11] <= longest);
        backoff.reset();
        assert!(backoff.wait() <= first);
    }
}
