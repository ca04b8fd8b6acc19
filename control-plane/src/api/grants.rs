//! Grants: what one lets operators read, and what operators read by it.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use protocol::ConversationId;
use protocol::api::grants::{GrantList, GrantReading};
use protocol::api::{ConversationView, HistoryPage};
use protocol::payload::BodyDigest;

use super::extract::{Acting, Json, PathOf, QueryOf, workspace_of};
use super::{bodies, events};
use crate::app::App;
use crate::audit::By;
use crate::auth::operator::Operator;
use crate::error::ApiError;
use crate::grants;
use crate::store::records::ConversationRecord;

/// Let operators read one of your conversations for some hours from now: all that is and comes to be in it. You see in what was
/// done when one of them does.
#[utoipa::path(
    put, path = "/api/conversations/{id}/grant", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = GrantReading,
    responses((status = 200, body = ConversationView, description = "They may.")),
    security(("session" = []))
)]
pub async fn give(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    PathOf(id): PathOf<ConversationId>,
    Json(GrantReading { hours }): Json<GrantReading>,
) -> Result<Answer<ConversationView>, ApiError> {
    let hub = workspace_of(&app, user.user.id).await?;
    let by = By { user: user.user.id, workspace: hub.id(), caller: None };
    let record = grants::give(by, &hub.conversation(id).await?, hours).await?;
    Ok(Answer(record.view()))
}

/// Have operators read one of your conversations no more.
#[utoipa::path(
    delete, path = "/api/conversations/{id}/grant", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, body = ConversationView, description = "They may not.")),
    security(("session" = []))
)]
pub async fn end(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    PathOf(id): PathOf<ConversationId>,
) -> Result<Answer<ConversationView>, ApiError> {
    let hub = workspace_of(&app, user.user.id).await?;
    let by = By { user: user.user.id, workspace: hub.id(), caller: None };
    let record = grants::end(by, &hub.conversation(id).await?).await?;
    Ok(Answer(record.view()))
}

/// What people let operators read. For operators.
#[utoipa::path(
    get, path = "/api/operator/grants", tag = "people",
    responses((status = 200, body = GrantList, description = "The conversations.")),
    security(("session" = []))
)]
pub async fn list(State(app): State<Arc<App>>, _: Operator) -> Result<Answer<GrantList>, ApiError> {
    Ok(Answer(grants::list(&app).await?))
}

/// A page of a conversation that its owner lets operators read: events in ascending order, ending just before `before`. That it
/// is read is written down. For operators.
#[utoipa::path(
    get, path = "/api/operator/grants/{id}/events", tag = "people",
    params(("id" = ConversationId, Path, description = "The conversation."), events::Asked),
    responses((status = 200, body = HistoryPage, description = "A page of events.")),
    security(("session" = []))
)]
pub async fn page(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<ConversationId>,
    QueryOf(asked): QueryOf<events::Asked>,
) -> Result<Answer<HistoryPage>, ApiError> {
    let look = async |record: &ConversationRecord| events::stored(&app, record, &asked).await;
    grants::read(&app, by.user.id, id, look).await.map(Answer)
}

/// One chunk of what was too long for its event, in a conversation that its owner lets operators read. For operators.
#[utoipa::path(
    get, path = "/api/operator/grants/{id}/bodies/{digest}/{chunk}", tag = "people",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        ("digest" = BodyDigest, Path, description = "The body's SHA-256, as its event names it."),
        ("chunk" = u32, Path, description = "Which chunk, from 0.")
    ),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>, description = "The bytes.")),
    security(("session" = []))
)]
pub async fn chunk(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf((id, digest, index)): PathOf<(ConversationId, BodyDigest, u32)>,
) -> Result<Response, ApiError> {
    let look = async |_: &ConversationRecord| bodies::stored(&app, id, &digest, index).await;
    grants::read(&app, by.user.id, id, look).await
}
