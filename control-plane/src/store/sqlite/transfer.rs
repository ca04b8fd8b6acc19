//! Whole records, table by table, for a move.

use async_trait::async_trait;
use protocol::{ConversationId, UserId, WorkspaceId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};

use super::super::people::searched;
use super::super::records::{Chunk, SecretName, UsageKey, UsageRecord, UserRecord};
use super::super::transfer::{Entry, Page, Table};
use super::super::{Hash, Result, StoreError, Transfer};
use super::access::{API_TOKEN, SESSION};
use super::people::USER;
use super::values::{count, from_json, from_optional_json, id, int, json, optional_json};
use super::{Sqlite, access, audit, conversations, failed, people, secrets, workspaces};

#[async_trait]
impl Transfer for Sqlite {
    async fn export(&self, table: Table, from: Option<&str>) -> Result<Page> {
        let from = from.map(parse_cursor).transpose()?;
        self.read(move |connection| export(connection, table, from)).await
    }

    async fn import(&self, entries: &[Entry]) -> Result<()> {
        let entries = entries.to_vec();
        self.write(move |connection| entries.iter().try_for_each(|entry| keep(connection, entry))).await
    }

    async fn mark(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        let sql = "SELECT value FROM marks WHERE name = ?1";
        self.read(move |connection| {
            connection.query_row(sql, [name], |row| row.get(0)).optional().map_err(failed)
        })
        .await
    }

    async fn set_mark(&self, name: &str, text: Option<&str>) -> Result<()> {
        let (name, text) = (name.to_owned(), text.map(str::to_owned));
        self.write(move |connection| set_mark(connection, &name, text.as_deref())).await
    }
}

fn set_mark(connection: &Connection, name: &str, text: Option<&str>) -> Result<()> {
    let done = match text {
        Some(text) => {
            let sql = "INSERT INTO marks (name, value) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            connection.execute(sql, [name, text])
        }
        None => connection.execute("DELETE FROM marks WHERE name = ?1", [name]),
    };
    done.map_err(failed).map(drop)
}

/// A primary key's value, as it stands in a cursor.
#[derive(Serialize, Deserialize)]
enum Key {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

fn parse_cursor(text: &str) -> Result<Vec<Value>> {
    let keys: Vec<Key> = serde_json::from_str(text).map_err(StoreError::malformed)?;
    let values = keys.into_iter().map(|key| match key {
        Key::Int(value) => Value::Integer(value),
        Key::Text(value) => Value::Text(value),
        Key::Blob(value) => Value::Blob(value),
    });
    Ok(values.collect())
}

fn write_cursor(values: Vec<Value>) -> Result<String> {
    let keys = values.into_iter().map(|value| match value {
        Value::Integer(value) => Ok(Key::Int(value)),
        Value::Text(value) => Ok(Key::Text(value)),
        Value::Blob(value) => Ok(Key::Blob(value)),
        Value::Null | Value::Real(_) => Err(StoreError::malformed("a key is neither text nor number")),
    });
    json(&keys.collect::<Result<Vec<_>>>()?)
}

/// How a table is read: its name, its primary key, what else is wanted of it, and how a row becomes a record. The columns
/// come after those of the key.
struct Reading {
    table: &'static str,
    keys: &'static [&'static str],
    columns: String,
    read: fn(&Row<'_>, usize) -> rusqlite::Result<Entry>,
}

fn reading(
    table: &'static str,
    keys: &'static [&'static str],
    columns: &str,
    read: fn(&Row<'_>, usize) -> rusqlite::Result<Entry>,
) -> Reading {
    Reading { table, keys, columns: columns.to_owned(), read }
}

fn export(connection: &Connection, table: Table, from: Option<Vec<Value>>) -> Result<Page> {
    let reading = match table {
        Table::Users => reading("users", &["id"], &format!("{USER}, settings"), |row, at| {
            Ok(Entry::User(people::read(row, at)?, from_optional_json(row, at + 11)?))
        }),
        Table::Secrets => return export_secrets(connection, from),
        Table::LocalCodes => reading("local_codes", &["code"], "code, expires_at", |row, at| {
            Ok(Entry::LocalCode(row.get(at)?, count(row, at + 1)?))
        }),
        Table::Sessions => reading("sessions", &["token"], &format!("token, {SESSION}"), |row, at| {
            Ok(Entry::Session(row.get(at)?, access::read_session(row, at + 1)?))
        }),
        Table::ApiTokens => reading("api_tokens", &["token"], &format!("token, {API_TOKEN}"), |row, at| {
            Ok(Entry::ApiToken(row.get(at)?, access::read_api_token(row, at + 1)?))
        }),
        Table::Workspaces => {
            let columns = format!("{}, links", workspaces::COLUMNS);
            reading("workspaces", &["id"], &columns, |row, at| {
                Ok(Entry::Workspace(workspaces::read(row, at)?, count(row, at + 10)?))
            })
        }
        Table::EnrolTokens => {
            reading("enrol_tokens", &["token"], "token, workspace, expires_at", |row, at| {
                Ok(Entry::EnrolToken(row.get(at)?, WorkspaceId(id(row, at + 1)?), count(row, at + 2)?))
            })
        }
        Table::Leases => reading("leases", &["workspace"], "workspace, owner, fence, until", |row, at| {
            Ok(Entry::Lease(WorkspaceId(id(row, at)?), workspaces::read_lease(row, at + 1)?))
        }),
        Table::Usage => reading("usage", &["workspace", "day", "model"], "*", read_usage),
        Table::Conversations => reading("conversations", &["id"], conversations::COLUMNS, |row, at| {
            Ok(Entry::Conversation(conversations::read(row, at)?))
        }),
        Table::Segments => reading(
            "segments",
            &["conversation", "last"],
            "conversation, epoch, first, last, lines",
            |row, at| {
                let conversation = ConversationId(id(row, at)?);
                Ok(Entry::Segment(conversation, conversations::read_segment(row, at + 1)?))
            },
        ),
        Table::Chunks => reading("chunks", &["conversation", "digest", "piece"], "*", read_chunk),
        Table::Items => reading("outbox", &["conversation", "item"], "conversation, content", |row, at| {
            Ok(Entry::Item(ConversationId(id(row, at)?), from_json(row, at + 1)?))
        }),
        Table::Notices => reading("notices", &["conversation", "m"], "conversation, content", |row, at| {
            Ok(Entry::Notice(ConversationId(id(row, at)?), from_json(row, at + 1)?))
        }),
        Table::Audit => reading("audit", &["n"], "n, at, who, kind, object, detail", |row, at| {
            Ok(Entry::Audit(audit::read(row, at)?))
        }),
    };
    page(connection, &reading, from, table.page())
}

fn page(connection: &Connection, reading: &Reading, from: Option<Vec<Value>>, size: usize) -> Result<Page> {
    let Reading { table, keys, columns, read } = reading;
    let (width, keys) = (keys.len(), keys.join(", "));
    let begin = match from {
        Some(_) => format!("WHERE ({keys}) > ({})", vec!["?"; width].join(", ")),
        None => String::new(),
    };
    let sql = format!("SELECT {keys}, {columns} FROM {table} {begin} ORDER BY {keys} LIMIT {size}");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(from.unwrap_or_default())).map_err(failed)?;
    let (mut entries, mut last) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next().map_err(failed)? {
        entries.push(read(row, width).map_err(failed)?);
        last = (0..width).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>().map_err(failed)?;
    }
    let next = if entries.len() == size { Some(write_cursor(last)?) } else { None };
    Ok(Page { entries, next })
}

