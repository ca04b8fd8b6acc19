//! Certificates that the control plane would not issue: lapsed long ago, for the future, by a stranger.

use protocol::WorkspaceId;
use protocol::enrol::IDENTITY_PREFIX;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::agent::Agent;
use crate::plane::Plane;

/// A CA's certificate, PEM, and its key.
pub(super) struct Ca {
    pub(super) certificate: String,
    key: KeyPair,
}

impl Ca {
    /// The control plane's own, out of its store: so that a test needn't wait a month for a certificate to age.
    pub(super) async fn own(plane: &Plane) -> Self {
        let sealed = plane.store().secret("ca").await.unwrap().unwrap();
        let kept = plane.seal().open("ca", &sealed).unwrap();
        let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        let key = KeyPair::from_pem(kept["key"].as_str().unwrap()).unwrap();
        Self { certificate: kept["certificate"].as_str().unwrap().to_owned(), key }
    }

    /// A stranger's, of the same name.
    pub(super) fn foreign() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Atelier workspaces");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self { certificate: params.self_signed(&key).unwrap().pem(), key }
    }

    /// A workspace's certificate that begins and ends that long from now, with a serial number.
    pub(super) fn issue(&self, workspace: WorkspaceId, life: (Duration, Duration), serial: &[u8]) -> Agent {
        let now = OffsetDateTime::now_utc();
        let mut params = CertificateParams::default();
        let identity = format!("{IDENTITY_PREFIX}{workspace}");
        params.subject_alt_names = vec![SanType::URI(identity.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from_slice(serial));
        (params.not_before, params.not_after) = (now + life.0, now + life.1);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, &self.key).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Agent { key, chain: format!("{certificate}{}", self.certificate) }
    }
}
