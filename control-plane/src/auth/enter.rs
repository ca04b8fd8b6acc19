//! The end of every sign-in: somebody is known, and gets a session of their own; or nobody is, and that is written down.

use std::net::IpAddr;

use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, HeaderValue};
use protocol::api::Role;
use protocol::close::ErrorCode;
use protocol::people::SignInRefusal;
use serde_json::json;

use super::oidc::OidcError;
use super::session::{self, Term};
use crate::app::App;
use crate::error::ApiError;
use crate::store::StoreError;
use crate::store::records::{Identity, UserRecord};
use crate::{audit, clock};

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// For a reason that they are told.
    #[error("{1}")]
    Because(SignInRefusal, String),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Refused {
    /// For this reason.
    pub fn because(why: SignInRefusal, words: impl Into<String>) -> Self {
        Self::Because(why, words.into())
    }

    /// Why, for the page.
    pub const fn why(&self) -> SignInRefusal {
        match self {
            Self::Because(why, _) => *why,
            Self::Store(_) => SignInRefusal::Unavailable,
        }
    }
}

impl From<OidcError> for Refused {
    fn from(error: OidcError) -> Self {
        let why = match &error {
            OidcError::Unavailable(_) => SignInRefusal::Unavailable,
            OidcError::Invalid(_) => SignInRefusal::Invalid,
            OidcError::Unverified => SignInRefusal::Unverified,
        };
        Self::because(why, format!("{:#}", anyhow::Error::new(error)))
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let (why, words) = match refused {
            Refused::Because(why, words) => (why, words),
            Refused::Store(error) => return error.into(),
        };
        match why {
            SignInRefusal::Stale => {
                Self::new(ErrorCode::SignedOut, "the sign-in was used before, or is too old")
            }
            SignInRefusal::Denied => Self::new(ErrorCode::Forbidden, "the identity provider did not agree"),
            SignInRefusal::NotAllowed => Self::new(ErrorCode::Forbidden, "this account is not let in here"),
            SignInRefusal::Unverified => Self::new(ErrorCode::Forbidden, words),
            SignInRefusal::Disabled => Self::new(ErrorCode::Forbidden, "an operator keeps this account out"),
            SignInRefusal::Erasing => Self::new(ErrorCode::Forbidden, "this account is being erased"),
            SignInRefusal::Invalid => {
                Self::new(ErrorCode::SignedOut, "the identity provider's word can't be trusted")
            }
            SignInRefusal::Unavailable => {
                Self::new(ErrorCode::Unavailable, "the identity provider can't be asked; try again")
            }
            SignInRefusal::TooMany => Self::new(ErrorCode::TooMany, "that was too often"),
        }
    }
}

/// Where somebody comes from who signs in.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The address.
    pub address: IpAddr,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// Which way of signing in it is.
    pub how: &'static str,
}

/// Opens a session for somebody who is known, and returns the header that has their browser keep it. Whatever session the
/// browser had before ends: nobody goes on under a cookie that was there before they came.
///
/// # Errors
/// When they are kept out, or the store fails.
pub async fn enter(
    app: &App,
    identity: &Identity,
    role: Role,
    from: Origin<'_>,
) -> Result<HeaderValue, Refused> {
    let user = app.store.sign_in(identity, clock::now()).await?;
    if user.erasing {
        return Err(Refused::because(SignInRefusal::Erasing, format!("{} is being erased", user.id)));
    }
    if user.disabled {
        return Err(Refused::because(SignInRefusal::Disabled, format!("{} is kept out", user.id)));
    }
    raise(app, &user, role).await?;
    let device = from.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let detail =
        json!({ "how": from.how, "address": from.address, "device": protocol::payload::short(device, 200) });
    audit::write(app, user.id, "signed_in", user.id, detail).await?;
    if let Some(before) = app.cookie.token(from.headers) {
        app.store.close_session(before.hash()).await?;
        app.presence.end(before.hash());
    }
    let term = Term { lasts: app.config.sign_in.lasts, idle: app.config.sign_in.idle };
    let token = session::open_for(&*app.store, user.id, device, term).await?;
    app.lookups.know(token.hash());
    tracing::info!(user = %user.id, how = from.how, "signed in");
    let cookie = app.cookie.keep(&token);
    cookie.ok_or_else(|| StoreError::malformed("a cookie can't be written").into())
}

/// Makes an operator of whom the configuration says so. Nobody ceases to be one by it.
async fn raise(app: &App, user: &UserRecord, role: Role) -> Result<(), StoreError> {
    if role != Role::Operator || user.role == Role::Operator {
        return Ok(());
    }
    let detail = json!({ "from": user.role, "to": role });
    audit::write(app, audit::CONFIGURATION, "role_changed", user.id, detail).await?;
    app.store.set_role(user.id, role).await
}

/// Writes down that somebody was not let in, unless too many were just now: then the log alone is told.
pub async fn refused(app: &App, refused: &Refused, from: Origin<'_>) {
    let (address, how, why) = (from.address, from.how, refused.why());
    if why == SignInRefusal::Invalid {
        // It may be the configuration: a client secret that the provider does not take, say.
        tracing::warn!(%address, how, error = refused as &dyn std::error::Error, "nobody was signed in");
    } else {
        tracing::info!(%address, how, ?why, error = %refused, "nobody was signed in");
    }
    if !app.pace.writes_failure_down() {
        return;
    }
    let detail = json!({ "how": how, "why": why });
    if let Err(error) = audit::write(app, audit::NOBODY, "sign_in_failed", address, detail).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a failed sign-in can't be written down");
    }
}
