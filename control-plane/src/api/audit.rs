//! The audit trail: all of it for operators, what concerns oneself for everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use protocol::api::audit::{AuditRows, AuditView};
use protocol::{Millis, UserId};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::extract::QueryOf;
use crate::app::App;
use crate::audit;
use crate::auth::operator::Operator;
use crate::auth::session::CurrentUser;
use crate::error::ApiError;
use crate::exports::{self, Lines};
use crate::store::records::{AuditFilter, AuditFrom, AuditRecord};

/// Rows on a page, unless asked otherwise.
const PAGE: usize = 100;
/// Rows on a page at most.
const LARGEST_PAGE: usize = 500;
/// How often one request asks the store: a filter that takes little is told so far, and asked again.
const LOOKS: usize = 8;
/// Rows that an export reads at a time.
const EXPORTED: usize = 500;

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// By this one: a user's id, or `atelier`.
    who: Option<String>,
    /// Of this kind.
    kind: Option<String>,
    /// Done by this one, to it, or in its workspace: an id.
    about: Option<String>,
    /// Not before this time, in milliseconds since 1970.
    from: Option<Millis>,
    /// Before this time.
    until: Option<Millis>,
    /// The `next` of the page before.
    before: Option<u64>,
    /// How many rows at most.
    limit: Option<usize>,
}

/// Which of one's own rows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OwnAsked {
    /// The `next` of the page before.
    before: Option<u64>,
    /// How many rows at most.
    limit: Option<usize>,
}

impl Asked {
    fn filter(&self) -> AuditFilter {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        AuditFilter {
            from: self.from,
            until: self.until,
            kind: some(&self.kind),
            who: some(&self.who),
            about: some(&self.about),
        }
    }
}

/// What was done, the newest first. For operators.
#[utoipa::path(
    get, path = "/api/operator/audit", tag = "audit",
    params(Asked),
    responses((status = 200, body = AuditRows, description = "A page of deeds.")),
    security(("session" = []))
)]
pub async fn page(
    State(app): State<Arc<App>>,
    _: Operator,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Answer<AuditRows>, ApiError> {
    let hide = |mut record: AuditRecord| {
        record.entry.hide_content();
        record
    };
    rows(&app, &asked.filter(), asked.before, asked.limit, hide).await.map(Answer)
}

/// What you did, and what was done to what is yours, the newest first.
#[utoipa::path(
    get, path = "/api/user/audit", tag = "you",
    params(OwnAsked),
    responses((status = 200, body = AuditRows, description = "A page of deeds.")),
    security(("session" = []))
)]
pub async fn own(
    State(app): State<Arc<App>>,
    user: CurrentUser,
    QueryOf(asked): QueryOf<OwnAsked>,
) -> Result<Answer<AuditRows>, ApiError> {
    let about = Some(user.user.id.to_string());
    let filter = AuditFilter { about, ..AuditFilter::default() };
    rows(&app, &filter, asked.before, asked.limit, |record| record).await.map(Answer)
}

async fn rows(
    app: &App,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: Option<usize>,
    seen: impl Fn(AuditRecord) -> AuditRecord,
) -> Result<AuditRows, ApiError> {
    let limit = limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let mut next = Some(AuditFrom::Before(before.map_or(u64::MAX, |before| before.min(LAST))));
    let mut records: Vec<AuditRecord> = Vec::new();
    for _ in 0..LOOKS {
        let (Some(from), true) = (next, records.len() < limit) else { break };
        let page = app.store.audit(filter, from, limit - records.len()).await?;
        records.extend(page.records);
        next = page.next;
    }
    let next = next.map(|(AuditFrom::Before(n) | AuditFrom::After(n))| n);
    let names = names(app, &records).await?;
    Ok(AuditRows { rows: records.into_iter().map(seen).map(view).collect(), names, next })
}

/// The largest number that every store can count to.
const LAST: u64 = i64::MAX.unsigned_abs();

/// What the users among those who acted are called.
async fn names(app: &App, records: &[AuditRecord]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut names = BTreeMap::new();
    for record in records {
        let who = &record.entry.who;
        if names.contains_key(who) {
            continue;
        }
        let Ok(id) = who.parse::<UserId>() else { continue };
        // Whoever is gone has a number, and no name.
        if let Ok(user) = app.store.user(id).await {
            names.insert(who.clone(), user.name);
        }
    }
    Ok(names)
}

fn view(record: AuditRecord) -> AuditView {
    let AuditRecord { n, entry } = record;
    AuditView {
        n,
        at: entry.at,
        who: entry.who,
        kind: entry.kind,
        object: entry.object,
        detail: entry.detail,
    }
}

/// Every row that the filter takes, a line of JSON each, the oldest first. For operators.
#[utoipa::path(
    get, path = "/api/operator/audit/export", tag = "audit",
    params(Asked),
    responses((status = 200, content_type = "application/x-ndjson", body = String, description = "The lines.")),
    security(("session" = []))
)]
pub async fn export(
    State(app): State<Arc<App>>,
    operator: Operator,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Response, ApiError> {
    let filter = asked.filter();
    let id = operator.0.user.id;
    let place = exports::enter(&app, id)?;
    let about = json!({ "about": filter.about, "who": filter.who, "kind": filter.kind });
    audit::write(&app, id, "audit_exported", id, about).await?;
    let (until, reader) = (Arc::clone(&app), operator.0.clone());
    let until = async move { reader.over(&until).await };
    let of = Arc::clone(&app);
    let body = exports::body(&app, place, until, move |lines| write(of, operator, filter, lines));
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"atelier-audit.jsonl\"")),
    ];
    Ok((headers, body).into_response())
}

async fn write(app: Arc<App>, operator: Operator, filter: AuditFilter, lines: Lines) -> anyhow::Result<()> {
    let mut next = Some(AuditFrom::After(0));
    while let Some(from) = next {
        // It may take its reader long, and they may be none any more.
        operator.still(&app).await.map_err(|_| anyhow::anyhow!("they are no operator any more"))?;
        let page = app.store.audit(&filter, from, EXPORTED).await?;
        for mut record in page.records {
            record.entry.hide_content();
            lines.line(&record).await?;
        }
        next = page.next;
    }
    Ok(())
}
