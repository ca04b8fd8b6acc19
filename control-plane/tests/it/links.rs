//! The link port over real TLS: who gets a certificate, and whom a certificate lets in.

mod agent;
mod enrolment;
mod forged;
mod given_up;
mod meddler;
mod renewal;
mod tls;

use protocol::WorkspaceId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::plane::Plane;

/// A workspace's key with its certificate, for whoever tries it elsewhere.
pub(crate) struct Enrolled(agent::Agent);

impl Enrolled {
    pub(crate) fn clone_for_tls(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_slice_iter(self.0.chain.as_bytes()).map(Result::unwrap).collect();
        (chain, PrivateKeyDer::try_from(self.0.key.serialize_der()).unwrap())
    }
}

/// Enrols for a workspace.
pub(crate) async fn enrolled(plane: &Plane, workspace: WorkspaceId) -> Enrolled {
    Enrolled(agent::Agent::enrol(plane, workspace).await)
}
