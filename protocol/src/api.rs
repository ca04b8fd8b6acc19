//! What the REST API says. The viewer socket uses some of it too.

pub mod audit;
pub mod grants;
pub mod model_key;
pub mod scripts;
pub mod tokens;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ts_rs::TS;

use crate::close::ErrorCode;
use crate::event::Event;
use crate::settings::Settings;
use crate::summary::Summary;
use crate::viewer::Title;
use crate::{ConversationId, Millis, Position, UserId};

/// Every refusal of the REST API.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiError {
    /// Why.
    pub code: ErrorCode,
    /// For logs and scripts; the page has words of its own.
    pub message: String,
    /// Finds the request in the server's log.
    pub request_id: String,
}

/// Whoever is signed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// Their id.
    pub id: UserId,
    /// What to call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uses a workspace.
    User,
    /// Sees the fleet, too.
    Operator,
}

/// A conversation, as the list shows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationView {
    /// Its id.
    pub id: ConversationId,
    /// Counts changes of this view: keep the highest.
    pub version: u64,
    /// Its title; empty until it has a message.
    pub title: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it last changed. Pages of the list are in this order, newest first.
    #[serde(default)]
    pub changed_at: Millis,
    /// What its log comes to.
    pub summary: Summary,
    /// Messages that wait in its outbox.
    pub waiting: u32,
    /// What it is set to run with. The log's settings follow.
    pub settings: Settings,
    /// Until when its owner lets operators read it; that may be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub granted_until: Option<Millis>,
}

/// A request to make a conversation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateConversation {
    /// Its id, made by the client. Asking again changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub id: Option<ConversationId>,
    /// Its title; otherwise its first message gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<Title>,
    /// What it runs with.
    #[serde(default)]
    pub settings: Settings,
}

/// A request to rename a conversation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RenameConversation {
    /// The new title.
    pub title: Title,
}

/// A page of conversations, newest change first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationPage {
    /// The conversations.
    pub conversations: Vec<ConversationView>,
    /// Give this as `after` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<ConversationId>,
}

/// A page of a conversation's log, going backwards.
#[derive(Clone, Debug, Serialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryPage {
    /// The log's end when the page was read.
    pub end: Position,
    /// Events in ascending order, ending just before the `before` that was asked for.
    #[ts(as = "Vec<Event>")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<serde_json::Value>))]
    pub events: Vec<Box<RawValue>>,
    /// Give this as `before` to get the page before; absent at the log's beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub before: Option<u64>,
}

/// Whether the model can be reached, and if not, what to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ModelAccess {
    /// It can.
    Ready {
        /// A scripted model answers, not Claude.
        demo: bool,
    },
    /// The operator has given no key.
    NoKey {},
    /// The key was refused.
    KeyRefused {},
    /// The person's own key was refused; they have to replace or remove it.
    OwnKeyRefused {},
    /// The API could not be reached when it was last tried.
    Unreachable {
        /// In words.
        detail: String,
    },
}

/// The answer of `GET /health`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Whether everything needed to serve is there.
    pub ok: bool,
    /// The control plane's version.
    pub version: String,
    /// The store answers.
    pub store: bool,
    /// The container engine answers.
    pub engine: bool,
    /// Workspaces linked at the moment.
    pub links: u32,
    /// Viewers connected at the moment.
    pub viewers: u32,
}
