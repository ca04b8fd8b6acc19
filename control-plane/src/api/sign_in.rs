//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json as Answer};
use protocol::api::Role;
use protocol::close::ErrorCode;
use protocol::people::{
    CredentialSignIn, LocalSignIn, SignInNonce, SignInOptions, SignInRefusal, SignInStarted, StartSignIn,
};
use serde::Deserialize;

use super::extract::{Acting, Json};
use crate::app::App;
use crate::auth::attempt::{ATTEMPT_MS, Attempt};
use crate::auth::client::ClientAddress;
use crate::auth::enter::{self, Origin, Refused};
use crate::auth::local;
use crate::auth::oidc::{Oidc, Person};
use crate::auth::own_path::OwnPath;
use crate::error::ApiError;
use crate::server::RemoteAddress;
use crate::{audit, clock};

type Cookies<const N: usize> = AppendHeaders<[(HeaderName, HeaderValue); N]>;

/// `GET /api/sign-in`: how one can sign in here.
#[utoipa::path(
    get, path = "/api/sign-in", tag = "sign-in", summary = "How one can sign in here.",
    responses((status = 200, body = SignInOptions, description = "The ways there are.")),
    security(())
)]
pub async fn options(
    State(app): State<Arc<App>>,
    Extension(RemoteAddress(remote)): Extension<RemoteAddress>,
    headers: HeaderMap,
) -> Answer<SignInOptions> {
    let provider = app.oidc.as_ref().map(|oidc| oidc.config().name.clone());
    Answer(SignInOptions { local: provider.is_none() && local::is_local(&headers, remote.ip()), provider })
}

/// `POST /api/sign-in/local`: by the one-time code that was printed at start.
#[utoipa::path(
    post, path = "/api/sign-in/local", tag = "sign-in", summary = "Sign in by the one-time code that was printed.",
    request_body = LocalSignIn,
    responses((status = 204, description = "Signed in: the answer sets the cookie.")),
    security(())
)]
pub async fn local(
    State(app): State<Arc<App>>,
    Extension(RemoteAddress(remote)): Extension<RemoteAddress>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(LocalSignIn { code }): Json<LocalSignIn>,
) -> Result<(StatusCode, Cookies<1>), ApiError> {
    if app.oidc.is_some() {
        return Err(ApiError::new(ErrorCode::Forbidden, "one signs in at the identity provider here"));
    }
    if !local::is_local(&headers, remote.ip()) {
        return Err(ApiError::new(ErrorCode::Forbidden, "local sign-in is for this machine only"));
    }
    let from = Origin { address, headers: &headers, how: "local" };
    if !app.store.spend_code(local::hash(&code), clock::now()).await? {
        let words = "the code is unknown, used, or older than five minutes";
        enter::refused(&app, &Refused::because(SignInRefusal::Stale, words), from).await;
        return Err(ApiError::new(ErrorCode::SignedOut, words));
    }
    let cookie = enter::enter(&app, &local::identity(), Role::Operator, from).await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(SET_COOKIE, cookie)])))
}

/// `POST /api/sign-in/start`: begins an attempt at the identity provider.
#[utoipa::path(
    post, path = "/api/sign-in/start", tag = "sign-in", summary = "Begin to sign in at the identity provider.",
    request_body = StartSignIn,
    responses((status = 200, body = SignInStarted, description = "Where to go on.")),
    security(())
)]
pub async fn start(
    State(app): State<Arc<App>>,
    Json(StartSignIn { to, anew }): Json<StartSignIn>,
) -> Result<(Cookies<1>, Answer<SignInStarted>), ApiError> {
    let oidc = oidc(&app)?;
    let refused = || ApiError::new(ErrorCode::Invalid, "that is no path of this page");
    let attempt = Attempt::new(OwnPath::new(&to).ok_or_else(refused)?);
    let url = oidc.address(&attempt, anew).await.map_err(Refused::from)?;
    let cookie = begun(&app, &attempt).await?;
    Ok((cookie, Answer(SignInStarted { url })))
}

