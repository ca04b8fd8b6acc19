//! A disk that remembers what was synced: the end of a process loses nothing, the end of the machine what was not.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use workspace_agent::conversation::journal::medium::Medium;

use crate::dice::Dice;

/// A journal in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// What a power cut can't take.
    synced: usize,
    full: bool,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// Nothing can be written until it is freed.
    pub(crate) fn fill(&self, full: bool) {
        self.lock().full = full;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.lock().full
    }

    /// A power cut: of what was not synced some is lost, and what is left of it may end in garbage.
    pub(crate) fn cut_power(&self, dice: &mut Dice) {
        let mut state = self.lock();
        let unsynced = state.bytes.len() - state.synced;
        let left = state.synced + dice.below(unsynced + 1);
        state.bytes.truncate(left);
        if unsynced > 0 && dice.once_in(3) {
            let garbage = (0..dice.below(40)).map(|_| u8::try_from(dice.below(256)).unwrap_or_default());
            let garbage: Vec<u8> = garbage.collect();
            state.bytes.extend(garbage);
        }
        state.synced = state.bytes.len();
    }
}

impl Medium for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.lock();
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = state.bytes.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.lock();
        if state.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        state.bytes.truncate(from);
        state.synced = state.synced.min(from);
        state.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.lock();
        let len = usize::try_from(len).map_err(io::Error::other)?;
        state.bytes.resize(len, 0);
        state.synced = state.synced.min(len);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.synced = state.bytes.len();
        Ok(())
    }

    fn replace(&self, content: &[u8]) -> io::Result<Arc<dyn Medium>> {
        let mut state = self.lock();
        if state.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Whoever holds the old one may read it on; nobody here does.
        state.bytes = content.to_vec();
        state.synced = content.len();
        drop(state);
        Ok(Arc::new(self.clone()))
    }
}
