//! `/api/user`: what people see, say, take along and erase of themselves.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::{Json as Answer, http::HeaderValue};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use protocol::UserId;
use protocol::close::ErrorCode;
use protocol::people::{Language, Onboarding, Profile, SessionView};
use serde_json::json;
use uuid::Uuid;

use super::extract::{Acting, Json, PathOf};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::local;
use crate::auth::session::CurrentUser;
use crate::error::ApiError;
use crate::people::export::{self, Extent};
use crate::people::{self, Erased};
use crate::runtime::RuntimeError;
use crate::store::records::{self, SessionId, UserRecord};
use crate::{audit, clock, exports};

/// `GET /api/user/profile`: whoever is signed in.
#[utoipa::path(
    get, path = "/api/user/profile", tag = "you", summary = "Whoever asks.",
    responses((status = 200, body = Profile, description = "Who.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn show(caller: Caller) -> Answer<Profile> {
    Answer(profile(caller.user()))
}

/// `POST /api/user/onboarding`: who they are and what they want.
#[utoipa::path(
    post, path = "/api/user/onboarding", tag = "you", summary = "Say who you are and what you want.",
    request_body = Onboarding,
    responses((status = 200, body = Profile, description = "Who you are now.")),
    security(("session" = []))
)]
pub async fn onboard(
    State(app): State<Arc<App>>,
    Acting(current): Acting,
    Json(mut said): Json<Onboarding>,
) -> Result<Answer<Profile>, ApiError> {
    said.purposes.sort_unstable();
    said.purposes.dedup();
    let name = said.name.to_string().trim().to_owned();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(ApiError::new(protocol::close::ErrorCode::Invalid, "that is no name"));
    }
    let language = match said.language {
        Language::En => "en",
        Language::Ko => "ko",
    };
    // Who says nothing of what they want keeps what they said before: a name is changed in the same way.
    let silent = said.purposes.is_empty() && said.note.is_none();
    let before = current.user.onboarding.clone().filter(|_| silent);
    let onboarding = before.unwrap_or_else(|| json!({ "purposes": said.purposes, "note": said.note }));
    let kept = records::Profile { name, language: Some(language.to_owned()), onboarding: Some(onboarding) };
    app.store.save_profile(current.user.id, &kept).await?;
    let user = app.store.user(current.user.id).await?;
    Ok(Answer(profile(&user)))
}

fn profile(user: &UserRecord) -> Profile {
    let me = protocol::api::Me { id: user.id, name: user.name.clone(), role: user.role };
    // Whoever signs in locally has set this up themselves.
    let onboarded = user.onboarding.is_some() || user.subject == local::SUBJECT;
    Profile { me, email: user.email.clone(), language: user.language.clone(), onboarded }
}

/// `GET /api/user/sessions`: where one is signed in.
#[utoipa::path(
    get, path = "/api/user/sessions", tag = "you", summary = "Where you are signed in.",
    responses((status = 200, body = Vec<SessionView>, description = "Your sessions.")),
    security(("session" = []))
)]
pub async fn sessions(
    State(app): State<Arc<App>>,
    current: CurrentUser,
) -> Result<Answer<Vec<SessionView>>, ApiError> {
    let sessions = app.store.sessions(current.user.id, clock::now()).await?;
    let view = |session: records::SessionRecord| SessionView {
        id: session.id.0,
        current: session.id == current.session.id,
        device: session.device,
        created_at: session.created_at,
        used_at: session.used_at,
        expires_at: session.expires_at,
    };
    Ok(Answer(sessions.into_iter().map(view).collect()))
}

