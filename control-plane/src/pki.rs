//! The internal certificate authority: created once, sealed in the store, shared by every control plane.
//!
//! It signs two things: the control plane's certificate on the link port, and each workspace's. [`verify`] reads
//! what a workspace shows.

pub mod verify;

use std::sync::Arc;

use anyhow::Context;
use protocol::WorkspaceId;
use protocol::enrol::{CONTROL_PLANE_NAME, IDENTITY_PREFIX};
use protocol::payload::BodyDigest;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::seal::Seal;
use crate::store::Store;

/// The CA's name in the store.
const SECRET: &str = "ca";
/// How long the CA lasts. Long, since rotating it is a deliberate act.
const CA_LIFE: Duration = Duration::days(3650);
/// How long a workspace's certificate lasts.
pub const WORKSPACE_LIFE: Duration = Duration::hours(24);
/// Clocks differ a little.
const BACKDATE: Duration = Duration::minutes(5);

/// The one TLS provider of the whole product.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The certificate authority.
pub struct Authority {
    certificate: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("digest", &self.digest()).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    certificate: String,
    key: String,
}

/// A certificate for a workspace.
#[derive(Clone, Debug)]
pub struct Issued {
    /// It and its issuer, PEM.
    pub chain: String,
    /// Its serial number, hexadecimal.
    pub serial: String,
}

impl Authority {
    /// The CA that the store holds. The first control plane to ask makes it.
    ///
    /// # Errors
    /// When the store fails, or the CA was sealed with another key.
    pub async fn load(store: &dyn Store, seal: &Seal) -> anyhow::Result<Self> {
        let sealed = match store.secret(SECRET).await? {
            Some(sealed) => sealed,
            None => store.create_secret(SECRET, &seal.seal(SECRET, &generate()?)?).await?,
        };
        let kept: Kept = serde_json::from_slice(&seal.open(SECRET, &sealed)?)?;
        let der =
            CertificateDer::from_pem_slice(kept.certificate.as_bytes()).context("the CA is malformed")?;
        Ok(Self { certificate: kept.certificate, der, key: KeyPair::from_pem(&kept.key)? })
    }

    /// SHA-256 of the CA's certificate, which an enrolment token carries.
    pub fn digest(&self) -> BodyDigest {
        BodyDigest::of(&self.der)
    }

    /// What workspaces should trust, PEM.
    pub fn trust(&self) -> &str {
        &self.certificate
    }

    /// The CA's certificate.
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// A certificate and key for this control plane's link port. It lives as long as the process, in memory.
    ///
    /// # Errors
    /// When signing fails.
    pub fn server(&self) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([CONTROL_PLANE_NAME.to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_life(&mut params, CA_LIFE);
        let certificate = params.signed_by(&key, &self.issuer()?)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| anyhow::anyhow!(error))?;
        // The CA is shown too: a workspace that only knows its digest finds it there.
        Ok((vec![certificate.der().clone(), self.der.clone()], key))
    }

    /// A certificate for a workspace. Only the request's key counts; who it is for is decided here.
    ///
    /// # Errors
    /// When the request is malformed or its signature is wrong.
    pub fn issue(&self, request: &str, workspace: WorkspaceId) -> anyhow::Result<Issued> {
        let request = CertificateSigningRequestParams::from_pem(request).context("not a signing request")?;
        let serial: [u8; 16] = rand::random();
        let mut params = CertificateParams::default();
        let identity = format!("{IDENTITY_PREFIX}{workspace}");
        params.subject_alt_names = vec![SanType::URI(identity.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.distinguished_name = named("workspace");
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        set_life(&mut params, WORKSPACE_LIFE);
        let certificate = params.signed_by(&request.public_key, &self.issuer()?)?;
        let serial = verify::serial_of(certificate.der())?;
        Ok(Issued { chain: format!("{}{}", certificate.pem(), self.certificate), serial })
    }

    fn issuer(&self) -> anyhow::Result<Issuer<'_, &KeyPair>> {
        Ok(Issuer::from_ca_cert_der(&self.der, &self.key)?)
    }
}

fn generate() -> anyhow::Result<Vec<u8>> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Atelier workspaces");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_life(&mut params, CA_LIFE);
    let certificate = params.self_signed(&key)?.pem();
    Ok(serde_json::to_vec(&Kept { certificate, key: key.serialize_pem() })?)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn set_life(params: &mut CertificateParams, life: Duration) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - BACKDATE;
    params.not_after = now + life;
}
