//! Server-side sessions: a random token in a cookie, its hash in the store.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::api::Me;
use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::{Millis, UserId};
use rand::RngCore;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::client::ClientAddress;
use crate::app::App;
use crate::auth::presence::Standing;
use crate::clock;
use crate::error::ApiError;
use crate::store::records::{SessionId, SessionRecord, UserRecord};
use crate::store::{Hash, Store, StoreError};

/// A session lasts this long, whatever happens.
pub const SESSION_MS: Millis = 24 * 3600 * 1000;
/// How often it is looked whether a session that something stands on is still good: another control plane may have ended it.
const LOOK: Duration = Duration::from_secs(30);

/// What a browser shows with every request.
#[derive(Clone, Debug)]
pub struct Token(pub(super) String);

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

/// How long a session is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Term {
    /// Whatever happens.
    pub lasts: Millis,
    /// Without use.
    pub idle: Millis,
}

/// Opens a session for a user, which lasts as long as one can.
///
/// # Errors
/// When the store fails.
pub async fn open(store: &dyn Store, user: UserId, device: &str) -> Result<Token, StoreError> {
    open_for(store, user, device, Term { lasts: SESSION_MS, idle: SESSION_MS }).await
}

/// Opens a session for a user.
///
/// # Errors
/// When the store fails.
pub async fn open_for(
    store: &dyn Store,
    user: UserId,
    device: &str,
    term: Term,
) -> Result<Token, StoreError> {
    let token = Token::new();
    let now = clock::now();
    let device = protocol::payload::short(device, 200);
    let record = SessionRecord {
        id: SessionId(Uuid::new_v4()),
        user,
        created_at: now,
        expires_at: now + term.lasts.min(SESSION_MS),
        used_at: now,
        idle: term.idle,
        device,
    };
    store.open_session(token.hash(), &record).await?;
    Ok(token)
}

/// Whoever is signed in, and by which session.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// Who.
    pub user: UserRecord,
    /// By which session.
    pub session: SessionRecord,
    /// The stand on that session. A socket keeps it, and ends with it.
    pub standing: Arc<Standing>,
}

impl CurrentUser {
    /// How they are shown in a log.
    pub fn person(&self) -> Person {
        Person { id: self.user.id, name: self.user.name.clone(), token: None }
    }

    /// How they are shown to themselves.
    pub fn me(&self) -> Me {
        Me { id: self.user.id, name: self.user.name.clone(), role: self.user.role }
    }

    /// Whoever these headers belong to. That is a use of their session.
    ///
    /// # Errors
    /// `SignedOut` if nobody; `TooMany` if that is not looked up, see [`Lookups`](super::lookups::Lookups); `Unavailable` if
    /// the store can't say.
    pub async fn from_headers(app: &App, headers: &HeaderMap, from: ClientAddress) -> Result<Self, ApiError> {
        let token = app.cookie.token(headers).ok_or_else(signed_out)?.hash();
        // Before it is looked up: a sign-out in between is then seen either here or there.
        let standing = Arc::new(app.presence.enter(token));
        let look = async {
            let found = app.store.session(token, clock::now()).await?;
            Ok(found.filter(|(_, user)| !user.disabled))
        };
        let (session, user) = app.lookups.look_up(from.0, token, look).await?.ok_or_else(signed_out)?;
        let current = Self { user, session, standing };
        current.used(app).await;
        Ok(current)
    }

    /// Notes that the session is used, now and then.
    pub async fn used(&self, app: &App) {
        if self.standing.is_to_be_noted(self.session.used_at, clock::now())
            && let Err(error) = app.store.touch_session(self.standing.session(), clock::now()).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "the use of a session can't be noted");
        }
    }

    /// Whether somebody has signed out here since they were let in.
    pub fn is_over(&self) -> bool {
        self.standing.is_over()
    }

    /// Waits until the session is over, and says why: for whatever goes on after the request that began it.
    pub async fn over(&self, app: &App) -> &'static str {
        loop {
            let left = self.session.expires_at.saturating_sub(clock::now());
            let ended = self.standing.ended();
            if tokio::time::timeout(LOOK.min(Duration::from_millis(left)), ended).await.is_ok() {
                return "signed out";
            }
            if self.session.expires_at <= clock::now() {
                return "the session has ended";
            }
            // A store that can't say is asked again.
            match app.store.session(self.standing.session(), clock::now()).await {
                Ok(None) => return "the session has ended",
                Ok(Some((_, user))) if user.disabled => return "an operator keeps them out",
                Ok(Some(_)) | Err(_) => {}
            }
        }
    }
}

fn signed_out() -> ApiError {
    ApiError::new(ErrorCode::SignedOut, "sign in first")
}
