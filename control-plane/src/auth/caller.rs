//! Who asks for what people and their scripts may both do: a person by their session, or a script by an API token that has
//! the scope for it. A request that brings a token is judged by the token alone, whatever cookie it has besides.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use protocol::api::tokens::Scope;
use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::payload::short;
use serde_json::json;

use super::presence::Standing;
use super::session::CurrentUser;
use super::token::{self, ApiToken};
use crate::app::App;
use crate::error::ApiError;
use crate::store::Hash;
use crate::store::records::ApiTokenRecord;
use crate::{audit, clock};

/// How long the name of whoever sent something may be, in bytes.
const NAME_BYTES: usize = 200;
/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// Whoever asks.
#[derive(Debug)]
pub struct Caller {
    /// For whom.
    pub user: CurrentUser,
    /// The token that let them in, if it was not a session.
    pub token: Option<ApiTokenRecord>,
    standing: [Standing; 2],
}

impl Caller {
    /// Whoever these headers belong to, if they may do what needs that scope. `acts`: it changes something, so a browser's
    /// request must come from our own page.
    ///
    /// # Errors
    /// `SignedOut` for nobody, `Forbidden` without the scope or from elsewhere, `TooMany` for a token that asks too often.
    pub async fn of(app: &App, headers: &HeaderMap, scope: Scope, acts: bool) -> Result<Self, ApiError> {
        if let Some(token) = ApiToken::from_headers(headers)? {
            return Self::by_token(app, &token, scope).await;
        }
        if acts {
            app.origins.check(headers)?;
        }
        let (user, standing) = CurrentUser::standing(app, headers).await?;
        let standing = [standing, app.presence.enter_user(user.user.id)];
        Ok(Self { user, token: None, standing })
    }

    async fn by_token(app: &App, token: &ApiToken, scope: Scope) -> Result<Self, ApiError> {
        let (hash, now) = (token.hash(), clock::now());
        let standing = app.presence.enter(hash);
        let found = app.store.api_token(hash, now).await?;
        let unknown = || ApiError::new(ErrorCode::SignedOut, "the token is unknown, expired or revoked");
        let (record, user) = found.filter(|(_, user)| !user.disabled).ok_or_else(unknown)?;
        app.tokens.count(&hash)?;
        if !token::scopes(&record).contains(&scope) {
            let message = format!("the token lacks the scope {:?}", scope.as_str());
            return Err(ApiError::new(ErrorCode::Forbidden, message));
        }
        note_use(app, hash, &record, now).await;
        let standing = [standing, app.presence.enter_user(user.id)];
        let user = CurrentUser { user, expires_at: record.expires_at };
        Ok(Self { user, token: Some(record), standing })
    }

    /// Whether they may do what needs another scope, too. People at the page may.
    ///
    /// # Errors
    /// `Forbidden` otherwise, with what `why` says.
    pub fn may_also(&self, scope: Scope, why: &str) -> Result<(), ApiError> {
        let lacks = self.token.as_ref().is_some_and(|record| !token::scopes(record).contains(&scope));
        if lacks { Err(ApiError::new(ErrorCode::Forbidden, why)) } else { Ok(()) }
    }

    /// How they are shown in a log: a script by its person's name and its token's.
    pub fn person(&self) -> Person {
        let person = self.user.person();
        match &self.token {
            Some(token) => {
                Person { name: short(&format!("{} ({})", person.name, token.name), NAME_BYTES), ..person }
            }
            None => person,
        }
    }

    /// Waits until the session or the token ends, or the user is kept out.
    pub async fn ended(&self) {
        let [proof, user] = &self.standing;
        let left = self.user.expires_at.saturating_sub(clock::now());
        tokio::select! {
            () = proof.ended() => {}
            () = user.ended() => {}
            () = tokio::time::sleep(std::time::Duration::from_millis(left)) => {}
        }
    }
}

/// Notes that a token is used: when, once a minute; that it is, in the audit trail, once a day.
async fn note_use(app: &App, hash: Hash, record: &ApiTokenRecord, now: u64) {
    if !record.is_stale(now) {
        return;
    }
    if record.used_at.is_none_or(|used_at| used_at / DAY_MS != now / DAY_MS) {
        let detail = json!({ "name": record.name, "scopes": record.scopes });
        audit::note(&*app.store, record.user, "token_used", record.id.0, detail).await;
    }
    if let Err(error) = app.store.touch_api_token(hash, now).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a token's use can't be noted");
    }
}

/// What a handler's caller does, and what that takes.
pub trait Deed: Send + Sync {
    /// The scope that a token needs.
    const SCOPE: Scope;
    /// Whether it changes something.
    const ACTS: bool;
}

macro_rules! deed {
    ($(#[$doc:meta])* $name:ident, $scope:ident, $acts:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Deed for $name {
            const SCOPE: Scope = Scope::$scope;
            const ACTS: bool = $acts;
        }
    };
}

deed!(
    /// Reads.
    Reads,
    Read,
    false
);
deed!(
    /// Makes or changes something.
    Writes,
    Write,
    true
);
deed!(
    /// Answers a prompt.
    Answers,
    Answer,
    true
);
deed!(
    /// Deletes something.
    Deletes,
    Delete,
    true
);

/// Whoever asks, if they may. As a handler's argument it refuses everyone else.
#[derive(Debug)]
pub struct By<D>(pub Caller, pub PhantomData<D>);

impl<D: Deed> FromRequestParts<Arc<App>> for By<D> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        Ok(Self(Caller::of(app, &parts.headers, D::SCOPE, D::ACTS).await?, PhantomData))
    }
}
