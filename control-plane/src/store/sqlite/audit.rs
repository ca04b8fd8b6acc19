//! The audit trail.

use async_trait::async_trait;
use protocol::UserId;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params};

use super::super::records::{AuditEntry, AuditFilter, AuditFrom, AuditPage, AuditRecord};
use super::super::{Audit, Result};
use super::values::{count, from_json, int, json};
use super::{Sqlite, failed};

/// What is taken out of the deeds of whoever is erased: the fields of [`AuditEntry::hide_person`].
const PERSONAL: [&str; 7] =
    ["$.subject", "$.input", "$.always", "$.address", "$.device", "$.name", "$.token.name"];
/// How many records one call looks at, if it isn't asked for more.
const LOOKED_AT: usize = 500;

#[async_trait]
impl Audit for Sqlite {
    async fn append_audit(&self, entry: &AuditEntry) -> Result<u64> {
        let entry = entry.clone();
        self.write(move |connection| append(connection, &entry)).await
    }

    async fn audit(&self, filter: &AuditFilter, from: AuditFrom, limit: usize) -> Result<AuditPage> {
        let filter = filter.clone();
        self.read(move |connection| page(connection, &filter, from, limit)).await
    }
}

/// Reads a record whose columns begin at `at`.
pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<AuditRecord> {
    let entry = AuditEntry {
        at: count(row, at + 1)?,
        who: row.get(at + 2)?,
        kind: row.get(at + 3)?,
        object: row.get(at + 4)?,
        detail: from_json(row, at + 5)?,
    };
    Ok(AuditRecord { n: count(row, at)?, entry })
}

fn append(connection: &Connection, entry: &AuditEntry) -> Result<u64> {
    let sql = "INSERT INTO audit (at, who, kind, object, detail) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING n";
    let values = params![int(entry.at), entry.who, entry.kind, entry.object, json(&entry.detail)?];
    connection.query_row(sql, values, |row| count(row, 0)).map_err(failed)
}

/// Takes what is known of somebody by it out of some of their deeds after that number, and returns the last that it looked at;
/// `None`: there are no more.
pub(super) fn hide_person(connection: &Connection, user: UserId, after: u64) -> Result<Option<u64>> {
    let who = user.to_string();
    let sql = "SELECT max(n) FROM (SELECT n FROM audit WHERE who = ?1 AND n > ?2 ORDER BY n LIMIT ?3)";
    let values = params![who, int(after), int(LOOKED_AT as u64)];
    let last: Option<i64> = connection.query_row(sql, values, |row| row.get(0)).map_err(failed)?;
    let Some(last) = last else { return Ok(None) };
    let paths = PERSONAL.map(|path| format!("'{path}'")).join(", ");
    let types = PERSONAL.map(|path| format!("json_type(detail, '{path}')")).join(", ");
    let sql = format!(
        "UPDATE audit SET detail = json_remove(detail, {paths})
         WHERE who = ?1 AND n > ?2 AND n <= ?3 AND coalesce({types}) IS NOT NULL"
    );
    connection.execute(&sql, params![who, int(after), last]).map_err(failed)?;
    Ok(u64::try_from(last).ok())
}

fn page(connection: &Connection, filter: &AuditFilter, from: AuditFrom, limit: usize) -> Result<AuditPage> {
    let (compare, order, edge) = match from {
        AuditFrom::After(n) => (">", "ASC", int(n)),
        AuditFrom::Before(n) => ("<", "DESC", int(n)),
    };
    let mut conditions = vec![format!("n {compare} ?")];
    let mut values: Vec<&dyn ToSql> = vec![&edge];
    for (column, wanted) in [("who", &filter.who), ("kind", &filter.kind)] {
        if let Some(wanted) = wanted {
            conditions.push(format!("{column} = ?"));
            values.push(wanted);
        }
    }
    let look = limit.max(LOOKED_AT);
    let conditions = conditions.join(" AND ");
    let sql = format!(
        "SELECT n, at, who, kind, object, detail FROM audit WHERE {conditions} ORDER BY n {order} LIMIT {look}"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let looked = statement.query_map(values.as_slice(), |row| read(row, 0)).map_err(failed)?;
    let looked = looked.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
    let more = looked.len() == look;
    Ok(AuditPage::of(looked, more, filter, from, limit))
}
