//! What must outlive the control plane, by use case.
//!
//! One conformance suite runs on every kind of store. All writes of a conversation go through [`Store::commit`]: one
//! atomic step under a compare-and-set on the conversation's version, so that a second control plane that believes
//! it owns the conversation is told, not merged. Writes are durable when the call returns.

pub mod records;
pub mod sqlite;

use async_trait::async_trait;
use protocol::link::Catalog;
use protocol::log::LogEnd;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::{ConversationId, ItemId, Millis, UserId, WorkspaceId};

use self::records::{
    Certificates, Chunk, Commit, ConversationRecord, NewConversation, Segment, SessionRecord, UsageKey,
    UsageRecord, UserRecord, WorkspaceRecord,
};

/// The SHA-256 of a secret: what is kept of one-time codes, tokens and sessions.
pub type Hash = [u8; 32];

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else was first: what was to be changed is not as expected any more.
    #[error("the record was changed by someone else")]
    Conflict,
    /// There is no such record.
    #[error("there is no such record")]
    NotFound,
    /// A configured range has no free number left.
    #[error("no free {0} is left")]
    Exhausted(&'static str),
    /// The disk is full.
    #[error("the store's disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is busy or out of reach; trying again may help.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds makes no sense.
    #[error("the store holds something malformed")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The outcome of a call to the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What must outlive the control plane.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync + 'static {
    /// Answers if it can be read and written.
    async fn check(&self) -> Result<()>;

    // People and their sessions.

    /// The user behind `subject` (an identity provider's name for them); made if there is none.
    async fn sign_in(&self, subject: &str, name: &str, now: Millis) -> Result<UserRecord>;
    /// A user.
    async fn user(&self, id: UserId) -> Result<UserRecord>;
    /// Keeps a one-time code for a local sign-in.
    async fn add_local_code(&self, code: Hash, expires_at: Millis) -> Result<()>;
    /// Spends a code. Exactly one caller gets `true`.
    async fn spend_local_code(&self, code: Hash, now: Millis) -> Result<bool>;
    /// Keeps a session.
    async fn open_session(&self, token: Hash, session: &SessionRecord) -> Result<()>;
    /// A session that has not expired, and its user.
    async fn session(&self, token: Hash, now: Millis) -> Result<Option<(SessionRecord, UserRecord)>>;
    /// Ends a session.
    async fn close_session(&self, token: Hash) -> Result<()>;

    // Workspaces and their certificates.

    /// Every workspace.
    async fn workspaces(&self) -> Result<Vec<WorkspaceRecord>>;
    /// A workspace.
    async fn workspace(&self, id: WorkspaceId) -> Result<WorkspaceRecord>;
    /// A user's workspace.
    async fn workspace_of(&self, user: UserId) -> Result<Option<WorkspaceRecord>>;
    /// A user's workspace; made if there is none, with the lowest free uid of `uids` and the lowest free network
    /// of `networks`.
    async fn create_workspace(
        &self,
        user: UserId,
        uids: std::ops::Range<u32>,
        networks: u32,
        now: Millis,
    ) -> Result<WorkspaceRecord>;
    /// Keeps what is wanted of a workspace and how its last life ended, if its version is still `record.version`,
    /// and counts the version up.
    async fn save_workspace(&self, record: &WorkspaceRecord) -> Result<()>;
    /// Replaces a workspace's certificates if they are still `expected`.
    async fn set_certificates(
        &self,
        id: WorkspaceId,
        expected: &Certificates,
        new: &Certificates,
    ) -> Result<()>;
    /// Counts one more link of a workspace and returns its number.
    async fn count_link(&self, id: WorkspaceId) -> Result<u64>;
    /// Keeps what a workspace's CLI offers.
    async fn save_catalog(&self, id: WorkspaceId, catalog: &Catalog) -> Result<()>;
    /// Removes a workspace with its conversations.
    async fn delete_workspace(&self, id: WorkspaceId) -> Result<()>;
    /// Keeps a one-time token for the enrolment of one start. Earlier tokens of the workspace are void.
    async fn add_enrol_token(&self, token: Hash, workspace: WorkspaceId, expires_at: Millis) -> Result<()>;
    /// Spends a token. Exactly one caller gets the workspace.
    async fn spend_enrol_token(&self, token: Hash, now: Millis) -> Result<Option<WorkspaceId>>;

    // Secrets, sealed by the caller.

    /// A sealed secret.
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Keeps a sealed secret unless there is one of that name, and returns the one that is kept.
    async fn create_secret(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>>;

    // Conversations.

    /// Makes a conversation. If there is one of that id in that workspace already, returns it.
    async fn create_conversation(&self, new: &NewConversation) -> Result<ConversationRecord>;
    /// A conversation.
    async fn conversation(&self, id: ConversationId) -> Result<ConversationRecord>;
    /// Conversations of a workspace, the last changed first, after `after`, whose title holds `query`.
    async fn conversations(
        &self,
        workspace: WorkspaceId,
        after: Option<ConversationId>,
        query: &str,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>>;
    /// Where the logs of a workspace's conversations end: all of them.
    async fn log_ends(&self, workspace: WorkspaceId) -> Result<Vec<LogEnd>>;
    /// Conversations of a workspace whose outbox holds something that is not final.
    async fn unfinished(&self, workspace: WorkspaceId) -> Result<Vec<ConversationId>>;
    /// One atomic step of a conversation.
    async fn commit(&self, commit: &Commit) -> Result<()>;
    /// Removes a conversation with all that belongs to it.
    async fn delete_conversation(&self, id: ConversationId) -> Result<()>;
    /// Segments that hold events numbered below `before`, the newest first, until they hold `limit` such events.
    async fn segments_before(&self, id: ConversationId, before: u64, limit: u64) -> Result<Vec<Segment>>;
    /// Keeps one chunk of a body. Keeping it again changes nothing.
    async fn put_chunk(&self, id: ConversationId, chunk: &Chunk) -> Result<()>;
    /// One chunk of a body.
    async fn chunk(&self, id: ConversationId, digest: Hash, index: u32) -> Result<Chunk>;
    /// Outbox items that are not final, and besides: those changed after revision `after`; or, without one, those
    /// that were refused, since nothing else tells of them.
    async fn outbox(&self, id: ConversationId, after: Option<u64>) -> Result<Vec<Item>>;
    /// One outbox item.
    async fn outbox_item(&self, id: ConversationId, item: ItemId) -> Result<Option<Item>>;
    /// Notices after number `after`.
    async fn notices(&self, id: ConversationId, after: u64) -> Result<Vec<Notice>>;

    // Spending.

    /// Adds to what a workspace has used.
    async fn add_usage(&self, key: &UsageKey, usage: &UsageRecord) -> Result<()>;
    /// What a workspace has spent since the beginning of `day` (days since the epoch), in micro-dollars.
    async fn spent_since(&self, workspace: WorkspaceId, day: u32) -> Result<u64>;
}
