//! One-time codes, sessions, API tokens: a document each, named by its hash.

use std::cmp::Reverse;

use async_trait::async_trait;
use protocol::{Millis, UserId};

use super::super::records::{ApiTokenId, ApiTokenRecord, SessionId, SessionRecord, UserRecord};
use super::super::{Access, Hash, People, Result, StoreError};
use super::client::{Again, Outcome};
use super::doc::{Doc, Fields, hex};
use super::query::Query;
use super::{Firestore, people};

/// A one-time code's document.
pub(super) fn code_path(code: &Hash) -> String {
    format!("codes/{}", hex(code))
}

/// A session's document.
pub(super) fn session_path(token: &Hash) -> String {
    format!("sessions/{}", hex(token))
}

/// An API token's document.
pub(super) fn token_path(token: &Hash) -> String {
    format!("api_tokens/{}", hex(token))
}

/// A one-time code's fields.
pub(super) fn code_fields(expires_at: Millis) -> Fields {
    Fields::default().int("expires_at", expires_at)
}

pub(super) fn read_session(doc: &Doc) -> Result<SessionRecord> {
    Ok(SessionRecord {
        id: SessionId(doc.id("id")?),
        user: UserId(doc.id("user")?),
        created_at: doc.int("created_at")?,
        expires_at: doc.int("expires_at")?,
        used_at: doc.int("used_at")?,
        idle: doc.int("idle")?,
        device: doc.text("device")?.to_owned(),
    })
}

pub(super) fn session_fields(session: &SessionRecord) -> Fields {
    Fields::default()
        .text("id", session.id.0.to_string())
        .text("user", session.user.to_string())
        .int("created_at", session.created_at)
        .int("expires_at", session.expires_at)
        .int("used_at", session.used_at)
        .int("idle", session.idle)
        .text("device", &session.device)
}

pub(super) fn read_token(doc: &Doc) -> Result<ApiTokenRecord> {
    Ok(ApiTokenRecord {
        id: ApiTokenId(doc.id("id")?),
        user: UserId(doc.id("user")?),
        name: doc.text("name")?.to_owned(),
        scopes: doc.json("scopes")?,
        created_at: doc.int("created_at")?,
        expires_at: doc.int("expires_at")?,
        used_at: doc.maybe_int("used_at")?,
    })
}

pub(super) fn token_fields(token: &ApiTokenRecord) -> Result<Fields> {
    Fields::default()
        .text("id", token.id.0.to_string())
        .text("user", token.user.to_string())
        .text("name", &token.name)
        .int("created_at", token.created_at)
        .int("expires_at", token.expires_at)
        .maybe_int("used_at", token.used_at)
        .json("scopes", &token.scopes)
}

#[async_trait]
impl Access for Firestore {
    async fn add_code(&self, code: Hash, expires_at: Millis) -> Result<()> {
        let change = self.client.create(&code_path(&code), code_fields(expires_at));
        self.client.done(vec![change], Again::Harmful).await.map(drop)
    }

    async fn spend_code(&self, code: Hash, now: Millis) -> Result<bool> {
        let Some(doc) = self.client.get(&code_path(&code)).await? else { return Ok(false) };
        let spending = self.client.delete(&doc.path).if_still(&doc);
        let spent = self.client.commit(vec![spending], Again::Harmful).await?;
        Ok(matches!(spent, Outcome::Done(_)) && doc.int("expires_at")? > now)
    }

    async fn open_session(&self, token: Hash, session: &SessionRecord) -> Result<()> {
        self.let_in(&session_path(&token), session_fields(session), session.user).await
    }

    async fn session(&self, token: Hash, now: Millis) -> Result<Option<(SessionRecord, UserRecord)>> {
        let Some(doc) = self.client.get(&session_path(&token)).await? else { return Ok(None) };
        let session = read_session(&doc)?;
        if !session.is_good(now) {
            return Ok(None);
        }
        Ok(self.user_if_there(session.user).await?.map(|user| (session, user)))
    }

    async fn touch_session(&self, token: Hash, now: Millis) -> Result<()> {
        let path = session_path(&token);
        let Some(doc) = self.client.get(&path).await? else { return Ok(()) };
        let session = read_session(&doc)?;
        if session.is_good(now) && session.is_stale(now) {
            self.note_use(&path, now).await?;
        }
        Ok(())
    }

