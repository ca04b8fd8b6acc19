//! Messages, answers and stops of scripts, and what became of them.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::scripts::{AnswerPrompt, SendMessage, Sent, StopTurn};
use protocol::close::ErrorCode;
use protocol::outbox::{Item, What};
use protocol::viewer::Cursor;
use protocol::{ConversationId, ItemId};
use uuid::Uuid;

use super::deeds;
use super::extract::{Json, PathOf, workspace_of};
use crate::app::App;
use crate::audit;
use crate::auth::caller::Caller;
use crate::error::ApiError;
use crate::hub::conversation::ConversationHub;

type Accepted = Result<(StatusCode, Answer<Sent>), ApiError>;

/// Send a message. It is safe in the store when this answers; the workspace is started or woken for it. Sending the same id
/// again changes nothing, and answers how far it has come.
#[utoipa::path(
    post, path = "/api/conversations/{id}/messages", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = SendMessage,
    responses((status = 202, body = Sent, description = "It is saved.")),
    security(("token" = ["write"]), ("session" = []))
)]
pub async fn send(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
    Json(wanted): Json<SendMessage>,
) -> Accepted {
    let SendMessage { id: item, text, steer } = wanted;
    let what = What::Message { text, steer, again_of: None };
    add(&app, &caller, id, item.unwrap_or_else(fresh), what).await
}

/// Stop the running turn, or the one that is about to run.
#[utoipa::path(
    post, path = "/api/conversations/{id}/stop", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = StopTurn,
    responses((status = 202, body = Sent, description = "It is saved.")),
    security(("token" = ["write"]), ("session" = []))
)]
pub async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
    Json(wanted): Json<StopTurn>,
) -> Accepted {
    let hub = workspace_of(&app, caller.id()).await?.conversation(id).await?;
    let what = What::Stop { message: hub.to_stop() };
    add(&app, &caller, id, wanted.id.unwrap_or_else(fresh), what).await
}

/// Answer a prompt, in the name of the person whose token it is. The first answer wins, on any device. A token needs a scope of
/// its own for this: whoever gave it that has decided to be answered for.
#[utoipa::path(
    post, path = "/api/conversations/{id}/answers", tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = AnswerPrompt,
    responses((status = 202, body = Sent, description = "It is saved.")),
    security(("token" = ["answer"]), ("session" = []))
)]
pub async fn answer(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
    Json(wanted): Json<AnswerPrompt>,
) -> Accepted {
    let workspace = workspace_of(&app, caller.id()).await?;
    let hub = workspace.conversation(id).await?;
    let notice = hub.record().notice;
    let item = wanted.id.unwrap_or_else(fresh);
    let by = audit::By { user: caller.id(), workspace: workspace.id(), caller: Some(&caller) };
    deeds::answer(&app, by, caller.person(), &hub, (item, wanted.prompt, wanted.decision)).await?;
    sent(&app, &hub, item, notice).await
}

/// What became of a message, a stop or an answer.
#[utoipa::path(
    get, path = "/api/conversations/{id}/messages/{item}", tag = "messages",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        ("item" = ItemId, Path, description = "The id under which it was sent.")
    ),
    responses((status = 200, body = Item, description = "It, and how far it has come.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf((id, item)): PathOf<(ConversationId, ItemId)>,
) -> Result<Answer<Item>, ApiError> {
    let hub = workspace_of(&app, caller.id()).await?.conversation(id).await?;
    hub.hurry().await;
    found(&app, &hub, item).await.map(Answer)
}

async fn add(app: &Arc<App>, caller: &Caller, id: ConversationId, item: ItemId, what: What) -> Accepted {
    let hub = workspace_of(app, caller.id()).await?.conversation(id).await?;
    let notice = hub.record().notice;
    hub.add(item, caller.person(), what).await?;
    sent(app, &hub, item, notice).await
}

/// What was sent, and from where to follow it.
async fn sent(app: &App, hub: &ConversationHub, item: ItemId, notice: u64) -> Accepted {
    let item = found(app, hub, item).await?;
    let cursor = Cursor { log: item.after, outbox: item.rev.saturating_sub(1), notice };
    Ok((StatusCode::ACCEPTED, Answer(Sent { item, cursor: cursor.to_string() })))
}

async fn found(app: &App, hub: &ConversationHub, item: ItemId) -> Result<Item, ApiError> {
    let missing = || ApiError::new(ErrorCode::NotFound, "nothing was sent under that id");
    app.store.outbox_item(hub.id(), item).await?.ok_or_else(missing)
}

fn fresh() -> ItemId {
    ItemId(Uuid::new_v4())
}
