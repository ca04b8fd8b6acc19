//! What is done to people: kept out, let in again, made operators or users, erased; and [`export`], all that is theirs.

pub mod export;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use protocol::UserId;
use protocol::api::Role;
use protocol::close::ErrorCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::audit;
use crate::error::ApiError;
use crate::hub::workspace::WorkspaceHub;
use crate::store::{Hash, StoreError};
use crate::workspace::policy::Ask;

/// How long somebody waits to hear that all that was theirs is gone. It goes on without them.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked for those with whom something failed half-way.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// What has become of a request to erase somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Erased {
    /// Everything is gone.
    Entirely,
    /// They are kept out; the engine has yet to remove their workspace.
    Begun,
}

/// Keeps somebody out: their sessions end with every socket, their workspace stops and its certificates are worth nothing.
///
/// # Errors
/// When the store fails. Whoever is not kept out then shows so in the list of people; asked again, what is left is done.
/// What is left with those who are is done by [`keep_finishing`].
pub async fn disable(app: &Arc<App>, by: UserId, id: UserId) -> Result<(), ApiError> {
    not_oneself(by, id)?;
    app.store.user(id).await?;
    audit::write(app, by, "user_disabled", id, json!({})).await?;
    tracing::info!(user = %id, operator = %by, "an operator keeps somebody out");
    let _alone = app.letting_in.lock().await;
    // First: while this fails they are not called kept out.
    revoke(app, id).await?;
    end(app, &app.store.set_disabled(id, true).await?);
    app.presence.end_user(id);
    shut(app, id).await
}

/// Lets somebody in again. Their workspace gets new certificates when it next starts.
///
/// # Errors
/// When the store fails, or they are being erased.
pub async fn enable(app: &Arc<App>, by: UserId, id: UserId) -> Result<(), ApiError> {
    if app.store.user(id).await?.erasing {
        return Err(ApiError::new(ErrorCode::Conflict, "they are being erased"));
    }
    audit::write(app, by, "user_enabled", id, json!({})).await?;
    let _alone = app.letting_in.lock().await;
    if let Some(record) = app.store.workspace_of(id).await? {
        app.workspaces.trust_again(record.id).await?;
    }
    app.store.set_disabled(id, false).await?;
    Ok(())
}

/// Says what somebody may do. Whoever ceases to be an operator is signed out, so that nothing that is open goes on as if
/// they were one.
///
/// # Errors
/// When the store fails, or an operator would undo themselves.
pub async fn set_role(app: &Arc<App>, by: UserId, id: UserId, role: Role) -> Result<(), ApiError> {
    not_oneself(by, id)?;
    let user = app.store.user(id).await?;
    if user.role == role {
        return Ok(());
    }
    audit::write(app, by, "role_changed", id, json!({ "from": user.role, "to": role })).await?;
    app.store.set_role(id, role).await?;
    if role == Role::User {
        end(app, &app.store.end_sessions(id).await?);
    }
    Ok(())
}

/// Erases somebody with all that is theirs. What was written down of deeds stays, with their id and no name, and
/// without what they allowed, where they were and with what.
///
/// # Errors
/// When the store fails, or an operator would erase themselves from the list of people.
pub async fn erase(app: &Arc<App>, by: UserId, id: UserId) -> Result<Erased, ApiError> {
    not_oneself(by, id)?;
    erase_by(app, by, id, json!({})).await
}

/// Erases whoever asks, with all that is theirs.
///
/// # Errors
/// When the store fails.
pub async fn erase_oneself(app: &Arc<App>, id: UserId) -> Result<Erased, ApiError> {
    erase_by(app, id, id, json!({ "own": true })).await
}

async fn erase_by(app: &Arc<App>, by: UserId, id: UserId, detail: Value) -> Result<Erased, ApiError> {
    app.store.user(id).await?;
    audit::write(app, by, "user_erased", id, detail).await?;
    tracing::info!(user = %id, by = %by, "somebody is erased");
    end(app, &app.store.begin_erasing(id).await?);
    app.presence.end_user(id);
    revoke(app, id).await?;
    let task = app.tasks.spawn(finish(Arc::clone(app), id));
    match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(done)) => done.map(|()| Erased::Entirely),
        Ok(Err(error)) => Err(ApiError::internal(error)),
        Err(_) => Ok(Erased::Begun),
    }
}

