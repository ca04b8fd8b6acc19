//! Space kept back on the state volume, so that a full disk does not keep a Stop from being written down.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;

/// How much is kept back: thousands of small events.
const RESERVE_BYTES: i64 = 2 * 1024 * 1024;

/// A file that takes up space until it is needed.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Keeps space back on the volume at `dir`. If there is none, there is none.
    pub fn new(dir: &Path) -> Self {
        let reserve = Self { path: dir.join("reserve") };
        if !reserve.take() {
            tracing::error!("no space can be kept back on the state volume: the disk is full");
        }
        reserve
    }

    /// Gives the space free. Returns whether there was any.
    pub fn release(&self) -> bool {
        std::fs::remove_file(&self.path).is_ok()
    }

    /// Takes the space again. Returns whether it is held now.
    pub fn take(&self) -> bool {
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path);
        let held =
            open.is_ok_and(|file: File| fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES).is_ok());
        if !held {
            let _ = std::fs::remove_file(&self.path);
        }
        held
    }
}

/// Whether an error says that there is no room: that passes, unlike a file that makes no sense.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Bytes free for others than root, and bytes in all, on the volume at `path`.
pub fn space(path: &Path) -> (u64, u64) {
    let Ok(stats) = statvfs(path) else { return (0, 0) };
    let unit = stats.fragment_size();
    (stats.blocks_available() * unit, stats.blocks() * unit)
}
