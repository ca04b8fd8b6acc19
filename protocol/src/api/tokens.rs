//! API tokens: what lets a script act for a person.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

use crate::Millis;
use crate::bounded::bounded_string;

bounded_string!(
    /// What a person calls a token.
    TokenName,
    240
);

/// What a token may be used for. None implies another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read conversations: the list, events, messages and their state.
    Read,
    /// Make and rename conversations, send messages, stop a turn.
    Write,
    /// Answer prompts in the person's name, and choose permission modes that ask less.
    Answer,
    /// Delete conversations.
    Delete,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Answer, Self::Delete];

    /// Its name, as it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Answer => "answer",
            Self::Delete => "delete",
        }
    }

    /// The scope of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// The longest life of a token, in days.
pub const TOKEN_DAYS: u16 = 365;
/// The longest life of one that may answer prompts. Whoever made it is asked again whether they still mean it.
pub const ANSWER_DAYS: u16 = 30;

/// A request to make a token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateToken {
    /// What to call it.
    pub name: TokenName,
    /// What it may be used for; at least one.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub scopes: Vec<Scope>,
    /// How many days it is good: at most [`TOKEN_DAYS`], and [`ANSWER_DAYS`] with [`Scope::Answer`].
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 365))]
    pub days: u16,
}

/// A token as lists show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenView {
    /// Names it; it is not the token.
    pub id: Uuid,
    /// What its person calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Millis,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub used_at: Option<Millis>,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewToken {
    /// The token itself. It is never shown again.
    pub token: String,
    /// How lists show it.
    pub view: TokenView,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("view", &self.view).finish_non_exhaustive()
    }
}

/// A person's tokens, the newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenList {
    /// They.
    pub tokens: Vec<TokenView>,
}