/// Shuts what is still open of whoever is kept out, and erases whoever is still to be erased: at start those with whom the last
/// control plane was not done, later those with whom the store failed meanwhile.
pub async fn keep_finishing(app: Arc<App>) {
    loop {
        keep_shut(&app).await;
        match app.store.erasing().await {
            Ok(left) => {
                let finished = |id| {
                    let app = Arc::clone(&app);
                    async move { (id, tokio::time::timeout(LOOK_AGAIN, finish(app, id)).await) }
                };
                for (user, outcome) in join_all(left.into_iter().map(finished)).await {
                    match outcome {
                        Ok(Ok(())) => tracing::info!(%user, "somebody is erased, as was left to do"),
                        Ok(Err(error)) => tracing::warn!(%user, ?error, "somebody can't be erased yet"),
                        Err(_) => tracing::warn!(%user, "somebody's workspace is not removed yet"),
                    }
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "it can't be found out who is still to be erased");
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Looks once that nothing is open of whoever is kept out.
pub async fn keep_shut(app: &Arc<App>) {
    let kept_out = app.store.kept_out().await.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "it can't be found out who is kept out");
        Vec::new()
    });
    for user in kept_out {
        if let Err(error) = shut_if_out(app, user).await {
            tracing::warn!(%user, ?error, "something may still be open of somebody who is kept out");
        }
    }
}

/// The same for one of them, who may have been let in since.
async fn shut_if_out(app: &Arc<App>, id: UserId) -> Result<(), ApiError> {
    let _alone = app.letting_in.lock().await;
    if app.store.user(id).await?.disabled { shut(app, id).await } else { Ok(()) }
}

/// Waits until the engine has removed the workspace, and removes the rest. What cuts it off leaves somebody who is marked in the
/// store as being erased.
async fn finish(app: Arc<App>, id: UserId) -> Result<(), ApiError> {
    if let Some(hub) = workspace(&app, id).await? {
        app.workspaces.ask(&hub, Ask::Delete);
        tokio::select! {
            biased;
            () = hub.closed().cancelled() => {}
            () = app.stop.cancelled() => return Err(ApiError::new(ErrorCode::Unavailable, "the server restarts")),
        }
    }
    match app.store.delete_user(id).await {
        // Somebody else was quicker.
        Ok(()) | Err(StoreError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Has somebody's workspace stopped, and its certificates be worth nothing.
async fn shut(app: &Arc<App>, id: UserId) -> Result<(), ApiError> {
    revoke(app, id).await?;
    if let Some(hub) = workspace(app, id).await? {
        app.workspaces.ask_as_operator(&hub, Ask::Stop, hub.status().generation);
    }
    Ok(())
}

async fn revoke(app: &App, id: UserId) -> Result<(), ApiError> {
    if let Some(record) = app.store.workspace_of(id).await? {
        app.workspaces.revoke(record.id).await?;
    }
    Ok(())
}

fn end(app: &App, sessions: &[Hash]) {
    for session in sessions {
        app.presence.end(*session);
    }
}

async fn workspace(app: &Arc<App>, id: UserId) -> Result<Option<Arc<WorkspaceHub>>, ApiError> {
    match app.store.workspace_of(id).await? {
        Some(record) => Ok(Some(app.workspaces.drive(record, None).await?)),
        None => Ok(None),
    }
}

/// Nobody locks themselves out by mistake, and the last operator does not go.
fn not_oneself(by: UserId, id: UserId) -> Result<(), ApiError> {
    let words = "not to oneself; another operator can, and one's own data is erased in the settings";
    if by == id { Err(ApiError::new(ErrorCode::Conflict, words)) } else { Ok(()) }
}
