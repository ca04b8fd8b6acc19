//! `GET /api/conversations/{id}/events`: a conversation's log, backwards by cursor.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use protocol::ConversationId;
use protocol::api::HistoryPage;
use protocol::close::ErrorCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use super::extract::{PathOf, QueryOf, workspace_of};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::ApiError;
use crate::hub::history;
use crate::store::records::ConversationRecord;

/// Events on a page, unless asked otherwise.
const PAGE: u64 = 200;
/// Events on a page at most.
const LARGEST_PAGE: u64 = 1000;
/// Bytes on a page, about.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The number of an event; the log's end if absent.
    before: Option<u64>,
    /// How many events at most.
    limit: Option<u64>,
}

/// A page of the log: events in ascending order, ending just before `before`. To follow what happens, ask for changes or a
/// stream instead.
#[utoipa::path(
    get, path = "/api/conversations/{id}/events", tag = "events",
    params(("id" = ConversationId, Path, description = "The conversation."), Asked),
    responses((status = 200, body = HistoryPage, description = "A page of events.")),
    security(("token" = ["read"]), ("session" = []))
)]
pub async fn page(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathOf(id): PathOf<ConversationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Answer<HistoryPage>, ApiError> {
    let hub = workspace_of(&app, caller.id()).await?;
    let conversation = hub.conversation(id).await?;
    conversation.hurry().await;
    let record = conversation.record();
    // Viewers have seen it, and the store is slow: what it has would not join on to that.
    if asked.before.is_some_and(|before| before > record.end.n + 1 && before <= conversation.end().n + 1) {
        return Err(ApiError::new(ErrorCode::Unavailable, "the store is slow"));
    }
    stored(&app, &record, &asked).await.map(Answer)
}

/// A page of what the store has.
pub(super) async fn stored(
    app: &App,
    record: &ConversationRecord,
    asked: &Asked,
) -> Result<HistoryPage, ApiError> {
    let before = asked.before.unwrap_or(u64::MAX).min(record.end.n + 1);
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let segments = app.store.segments_before(record.id, before, limit, PAGE_BYTES).await?;
    let lines = history::page(&segments, before, limit, PAGE_BYTES).map_err(ApiError::internal)?;
    let first = lines.first().map_or(before, |line| line.n);
    let events = lines.iter().map(|line| RawValue::from_string(line.json.to_string()));
    let events = events.collect::<Result<_, _>>().map_err(ApiError::internal)?;
    Ok(HistoryPage { end: record.end, events, before: (first > 1).then_some(first) })
}
