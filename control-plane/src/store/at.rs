//! Where a store is, and how it is opened.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};

use super::Store;
use super::firestore::{Database, Firestore};
use super::sqlite::Sqlite;

/// The embedded store's file in the data folder.
const FILE: &str = "atelier.db";

/// Where a store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreAt {
    /// In one file.
    Sqlite(PathBuf),
    /// In Cloud Firestore.
    Firestore(Database),
}

impl StoreAt {
    /// The embedded store of a data folder.
    pub fn data(data: &Path) -> Self {
        Self::Sqlite(data.join(FILE))
    }

    /// Opens it; makes it if it isn't there.
    ///
    /// # Errors
    /// When it can't be opened.
    pub async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        match self {
            Self::Sqlite(path) => {
                let opened = Sqlite::open(path);
                Ok(Arc::new(opened.with_context(|| format!("the store {} can't be opened", path.display()))?))
            }
            Self::Firestore(database) => {
                let opened = Firestore::open(database).await;
                Ok(Arc::new(opened.with_context(|| format!("the store {database} can't be opened"))?))
            }
        }
    }
}

impl std::fmt::Display for StoreAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Firestore(database) => write!(f, "firestore:{database}"),
        }
    }
}

impl FromStr for StoreAt {
    type Err = anyhow::Error;

    /// `sqlite:FILE` or `firestore:PROJECT`, `firestore:PROJECT/DATABASE`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once(':') {
            Some(("sqlite", path)) => {
                ensure!(!path.is_empty(), "sqlite: which file?");
                // Absolute, since moves remember where they came from.
                Ok(Self::Sqlite(std::path::absolute(path)?))
            }
            Some(("firestore", database)) => Ok(Self::Firestore(database.parse()?)),
            Some(_) | None => bail!("{text:?} is neither sqlite:FILE nor firestore:PROJECT[/DATABASE]"),
        }
    }
}
