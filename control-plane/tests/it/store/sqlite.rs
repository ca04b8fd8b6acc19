//! What is true of the SQLite store alone: one file, durable, and clear about what is wrong with it.

use std::path::Path;
use std::sync::Arc;

use control_plane::store::sqlite::Sqlite;
use control_plane::store::{Store, StoreError};
use tempfile::TempDir;

use super::world::World;

mod cancelled;
mod durable;
mod files;

/// Two handles on one fresh file.
pub(crate) async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let (one, other) = (Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap());
    one.check().await.unwrap();
    World::new([Arc::new(one), Arc::new(other)], dir)
}

/// A folder, and a current store in it that nobody has open.
async fn closed() -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let store = Sqlite::open(&path).unwrap();
    store.sign_in("google:1", "Ada", 1).await.unwrap();
    drop(store);
    close(&path);
    (dir, path)
}

/// Brings everything into the one file, as a clean end does.
fn close(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// An error and all its causes, as they stand in a log.
fn words(error: StoreError) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
