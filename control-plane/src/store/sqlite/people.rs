//! Users, sessions, one-time codes and sealed secrets.

use protocol::api::Role;
use protocol::{Millis, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::records::{SessionRecord, UserRecord};
use super::super::{Hash, Result};
use super::failed;
use super::values::{count, from_json, id, int, json};

const USER: &str = "users.id, users.subject, users.name, users.role, users.disabled";

fn read_user(row: &Row<'_>, at: usize) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        id: UserId(id(row, at)?),
        subject: row.get(at + 1)?,
        name: row.get(at + 2)?,
        role: from_json(row, at + 3)?,
        disabled: row.get(at + 4)?,
    })
}

pub(super) fn sign_in(connection: &Connection, subject: &str, name: &str, now: Millis) -> Result<UserRecord> {
    let sql = "INSERT INTO users (id, subject, name, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (subject) DO NOTHING";
    let fresh = Uuid::now_v7();
    let role = json(&Role::User)?;
    connection.execute(sql, params![fresh.as_bytes(), subject, name, role, int(now)]).map_err(failed)?;
    let sql = format!("SELECT {USER} FROM users WHERE subject = ?1");
    connection.query_row(&sql, [subject], |row| read_user(row, 0)).map_err(failed)
}

pub(super) fn user(connection: &Connection, user: UserId) -> Result<UserRecord> {
    let sql = format!("SELECT {USER} FROM users WHERE id = ?1");
    connection.query_row(&sql, [user.0.as_bytes()], |row| read_user(row, 0)).map_err(failed)
}

pub(super) fn add_local_code(connection: &Connection, code: &Hash, expires_at: Millis) -> Result<()> {
    let sql = "INSERT INTO local_codes (code, expires_at) VALUES (?1, ?2)";
    connection.execute(sql, params![code, int(expires_at)]).map_err(failed).map(drop)
}

pub(super) fn spend_local_code(connection: &Connection, code: &Hash, now: Millis) -> Result<bool> {
    let spent = connection
        .execute("DELETE FROM local_codes WHERE code = ?1 AND expires_at > ?2", params![code, int(now)])
        .map_err(failed)?;
    connection.execute("DELETE FROM local_codes WHERE expires_at <= ?1", [int(now)]).map_err(failed)?;
    Ok(spent == 1)
}

pub(super) fn open_session(connection: &Connection, token: &Hash, session: &SessionRecord) -> Result<()> {
    connection
        .execute("DELETE FROM sessions WHERE expires_at <= ?1", [int(session.created_at)])
        .map_err(failed)?;
    let sql =
        "INSERT INTO sessions (token, user, created_at, expires_at, device) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (from, to) = (int(session.created_at), int(session.expires_at));
    let values = params![token, session.user.0.as_bytes(), from, to, session.device];
    connection.execute(sql, values).map_err(failed).map(drop)
}

pub(super) fn session(
    connection: &Connection,
    token: &Hash,
    now: Millis,
) -> Result<Option<(SessionRecord, UserRecord)>> {
    let sql = format!(
        "SELECT sessions.user, sessions.created_at, sessions.expires_at, sessions.device, {USER}
         FROM sessions JOIN users ON users.id = sessions.user
         WHERE sessions.token = ?1 AND sessions.expires_at > ?2"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_row(params![token, int(now)], |row| {
        let session = SessionRecord {
            user: UserId(id(row, 0)?),
            created_at: count(row, 1)?,
            expires_at: count(row, 2)?,
            device: row.get(3)?,
        };
        Ok((session, read_user(row, 4)?))
    });
    found.optional().map_err(failed)
}

pub(super) fn close_session(connection: &Connection, token: &Hash) -> Result<()> {
    connection.execute("DELETE FROM sessions WHERE token = ?1", [token]).map_err(failed).map(drop)
}

pub(super) fn secret(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT sealed FROM secrets WHERE name = ?1";
    connection.query_row(sql, [name], |row| row.get(0)).optional().map_err(failed)
}

pub(super) fn create_secret(connection: &Connection, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    let sql = "INSERT INTO secrets (name, sealed) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    connection.execute(sql, params![name, sealed]).map_err(failed)?;
    connection
        .query_row("SELECT sealed FROM secrets WHERE name = ?1", [name], |row| row.get(0))
        .map_err(failed)
}
