//! The tables, and how an older file becomes a current one.

use rusqlite::Connection;

use super::super::{Result, StoreError};
use super::failed;

/// Each step brings the schema from its index to the next version. Steps are never changed, only added.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// Brings the schema up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction().map_err(failed)?;
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let version = version as usize;
    if version > MIGRATIONS.len() {
        let words = format!("the file is of version {version}, newer than this program");
        return Err(StoreError::Malformed(words.into()));
    }
    for step in &MIGRATIONS[version..] {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Writes something small, to see whether writing works.
pub(super) fn touch(connection: &Connection) -> Result<()> {
    let sql = "INSERT INTO pulse (id, beat) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET beat = beat + 1";
    connection.execute(sql, []).map_err(failed).map(drop)
}
