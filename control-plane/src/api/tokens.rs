//! A person's API tokens. Only people at the page make and revoke them: a token can't make another.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::Millis;
use protocol::api::tokens::{ANSWER_DAYS, CreateToken, NewToken, Scope, TOKEN_DAYS, TokenList, TokenView};
use protocol::close::ErrorCode;
use serde_json::json;
use uuid::Uuid;

use super::extract::{Acting, Json, PathOf};
use crate::app::App;
use crate::auth::session::CurrentUser;
use crate::auth::token::{self, ApiToken};
use crate::error::ApiError;
use crate::store::records::{ApiTokenId, ApiTokenRecord};
use crate::{audit, clock};

/// Tokens of one user, expired ones among them.
const TOKENS: usize = 50;
/// A day, in milliseconds.
const DAY_MS: Millis = 86_400_000;

/// Your API tokens, the newest first. The tokens themselves are not shown.
#[utoipa::path(
    get, path = "/api/tokens", tag = "tokens",
    responses((status = 200, body = TokenList, description = "They.")),
    security(("session" = []))
)]
pub async fn list(State(app): State<Arc<App>>, user: CurrentUser) -> Result<Answer<TokenList>, ApiError> {
    let records = app.store.api_tokens(user.user.id).await?;
    Ok(Answer(TokenList { tokens: records.iter().map(view).collect() }))
}

/// Make an API token. The answer shows it, once.
#[utoipa::path(
    post, path = "/api/tokens", tag = "tokens",
    request_body = CreateToken,
    responses((status = 201, body = NewToken, description = "It is good from now on.")),
    security(("session" = []))
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    Json(wanted): Json<CreateToken>,
) -> Result<(StatusCode, Answer<NewToken>), ApiError> {
    let scopes = checked(&wanted)?;
    let user = user.user.id;
    if app.store.api_tokens(user).await?.len() >= TOKENS {
        let message = format!("{TOKENS} tokens are there already; revoke one first");
        return Err(ApiError::new(ErrorCode::TooMany, message));
    }
    let (token, now) = (ApiToken::new(), clock::now());
    let record = ApiTokenRecord {
        id: ApiTokenId(Uuid::new_v4()),
        user,
        name: wanted.name.as_str().trim().to_owned(),
        scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        created_at: now,
        expires_at: now + Millis::from(wanted.days) * DAY_MS,
        used_at: None,
    };
    let detail = json!({ "name": record.name, "scopes": record.scopes, "expires_at": record.expires_at });
    audit::write(&app, user, "token_created", record.id.0, detail).await?;
    app.store.add_api_token(token.hash(), &record).await?;
    let made = NewToken { token: token.text().to_owned(), view: view(&record) };
    Ok((StatusCode::CREATED, Answer(made)))
}

/// Revoke one of your API tokens. It is worth nothing from then on, and streams that it opened end.
#[utoipa::path(
    delete, path = "/api/tokens/{id}", tag = "tokens",
    params(("id" = Uuid, Path, description = "The token's name in the list.")),
    responses((status = 204, description = "It is revoked.")),
    security(("session" = []))
)]
pub async fn revoke(
    State(app): State<Arc<App>>,
    Acting(user): Acting,
    PathOf(id): PathOf<Uuid>,
) -> Result<StatusCode, ApiError> {
    let hash = app.store.revoke_api_token(user.user.id, ApiTokenId(id)).await?;
    app.presence.end(hash);
    audit::note(&*app.store, user.user.id, "token_revoked", id, json!({})).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The scopes that are asked for, each once, if that makes sense.
fn checked(wanted: &CreateToken) -> Result<Vec<Scope>, ApiError> {
    let invalid = |words: String| Err(ApiError::new(ErrorCode::Invalid, words));
    let name = wanted.name.as_str();
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return invalid("a token's name has words and no control characters".to_owned());
    }
    let mut scopes = wanted.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return invalid("a token without scopes can do nothing".to_owned());
    }
    let most = if scopes.contains(&Scope::Answer) { ANSWER_DAYS } else { TOKEN_DAYS };
    if wanted.days == 0 || wanted.days > most {
        return invalid(format!("a token with these scopes is good for 1 to {most} days"));
    }
    Ok(scopes)
}

fn view(record: &ApiTokenRecord) -> TokenView {
    TokenView {
        id: record.id.0,
        name: record.name.clone(),
        scopes: token::scopes(record),
        created_at: record.created_at,
        expires_at: record.expires_at,
        used_at: record.used_at,
    }
}
