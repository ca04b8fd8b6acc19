//! What a journal lies on: a file on the state volume; memory, where a simulation decides what survives.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a journal lies on. Every method fails as a file would.
#[expect(clippy::missing_errors_doc, reason = "said above, once")]
#[expect(clippy::len_without_is_empty, reason = "a file is never asked whether it is empty")]
pub trait Medium: Debug + Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Fills the buffer from `offset` on.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes at `offset`. After an error anything may stand there.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts it, or fills it up with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Returns once a power cut can't undo what was written before.
    fn sync(&self) -> io::Result<()>;
    /// Puts one with this content in its place: after a power cut there is the old one or the new one, whole. The old
    /// one can be read for as long as it is held.
    fn replace(&self, content: &[u8]) -> io::Result<Arc<dyn Medium>>;
}

/// A file.
#[derive(Debug)]
pub struct OnDisk {
    path: PathBuf,
    file: File,
}

impl OnDisk {
    /// The journal's file in `dir`; both are made if they are missing.
    ///
    /// # Errors
    /// When they can't be made or opened.
    pub fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Self::at(dir.join("journal"))
    }

    /// Puts the journal's file in `dir` aside, in place of one that was put there before.
    ///
    /// # Errors
    /// When it can't be renamed.
    pub fn put_aside(dir: &Path) -> io::Result<()> {
        std::fs::rename(dir.join("journal"), dir.join("journal.unreadable"))
    }

    fn at(path: PathBuf) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        Ok(Self { path, file })
    }
}

impl Medium for OnDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn replace(&self, content: &[u8]) -> io::Result<Arc<dyn Medium>> {
        let fresh = self.path.with_extension("new");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut new = Self::at(fresh)?;
        new.file.write_all_at(content, 0)?;
        new.file.sync_all()?;
        let dir = self.path.parent().map(File::open).transpose()?;
        std::fs::rename(&new.path, &self.path)?;
        // From here on the new file is the journal, whatever else fails: nobody would find again what the old one is told.
        if let Some(Err(error)) = dir.map(|dir| dir.sync_all()) {
            tracing::warn!(%error, "that the journal was replaced may not outlive a power cut");
        }
        new.path.clone_from(&self.path);
        Ok(Arc::new(new))
    }
}
