//! A new sealing key: every secret is opened with the old one and sealed with the new one.
//!
//! A crash in the middle loses nothing, since both keys open until all is done. A key in a file: the new one lies beside it
//! as `….next`, which whoever reads the file reads, too, and takes its place at the end. A key in the configuration: the
//! new one is configured as the key and the old one besides, as `ATELIER_OLD_SEALING_KEY`, first.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::app::{self, INSTANCE};
use crate::clock;
use crate::seal::{self, Seal};
use crate::store::records::SecretName;
use crate::store::{Store, StoreError};

/// How many secrets are read at a time.
const PAGE: usize = 100;

/// What a rotation came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotated {
    /// How many secrets were sealed anew.
    pub resealed: usize,
    /// Where the old key is now, if it was in a file.
    pub old_key: Option<PathBuf>,
}

/// Seals every secret anew that the first key of `seal` did not seal. Control planes that have both keys may serve
/// meanwhile.
///
/// # Errors
/// When the store fails, or a secret opens with neither key.
pub async fn reseal_all(store: &dyn Store, seal: &Seal) -> anyhow::Result<Rotated> {
    Ok(Rotated { resealed: reseal(store, seal).await?, old_key: None })
}

async fn reseal(store: &dyn Store, seal: &Seal) -> anyhow::Result<usize> {
    let (mut resealed, mut after) = (0, None);
    loop {
        let page = store.sealed_secrets(after.as_ref(), PAGE).await?;
        for (name, sealed) in &page {
            if !is_plain(name) {
                resealed += usize::from(reseal_one(store, seal, name, sealed.clone()).await?);
            }
        }
        match page.into_iter().last() {
            Some((name, _)) => after = Some(name),
            None => return Ok(resealed),
        }
    }
}

/// Makes a new key for the file, seals everything with it, and puts it in the old one's place.
///
/// # Errors
/// When a control plane serves from the folder, the old key is not there, the store fails, or a secret opens with neither key.
pub async fn rotate_file(data: &Path, store: &dyn Store, file: &Path) -> anyhow::Result<Rotated> {
    let _lock = app::lock(data).await?;
    if !file.exists() {
        bail!(
            "{} is not there: without the key that sealed them secrets can't be sealed anew",
            file.display()
        );
    }
    let next = seal::next_file(file);
    let seal = Seal::from_one_file(&next)?.or_opens(Seal::from_one_file(file)?);
    let resealed = reseal(store, &seal).await?;
    let old = file.with_file_name(format!("sealing-key.replaced-{}", clock::now()));
    fs::hard_link(file, &old).with_context(|| format!("{} can't be kept", file.display()))?;
    fs::rename(&next, file).with_context(|| format!("{} can't be replaced", file.display()))?;
    if let Some(folder) = file.parent() {
        fs::File::open(folder).and_then(|folder| folder.sync_all())?;
    }
    Ok(Rotated { resealed, old_key: Some(old) })
}

/// What is kept among the secrets and is none.
fn is_plain(name: &SecretName) -> bool {
    *name == SecretName::Own(INSTANCE.to_owned())
}

/// Whether there was anything to do.
async fn reseal_one(
    store: &dyn Store,
    seal: &Seal,
    name: &SecretName,
    mut sealed: Vec<u8>,
) -> anyhow::Result<bool> {
    let text = name.to_string();
    while !seal.is_current(&text, &sealed) {
        let fresh = seal.seal(&text, &seal.open(&text, &sealed)?)?;
        match store.reseal(name, &sealed, &fresh).await {
            Ok(()) => return Ok(true),
            Err(StoreError::NotFound) => return Ok(false),
            // Someone replaced it; look at what is there now.
            Err(StoreError::Conflict) => match current(store, name).await? {
                Some(now) if now != sealed => sealed = now,
                Some(_) => bail!("the secret {text} can't be replaced"),
                None => return Ok(false),
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

async fn current(store: &dyn Store, name: &SecretName) -> Result<Option<Vec<u8>>, StoreError> {
    match name {
        SecretName::Own(name) => store.secret(name).await,
        SecretName::Of(user, name) => store.user_secret(*user, name).await,
    }
}
