//! The routes of both ports. Those of the public port are one [`table`], each with its rule, and no other way leads to a
//! handler.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};
use protocol::api::tokens::Scope;
use protocol::close::ErrorCode;
use protocol::limits::MESSAGE_JSON_BYTES;
use tower::util::option_layer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::api::{
    assets, audit, bodies, changes, conversations, events, fleet, grants, health, link, messages, model_key,
    profile, reference, sign_in, tokens, users, viewer,
};
use crate::app::App;
use crate::auth::client;
use crate::auth::guard::{self, How, Rule, Who};
use crate::error::ApiError;
use crate::request_id;

/// The largest body of an ordinary request.
const BODY_BYTES: usize = 64 * 1024;
/// The largest body with a message in it: the message as JSON, and what is around it.
const MESSAGE_BODY_BYTES: usize = MESSAGE_JSON_BYTES + 4 * 1024;
/// Where a chunk of a body is.
const BODIES: &str = "/api/conversations/{id}/bodies/{digest}/{chunk}";
/// Where one is that an operator reads.
const GRANTED_BODIES: &str = "/api/operator/grants/{id}/bodies/{digest}/{chunk}";
/// How long an ordinary request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// The largest body on the link port but for model requests.
const LINK_BODY_BYTES: usize = 64 * 1024;

/// No inline script, no inline style, nothing from elsewhere.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                   frame-ancestors 'none'";
/// What the page has no use for.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
/// Browsers that came over HTTPS once come over nothing else for a year.
const HTTPS_ONLY: &str = "max-age=31536000";

/// A route of the public port, with its rule.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// Who may use it, and how.
    pub rule: Rule,
    handler: MethodRouter<Arc<App>>,
}

/// Every route of the public port but the page itself, which is for anyone.
pub fn table() -> Vec<Route> {
    use How::{Act, Read, Return, SignIn, Socket};
    use Scope::{Answer, Delete, Read as Reads, Write};
    use Who::{Anyone, Operator, User};
    vec![
        route(Anyone, Read, Method::GET, "/health", get(health::show)),
        route(Anyone, Read, Method::GET, "/api/openapi.json", get(reference::show)),
        route(Anyone, Read, Method::GET, "/api/sign-in", get(sign_in::options)),
        route(Anyone, SignIn, Method::POST, "/api/sign-in/local", post(sign_in::local)),
        route(Anyone, SignIn, Method::POST, "/api/sign-in/start", post(sign_in::start)),
        route(Anyone, SignIn, Method::POST, "/api/sign-in/nonce", post(sign_in::nonce)),
        route(Anyone, Return, Method::GET, "/api/sign-in/callback", get(sign_in::callback)),
        route(Anyone, SignIn, Method::POST, "/api/auth/google", post(sign_in::credential)),
        route(Anyone, Act, Method::POST, "/api/sign-out", post(sign_in::out)),
        route(User, Act, Method::POST, "/api/sign-out/everywhere", post(sign_in::out_everywhere)),
        route(User, Read, Method::GET, "/api/user/profile", get(profile::show)).with(Reads),
        route(User, Act, Method::POST, "/api/user/onboarding", post(profile::onboard)),
        route(User, Read, Method::GET, "/api/user/sessions", get(profile::sessions)),
        route(User, Act, Method::DELETE, "/api/user/sessions/{id}", delete(profile::end_session)),
        route(User, Read, Method::GET, "/api/user/export", get(profile::export)),
        route(User, Read, Method::GET, "/api/user/files", get(profile::files)),
        route(User, Act, Method::DELETE, "/api/user", delete(profile::erase)),
        route(User, Read, Method::GET, "/api/user/audit", get(audit::own)),
        route(User, Read, Method::GET, "/api/user/model-key", get(model_key::show)),
        route(User, Act, Method::PUT, "/api/user/model-key", put(model_key::set)),
        route(User, Act, Method::DELETE, "/api/user/model-key", delete(model_key::remove)),
        route(User, Read, Method::GET, "/api/tokens", get(tokens::list)),
        route(User, Act, Method::POST, "/api/tokens", post(tokens::create)),
        route(User, Act, Method::DELETE, "/api/tokens/{id}", delete(tokens::revoke)),
        route(User, Read, Method::GET, "/api/conversations", get(conversations::list)).with(Reads),
        route(User, Act, Method::POST, "/api/conversations", post(conversations::create)).with(Write),
        route(User, Read, Method::GET, "/api/conversations/{id}", get(conversations::show)).with(Reads),
        route(User, Act, Method::PATCH, "/api/conversations/{id}", patch(conversations::rename)).with(Write),
        route(User, Act, Method::DELETE, "/api/conversations/{id}", delete(conversations::delete))
            .with(Delete),
        route(User, Act, Method::POST, "/api/conversations/{id}/messages", large(post(messages::send)))
            .with(Write),
        route(User, Read, Method::GET, "/api/conversations/{id}/messages/{item}", get(messages::show))
            .with(Reads),
        route(User, Act, Method::POST, "/api/conversations/{id}/stop", post(messages::stop)).with(Write),
        route(User, Act, Method::POST, "/api/conversations/{id}/answers", post(messages::answer))
            .with(Answer),
        route(User, Read, Method::GET, "/api/conversations/{id}/changes", get(changes::page)).with(Reads),
        route(User, Read, Method::GET, "/api/conversations/{id}/stream", get(changes::stream)).with(Reads),
        route(User, Read, Method::GET, "/api/conversations/{id}/events", get(events::page)).with(Reads),
        route(User, Read, Method::GET, BODIES, get(bodies::chunk)).with(Reads),
        route(User, Act, Method::PUT, "/api/conversations/{id}/grant", put(grants::give)),
        route(User, Act, Method::DELETE, "/api/conversations/{id}/grant", delete(grants::end)),
        route(User, Socket, Method::GET, "/workspace/{user}", get(viewer::upgrade)),
        route(Operator, Socket, Method::GET, "/fleet", get(fleet::upgrade)),
        route(Operator, Read, Method::GET, "/api/users", get(users::list)),
        route(Operator, Act, Method::POST, "/api/users/{id}/disable", post(users::disable)),
        route(Operator, Act, Method::POST, "/api/users/{id}/enable", post(users::enable)),
        route(Operator, Act, Method::PUT, "/api/users/{id}/role", put(users::set_role)),
        route(Operator, Read, Method::GET, "/api/users/{id}/export", get(users::export)),
        route(Operator, Act, Method::DELETE, "/api/users/{id}", delete(users::erase)),
        route(Operator, Read, Method::GET, "/api/operator/grants", get(grants::list)),
        route(Operator, Read, Method::GET, "/api/operator/grants/{id}/events", get(grants::page)),
        route(Operator, Read, Method::GET, GRANTED_BODIES, get(grants::chunk)),
        route(Operator, Read, Method::GET, "/api/operator/audit", get(audit::page)),
        route(Operator, Read, Method::GET, "/api/operator/audit/export", get(audit::export)),
    ]
}

