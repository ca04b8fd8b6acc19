//! `GET /api/user/profile`.

use axum::Json;
use protocol::api::Me;

use crate::auth::session::CurrentUser;

/// Whoever is signed in.
pub async fn show(user: CurrentUser) -> Json<Me> {
    Json(user.me())
}
