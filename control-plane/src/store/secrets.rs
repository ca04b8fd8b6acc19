//! Secrets, sealed by the caller under their [`SecretName`]'s text.

use async_trait::async_trait;
use protocol::UserId;

use super::Result;
use super::records::SecretName;

/// Keeps sealed secrets.
#[async_trait]
pub trait Secrets {
    /// A sealed secret of Atelier's own.
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Keeps a sealed secret of Atelier's own unless there is one of that name, and returns the one that is kept.
    async fn create_secret(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>>;
    /// A sealed secret of a user's.
    async fn user_secret(&self, user: UserId, name: &str) -> Result<Option<Vec<u8>>>;
    /// Keeps a sealed secret of a user's in place of the one that was there, if any.
    async fn save_user_secret(&self, user: UserId, name: &str, sealed: &[u8]) -> Result<()>;
    /// Removes a secret of a user's, if there is one.
    async fn delete_user_secret(&self, user: UserId, name: &str) -> Result<()>;
    /// Sealed secrets, Atelier's own first, by name, after `after`.
    async fn sealed_secrets(
        &self,
        after: Option<&SecretName>,
        limit: usize,
    ) -> Result<Vec<(SecretName, Vec<u8>)>>;
    /// Replaces a sealed secret if it is still `expected`.
    async fn reseal(&self, name: &SecretName, expected: &[u8], sealed: &[u8]) -> Result<()>;
}
