//! Workspaces, enrolment tokens, leases and spending.

use std::ops::Range;

use async_trait::async_trait;
use protocol::link::Catalog;
use protocol::{Millis, UserId, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::records::{Certificates, Last, Lease, UsageKey, UsageRecord, Wanted, WorkspaceRecord};
use super::super::{Hash, Result, StoreError, Workspaces};
use super::conversations::bury_all;
use super::values::{count, from_json, from_optional_json, id, int, json, optional_json};
use super::{Sqlite, failed};

#[async_trait]
impl Workspaces for Sqlite {
    async fn workspaces(&self) -> Result<Vec<WorkspaceRecord>> {
        self.read(|connection| after(connection, None, usize::MAX)).await
    }

    async fn workspaces_after(
        &self,
        last: Option<WorkspaceId>,
        limit: usize,
    ) -> Result<Vec<WorkspaceRecord>> {
        self.read(move |connection| after(connection, last, limit)).await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<WorkspaceRecord> {
        self.read(move |connection| by_id(connection, id)).await
    }

    async fn workspace_of(&self, user: UserId) -> Result<Option<WorkspaceRecord>> {
        self.read(move |connection| by_user(connection, user)).await
    }

    async fn create_workspace(
        &self,
        user: UserId,
        uids: Range<u32>,
        networks: u32,
        now: Millis,
    ) -> Result<WorkspaceRecord> {
        self.write(move |connection| create(connection, user, uids, networks, now)).await
    }

    async fn save_workspace(&self, record: &WorkspaceRecord) -> Result<()> {
        let record = record.clone();
        self.write(move |connection| save(connection, &record)).await
    }

    async fn set_certificates(
        &self,
        id: WorkspaceId,
        expected: &Certificates,
        new: &Certificates,
    ) -> Result<()> {
        let (expected, new) = (expected.clone(), new.clone());
        self.write(move |connection| set_certificates(connection, id, &expected, &new)).await
    }

    async fn count_link(&self, id: WorkspaceId) -> Result<u64> {
        self.write(move |connection| count_link(connection, id)).await
    }

    async fn save_catalog(&self, id: WorkspaceId, catalog: &Catalog) -> Result<()> {
        let catalog = catalog.clone();
        self.write(move |connection| save_catalog(connection, id, &catalog)).await
    }

    async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        for conversation in self.write(move |connection| bury_all(connection, id)).await? {
            self.sweep(conversation).await?;
        }
        self.write(move |connection| delete(connection, id)).await
    }

    async fn add_enrol_token(&self, token: Hash, workspace: WorkspaceId, expires_at: Millis) -> Result<()> {
        self.write(move |connection| add_token(connection, &token, workspace, expires_at)).await
    }

    async fn spend_enrol_token(&self, token: Hash, now: Millis) -> Result<Option<WorkspaceId>> {
        self.write(move |connection| spend_token(connection, &token, now)).await
    }

    async fn take_lease(&self, id: WorkspaceId, owner: &str, now: Millis, until: Millis) -> Result<Lease> {
        let owner = owner.to_owned();
        self.write(move |connection| take_lease(connection, id, &owner, now, until)).await
    }

    async fn renew_lease(&self, id: WorkspaceId, fence: u64, until: Millis) -> Result<()> {
        let sql = "UPDATE leases SET until = ?3 WHERE workspace = ?1 AND fence = ?2 AND owner <> ''";
        self.write(move |connection| {
            changed_one(
                connection,
                id,
                connection.execute(sql, params![id.0.as_bytes(), int(fence), int(until)]),
            )
        })
        .await
    }

    async fn release_lease(&self, id: WorkspaceId, fence: u64) -> Result<()> {
        let sql = "UPDATE leases SET owner = '' WHERE workspace = ?1 AND fence = ?2";
        self.write(move |connection| {
            changed_one(connection, id, connection.execute(sql, params![id.0.as_bytes(), int(fence)]))
        })
        .await
    }

    async fn lease(&self, id: WorkspaceId) -> Result<Option<Lease>> {
        self.read(move |connection| lease(connection, id)).await
    }

    async fn add_usage(&self, key: &UsageKey, usage: &UsageRecord) -> Result<()> {
        let (key, usage) = (key.clone(), *usage);
        self.write(move |connection| add_usage(connection, &key, &usage)).await
    }

    async fn spent_since(&self, workspace: WorkspaceId, day: u32) -> Result<u64> {
        self.read(move |connection| spent_since(connection, workspace, day)).await
    }
}

pub(super) const COLUMNS: &str =
    "id, user, version, uid, network, wanted, last, certificates, catalog, created_at";

/// Reads a workspace whose columns begin at `at`.
pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<WorkspaceRecord> {
    Ok(WorkspaceRecord {
        id: WorkspaceId(id(row, at)?),
        user: UserId(id(row, at + 1)?),
        version: count(row, at + 2)?,
        uid: row.get(at + 3)?,
        network: row.get(at + 4)?,
        wanted: from_json(row, at + 5)?,
        last: from_json(row, at + 6)?,
        certificates: from_json(row, at + 7)?,
        catalog: from_optional_json(row, at + 8)?,
        created_at: count(row, at + 9)?,
    })
}

fn after(connection: &Connection, last: Option<WorkspaceId>, limit: usize) -> Result<Vec<WorkspaceRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE id > ?1 ORDER BY id LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let last = last.map(|last| last.0.as_bytes().to_vec()).unwrap_or_default();
    let records =
        statement.query_map(params![last, int(limit as u64)], |row| read(row, 0)).map_err(failed)?;
    records.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn by_id(connection: &Connection, workspace: WorkspaceId) -> Result<WorkspaceRecord> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.query_row([workspace.0.as_bytes()], |row| read(row, 0)).map_err(failed)
}