/// `POST /api/sign-in/nonce`: begins an attempt by an ID token that the browser gets itself.
#[utoipa::path(
    post, path = "/api/sign-in/nonce", tag = "sign-in", summary = "Begin to sign in by an ID token.",
    responses((status = 200, body = SignInNonce, description = "What the ID token must carry.")),
    security(())
)]
pub async fn nonce(State(app): State<Arc<App>>) -> Result<(Cookies<1>, Answer<SignInNonce>), ApiError> {
    oidc(&app)?;
    let attempt = Attempt::new(OwnPath::start());
    Ok((begun(&app, &attempt).await?, Answer(SignInNonce { nonce: attempt.nonce() })))
}

/// `POST /api/auth/google`: ends an attempt by an ID token.
#[utoipa::path(
    post, path = "/api/auth/google", tag = "sign-in", summary = "Sign in by an ID token that the browser got.",
    request_body = CredentialSignIn,
    responses((status = 204, description = "Signed in: the answer sets the cookie.")),
    security(())
)]
pub async fn credential(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(CredentialSignIn { credential }): Json<CredentialSignIn>,
) -> Result<(StatusCode, Cookies<2>), ApiError> {
    let oidc = oidc(&app)?;
    let from = Origin { address, headers: &headers, how: "id_token" };
    let ending = async {
        let attempt = app.cookie.attempt(&headers).ok_or_else(|| stale("this browser began no sign-in"))?;
        spend(&app, &attempt).await?;
        let person = oidc.by_token(&attempt, &credential).await?;
        admit(&app, oidc, &person, from).await
    };
    match ending.await {
        Ok(cookie) => Ok((StatusCode::NO_CONTENT, ended(&app, cookie)?)),
        Err(why) => {
            enter::refused(&app, &why, from).await;
            Err(why.into())
        }
    }
}

/// What the identity provider sends a browser back with.
#[derive(Debug, Deserialize)]
pub struct Returned {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// `GET /api/sign-in/callback`: the browser comes back from the identity provider. It is sent on to the page in any case;
/// the code in this address is good once, and only with what the browser's cookie makes.
#[utoipa::path(
    get, path = "/api/sign-in/callback", tag = "sign-in", summary = "Where the identity provider sends a browser back.",
    params(
        ("state" = Option<String>, Query, description = "The attempt, as the provider was given it."),
        ("code" = Option<String>, Query, description = "What the provider trades for an ID token."),
        ("error" = Option<String>, Query, description = "Why it does not."),
        ("iss" = Option<String>, Query, description = "Who answers.")
    ),
    responses((status = 303, description = "On to the page.")),
    security(())
)]
pub async fn callback(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Response {
    let from = Origin { address, headers: &headers, how: "provider" };
    let ending = async {
        let oidc = app.oidc.as_ref().ok_or_else(|| stale("there is no identity provider"))?;
        let attempt = app.cookie.attempt(&headers).ok_or_else(|| stale("this browser began no sign-in"))?;
        if !attempt.is_state(&returned.state) {
            return Err(stale("this browser began another sign-in"));
        }
        spend(&app, &attempt).await?;
        let person = traded(oidc, &attempt, returned).await?;
        let cookie = admit(&app, oidc, &person, from).await?;
        Ok((cookie, attempt.to))
    };
    let sent = match ending.await {
        Ok((cookie, to)) => ended(&app, cookie).and_then(|cookies| sent_on(to.as_str(), cookies)),
        Err(why) => {
            enter::refused(&app, &why, from).await;
            let code = serde_json::to_value(why.why()).unwrap_or_default();
            let to = format!("/#refused={}", code.as_str().unwrap_or_default());
            written(app.cookie.forget_attempt())
                .and_then(|forget| sent_on(&to, AppendHeaders([(SET_COOKIE, forget)])))
        }
    };
    sent.unwrap_or_else(IntoResponse::into_response)
}

/// Sends the browser on to a path of ours.
fn sent_on<const N: usize>(to: &str, cookies: Cookies<N>) -> Result<Response, ApiError> {
    let location = HeaderValue::from_str(to).map_err(ApiError::internal)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)], cookies).into_response())
}

