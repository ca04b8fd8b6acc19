//! What is true of the SQLite store alone: one file, durable, and clear about what is wrong with it.

use std::path::Path;
use std::sync::Arc;

use control_plane::store::sqlite::Sqlite;
use control_plane::store::{Store, StoreAt, StoreError};
use tempfile::TempDir;

use super::world::{World, ada};

mod cancelled;
mod durable;
mod erased;
mod files;
mod migrations;

pub(crate) use self::migrations::BY_SCHEMA_1;

/// Two handles on one fresh file.
pub(crate) async fn world() -> Option<World> {
    Some(fresh().await)
}

/// Two handles on one fresh file.
pub(crate) async fn fresh() -> World {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
    one.check().await.unwrap();
    World::new([one, other], StoreAt::Sqlite(path), dir)
}

/// A store in a file.
fn open(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(Sqlite::open(path)?))
}

/// A folder, and a current store in it that nobody has open.
async fn closed() -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let store = open(&path).unwrap();
    store.sign_in(&ada("google:1"), 1).await.unwrap();
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
