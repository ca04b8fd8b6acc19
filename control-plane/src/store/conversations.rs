//! Conversations: records, logs, bodies, outboxes, notices.

use async_trait::async_trait;
use protocol::log::LogEnd;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::{ConversationId, ItemId, Millis, WorkspaceId};

use super::records::{Chunk, Commit, ConversationRecord, NewConversation, Segment};
use super::{Hash, Result};

/// Keeps conversations.
#[async_trait]
pub trait Conversations {
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
    /// How many conversations a workspace has.
    async fn count_conversations(&self, workspace: WorkspaceId) -> Result<usize>;
    /// Where the logs of a workspace's conversations end: all of them.
    async fn log_ends(&self, workspace: WorkspaceId) -> Result<Vec<LogEnd>>;
    /// Conversations that operators may read at that time, those first for which that is over first.
    async fn granted(&self, now: Millis, limit: usize) -> Result<Vec<ConversationRecord>>;
    /// Conversations of a workspace whose outbox holds something that is not final.
    async fn unfinished(&self, workspace: WorkspaceId) -> Result<Vec<ConversationId>>;
    /// One atomic step of a conversation.
    async fn commit(&self, commit: &Commit) -> Result<()>;
    /// Removes a conversation with all that belongs to it.
    async fn delete_conversation(&self, id: ConversationId) -> Result<()>;
    /// Segments that hold events numbered below `before`, the newest first, until they hold `limit` such events, or until
    /// another one would make them larger than `bytes` in all. The first one comes, whatever it takes.
    async fn segments_before(
        &self,
        id: ConversationId,
        before: u64,
        limit: u64,
        bytes: usize,
    ) -> Result<Vec<Segment>>;
    /// Segments that hold events numbered above `after`, the oldest first, as many of them.
    async fn segments_after(
        &self,
        id: ConversationId,
        after: u64,
        limit: u64,
        bytes: usize,
    ) -> Result<Vec<Segment>>;
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
}
