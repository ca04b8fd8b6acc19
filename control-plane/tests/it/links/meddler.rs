//! A store in which someone else is quicker: it replaces a workspace's certificates just before the first caller does.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use control_plane::store::records::*;
use control_plane::store::{Hash, Result, Store};
use protocol::link::Catalog;
use protocol::log::LogEnd;
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::{ConversationId, ItemId, Millis, UserId, WorkspaceId};

#[derive(Debug)]
pub(super) struct Meddler {
    store: Arc<dyn Store>,
    workspace: WorkspaceId,
    from: Certificates,
    to: Certificates,
    done: AtomicBool,
}

impl Meddler {
    /// Replaces `from` by `to`, once.
    pub(super) fn new(
        store: Arc<dyn Store>,
        workspace: WorkspaceId,
        from: Certificates,
        to: Certificates,
    ) -> Self {
        Self { store, workspace, from, to, done: AtomicBool::new(false) }
    }
}

/// Passes everything on but `set_certificates`.
macro_rules! passing_on {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $returned:ty;)*) => {
        #[async_trait]
        impl Store for Meddler {
            async fn set_certificates(
                &self,
                id: WorkspaceId,
                expected: &Certificates,
                new: &Certificates,
            ) -> Result<()> {
                if !self.done.swap(true, Ordering::SeqCst) {
                    self.store.set_certificates(self.workspace, &self.from, &self.to).await?;
                }
                self.store.set_certificates(id, expected, new).await
            }

            $(async fn $name(&self, $($argument: $type),*) -> Result<$returned> {
                self.store.$name($($argument),*).await
            })*
        }
    };
}

passing_on! {
    fn check() -> ();
    fn sign_in(subject: &str, name: &str, now: Millis) -> UserRecord;
    fn user(id: UserId) -> UserRecord;
    fn add_local_code(code: Hash, expires_at: Millis) -> ();
    fn spend_local_code(code: Hash, now: Millis) -> bool;
    fn open_session(token: Hash, session: &SessionRecord) -> ();
    fn session(token: Hash, now: Millis) -> Option<(SessionRecord, UserRecord)>;
    fn close_session(token: Hash) -> ();
    fn workspaces() -> Vec<WorkspaceRecord>;
    fn workspace(id: WorkspaceId) -> WorkspaceRecord;
    fn workspace_of(user: UserId) -> Option<WorkspaceRecord>;
    fn create_workspace(user: UserId, uids: Range<u32>, networks: u32, now: Millis) -> WorkspaceRecord;
    fn save_workspace(record: &WorkspaceRecord) -> ();
    fn count_link(id: WorkspaceId) -> u64;
    fn save_catalog(id: WorkspaceId, catalog: &Catalog) -> ();
    fn delete_workspace(id: WorkspaceId) -> ();
    fn add_enrol_token(token: Hash, workspace: WorkspaceId, expires_at: Millis) -> ();
    fn spend_enrol_token(token: Hash, now: Millis) -> Option<WorkspaceId>;
    fn secret(name: &str) -> Option<Vec<u8>>;
    fn create_secret(name: &str, sealed: &[u8]) -> Vec<u8>;
    fn create_conversation(new: &NewConversation) -> ConversationRecord;
    fn conversation(id: ConversationId) -> ConversationRecord;
    fn conversations(workspace: WorkspaceId, after: Option<ConversationId>, query: &str, limit: usize)
        -> Vec<ConversationRecord>;
    fn log_ends(workspace: WorkspaceId) -> Vec<LogEnd>;
    fn unfinished(workspace: WorkspaceId) -> Vec<ConversationId>;
    fn commit(commit: &Commit) -> ();
    fn delete_conversation(id: ConversationId) -> ();
    fn segments_before(id: ConversationId, before: u64, limit: u64) -> Vec<Segment>;
    fn put_chunk(id: ConversationId, chunk: &Chunk) -> ();
    fn chunk(id: ConversationId, digest: Hash, index: u32) -> Chunk;
    fn outbox(id: ConversationId, after: Option<u64>) -> Vec<Item>;
    fn outbox_item(id: ConversationId, item: ItemId) -> Option<Item>;
    fn notices(id: ConversationId, after: u64) -> Vec<Notice>;
    fn add_usage(key: &UsageKey, usage: &UsageRecord) -> ();
    fn spent_since(workspace: WorkspaceId, day: u32) -> u64;
}
