//! `GET /api/conversations/{id}/events`: a conversation's log, backwards by cursor.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use protocol::ConversationId;
use protocol::api::HistoryPage;
use protocol::frame::split_events;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::extract::{PathOf, QueryOf, workspace_of};
use crate::app::App;
use crate::auth::session::CurrentUser;
use crate::error::ApiError;

/// Events on a page, unless asked otherwise.
const PAGE: u64 = 200;
/// Events on a page at most.
const LARGEST_PAGE: u64 = 1000;
/// Bytes on a page, about.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Which page.
#[derive(Debug, Deserialize)]
pub struct Asked {
    before: Option<u64>,
    limit: Option<u64>,
}

/// Answers a page of events in ascending order that ends just before `before`.
pub async fn page(
    State(app): State<Arc<App>>,
    user: CurrentUser,
    PathOf(id): PathOf<ConversationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Answer<HistoryPage>, ApiError> {
    let hub = workspace_of(&app, &user).await?;
    let record = hub.conversation(id).await?.record();
    let before = asked.before.unwrap_or(u64::MAX).min(record.end.n + 1);
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let segments = app.store.segments_before(id, before, limit).await?;
    let mut events = Vec::new();
    let (mut bytes, mut first) = (0, before);
    'newest_first: for segment in &segments {
        let lines = split_events(&segment.lines, segment.first).map_err(ApiError::internal)?;
        for (header, json) in lines.into_iter().rev().filter(|(header, _)| header.n < before) {
            if before - header.n > limit || (bytes > 0 && bytes + json.len() > PAGE_BYTES) {
                break 'newest_first;
            }
            bytes += json.len();
            first = header.n;
            events.push(RawValue::from_string(json.to_owned()).map_err(ApiError::internal)?);
        }
    }
    events.reverse();
    Ok(Answer(HistoryPage { end: record.end, events, before: (first > 1).then_some(first) }))
}
