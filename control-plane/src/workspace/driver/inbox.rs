//! What happened to a workspace and was not acted on yet.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::Event;
use crate::workspace::INBOX;
use crate::workspace::policy::{Ask, By};

/// What happened and was not acted on yet, in order.
#[derive(Debug)]
pub(super) struct Inbox {
    channel: mpsc::Receiver<Event>,
    /// What came while only requests were waited for. No more than the channel holds.
    held: VecDeque<Event>,
}

impl Inbox {
    /// Nothing yet.
    pub(super) const fn new(channel: mpsc::Receiver<Event>) -> Self {
        Self { channel, held: VecDeque::new() }
    }

    /// What happened next. `None`: nothing will any more.
    pub(super) async fn next(&mut self) -> Option<Event> {
        match self.held.pop_front() {
            Some(event) => Some(event),
            None => self.channel.recv().await,
        }
    }

    /// Waits until someone asks something; what else happens is kept for [`Inbox::next`]. Nothing is lost when this is
    /// given up.
    pub(super) async fn ask(&mut self) -> (Ask, By) {
        while self.held.len() < INBOX {
            match self.channel.recv().await {
                Some(Event::Ask(ask, by)) => return (ask, by),
                Some(event) => self.held.push_back(event),
                None => break,
            }
        }
        std::future::pending().await
    }
}
