//! What lets people and their scripts in: one-time codes, sessions, API tokens. Of each the hash alone is kept.

use async_trait::async_trait;
use protocol::{Millis, UserId};

use super::records::{ApiTokenId, ApiTokenRecord, SessionId, SessionRecord, UserRecord};
use super::{Hash, Result};

/// Keeps what lets people in.
#[async_trait]
pub trait Access {
    /// Keeps a one-time code: of a local sign-in, or of an attempt at an identity provider.
    async fn add_code(&self, code: Hash, expires_at: Millis) -> Result<()>;
    /// Spends a code. Exactly one caller gets `true`.
    async fn spend_code(&self, code: Hash, now: Millis) -> Result<bool>;

    /// Keeps a session.
    async fn open_session(&self, token: Hash, session: &SessionRecord) -> Result<()>;
    /// A session that is good, and its user.
    async fn session(&self, token: Hash, now: Millis) -> Result<Option<(SessionRecord, UserRecord)>>;
    /// Notes that a session is used. Writes at most once a minute.
    async fn touch_session(&self, token: Hash, now: Millis) -> Result<()>;
    /// Has a session go on under another token. Exactly one caller gets `true`; for all others, and ever after, the
    /// old token is worth nothing.
    async fn rotate_session(&self, old: Hash, new: Hash) -> Result<bool>;
    /// Ends the session of a token.
    async fn close_session(&self, token: Hash) -> Result<()>;
    /// A user's sessions that are good, the newest first.
    async fn sessions(&self, user: UserId, now: Millis) -> Result<Vec<SessionRecord>>;
    /// Ends one of a user's sessions, and says which it was, since sockets may stand on it.
    async fn end_session(&self, user: UserId, session: SessionId) -> Result<Hash>;
    /// Ends all of a user's sessions, and says which they were.
    async fn end_sessions(&self, user: UserId) -> Result<Vec<Hash>>;

    /// Keeps an API token.
    async fn add_api_token(&self, token: Hash, record: &ApiTokenRecord) -> Result<()>;
    /// An API token that has not expired, and its user.
    async fn api_token(&self, token: Hash, now: Millis) -> Result<Option<(ApiTokenRecord, UserRecord)>>;
    /// Notes that an API token is used. Writes at most once a minute.
    async fn touch_api_token(&self, token: Hash, now: Millis) -> Result<()>;
    /// A user's API tokens, expired ones too, the newest first.
    async fn api_tokens(&self, user: UserId) -> Result<Vec<ApiTokenRecord>>;
    /// Revokes one of a user's API tokens, and says which it was, since streams may stand on it.
    async fn revoke_api_token(&self, user: UserId, token: ApiTokenId) -> Result<Hash>;
}
