//! API tokens: a random text in an `Authorization` header, its hash in the store. They carry no cookie and need no Origin:
//! no page can have a browser send one.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use protocol::UserId;
use protocol::api::tokens::Scope;
use protocol::close::ErrorCode;
use rand::RngCore;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::store::Hash;
use crate::store::records::ApiTokenRecord;

/// What every token begins with, so that those who look for secrets in repositories know one when they see it.
pub const PREFIX: &str = "atelier_";
/// Requests of one token at once, before it has to keep to what it may do in a minute.
const BURST: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Streams of one user at a time, however they were let in.
const STREAMS: u32 = 32;
/// Tokens that are remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 4096;

/// A token's text.
pub struct ApiToken(Zeroizing<String>);

impl std::fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiToken")
    }
}

impl ApiToken {
    /// A fresh one.
    pub fn new() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(bytes.as_mut());
        Self(Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_ref()))))
    }

    /// The token in these headers, if they have an `Authorization` at all.
    ///
    /// # Errors
    /// `SignedOut` when that is no bearer token, or there are two.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        let (scheme, token) = text.and_then(|text| text.split_once(' ')).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::new(ErrorCode::SignedOut, "the Authorization header is no bearer token"));
        }
        Ok(Some(Self(Zeroizing::new(token.trim().to_owned()))))
    }

    /// Its text, to be shown once.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    pub fn hash(&self) -> Hash {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl Default for ApiToken {
    fn default() -> Self {
        Self::new()
    }
}

/// What a kept token may be used for. A scope that this version doesn't know allows nothing.
pub fn scopes(record: &ApiTokenRecord) -> Vec<Scope> {
    record.scopes.iter().filter_map(|scope| Scope::parse(scope)).collect()
}

/// How much tokens are used at the moment.
#[derive(Debug)]
pub struct Usage {
    rate: DefaultKeyedRateLimiter<Hash>,
    streams: Mutex<HashMap<UserId, u32>>,
}

impl Usage {
    /// Nothing so far; so many requests of one token a minute.
    pub fn new(a_minute: NonZeroU32) -> Self {
        let quota = Quota::per_minute(a_minute).allow_burst(BURST.min(a_minute));
        Self { rate: RateLimiter::keyed(quota), streams: Mutex::default() }
    }

    /// Counts one more request of a token.
    ///
    /// # Errors
    /// `TooMany` when it has asked too often.
    pub fn count(&self, token: &Hash) -> Result<(), ApiError> {
        if self.rate.len() > REMEMBERED {
            self.rate.retain_recent();
        }
        self.rate.check_key(token).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            ApiError::too_often(wait)
        })
    }

    /// A place for one more stream of a user's.
    ///
    /// # Errors
    /// `TooMany` when they have too many.
    pub fn stream(self: &Arc<Self>, user: UserId) -> Result<StreamPlace, ApiError> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(user).or_default();
        if *open >= STREAMS {
            return Err(ApiError::new(ErrorCode::TooMany, format!("{STREAMS} streams are open already")));
        }
        *open += 1;
        Ok(StreamPlace { usage: Arc::clone(self), user })
    }
}

/// A stream's place, given up when it is dropped.
#[derive(Debug)]
pub struct StreamPlace {
    usage: Arc<Usage>,
    user: UserId,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = self.usage.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = streams.get_mut(&self.user) else { return };
        *open -= 1;
        if *open == 0 {
            streams.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_comes_back_as_it_was_made() {
        let token = ApiToken::new();
        assert!(token.text().starts_with(PREFIX) && token.text().len() == PREFIX.len() + 43);
        for scheme in ["Bearer", "bearer"] {
            let headers = headers(&[&format!("{scheme} {}", token.text())]);
            let found = ApiToken::from_headers(&headers).unwrap().unwrap();
            assert_eq!(found.hash(), token.hash());
        }
        assert!(ApiToken::from_headers(&HeaderMap::new()).unwrap().is_none());
        assert!(!format!("{token:?}").contains(token.text()));
    }

    #[test]
    fn what_is_no_bearer_token_is_nobodys_and_never_passed_over_for_a_cookie() {
        for values in [&["Basic eDp5"][..], &["Bearer"], &[""], &["Bearer a", "Bearer b"]] {
            assert!(ApiToken::from_headers(&headers(values)).is_err(), "{values:?}");
        }
    }

    #[test]
    fn a_token_that_asks_too_often_waits_and_others_do_not() {
        let usage = Usage::new(NonZeroU32::new(5).unwrap());
        for _ in 0..5 {
            usage.count(&[1; 32]).unwrap();
        }
        assert_eq!(usage.count(&[1; 32]).unwrap_err().code(), ErrorCode::TooMany);
        usage.count(&[2; 32]).unwrap();
    }

    #[test]
    fn streams_of_one_user_are_counted_for_as_long_as_they_are_open() {
        let usage = Arc::new(Usage::new(NonZeroU32::MIN));
        let (one, other) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let mut open: Vec<_> = (0..STREAMS).map(|_| usage.stream(one).unwrap()).collect();
        assert!(usage.stream(one).is_err() && usage.stream(other).is_ok());
        open.pop();
        open.push(usage.stream(one).unwrap());
        drop(open);
        assert!(usage.streams.lock().unwrap().is_empty());
    }
}
