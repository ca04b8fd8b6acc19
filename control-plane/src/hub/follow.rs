//! One viewer's place in one conversation: the shell around [`place`], which reads the store where the viewer lags behind
//! what is held in memory.

pub mod place;

use std::sync::Arc;
use std::time::Instant;

use protocol::ConversationId;
use protocol::viewer::Cursor;

pub use self::place::{Batch, Greeting, Pace, Records};
use self::place::{Behind, Place, READ_BYTES};
use super::conversation::ConversationHub;
use crate::store::StoreError;

/// One viewer's place in one conversation.
#[derive(Debug)]
pub struct Follow {
    hub: Arc<ConversationHub>,
    place: Place,
}

impl Follow {
    /// Attaches a viewer that has what its cursor says. No commit falls between what is read here and what follows.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn attach(hub: Arc<ConversationHub>, cursor: Option<Cursor>) -> Result<Self, StoreError> {
        let turn = hub.hold_soon().await?;
        let wanted = Place::wanted(&hub.lock().core, cursor);
        let items = hub.store().outbox(hub.id(), wanted.items).await?;
        let notices = hub.store().notices(hub.id(), wanted.notices).await?;
        let place = Place::attach(&hub.lock().core, cursor, items, notices);
        drop(turn);
        Ok(Self { hub, place })
    }

    /// Which conversation.
    pub fn conversation(&self) -> ConversationId {
        self.hub.id()
    }

    /// How far what was given out brings the viewer. What was read when it attached is given out with the first
    /// [records](Follow::records).
    pub const fn cursor(&self) -> Cursor {
        self.place.cursor()
    }

    /// What to send now, at the pace of its viewer, which is brought on by it. The cursor is moved.
    ///
    /// # Errors
    /// When the store can't be read, or someone else writes it.
    pub async fn next(&mut self, pace: Pace) -> Result<(Batch, Pace), StoreError> {
        self.place.keep_pace(pace);
        let (mut batch, behind) = {
            let state = self.hub.lock();
            if state.core.is_overtaken() {
                return Err(StoreError::Conflict);
            }
            self.place.next(&state.core, Instant::now())
        };
        if let Some(behind) = behind {
            let Behind { after, limit, .. } = behind;
            let store = self.hub.store();
            let mut segments = store.segments_after(self.hub.id(), after, limit, READ_BYTES).await?;
            segments.reverse();
            batch.lines = self.place.behind(behind, &segments)?;
        }
        Ok((batch, self.place.pace()))
    }

    /// Outbox items and notices that the viewer lacks.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn records(&mut self) -> Result<Records, StoreError> {
        let (records, lost) = self.place.records(&self.hub.lock().core);
        if !lost {
            return Ok(records);
        }
        let turn = self.hub.hold_soon().await?;
        let Cursor { outbox, notice, .. } = self.place.cursor();
        let items = self.hub.store().outbox(self.hub.id(), Some(outbox)).await?;
        let notices = self.hub.store().notices(self.hub.id(), notice).await?;
        let records = self.place.lost(&self.hub.lock().core, items, notices);
        drop(turn);
        Ok(records)
    }
}
