//! A conversation followed by a script: what comes since a cursor, and the cursor that stands for having it.

use std::sync::Arc;
use std::time::Instant;

use protocol::link::Activity;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::viewer::{Because, Cursor, Verdict};
use protocol::{BlockId, Position};

use super::conversation::ConversationHub;
use super::follow::{Follow, Greeting, Pace};
use super::live::More;
use super::ring::Line;
use crate::store::StoreError;

/// A script's place in a conversation.
#[derive(Debug)]
pub struct Tail {
    follow: Follow,
    told: Cursor,
    pace: Pace,
}

/// Some of what a script lacks, in this order.
#[derive(Debug, Default)]
pub struct Piece {
    /// It begins, or has to begin anew.
    pub greeting: Option<Greeting>,
    /// Outbox items, and the cursor with them.
    pub items: Vec<Item>,
    /// Notices.
    pub notices: Vec<Notice>,
    /// The cursor once all that is before the events is told.
    pub begun: Cursor,
    /// Events.
    pub lines: Vec<Line>,
    /// The cursor once all is told.
    pub cursor: Cursor,
    /// What the conversation is doing.
    pub activity: Option<Activity>,
    /// Live blocks that will never be final.
    pub gone: Vec<BlockId>,
    /// More live text.
    pub live: Vec<More>,
    /// There is more at once.
    pub more: bool,
    /// When to look again for live text, if nothing else happens.
    pub again_at: Option<Instant>,
    /// The conversation was deleted.
    pub deleted: bool,
}

impl Piece {
    /// Whether there is nothing in it that a script would have to hear of.
    pub fn tells_nothing(&self) -> bool {
        let records = self.items.is_empty() && self.notices.is_empty();
        records && self.lines.is_empty() && self.snapshot().is_none()
    }

    /// Why events may be missing before these, if any may.
    pub fn snapshot(&self) -> Option<Because> {
        match self.greeting?.verdict {
            Verdict::Resumed {} => None,
            Verdict::Snapshot { because } => Some(because),
        }
    }
}

impl Tail {
    /// Follows a conversation from a cursor, or from its newest part.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn attach(hub: Arc<ConversationHub>, cursor: Option<Cursor>) -> Result<Self, StoreError> {
        let follow = Follow::attach(hub, cursor).await?;
        let mut told = cursor.unwrap_or_default();
        // A cursor from before the store was put back to an earlier time stands for nothing here.
        told.outbox = if told.outbox > follow.cursor().outbox { 0 } else { told.outbox };
        Ok(Self { follow, told, pace: Pace::default() })
    }

    /// What to tell now.
    ///
    /// # Errors
    /// When the store can't be read, or someone else writes it.
    pub async fn next(&mut self) -> Result<Piece, StoreError> {
        let (batch, pace) = self.follow.next(self.pace).await?;
        self.pace = self.pace.and(pace);
        let records = self.follow.records().await?;
        if let Some(Greeting { from, end, verdict: Verdict::Snapshot { .. } }) = batch.greeting {
            self.told.log = Position { epoch: end.epoch, n: from - 1 };
        }
        // Whoever attaches is read all that is not final, too, which a script has been told already.
        let known = self.told.outbox;
        let items = records.items.map(|(items, _)| items).unwrap_or_default();
        let items: Vec<_> = items.into_iter().filter(|item| item.rev > known).collect();
        let Cursor { outbox, notice, .. } = self.follow.cursor();
        let begun = Cursor { log: self.told.log, outbox, notice };
        let log = batch.lines.last().map_or(begun.log, |last| Position { epoch: last.epoch, n: last.n });
        self.told = Cursor { log, ..begun };
        Ok(Piece {
            greeting: batch.greeting,
            items,
            notices: records.notices,
            begun,
            lines: batch.lines,
            cursor: self.told,
            activity: batch.activity,
            gone: batch.gone,
            live: batch.live,
            more: batch.more,
            again_at: batch.again_at,
            deleted: batch.deleted,
        })
    }
}
