//! Sealed secrets.

use async_trait::async_trait;
use protocol::UserId;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::records::SecretName;
use super::super::{Result, Secrets, StoreError};
use super::values::{id, int};
use super::{Sqlite, failed};

#[async_trait]
impl Secrets for Sqlite {
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let name = SecretName::Own(name.to_owned());
        self.read(move |connection| secret(connection, &name)).await
    }

    async fn create_secret(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let (name, sealed) = (name.to_owned(), sealed.to_vec());
        self.write(move |connection| create(connection, &name, &sealed)).await
    }

    async fn user_secret(&self, user: UserId, name: &str) -> Result<Option<Vec<u8>>> {
        let name = SecretName::Of(user, name.to_owned());
        self.read(move |connection| secret(connection, &name)).await
    }

    async fn save_user_secret(&self, user: UserId, name: &str, sealed: &[u8]) -> Result<()> {
        let (name, sealed) = (name.to_owned(), sealed.to_vec());
        self.write(move |connection| save_of_user(connection, user, &name, &sealed)).await
    }

    async fn delete_user_secret(&self, user: UserId, name: &str) -> Result<()> {
        let name = name.to_owned();
        let sql = "DELETE FROM user_secrets WHERE user = ?1 AND name = ?2";
        self.write(move |connection| {
            connection.execute(sql, params![user.0.as_bytes(), name]).map_err(failed).map(drop)
        })
        .await
    }

    async fn sealed_secrets(
        &self,
        after: Option<&SecretName>,
        limit: usize,
    ) -> Result<Vec<(SecretName, Vec<u8>)>> {
        let after = after.cloned();
        self.read(move |connection| all(connection, after.as_ref(), limit)).await
    }

    async fn reseal(&self, name: &SecretName, expected: &[u8], sealed: &[u8]) -> Result<()> {
        let (name, expected, sealed) = (name.clone(), expected.to_vec(), sealed.to_vec());
        self.write(move |connection| reseal(connection, &name, &expected, &sealed)).await
    }
}

fn secret(connection: &Connection, name: &SecretName) -> Result<Option<Vec<u8>>> {
    let found = match name {
        SecretName::Own(name) => {
            connection.query_row("SELECT sealed FROM secrets WHERE name = ?1", [name], |row| row.get(0))
        }
        SecretName::Of(user, name) => {
            let sql = "SELECT sealed FROM user_secrets WHERE user = ?1 AND name = ?2";
            connection.query_row(sql, params![user.0.as_bytes(), name], |row| row.get(0))
        }
    };
    found.optional().map_err(failed)
}

pub(super) fn create(connection: &Connection, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    let sql = "INSERT INTO secrets (name, sealed) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    connection.execute(sql, params![name, sealed]).map_err(failed)?;
    secret(connection, &SecretName::Own(name.to_owned()))?.ok_or(StoreError::NotFound)
}

pub(super) fn save_of_user(connection: &Connection, user: UserId, name: &str, sealed: &[u8]) -> Result<()> {
    let sql = "INSERT INTO user_secrets (user, name, sealed) VALUES (?1, ?2, ?3)
               ON CONFLICT (user, name) DO UPDATE SET sealed = excluded.sealed";
    connection.execute(sql, params![user.0.as_bytes(), name, sealed]).map_err(failed).map(drop)
}

pub(super) fn all(
    connection: &Connection,
    after: Option<&SecretName>,
    limit: usize,
) -> Result<Vec<(SecretName, Vec<u8>)>> {
    // An empty name is a name; what comes before it is said by its own column.
    let sql = "SELECT whose, user, name, sealed FROM (
                 SELECT 0 AS whose, x'' AS user, name, sealed FROM secrets
                 UNION ALL SELECT 1, user, name, sealed FROM user_secrets)
               WHERE (whose, user, name) > (?1, ?2, ?3) ORDER BY whose, user, name LIMIT ?4";
    let (whose, user, name) = match after {
        None => (-1, Vec::new(), ""),
        Some(SecretName::Own(name)) => (0, Vec::new(), name.as_str()),
        Some(SecretName::Of(user, name)) => (1, user.0.as_bytes().to_vec(), name.as_str()),
    };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_map(params![whose, user, name, int(limit as u64)], |row| {
        let name = match row.get(0)? {
            0 => SecretName::Own(row.get(2)?),
            _ => SecretName::Of(UserId(id(row, 1)?), row.get(2)?),
        };
        Ok((name, row.get(3)?))
    });
    found.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn reseal(connection: &Connection, name: &SecretName, expected: &[u8], sealed: &[u8]) -> Result<()> {
    let changed = match name {
        SecretName::Own(name) => {
            let sql = "UPDATE secrets SET sealed = ?3 WHERE name = ?1 AND sealed = ?2";
            connection.execute(sql, params![name, expected, sealed])
        }
        SecretName::Of(user, name) => {
            let sql = "UPDATE user_secrets SET sealed = ?4 WHERE user = ?1 AND name = ?2 AND sealed = ?3";
            connection.execute(sql, params![user.0.as_bytes(), name, expected, sealed])
        }
    };
    match changed.map_err(failed)? {
        1 => Ok(()),
        _ => Err(secret(connection, name)?.map_or(StoreError::NotFound, |_| StoreError::Conflict)),
    }
}
