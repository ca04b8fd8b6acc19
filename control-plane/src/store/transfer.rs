//! Everything that a store holds, record by record: for moving it to another kind of store, and for checking that it came
//! through whole.

mod digest;
mod r#move;

use async_trait::async_trait;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::{ConversationId, Millis, WorkspaceId};

pub use self::digest::Digest;
pub use self::r#move::{Moved, abandon, ensure_whole, move_all};
use super::records::{
    ApiTokenRecord, AuditRecord, Chunk, ConversationRecord, Lease, SecretName, Segment, SessionRecord,
    UsageKey, UsageRecord, UserRecord, WorkspaceRecord,
};
use super::{Hash, Result};

/// The kinds of records, each after those that it refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// Users with their settings.
    Users,
    /// Sealed secrets.
    Secrets,
    /// One-time codes.
    LocalCodes,
    /// Sessions.
    Sessions,
    /// API tokens.
    ApiTokens,
    /// Workspaces.
    Workspaces,
    /// One-time tokens for enrolment.
    EnrolTokens,
    /// Leases.
    Leases,
    /// What was used.
    Usage,
    /// Conversations.
    Conversations,
    /// Their logs.
    Segments,
    /// Their bodies.
    Chunks,
    /// Their outboxes.
    Items,
    /// Their notices.
    Notices,
    /// The audit trail.
    Audit,
}

impl Table {
    /// All of them, in order.
    pub const ALL: [Self; 15] = [
        Self::Users,
        Self::Secrets,
        Self::LocalCodes,
        Self::Sessions,
        Self::ApiTokens,
        Self::Workspaces,
        Self::EnrolTokens,
        Self::Leases,
        Self::Usage,
        Self::Conversations,
        Self::Segments,
        Self::Chunks,
        Self::Items,
        Self::Notices,
        Self::Audit,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Secrets => "secrets",
            Self::LocalCodes => "local_codes",
            Self::Sessions => "sessions",
            Self::ApiTokens => "api_tokens",
            Self::Workspaces => "workspaces",
            Self::EnrolTokens => "enrol_tokens",
            Self::Leases => "leases",
            Self::Usage => "usage",
            Self::Conversations => "conversations",
            Self::Segments => "segments",
            Self::Chunks => "chunks",
            Self::Items => "items",
            Self::Notices => "notices",
            Self::Audit => "audit",
        }
    }

    /// The table of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// How many of its records make a page: fewer of those that may be large.
    pub const fn page(self) -> usize {
        match self {
            Self::Segments | Self::Chunks => 6,
            Self::Workspaces => 50,
            Self::Items => 10,
            Self::Users
            | Self::Secrets
            | Self::LocalCodes
            | Self::Sessions
            | Self::ApiTokens
            | Self::EnrolTokens
            | Self::Leases
            | Self::Usage
            | Self::Conversations
            | Self::Notices
            | Self::Audit => 200,
        }
    }
}

/// One record of a table, whole.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry {
    /// A user, with their settings.
    User(UserRecord, Option<serde_json::Value>),
    /// A sealed secret.
    Secret(SecretName, Vec<u8>),
    /// A one-time code, and when it ends.
    LocalCode(Hash, Millis),
    /// A session, by its token.
    Session(Hash, SessionRecord),
    /// An API token.
    ApiToken(Hash, ApiTokenRecord),
    /// A workspace, with the links that it has counted.
    Workspace(WorkspaceRecord, u64),
    /// A one-time token for enrolment, and when it ends.
    EnrolToken(Hash, WorkspaceId, Millis),
    /// Who has a workspace.
    Lease(WorkspaceId, Lease),
    /// What was used.
    Usage(UsageKey, UsageRecord),
    /// A conversation.
    Conversation(ConversationRecord),
    /// A piece of a log.
    Segment(ConversationId, Segment),
    /// A piece of a body.
    Chunk(ConversationId, Chunk),
    /// What someone sent.
    Item(ConversationId, Item),
    /// A notice.
    Notice(ConversationId, Notice),
    /// A deed.
    Audit(AuditRecord),
}

/// Some records of a table.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    /// They.
    pub entries: Vec<Entry>,
    /// Where the next page begins, in words of this kind of store; `None`: this was the last.
    pub next: Option<String>,
}

/// Gives and takes whole records.
#[async_trait]
pub trait Transfer {
    /// A page of a table, which begins where an earlier one said. The order is steady.
    async fn export(&self, table: Table, from: Option<&str>) -> Result<Page>;
    /// Keeps records of one table as they are. Keeping them again changes nothing.
    async fn import(&self, entries: &[Entry]) -> Result<()>;
    /// What is said of the store as a whole under that name.
    async fn mark(&self, name: &str) -> Result<Option<String>>;
    /// Says something of the store as a whole, or takes it back.
    async fn set_mark(&self, name: &str, text: Option<&str>) -> Result<()>;
}
