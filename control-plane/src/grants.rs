//! Grants: what people let operators read of their conversations. Who gives one, who ends it and who uses it is written down
//! before it is so, where the owner sees it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::api::grants::{GRANT_HOURS, GrantList, GrantView};
use protocol::close::ErrorCode;
use protocol::{ConversationId, Millis, UserId};
use serde_json::json;

use crate::app::App;
use crate::audit::By;
use crate::error::ApiError;
use crate::hub::conversation::ConversationHub;
use crate::store::StoreError;
use crate::store::records::{ConversationRecord, UserRecord};
use crate::{audit, clock};

/// An hour, in milliseconds.
const HOUR_MS: Millis = 3_600_000;
/// For how long an operator's reading of one conversation is one deed.
const ONE_READING_MS: Millis = 10 * 60 * 1000;
/// How many conversations an operator is shown at most.
const LISTED: usize = 200;

/// Who has just read what, by the grant that ends then, and when that was written down.
#[derive(Debug, Default)]
pub struct Readings(Mutex<HashMap<Reading, Millis>>);

type Reading = (UserId, ConversationId, Option<Millis>);

impl Readings {
    /// Whether it has been written down lately.
    fn has(&self, reading: Reading, now: Millis) -> bool {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readings.retain(|_, at| now.saturating_sub(*at) < ONE_READING_MS);
        readings.contains_key(&reading)
    }

    fn note(&self, reading: Reading, now: Millis) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(reading, now);
    }
}

/// Lets operators read a conversation for so many hours from now.
///
/// # Errors
/// When that is too long or too short, or can't be kept.
pub async fn give(
    by: By<'_>,
    conversation: &Arc<ConversationHub>,
    hours: u16,
) -> Result<ConversationRecord, ApiError> {
    if hours == 0 || hours > GRANT_HOURS {
        let message = format!("a grant is good for 1 to {GRANT_HOURS} hours");
        return Err(ApiError::new(ErrorCode::Invalid, message));
    }
    let until = Some(clock::now() + Millis::from(hours) * HOUR_MS);
    Ok(conversation.grant(until, audit::grant(by, conversation.id(), until)).await?)
}

/// Has operators read a conversation no more.
///
/// # Errors
/// When that can't be kept.
pub async fn end(by: By<'_>, conversation: &Arc<ConversationHub>) -> Result<ConversationRecord, ApiError> {
    Ok(conversation.grant(None, audit::grant(by, conversation.id(), None)).await?)
}

/// What operators may read now.
///
/// # Errors
/// When the store can't say.
pub async fn list(app: &App) -> Result<GrantList, StoreError> {
    let mut records = app.store.granted(clock::now(), LISTED + 1).await?;
    let more = records.len() > LISTED;
    records.truncate(LISTED);
    let mut grants = Vec::new();
    for record in records {
        match view(app, record).await {
            Ok(view) => grants.extend(view),
            // Its owner is kept out, or was erased just now.
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(GrantList { grants, more })
}

async fn view(app: &App, record: ConversationRecord) -> Result<Option<GrantView>, StoreError> {
    let Some(until) = record.granted_until else { return Ok(None) };
    let user = owner(app, &record).await?;
    Ok(Some(GrantView {
        conversation: record.id,
        title: record.title,
        changed_at: record.changed_at,
        user: user.id,
        name: user.name,
        until,
    }))
}

/// Whose it is. Nobody reads what belongs to somebody who is kept out: they could not end it.
async fn owner(app: &App, record: &ConversationRecord) -> Result<UserRecord, StoreError> {
    let workspace = app.store.workspace(record.workspace).await?;
    let user = app.store.user(workspace.user).await?;
    if user.disabled { Err(StoreError::NotFound) } else { Ok(user) }
}

/// Gives an operator what `look` finds in a conversation, if they may read it, before and after that is looked for. That they
/// do is written down first.
///
/// # Errors
/// `NotFound` without a grant, whether or not there is such a conversation.
pub async fn read<T>(
    app: &App,
    operator: UserId,
    id: ConversationId,
    look: impl AsyncFnOnce(&ConversationRecord) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let record = granted(app, id).await?;
    let user = owner(app, &record).await?.id;
    let (reading, now) = ((operator, id, record.granted_until), clock::now());
    if !app.readings.has(reading, now) {
        let detail = json!({ "user": user, "workspace": record.workspace });
        audit::write(app, operator, "grant_used", id, detail).await?;
        app.readings.note(reading, now);
    }
    let found = look(&record).await?;
    // It may have been ended meanwhile, and its owner told so.
    let same = granted(app, id).await?.granted_until == record.granted_until;
    if same { Ok(found) } else { Err(StoreError::NotFound.into()) }
}

async fn granted(app: &App, id: ConversationId) -> Result<ConversationRecord, StoreError> {
    let record = app.store.conversation(id).await?;
    if record.is_granted(clock::now()) { Ok(record) } else { Err(StoreError::NotFound) }
}
