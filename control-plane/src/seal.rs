//! Secrets at rest: sealed with a key that is not in the store.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), with a random 24-byte nonce before the ciphertext and the
//! secret's name as associated data, so that one secret can't be put in another's place.
//!
//! There may be more than one key while they are [rotated](crate::maintenance::rotate): the first seals, all open.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngCore;
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// The key that seals, and those that open besides.
#[derive(Clone)]
pub struct Seal {
    key: XChaCha20Poly1305,
    others: Vec<XChaCha20Poly1305>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// From 32 bytes in base64, as they stand in configuration.
    ///
    /// # Errors
    /// When it isn't that.
    pub fn from_base64(text: &str) -> anyhow::Result<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).context("not base64")?);
        ensure!(bytes.len() == 32, "a sealing key has 32 bytes, not {}", bytes.len());
        Ok(Self { key: XChaCha20Poly1305::new_from_slice(&bytes)?, others: Vec::new() })
    }

    /// From a file that its owner alone can read; made with a fresh key if there is none. If a rotation was cut off, the
    /// key that was to follow opens, too.
    ///
    /// # Errors
    /// When a file is open to others, malformed, or can't be made.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let seal = Self::from_one_file(path)?;
        let next = next_file(path);
        if next.exists() { Ok(seal.or_opens(Self::from_one_file(&next)?)) } else { Ok(seal) }
    }

    /// From that file alone.
    pub(crate) fn from_one_file(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            create_key(path).with_context(|| format!("{} can't be made", path.display()))?;
        }
        let mode = std::fs::metadata(path).with_context(|| path.display().to_string())?.mode();
        ensure!(mode & 0o077 == 0, "{} is open to others (mode {:o})", path.display(), mode & 0o777);
        let text = Zeroizing::new(std::fs::read_to_string(path)?);
        Self::from_base64(&text).with_context(|| path.display().to_string())
    }

    /// The same, which also opens what the other one opens.
    #[must_use]
    pub fn or_opens(mut self, other: Self) -> Self {
        self.others.push(other.key);
        self.others.extend(other.others);
        self
    }

    /// Seals `secret` under `name`.
    ///
    /// # Errors
    /// When it is absurdly long.
    pub fn seal(&self, name: &str, secret: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: secret, aad: name.as_bytes() };
        let sealed = self.key.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| anyhow::anyhow!("the secret {name} can't be sealed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed under `name`.
    ///
    /// # Errors
    /// When it was sealed with another key or under another name, or was changed.
    pub fn open(&self, name: &str, sealed: &[u8]) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        ensure!(sealed.len() > NONCE, "the secret {name} is too short");
        let mut keys = std::iter::once(&self.key).chain(&self.others);
        let opened = keys.find_map(|key| open_with(key, name, sealed));
        opened
            .with_context(|| format!("the secret {name} was sealed with another key than the one configured"))
    }

    /// Whether something was sealed with the key that seals now.
    pub fn is_current(&self, name: &str, sealed: &[u8]) -> bool {
        open_with(&self.key, name, sealed).is_some()
    }
}

fn open_with(key: &XChaCha20Poly1305, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
    let payload = Payload { msg: sealed, aad: name.as_bytes() };
    key.decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
}

/// Where the key that is to follow is kept while a rotation goes on.
pub(crate) fn next_file(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    path.with_file_name(name)
}

/// Makes the key beside its place and links it there whole: of two first starts one finds the other's key, never half
/// of one.
fn create_key(path: &Path) -> std::io::Result<()> {
    let mut key = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(key.as_mut());
    let text = Zeroizing::new(STANDARD.encode(key.as_ref()));
    let fresh = path.with_extension(format!("new-{:016x}", rand::rng().next_u64()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&fresh, path);
    std::fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_under_its_name_alone() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Seal::from_file(&dir.path().join("key")).unwrap();
        let sealed = seal.seal("ca", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        let again = Seal::from_file(&dir.path().join("key")).unwrap();
        assert_eq!(again.open("ca", &sealed).unwrap().as_slice(), b"secret");
        assert!(again.open("other", &sealed).is_err());
        let other = Seal::from_file(&dir.path().join("other")).unwrap();
        assert!(other.open("ca", &sealed).is_err());
        assert!(seal.open("ca", &sealed[..10]).is_err());
    }

    #[test]
    fn first_starts_that_race_come_to_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let seals: Vec<Seal> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| Seal::from_file(&path).unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let sealed = seals[0].seal("ca", b"secret").unwrap();
        assert!(seals.iter().all(|seal| seal.open("ca", &sealed).is_ok()));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        Seal::from_file(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Seal::from_file(&path).unwrap_err().to_string().contains("open to others"));
    }
}
