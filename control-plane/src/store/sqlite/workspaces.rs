//! Workspaces, enrolment tokens and spending.

use protocol::link::Catalog;
use protocol::{Millis, UserId, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::records::{Certificates, Last, UsageKey, UsageRecord, Wanted, WorkspaceRecord};
use super::super::{Hash, Result, StoreError};
use super::failed;
use super::values::{count, from_json, from_optional_json, id, int, json};

const COLUMNS: &str = "id, user, version, uid, network, wanted, last, certificates, catalog, created_at";

fn read(row: &Row<'_>) -> rusqlite::Result<WorkspaceRecord> {
    Ok(WorkspaceRecord {
        id: WorkspaceId(id(row, 0)?),
        user: UserId(id(row, 1)?),
        version: count(row, 2)?,
        uid: row.get(3)?,
        network: row.get(4)?,
        wanted: from_json(row, 5)?,
        last: from_json(row, 6)?,
        certificates: from_json(row, 7)?,
        catalog: from_optional_json(row, 8)?,
        created_at: count(row, 9)?,
    })
}

pub(super) fn all(connection: &Connection) -> Result<Vec<WorkspaceRecord>> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM workspaces")).map_err(failed)?;
    let records = statement.query_map([], read).map_err(failed)?;
    records.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(super) fn by_id(connection: &Connection, workspace: WorkspaceId) -> Result<WorkspaceRecord> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.query_row([workspace.0.as_bytes()], read).map_err(failed)
}

pub(super) fn by_user(connection: &Connection, user: UserId) -> Result<Option<WorkspaceRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE user = ?1");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.query_row([user.0.as_bytes()], read).optional().map_err(failed)
}

pub(super) fn create(
    connection: &Connection,
    user: UserId,
    uids: std::ops::Range<u32>,
    networks: u32,
    now: Millis,
) -> Result<WorkspaceRecord> {
    if let Some(existing) = by_user(connection, user)? {
        return Ok(existing);
    }
    let record = WorkspaceRecord {
        id: WorkspaceId(Uuid::now_v7()),
        user,
        version: 1,
        uid: lowest_free(connection, "uid", uids)?,
        network: lowest_free(connection, "network", 0..networks)?,
        wanted: Wanted::Stopped,
        last: Last::Never {},
        certificates: Certificates::default(),
        catalog: None,
        created_at: now,
    };
    let sql = format!("INSERT INTO workspaces ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    let values = params![
        record.id.0.as_bytes(),
        record.user.0.as_bytes(),
        int(record.version),
        record.uid,
        record.network,
        json(&record.wanted)?,
        json(&record.last)?,
        json(&record.certificates)?,
        None::<String>,
        int(record.created_at),
    ];
    connection.execute(&sql, values).map_err(failed)?;
    Ok(record)
}

/// The lowest number of `range` that no workspace has in `column`.
fn lowest_free(connection: &Connection, column: &'static str, range: std::ops::Range<u32>) -> Result<u32> {
    let sql = format!("SELECT {column} FROM workspaces WHERE {column} >= ?1 ORDER BY {column}");
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let taken = statement.query_map([range.start], |row| row.get::<_, u32>(0)).map_err(failed)?;
    let mut free = range.start;
    for taken in taken {
        if taken.map_err(failed)? != free {
            break;
        }
        free += 1;
    }
    if range.contains(&free) { Ok(free) } else { Err(StoreError::Exhausted(column)) }
}

pub(super) fn save(connection: &Connection, record: &WorkspaceRecord) -> Result<()> {
    let sql =
        "UPDATE workspaces SET version = version + 1, wanted = ?3, last = ?4 WHERE id = ?1 AND version = ?2";
    let id = record.id.0.as_bytes();
    let values = params![id, int(record.version), json(&record.wanted)?, json(&record.last)?];
    changed_one(connection, record.id, connection.execute(sql, values))
}

