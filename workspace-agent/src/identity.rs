//! Who this workspace is: its key, its certificate, and what it trusts. Kept on the state volume, published to
//! whoever dials.
//!
//! The key never leaves. The first certificate is bought with a one-time token; from then on each is replaced at
//! half of its life, give or take a tenth, by one for a new key, until the state volume is gone.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::enrol::{Certificate, EnrolRequest, RenewRequest, TokenFile};
use rand::Rng;
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use x509_parser::pem::Pem;

use crate::config::Config;
use crate::link::backoff::Backoff;
use crate::link::{http, tls};

/// The token's file on the state volume.
const TOKEN: &str = "enrol";
/// The identity's file on the state volume.
const IDENTITY: &str = "identity.json";

/// What is kept on the state volume.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    key: String,
    certificate: String,
    trust: String,
}

/// A key with its certificate, ready to dial with.
#[derive(Clone)]
pub struct Identity {
    /// For every connection to the control plane.
    pub tls: Arc<ClientConfig>,
    /// Seconds since the epoch: the certificate's beginning and end.
    life: (i64, i64),
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("life", &self.life).finish_non_exhaustive()
    }
}

/// Gets an identity: by the token, if one was put there for this start, or the one that is kept.
///
/// # Errors
/// When there is neither, or the control plane refuses the token for good.
pub async fn obtain(config: &Config) -> anyhow::Result<Identity> {
    let kept = match take_token(&config.state)? {
        Some(token) => enrol(config, &token).await?,
        None => load(&config.state).context("there is no token to enrol with and no identity from before")?,
    };
    Identity::new(&kept)
}

/// Replaces the identity at half of its life, for ever.
pub async fn keep_fresh(config: Arc<Config>, identity: watch::Sender<Identity>) {
    let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(600));
    let mut wait = identity.borrow().renew_in();
    loop {
        tokio::time::sleep(wait).await;
        let current = identity.borrow().clone();
        match renew(&config, &current).await {
            Ok(fresh) => {
                tracing::info!("the certificate was renewed");
                wait = fresh.renew_in();
                backoff.reset();
                identity.send_replace(fresh);
            }
            Err(error) => {
                wait = backoff.wait();
                tracing::warn!(error = format!("{error:#}"), "the certificate can't be renewed yet");
            }
        }
    }
}

/// Reads the token and removes its file at once.
fn take_token(state: &Path) -> anyhow::Result<Option<TokenFile>> {
    let path = state.join(TOKEN);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("the token can't be read"),
    };
    std::fs::remove_file(&path).context("the token can't be removed")?;
    serde_json::from_slice(&bytes).map(Some).context("the token's file is malformed")
}

async fn enrol(config: &Config, token: &TokenFile) -> anyhow::Result<Kept> {
    let key = KeyPair::generate()?;
    let request = EnrolRequest { token: token.token.clone(), csr: signing_request(&key)? };
    let tls = tls::pinned(&token.ca)?;
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        match http::post::<_, Certificate>(config, &tls, "/enrol", &request).await {
            Ok(certificate) => return keep(&config.state, &key, certificate),
            Err(http::PostError::Refused { status, body }) => {
                anyhow::bail!("the control plane refused to enrol this workspace ({status}): {body}")
            }
            Err(error) => {
                tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "can't enrol yet");
                tokio::time::sleep(backoff.wait()).await;
            }
        }
    }
}

async fn renew(config: &Config, current: &Identity) -> anyhow::Result<Identity> {
    let key = KeyPair::generate()?;
    let request = RenewRequest { csr: signing_request(&key)? };
    let certificate = http::post::<_, Certificate>(config, &current.tls, "/renew", &request).await?;
    Identity::new(&keep(&config.state, &key, certificate)?)
}

/// Renews at once, when the certificate has lapsed while the workspace slept.
///
/// # Errors
/// When the control plane can't be reached or refuses.
pub async fn renew_if_lapsed(config: &Config, identity: &watch::Sender<Identity>) -> anyhow::Result<()> {
    let current = identity.borrow().clone();
    if current.life.1 > now() {
        return Ok(());
    }
    identity.send_replace(renew(config, &current).await?);
    tracing::info!("the certificate had lapsed and was renewed");
    Ok(())
}

fn signing_request(key: &KeyPair) -> anyhow::Result<String> {
    Ok(CertificateParams::default().serialize_request(key)?.pem()?)
}

fn keep(state: &Path, key: &KeyPair, certificate: Certificate) -> anyhow::Result<Kept> {
    let Certificate { certificate, trust } = certificate;
    let kept = Kept { key: key.serialize_pem(), certificate, trust };
    let (path, fresh) = (state.join(IDENTITY), state.join("identity.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(&serde_json::to_vec(&kept)?)?;
    file.sync_all()?;
    std::fs::rename(&fresh, &path).context("the identity can't be kept")?;
    Ok(kept)
}

fn load(state: &Path) -> anyhow::Result<Kept> {
    Ok(serde_json::from_slice(&std::fs::read(state.join(IDENTITY))?)?)
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

impl Identity {
    fn new(kept: &Kept) -> anyhow::Result<Self> {
        let tls = tls::mutual(&kept.trust, &kept.certificate, &kept.key)?;
        let first = Pem::iter_from_buffer(kept.certificate.as_bytes()).next().context("no certificate")??;
        let validity = first.parse_x509()?.validity().clone();
        Ok(Self { tls, life: (validity.not_before.timestamp(), validity.not_after.timestamp()) })
    }

    /// How long until it is to be renewed: half of its life, give or take a tenth of it.
    fn renew_in(&self) -> Duration {
        let (from, to) = self.life;
        #[expect(clippy::cast_precision_loss, reason = "a certificate's life in seconds is far below 2^52")]
        let life = (to - from).max(0) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of what was an i64")]
        let at = from + (life * rand::rng().random_range(0.45..0.55)) as i64;
        Duration::from_secs(u64::try_from(at - now()).unwrap_or(0).max(1))
    }
}
