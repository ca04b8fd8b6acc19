//! `GET /health`: whether everything needed to serve is there. For load balancers and for people in a hurry.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::Health;
use tokio::time::timeout;

use crate::app::App;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether everything needed to serve is there.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses(
        (status = 200, body = Health, description = "All is well."),
        (status = 503, body = Health, description = "Something is missing.")
    ),
    security(())
)]
pub async fn show(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    let (store, engine) =
        tokio::join!(timeout(PATIENCE, app.store.check()), timeout(PATIENCE, app.runtime.check()));
    let (store, engine) = (matches!(store, Ok(Ok(()))), matches!(engine, Ok(Ok(()))));
    let ok = store && engine;
    let health = Health {
        ok,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        store,
        engine,
        links: app.links.count(),
        viewers: app.viewers.load(Ordering::Relaxed),
    };
    (if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
}