pub(super) fn set_certificates(
    connection: &Connection,
    workspace: WorkspaceId,
    expected: &Certificates,
    new: &Certificates,
) -> Result<()> {
    let sql = "UPDATE workspaces SET certificates = ?3 WHERE id = ?1 AND certificates = ?2";
    let values = params![workspace.0.as_bytes(), json(expected)?, json(new)?];
    changed_one(connection, workspace, connection.execute(sql, values))
}

pub(super) fn count_link(connection: &Connection, workspace: WorkspaceId) -> Result<u64> {
    let sql = "UPDATE workspaces SET links = links + 1 WHERE id = ?1 RETURNING links";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.query_row([workspace.0.as_bytes()], |row| count(row, 0)).map_err(failed)
}

pub(super) fn save_catalog(connection: &Connection, workspace: WorkspaceId, catalog: &Catalog) -> Result<()> {
    let sql = "UPDATE workspaces SET catalog = ?2 WHERE id = ?1";
    let values = params![workspace.0.as_bytes(), json(catalog)?];
    changed_one(connection, workspace, connection.execute(sql, values))
}

/// Whether the workspace was changed; if not, it is gone or not as expected.
fn changed_one(
    connection: &Connection,
    workspace: WorkspaceId,
    changed: rusqlite::Result<usize>,
) -> Result<()> {
    match changed.map_err(failed)? {
        1 => Ok(()),
        _ => {
            by_id(connection, workspace)?;
            Err(StoreError::Conflict)
        }
    }
}

pub(super) fn delete(connection: &Connection, workspace: WorkspaceId) -> Result<()> {
    match connection
        .execute("DELETE FROM workspaces WHERE id = ?1", [workspace.0.as_bytes()])
        .map_err(failed)?
    {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

pub(super) fn add_token(
    connection: &Connection,
    token: &Hash,
    workspace: WorkspaceId,
    expires_at: Millis,
) -> Result<()> {
    let workspace = workspace.0.as_bytes();
    connection.execute("DELETE FROM enrol_tokens WHERE workspace = ?1", [workspace]).map_err(failed)?;
    let sql = "INSERT INTO enrol_tokens (token, workspace, expires_at) VALUES (?1, ?2, ?3)";
    connection.execute(sql, params![token, workspace, int(expires_at)]).map_err(failed).map(drop)
}

pub(super) fn spend_token(connection: &Connection, token: &Hash, now: Millis) -> Result<Option<WorkspaceId>> {
    let sql = "DELETE FROM enrol_tokens WHERE token = ?1 RETURNING workspace, expires_at";
    let found = connection.query_row(sql, [token], |row| Ok((WorkspaceId(id(row, 0)?), count(row, 1)?)));
    let found = found.optional().map_err(failed)?;
    Ok(found.filter(|(_, expires_at)| *expires_at > now).map(|(workspace, _)| workspace))
}

pub(super) fn add_usage(connection: &Connection, key: &UsageKey, usage: &UsageRecord) -> Result<()> {
    let sql = "INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT (workspace, day, model) DO UPDATE SET
                 requests = requests + excluded.requests, input = input + excluded.input,
                 output = output + excluded.output, cache_read = cache_read + excluded.cache_read,
                 cache_write = cache_write + excluded.cache_write, micro_usd = micro_usd + excluded.micro_usd";
    let values = params![
        key.workspace.0.as_bytes(),
        key.day,
        key.model,
        int(usage.requests),
        int(usage.input),
        int(usage.output),
        int(usage.cache_read),
        int(usage.cache_write),
        int(usage.micro_usd),
    ];
    connection.execute(sql, values).map_err(failed).map(drop)
}

pub(super) fn spent_since(connection: &Connection, workspace: WorkspaceId, day: u32) -> Result<u64> {
    let sql = "SELECT COALESCE(SUM(micro_usd), 0) FROM usage WHERE workspace = ?1 AND day >= ?2";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.query_row(params![workspace.0.as_bytes(), day], |row| count(row, 0)).map_err(failed)
}
