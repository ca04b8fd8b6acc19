//! Which store, and where.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::Checker;
use crate::store::StoreAt;
use crate::store::firestore::Database;

/// Flags about the store.
#[derive(Args, Clone, Debug)]
pub struct StoreArgs {
    /// Where records are kept: in the data folder, or in Cloud Firestore.
    #[arg(long, env = "ATELIER_STORE", value_enum, default_value = "sqlite")]
    store: Kind,
    /// The Google Cloud project of the Firestore database.
    #[arg(long, env = "ATELIER_FIRESTORE_PROJECT")]
    firestore_project: Option<String>,
    /// The Firestore database. [default: (default)]
    #[arg(long, env = "ATELIER_FIRESTORE_DATABASE")]
    firestore_database: Option<String>,
}

/// Kinds of stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    /// One file in the data folder.
    Sqlite,
    /// Cloud Firestore.
    Firestore,
}

impl StoreArgs {
    /// Where the store is.
    pub(crate) fn checked(&self, checker: &mut Checker, data: &Path) -> Option<StoreAt> {
        match self.store {
            Kind::Sqlite => {
                let words = "only --store=firestore has one";
                checker.ensure("--firestore-project", self.firestore_project.is_none(), words);
                checker.ensure("--firestore-database", self.firestore_database.is_none(), words);
                Some(StoreAt::data(data))
            }
            Kind::Firestore => {
                let emulator = std::env::var(crate::store::firestore::EMULATOR).ok();
                if let Some(address) = emulator {
                    let words = format!("{address:?} is not host and port");
                    checker.ensure(crate::store::firestore::EMULATOR, is_host_and_port(&address), words);
                }
                let project = self.firestore_project.as_deref().unwrap_or_default();
                let missing = "--store=firestore needs a project";
                checker.ensure("--firestore-project", !project.is_empty(), missing);
                let database = Database::new(project, self.firestore_database.as_deref());
                let checked =
                    if project.is_empty() { None } else { checker.take("--firestore-project", database) };
                checked.map(StoreAt::Firestore)
            }
        }
    }
}

fn is_host_and_port(address: &str) -> bool {
    let port = address.rsplit_once(':').map(|(host, port)| (!host.is_empty(), port.parse::<u16>()));
    matches!(port, Some((true, Ok(1..))))
}