/// Secrets are in two tables, of which the one goes before the other.
fn export_secrets(connection: &Connection, from: Option<Vec<Value>>) -> Result<Page> {
    let after = match from.as_deref() {
        None => None,
        Some([Value::Text(name)]) => Some(SecretName::Own(name.clone())),
        Some([Value::Blob(user), Value::Text(name)]) => {
            let user = uuid::Uuid::from_slice(user).map_err(StoreError::malformed)?;
            Some(SecretName::Of(UserId(user), name.clone()))
        }
        Some(_) => return Err(StoreError::malformed("a cursor of secrets")),
    };
    let size = Table::Secrets.page();
    let found = secrets::all(connection, after.as_ref(), size)?;
    let next = match found.last() {
        Some((SecretName::Own(name), _)) => Some(vec![Value::Text(name.clone())]),
        Some((SecretName::Of(user, name), _)) => {
            Some(vec![Value::Blob(user.0.as_bytes().to_vec()), Value::Text(name.clone())])
        }
        None => None,
    };
    let next = next.filter(|_| found.len() == size).map(write_cursor).transpose()?;
    Ok(Page { entries: found.into_iter().map(|(name, sealed)| Entry::Secret(name, sealed)).collect(), next })
}

fn read_usage(row: &Row<'_>, at: usize) -> rusqlite::Result<Entry> {
    let key =
        UsageKey { workspace: WorkspaceId(id(row, at)?), day: row.get(at + 1)?, model: row.get(at + 2)? };
    let usage = UsageRecord {
        requests: count(row, at + 3)?,
        input: count(row, at + 4)?,
        output: count(row, at + 5)?,
        cache_read: count(row, at + 6)?,
        cache_write: count(row, at + 7)?,
        micro_usd: count(row, at + 8)?,
    };
    Ok(Entry::Usage(key, usage))
}

fn read_chunk(row: &Row<'_>, at: usize) -> rusqlite::Result<Entry> {
    let digest: Hash = row.get(at + 1)?;
    let chunk = Chunk { digest, index: row.get(at + 2)?, chunks: row.get(at + 3)?, bytes: row.get(at + 4)? };
    Ok(Entry::Chunk(ConversationId(id(row, at)?), chunk))
}

