//! A person's own key for the model: typed in by people at the page, checked, sealed, and never shown again.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::model_key::{KEY_BYTES, ModelKeyView, SetModelKey};
use protocol::close::ErrorCode;
use serde_json::json;
use zeroize::Zeroizing;

use super::extract::{Acting, Json};
use crate::app::App;
use crate::audit;
use crate::auth::session::CurrentUser;
use crate::error::ApiError;
use crate::gateway::access::{Credential, Tried};

/// What is known of your own key. Never the key.
#[utoipa::path(
    get, path = "/api/user/model-key", tag = "you",
    responses((status = 200, body = ModelKeyView, description = "Whether there is one.")),
    security(("session" = []))
)]
pub async fn show(State(app): State<Arc<App>>, user: CurrentUser) -> Result<Answer<ModelKeyView>, ApiError> {
    Ok(Answer(view(&app, &user).await?))
}

/// Use your own key from now on, in place of the one before. It is tried first, and kept only if the model's API takes it.
#[utoipa::path(
    put, path = "/api/user/model-key", tag = "you",
    request_body = SetModelKey,
    responses((status = 200, body = ModelKeyView, description = "It is used from now on.")),
    security(("session" = []))
)]
pub async fn set(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    Json(wanted): Json<SetModelKey>,
) -> Result<Answer<ModelKeyView>, ApiError> {
    let key = Zeroizing::new(wanted.key);
    let invalid = |words: &str| ApiError::new(ErrorCode::Invalid, words);
    if key.len() > KEY_BYTES {
        return Err(invalid("that is too long for a key"));
    }
    let credential = Credential::new(&key).map_err(|error| invalid(&error.to_string()))?;
    app.gateway.own().count_try(user.user.id)?;
    match app.gateway.attempt(&credential).await {
        Tried::Taken => {}
        Tried::Refused => return Err(invalid("the model's API refuses this key; nothing was changed")),
        Tried::Unreachable(detail) => {
            let message = format!(
                "the key can't be checked, the model's API can't be reached: {detail}; nothing was changed"
            );
            return Err(ApiError::new(ErrorCode::Unavailable, message));
        }
    }
    audit::write(&app, user.user.id, "model_key_set", user.user.id, json!({})).await?;
    app.gateway.own().set(user.user.id, key.trim()).await?;
    tell(&app, &user).await;
    Ok(Answer(view(&app, &user).await?))
}

/// Remove your own key. The operator's is used from then on, if there is one.
#[utoipa::path(
    delete, path = "/api/user/model-key", tag = "you",
    responses((status = 204, description = "There is none any more.")),
    security(("session" = []))
)]
pub async fn remove(State(app): State<Arc<App>>, Acting(user): Acting) -> Result<StatusCode, ApiError> {
    let there = app.gateway.own().view(user.user.id).await?.is_some();
    app.gateway.own().remove(user.user.id).await?;
    if there {
        audit::note(&*app.store, user.user.id, "model_key_removed", user.user.id, json!({})).await;
    }
    tell(&app, &user).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn view(app: &App, user: &CurrentUser) -> Result<ModelKeyView, ApiError> {
    let key = app.gateway.own().view(user.user.id).await?;
    Ok(ModelKeyView { key, operator: app.gateway.has_key() })
}

/// Has the user's pages hear of it.
async fn tell(app: &App, user: &CurrentUser) {
    if let Ok(Some(workspace)) = app.store.workspace_of(user.user.id).await
        && let Some(hub) = app.hubs.get(workspace.id)
    {
        hub.beat();
    }
}
