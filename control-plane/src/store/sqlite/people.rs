//! Users and their settings.

use async_trait::async_trait;
use protocol::api::Role;
use protocol::{Millis, UserId, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::super::people::searched;
use super::super::records::{Identity, Profile, UserRecord};
use super::super::{Hash, People, Result, StoreError, Workspaces};
use super::values::{count, from_json, from_optional_json, id, int, json, optional_json};
use super::{Sqlite, access, audit, failed, workspaces};

#[async_trait]
impl People for Sqlite {
    async fn sign_in(&self, identity: &Identity, now: Millis) -> Result<UserRecord> {
        let identity = identity.clone();
        self.write(move |connection| sign_in(connection, &identity, now)).await
    }

    async fn user(&self, id: UserId) -> Result<UserRecord> {
        self.read(move |connection| user(connection, id)).await
    }

    async fn users(&self, after: Option<UserId>, query: &str, limit: usize) -> Result<Vec<UserRecord>> {
        let query = query.to_lowercase();
        self.read(move |connection| list(connection, after, &query, limit)).await
    }

    async fn save_profile(&self, id: UserId, profile: &Profile) -> Result<()> {
        let profile = profile.clone();
        self.write(move |connection| save_profile(connection, id, &profile)).await
    }

    async fn set_role(&self, id: UserId, role: Role) -> Result<()> {
        self.write(move |connection| {
            let sql = "UPDATE users SET role = ?2 WHERE id = ?1";
            one(connection.execute(sql, params![id.0.as_bytes(), json(&role)?]))
        })
        .await
    }

    async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<Vec<Hash>> {
        self.write(move |connection| set_disabled(connection, id, disabled)).await
    }

    async fn begin_erasing(&self, id: UserId) -> Result<Vec<Hash>> {
        self.write(move |connection| {
            let sql = "UPDATE users SET erasing = 1, disabled = 1 WHERE id = ?1";
            one(connection.execute(sql, [id.0.as_bytes()]))?;
            access::end_sessions(connection, id)
        })
        .await
    }

    async fn kept_out(&self) -> Result<Vec<UserId>> {
        self.read(|connection| ids(connection, "SELECT id FROM users WHERE disabled ORDER BY id")).await
    }

    async fn erasing(&self) -> Result<Vec<UserId>> {
        self.read(|connection| ids(connection, "SELECT id FROM users WHERE erasing ORDER BY id")).await
    }

    async fn delete_user(&self, id: UserId) -> Result<()> {
        self.write(move |connection| shut_out(connection, id)).await?;
        let mut seen = 0;
        while let Some(last) = self.write(move |connection| audit::hide_person(connection, id, seen)).await? {
            seen = last;
        }
        // One that is made meanwhile, too.
        while let Some(workspace) = self.write(move |connection| delete(connection, id, seen)).await? {
            match self.delete_workspace(workspace).await {
                Ok(()) | Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        self.empty_log().await;
        Ok(())
    }

    async fn settings(&self, id: UserId) -> Result<Option<serde_json::Value>> {
        self.read(move |connection| settings(connection, id)).await
    }

    async fn save_settings(&self, id: UserId, settings: &serde_json::Value) -> Result<()> {
        let settings = settings.clone();
        self.write(move |connection| save_settings(connection, id, &settings)).await
    }
}

/// The columns of a user, joined or alone.
pub(super) const USER: &str =
    "users.id, users.subject, users.name, users.email, users.language, users.onboarding,
                               users.role, users.disabled, users.created_at, users.signed_in_at, users.erasing";

/// Reads a user whose columns begin at `at`.
pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        id: UserId(id(row, at)?),
        subject: row.get(at + 1)?,
        name: row.get(at + 2)?,
        email: row.get(at + 3)?,
        language: row.get(at + 4)?,
        onboarding: from_optional_json(row, at + 5)?,
        role: from_json(row, at + 6)?,
        disabled: row.get(at + 7)?,
        created_at: count(row, at + 8)?,
        signed_in_at: count(row, at + 9)?,
        erasing: row.get(at + 10)?,
    })
}