const fn route(
    who: Who,
    how: How,
    method: Method,
    path: &'static str,
    handler: MethodRouter<Arc<App>>,
) -> Route {
    Route { method, path, rule: Rule { who, how, scope: None }, handler }
}

impl Route {
    /// The same, for scripts with a token of that scope, too.
    fn with(mut self, scope: Scope) -> Self {
        self.rule.scope = Some(scope);
        self
    }
}

/// Takes bodies with a message in them.
fn large(handler: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    handler.layer(DefaultBodyLimit::max(MESSAGE_BODY_BYTES))
}

/// What browsers and scripts see.
pub fn public(app: Arc<App>) -> Router {
    let (mut ordinary, mut sockets) = (Router::new(), Router::new());
    for Route { path, rule, handler, .. } in table() {
        let guarded =
            handler.route_layer(middleware::from_fn_with_state((Arc::clone(&app), rule), guard::keep));
        match rule.how {
            How::Socket => sockets = sockets.route(path, guarded),
            How::Read | How::Act | How::SignIn | How::Return => ordinary = ordinary.route(path, guarded),
        }
    }
    let ordinary = ordinary
        .route("/api/{*path}", any(unknown))
        .layer(middleware::from_fn(never_cached))
        .layer(in_time());
    let https = app.config.http.is_https().then(|| header(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY));
    Router::new()
        .merge(ordinary)
        .merge(sockets)
        .merge(assets::router(&app.config.web))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(header(CONTENT_SECURITY_POLICY, CSP))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(X_FRAME_OPTIONS, "DENY"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
        .layer(header(HeaderName::from_static("permissions-policy"), PERMISSIONS))
        .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(option_layer(https))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), client::note))
        .layer(middleware::from_fn(request_id::name))
        .with_state(app)
}

/// What workspace-agents see.
pub fn link(app: Arc<App>) -> Router {
    let small = Router::new()
        .route("/enrol", post(link::enrol))
        .route("/renew", post(link::renew))
        .route("/link", any(link::upgrade))
        .layer(DefaultBodyLimit::max(LINK_BODY_BYTES))
        .layer(in_time());
    let model = Router::new()
        .route("/model/{conversation}/v1/messages", post(link::model))
        .route("/model/{conversation}/v1/messages/count_tokens", post(link::model))
        .route("/model/{conversation}/v1/models", get(link::model));
    small.merge(model).layer(middleware::from_fn(request_id::name)).with_state(app)
}

async fn unknown() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is no such endpoint")
}

/// A request that does not come in, or can't be answered, ends.
fn in_time() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST)
}

fn header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn never_cached(request: Request<axum::body::Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
