//! Gates: answers wait at them until a test opens them, so that tests wait on facts and not on time.
//!
//! A gate is closed until it is released and then stays open, whether the answer arrives before or after; holding
//! it closes it again for later answers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// All gates, by name.
#[derive(Default)]
pub(crate) struct Gates {
    gates: Mutex<HashMap<String, watch::Sender<Gate>>>,
}

#[derive(Clone, Copy, Default)]
struct Gate {
    open: bool,
    /// Lets those who waited pass even if the gate is held again at once.
    releases: u64,
}

impl Gates {
    /// Opens a gate; tells how many answers waited at it.
    pub(crate) fn release(&self, name: &str) -> usize {
        self.with(name, |gate| {
            gate.send_modify(|gate| {
                gate.open = true;
                gate.releases += 1;
            });
            gate.receiver_count()
        })
    }

    /// Closes a gate; tells how many answers wait at it.
    pub(crate) fn hold(&self, name: &str) -> usize {
        self.with(name, |gate| {
            gate.send_modify(|gate| gate.open = false);
            gate.receiver_count()
        })
    }

    /// Waits until the gate is, or has been, released.
    pub(crate) async fn pass(&self, name: &str) {
        let mut gate = self.with(name, watch::Sender::subscribe);
        let before = gate.borrow().releases;
        // The sender is never dropped while `self` lives, so this can't fail.
        let _ = gate.wait_for(|gate| gate.open || gate.releases != before).await;
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&watch::Sender<Gate>) -> T) -> T {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        act(gates.entry(name.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::Gates;

    #[tokio::test]
    async fn whoever_waits_passes_on_release_even_if_held_again_at_once() {
        let gates = Gates::default();
        let mut waiting = pin!(gates.pass("a"));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(gates.release("b"), 0, "another gate");
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(gates.release("a"), 1);
        gates.hold("a");
        assert!(waiting.now_or_never().is_some());
        assert!(pin!(gates.pass("a")).now_or_never().is_none(), "held for those who come later");
    }

    #[tokio::test]
    async fn a_gate_released_before_anyone_came_is_open() {
        let gates = Gates::default();
        gates.release("a");
        assert!(pin!(gates.pass("a")).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_left_is_not_counted() {
        let gates = Gates::default();
        {
            let mut left = pin!(gates.pass("a"));
            assert!(left.as_mut().now_or_never().is_none());
            assert_eq!(gates.hold("a"), 1);
        }
        assert_eq!(gates.release("a"), 0);
    }
}
