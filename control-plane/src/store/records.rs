//! What the store keeps, as plain data.

use protocol::api::{ConversationView, Role};
use protocol::link::Catalog;
use protocol::log::Position;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::settings::Settings;
use protocol::status::Reason;
use protocol::summary::Summary;
use protocol::{ConversationId, Millis, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::Hash;

/// A person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRecord {
    /// Their id.
    pub id: UserId,
    /// The identity provider's name for them.
    pub subject: String,
    /// What to call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they are kept out.
    pub disabled: bool,
}

/// A signed-in browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRecord {
    /// Whose.
    pub user: UserId,
    /// When they signed in.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Millis,
    /// What the browser called itself.
    pub device: String,
}

/// A workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkspaceRecord {
    /// Its id.
    pub id: WorkspaceId,
    /// Whose.
    pub user: UserId,
    /// Counts changes of this record.
    pub version: u64,
    /// The uid of everything of the user's in it.
    pub uid: u32,
    /// Which of the configured networks it has.
    pub network: u32,
    /// What is wanted of it.
    pub wanted: Wanted,
    /// Why it last stopped or failed.
    pub last: Last,
    /// Its certificates.
    pub certificates: Certificates,
    /// What its CLI offers.
    pub catalog: Option<Catalog>,
    /// When it was made.
    pub created_at: Millis,
}

/// What is wanted of a workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// It should run.
    Running,
    /// It should not.
    Stopped,
    /// It should cease to exist.
    Deleted,
}

/// How a workspace's last life ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Last {
    /// It never ran.
    Never {},
    /// It stopped.
    Stopped {
        /// Why.
        reason: Reason,
    },
    /// It failed.
    Failed {
        /// Why.
        reason: Reason,
    },
}

/// The certificates of a workspace, by serial number (hexadecimal).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Certificates {
    /// The one in use.
    #[serde(default)]
    pub current: Option<String>,
    /// The one that was issued to replace it; good from its issue on, the only one from its first use on.
    #[serde(default)]
    pub next: Option<String>,
    /// None is good any more.
    #[serde(default)]
    pub revoked: bool,
}

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
        }
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

/// Whose usage, when, of what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageKey {
    /// Whose.
    pub workspace: WorkspaceId,
    /// Days since the epoch, UTC.
    pub day: u32,
    /// The model.
    pub model: String,
}

/// What was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UsageRecord {
    /// Requests.
    pub requests: u64,
    /// Tokens read anew.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from the cache.
    pub cache_read: u64,
    /// Tokens written to the cache.
    pub cache_write: u64,
    /// Micro-dollars, by the configured prices.
    pub micro_usd: u64,
}
