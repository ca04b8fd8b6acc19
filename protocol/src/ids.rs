//! Identifiers. Every one is a type of its own, so that none can stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

use crate::bounded::bounded_string;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// A signed-in person.
    UserId
);
uuid_id!(
    /// One user's container with its volumes. A workspace made again after a delete has a new id.
    WorkspaceId
);
uuid_id!(
    /// One continuing dialogue with Claude.
    ConversationId
);
uuid_id!(
    /// One thing that a person sent, named by the browser that sent it: the key that makes sending again
    /// harmless. A message's id is also the CLI's `uuid` for it, so it is a version 4 UUID.
    ItemId
);

uuid_id!(
    /// A PTY in a workspace. Made by the viewer that opens it, so that opening it again changes nothing.
    TerminalId
);
uuid_id!(
    /// One viewer's socket. Made by the control plane; a socket that comes back is another viewer.
    ViewerId
);

bounded_string!(
    /// The CLI's id of a permission prompt (`request_id`). Made inside the workspace, so never trusted to be
    /// anything but a short string.
    PromptId,
    128
);
bounded_string!(
    /// The model's id of one tool call (`toolu_…`).
    ToolUseId,
    128
);
bounded_string!(
    /// One block of Claude's answer: the API's message id and the block's index in it. Live text carries it,
    /// and the finished block that replaces the live text carries the same.
    BlockId,
    192
);
