//! The audit trail, as those who may see it are shown it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::Millis;

/// One deed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditView {
    /// Its number. Numbers only grow, and none is used twice.
    pub n: u64,
    /// When.
    pub at: Millis,
    /// Who: a user's id, or what else acted.
    pub who: String,
    /// What kind of deed.
    pub kind: String,
    /// To what: a user, a workspace, a conversation, a token.
    pub object: String,
    /// What else is to be known of it.
    #[ts(type = "unknown")]
    pub detail: Value,
}

/// Deeds, the newest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRows {
    /// They. A page may be short, or empty, and have more after it.
    pub rows: Vec<AuditView>,
    /// What the users among those who acted are called.
    pub names: BTreeMap<String, String>,
    /// Give this as `before` to go on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next: Option<u64>,
}