/// `POST /api/sign-out`: ends the session, and every socket that stands on it.
#[utoipa::path(
    post, path = "/api/sign-out", tag = "sign-in", summary = "Sign out here.",
    responses((status = 204, description = "Signed out.")),
    security(("session" = []))
)]
pub async fn out(
    State(app): State<Arc<App>>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Result<(StatusCode, Cookies<1>), ApiError> {
    if let Some(session) = app.cookie.token(&headers).map(|token| token.hash()) {
        let look = app.store.session(session, clock::now());
        if let Some((_, user)) = app.lookups.look_up(address, session, look).await? {
            audit::write(&app, user.id, "signed_out", user.id, serde_json::json!({})).await?;
            app.store.close_session(session).await?;
            app.presence.end(session);
        }
    }
    out_here(&app)
}

/// `POST /api/sign-out/everywhere`: ends all of one's sessions.
#[utoipa::path(
    post, path = "/api/sign-out/everywhere", tag = "sign-in", summary = "Sign out everywhere.",
    responses((status = 204, description = "Signed out.")),
    security(("session" = []))
)]
pub async fn out_everywhere(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
) -> Result<(StatusCode, Cookies<1>), ApiError> {
    let id = user.user.id;
    audit::write(&app, id, "signed_out_everywhere", id, serde_json::json!({})).await?;
    for session in app.store.end_sessions(id).await? {
        app.presence.end(session);
    }
    out_here(&app)
}

fn out_here(app: &App) -> Result<(StatusCode, Cookies<1>), ApiError> {
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(SET_COOKIE, written(app.cookie.forget())?)])))
}

fn oidc(app: &App) -> Result<&Oidc, ApiError> {
    let none = || ApiError::new(ErrorCode::NotFound, "no identity provider is configured here");
    app.oidc.as_ref().ok_or_else(none)
}

/// Has the store and the browser keep an attempt that begins.
async fn begun(app: &App, attempt: &Attempt) -> Result<Cookies<1>, ApiError> {
    app.store.add_code(attempt.hash(), clock::now() + ATTEMPT_MS).await?;
    Ok(AppendHeaders([(SET_COOKIE, written(app.cookie.keep_attempt(attempt))?)]))
}

/// Uses an attempt up. Of many who try at once one does.
async fn spend(app: &App, attempt: &Attempt) -> Result<(), Refused> {
    let spent = app.store.spend_code(attempt.hash(), clock::now()).await?;
    if spent { Ok(()) } else { Err(stale("it was used before, or is too old")) }
}

async fn traded(oidc: &Oidc, attempt: &Attempt, returned: Returned) -> Result<Person, Refused> {
    if returned.iss.is_some_and(|iss| iss != oidc.config().issuer) {
        return Err(Refused::because(SignInRefusal::Invalid, "another provider answers"));
    }
    match (returned.code, returned.error) {
        (Some(code), None) => Ok(oidc.finish(attempt, code).await?),
        (_, Some(error)) => {
            let words = format!("the provider says {:?}", protocol::payload::short(&error, 100));
            Err(Refused::because(SignInRefusal::Denied, words))
        }
        (None, None) => Err(Refused::because(SignInRefusal::Invalid, "the provider sends no code")),
    }
}

/// Lets in whom the configuration lets in.
async fn admit(app: &App, oidc: &Oidc, person: &Person, from: Origin<'_>) -> Result<HeaderValue, Refused> {
    let words = || format!("{} is not let in", person.identity.subject);
    let role = oidc.config().allowed.role(&person.named);
    let role = role.ok_or_else(|| Refused::because(SignInRefusal::NotAllowed, words()))?;
    enter::enter(app, &person.identity, role, from).await
}

fn ended(app: &App, session: HeaderValue) -> Result<Cookies<2>, ApiError> {
    let forget = written(app.cookie.forget_attempt())?;
    Ok(AppendHeaders([(SET_COOKIE, session), (SET_COOKIE, forget)]))
}

fn written(cookie: Option<HeaderValue>) -> Result<HeaderValue, ApiError> {
    cookie.ok_or_else(|| ApiError::internal(anyhow::anyhow!("a cookie can't be written")))
}

fn stale(words: &str) -> Refused {
    Refused::because(SignInRefusal::Stale, words)
}
