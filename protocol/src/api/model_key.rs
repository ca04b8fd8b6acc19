//! A person's own key for the model.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Millis;

/// The longest text that is taken for a key, in bytes.
pub const KEY_BYTES: usize = 512;

/// What is known of a person's own key. Never the key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelKeyView {
    /// The key in use; absent: the operator's key is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub key: Option<OwnKey>,
    /// Whether the operator has given a key, which is used without an own one.
    pub operator: bool,
}

/// A key, as its owner is shown it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnKey {
    /// Its last characters, at most four: enough to tell it from another.
    pub ends: String,
    /// When it was typed in.
    pub added_at: Millis,
    /// The model's API refused it when it was last used.
    pub refused: bool,
}

/// A key, typed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetModelKey {
    /// It.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512, write_only))]
    pub key: String,
}

impl std::fmt::Debug for SetModelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetModelKey")
    }
}
