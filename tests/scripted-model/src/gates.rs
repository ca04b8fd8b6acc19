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

    /// Arrives at a gate; a release from now on counts, even if the gate is held again before it is looked at.
    pub(crate) fn arrive(&self, name: &str) -> Arrival {
        let gate = self.with(name, watch::Sender::subscribe);
        let before = gate.borrow().releases;
        Arrival { gate, before }
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&watch::Sender<Gate>) -> T) -> T {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        act(gates.entry(name.to_owned()).or_default())
    }
}

/// An answer at a gate.
pub(crate) struct Arrival {
    gate: watch::Receiver<Gate>,
    before: u64,
}

impl Arrival {
    /// Waits until the gate is, or has been, released. May be given up and taken up again.
    pub(crate) async fn passed(&mut self) {
        let before = self.before;
        // The sender is dropped with the server only: then nothing is left to wait for.
        let _ = self.gate.wait_for(|gate| gate.open || gate.releases != before).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{Arrival, Gates};

    fn passes(arrival: &mut Arrival) -> bool {
        arrival.passed().now_or_never().is_some()
    }

    #[tokio::test]
    async fn whoever_waits_passes_on_release_even_if_held_again_at_once() {
        let gates = Gates::default();
        let mut waiting = gates.arrive("a");
        assert!(!passes(&mut waiting));
        assert_eq!(gates.release("b"), 0, "another gate");
        assert!(!passes(&mut waiting));
        assert_eq!(gates.release("a"), 1);
        gates.hold("a");
        assert!(passes(&mut waiting));
        assert!(!passes(&mut gates.arrive("a")), "held for those who come later");
    }

    #[tokio::test]
    async fn a_gate_released_before_anyone_came_is_open() {
        let gates = Gates::default();
        gates.release("a");
        assert!(passes(&mut gates.arrive("a")));
    }

    #[tokio::test]
    async fn who_left_is_not_counted() {
        let gates = Gates::default();
        let waiting = gates.arrive("a");
        assert_eq!(gates.hold("a"), 1);
        drop(waiting);
        assert_eq!(gates.release("a"), 0);
    }
}
