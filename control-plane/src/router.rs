//! The routes of both ports.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use protocol::close::ErrorCode;
use protocol::limits::MESSAGE_JSON_BYTES;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::api::{
    assets, audit, bodies, changes, conversations, events, fleet, health, link, messages, model_key, profile,
    reference, sign_in, tokens, viewer,
};
use crate::app::App;
use crate::error::ApiError;

/// The largest body of an ordinary request.
const BODY_BYTES: usize = 64 * 1024;
/// The largest body with a message in it: the message as JSON, and what is around it.
const MESSAGE_BODY_BYTES: usize = MESSAGE_JSON_BYTES + 4 * 1024;
/// How long an ordinary request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// The largest body on the link port but for model requests.
const LINK_BODY_BYTES: usize = 64 * 1024;

/// No inline script, no inline style, nothing from elsewhere.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                   connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                   frame-ancestors 'none'";

/// What browsers and scripts see.
pub fn public(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/api/sign-in", get(sign_in::options))
        .route("/api/sign-in/local", post(sign_in::local))
        .route("/api/sign-out", post(sign_in::out))
        .route("/api/user/profile", get(profile::show))
        .route("/api/user/model-key", get(model_key::show).put(model_key::set).delete(model_key::remove))
        .route("/api/user/audit", get(audit::own))
        .route("/api/tokens", get(tokens::list).post(tokens::create))
        .route("/api/tokens/{id}", delete(tokens::revoke))
        .route("/api/conversations", get(conversations::list).post(conversations::create))
        .route(
            "/api/conversations/{id}",
            get(conversations::show).patch(conversations::rename).delete(conversations::delete),
        )
        .route(
            "/api/conversations/{id}/messages",
            post(messages::send).layer(DefaultBodyLimit::max(MESSAGE_BODY_BYTES)),
        )
        .route("/api/conversations/{id}/messages/{item}", get(messages::show))
        .route("/api/conversations/{id}/stop", post(messages::stop))
        .route("/api/conversations/{id}/answers", post(messages::answer))
        .route("/api/conversations/{id}/changes", get(changes::page))
        .route("/api/conversations/{id}/stream", get(changes::stream))
        .route("/api/conversations/{id}/events", get(events::page))
        .route("/api/conversations/{id}/bodies/{digest}/{chunk}", get(bodies::chunk))
        .route("/api/operator/audit", get(audit::page))
        .route("/api/operator/audit/export", get(audit::export))
        .route("/api/openapi.json", get(reference::show))
        .route("/api/{*path}", any(unknown))
        .layer(middleware::from_fn(never_cached))
        .layer(in_time());
    Router::new()
        .merge(api)
        .route("/health", get(health::show))
        .route("/workspace/{user}", any(viewer::upgrade))
        .route("/fleet", any(fleet::upgrade))
        .merge(assets::router(&app.config.web))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(header(CONTENT_SECURITY_POLICY, CSP))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(X_FRAME_OPTIONS, "DENY"))
        .layer(header(REFERRER_POLICY, "no-referrer"))
        .layer(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
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
    small.merge(model).with_state(app)
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
