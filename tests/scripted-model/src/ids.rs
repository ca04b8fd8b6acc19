//! Fresh ids in Anthropic's spelling. Unique across restarts: a resumed conversation mixes old and new ones.

use uuid::Uuid;

/// A fresh message id.
pub(crate) fn message() -> String {
    fresh("msg_01")
}

/// A fresh request id, for the `request-id` header.
pub(crate) fn request() -> String {
    fresh("req_01")
}

/// A fresh tool use id.
pub(crate) fn tool_use() -> String {
    fresh("toolu_01")
}

fn fresh(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}
