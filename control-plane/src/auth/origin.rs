//! Which page a request comes from. Checked on every viewer socket and on every request that changes something and is
//! let in by its cookie: a page of somebody else's could send those, cookie and all. A missing `Origin` is refused.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use protocol::close::ErrorCode;

use crate::error::ApiError;

/// Where our own pages come from.
#[derive(Clone, Debug)]
pub struct OwnOrigins(Vec<String>);

impl OwnOrigins {
    /// The origins of a control plane that is known as `public`, if anything, and listens on `port` of this machine's
    /// loopback address, if it does.
    pub fn new(public: Option<&str>, port: Option<u16>) -> Self {
        let hosts = ["127.0.0.1", "localhost", "[::1]"];
        let local = port.into_iter().flat_map(|port| hosts.map(|host| format!("http://{host}:{port}")));
        Self(public.map(str::to_owned).into_iter().chain(local).collect())
    }

    /// Lets a request pass whose `Origin` and `Host` are ours and agree.
    ///
    /// # Errors
    /// `Forbidden` otherwise.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let refused = |why: &str| Err(ApiError::new(ErrorCode::Forbidden, why));
        let Some(origin) = header(&ORIGIN) else { return refused("the request names no Origin") };
        let Some(host) = header(&HOST) else { return refused("the request names no Host") };
        if headers.get_all(ORIGIN).iter().count() > 1 || !self.0.iter().any(|own| own == origin) {
            return refused("the request comes from another site");
        }
        let (_, origin_host) = origin.split_once("://").unwrap_or_default();
        if origin_host == host { Ok(()) } else { refused("Origin and Host do not agree") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(origin: Option<&str>, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        headers.insert(HOST, host.parse().unwrap());
        OwnOrigins::new(Some("https://atelier.example"), Some(8080)).check(&headers).is_ok()
    }

    #[test]
    fn only_our_own_pages_pass() {
        assert!(checked(Some("http://127.0.0.1:8080"), "127.0.0.1:8080"));
        assert!(checked(Some("https://atelier.example"), "atelier.example"));
        for (origin, host) in [
            (None, "127.0.0.1:8080"),
            (Some("null"), "127.0.0.1:8080"),
            (Some("http://evil.example"), "127.0.0.1:8080"),
            (Some("http://127.0.0.1:8081"), "127.0.0.1:8081"),
            (Some("http://127.0.0.1:8080.evil.example"), "127.0.0.1:8080"),
            (Some("https://127.0.0.1:8080"), "127.0.0.1:8080"),
            // DNS rebinding: the page is ours by name, the host is not.
            (Some("http://127.0.0.1:8080"), "evil.example"),
            (Some("http://localhost:8080"), "127.0.0.1:8080"),
        ] {
            assert!(!checked(origin, host), "{origin:?} {host}");
        }
    }
}