pub(super) fn by_user(connection: &Connection, user: UserId) -> Result<Option<WorkspaceRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE user = ?1");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.query_row([user.0.as_bytes()], |row| read(row, 0)).optional().map_err(failed)
}

fn create(
    connection: &Connection,
    user: UserId,
    uids: Range<u32>,
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
    insert(connection, &record)?;
    Ok(record)
}

pub(super) fn insert(connection: &Connection, record: &WorkspaceRecord) -> Result<()> {
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
        optional_json(record.catalog.as_ref())?,
        int(record.created_at),
    ];
    connection.execute(&sql, values).map_err(failed).map(drop)
}

/// The lowest number of `range` that no workspace has in `column`.
fn lowest_free(connection: &Connection, column: &'static str, range: Range<u32>) -> Result<u32> {
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

fn save(connection: &Connection, record: &WorkspaceRecord) -> Result<()> {
    let sql =
        "UPDATE workspaces SET version = version + 1, wanted = ?3, last = ?4 WHERE id = ?1 AND version = ?2";
    let id = record.id.0.as_bytes();
    let values = params![id, int(record.version), json(&record.wanted)?, json(&record.last)?];
    changed_one(connection, record.id, connection.execute(sql, values))
}

fn set_certificates(
    connection: &Connection,
    workspace: WorkspaceId,
    expected: &Certificates,
    new: &Certificates,
) -> Result<()> {
    let sql = "UPDATE workspaces SET certificates = ?3 WHERE id = ?1 AND certificates = ?2";
    let values = params![workspace.0.as_bytes(), json(expected)?, json(new)?];
    changed_one(connection, workspace, connection.execute(sql, values))
}

fn count_link(connection: &Connection, workspace: WorkspaceId) -> Result<u64> {
    let sql = "UPDATE workspaces SET links = links + 1 WHERE id = ?1 RETURNING links";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.query_row([workspace.0.as_bytes()], |row| count(row, 0)).map_err(failed)
}

fn save_catalog(connection: &Connection, workspace: WorkspaceId, catalog: &Catalog) -> Result<()> {
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

fn delete(connection: &Connection, workspace: WorkspaceId) -> Result<()> {
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

fn spend_token(connection: &Connection, token: &Hash, now: Millis) -> Result<Option<WorkspaceId>> {
    let sql = "DELETE FROM enrol_tokens WHERE token = ?1 RETURNING workspace, expires_at";
    let found = connection.query_row(sql, [token], |row| Ok((WorkspaceId(id(row, 0)?), count(row, 1)?)));
    let found = found.optional().map_err(failed)?;
    Ok(found.filter(|(_, expires_at)| *expires_at > now).map(|(workspace, _)| workspace))
}

fn take_lease(
    connection: &Connection,
    workspace: WorkspaceId,
    owner: &str,
    now: Millis,
    until: Millis,
) -> Result<Lease> {
    let before = lease(connection, workspace)?;
    let fence = match before {
        Some(lease) if lease.is_held(now) && lease.owner != owner => return Ok(lease),
        Some(lease) if lease.owner == owner => lease.fence,
        Some(lease) => lease.fence + 1,
        None => 1,
    };
    let lease = Lease { owner: owner.to_owned(), fence, until };
    put_lease(connection, workspace, &lease)?;
    Ok(lease)
}

pub(super) fn put_lease(connection: &Connection, workspace: WorkspaceId, lease: &Lease) -> Result<()> {
    let sql = "INSERT INTO leases (workspace, owner, fence, until) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (workspace) DO UPDATE SET
                 owner = excluded.owner, fence = excluded.fence, until = excluded.until";
    let values = params![workspace.0.as_bytes(), lease.owner, int(lease.fence), int(lease.until)];
    connection.execute(sql, values).map_err(failed).map(drop)
}

fn lease(connection: &Connection, workspace: WorkspaceId) -> Result<Option<Lease>> {
    let sql = "SELECT owner, fence, until FROM leases WHERE workspace = ?1";
    connection.query_row(sql, [workspace.0.as_bytes()], |row| read_lease(row, 0)).optional().map_err(failed)
}

pub(super) fn read_lease(row: &Row<'_>, at: usize) -> rusqlite::Result<Lease> {
    Ok(Lease { owner: row.get(at)?, fence: count(row, at + 1)?, until: count(row, at + 2)? })
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

fn spent_since(connection: &Connection, workspace: WorkspaceId, day: u32) -> Result<u64> {
    let sql = "SELECT COALESCE(SUM(micro_usd), 0) FROM usage WHERE workspace = ?1 AND day >= ?2";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.query_row(params![workspace.0.as_bytes(), day], |row| count(row, 0)).map_err(failed)
}
