//! Which workspaces changed in a way that operators see, since the last look. Each is named once, however often it
//! changed; while nobody looks, noting one costs a load of an atomic.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::WorkspaceId;
use tokio::sync::Notify;

/// Workspaces that changed.
#[derive(Debug, Default)]
pub struct Touched {
    watched: AtomicBool,
    waiting: Mutex<Waiting>,
    some: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<WorkspaceId>,
    named: HashSet<WorkspaceId>,
}

impl Touched {
    /// A workspace changed.
    pub fn touch(&self, id: WorkspaceId) {
        if !self.watched.load(Ordering::SeqCst) {
            return;
        }
        {
            let mut waiting = self.lock();
            if !waiting.named.insert(id) {
                return;
            }
            waiting.order.push_back(id);
        }
        self.some.notify_one();
    }

    /// Whether anybody looks from now on. What was noted before is forgotten.
    pub fn watch(&self, watched: bool) {
        self.watched.store(watched, Ordering::SeqCst);
        *self.lock() = Waiting::default();
    }

    /// Waits until there is one.
    pub async fn some(&self) {
        loop {
            let some = self.some.notified();
            if !self.lock().order.is_empty() {
                return;
            }
            some.await;
        }
    }

    /// Takes the next, those first that wait longest. One that changes from here on is named again.
    pub fn take(&self) -> Option<WorkspaceId> {
        let mut waiting = self.lock();
        let id = waiting.order.pop_front()?;
        waiting.named.remove(&id);
        Some(id)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn many_changes_of_one_are_one_and_each_has_its_turn() {
        let touched = Touched::default();
        touched.watch(true);
        for _ in 0..100 {
            touched.touch(id(1));
            touched.touch(id(2));
        }
        touched.some().await;
        assert_eq!(touched.take(), Some(id(1)));
        // It changes again while it is looked at: it waits behind the other.
        touched.touch(id(1));
        assert_eq!((touched.take(), touched.take(), touched.take()), (Some(id(2)), Some(id(1)), None));
    }

    #[test]
    fn nothing_is_kept_while_nobody_looks() {
        let touched = Touched::default();
        touched.touch(id(1));
        touched.watch(true);
        assert_eq!(touched.take(), None);
        touched.touch(id(1));
        touched.watch(false);
        assert_eq!(touched.take(), None);
    }
}
