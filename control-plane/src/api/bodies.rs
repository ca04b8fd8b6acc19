//! `GET /api/conversations/{id}/bodies/{digest}/{chunk}`: the content that was too long for its event.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use protocol::ConversationId;
use protocol::close::ErrorCode;
use protocol::payload::BodyDigest;

use super::extract::{PathOf, workspace_of};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::ApiError;

/// One chunk of what was too long for its event, as bytes. It was made in a workspace, so it is never shown as anything but
/// bytes.
#[utoipa::path(
    get, path = "/api/conversations/{id}/bodies/{digest}/{chunk}", tag = "events",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        ("digest" = BodyDigest, Path, description = "The body's SHA-256, as its event names it."),
        ("chunk" = u32, Path, description = "Which chunk, from 0.")
    ),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>, description = "The bytes.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn chunk(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf((id, digest, index)): PathOf<(ConversationId, BodyDigest, u32)>,
) -> Result<Response, ApiError> {
    let hub = workspace_of(&app, caller.id()).await?;
    hub.conversation(id).await?;
    let mut response = stored(&app, id, &digest, index).await?;
    // Its name is its digest: it never changes.
    let kept = HeaderValue::from_static("private, max-age=86400, immutable");
    response.headers_mut().insert(CACHE_CONTROL, kept);
    Ok(response)
}

/// One chunk as the store has it.
pub(super) async fn stored(
    app: &App,
    id: ConversationId,
    digest: &BodyDigest,
    index: u32,
) -> Result<Response, ApiError> {
    let missing = || ApiError::new(ErrorCode::NotFound, "there is no such thing");
    let digest = digest.to_bytes().ok_or_else(missing)?;
    let chunk = app.store.chunk(id, digest, index).await?;
    let mut response = chunk.bytes.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}
