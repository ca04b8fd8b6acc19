//! Server-side sessions: a random token in a cookie, its hash in the store.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::api::Me;
use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::{Millis, UserId};
use rand::RngCore;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::auth::presence::Standing;
use crate::auth::token;
use crate::clock;
use crate::error::ApiError;
use crate::store::records::{SessionId, SessionRecord, UserRecord};
use crate::store::{Hash, Store, StoreError};

/// A session lasts this long, whatever happens.
pub const SESSION_MS: Millis = 24 * 3600 * 1000;

/// The cookie's name where the page comes over HTTPS. The prefix keeps other hosts from planting one.
const SECURE: &str = "__Host-atelier-session";

/// How this control plane's cookie is called and guarded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cookie {
    name: String,
    secure: bool,
}

impl Cookie {
    /// The cookie of a page that comes over HTTPS, or over plain HTTP on loopback, where a browser takes no `Secure`
    /// cookie from. There the port is in the name: cookies are not told apart by port.
    pub fn new(https: bool, port: u16) -> Self {
        let name = if https { SECURE.to_owned() } else { format!("atelier-session-{port}") };
        Self { name, secure: https }
    }

    /// The header that has a browser keep the token.
    pub fn keep(&self, token: &Token) -> Option<HeaderValue> {
        self.header(&token.0, SESSION_MS / 1000)
    }

    /// The header that has a browser forget it.
    pub fn forget(&self) -> Option<HeaderValue> {
        self.header("", 0)
    }

    /// The token in these headers, if any.
    pub fn token(&self, headers: &HeaderMap) -> Option<Token> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name).map(|(_, value)| Token(value.to_owned()))
    }

    fn header(&self, value: &str, seconds: Millis) -> Option<HeaderValue> {
        let flag = if self.secure { "; Secure" } else { "" };
        let name = &self.name;
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{flag}");
        HeaderValue::from_str(&text).ok()
    }
}

/// What a browser shows with every request.
#[derive(Clone, Debug)]
pub struct Token(String);

impl Token {
    /// A fresh one.
    pub fn new() -> Self {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What the store keeps of it.
    pub fn hash(&self) -> Hash {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

/// Opens a session for a user.
///
/// # Errors
/// When the store fails.
pub async fn open(store: &dyn Store, user: UserId, device: &str) -> Result<Token, StoreError> {
    let token = Token::new();
    let now = clock::now();
    let device = protocol::payload::short(device, 200);
    let record = SessionRecord {
        id: SessionId(Uuid::new_v4()),
        user,
        created_at: now,
        expires_at: now + SESSION_MS,
        used_at: now,
        idle: SESSION_MS,
        device,
    };
    store.open_session(token.hash(), &record).await?;
    Ok(token)
}

/// Whoever is signed in. As a handler's argument it refuses everyone else.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// Who.
    pub user: UserRecord,
    /// Until when.
    pub expires_at: Millis,
}

impl CurrentUser {
    /// How they are shown in a log.
    pub fn person(&self) -> Person {
        Person { id: self.user.id, name: self.user.name.clone() }
    }

    /// How they are shown to themselves.
    pub fn me(&self) -> Me {
        Me { id: self.user.id, name: self.user.name.clone(), role: self.user.role }
    }

    /// Whoever these headers belong to.
    ///
    /// # Errors
    /// `SignedOut` if nobody; `Unavailable` if the store can't say.
    pub async fn from_headers(app: &App, headers: &HeaderMap) -> Result<Self, ApiError> {
        token::refuse(headers)?;
        let token = app.cookie.token(headers).ok_or_else(signed_out)?;
        Self::of(app, &token).await
    }

    /// Whoever these headers belong to, and a socket's stand on their session.
    ///
    /// # Errors
    /// As [`CurrentUser::from_headers`].
    pub async fn standing(app: &App, headers: &HeaderMap) -> Result<(Self, Standing), ApiError> {
        token::refuse(headers)?;
        let token = app.cookie.token(headers).ok_or_else(signed_out)?;
        let standing = app.presence.enter(token.hash());
        Ok((Self::of(app, &token).await?, standing))
    }

    async fn of(app: &App, token: &Token) -> Result<Self, ApiError> {
        let (session, user) = app.store.session(token.hash(), clock::now()).await?.ok_or_else(signed_out)?;
        if user.disabled {
            return Err(signed_out());
        }
        Ok(Self { user, expires_at: session.expires_at })
    }
}

fn signed_out() -> ApiError {
    ApiError::new(ErrorCode::SignedOut, "sign in first")
}

impl FromRequestParts<Arc<App>> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        Self::from_headers(app, &parts.headers).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_comes_back_as_the_token_it_was() {
        for https in [false, true] {
            let (cookie, token) = (Cookie::new(https, 8080), Token::new());
            let text = cookie.keep(&token).unwrap().to_str().unwrap().to_owned();
            let pair = text.split(';').next().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, format!("a=b; {pair}; c=d").parse().unwrap());
            assert_eq!(cookie.token(&headers).unwrap().hash(), token.hash());
            assert!(Cookie::new(false, 9090).token(&headers).is_none());
            assert!(text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Path=/"));
            assert_eq!((text.contains("Secure"), text.starts_with("__Host-")), (https, https));
        }
    }
}
