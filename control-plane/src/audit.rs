//! What is written down of who did what to whom.

use serde_json::Value;

use crate::app::App;
use crate::clock;
use crate::store::StoreError;
use crate::store::records::AuditEntry;

/// Who acts where nobody is signed in.
pub const NOBODY: &str = "nobody";
/// Who acts where the configuration says so.
pub const CONFIGURATION: &str = "configuration";

/// Writes a deed down. To be called before it is done: what can't be written down is not done.
///
/// # Errors
/// When the store fails.
pub async fn write(
    app: &App,
    who: impl ToString,
    kind: &str,
    object: impl ToString,
    detail: Value,
) -> Result<(), StoreError> {
    let (at, who, object) = (clock::now(), who.to_string(), object.to_string());
    let entry = AuditEntry { at, who, kind: kind.to_owned(), object, detail };
    app.store.append_audit(&entry).await.map(drop)
}