fn sign_in(connection: &Connection, identity: &Identity, now: Millis) -> Result<UserRecord> {
    let Identity { subject, name, email } = identity;
    let sql = "INSERT INTO users (id, subject, name, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (subject) DO NOTHING";
    let fresh = Uuid::now_v7();
    let role = json(&Role::User)?;
    connection.execute(sql, params![fresh.as_bytes(), subject, name, role, int(now)]).map_err(failed)?;
    let sql = format!("SELECT {USER} FROM users WHERE subject = ?1");
    let mut record = connection.query_row(&sql, [subject], |row| read(row, 0)).map_err(failed)?;
    if !record.disabled {
        record.email = email.clone().or(record.email);
        record.signed_in_at = now;
        let sql = "UPDATE users SET email = ?2, searched = ?3, signed_in_at = ?4 WHERE id = ?1";
        let found_by = searched(&record.name, record.email.as_deref());
        let values = params![record.id.0.as_bytes(), record.email, found_by, int(now)];
        connection.execute(sql, values).map_err(failed)?;
    }
    Ok(record)
}

pub(super) fn user(connection: &Connection, user: UserId) -> Result<UserRecord> {
    let sql = format!("SELECT {USER} FROM users WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.query_row([user.0.as_bytes()], |row| read(row, 0)).map_err(failed)
}

pub(super) fn list(
    connection: &Connection,
    after: Option<UserId>,
    query: &str,
    limit: usize,
) -> Result<Vec<UserRecord>> {
    let sql = format!(
        "SELECT {USER} FROM users WHERE id > ?1 AND (?2 = '' OR instr(searched, ?2) > 0) ORDER BY id LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let after = after.map(|after| after.0.as_bytes().to_vec()).unwrap_or_default();
    let records =
        statement.query_map(params![after, query, int(limit as u64)], |row| read(row, 0)).map_err(failed)?;
    records.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn ids(connection: &Connection, sql: &str) -> Result<Vec<UserId>> {
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let found = statement.query_map([], |row| Ok(UserId(id(row, 0)?))).map_err(failed)?;
    found.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn save_profile(connection: &Connection, id: UserId, profile: &Profile) -> Result<()> {
    let email = user(connection, id)?.email;
    let sql = "UPDATE users SET name = ?2, language = ?3, onboarding = ?4, searched = ?5 WHERE id = ?1";
    let values = params![
        id.0.as_bytes(),
        profile.name,
        profile.language,
        optional_json(profile.onboarding.as_ref())?,
        searched(&profile.name, email.as_deref()),
    ];
    one(connection.execute(sql, values))
}

fn set_disabled(connection: &Connection, id: UserId, disabled: bool) -> Result<Vec<Hash>> {
    if !disabled && user(connection, id)?.erasing {
        return Err(StoreError::Conflict);
    }
    one(connection
        .execute("UPDATE users SET disabled = ?2 WHERE id = ?1", params![id.0.as_bytes(), disabled]))?;
    if disabled { access::end_sessions(connection, id) } else { Ok(Vec::new()) }
}

/// Takes away what lets a user in: at once, whatever it takes to remove the rest.
fn shut_out(connection: &Connection, id: UserId) -> Result<()> {
    set_disabled(connection, id, true)?;
    for table in ["api_tokens", "user_secrets"] {
        let sql = format!("DELETE FROM {table} WHERE user = ?1");
        connection.execute(&sql, [id.0.as_bytes()]).map_err(failed)?;
    }
    Ok(())
}

/// Removes a user who has no workspace; otherwise it must go first. `seen`: the deed up to which nothing of theirs is left.
fn delete(connection: &Connection, id: UserId, mut seen: u64) -> Result<Option<WorkspaceId>> {
    if let Some(workspace) = workspaces::by_user(connection, id)? {
        return Ok(Some(workspace.id));
    }
    one(connection.execute("DELETE FROM users WHERE id = ?1", [id.0.as_bytes()]))?;
    while let Some(last) = audit::hide_person(connection, id, seen)? {
        seen = last;
    }
    Ok(None)
}

pub(super) fn settings(connection: &Connection, id: UserId) -> Result<Option<serde_json::Value>> {
    let sql = "SELECT settings FROM users WHERE id = ?1";
    let found = connection.query_row(sql, [id.0.as_bytes()], |row| from_optional_json(row, 0));
    found.optional().map_err(failed).map(Option::flatten)
}

pub(super) fn save_settings(connection: &Connection, id: UserId, settings: &serde_json::Value) -> Result<()> {
    let sql = "UPDATE users SET settings = ?2 WHERE id = ?1";
    one(connection.execute(sql, params![id.0.as_bytes(), json(settings)?]))
}

/// Whether there was a user to change.
fn one(changed: rusqlite::Result<usize>) -> Result<()> {
    match changed.map_err(failed)? {
        1 => Ok(()),
        _ => Err(StoreError::NotFound),
    }
}
