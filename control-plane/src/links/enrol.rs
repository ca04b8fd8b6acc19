//! Certificates for workspaces: the first for a one-time token, the next for the one before.

use protocol::enrol::{Certificate, EnrolRequest, RenewRequest};
use sha2::{Digest, Sha256};

use super::admission::{self, Denied};
use crate::clock;
use crate::pki::verify::Peer;
use crate::pki::{Authority, Issued};
use crate::store::records::{Certificates, WorkspaceRecord};
use crate::store::{Store, StoreError};

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The token is unknown, spent or expired. Which, is not told.
    #[error("the token is unknown, spent or expired")]
    Token,
    /// The certificate shown does not allow it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The signing request is malformed.
    #[error("the signing request is malformed")]
    Request(#[source] anyhow::Error),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// The first certificate of a start. All earlier ones of the workspace are void with it; a revocation stands.
///
/// # Errors
/// Why not. The token is spent in any case, if it was good.
pub async fn enrol(
    store: &dyn Store,
    authority: &Authority,
    request: &EnrolRequest,
) -> Result<(WorkspaceRecord, Certificate), EnrolError> {
    let hash = Sha256::digest(request.token.as_bytes()).into();
    let workspace = store.spend_enrol_token(hash, clock::now()).await?.ok_or(EnrolError::Token)?;
    let issued = authority.issue(&request.csr, workspace).map_err(EnrolError::Request)?;
    loop {
        let record = store.workspace(workspace).await?;
        if record.certificates.revoked {
            return Err(Denied::Revoked.into());
        }
        let fresh = Certificates { current: Some(issued.serial.clone()), next: None, revoked: false };
        match store.set_certificates(workspace, &record.certificates, &fresh).await {
            Err(StoreError::Conflict) => {}
            done => {
                done?;
                return Ok((record, answer(authority, issued)));
            }
        }
    }
}

/// The next certificate. The one before stays good until this one is first used.
///
/// # Errors
/// Why not.
pub async fn renew(
    store: &dyn Store,
    authority: &Authority,
    peer: Option<&Peer>,
    request: &RenewRequest,
) -> Result<Certificate, EnrolError> {
    let record = admission::admit_to_renew(store, peer).await?;
    let issued = authority.issue(&request.csr, record.id).map_err(EnrolError::Request)?;
    let current = peer.map(|peer| peer.serial.clone());
    let fresh = Certificates { current, next: Some(issued.serial.clone()), revoked: false };
    store.set_certificates(record.id, &record.certificates, &fresh).await?;
    Ok(answer(authority, issued))
}

fn answer(authority: &Authority, issued: Issued) -> Certificate {
    Certificate { certificate: issued.chain, trust: authority.trust().to_owned() }
}
