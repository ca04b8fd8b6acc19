//! A copy of the embedded store, made while it serves, and put back while it doesn't.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::store::StoreAt;
use crate::store::sqlite::files;
use crate::{app, clock};

/// Writes a copy of the store into a new file: everything as it was at one moment.
///
/// # Errors
/// When the store is not one file, the new file is there already, or can't be written.
pub fn backup(store: &StoreAt, to: &Path) -> anyhow::Result<()> {
    let from = file_of(store)?;
    ensure!(!to.exists(), "{} is there already", to.display());
    ensure!(from.exists(), "there is no store {}", from.display());
    copy(&from, to)
}

/// Puts a copy in the store's place. What was there before is kept beside it if `replace` allows that; where is
/// returned.
///
/// # Errors
/// When a control plane serves from the folder, the copy is damaged or newer than this program, or there is data
/// already.
pub async fn restore(
    data: &Path,
    store: &StoreAt,
    from: &Path,
    replace: bool,
) -> anyhow::Result<Option<PathBuf>> {
    let path = file_of(store)?;
    let _lock = app::lock(data).await?;
    files::verify(from).with_context(|| format!("{} is no backup", from.display()))?;
    let there = path.exists();
    if there && !replace {
        bail!("there is data in {} already; with --replace it makes way and is kept beside", data.display());
    }
    let staged = path.with_extension("restoring");
    if staged.exists() {
        // What an earlier attempt left when it was cut off.
        fs::remove_file(&staged)?;
    }
    copy(from, &staged)?;
    let kept = if there { Some(keep_beside(&path)?) } else { None };
    fs::rename(&staged, &path).with_context(|| format!("{} can't be put in its place", path.display()))?;
    sync_folder(data)?;
    Ok(kept)
}

fn file_of(store: &StoreAt) -> anyhow::Result<PathBuf> {
    match store {
        StoreAt::Sqlite(path) => Ok(path.clone()),
        StoreAt::Firestore(_) => bail!(
            "Firestore has backups of its own (`gcloud firestore export`); for a copy in a file: \
             `control-plane move-store --copy --from {store} --to sqlite:FILE`"
        ),
    }
}

/// Copies a store's file beside its place and renames it there: whole or not at all.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let partial = to.with_extension(format!("partial-{:08x}", rand::random::<u32>()));
    let made = files::copy(from, &partial).and_then(|()| files::verify(&partial));
    let done = made.context("the copy can't be made").and_then(|()| {
        fs::rename(&partial, to).with_context(|| format!("{} can't be written", to.display()))
    });
    if done.is_err() {
        let _ = fs::remove_file(&partial);
    }
    done?;
    sync_folder(to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Gives the present store a second name. It keeps its own until the copy takes that, so that there is a store at every
/// moment.
fn keep_beside(path: &Path) -> anyhow::Result<PathBuf> {
    files::close(path).context("the present store can't be closed")?;
    let kept = path.with_extension(format!("replaced-{}", clock::now()));
    fs::hard_link(path, &kept).with_context(|| format!("{} can't be kept", path.display()))?;
    Ok(kept)
}

fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| folder.display().to_string())
}
