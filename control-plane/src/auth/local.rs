//! The local sign-in: a one-time code, printed where the control plane was started and nowhere else.
//!
//! For loopback only. The code travels in the URL's fragment, which no server and no log sees, and the page posts it.
//! A forwarding header means that somebody outside is being let in, so it refuses.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::HOST;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::Millis;
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::clock;
use crate::store::records::Identity;
use crate::store::{Hash, Store, StoreError};

/// How long a code is good.
const CODE_MS: Millis = 5 * 60 * 1000;
/// The one user of a local sign-in.
pub const SUBJECT: &str = "local:owner";
/// Headers that a proxy adds.
const FORWARDING: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"];

/// Makes a fresh code.
///
/// # Errors
/// When the store fails.
pub async fn new_code(store: &dyn Store) -> Result<String, StoreError> {
    let mut bytes = [0; 18];
    rand::rng().fill_bytes(&mut bytes);
    let code = URL_SAFE_NO_PAD.encode(bytes);
    store.add_code(hash(&code), clock::now() + CODE_MS).await?;
    Ok(code)
}

/// Whoever signs in locally. It is their machine, so they operate it.
pub fn identity() -> Identity {
    Identity::new(SUBJECT, "You")
}

/// What the store keeps of a code. No other one-time code has this hash: each kind is hashed under a label of its own.
pub fn hash(code: &str) -> Hash {
    Sha256::new().chain_update("atelier local sign-in\0").chain_update(code.trim()).finalize().into()
}

/// Whether a request comes straight from this machine and is meant for it.
pub fn is_local(headers: &HeaderMap, remote: IpAddr) -> bool {
    let forwarded = FORWARDING.iter().any(|name| headers.contains_key(*name));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    remote.is_loopback() && !forwarded && is_loopback_host(host)
}

/// Whether a `Host` header names this machine by its loopback address or as `localhost`.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_loopback_without_a_proxy_is_local() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "localhost"] {
            assert!(is_local(&headers(&[("host", host)]), here), "{host}");
        }
        for host in ["atelier.example", "127.0.0.1.evil.example:80", "evil.example:127", "", "[::2]:1"] {
            assert!(!is_local(&headers(&[("host", host)]), here), "{host}");
        }
        assert!(!is_local(&headers(&[("host", "localhost")]), "10.0.0.9".parse().unwrap()));
        for name in FORWARDING {
            assert!(!is_local(&headers(&[("host", "localhost"), (name, "x")]), here), "{name}");
        }
    }
}
