//! Whoever asks.

use axum::Json;
use protocol::api::Me;

use crate::auth::caller::{By, Reads};

/// Whoever is signed in, or whose token it is.
#[utoipa::path(
    get, path = "/api/user/profile", tag = "you",
    responses((status = 200, body = Me, description = "Who.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn show(By(caller, _): By<Reads>) -> Json<Me> {
    Json(caller.user.me())
}
