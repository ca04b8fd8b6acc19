//! Who asks for what people and their scripts may both do: a person by their session, or a script by an API token.

use std::sync::Arc;
use std::time::Duration;

use protocol::api::Me;
use protocol::api::tokens::Scope;
use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::{Millis, UserId};
use serde_json::json;

use super::client::ClientAddress;
use super::presence::Standing;
use super::session::CurrentUser;
use super::token::{self, ApiToken};
use crate::app::App;
use crate::error::ApiError;
use crate::store::Hash;
use crate::store::records::{ApiTokenRecord, UserRecord};
use crate::{audit, clock};

/// A day, in milliseconds.
const DAY_MS: Millis = 86_400_000;
/// How often it is looked whether a token that something stands on is still good: another control plane may have revoked it.
const LOOK: Duration = Duration::from_secs(30);

/// Whoever asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A person, at the page.
    Person(CurrentUser),
    /// A script.
    Script(Script),
}

/// A script that was let in by a token.
#[derive(Clone, Debug)]
pub struct Script {
    user: UserRecord,
    token: ApiTokenRecord,
    hash: Hash,
    standing: Arc<[Standing; 2]>,
}

impl Script {
    /// The script whose token that is, if the token has the scope.
    ///
    /// # Errors
    /// `SignedOut` for a token that is not good, `Forbidden` without the scope, `TooMany` for one that asks too often or is not
    /// looked up, see [`Lookups`](super::lookups::Lookups).
    pub async fn of(
        app: &App,
        token: &ApiToken,
        scope: Scope,
        from: ClientAddress,
    ) -> Result<Self, ApiError> {
        let (hash, now) = (token.hash(), clock::now());
        // Before it is looked up: a revocation in between is then seen either here or there.
        let standing = app.presence.enter(hash);
        let look = async {
            let found = app.store.api_token(hash, now).await?;
            Ok(found.filter(|(_, user)| !user.disabled))
        };
        let unknown = || ApiError::new(ErrorCode::SignedOut, "the token is unknown, expired or revoked");
        let (record, user) = app.lookups.look_up(from.0, hash, look).await?.ok_or_else(unknown)?;
        app.tokens.count(&hash)?;
        allows(&record, scope, format!("the token lacks the scope {:?}", scope.as_str()))?;
        note_use(app, hash, &record, now).await;
        let standing = Arc::new([standing, app.presence.enter_user(user.id)]);
        // Who was kept out before they entered is told by nobody.
        let user = Some(app.store.user(user.id).await?).filter(|user| !user.disabled).ok_or_else(unknown)?;
        Ok(Self { user, token: record, hash, standing })
    }

    fn is_over(&self) -> bool {
        self.standing.iter().any(Standing::is_over)
    }

    async fn over(&self, app: &App) {
        let [token, user] = &*self.standing;
        loop {
            let left = self.token.expires_at.saturating_sub(clock::now());
            tokio::select! {
                () = token.ended() => return,
                () = user.ended() => return,
                () = tokio::time::sleep(LOOK.min(Duration::from_millis(left))) => {}
            }
            // A store that can't say is asked again.
            match app.store.api_token(self.hash, clock::now()).await {
                Ok(None) => return,
                Ok(Some((_, user))) if user.disabled => return,
                Ok(Some(_)) | Err(_) => {}
            }
        }
    }
}

impl Caller {
    /// For whom.
    pub const fn user(&self) -> &UserRecord {
        match self {
            Self::Person(current) => &current.user,
            Self::Script(script) => &script.user,
        }
    }

    /// Their id.
    pub const fn id(&self) -> UserId {
        self.user().id
    }

    /// The token that lets them in, if it is not a session.
    pub const fn token(&self) -> Option<&ApiTokenRecord> {
        match self {
            Self::Person(_) => None,
            Self::Script(script) => Some(&script.token),
        }
    }

    /// Whether they may do what needs another scope, too. People at the page may.
    ///
    /// # Errors
    /// `Forbidden` otherwise, with what `why` says.
    pub fn may_also(&self, scope: Scope, why: &str) -> Result<(), ApiError> {
        self.token().map_or(Ok(()), |token| allows(token, scope, why))
    }

    /// How they are shown to themselves.
    pub fn me(&self) -> Me {
        let user = self.user();
        Me { id: user.id, name: user.name.clone(), role: user.role }
    }

    /// How they are shown in a log.
    pub fn person(&self) -> Person {
        let UserRecord { id, name, .. } = self.user();
        let token = self.token().map(|token| token.name.clone());
        Person { id: *id, name: name.clone(), token }
    }

    /// Whether the session or the token was ended here, or the user kept out, since they were let in.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Person(current) => current.is_over(),
            Self::Script(script) => script.is_over(),
        }
    }

    /// Waits until the session or the token is over, or the user is kept out.
    pub async fn over(&self, app: &App) {
        match self {
            Self::Person(current) => drop(current.over(app).await),
            Self::Script(script) => script.over(app).await,
        }
    }
}

fn allows(token: &ApiTokenRecord, scope: Scope, why: impl Into<String>) -> Result<(), ApiError> {
    let has = token::scopes(token).contains(&scope);
    if has { Ok(()) } else { Err(ApiError::new(ErrorCode::Forbidden, why)) }
}

/// Notes that a token is used: when, once a minute; that it is, in the audit trail, once a day.
async fn note_use(app: &App, hash: Hash, record: &ApiTokenRecord, now: Millis) {
    if !record.is_stale(now) {
        return;
    }
    if record.used_at.is_none_or(|used_at| used_at / DAY_MS != now / DAY_MS) {
        let detail = json!({ "name": record.name, "scopes": record.scopes });
        audit::note(&*app.store, record.user, "token_used", record.id.0, detail).await;
    }
    if let Err(error) = app.store.touch_api_token(hash, now).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a token's use can't be noted");
    }
}
