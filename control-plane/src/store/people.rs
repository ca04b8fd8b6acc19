//! People and what is kept for them.

use async_trait::async_trait;
use protocol::api::Role;
use protocol::{Millis, UserId};

use super::records::{Identity, Profile, UserRecord};
use super::{Hash, Result};

/// Keeps people.
#[async_trait]
pub trait People {
    /// The user whom an identity provider calls so; made if there is none. Notes the sign-in and the e-mail address,
    /// unless the user is kept out.
    async fn sign_in(&self, identity: &Identity, now: Millis) -> Result<UserRecord>;
    /// A user.
    async fn user(&self, id: UserId) -> Result<UserRecord>;
    /// Users whose name or e-mail address holds `query`, in whatever case; by id, after `after`.
    async fn users(&self, after: Option<UserId>, query: &str, limit: usize) -> Result<Vec<UserRecord>>;
    /// Keeps what a user says of themselves.
    async fn save_profile(&self, id: UserId, profile: &Profile) -> Result<()>;
    /// Says what a user may do.
    async fn set_role(&self, id: UserId, role: Role) -> Result<()>;
    /// Keeps a user out, which ends their sessions, and says which they were; or lets them in again, unless they are being
    /// erased.
    async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<Vec<Hash>>;
    /// Keeps a user out for good, because they are erased from here on, and says which their sessions were.
    async fn begin_erasing(&self, id: UserId) -> Result<Vec<Hash>>;
    /// Who is kept out, those who are being erased among them.
    async fn kept_out(&self) -> Result<Vec<UserId>>;
    /// Who is being erased, and is not gone yet.
    async fn erasing(&self) -> Result<Vec<UserId>>;
    /// Removes a user with everything that is theirs: sessions, tokens, secrets, settings, the workspace with its
    /// conversations. What was written down of their deeds stays, without what they allowed, where
    /// they were, with which device, and what they called their tokens. Keep them out first: then
    /// it is known which sessions ended.
    async fn delete_user(&self, id: UserId) -> Result<()>;
    /// A user's settings, as the page wrote them.
    async fn settings(&self, id: UserId) -> Result<Option<serde_json::Value>>;
    /// Keeps a user's settings.
    async fn save_settings(&self, id: UserId, settings: &serde_json::Value) -> Result<()>;
}

/// What a user is found by: one text, so that every kind of store searches alike.
pub(super) fn searched(name: &str, email: Option<&str>) -> String {
    format!("{name}\n{}", email.unwrap_or_default()).to_lowercase()
}
