//! Users and their settings.

use std::collections::BTreeSet;

use async_trait::async_trait;
use protocol::api::Role;
use protocol::{Millis, UserId};
use uuid::Uuid;

use super::super::people::searched;
use super::super::records::{Identity, Profile, UserRecord};
use super::super::{Access, Hash, People, Result, StoreError};
use super::Firestore;
use super::client::{Again, Outcome};
use super::doc::{Doc, Fields, hashed};
use super::query::Query;
use super::sweep::Grave;

/// How many users are looked at in one step of a search.
const LOOKED_AT: usize = 200;
/// How much of a name and an e-mail address is found by its pieces.
const SEARCHED: usize = 400;
/// Said only of those of whom it is so.
const ERASING: &str = "erasing";

/// A user's document.
pub(super) fn path(id: UserId) -> String {
    format!("users/{id}")
}

/// The document that says which user an identity provider's name belongs to.
pub(super) fn subject_path(subject: &str) -> String {
    format!("subjects/{}", hashed(subject))
}

/// A user's settings.
pub(super) fn settings_path(id: UserId) -> String {
    format!("settings/{id}")
}

/// The pieces of one to three characters that a text has: what a search can ask an index for.
fn pieces(text: &str) -> BTreeSet<String> {
    let letters: Vec<char> = text.chars().take(SEARCHED).collect();
    let of = |size| letters.windows(size).map(|piece| piece.iter().collect::<String>());
    (1..=3).flat_map(of).collect()
}

pub(super) fn read(doc: &Doc) -> Result<UserRecord> {
    Ok(UserRecord {
        id: UserId(doc.own_id()?),
        subject: doc.text("subject")?.to_owned(),
        name: doc.text("name")?.to_owned(),
        email: doc.maybe_text("email")?.map(str::to_owned),
        language: doc.maybe_text("language")?.map(str::to_owned),
        onboarding: doc.maybe_json("onboarding")?,
        role: doc.json("role")?,
        disabled: doc.flag("disabled")?,
        created_at: doc.int("created_at")?,
        signed_in_at: doc.int("signed_in_at")?,
        erasing: doc.has(ERASING) && doc.flag(ERASING)?,
    })
}

pub(super) fn fields(user: &UserRecord) -> Result<Fields> {
    let fields = if user.erasing { Fields::default().flag(ERASING, true) } else { Fields::default() };
    fields
        .text("subject", &user.subject)
        .text("name", &user.name)
        .maybe_text("email", user.email.as_ref())
        .maybe_text("language", user.language.as_ref())
        .flag("disabled", user.disabled)
        .int("created_at", user.created_at)
        .int("signed_in_at", user.signed_in_at)
        .texts("pieces", pieces(&searched(&user.name, user.email.as_deref())))
        .json("role", &user.role)?
        .maybe_json("onboarding", user.onboarding.as_ref())
}

