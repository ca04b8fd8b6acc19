//! What must outlive the control plane, by use case.
//!
//! [`Store`] is all of it: [`People`], what lets them in ([`Access`]), [`Workspaces`], [`Conversations`], [`Secrets`],
//! the [`Audit`] trail, and what moves everything from one kind of store to another ([`Transfer`]). One conformance
//! suite runs on every kind. Writes are durable when the call returns, and whole or not at all when it doesn't.
//!
//! All writes of a conversation go through [`Conversations::commit`]: one atomic step under a compare-and-set on the
//! conversation's version, so that a second control plane that believes it owns the conversation is told, not merged.

mod access;
mod at;
mod audit;
mod conversations;
pub mod firestore;
mod pages;
mod people;
pub mod records;
mod secrets;
pub mod sqlite;
pub mod transfer;
mod workspaces;

use async_trait::async_trait;
use protocol::Millis;

pub use self::access::Access;
pub use self::at::StoreAt;
pub use self::audit::{Audit, export_audit};
pub use self::conversations::Conversations;
pub use self::people::People;
pub use self::secrets::Secrets;
pub use self::transfer::Transfer;
pub use self::workspaces::Workspaces;

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
    /// The disk is full, or a quota is used up.
    #[error("the store is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is busy or out of reach; trying again may help.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds, or was to hold, makes no sense.
    #[error("the store holds something malformed")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// What it holds, or was to hold, makes no sense, and this is why.
    pub fn malformed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Malformed(why.into())
    }
}

/// The outcome of a call to the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What must outlive the control plane.
#[async_trait]
pub trait Store:
    People
    + Access
    + Workspaces
    + Conversations
    + Secrets
    + Audit
    + Transfer
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// Answers if it can be read and written.
    async fn check(&self) -> Result<()>;
    /// Finishes deletions that were cut off in the middle, and removes what has expired.
    async fn tidy(&self, now: Millis) -> Result<()>;
}
