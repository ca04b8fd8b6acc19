//! What a workspace shows on the link port.
//!
//! The TLS handshake proves the chain and the key, whatever the date: a workspace that was frozen for days must be
//! able to renew. The date, the serial number and revocation are checked after every handshake and at every request
//! ([`crate::links::admission`]). Resumption is off, since a resumed session skips the verifier.

use std::sync::Arc;

use anyhow::Context;
use protocol::WorkspaceId;
use protocol::enrol::IDENTITY_PREFIX;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{Authority, provider};

/// A workspace's certificate, after the handshake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// When it ends, in seconds since the epoch.
    pub not_after: i64,
}

/// TLS for the link port.
///
/// # Errors
/// When the authority can't sign its certificate.
pub fn server_config(authority: &Authority) -> anyhow::Result<Arc<ServerConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    let strict = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()
        .context("the client verifier")?;
    let (chain, key) = authority.server()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(AnyDate(strict)))
        .with_single_cert(chain, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Reads the certificate that a peer showed.
///
/// # Errors
/// When it isn't one of ours; the handshake should have refused it then.
pub fn peer(certificate: &CertificateDer<'_>) -> anyhow::Result<Peer> {
    let (_, parsed) = X509Certificate::from_der(certificate).context("the certificate is malformed")?;
    let names = parsed.subject_alternative_name()?.context("the certificate names nobody")?;
    let identity = names.value.general_names.iter().find_map(|name| {
        let GeneralName::URI(uri) = name else { return None };
        uri.strip_prefix(IDENTITY_PREFIX)
    });
    let workspace = identity.context("the certificate names no workspace")?.parse()?;
    let not_after = parsed.validity().not_after.timestamp();
    Ok(Peer { workspace, serial: serial_of(certificate)?, not_after })
}

/// A certificate's serial number, hexadecimal.
///
/// # Errors
/// When the certificate is malformed.
pub fn serial_of(certificate: &CertificateDer<'_>) -> anyhow::Result<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).context("the certificate is malformed")?;
    Ok(format!("{:x}", parsed.tbs_certificate.serial))
}

/// The strict verifier, held against a moment within the certificate's life.
#[derive(Debug)]
struct AnyDate(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for AnyDate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let lapsed = peer(end_entity).ok().and_then(|peer| u64::try_from(peer.not_after).ok());
        let moment = lapsed.map_or(now.as_secs(), |end| end.saturating_sub(1).min(now.as_secs()));
        let moment = UnixTime::since_unix_epoch(std::time::Duration::from_secs(moment));
        self.0.verify_client_cert(end_entity, intermediates, moment)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
