//! The public port's own certificate: read from files, and read again when they change, so that a renewed one needs no
//! restart.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use crate::config::TlsFiles;
use crate::store::Hash;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The certificate that is served at the moment.
#[derive(Debug)]
pub struct Served {
    files: TlsFiles,
    current: Mutex<(Arc<CertifiedKey>, Hash)>,
}

impl Served {
    /// The certificate in these files.
    ///
    /// # Errors
    /// When they can't be read, or don't fit each other.
    pub fn new(files: TlsFiles) -> anyhow::Result<Arc<Self>> {
        let read = read(&files)?;
        Ok(Arc::new(Self { files, current: Mutex::new(read) }))
    }

    /// What the port is to speak.
    ///
    /// # Errors
    /// When TLS can't be had.
    pub fn server_config(self: &Arc<Self>) -> anyhow::Result<Arc<ServerConfig>> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = builder
            .with_safe_default_protocol_versions()
            .context("the versions of TLS")?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Looks at the files for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut told = None;
        loop {
            tokio::time::sleep(LOOK).await;
            match self.look() {
                Ok(true) => tracing::info!("browsers are shown a new certificate from now on"),
                Ok(false) => told = None,
                Err(error) => {
                    // Half written, perhaps. The one that is served goes on being served.
                    let words = format!("{error:#}");
                    if told.as_ref() != Some(&words) {
                        tracing::warn!(
                            error = words,
                            "the new certificate can't be used; the old one is served"
                        );
                        told = Some(words);
                    }
                }
            }
        }
    }

    /// Takes what is in the files, if it is another certificate. Says whether it was.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn look(&self) -> anyhow::Result<bool> {
        let fresh = read(&self.files)?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = current.1 != fresh.1;
        if changed {
            *current = fresh;
        }
        Ok(changed)
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner).0))
    }
}

/// The certificate in these files with its key, and what tells it from another.
///
/// # Errors
/// When they can't be read, or don't fit each other.
pub fn read(files: &TlsFiles) -> anyhow::Result<(Arc<CertifiedKey>, Hash)> {
    let text = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let (certificate, key) = (text(&files.certificate)?, zeroize::Zeroizing::new(text(&files.key)?));
    let digest = Sha256::new().chain_update(Sha256::digest(&certificate)).chain_update(Sha256::digest(&*key));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
    let chain = chain.with_context(|| files.certificate.display().to_string())?;
    ensure!(!chain.is_empty(), "{} holds no certificate", files.certificate.display());
    let key = PrivateKeyDer::from_pem_slice(&key).with_context(|| files.key.display().to_string())?;
    let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    let key = key.with_context(|| format!("{} and its key", files.certificate.display()))?;
    Ok((Arc::new(key), digest.finalize().into()))
}
