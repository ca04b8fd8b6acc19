//! The tables, and how an older file becomes a current one.

use rusqlite::{Connection, TransactionBehavior};

use super::super::{Result, StoreError};
use super::failed;

/// Each step brings the schema from its index to the next version. Steps are never changed, only added.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

/// Brings the schema up to date. A file that is current is only read, so that a command beside a running server
/// never waits for it.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let version = version(&transaction)?;
    for step in MIGRATIONS.get(version..).ok_or_else(|| newer(version))? {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Refuses a file that is no store, or one of a newer version.
pub(super) fn ensure_known(connection: &Connection) -> Result<()> {
    match version(connection)? {
        0 => Err(StoreError::malformed("the file is no store of Atelier's")),
        version if version > MIGRATIONS.len() => Err(newer(version)),
        _ => Ok(()),
    }
}

fn version(connection: &Connection) -> Result<usize> {
    let read = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
    Ok(read.map_err(failed)? as usize)
}

fn newer(version: usize) -> StoreError {
    StoreError::Malformed(format!("the file is of version {version}, newer than this program").into())
}

/// Writes something small, to see whether writing works.
pub(super) fn touch(connection: &Connection) -> Result<()> {
    let sql = "INSERT INTO pulse (id, beat) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET beat = beat + 1";
    connection.execute(sql, []).map_err(failed).map(drop)
}
