//! Claude's own screen: terminals that ask conversations for their session, and screens that somebody started by hand.

use std::sync::Arc;
use std::time::Duration;

use protocol::terminal::NotLent;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::sleep;

use super::Desk;
use crate::claude::record::{self, Open};
use crate::conversation::driver::Command;
use crate::conversation::lending::Borrow;

/// How long a program that was just started takes until its session is in the CLI's list, and how often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// What is needed for both.
#[derive(Debug)]
pub(super) struct Screens {
    borrows: Mutex<mpsc::Receiver<Borrow>>,
    open: watch::Sender<Arc<Vec<Open>>>,
}

impl Screens {
    pub(super) fn new(borrows: mpsc::Receiver<Borrow>, open: watch::Sender<Arc<Vec<Open>>>) -> Self {
        Self { borrows: Mutex::new(borrows), open }
    }
}

impl Desk {
    /// Passes on what terminals ask of conversations.
    pub async fn lend(self: Arc<Self>) {
        let mut borrows = self.screens.borrows.lock().await;
        while let Some(borrow) = borrows.recv().await {
            let commands = {
                let mut state = self.lock();
                let id = borrow.conversation;
                let known = state.conversations.contains_key(&id) || state.stored.contains_key(&id);
                let handle = known.then(|| self.conversation(&mut state, id).ok()).flatten();
                handle.map(|handle| handle.commands.clone())
            };
            match commands {
                // A conversation that ends drops it, and with it the answer.
                Some(commands) => drop(commands.send(Command::Lend(borrow)).await),
                None => drop(borrow.answer.send(Err(NotLent::NoConversation))),
            }
        }
    }

    /// Looks which sessions are open in screens: whenever something was typed into a terminal, and then for as long as there
    /// is one. A workspace in whose terminals nothing happens pays nothing for it.
    pub async fn watch_screens(self: Arc<Self>) {
        loop {
            if self.screens.open.borrow().is_empty() {
                self.terminals.typed().await;
            }
            // What was typed may take a while to become a screen.
            for wait in [LOOK, LOOK, 2 * LOOK, 4 * LOOK] {
                sleep(wait).await;
                self.look_at_screens().await;
                if !self.screens.open.borrow().is_empty() {
                    break;
                }
            }
        }
    }

    async fn look_at_screens(&self) {
        let open = record::open(&self.shared.config, &self.shared.processes).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "it can't be read which sessions are open");
            // Who was there and is no more is known all the same.
            self.screens.open.borrow().iter().filter(|open| open.lives()).cloned().collect()
        });
        self.screens.open.send_if_modified(|known| {
            let changed = **known != open;
            *known = Arc::new(open);
            changed
        });
    }
}
