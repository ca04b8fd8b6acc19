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

use super::extract::{Json, PathOf, QueryOf};
use super::profile;
use crate::app::App;
use crate::audit;
use crate::auth::operator::Operator;
use crate::error::ApiError;
use crate::people;
use crate::people::export::{self, Extent};
use crate::store::records::UserRecord;

/// People on a page.
const PAGE: usize = 100;

/// Which page.
#[derive(Debug, Deserialize)]
pub struct Asked {
    after: Option<UserId>,
    #[serde(default)]
    q: String,
}

/// `GET /api/users`.
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
        created_at: user.created_at,
        signed_in_at: user.signed_in_at,
    }
}

/// `POST /api/users/{id}/disable`.
pub async fn disable(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<StatusCode, ApiError> {
    people::disable(&app, by.user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/users/{id}/enable`.
pub async fn enable(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<StatusCode, ApiError> {
    people::enable(&app, by.user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/users/{id}/role`.
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
pub async fn erase(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<StatusCode, ApiError> {
    Ok(profile::status(people::erase(&app, by.user.id, id).await?))
}

/// `GET /api/users/{id}/export`: what is kept of somebody, but for what is said in their conversations.
pub async fn export(
    State(app): State<Arc<App>>,
    Operator(by): Operator,
    PathOf(id): PathOf<UserId>,
) -> Result<Response, ApiError> {
    app.store.user(id).await?;
    audit::write(&app, by.user.id, "user_exported", id, json!({ "content": false })).await?;
    let until = Arc::clone(&app);
    profile::lines(export::body(&app, id, Extent::WithoutContent, async move { by.over(&until).await }), id)
}
