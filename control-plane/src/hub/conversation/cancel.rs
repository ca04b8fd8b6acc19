//! Taking a message back: one that waits, and one that may still be on its way here.

use std::sync::Arc;

use protocol::ItemId;
use protocol::event::Person;
use protocol::outbox::{Item, ItemState, What};

use super::{ConversationHub, cant};
use crate::clock;
use crate::outbox::{Outbox, Refusal, Stamp};

impl ConversationHub {
    /// Takes back a message that waits. One that has not come is kept as taken back under its id, so that it changes
    /// nothing when it comes late: a browser that never heard whether it was saved can be sure of it after this.
    ///
    /// # Errors
    /// When it no longer waits, or the change can't be kept.
    pub async fn cancel(self: &Arc<Self>, item: ItemId, by: Person) -> Result<(), Refusal> {
        let turn = self.turn().await?;
        let kept = self.store.outbox_item(self.id, item).await.map_err(cant)?;
        if kept.as_ref().is_some_and(|kept| kept.state == ItemState::Cancelled) {
            return Ok(());
        }
        let commit = {
            let core = &self.lock().core;
            let now = clock::now();
            let stamp = Stamp { by, at: now, after: core.end() };
            let change = |outbox: &Outbox| match kept {
                Some(_) => outbox.cancel(item),
                None => Ok(forestalled(outbox, item, stamp)),
            };
            core.change(|outbox| change(outbox).map(|item| vec![item]), now)?
        };
        self.commit(turn, commit, true).await.map_err(cant)
    }
}

/// A message that was taken back before it came: nothing of it is known but its id.
fn forestalled(outbox: &Outbox, id: ItemId, stamp: Stamp) -> Item {
    let Stamp { by, at, after } = stamp;
    let (seq, rev) = (outbox.seq() + 1, outbox.rev() + 1);
    let what = What::Message { text: String::new(), steer: false, again_of: None };
    Item { id, seq, version: 1, rev, by, at, after, what, handed: false, state: ItemState::Cancelled }
}
