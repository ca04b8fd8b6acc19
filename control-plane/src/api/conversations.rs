//! Conversations: list, create, rename, delete.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::ConversationId;
use protocol::api::{ConversationPage, ConversationView, CreateConversation, RenameConversation};
use protocol::close::ErrorCode;
use protocol::limits::CONVERSATIONS;
use serde::Deserialize;
use uuid::Uuid;

use super::extract::{Acting, Json, PathOf, QueryOf, workspace_of};
use crate::app::App;
use crate::auth::session::CurrentUser;
use crate::clock;
use crate::error::ApiError;
use crate::store::records::NewConversation;

/// Conversations on a page.
pub const PAGE: usize = 100;

/// Which page.
#[derive(Debug, Deserialize)]
pub struct Asked {
    after: Option<ConversationId>,
    #[serde(default)]
    q: String,
}

/// `GET /api/conversations`.
pub async fn list(
    State(app): State<Arc<App>>,
    user: CurrentUser,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Answer<ConversationPage>, ApiError> {
    let hub = workspace_of(&app, &user).await?;
    if let Some(after) = asked.after {
        // Another user's conversation is no place to continue from.
        hub.conversation(after).await?;
    }
    let mut records = app.store.conversations(hub.id(), asked.after, &asked.q, PAGE + 1).await?;
    let more = records.len() > PAGE;
    records.truncate(PAGE);
    let next = records.last().filter(|_| more).map(|record| record.id);
    Ok(Answer(ConversationPage { conversations: records.iter().map(|record| record.view()).collect(), next }))
}

/// `POST /api/conversations`. Asking again with the same id changes nothing.
pub async fn create(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    Json(wanted): Json<CreateConversation>,
) -> Result<(StatusCode, Answer<ConversationView>), ApiError> {
    let hub = workspace_of(&app, &user).await?;
    if !app.config.limits.modes().contains(&wanted.settings.mode) {
        return Err(ApiError::new(ErrorCode::Forbidden, "that permission mode is not offered here"));
    }
    if app.store.count_conversations(hub.id()).await? >= CONVERSATIONS {
        let message = format!("a workspace has at most {CONVERSATIONS} conversations");
        return Err(ApiError::new(ErrorCode::TooMany, message));
    }
    let record = app
        .store
        .create_conversation(&NewConversation {
            id: wanted.id.unwrap_or_else(|| ConversationId(Uuid::new_v4())),
            workspace: hub.id(),
            title: wanted.title.map(|title| title.to_string()).unwrap_or_default(),
            settings: wanted.settings,
            now: clock::now(),
        })
        .await?;
    hub.list_changed(record.view());
    Ok((StatusCode::CREATED, Answer(record.view())))
}

/// `PATCH /api/conversations/{id}`.
pub async fn rename(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    PathOf(id): PathOf<ConversationId>,
    Json(wanted): Json<RenameConversation>,
) -> Result<Answer<ConversationView>, ApiError> {
    let hub = workspace_of(&app, &user).await?;
    let conversation = hub.conversation(id).await?;
    Ok(Answer(conversation.rename(wanted.title.to_string()).await?.view()))
}

/// `DELETE /api/conversations/{id}`, with all that belongs to it.
pub async fn delete(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    PathOf(id): PathOf<ConversationId>,
) -> Result<StatusCode, ApiError> {
    let hub = workspace_of(&app, &user).await?;
    hub.conversation(id).await?.delete().await?;
    Ok(StatusCode::NO_CONTENT)
}