/// `DELETE /api/user/sessions/{id}`: signs another device of one's own out.
#[utoipa::path(
    delete, path = "/api/user/sessions/{id}", tag = "you", summary = "Sign another of your devices out.",
    params(("id" = Uuid, Path, description = "The session's name in the list.")),
    responses((status = 204, description = "It is signed out.")),
    security(("session" = []))
)]
pub async fn end_session(
    State(app): State<Arc<App>>,
    Acting(current): Acting,
    PathOf(id): PathOf<Uuid>,
) -> Result<StatusCode, ApiError> {
    let user = current.user.id;
    let ended = app.store.end_session(user, SessionId(id)).await?;
    app.presence.end(ended);
    audit::write(&app, user, "session_ended", id, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/user/export`: all that is theirs, as lines of JSON.
#[utoipa::path(
    get, path = "/api/user/export", tag = "you", summary = "Take along all that is yours, as lines of JSON.",
    responses((status = 200, content_type = "application/x-ndjson", body = String, description = "The lines.")),
    security(("session" = []))
)]
pub async fn export(State(app): State<Arc<App>>, current: CurrentUser) -> Result<Response, ApiError> {
    let id = current.user.id;
    let place = exports::enter(&app, id)?;
    audit::write(&app, id, "user_exported", id, json!({ "own": true })).await?;
    let until = Arc::clone(&app);
    let body = export::body(&app, place, (id, Extent::All), async move { current.over(&until).await });
    lines(body, id)
}

/// An archive of nothing: two blocks of zeros (POSIX.1, pax).
static EMPTY: [u8; 1024] = [0; 1024];

/// `GET /api/user/files`: the files in their workspace, as a tar archive.
#[utoipa::path(
    get, path = "/api/user/files", tag = "you", summary = "Take along your files, as a tar archive.",
    responses(
        (status = 200, content_type = "application/x-tar", body = String, description = "The archive."),
        (status = 503, description = "They can't be read now.")
    ),
    security(("session" = []))
)]
pub async fn files(State(app): State<Arc<App>>, current: CurrentUser) -> Result<Response, ApiError> {
    let id = current.user.id;
    let place = exports::enter_files(&app, id)?;
    let archive = match app.store.workspace_of(id).await? {
        Some(record) => {
            // A browser that goes meanwhile leaves nothing behind.
            let runtime = Arc::clone(&app.runtime);
            let asked = app.tasks.spawn(async move { runtime.files(record.id).await });
            asked.await.map_err(ApiError::internal)?.map_err(unreadable)?
        }
        None => None,
    };
    let mut archive = archive.unwrap_or_else(|| stream::iter([Ok(Bytes::from_static(&EMPTY))]).boxed());
    audit::write(&app, id, "files_exported", id, json!({})).await?;
    let until = Arc::clone(&app);
    let body = exports::body(&app, place, async move { current.over(&until).await }, |export| async move {
        while let Some(piece) = archive.try_next().await? {
            export.piece(piece).await?;
        }
        Ok(())
    });
    attached(body, id, "tar", "application/x-tar")
}

/// A workspace that is stopped may have to be started for its disk to be there.
fn unreadable(error: RuntimeError) -> ApiError {
    tracing::warn!(error = &error as &dyn std::error::Error, "a workspace's files can't be read");
    let words = "the workspace's files can't be read now; start it, then try again";
    ApiError::new(ErrorCode::Unavailable, words)
}

/// An export of records as an answer.
///
/// # Errors
/// Never, as ids are.
pub(super) fn lines(body: Body, user: UserId) -> Result<Response, ApiError> {
    attached(body, user, "jsonl", "application/x-ndjson")
}

/// A body that a browser keeps as a file with this ending.
fn attached(body: Body, user: UserId, ending: &str, kind: &'static str) -> Result<Response, ApiError> {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_DISPOSITION, export::file_name(user, ending).map_err(ApiError::internal)?);
    Ok(response)
}

/// `DELETE /api/user`: erases whoever asks, with all that is theirs.
#[utoipa::path(
    delete, path = "/api/user", tag = "you", summary = "Erase yourself, with all that is yours.",
    responses(
        (status = 202, description = "You are signed out; what is left goes as soon as it can."),
        (status = 204, description = "Everything is gone.")
    ),
    security(("session" = []))
)]
pub async fn erase(State(app): State<Arc<App>>, Acting(current): Acting) -> Result<Response, ApiError> {
    let erased = people::erase_oneself(&app, current.user.id).await?;
    let mut response = status(erased).into_response();
    response.headers_mut().extend(app.cookie.forget().map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// How it is answered that somebody is erased, or will be.
pub(super) const fn status(erased: Erased) -> StatusCode {
    match erased {
        Erased::Entirely => StatusCode::NO_CONTENT,
        Erased::Begun => StatusCode::ACCEPTED,
    }
}
