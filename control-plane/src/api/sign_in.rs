//! Signing in and out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::{Extension, Json as Answer};
use protocol::api::{LocalSignIn, SignInOptions};
use protocol::close::ErrorCode;

use super::extract::Json;
use crate::app::App;
use crate::auth::{local, session, token};
use crate::clock;
use crate::error::ApiError;
use crate::server::RemoteAddress;

type WithCookie = (StatusCode, [(HeaderName, HeaderValue); 1]);

/// How one can sign in here.
#[utoipa::path(
    get, path = "/api/sign-in", tag = "sign-in",
    responses((status = 200, body = SignInOptions, description = "The ways there are.")),
    security(())
)]
pub async fn options(
    Extension(RemoteAddress(remote)): Extension<RemoteAddress>,
    headers: HeaderMap,
) -> Answer<SignInOptions> {
    Answer(SignInOptions { local: local::is_local(&headers, remote.ip()) })
}

/// Sign in by the one-time code that was printed at start.
#[utoipa::path(
    post, path = "/api/sign-in/local", tag = "sign-in",
    request_body = LocalSignIn,
    responses((status = 204, description = "Signed in: the answer sets the cookie.")),
    security(())
)]
pub async fn local(
    State(app): State<Arc<App>>,
    Extension(RemoteAddress(remote)): Extension<RemoteAddress>,
    headers: HeaderMap,
    Json(LocalSignIn { code }): Json<LocalSignIn>,
) -> Result<WithCookie, ApiError> {
    app.origins.check(&headers)?;
    if !local::is_local(&headers, remote.ip()) {
        return Err(ApiError::new(ErrorCode::Forbidden, "local sign-in is for this machine only"));
    }
    if !app.store.spend_local_code(local::hash(&code), clock::now()).await? {
        return Err(ApiError::new(
            ErrorCode::SignedOut,
            "the code is unknown, used, or older than five minutes",
        ));
    }
    let user = local::sign_in(&*app.store).await?;
    let device = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let token = session::open(&*app.store, user.id, device).await?;
    tracing::info!(user = %user.id, "signed in locally");
    with_cookie(app.cookie.keep(&token))
}

/// End the session, and every socket that stands on it.
#[utoipa::path(
    post, path = "/api/sign-out", tag = "sign-in",
    responses((status = 204, description = "Signed out.")),
    security(("session" = []))
)]
pub async fn out(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<WithCookie, ApiError> {
    token::refuse(&headers)?;
    app.origins.check(&headers)?;
    if let Some(token) = app.cookie.token(&headers) {
        app.store.close_session(token.hash()).await?;
        app.presence.end(token.hash());
    }
    with_cookie(app.cookie.forget())
}

fn with_cookie(cookie: Option<HeaderValue>) -> Result<WithCookie, ApiError> {
    let cookie = cookie.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a cookie can't be written")))?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]))
}
