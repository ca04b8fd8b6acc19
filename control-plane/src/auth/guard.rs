//! The rule of a route, and the one place where it is kept: who may use it, and how.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use protocol::api::tokens::Scope;
use protocol::close::ErrorCode;

use super::caller::{Caller, Script};
use super::client::ClientAddress;
use super::operator::Operator;
use super::session::CurrentUser;
use super::token::ApiToken;
use crate::app::App;
use crate::error::ApiError;

/// Who may use a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// Anyone.
    Anyone,
    /// Whoever is signed in, for what is theirs.
    User,
    /// Operators.
    Operator,
}

/// What using a route is, which decides what a request must show besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// It changes nothing.
    Read,
    /// It changes something: it must come from our own page, and not too often.
    Act,
    /// It becomes a socket: it must come from our own page.
    Socket,
    /// It tries to sign somebody in: from our own page, and not too often from one address.
    SignIn,
    /// The identity provider sends a browser back. That comes from no page of ours; what binds it to the browser is the
    /// attempt's cookie. Not too often from one address.
    Return,
}

/// The rule of a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Who may use it.
    pub who: Who,
    /// What using it is.
    pub how: How,
    /// The scope that a script's token needs. Without one it is for people at the page.
    pub scope: Option<Scope>,
}

/// What a request has shown. Handlers get at whoever is signed in by this alone.
#[derive(Clone, Debug)]
pub struct Passed {
    rule: Rule,
    caller: Option<Caller>,
}

/// Holds a request to its route's rule.
pub async fn keep(State((app, rule)): State<(Arc<App>, Rule)>, mut request: Request, next: Next) -> Response {
    let client = request.extensions().get().copied();
    match judge(&app, rule, request.headers(), client).await {
        Ok(caller) => {
            request.extensions_mut().insert(Passed { rule, caller });
            next.run(request).await
        }
        // A person looks at this one.
        Err(error) if rule.how == How::Return && error.code() == ErrorCode::TooMany => {
            Redirect::to("/#refused=too_many").into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn judge(
    app: &App,
    rule: Rule,
    headers: &HeaderMap,
    client: Option<ClientAddress>,
) -> Result<Option<Caller>, ApiError> {
    // A request that brings a token is judged by that alone, whatever cookie it has besides. No page can have a browser send
    // one, so it need not come from ours.
    let open = rule.who == Who::Anyone && rule.how == How::Read;
    if let Some(token) = ApiToken::from_headers(headers)?.filter(|_| !open) {
        let scope = rule.scope.ok_or_else(for_people_alone)?;
        let script = Caller::Script(Script::of(app, &token, scope, known(client)?).await?);
        return in_time(app, rule, script).map(Some);
    }
    if matches!(rule.how, How::Act | How::Socket | How::SignIn) {
        app.origins.check(headers)?;
    }
    if matches!(rule.how, How::SignIn | How::Return) {
        app.pace.sign_in(known(client)?.0)?;
    }
    let user = match rule.who {
        Who::Anyone => return Ok(None),
        Who::User => CurrentUser::from_headers(app, headers, known(client)?).await?,
        Who::Operator => Operator::check(CurrentUser::from_headers(app, headers, known(client)?).await?)?.0,
    };
    in_time(app, rule, Caller::Person(user)).map(Some)
}

/// Lets whoever changes something pass, if it is not too often: a person and all their tokens together.
fn in_time(app: &App, rule: Rule, caller: Caller) -> Result<Caller, ApiError> {
    if rule.how == How::Act {
        app.pace.write(caller.id())?;
    }
    Ok(caller)
}

/// Holds whoever asks to it once more, when what they sent has come: a body may come long after its head was judged.
///
/// # Errors
/// `SignedOut` when they have been signed out or kept out since, `Forbidden` for an operator who is none any more.
pub async fn hold(app: &App, passed: &Passed) -> Result<(), ApiError> {
    let Some(caller) = &passed.caller else { return Ok(()) };
    if caller.is_over() {
        return Err(ApiError::new(ErrorCode::SignedOut, "sign in first"));
    }
    match caller {
        Caller::Person(current) if passed.rule.who == Who::Operator => {
            Operator(current.clone()).still(app).await
        }
        Caller::Person(_) | Caller::Script(_) => Ok(()),
    }
}

fn for_people_alone() -> ApiError {
    ApiError::new(ErrorCode::Forbidden, "this can't be done with an API token")
}

fn passed(parts: &Parts) -> Result<&Passed, ApiError> {
    parts.extensions.get().ok_or_else(|| mistaken("it has no rule"))
}

/// A route whose handler wants more than its rule gives never answers anybody.
fn mistaken(why: &str) -> ApiError {
    ApiError::internal(anyhow::anyhow!("a route is mistaken: {why}"))
}

fn known(client: Option<ClientAddress>) -> Result<ClientAddress, ApiError> {
    client.ok_or_else(|| mistaken("it comes from nowhere"))
}

impl FromRequestParts<Arc<App>> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        match passed(parts)?.caller.clone() {
            Some(Caller::Person(user)) => Ok(user),
            Some(Caller::Script(_)) => Err(for_people_alone()),
            None => Err(mistaken("it lets in everyone")),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        passed(parts)?.caller.clone().ok_or_else(|| mistaken("it lets in everyone"))
    }
}

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if passed(parts)?.rule.who != Who::Operator {
            return Err(mistaken("it is not for operators alone"));
        }
        CurrentUser::from_request_parts(parts, app).await.map(Self)
    }
}

/// Whoever is signed in, on a request that changes something, from our own page.
#[derive(Clone, Debug)]
pub struct Acting(pub CurrentUser);

impl FromRequestParts<Arc<App>> for Acting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if passed(parts)?.rule.how != How::Act {
            return Err(mistaken("it does not say that it changes something"));
        }
        CurrentUser::from_request_parts(parts, app).await.map(Self)
    }
}

impl FromRequestParts<Arc<App>> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        known(parts.extensions.get().copied())
    }
}
