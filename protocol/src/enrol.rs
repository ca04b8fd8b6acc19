//! How a workspace-agent gets its certificate: JSON over TLS on the link port, beside the link itself.
//!
//! `POST /enrol` needs no certificate but a token; `POST /renew` needs the certificate that is to be replaced, which
//! may have lapsed. Both return the same.

use serde::{Deserialize, Serialize};

/// The name that every control plane's certificate carries. The CA behind it signs nothing else for servers, so
/// the address that is dialled doesn't matter.
pub const CONTROL_PLANE_NAME: &str = "control-plane.atelier";

/// What a workspace's identity looks like in its certificate (a URI in the subject's alternative names).
pub const IDENTITY_PREFIX: &str = "spiffe://atelier/workspace/";

/// The file that the control plane puts on the state volume before each start. Readable by root only; PID 1
/// removes it as it reads it.
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenFile {
    /// The one-time token.
    pub token: String,
    /// SHA-256 of the CA's certificate (DER), in hexadecimal: with it the first contact is authenticated already.
    pub ca: String,
}

/// A request for the first certificate.
#[derive(Clone, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The token.
    pub token: String,
    /// A certificate signing request, PEM. Only its key counts.
    pub csr: String,
}

/// A request for the next certificate.
#[derive(Clone, Serialize, Deserialize)]
pub struct RenewRequest {
    /// A certificate signing request for a new key, PEM.
    pub csr: String,
}

/// A certificate and what to trust.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// The certificate and its issuer, PEM.
    pub certificate: String,
    /// Every CA to trust from now on, PEM.
    pub trust: String,
}
