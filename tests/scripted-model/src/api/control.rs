//! What tests use beside Anthropic's API: the records and the gates.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::App;
use crate::error::ApiError;
use crate::gates::Gates;
use crate::ids;
use crate::record::Record;

/// `GET /_requests`.
pub(crate) async fn requests(State(app): State<Arc<App>>) -> Json<Vec<Record>> {
    Json(app.recorder.all())
}

/// `DELETE /_requests`.
pub(crate) async fn clear_requests(State(app): State<Arc<App>>) -> StatusCode {
    app.recorder.clear();
    StatusCode::NO_CONTENT
}

/// `POST /_hold {"name": …}`: closes a gate.
pub(crate) async fn hold(State(app): State<Arc<App>>, body: Bytes) -> Response {
    at_gate(&body, |name| Gates::hold(&app.stage.gates, name))
}

/// `POST /_release {"name": …}`: opens a gate.
pub(crate) async fn release(State(app): State<Arc<App>>, body: Bytes) -> Response {
    at_gate(&body, |name| Gates::release(&app.stage.gates, name))
}

/// Reads the body by hand: `curl -d` sends no JSON content type.
fn at_gate(body: &[u8], act: impl FnOnce(&str) -> usize) -> Response {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    match serde_json::from_slice::<Named>(body) {
        Ok(Named { name }) => Json(json!({"name": name, "waiting": act(&name)})).into_response(),
        Err(error) => {
            ApiError::new(StatusCode::BAD_REQUEST, error.to_string()).into_response(&ids::request())
        }
    }
}
