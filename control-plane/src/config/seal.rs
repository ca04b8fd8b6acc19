//! The key that seals secrets in the store.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Checker, Mistakes, Secret};
use crate::seal::Seal;

/// Flags about the sealing key.
#[derive(Args, Clone, Debug)]
pub struct SealArgs {
    /// A file with the key that seals secrets in the store; made if missing. [default: sealing-key in the data folder]
    #[arg(long, env = "ATELIER_SEALING_KEY_FILE")]
    sealing_key_file: Option<PathBuf>,
    /// The key itself: 32 bytes in base64. Takes precedence over the file.
    #[arg(long, env = "ATELIER_SEALING_KEY", hide_env_values = true)]
    sealing_key: Option<Secret>,
    /// The key that sealed before, in base64: it still opens, until `rotate-sealing-key` has sealed everything anew.
    #[arg(long, env = "ATELIER_OLD_SEALING_KEY", hide_env_values = true)]
    old_sealing_key: Option<Secret>,
}

/// Where the sealing key comes from.
#[derive(Debug)]
pub enum SealFrom {
    /// From a file.
    File(PathBuf),
    /// From configuration.
    Given,
}

impl SealArgs {
    /// Where the key comes from.
    pub fn from(&self, data: &Path) -> SealFrom {
        match &self.sealing_key {
            Some(_) => SealFrom::Given,
            None => SealFrom::File(self.sealing_key_file.clone().unwrap_or_else(|| data.join("sealing-key"))),
        }
    }

    /// Whether there is a key that sealed before.
    pub const fn has_old(&self) -> bool {
        self.old_sealing_key.is_some()
    }

    /// The keys.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn check(&self, data: &Path) -> Result<Seal, Mistakes> {
        let mut checker = Checker::default();
        let seal = self.checked(&mut checker, data);
        checker.finish(seal)
    }

    /// The keys.
    pub(crate) fn checked(&self, checker: &mut Checker, data: &Path) -> Option<Seal> {
        let seal = match (&self.sealing_key, self.from(data)) {
            (Some(key), _) => checker.take("ATELIER_SEALING_KEY", Seal::from_base64(key.text())),
            (None, SealFrom::File(file)) => checker.take("--sealing-key-file", Seal::from_file(&file)),
            (None, SealFrom::Given) => None,
        };
        match &self.old_sealing_key {
            Some(old) => {
                let old = checker.take("ATELIER_OLD_SEALING_KEY", Seal::from_base64(old.text()));
                Some(seal?.or_opens(old?))
            }
            None => seal,
        }
    }
}
