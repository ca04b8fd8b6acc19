//! What was done, by whom, to what.

use std::io::Write;

use anyhow::Context;
use async_trait::async_trait;

use super::records::{AuditEntry, AuditFilter, AuditFrom, AuditPage};
use super::{Result, Store};

/// How many records an export reads at a time.
const EXPORTED: usize = 500;

/// Keeps what was done. There is no call that changes or removes a record; only
/// [`delete_user`](super::People::delete_user) takes out what somebody worked on.
#[async_trait]
pub trait Audit {
    /// Writes a deed down and returns its number.
    async fn append_audit(&self, entry: &AuditEntry) -> Result<u64>;
    /// What was written down, at most `limit` of it.
    async fn audit(&self, filter: &AuditFilter, from: AuditFrom, limit: usize) -> Result<AuditPage>;
}

/// Writes every record that the filter takes as a line of JSON, the oldest first, and returns how many there were.
///
/// # Errors
/// When the store or the writer fails.
pub async fn export_audit(
    store: &dyn Store,
    filter: &AuditFilter,
    to: &mut (dyn Write + Send),
) -> anyhow::Result<u64> {
    let (mut from, mut written) = (Some(AuditFrom::After(0)), 0);
    while let Some(at) = from {
        let page = store.audit(filter, at, EXPORTED).await?;
        for record in &page.records {
            serde_json::to_writer(&mut *to, record)?;
            to.write_all(b"\n").context("the export can't be written")?;
            written += 1;
        }
        from = page.next;
    }
    Ok(written)
}
