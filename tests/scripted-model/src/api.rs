//! The routes. Everything below `/v1` is Anthropic's; what begins with `/_` is for tests.

mod call;
mod control;
mod messages;
mod models;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::counted::Counters;
use crate::play::Stage;
use crate::record::Recorder;

/// Larger than any request of the CLI: pictures come as base64.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What all requests share.
pub(crate) struct App {
    pub(crate) stage: Stage,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) counters: Counters,
    pub(crate) delay: Duration,
    pub(crate) required_key: Option<String>,
}

/// The whole API.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/messages", post(messages::create))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/v1/models", get(models::list))
        .route("/_requests", get(control::requests).delete(control::clear_requests))
        .route("/_hold", post(control::hold))
        .route("/_release", post(control::release))
        .fallback(call::not_found)
        .method_not_allowed_fallback(call::not_found)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(app)
}
