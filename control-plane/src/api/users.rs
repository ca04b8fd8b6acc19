//! `/api/users`: people, for operators.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::UserId;
use protocol::people::{SetRole, UserPage, UserView};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::extract::{Json, PathOf, QueryOf};
use super::profile;
use crate::app::App;
use crate::audit;
use crate::auth::operator::Operator;
use crate::error::ApiError;
use crate::exports;
use crate::people;
use crate::people::export::{self, Extent};
use crate::store::records::UserRecord;

/// People on a page.
const PAGE: usize = 100;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The `next` of the page before.
    after: Option<UserId>,
    /// Only those whose name or e-mail address holds this.
    #[serde(default)]
    q: String,
}

/// `GET /api/users`.
#[utoipa::path(
    get, path = "/api/users", tag = "people", summary = "People. For operators.",
    params(Asked),
    responses((status = 200, body = UserPage, description = "A page of them.")),
    security(("session" = []))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    _: Operator,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Answer<UserPage>, ApiError> {
    let mut users = app.store.users(asked.after, asked.q.trim(), PAGE + 1).await?;
    let more = users.len() > PAGE;
    users.truncate(PAGE);
    let next = users.last().filter(|_| more).map(|user| user.id);
    Ok(Answer(UserPage { users: users.into_iter().map(view).collect(), next }))
}

fn view(user: UserRecord) -> UserView {
    UserView {
        id: user.id,
        name: user.name,
        email: user.email,
        role: user.role,
        disabled: user.disabled,
        erasing: user.erasing,
        created_at: user.created_at,
        signed_in_at: user.signed_in_at,
    }
}

/// `POST /api/users/{id}/disable`.
#[utoipa::path(
    post, path = "/api/users/{id}/disable", tag = "people", summary = "Keep somebody out. For operators.",
    params(("id" = UserId, Path, description = "Whom.")),
    responses((status = 204, description = "They are kept out.")),
    security(("session" = []))
)]
pub async fn disable(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<StatusCode, ApiError> {
    people::disable(&app, by.user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/users/{id}/enable`.
#[utoipa::path(
    post, path = "/api/users/{id}/enable", tag = "people", summary = "Let somebody in again. For operators.",
    params(("id" = UserId, Path, description = "Whom.")),
    responses(
        (status = 204, description = "They are let in."),
        (status = 409, description = "They are being erased.")
    ),
    security(("session" = []))
)]
pub async fn enable(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<StatusCode, ApiError> {
    people::enable(&app, by.user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/users/{id}/role`.
#[utoipa::path(
    put, path = "/api/users/{id}/role", tag = "people", summary = "Say what somebody may do. For operators.",
    params(("id" = UserId, Path, description = "Whom.")),
    request_body = SetRole,
    responses((status = 204, description = "They may.")),
    security(("session" = []))
)]
pub async fn set_role(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
    Json(SetRole { role }): Json<SetRole>,
) -> Result<StatusCode, ApiError> {
    people::set_role(&app, by.user.id, id, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/users/{id}`: somebody, with all that is theirs.
#[utoipa::path(
    delete, path = "/api/users/{id}", tag = "people", summary = "Erase somebody with all that is theirs. For operators.",
    params(("id" = UserId, Path, description = "Whom.")),
    responses(
        (status = 202, description = "They are kept out; the rest goes as soon as it can."),
        (status = 204, description = "Everything is gone.")
    ),
    security(("session" = []))
)]
pub async fn erase(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<StatusCode, ApiError> {
    Ok(profile::status(people::erase(&app, by.user.id, id).await?))
}

/// `GET /api/users/{id}/export`: what is kept of somebody, but for what is said in their conversations.
#[utoipa::path(
    get, path = "/api/users/{id}/export", tag = "people", summary = "What is kept of somebody, but for what is said in their conversations. For operators.",
    params(("id" = UserId, Path, description = "Whom.")),
    responses((status = 200, content_type = "application/x-ndjson", body = String, description = "Lines of JSON.")),
    security(("session" = []))
)]
pub async fn export(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<Response, ApiError> {
    app.store.user(id).await?;
    let place = exports::enter(&app, by.user.id)?;
    audit::write(&app, by.user.id, "user_exported", id, json!({ "content": false })).await?;
    let until = Arc::clone(&app);
    let of = (id, Extent::WithoutContent);
    profile::lines(export::body(&app, place, of, async move { by.over(&until).await }), id)
}
