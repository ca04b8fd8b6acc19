//! Workspaces: what is wanted of them, their certificates, who owns them, what they used.

use protocol::link::Catalog;
use protocol::status::Reason;
use protocol::{Millis, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

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
        /// When. Records of earlier versions don't say.
        #[serde(default)]
        at: Millis,
    },
    /// It failed.
    Failed {
        /// Why.
        reason: Reason,
        /// When. Records of earlier versions don't say.
        #[serde(default)]
        at: Millis,
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

/// Which control plane owns a workspace, and until when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// Which one; empty once it was given up.
    pub owner: String,
    /// Its number, which grows with each change of hands: what acts under a lower number acts too late.
    pub fence: u64,
    /// Until when, unless it is renewed.
    pub until: Millis,
}

impl Lease {
    /// Whether it still keeps others out.
    pub const fn is_held(&self, now: Millis) -> bool {
        !self.owner.is_empty() && self.until > now
    }
}
