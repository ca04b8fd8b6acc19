//! One attempt to sign in at the identity provider, bound to the browser that began it.
//!
//! The browser keeps a random secret in a short-lived cookie. The `state`, the `nonce` and the PKCE verifier are made from
//! it, each under a label of its own, so whoever comes back with another browser's answer has the wrong ones: that is
//! login CSRF. The store keeps the hash of the `state` until it is used, which it can be once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::Millis;
use rand::RngCore;
use sha2::{Digest, Sha256};

use super::own_path::OwnPath;
use crate::store::Hash;

/// How long an attempt may take.
pub const ATTEMPT_MS: Millis = 10 * 60 * 1000;

/// An attempt.
#[derive(Clone)]
pub struct Attempt {
    secret: [u8; 32],
    /// Where to go afterwards.
    pub to: OwnPath,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempt")
    }
}

impl Attempt {
    /// A fresh one.
    pub fn new(to: OwnPath) -> Self {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        Self { secret, to }
    }

    /// What the browser keeps.
    pub fn cookie(&self) -> String {
        format!("{}.{}", URL_SAFE_NO_PAD.encode(self.secret), URL_SAFE_NO_PAD.encode(self.to.as_str()))
    }

    /// What a browser kept. Where it wants to go is its own word, and judged again.
    pub fn from_cookie(text: &str) -> Option<Self> {
        let (secret, to) = text.split_once('.')?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        let to = URL_SAFE_NO_PAD.decode(to).ok().and_then(|to| String::from_utf8(to).ok());
        let to = to.and_then(|to| OwnPath::new(&to)).unwrap_or_else(OwnPath::start);
        Some(Self { secret, to })
    }

    /// What comes back with the provider's answer.
    pub fn state(&self) -> String {
        self.made("state")
    }

    /// What the provider puts into the ID token.
    pub fn nonce(&self) -> String {
        self.made("nonce")
    }

    /// What proves, when the code is traded, that whoever began is whoever ends.
    pub fn verifier(&self) -> String {
        self.made("verifier")
    }

    /// Whether a `state` is this attempt's. Compared by hash, so that nothing is learnt from how long it takes.
    pub fn is_state(&self, state: &str) -> bool {
        hash(&self.state()) == hash(state)
    }

    /// What the store keeps of it.
    pub fn hash(&self) -> Hash {
        hash(&self.state())
    }

    fn made(&self, what: &str) -> String {
        let digest =
            Sha256::new().chain_update(format!("atelier sign-in {what}\0")).chain_update(self.secret);
        URL_SAFE_NO_PAD.encode(digest.finalize())
    }
}

/// The hash of a `state`. No other one-time code has it: each kind is hashed under a label of its own.
fn hash(state: &str) -> Hash {
    Sha256::new().chain_update("atelier sign-in attempt\0").chain_update(state).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::local;

    #[test]
    fn an_attempt_comes_back_out_of_its_cookie() {
        let attempt = Attempt::new(OwnPath::new("/c/x").unwrap());
        let back = Attempt::from_cookie(&attempt.cookie()).unwrap();
        assert_eq!(
            (back.state(), back.nonce(), back.verifier()),
            (attempt.state(), attempt.nonce(), attempt.verifier())
        );
        assert_eq!((back.to.as_str(), back.hash()), ("/c/x", attempt.hash()));
        assert!(back.is_state(&attempt.state()));
    }

    #[test]
    fn nothing_of_an_attempt_tells_anything_else_of_it() {
        let (one, other) = (Attempt::new(OwnPath::start()), Attempt::new(OwnPath::start()));
        let all = [one.state(), one.nonce(), one.verifier(), other.state(), other.nonce(), other.verifier()];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert!(!one.is_state(&other.state()) && !one.is_state(&one.nonce()) && !one.is_state(""));
        assert!(all.iter().all(|made| !one.cookie().contains(made.as_str())));
    }

    #[test]
    fn a_state_is_no_code_of_a_local_sign_in() {
        let attempt = Attempt::new(OwnPath::start());
        assert_ne!(local::hash(&attempt.state()), attempt.hash());
    }

    #[test]
    fn a_cookie_that_somebody_changed_leads_to_the_start_or_nowhere() {
        let attempt = Attempt::new(OwnPath::start());
        let (secret, _) =
            attempt.cookie().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let evil = format!("{secret}.{}", URL_SAFE_NO_PAD.encode("//evil.example"));
        assert_eq!(Attempt::from_cookie(&evil).unwrap().to, OwnPath::start());
        for cookie in ["", ".", "x.y", &secret, &format!("{}.Lw", &secret[1..])] {
            assert!(Attempt::from_cookie(cookie).is_none(), "{cookie}");
        }
    }
}
