//! Conversations: what is known of one, and what one step changes.

use protocol::api::ConversationView;
use protocol::log::Position;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::settings::Settings;
use protocol::summary::Summary;
use protocol::{ConversationId, Millis, WorkspaceId};

use super::super::Hash;

/// A conversation.
#[derive(Clone, PartialEq, Debug)]
pub struct ConversationRecord {
    /// Its id.
    pub id: ConversationId,
    /// Where.
    pub workspace: WorkspaceId,
    /// Counts commits.
    pub version: u64,
    /// Its title; empty until there is one.
    pub title: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it last changed in a way that the list shows.
    pub changed_at: Millis,
    /// What it should run with.
    pub settings: Settings,
    /// What its log comes to.
    pub summary: Summary,
    /// Where its log ends.
    pub end: Position,
    /// The outbox's revision.
    pub outbox_rev: u64,
    /// The highest place in the outbox's queue.
    pub outbox_seq: u64,
    /// Messages that wait in the outbox.
    pub waiting: u32,
    /// The last notice's number.
    pub notice: u64,
    /// Until when its owner lets operators read it; that may be over.
    pub granted_until: Option<Millis>,
}

impl ConversationRecord {
    /// The conversation as the list shows it.
    pub fn view(&self) -> ConversationView {
        ConversationView {
            id: self.id,
            version: self.version,
            title: self.title.clone(),
            created_at: self.created_at,
            changed_at: self.changed_at,
            summary: self.summary.clone(),
            waiting: self.waiting,
            settings: self.settings.clone(),
            granted_until: self.granted_until,
        }
    }

    /// Whether operators may read it at that time.
    pub fn is_granted(&self, now: Millis) -> bool {
        self.granted_until.is_some_and(|until| until > now)
    }
}

/// A conversation to be made.
#[derive(Clone, PartialEq, Debug)]
pub struct NewConversation {
    /// Its id.
    pub id: ConversationId,
    /// Where.
    pub workspace: WorkspaceId,
    /// Its title, or empty.
    pub title: String,
    /// What it should run with.
    pub settings: Settings,
    /// When.
    pub now: Millis,
}

impl NewConversation {
    /// Its record when it is made.
    pub fn record(&self) -> ConversationRecord {
        ConversationRecord {
            id: self.id,
            workspace: self.workspace,
            version: 1,
            title: self.title.clone(),
            created_at: self.now,
            changed_at: self.now,
            settings: self.settings.clone(),
            summary: Summary { settings: self.settings.clone(), ..Summary::default() },
            end: Position::default(),
            outbox_rev: 0,
            outbox_seq: 0,
            waiting: 0,
            notice: 0,
            granted_until: None,
        }
    }
}

/// One atomic step of a conversation.
#[derive(Clone, PartialEq, Debug)]
pub struct Commit {
    /// The conversation's record after the step. Its version is one more than before; the store refuses
    /// (`Conflict`) if it isn't.
    pub record: ConversationRecord,
    /// Events to append. Refused (`Conflict`) unless they begin at the stored end + 1.
    pub segment: Option<Segment>,
    /// Outbox items to keep, new or changed.
    pub items: Vec<Item>,
    /// Notices to add.
    pub notices: Vec<Notice>,
}

/// Consecutive events of a log, as they came: JSON lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Their epoch.
    pub epoch: u64,
    /// The first one's number.
    pub first: u64,
    /// The last one's number.
    pub last: u64,
    /// One event a line.
    pub lines: Vec<u8>,
}

/// One chunk of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// The body's SHA-256.
    pub digest: Hash,
    /// Which chunk.
    pub index: u32,
    /// How many there are.
    pub chunks: u32,
    /// The chunk.
    pub bytes: Vec<u8>,
}
