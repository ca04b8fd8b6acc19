//! Workspaces: their records and certificates, enrolment, who owns them, what they spend.

use std::ops::Range;

use async_trait::async_trait;
use protocol::link::Catalog;
use protocol::{Millis, UserId, WorkspaceId};

use super::records::{Certificates, Lease, UsageKey, UsageRecord, WorkspaceRecord};
use super::{Hash, Result};

/// Keeps workspaces.
#[async_trait]
pub trait Workspaces {
    /// Every workspace.
    async fn workspaces(&self) -> Result<Vec<WorkspaceRecord>>;
    /// Workspaces by id, after `after`.
    async fn workspaces_after(
        &self,
        after: Option<WorkspaceId>,
        limit: usize,
    ) -> Result<Vec<WorkspaceRecord>>;
    /// A workspace.
    async fn workspace(&self, id: WorkspaceId) -> Result<WorkspaceRecord>;
    /// A user's workspace.
    async fn workspace_of(&self, user: UserId) -> Result<Option<WorkspaceRecord>>;
    /// A user's workspace; made if there is none, with the lowest free uid of `uids` and the lowest free network
    /// of `networks`.
    async fn create_workspace(
        &self,
        user: UserId,
        uids: Range<u32>,
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

    /// Takes a workspace for `owner` until then, if nobody else holds it, and returns the lease as it stands: `owner`'s,
    /// or the other's. A new owner gets a new fencing number; for the present one it is a renewal.
    async fn take_lease(&self, id: WorkspaceId, owner: &str, now: Millis, until: Millis) -> Result<Lease>;
    /// Keeps a lease until then, also one that has run out, unless someone else has taken the workspace meanwhile.
    async fn renew_lease(&self, id: WorkspaceId, fence: u64, until: Millis) -> Result<()>;
    /// Gives up a lease, unless someone else has taken the workspace already.
    async fn release_lease(&self, id: WorkspaceId, fence: u64) -> Result<()>;
    /// Who has a workspace, or had it last.
    async fn lease(&self, id: WorkspaceId) -> Result<Option<Lease>>;

    /// Adds to what a workspace has used.
    async fn add_usage(&self, key: &UsageKey, usage: &UsageRecord) -> Result<()>;
    /// What a workspace has spent since the beginning of `day` (days since the epoch), in micro-dollars.
    async fn spent_since(&self, workspace: WorkspaceId, day: u32) -> Result<u64>;
}
