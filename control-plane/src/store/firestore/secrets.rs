//! Sealed secrets: a document each.

use async_trait::async_trait;
use protocol::UserId;

use super::super::records::SecretName;
use super::super::{Result, Secrets, StoreError};
use super::client::{Again, Outcome};
use super::doc::{Doc, Fields, plain};
use super::query::Query;
use super::{Firestore, people};

/// A secret's document.
pub(super) fn path(name: &SecretName) -> String {
    match name {
        SecretName::Own(name) => format!("secrets/{}", plain(name)),
        SecretName::Of(user, name) => format!("user_secrets/{user}.{}", plain(name)),
    }
}

/// A secret's fields.
pub(super) fn fields(name: &SecretName, sealed: &[u8]) -> Fields {
    let fields = Fields::default().bytes("sealed", sealed);
    match name {
        SecretName::Own(name) => fields.text("name", name),
        SecretName::Of(user, name) => fields.text("name", name).text("user", user.to_string()),
    }
}

fn read(doc: &Doc) -> Result<(SecretName, Vec<u8>)> {
    let name = doc.text("name")?.to_owned();
    let name = match doc.maybe_text("user")? {
        None => SecretName::Own(name),
        Some(_) => SecretName::Of(UserId(doc.id("user")?), name),
    };
    Ok((name, doc.bytes("sealed")?.to_vec()))
}

#[async_trait]
impl Secrets for Firestore {
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.sealed(&SecretName::Own(name.to_owned())).await
    }

    async fn create_secret(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let name = SecretName::Own(name.to_owned());
        let mut attempts = self.client.attempts();
        loop {
            if let Some(kept) = self.sealed(&name).await? {
                return Ok(kept);
            }
            let change = self.client.create(&path(&name), fields(&name, sealed));
            if let Outcome::Done(_) = self.client.commit(vec![change], Again::Harmless).await? {
                return Ok(sealed.to_vec());
            }
            attempts.again().await?;
        }
    }

    async fn user_secret(&self, user: UserId, name: &str) -> Result<Option<Vec<u8>>> {
        self.sealed(&SecretName::Of(user, name.to_owned())).await
    }

    async fn save_user_secret(&self, user: UserId, name: &str, sealed: &[u8]) -> Result<()> {
        let name = SecretName::Of(user, name.to_owned());
        let change = self.client.set(&path(&name), fields(&name, sealed));
        self.if_user(vec![self.client.verify(&people::path(user)), change]).await
    }

    async fn delete_user_secret(&self, user: UserId, name: &str) -> Result<()> {
        let path = path(&SecretName::Of(user, name.to_owned()));
        self.client.done(vec![self.client.delete(&path)], Again::Harmless).await.map(drop)
    }

    async fn sealed_secrets(
        &self,
        after: Option<&SecretName>,
        limit: usize,
    ) -> Result<Vec<(SecretName, Vec<u8>)>> {
        let (own, of_users) = match after {
            None => (Some(None), None),
            Some(name @ SecretName::Own(_)) => (Some(Some(path(name))), None),
            Some(name @ SecretName::Of(..)) => (None, Some(path(name))),
        };
        let mut docs = match own {
            Some(after) => self.client.query(Query::all("secrets").by_name(after).limit(limit)).await?,
            None => Vec::new(),
        };
        if docs.len() < limit {
            let rest = Query::all("user_secrets").by_name(of_users).limit(limit - docs.len());
            docs.extend(self.client.query(rest).await?);
        }
        docs.iter().map(read).collect()
    }

    async fn reseal(&self, name: &SecretName, expected: &[u8], sealed: &[u8]) -> Result<()> {
        let mut attempts = self.client.attempts();
        loop {
            let doc = self.client.need(&path(name)).await?;
            if doc.bytes("sealed")? == sealed {
                return Ok(());
            }
            if doc.bytes("sealed")? != expected {
                return Err(StoreError::Conflict);
            }
            let change = self.client.set(&path(name), fields(name, sealed)).if_still(&doc);
            if let Outcome::Done(_) = self.client.commit(vec![change], Again::Harmless).await? {
                return Ok(());
            }
            attempts.again().await?;
        }
    }
}

impl Firestore {
    async fn sealed(&self, name: &SecretName) -> Result<Option<Vec<u8>>> {
        let doc = self.client.get(&path(name)).await?;
        doc.map(|doc| doc.bytes("sealed").map(<[u8]>::to_vec)).transpose()
    }
}
