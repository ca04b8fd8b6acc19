//! The store's file as a whole: copied, checked, closed.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rusqlite::{Connection, OpenFlags};

use super::{BUSY, schema};

/// Copies a store into a new file, as it is at this moment. Others may read and write meanwhile.
///
/// # Errors
/// When either file can't be used.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    // Made beforehand, since SQLite would let others read it.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let connection = open(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let to_text = to.to_str().context("the file's name is not text")?;
    connection.execute("VACUUM INTO ?1", [to_text])?;
    // SQLite does not wait for the disk here.
    Ok(File::open(to)?.sync_all()?)
}

/// Looks whether a file holds a store, whole, that this program can use.
///
/// # Errors
/// When it doesn't.
pub fn verify(path: &Path) -> anyhow::Result<()> {
    ensure!(path.is_file(), "there is no such file");
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    schema::ensure_known(&connection)?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    ensure!(found == "ok", "it is damaged: {found}");
    let broken = connection.prepare("PRAGMA foreign_key_check")?.exists([])?;
    ensure!(!broken, "it is damaged: records refer to what is not there");
    Ok(())
}

/// Brings everything into the one file.
///
/// # Errors
/// When someone has the store open.
pub fn close(path: &Path) -> anyhow::Result<()> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let busy: u32 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    ensure!(busy == 0, "someone has it open");
    drop(connection);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    ensure!(!PathBuf::from(log).exists(), "someone has it open");
    Ok(())
}

fn open(path: &Path, flags: OpenFlags) -> anyhow::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}