    async fn rotate_session(&self, old: Hash, new: Hash) -> Result<bool> {
        let Some(doc) = self.client.get(&session_path(&old)).await? else { return Ok(false) };
        let changes = vec![
            self.client.delete(&doc.path).if_there(),
            self.client.create(&session_path(&new), session_fields(&read_session(&doc)?)),
        ];
        let rotated = self.client.commit(changes, Again::Harmful).await?;
        Ok(matches!(rotated, Outcome::Done(_)))
    }

    async fn close_session(&self, token: Hash) -> Result<()> {
        self.client.done(vec![self.client.delete(&session_path(&token))], Again::Harmless).await.map(drop)
    }

    async fn sessions(&self, user: UserId, now: Millis) -> Result<Vec<SessionRecord>> {
        let docs = self.client.query(of_user("sessions", user)).await?;
        let mut sessions = docs.iter().map(read_session).collect::<Result<Vec<_>>>()?;
        sessions.retain(|session| session.is_good(now));
        sessions.sort_by_key(|session| (Reverse(session.created_at), session.id));
        Ok(sessions)
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> Result<Hash> {
        self.end_one("sessions", user, session.0).await
    }

    async fn end_sessions(&self, user: UserId) -> Result<Vec<Hash>> {
        let mut ended = Vec::new();
        loop {
            let some = self.sweep_some(of_user("sessions", user)).await?;
            if some.is_empty() {
                return Ok(ended);
            }
            ended.extend(some.iter().map(Doc::own_hash).collect::<Result<Vec<_>>>()?);
        }
    }

    async fn add_api_token(&self, token: Hash, record: &ApiTokenRecord) -> Result<()> {
        self.let_in(&token_path(&token), token_fields(record)?, record.user).await
    }

    async fn api_token(&self, token: Hash, now: Millis) -> Result<Option<(ApiTokenRecord, UserRecord)>> {
        let Some(doc) = self.client.get(&token_path(&token)).await? else { return Ok(None) };
        let record = read_token(&doc)?;
        if record.expires_at <= now {
            return Ok(None);
        }
        Ok(self.user_if_there(record.user).await?.map(|user| (record, user)))
    }

    async fn touch_api_token(&self, token: Hash, now: Millis) -> Result<()> {
        let path = token_path(&token);
        let Some(doc) = self.client.get(&path).await? else { return Ok(()) };
        let record = read_token(&doc)?;
        if record.expires_at > now && record.is_stale(now) {
            self.note_use(&path, now).await?;
        }
        Ok(())
    }

    async fn api_tokens(&self, user: UserId) -> Result<Vec<ApiTokenRecord>> {
        let docs = self.client.query(of_user("api_tokens", user)).await?;
        let mut tokens = docs.iter().map(read_token).collect::<Result<Vec<_>>>()?;
        tokens.sort_by_key(|token| (Reverse(token.created_at), token.id));
        Ok(tokens)
    }

    async fn revoke_api_token(&self, user: UserId, token: ApiTokenId) -> Result<Hash> {
        self.end_one("api_tokens", user, token.0).await
    }
}

/// What a collection has of a user's.
pub(super) fn of_user(collection: &str, user: UserId) -> Query {
    Query::all(collection).equals("user", &user.to_string())
}

impl Firestore {
    /// Keeps what lets a user in, if there is that user.
    async fn let_in(&self, path: &str, fields: Fields, user: UserId) -> Result<()> {
        let changes = vec![self.client.verify(&people::path(user)), self.client.create(path, fields)];
        match self.client.commit(changes, Again::Harmful).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Unmet => {
                self.user(user).await?;
                Err(StoreError::Conflict)
            }
        }
    }

    async fn user_if_there(&self, id: UserId) -> Result<Option<UserRecord>> {
        match self.user(id).await {
            Ok(user) => Ok(Some(user)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that something is used; if it went meanwhile, that is that.
    async fn note_use(&self, path: &str, now: Millis) -> Result<()> {
        let change = self.client.update(path, Fields::default()).at_least("used_at", now).if_there();
        self.client.commit(vec![change], Again::Harmless).await.map(drop)
    }

    /// Removes the one document of a user's that is listed under that id, and says what its name was.
    async fn end_one(&self, collection: &str, user: UserId, id: uuid::Uuid) -> Result<Hash> {
        let docs = self.client.query(Query::all(collection).equals("id", &id.to_string())).await?;
        let mine = docs.iter().find(|doc| doc.text("user").is_ok_and(|owner| owner == user.to_string()));
        let mine = mine.ok_or(StoreError::NotFound)?;
        self.client.done(vec![self.client.delete(&mine.path)], Again::Harmless).await?;
        mine.own_hash()
    }
}
