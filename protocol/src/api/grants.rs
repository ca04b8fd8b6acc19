//! Grants: what a person lets operators read, and for how long. Without one nobody but its owner reads a conversation.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ConversationId, Millis, UserId};

/// The longest that one grant is good for, in hours: a week.
pub const GRANT_HOURS: u16 = 168;

/// A request to let operators read a conversation, in place of an earlier grant for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GrantReading {
    /// For how many hours from now: 1 to [`GRANT_HOURS`].
    pub hours: u16,
}

/// A conversation that its owner lets operators read, as the operators' list shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GrantView {
    /// Which.
    pub conversation: ConversationId,
    /// Its title; empty until it has a message.
    pub title: String,
    /// When it last changed.
    pub changed_at: Millis,
    /// Whose.
    pub user: UserId,
    /// What they are called.
    pub name: String,
    /// Until when it may be read.
    pub until: Millis,
}

/// What operators may read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GrantList {
    /// The conversations, those first whose grant ends first.
    pub grants: Vec<GrantView>,
    /// There are more of them than are listed.
    pub more: bool,
}
