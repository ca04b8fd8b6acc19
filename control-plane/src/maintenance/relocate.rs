//! Everything moved from one store to another.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::app;
use crate::store::StoreAt;
use crate::store::transfer::{self, Moved};

/// Moves everything. Neither store may be in use; of the embedded one and of the data folder that is made sure.
///
/// # Errors
/// When a store is in use or fails, the target is not empty, or what came is not what went.
pub async fn relocate(data: &Path, from: &StoreAt, to: &StoreAt, copy: bool) -> anyhow::Result<Moved> {
    ensure!(from != to, "from {from} to itself");
    let _locks = lock_all(data, [from, to]).await?;
    if let StoreAt::Sqlite(path) = from {
        ensure!(path.exists(), "there is no store {}", path.display());
    }
    let (source, target) = (from.open().await?, to.open().await?);
    source.tidy(0).await?;
    transfer::move_all((&*source, &from.to_string()), (&*target, &to.to_string()), copy).await
}

/// Has a store serve again that everything was moved out of. `false`: nothing was.
///
/// # Errors
/// When the store fails.
pub async fn abandon(data: &Path, from: &StoreAt) -> anyhow::Result<bool> {
    let _locks = lock_all(data, [from]).await?;
    transfer::abandon(&*from.open().await?).await
}

/// Takes the folders that control planes serve from.
async fn lock_all<const N: usize>(data: &Path, stores: [&StoreAt; N]) -> anyhow::Result<Vec<File>> {
    let mut folders = BTreeSet::new();
    if data.is_dir() {
        folders.insert(data.canonicalize()?);
    }
    for store in stores {
        if let Some(folder) = folder_of(store) {
            folders.insert(folder.canonicalize()?);
        }
    }
    let mut locks = Vec::new();
    for folder in &folders {
        locks.push(app::lock(folder).await?);
    }
    Ok(locks)
}

fn folder_of(store: &StoreAt) -> Option<PathBuf> {
    match store {
        StoreAt::Sqlite(path) => path.parent().map(Path::to_path_buf),
        StoreAt::Firestore(_) => None,
    }
}
