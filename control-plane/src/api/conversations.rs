//! Conversations: list, show, create, rename, delete.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::ConversationId;
use protocol::api::tokens::Scope;
use protocol::api::{ConversationPage, ConversationView, CreateConversation, RenameConversation};
use protocol::close::ErrorCode;
use protocol::limits::CONVERSATIONS;
use protocol::settings::Mode;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::deeds;
use super::extract::{Json, PathOf, QueryOf, workspace_of};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::ApiError;
use crate::store::StoreError;
use crate::store::records::NewConversation;
use crate::{audit, clock};

/// Conversations on a page.
pub const PAGE: usize = 100;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The `next` of the page before.
    after: Option<ConversationId>,
    /// Only those whose title holds this.
    #[serde(default)]
    q: String,
}

/// List conversations, the last changed first.
#[utoipa::path(
    get, path = "/api/conversations", tag = "conversations",
    params(Asked),
    responses((status = 200, body = ConversationPage, description = "A page of them.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Answer<ConversationPage>, ApiError> {
    let hub = workspace_of(&app, caller.id()).await?;
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

/// One conversation.
#[utoipa::path(
    get, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, body = ConversationView, description = "It.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
) -> Result<Answer<ConversationView>, ApiError> {
    let hub = workspace_of(&app, caller.id()).await?.conversation(id).await?;
    hub.hurry().await;
    Ok(Answer(hub.record().view()))
}

/// Make a conversation. Asking again with the same id changes nothing. For a permission mode that asks less than the default
/// a token needs the scope `answer`, too.
#[utoipa::path(
    post, path = "/api/conversations", tag = "conversations",
    request_body = CreateConversation,
    responses((status = 201, body = ConversationView, description = "It is there.")),
    security(("token" = ["write"]), ("session" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(wanted): Json<CreateConversation>,
) -> Result<(StatusCode, Answer<ConversationView>), ApiError> {
    let hub = workspace_of(&app, caller.id()).await?;
    let id = wanted.id.unwrap_or_else(|| ConversationId(Uuid::new_v4()));
    let mode = wanted.settings.mode;
    deeds::offered(&app, mode)?;
    if mode.asks_less() {
        caller.may_also(Scope::Answer, "for a mode that asks less the token needs the scope \"answer\"")?;
    }
    if app.store.count_conversations(hub.id()).await? >= CONVERSATIONS {
        let message = format!("a workspace has at most {CONVERSATIONS} conversations");
        return Err(ApiError::new(ErrorCode::TooMany, message));
    }
    let by = audit::By { user: caller.id(), workspace: hub.id(), caller: Some(&caller) };
    if mode != Mode::default() && !is_there(&app, id).await? {
        audit::mode(&app, by, id, (Mode::default().as_str(), mode.as_str())).await?;
    }
    let record = app
        .store
        .create_conversation(&NewConversation {
            id,
            workspace: hub.id(),
            title: wanted.title.map(|title| title.to_string()).unwrap_or_default(),
            settings: wanted.settings,
            now: clock::now(),
        })
        .await?;
    hub.list_changed(record.view());
    Ok((StatusCode::CREATED, Answer(record.view())))
}

/// Whether there is a conversation of that id, whosever it is: to make it again changes nothing.
async fn is_there(app: &App, id: ConversationId) -> Result<bool, StoreError> {
    match app.store.conversation(id).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Rename a conversation.
#[utoipa::path(
    patch, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = RenameConversation,
    responses((status = 200, body = ConversationView, description = "It, renamed.")),
    security(("token" = ["write"]), ("session" = []))
)]
pub async fn rename(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
    Json(wanted): Json<RenameConversation>,
) -> Result<Answer<ConversationView>, ApiError> {
    let hub = workspace_of(&app, caller.id()).await?;
    let conversation = hub.conversation(id).await?;
    Ok(Answer(conversation.rename(wanted.title.to_string()).await?.view()))
}

/// Delete a conversation, with all that belongs to it.
#[utoipa::path(
    delete, path = "/api/conversations/{id}", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 204, description = "It is gone.")),
    security(("token" = ["delete"]), ("session" = []))
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
) -> Result<StatusCode, ApiError> {
    let hub = workspace_of(&app, caller.id()).await?;
    let conversation = hub.conversation(id).await?;
    let by = audit::By { user: caller.id(), workspace: hub.id(), caller: Some(&caller) };
    audit::deletion(&app, by, id).await?;
    conversation.delete().await?;
    Ok(StatusCode::NO_CONTENT)
}
