//! One-time codes, sessions, API tokens.

use async_trait::async_trait;
use protocol::{Millis, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::records::{ApiTokenId, ApiTokenRecord, SessionId, SessionRecord, UserRecord};
use super::super::{Access, Hash, Result};
use super::people::{self, USER};
use super::values::{count, from_json, id, int, json, optional_count};
use super::{Sqlite, failed};

#[async_trait]
impl Access for Sqlite {
    async fn add_code(&self, code: Hash, expires_at: Millis) -> Result<()> {
        self.write(move |connection| add_code(connection, &code, expires_at)).await
    }

    async fn spend_code(&self, code: Hash, now: Millis) -> Result<bool> {
        self.write(move |connection| spend_code(connection, &code, now)).await
    }

    async fn open_session(&self, token: Hash, session: &SessionRecord) -> Result<()> {
        let session = session.clone();
        self.write(move |connection| open_session(connection, &token, &session)).await
    }

    async fn session(&self, token: Hash, now: Millis) -> Result<Option<(SessionRecord, UserRecord)>> {
        let found = self.read(move |connection| session(connection, &token)).await?;
        Ok(found.filter(|(session, _)| session.is_good(now)))
    }

    async fn touch_session(&self, token: Hash, now: Millis) -> Result<()> {
        let found = self.read(move |connection| session(connection, &token)).await?;
        if found.is_some_and(|(session, _)| session.is_good(now) && session.is_stale(now)) {
            let sql = "UPDATE sessions SET used_at = max(used_at, ?2) WHERE token = ?1";
            self.write(move |connection| run(connection.execute(sql, params![token, int(now)]))).await?;
        }
        Ok(())
    }

    async fn rotate_session(&self, old: Hash, new: Hash) -> Result<bool> {
        let sql = "UPDATE sessions SET token = ?2 WHERE token = ?1";
        self.write(move |connection| {
            connection.execute(sql, [old, new]).map_err(failed).map(|changed| changed == 1)
        })
        .await
    }

    async fn close_session(&self, token: Hash) -> Result<()> {
        let sql = "DELETE FROM sessions WHERE token = ?1";
        self.write(move |connection| run(connection.execute(sql, [token]))).await
    }

    async fn sessions(&self, user: UserId, now: Millis) -> Result<Vec<SessionRecord>> {
        let found = self.read(move |connection| sessions(connection, user)).await?;
        Ok(found.into_iter().filter(|session| session.is_good(now)).collect())
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> Result<Hash> {
        let sql = "DELETE FROM sessions WHERE user = ?1 AND id = ?2 RETURNING token";
        self.write(move |connection| {
            let values = [user.0.as_bytes(), session.0.as_bytes()];
            connection.query_row(sql, values, |row| row.get(0)).map_err(failed)
        })
        .await
    }

    async fn end_sessions(&self, user: UserId) -> Result<Vec<Hash>> {
        self.write(move |connection| end_sessions(connection, user)).await
    }

    async fn add_api_token(&self, token: Hash, record: &ApiTokenRecord) -> Result<()> {
        let record = record.clone();
        self.write(move |connection| add_api_token(connection, &token, &record)).await
    }

    async fn api_token(&self, token: Hash, now: Millis) -> Result<Option<(ApiTokenRecord, UserRecord)>> {
        let found = self.read(move |connection| api_token(connection, &token)).await?;
        Ok(found.filter(|(record, _)| record.expires_at > now))
    }

    async fn touch_api_token(&self, token: Hash, now: Millis) -> Result<()> {
        if self.api_token(token, now).await?.is_some_and(|(record, _)| record.is_stale(now)) {
            let sql = "UPDATE api_tokens SET used_at = max(ifnull(used_at, 0), ?2) WHERE token = ?1";
            self.write(move |connection| run(connection.execute(sql, params![token, int(now)]))).await?;
        }
        Ok(())
    }

    async fn api_tokens(&self, user: UserId) -> Result<Vec<ApiTokenRecord>> {
        self.read(move |connection| api_tokens(connection, user)).await
    }

    async fn revoke_api_token(&self, user: UserId, token: ApiTokenId) -> Result<Hash> {
        let sql = "DELETE FROM api_tokens WHERE user = ?1 AND id = ?2 RETURNING token";
        self.write(move |connection| {
            let values = [user.0.as_bytes(), token.0.as_bytes()];
            connection.query_row(sql, values, |row| row.get(0)).map_err(failed)
        })
        .await
    }
}

fn run(changed: rusqlite::Result<usize>) -> Result<()> {
    changed.map_err(failed).map(drop)
}

/// Removes what has expired.
pub(super) fn tidy(connection: &Connection, now: Millis) -> Result<()> {
    for table in ["local_codes", "sessions", "enrol_tokens"] {
        let sql = format!("DELETE FROM {table} WHERE expires_at <= ?1");
        run(connection.execute(&sql, [int(now)]))?;
    }
    Ok(())
}

pub(super) fn add_code(connection: &Connection, code: &Hash, expires_at: Millis) -> Result<()> {
    let sql = "INSERT INTO local_codes (code, expires_at) VALUES (?1, ?2)";
    run(connection.execute(sql, params![code, int(expires_at)]))
}

fn spend_code(connection: &Connection, code: &Hash, now: Millis) -> Result<bool> {
    let spent = connection
        .execute("DELETE FROM local_codes WHERE code = ?1 AND expires_at > ?2", params![code, int(now)])
        .map_err(failed)?;
    run(connection.execute("DELETE FROM local_codes WHERE expires_at <= ?1", [int(now)]))?;
    Ok(spent == 1)
}

/// The columns of a session.
pub(super) const SESSION: &str = "sessions.id, sessions.user, sessions.created_at, sessions.expires_at,
                                  sessions.used_at, sessions.idle, sessions.device";

pub(super) fn read_session(row: &Row<'_>, at: usize) -> rusqlite::Result<SessionRecord> {
    Ok(SessionRecord {
        id: SessionId(id(row, at)?),
        user: UserId(id(row, at + 1)?),
        created_at: count(row, at + 2)?,
        expires_at: count(row, at + 3)?,
        used_at: count(row, at + 4)?,
        idle: count(row, at + 5)?,
        device: row.get(at + 6)?,
    })
}

fn open_session(connection: &Connection, token: &Hash, session: &SessionRecord) -> Result<()> {
    run(connection.execute("DELETE FROM sessions WHERE expires_at <= ?1", [int(session.created_at)]))?;
    insert_session(connection, token, session)
}

pub(super) fn insert_session(connection: &Connection, token: &Hash, session: &SessionRecord) -> Result<()> {
    let sql = "INSERT INTO sessions (token, id, user, created_at, expires_at, used_at, idle, device)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        token,
        session.id.0.as_bytes(),
        session.user.0.as_bytes(),
        int(session.created_at),
        int(session.expires_at),
        int(session.used_at),
        int(session.idle),
        session.device,
    ];
    run(connection.execute(sql, values))
}

fn session(connection: &Connection, token: &Hash) -> Result<Option<(SessionRecord, UserRecord)>> {
    let sql = format!(
        "SELECT {SESSION}, {USER} FROM sessions JOIN users ON users.id = sessions.user WHERE sessions.token = ?1"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_row([token], |row| Ok((read_session(row, 0)?, people::read(row, 7)?)));
    found.optional().map_err(failed)
}

fn sessions(connection: &Connection, user: UserId) -> Result<Vec<SessionRecord>> {
    let sql = format!("SELECT {SESSION} FROM sessions WHERE user = ?1 ORDER BY created_at DESC, id");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_map([user.0.as_bytes()], |row| read_session(row, 0)).map_err(failed)?;
    found.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(super) fn end_sessions(connection: &Connection, user: UserId) -> Result<Vec<Hash>> {
    let sql = "DELETE FROM sessions WHERE user = ?1 RETURNING token";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let ended = statement.query_map([user.0.as_bytes()], |row| row.get(0)).map_err(failed)?;
    ended.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// The columns of an API token.
pub(super) const API_TOKEN: &str = "api_tokens.id, api_tokens.user, api_tokens.name, api_tokens.scopes,
                                    api_tokens.created_at, api_tokens.expires_at, api_tokens.used_at";

pub(super) fn read_api_token(row: &Row<'_>, at: usize) -> rusqlite::Result<ApiTokenRecord> {
    Ok(ApiTokenRecord {
        id: ApiTokenId(id(row, at)?),
        user: UserId(id(row, at + 1)?),
        name: row.get(at + 2)?,
        scopes: from_json(row, at + 3)?,
        created_at: count(row, at + 4)?,
        expires_at: count(row, at + 5)?,
        used_at: optional_count(row, at + 6)?,
    })
}

pub(super) fn add_api_token(connection: &Connection, token: &Hash, record: &ApiTokenRecord) -> Result<()> {
    let sql = "INSERT INTO api_tokens (token, id, user, name, scopes, created_at, expires_at, used_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        token,
        record.id.0.as_bytes(),
        record.user.0.as_bytes(),
        record.name,
        json(&record.scopes)?,
        int(record.created_at),
        int(record.expires_at),
        record.used_at.map(int),
    ];
    run(connection.execute(sql, values))
}

fn api_token(connection: &Connection, token: &Hash) -> Result<Option<(ApiTokenRecord, UserRecord)>> {
    let sql = format!(
        "SELECT {API_TOKEN}, {USER} FROM api_tokens JOIN users ON users.id = api_tokens.user
         WHERE api_tokens.token = ?1"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_row([token], |row| Ok((read_api_token(row, 0)?, people::read(row, 7)?)));
    found.optional().map_err(failed)
}

fn api_tokens(connection: &Connection, user: UserId) -> Result<Vec<ApiTokenRecord>> {
    let sql = format!("SELECT {API_TOKEN} FROM api_tokens WHERE user = ?1 ORDER BY created_at DESC, id");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_map([user.0.as_bytes()], |row| read_api_token(row, 0)).map_err(failed)?;
    found.collect::<rusqlite::Result<_>>().map_err(failed)
}
