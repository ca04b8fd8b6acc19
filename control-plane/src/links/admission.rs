//! Who a certificate lets in. Checked after every handshake and again at every request, since the handshake proves
//! only the chain and the key.

use protocol::WorkspaceId;

use crate::clock;
use crate::pki::verify::Peer;
use crate::store::records::{Certificates, WorkspaceRecord};
use crate::store::{Store, StoreError};

/// How long after its end a certificate may still be renewed: a workspace may have been frozen for weeks.
const RENEWABLE_FOR: i64 = 30 * 24 * 3600;

/// Why a certificate lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// None was shown.
    #[error("this needs a workspace's certificate")]
    NoCertificate,
    /// There is no such workspace.
    #[error("there is no such workspace")]
    Unknown,
    /// It was revoked, or replaced.
    #[error("the certificate was revoked or replaced")]
    Revoked,
    /// Its time is over.
    #[error("the certificate has lapsed")]
    Lapsed,
    /// The store can't be asked.
    #[error("the store can't be asked")]
    Store(#[source] StoreError),
}

/// Lets a workspace in whose certificate is in its life and is one of its two good ones. The first use of the newer
/// one ends the older one.
///
/// # Errors
/// Why not.
pub async fn admit(store: &dyn Store, peer: Option<&Peer>) -> Result<WorkspaceRecord, Denied> {
    let peer = peer.ok_or(Denied::NoCertificate)?;
    loop {
        let mut record = recorded(store, peer).await?;
        if peer.not_after < seconds() {
            return Err(Denied::Lapsed);
        }
        if record.certificates.next.as_ref() != Some(&peer.serial) {
            return Ok(record);
        }
        let promoted = Certificates { current: Some(peer.serial.clone()), next: None, revoked: false };
        match store.set_certificates(record.id, &record.certificates, &promoted).await {
            Ok(()) => {
                record.certificates = promoted;
                return Ok(record);
            }
            // Another of its connections was quicker, or a revocation, or a new enrolment: look again.
            Err(StoreError::Conflict | StoreError::NotFound) => {}
            Err(error) => return Err(Denied::Store(error)),
        }
    }
}

/// Lets a workspace renew: its certificate may have lapsed, but it must be the recorded one.
///
/// # Errors
/// Why not.
pub async fn admit_to_renew(store: &dyn Store, peer: Option<&Peer>) -> Result<WorkspaceRecord, Denied> {
    let peer = peer.ok_or(Denied::NoCertificate)?;
    let record = recorded(store, peer).await?;
    if peer.not_after + RENEWABLE_FOR < seconds() { Err(Denied::Lapsed) } else { Ok(record) }
}

async fn recorded(store: &dyn Store, peer: &Peer) -> Result<WorkspaceRecord, Denied> {
    let record = workspace(store, peer.workspace).await?;
    let Certificates { current, next, revoked } = &record.certificates;
    let known = [current, next].into_iter().flatten().any(|serial| *serial == peer.serial);
    if known && !revoked { Ok(record) } else { Err(Denied::Revoked) }
}

async fn workspace(store: &dyn Store, id: WorkspaceId) -> Result<WorkspaceRecord, Denied> {
    let missing =
        |error| if matches!(error, StoreError::NotFound) { Denied::Unknown } else { Denied::Store(error) };
    store.workspace(id).await.map_err(missing)
}

fn seconds() -> i64 {
    i64::try_from(clock::now() / 1000).unwrap_or(i64::MAX)
}
