//! Cloud Firestore as a store. Its documents, indexes and limits are described in `docs/firestore.md`.
//!
//! Every change is one `Commit` call, which Firestore makes whole or not at all, with conditions on what it changes: that
//! a document is not there yet, or that it is as it was last read. So there are no transactions to be kept open, and a
//! caller that goes away in the middle leaves nothing half done. What is too much for one call is removed behind a
//! gravestone: `sweep` says how.

mod access;
mod audit;
mod client;
mod conversations;
mod doc;
mod numbers;
mod outbox;
mod people;
mod query;
mod secrets;
mod sweep;
mod transfer;
mod workspaces;
mod write;

use std::str::FromStr;
use std::time::Duration;

use anyhow::ensure;
use async_trait::async_trait;
use firestore::{FirestoreDb, FirestoreDbOptions};
use protocol::Millis;

use self::audit::Tail;
use self::client::{Again, Client, Outcome};
use self::conversations::Known;
use self::doc::Fields;
use super::{Result, Store, StoreError};
use crate::pki;

/// The environment variable that names an emulator: host and port.
pub const EMULATOR: &str = "FIRESTORE_EMULATOR_HOST";
/// The database that a project has without asking for it.
const DEFAULT: &str = "(default)";
/// The layout of the documents. A store with a newer one is not touched.
const LAYOUT: u64 = 1;
/// How long a call may go on trying before it is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which Firestore database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Database {
    project: String,
    database: String,
    /// Where it is, if not at Google's or at the emulator's address.
    url: Option<String>,
    patience: Duration,
}

impl Database {
    /// The database of that name in a project, or the project's default one.
    ///
    /// # Errors
    /// When there can be no such names.
    pub fn new(project: &str, database: Option<&str>) -> anyhow::Result<Self> {
        let database = database.unwrap_or(DEFAULT);
        let legal = |text: &str, more: &str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
        };
        ensure!(legal(project, "-.:"), "{project:?} is no project id");
        ensure!(database == DEFAULT || legal(database, "-"), "{database:?} is no database id");
        Ok(Self { project: project.to_owned(), database: database.to_owned(), url: None, patience: PATIENCE })
    }

    /// The same, reached at another address.
    #[must_use]
    pub fn reached_at(self, url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..self }
    }

    /// The same, for callers with more or less patience.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.project, self.database)
    }
}

impl FromStr for Database {
    type Err = anyhow::Error;

    /// `PROJECT` or `PROJECT/DATABASE`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once('/') {
            Some((project, database)) => Self::new(project, Some(database)),
            None => Self::new(text, None),
        }
    }
}

/// A store in a Firestore database.
#[derive(Debug)]
pub struct Firestore {
    client: Client,
    /// What this process last wrote of conversations, so that the next step of one needs no look first. Never trusted
    /// further than Firestore's own check of the time at which the document last changed.
    known: Known,
    /// One workspace is made at a time here, since all of them draw from the same numbers.
    creating: tokio::sync::Mutex<()>,
    /// One deed is written down at a time here, since all of them draw from the same number.
    tail: tokio::sync::Mutex<Option<Tail>>,
}

impl Firestore {
    /// Opens a database, by the Application Default Credentials or at the emulator that the environment names.
    ///
    /// # Errors
    /// When it can't be reached, or belongs to a newer version.
    pub async fn open(database: &Database) -> Result<Self> {
        // For whoever signs with a service account's key; the whole product has one provider, so being second is fine.
        let _ = std::sync::Arc::unwrap_or_clone(pki::provider()).install_default();
        let mut options = FirestoreDbOptions::new(database.project.clone());
        options.database_id.clone_from(&database.database);
        options.firebase_api_url.clone_from(&database.url);
        let connecting = tokio::time::timeout(database.patience, FirestoreDb::with_options(options));
        let db = connecting.await.map_err(|late| StoreError::Unavailable(Box::new(late)))?;
        let db = db.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let store = Self {
            client: Client::new(db, database.patience),
            known: Known::default(),
            creating: tokio::sync::Mutex::default(),
            tail: tokio::sync::Mutex::default(),
        };
        store.check_layout().await?;
        Ok(store)
    }

    /// The same store, for callers with more or less patience.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { client: self.client.with_patience(patience), ..self }
    }

    /// Writes down the layout of a fresh database, and refuses one that is newer.
    async fn check_layout(&self) -> Result<()> {
        let path = "meta/layout";
        let layout = match self.client.get(path).await? {
            Some(doc) => doc.int("version")?,
            None => {
                let write = self.client.create(path, Fields::default().int("version", LAYOUT));
                match self.client.commit(vec![write], Again::Harmless).await? {
                    Outcome::Done(_) => LAYOUT,
                    Outcome::Unmet => self.client.need(path).await?.int("version")?,
                }
            }
        };
        if layout > LAYOUT {
            let words = format!("the database has layout {layout}, newer than this program");
            return Err(StoreError::malformed(words));
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Firestore {
    async fn check(&self) -> Result<()> {
        let beat = self.client.update("meta/pulse", Fields::default()).adding("beat", 1);
        self.client.done(vec![beat], Again::Harmless).await?;
        self.client.get("meta/pulse").await.map(drop)
    }

    async fn tidy(&self, now: Millis) -> Result<()> {
        self.sweep_graves().await?;
        self.sweep_expired(now).await
    }
}
