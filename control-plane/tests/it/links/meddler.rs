//! A store in which someone else is quicker: it replaces a workspace's certificates just before the first caller does.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use control_plane::store::records::*;
use control_plane::store::{Hash, Result, Store};
use protocol::link::Catalog;
use protocol::{ConversationId, ItemId, Millis, UserId, WorkspaceId};

use crate::passing::passing_on;

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

passing_on!(People for Meddler);
passing_on!(Access for Meddler);
passing_on!(Conversations for Meddler);
passing_on!(Secrets for Meddler);
passing_on!(Audit for Meddler);
passing_on!(Transfer for Meddler);
passing_on!(Store for Meddler);
passing_on! { impl Workspaces for Meddler {
    own {
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
    }
    fn workspaces() -> Vec<WorkspaceRecord>;
    fn workspaces_after(after: Option<WorkspaceId>, limit: usize) -> Vec<WorkspaceRecord>;
    fn workspace(id: WorkspaceId) -> WorkspaceRecord;
    fn workspace_of(user: UserId) -> Option<WorkspaceRecord>;
    fn create_workspace(user: UserId, uids: Range<u32>, networks: u32, now: Millis) -> WorkspaceRecord;
    fn save_workspace(record: &WorkspaceRecord) -> ();
    fn count_link(id: WorkspaceId) -> u64;
    fn save_catalog(id: WorkspaceId, catalog: &Catalog) -> ();
    fn delete_workspace(id: WorkspaceId) -> ();
    fn add_enrol_token(token: Hash, workspace: WorkspaceId, expires_at: Millis) -> ();
    fn spend_enrol_token(token: Hash, now: Millis) -> Option<WorkspaceId>;
    fn take_lease(id: WorkspaceId, owner: &str, now: Millis, until: Millis) -> Lease;
    fn renew_lease(id: WorkspaceId, fence: u64, until: Millis) -> ();
    fn release_lease(id: WorkspaceId, fence: u64) -> ();
    fn lease(id: WorkspaceId) -> Option<Lease>;
    fn add_usage(key: &UsageKey, usage: &UsageRecord) -> ();
    fn spent_since(workspace: WorkspaceId, day: u32) -> u64;
} }
