//! `GET /v1/models`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::call::Call;
use crate::error::ApiError;

/// The models that version 2.1.330 of the CLI offers: id and display name.
const MODELS: [(&str, &str); 4] = [
    ("claude-opus-5-5", "Claude Opus 5.5"),
    ("claude-fable-5-2", "Claude Fable 5.2"),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5"),
    ("claude-haiku-5-5", "Claude Haiku 5.5"),
];

/// As many as Anthropic lists at once.
const USUAL_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 1000;

/// How much of the list is wanted.
#[derive(Deserialize)]
pub(crate) struct Page {
    limit: Option<String>,
}

/// Lists the models.
pub(crate) async fn list(State(app): State<Arc<App>>, Query(page): Query<Page>, call: Call) -> Response {
    call.answer_at_once(&app, first_page(page.limit.as_deref()))
}

fn first_page(limit: Option<&str>) -> Result<Response, ApiError> {
    let limit = match limit.map(str::parse) {
        None => USUAL_LIMIT,
        Some(Ok(limit @ 1..=LARGEST_LIMIT)) => limit,
        Some(_) => {
            let message = format!("limit: must be between 1 and {LARGEST_LIMIT}");
            return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
        }
    };
    let listed = &MODELS[..limit.min(MODELS.len())];
    let model = |(id, name): &(&str, &str)| json!({"type": "model", "id": id, "display_name": name, "created_at": "2026-10-01T00:00:00Z"});
    Ok(Json(json!({
        "data": listed.iter().map(model).collect::<Vec<_>>(),
        "has_more": listed.len() < MODELS.len(),
        "first_id": listed.first().map(|(id, _)| id),
        "last_id": listed.last().map(|(id, _)| id),
    }))
    .into_response())
}
