//! People, what lets them in, and what is kept for them.

use protocol::api::Role;
use protocol::{Millis, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How often the use of a session or a token is noted at most.
pub const NOTED_EVERY_MS: Millis = 60 * 1000;

/// What an identity provider says of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its name for them, which never changes.
    pub subject: String,
    /// What to call them until they say otherwise.
    pub name: String,
    /// Their e-mail address, if it says one.
    pub email: Option<String>,
}

impl Identity {
    /// Someone without an e-mail address.
    pub fn new(subject: &str, name: &str) -> Self {
        Self { subject: subject.to_owned(), name: name.to_owned(), email: None }
    }
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRecord {
    /// Their id.
    pub id: UserId,
    /// The identity provider's name for them.
    pub subject: String,
    /// What to call them.
    pub name: String,
    /// Their e-mail address, as the identity provider last said it.
    pub email: Option<String>,
    /// The language that they chose, as a browser names it.
    pub language: Option<String>,
    /// What they answered when they were asked how they want to use it; `None`: they were not asked yet.
    pub onboarding: Option<serde_json::Value>,
    /// What they may do.
    pub role: Role,
    /// Whether they are kept out.
    pub disabled: bool,
    /// Whether they are being erased: kept out for good.
    pub erasing: bool,
    /// When they first signed in.
    pub created_at: Millis,
    /// When they last signed in.
    pub signed_in_at: Millis,
}

/// What people say of themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// What to call them.
    pub name: String,
    /// The language that they chose.
    pub language: Option<String>,
    /// How they want to use it.
    pub onboarding: Option<serde_json::Value>,
}

/// Names a session without opening it: for lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SessionId(pub Uuid);

/// A signed-in browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRecord {
    /// Its name in lists.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// When they signed in.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Millis,
    /// When it was last used, as noted.
    pub used_at: Millis,
    /// How long it may go unused.
    pub idle: Millis,
    /// What the browser called itself.
    pub device: String,
}

impl SessionRecord {
    /// Whether it is good at that time.
    pub const fn is_good(&self, now: Millis) -> bool {
        self.expires_at > now && now.saturating_sub(self.used_at) < self.idle
    }

    /// Whether its use should be noted again.
    pub const fn is_stale(&self, now: Millis) -> bool {
        now.saturating_sub(self.used_at) >= NOTED_EVERY_MS
    }
}

/// Names an API token without being one: for lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ApiTokenId(pub Uuid);

/// A token for scripts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiTokenRecord {
    /// Its name in lists.
    pub id: ApiTokenId,
    /// Whose.
    pub user: UserId,
    /// What they call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Millis,
    /// When it was last used, as noted.
    pub used_at: Option<Millis>,
}

impl ApiTokenRecord {
    /// Whether its use should be noted again.
    pub fn is_stale(&self, now: Millis) -> bool {
        self.used_at.is_none_or(|used_at| now.saturating_sub(used_at) >= NOTED_EVERY_MS)
    }
}

/// Whose secret, and which. Its text is what a secret is sealed under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum SecretName {
    /// Atelier's own.
    Own(String),
    /// A user's.
    Of(UserId, String),
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(name) => f.write_str(name),
            Self::Of(user, name) => write!(f, "user/{user}/{name}"),
        }
    }
}
