//! The links of workspace-agents: one live one a workspace, the newest wins.

pub mod admission;
pub mod enrol;
pub mod round_trip;
pub mod session;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::WorkspaceId;
use protocol::close::CloseCode;
use protocol::link::FromControl;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::round_trip::RoundTrip;

/// Messages that may wait for one link. Beyond it the link is closed: after the next hello both sides compare what
/// they have, which is quicker than any queue.
const QUEUE: usize = 512;

/// A live link, from outside.
#[derive(Clone, Debug)]
pub struct Link {
    generation: u64,
    messages: mpsc::Sender<Outgoing>,
    /// Why it is to be closed.
    closing: Arc<Mutex<Option<CloseCode>>>,
    closed: CancellationToken,
    round_trip: Arc<RoundTrip>,
}

/// What is sent on a link.
#[derive(Debug)]
pub enum Outgoing {
    /// A message.
    Message(FromControl),
    /// A binary frame.
    Frame(Vec<u8>),
}

/// The other end of a [`Link`], for the task that serves it.
#[derive(Debug)]
pub struct Inbox {
    messages: mpsc::Receiver<Outgoing>,
    closing: Closing,
}

/// Why and when a link is to be closed.
#[derive(Debug)]
pub struct Closing {
    why: Arc<Mutex<Option<CloseCode>>>,
    closed: CancellationToken,
}

impl Link {
    /// A link and its other end.
    pub fn new(generation: u64) -> (Self, Inbox) {
        let (sender, messages) = mpsc::channel(QUEUE);
        let closing = Arc::new(Mutex::new(None));
        let closed = CancellationToken::new();
        let inbox =
            Inbox { messages, closing: Closing { why: Arc::clone(&closing), closed: closed.clone() } };
        (Self { generation, messages: sender, closing, closed, round_trip: Arc::default() }, inbox)
    }

    /// Its number. Later links of the same workspace have higher ones.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// How long a ping takes on it.
    pub const fn round_trip(&self) -> &Arc<RoundTrip> {
        &self.round_trip
    }

    /// Has a message sent. `false` when the link can't take it; it is closed then, or will be.
    pub fn send(&self, message: FromControl) -> bool {
        self.put(Outgoing::Message(message))
    }

    /// Has a frame sent, as a message is.
    pub fn send_frame(&self, frame: Vec<u8>) -> bool {
        self.put(Outgoing::Frame(frame))
    }

    /// Whether there is room for what can wait, with some left for what can't.
    pub fn has_room(&self) -> bool {
        self.messages.capacity() > QUEUE / 2
    }

    fn put(&self, outgoing: Outgoing) -> bool {
        match self.messages.try_send(outgoing) {
            Ok(()) => true,
            Err(error) => {
                if matches!(error, mpsc::error::TrySendError::Full(_)) {
                    tracing::warn!(generation = self.generation, "a link does not keep up and is closed");
                }
                self.close();
                false
            }
        }
    }

    /// Has it closed, so that the workspace-agent dials again.
    pub fn close(&self) {
        self.close_because(CloseCode::Internal);
    }

    /// Has it closed, and the workspace-agent told why.
    pub fn close_because(&self, code: CloseCode) {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(code);
        self.closed.cancel();
    }
}

impl Inbox {
    /// What is to be sent, and when to stop.
    pub fn split(self) -> (mpsc::Receiver<Outgoing>, Closing) {
        (self.messages, self.closing)
    }
}

impl Closing {
    /// Waits until the link is to be closed, and says why.
    pub async fn closed(&self) -> CloseCode {
        self.closed.cancelled().await;
        self.why.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(CloseCode::Internal)
    }
}

/// The live links.
#[derive(Debug, Default)]
pub struct Links(Mutex<HashMap<WorkspaceId, Link>>);

impl Links {
    /// Notes a link. The older one of it and the one there was is told that it is superseded.
    pub fn insert(&self, workspace: WorkspaceId, link: Link) {
        let mut links = self.lock();
        let older = match links.get(&workspace) {
            // It was counted first, and was slower from there to here.
            Some(there) if there.generation > link.generation => Some(link),
            _ => links.insert(workspace, link),
        };
        if let Some(older) = older {
            older.close_because(CloseCode::Superseded);
        }
    }

    /// Forgets a link that ended. A late goodbye of a superseded one can't remove its successor.
    pub fn remove(&self, workspace: WorkspaceId, generation: u64) {
        let mut links = self.lock();
        if links.get(&workspace).is_some_and(|link| link.generation == generation) {
            links.remove(&workspace);
        }
    }

    /// Closes a workspace's link, whichever it is.
    pub fn close(&self, workspace: WorkspaceId, code: CloseCode) {
        if let Some(link) = self.lock().get(&workspace) {
            link.close_because(code);
        }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.lock().len()).unwrap_or(u32::MAX)
    }

    /// Tells every workspace-agent that this control plane goes away.
    pub fn drain(&self, back_in_ms: u64) {
        for link in self.lock().values() {
            link.send(FromControl::Drain { back_in_ms });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_wins_and_a_late_goodbye_changes_nothing() {
        let links = Links::default();
        let workspace = WorkspaceId(uuid::Uuid::nil());
        let (first, first_inbox) = Link::new(1);
        let (second, _second_inbox) = Link::new(2);
        links.insert(workspace, first);
        links.insert(workspace, second);
        assert_eq!(first_inbox.split().1.closed().await, CloseCode::Superseded);
        links.remove(workspace, 1);
        assert_eq!(links.count(), 1);
        links.remove(workspace, 2);
        assert_eq!(links.count(), 0);
    }

    #[tokio::test]
    async fn a_link_that_was_slow_to_come_does_not_replace_a_newer_one() {
        let links = Links::default();
        let workspace = WorkspaceId(uuid::Uuid::nil());
        let (newer, _newer_inbox) = Link::new(2);
        let (older, older_inbox) = Link::new(1);
        links.insert(workspace, newer);
        links.insert(workspace, older);
        assert_eq!(older_inbox.split().1.closed().await, CloseCode::Superseded);
        links.remove(workspace, 2);
        assert_eq!(links.count(), 0);
    }

    #[tokio::test]
    async fn a_link_that_does_not_keep_up_is_closed() {
        let (link, inbox) = Link::new(1);
        let message = || FromControl::Drain { back_in_ms: 1 };
        assert!((0..QUEUE).all(|_| link.send(message())));
        assert!(!link.send(message()));
        assert_eq!(inbox.split().1.closed().await, CloseCode::Internal);
    }
}