#[async_trait]
impl People for Firestore {
    async fn sign_in(&self, identity: &Identity, now: Millis) -> Result<UserRecord> {
        let subject_path = subject_path(&identity.subject);
        let mut attempts = self.client.attempts();
        loop {
            if let Some(subject) = self.client.get(&subject_path).await? {
                match self.note_sign_in(UserId(subject.id("user")?), identity, now).await {
                    // They were removed just now.
                    Err(StoreError::NotFound) => {
                        attempts.again().await?;
                        continue;
                    }
                    noted => return noted,
                }
            }
            let user = UserRecord {
                id: UserId(Uuid::now_v7()),
                subject: identity.subject.clone(),
                name: identity.name.clone(),
                email: identity.email.clone(),
                language: None,
                onboarding: None,
                role: Role::User,
                disabled: false,
                erasing: false,
                created_at: now,
                signed_in_at: now,
            };
            let subject = Fields::default().text("user", user.id.to_string());
            let changes = vec![
                self.client.create(&subject_path, subject),
                self.client.create(&path(user.id), fields(&user)?),
            ];
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return Ok(user);
            }
            attempts.again().await?;
        }
    }

    async fn user(&self, id: UserId) -> Result<UserRecord> {
        read(&self.client.need(&path(id)).await?)
    }

    async fn users(&self, after: Option<UserId>, query: &str, limit: usize) -> Result<Vec<UserRecord>> {
        let query = query.to_lowercase();
        // The index has pieces of three letters; whether they stand together is seen in the document.
        let piece: String = query.chars().take(3).collect();
        let look = if query.is_empty() { limit } else { limit.max(LOOKED_AT) };
        let (mut found, mut last) = (Vec::new(), after.map(path));
        while found.len() < limit {
            let mut asked = Query::all("users").by_name(last.take()).limit(look);
            if !piece.is_empty() {
                asked = asked.has("pieces", &piece);
            }
            let page = self.client.query(asked).await?;
            for user in page.iter().map(read) {
                let user = user?;
                if searched(&user.name, user.email.as_deref()).contains(&query) {
                    found.push(user);
                }
            }
            match page.last() {
                Some(doc) if page.len() == look => last = Some(doc.path.clone()),
                Some(_) | None => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn save_profile(&self, id: UserId, profile: &Profile) -> Result<()> {
        let mut attempts = self.client.attempts();
        loop {
            let doc = self.client.need(&path(id)).await?;
            let email = doc.maybe_text("email")?;
            let fields = Fields::default()
                .text("name", &profile.name)
                .maybe_text("language", profile.language.as_ref())
                .maybe_json("onboarding", profile.onboarding.as_ref())?
                .texts("pieces", pieces(&searched(&profile.name, email)));
            // What is not said any more goes.
            let gone: Vec<_> = ["language", "onboarding"]
                .into_iter()
                .filter(|field| !fields.0.contains_key(*field))
                .collect();
            let change = self.client.update_without(&path(id), fields, &gone).if_still(&doc);
            if let Outcome::Done(_) = self.client.commit(vec![change], Again::Harmless).await? {
                return Ok(());
            }
            attempts.again().await?;
        }
    }

    async fn set_role(&self, id: UserId, role: Role) -> Result<()> {
        self.change_user(id, Fields::default().json("role", &role)?).await
    }

    async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<Vec<Hash>> {
        if disabled {
            self.change_user(id, Fields::default().flag("disabled", true)).await?;
            return self.end_sessions(id).await;
        }
        let mut attempts = self.client.attempts();
        loop {
            let doc = self.client.need(&path(id)).await?;
            if read(&doc)?.erasing {
                return Err(StoreError::Conflict);
            }
            let change = self.client.update(&path(id), Fields::default().flag("disabled", false));
            if let Outcome::Done(_) = self.client.commit(vec![change.if_still(&doc)], Again::Harmless).await?
            {
                return Ok(Vec::new());
            }
            attempts.again().await?;
        }
    }

    async fn begin_erasing(&self, id: UserId) -> Result<Vec<Hash>> {
        self.change_user(id, Fields::default().flag("disabled", true).flag(ERASING, true)).await?;
        self.end_sessions(id).await
    }

    async fn kept_out(&self) -> Result<Vec<UserId>> {
        self.users_who_are("disabled").await
    }

    async fn erasing(&self) -> Result<Vec<UserId>> {
        self.users_who_are(ERASING).await
    }

    async fn delete_user(&self, id: UserId) -> Result<()> {
        let mut attempts = self.client.attempts();
        loop {
            let Some(user) = self.client.get(&path(id)).await? else {
                return self.sweep_if_dug(&Grave::User { id, workspace: None }).await;
            };
            let grave = Grave::User { id, workspace: user.maybe_text("workspace")?.map(str::to_owned) };
            // As it was read, or a workspace that is made meanwhile would be nobody's.
            let changes = vec![
                self.client.delete(&path(id)).if_still(&user),
                self.client.delete(&subject_path(user.text("subject")?)),
                self.client.delete(&settings_path(id)),
                self.dig(&grave)?,
            ];
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return self.sweep(&grave).await;
            }
            attempts.again().await?;
        }
    }

    async fn settings(&self, id: UserId) -> Result<Option<serde_json::Value>> {
        self.client.get(&settings_path(id)).await?.map(|doc| doc.json("settings")).transpose()
    }

    async fn save_settings(&self, id: UserId, settings: &serde_json::Value) -> Result<()> {
        let fields = Fields::default().json("settings", settings)?;
        let changes = vec![self.client.verify(&path(id)), self.client.set(&settings_path(id), fields)];
        self.if_user(changes).await
    }
}

impl Firestore {
    /// Users of whom a mark says so.
    async fn users_who_are(&self, mark: &str) -> Result<Vec<UserId>> {
        let found = self.client.query(Query::all("users").is(mark)).await?;
        found.iter().map(|doc| doc.own_id().map(UserId)).collect()
    }

    /// Changes fields of a user.
    async fn change_user(&self, id: UserId, fields: Fields) -> Result<()> {
        self.if_user(vec![self.client.update(&path(id), fields).if_there()]).await
    }

    /// Makes changes of which the one condition is that there is the user.
    pub(super) async fn if_user(&self, changes: Vec<super::write::Change>) -> Result<()> {
        match self.client.commit(changes, Again::Harmless).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Unmet => Err(StoreError::NotFound),
        }
    }

    async fn note_sign_in(&self, id: UserId, identity: &Identity, now: Millis) -> Result<UserRecord> {
        let mut user = self.user(id).await?;
        if user.disabled {
            return Ok(user);
        }
        user.email = identity.email.clone().or(user.email);
        user.signed_in_at = now;
        let fields = Fields::default()
            .maybe_text("email", user.email.as_ref())
            .int("signed_in_at", now)
            .texts("pieces", pieces(&searched(&user.name, user.email.as_deref())));
        self.change_user(user.id, fields).await?;
        Ok(user)
    }
}