/// Keeps a record as it is, in place of what is there under its key.
fn keep(connection: &Connection, entry: &Entry) -> Result<()> {
    match entry {
        Entry::User(user, settings) => keep_user(connection, user, settings.as_ref()),
        Entry::Secret(SecretName::Own(name), sealed) => {
            let sql = "INSERT INTO secrets (name, sealed) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed";
            run(connection.execute(sql, params![name, sealed]))
        }
        Entry::Secret(SecretName::Of(user, name), sealed) => {
            secrets::save_of_user(connection, *user, name, sealed)
        }
        Entry::LocalCode(code, expires_at) => {
            remove(connection, "DELETE FROM local_codes WHERE code = ?1", code)?;
            access::add_code(connection, code, *expires_at)
        }
        Entry::Session(token, session) => {
            remove(connection, "DELETE FROM sessions WHERE token = ?1", token)?;
            access::insert_session(connection, token, session)
        }
        Entry::ApiToken(token, record) => {
            remove(connection, "DELETE FROM api_tokens WHERE token = ?1", token)?;
            access::add_api_token(connection, token, record)
        }
        Entry::Workspace(record, links) => {
            // With what refers to it, which comes after it.
            remove(connection, "DELETE FROM workspaces WHERE id = ?1", record.id.0.as_bytes())?;
            workspaces::insert(connection, record)?;
            let sql = "UPDATE workspaces SET links = ?2 WHERE id = ?1";
            run(connection.execute(sql, params![record.id.0.as_bytes(), int(*links)]))
        }
        Entry::EnrolToken(token, workspace, expires_at) => {
            workspaces::add_token(connection, token, *workspace, *expires_at)
        }
        Entry::Lease(workspace, lease) => workspaces::put_lease(connection, *workspace, lease),
        Entry::Usage(key, usage) => {
            let sql = "DELETE FROM usage WHERE workspace = ?1 AND day = ?2 AND model = ?3";
            run(connection.execute(sql, params![key.workspace.0.as_bytes(), key.day, key.model]))?;
            workspaces::add_usage(connection, key, usage)
        }
        Entry::Conversation(record) => {
            remove(connection, "DELETE FROM conversations WHERE id = ?1", record.id.0.as_bytes())?;
            conversations::insert(connection, record)
        }
        Entry::Segment(conversation, segment) => {
            let sql = "DELETE FROM segments WHERE conversation = ?1 AND last = ?2";
            run(connection.execute(sql, params![conversation.0.as_bytes(), int(segment.last)]))?;
            conversations::insert_segment(connection, *conversation, segment)
        }
        Entry::Chunk(conversation, chunk) => conversations::put_chunk(connection, *conversation, chunk),
        Entry::Item(conversation, item) => conversations::put_item(connection, *conversation, item),
        Entry::Notice(conversation, notice) => {
            let sql = "INSERT INTO notices (conversation, m, content) VALUES (?1, ?2, ?3)
                       ON CONFLICT (conversation, m) DO UPDATE SET content = excluded.content";
            let values = params![conversation.0.as_bytes(), int(notice.m), json(notice)?];
            run(connection.execute(sql, values))
        }
        Entry::Audit(record) => {
            let sql = "INSERT INTO audit (n, at, who, kind, object, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                       ON CONFLICT (n) DO NOTHING";
            let entry = &record.entry;
            let (n, at, detail) = (int(record.n), int(entry.at), json(&entry.detail)?);
            run(connection.execute(sql, params![n, at, entry.who, entry.kind, entry.object, detail]))
        }
    }
}

fn keep_user(connection: &Connection, user: &UserRecord, settings: Option<&serde_json::Value>) -> Result<()> {
    let sql = "INSERT INTO users (id, subject, name, email, language, onboarding, role, disabled, created_at,
                                  signed_in_at, erasing, searched, settings)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
               ON CONFLICT (id) DO UPDATE SET
                 subject = excluded.subject, name = excluded.name, email = excluded.email,
                 language = excluded.language, onboarding = excluded.onboarding, role = excluded.role,
                 disabled = excluded.disabled, created_at = excluded.created_at,
                 signed_in_at = excluded.signed_in_at, erasing = excluded.erasing, searched = excluded.searched,
                 settings = excluded.settings";
    let values = params![
        user.id.0.as_bytes(),
        user.subject,
        user.name,
        user.email,
        user.language,
        optional_json(user.onboarding.as_ref())?,
        json(&user.role)?,
        user.disabled,
        int(user.created_at),
        int(user.signed_in_at),
        user.erasing,
        searched(&user.name, user.email.as_deref()),
        optional_json(settings)?,
    ];
    run(connection.execute(sql, values))
}

fn remove(connection: &Connection, sql: &str, key: &[u8]) -> Result<()> {
    run(connection.execute(sql, [key]))
}

fn run(changed: rusqlite::Result<usize>) -> Result<()> {
    changed.map_err(failed).map(drop)
}
