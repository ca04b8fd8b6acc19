//! Whole records, table by table, for a move.

use std::collections::HashMap;

use async_trait::async_trait;
use protocol::{ConversationId, UserId, WorkspaceId};

use super::super::records::{ConversationRecord, UsageKey, UsageRecord, UserRecord, WorkspaceRecord};
use super::super::transfer::{Entry, Page, Table};
use super::super::{Result, Secrets, StoreError, Transfer};
use super::Firestore;
use super::client::{Again, CALL, Outcome};
use super::conversations::{self, Body};
use super::doc::{Doc, Fields};
use super::query::Query;
use super::write::Change;
use super::{access, audit, outbox, people, secrets, workspaces};

/// Writes of a move that go together at most.
const TOGETHER: usize = 400;
/// How much of a move goes together: with one record more it is still less than a call takes.
const ENOUGH: usize = CALL - 1024 * 1024;

#[async_trait]
impl Transfer for Firestore {
    async fn export(&self, table: Table, from: Option<&str>) -> Result<Page> {
        match table {
            Table::Users => self.export_users(from).await,
            Table::Secrets => self.export_secrets(from).await,
            Table::LocalCodes => {
                self.export_flat("codes", table, from, |doc| {
                    Ok(Entry::LocalCode(doc.own_hash()?, doc.int("expires_at")?))
                })
                .await
            }
            Table::Sessions => {
                self.export_flat("sessions", table, from, |doc| {
                    Ok(Entry::Session(doc.own_hash()?, access::read_session(doc)?))
                })
                .await
            }
            Table::ApiTokens => {
                self.export_flat("api_tokens", table, from, |doc| {
                    Ok(Entry::ApiToken(doc.own_hash()?, access::read_token(doc)?))
                })
                .await
            }
            Table::Workspaces => {
                self.export_flat("workspaces", table, from, |doc| {
                    Ok(Entry::Workspace(workspaces::read(doc)?, doc.int("links")?))
                })
                .await
            }
            Table::EnrolTokens => {
                self.export_flat("enrolments", table, from, |doc| {
                    let workspace = WorkspaceId(doc.own_id()?);
                    Ok(Entry::EnrolToken(doc.hash("token")?, workspace, doc.int("expires_at")?))
                })
                .await
            }
            Table::Leases => {
                self.export_flat("leases", table, from, |doc| {
                    Ok(Entry::Lease(WorkspaceId(doc.own_id()?), workspaces::read_lease(doc)?))
                })
                .await
            }
            Table::Conversations => {
                self.export_flat("conversations", table, from, |doc| {
                    Ok(Entry::Conversation(conversations::read(doc)?))
                })
                .await
            }
            Table::Audit => {
                self.export_flat("audit", table, from, |doc| Ok(Entry::Audit(audit::read(doc)?))).await
            }
            Table::Usage | Table::Segments | Table::Chunks | Table::Items | Table::Notices => {
                self.export_nested(table, from).await
            }
        }
    }

    async fn import(&self, entries: &[Entry]) -> Result<()> {
        let mut bodies = HashMap::new();
        let mut changes = Vec::new();
        for entry in entries {
            self.keep(entry, &mut bodies, &mut changes).await?;
            if changes.len() >= TOGETHER || changes.iter().map(Change::size).sum::<usize>() > ENOUGH {
                self.client.done(std::mem::take(&mut changes), Again::Harmless).await?;
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        self.client.done(changes, Again::Harmless).await.map(drop)
    }

    async fn mark(&self, name: &str) -> Result<Option<String>> {
        let doc = self.client.get(&mark_path(name)).await?;
        doc.map(|doc| doc.text("text").map(str::to_owned)).transpose()
    }

    async fn set_mark(&self, name: &str, text: Option<&str>) -> Result<()> {
        let change = match text {
            Some(text) => self.client.set(&mark_path(name), Fields::default().text("text", text)),
            None => self.client.delete(&mark_path(name)),
        };
        self.client.done(vec![change], Again::Harmless).await.map(drop)
    }
}

fn mark_path(name: &str) -> String {
    format!("meta/mark-{name}")
}

/// Where a page of what is below documents begins: below which document, and after which one there.
type Nested = (String, Option<String>);

impl Firestore {
    async fn export_flat(
        &self,
        collection: &str,
        table: Table,
        from: Option<&str>,
        read: fn(&Doc) -> Result<Entry>,
    ) -> Result<Page> {
        let docs = self.flat(collection, from.map(str::to_owned), table.page()).await?;
        let next = docs.last().filter(|_| docs.len() == table.page()).map(|doc| doc.path.clone());
        Ok(Page { entries: docs.iter().map(read).collect::<Result<_>>()?, next })
    }

    async fn flat(&self, collection: &str, after: Option<String>, limit: usize) -> Result<Vec<Doc>> {
        self.client.query(Query::all(collection).by_name(after).limit(limit)).await
    }

    async fn export_users(&self, from: Option<&str>) -> Result<Page> {
        let docs = self.flat("users", from.map(str::to_owned), Table::Users.page()).await?;
        let next = docs.last().filter(|_| docs.len() == Table::Users.page()).map(|doc| doc.path.clone());
        let users = docs.iter().map(people::read).collect::<Result<Vec<_>>>()?;
        let paths: Vec<_> = users.iter().map(|user| people::settings_path(user.id)).collect();
        let mut settings = HashMap::new();
        for doc in self.client.get_all(&paths).await? {
            settings.insert(UserId(doc.own_id()?), doc.json("settings")?);
        }
        let entries = users.into_iter().map(|user| {
            let settings = settings.remove(&user.id);
            Entry::User(user, settings)
        });
        Ok(Page { entries: entries.collect(), next })
    }

    async fn export_secrets(&self, from: Option<&str>) -> Result<Page> {
        let after = from.map(serde_json::from_str).transpose().map_err(StoreError::malformed)?;
        let found = self.sealed_secrets(after.as_ref(), Table::Secrets.page()).await?;
        let next = match found.last() {
            Some((name, _)) if found.len() == Table::Secrets.page() => {
                Some(serde_json::to_string(name).map_err(StoreError::malformed)?)
            }
            Some(_) | None => None,
        };
        let entries = found.into_iter().map(|(name, sealed)| Entry::Secret(name, sealed));
        Ok(Page { entries: entries.collect(), next })
    }

    /// A page of what stands below documents: of one document at most, which may have nothing.
    async fn export_nested(&self, table: Table, from: Option<&str>) -> Result<Page> {
        let of_workspaces = table == Table::Usage;
        let collection = if of_workspaces { "workspaces" } else { "conversations" };
        let (parent, after) = match from {
            Some(from) => {
                let (parent, after): Nested = serde_json::from_str(from).map_err(StoreError::malformed)?;
                (self.client.get(&parent).await?, after)
            }
            None => (self.flat(collection, None, 1).await?.pop(), None),
        };
        let Some(parent) = parent else { return Ok(Page { entries: Vec::new(), next: None }) };
        let docs = self.nested(table, &parent, after).await?;
        let entries = self.nested_entries(table, &parent, &docs).await?;
        let next: Option<Nested> = match docs.last() {
            Some(last) if docs.len() == table.page() => Some((parent.path, Some(key(table, last)?))),
            Some(_) | None => {
                let next = self.flat(collection, Some(parent.path), 1).await?.pop();
                next.map(|next| (next.path, None))
            }
        };
        let next =
            next.map(|next| serde_json::to_string(&next)).transpose().map_err(StoreError::malformed)?;
        Ok(Page { entries, next })
    }

    async fn nested(&self, table: Table, parent: &Doc, after: Option<String>) -> Result<Vec<Doc>> {
        let query = match table {
            Table::Usage => Query::below(&parent.path, "usage").by_name(after),
            Table::Items => {
                let body = conversations::body(parent)?;
                after.map_or_else(|| outbox::of(&body), |after| outbox::after(&body, &after))
            }
            Table::Segments | Table::Chunks | Table::Notices => {
                Query::below(&conversations::body(parent)?.path(), table.name()).by_name(after)
            }
            Table::Users
            | Table::Secrets
            | Table::LocalCodes
            | Table::Sessions
            | Table::ApiTokens
            | Table::Workspaces
            | Table::EnrolTokens
            | Table::Leases
            | Table::Conversations
            | Table::Audit => return Ok(Vec::new()),
        };
        self.client.query(query.limit(table.page())).await
    }

    async fn nested_entries(&self, table: Table, parent: &Doc, docs: &[Doc]) -> Result<Vec<Entry>> {
        if table == Table::Usage {
            let workspace = WorkspaceId(parent.own_id()?);
            return docs.iter().map(|doc| read_usage(workspace, doc)).collect();
        }
        let id = ConversationId(parent.own_id()?);
        if table == Table::Items {
            let items = self.read_items(&conversations::body(parent)?, docs).await?;
            return Ok(items.into_iter().map(|item| Entry::Item(id, item)).collect());
        }
        let read = |doc: &Doc| match table {
            Table::Segments => Ok(Entry::Segment(id, conversations::read_segment(doc)?)),
            Table::Chunks => Ok(Entry::Chunk(id, conversations::read_chunk(doc)?)),
            Table::Notices => Ok(Entry::Notice(id, doc.json("content")?)),
            Table::Users
            | Table::Secrets
            | Table::LocalCodes
            | Table::Sessions
            | Table::ApiTokens
            | Table::Workspaces
            | Table::EnrolTokens
            | Table::Leases
            | Table::Usage
            | Table::Conversations
            | Table::Items
            | Table::Audit => Err(StoreError::malformed(format!("{} are not nested", table.name()))),
        };
        docs.iter().map(read).collect()
    }

    /// Adds the changes that keep a record, or makes them at once where they need a look at what is there.
    async fn keep(
        &self,
        entry: &Entry,
        bodies: &mut HashMap<ConversationId, (Body, WorkspaceId)>,
        changes: &mut Vec<Change>,
    ) -> Result<()> {
        let set = |path: &str, fields: Fields| self.client.set(path, fields);
        let change = match entry {
            Entry::User(user, settings) => {
                changes.extend(self.keep_user(user, settings.as_ref())?);
                return Ok(());
            }
            Entry::Secret(name, sealed) => set(&secrets::path(name), secrets::fields(name, sealed)),
            Entry::LocalCode(code, expires_at) => {
                set(&access::code_path(code), access::code_fields(*expires_at))
            }
            Entry::Session(token, session) => {
                set(&access::session_path(token), access::session_fields(session))
            }
            Entry::ApiToken(token, record) => set(&access::token_path(token), access::token_fields(record)?),
            Entry::Workspace(record, links) => return self.keep_workspace(record, *links).await,
            Entry::EnrolToken(token, workspace, expires_at) => {
                let fields = workspaces::enrolment_fields(token, *expires_at);
                set(&workspaces::enrolment_path(*workspace), fields)
            }
            Entry::Lease(workspace, lease) => {
                set(&workspaces::lease_path(*workspace), workspaces::lease_fields(lease))
            }
            Entry::Usage(key, usage) => set(&workspaces::usage_path(key), usage_fields(key, usage)),
            Entry::Conversation(record) => return self.keep_conversation(record).await,
            Entry::Segment(id, segment) => {
                let (body, _) = self.body_for(*id, bodies).await?;
                set(&body.segment(segment), conversations::segment_fields(segment))
            }
            Entry::Chunk(id, chunk) => {
                let (body, _) = self.body_for(*id, bodies).await?;
                set(&body.chunk(&chunk.digest, chunk.index), conversations::chunk_fields(chunk))
            }
            Entry::Item(id, item) => {
                let (body, workspace) = self.body_for(*id, bodies).await?;
                self.import_item(&body, workspace, item).await?
            }
            Entry::Notice(id, notice) => {
                let (body, _) = self.body_for(*id, bodies).await?;
                set(&body.notice(notice), conversations::notice_fields(notice)?)
            }
            Entry::Audit(record) => {
                let number = self.client.update(audit::TAIL, Fields::default());
                self.client.done(vec![number.at_least("n", record.n)], Again::Harmless).await?;
                set(&audit::path(record.n), audit::fields(record)?)
            }
        };
        changes.push(change);
        Ok(())
    }

    fn keep_user(&self, user: &UserRecord, settings: Option<&serde_json::Value>) -> Result<Vec<Change>> {
        let subject = Fields::default().text("user", user.id.to_string());
        let mut changes = vec![
            self.client.set(&people::path(user.id), people::fields(user)?),
            self.client.set(&people::subject_path(&user.subject), subject),
        ];
        if let Some(settings) = settings {
            let fields = Fields::default().json("settings", settings)?;
            changes.push(self.client.set(&people::settings_path(user.id), fields));
        }
        Ok(changes)
    }

    async fn keep_workspace(&self, record: &WorkspaceRecord, links: u64) -> Result<()> {
        let owns = Fields::default().text("workspace", record.id.to_string());
        let mut attempts = self.client.attempts();
        loop {
            let changes = vec![
                self.client.update(&people::path(record.user), owns.clone()).if_there(),
                self.client.set(&workspaces::path(record.id), workspaces::fields(record, links)?),
                self.put_number("uid", record.uid, true).await?,
                self.put_number("network", record.network, true).await?,
            ];
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return Ok(());
            }
            attempts.again().await?;
        }
    }

    async fn keep_conversation(&self, record: &ConversationRecord) -> Result<()> {
        let body = self.body(record.id).await?.unwrap_or_else(Body::fresh);
        let changes = vec![
            self.client.set(&conversations::path(record.id), conversations::fields(record, &body, "")?),
            self.client.set(&body.path(), conversations::body_fields(record.id)),
        ];
        self.client.done(changes, Again::Harmless).await.map(drop)
    }

    /// What a conversation that came before consists of, and where it is.
    async fn body_for(
        &self,
        id: ConversationId,
        bodies: &mut HashMap<ConversationId, (Body, WorkspaceId)>,
    ) -> Result<(Body, WorkspaceId)> {
        if let Some(known) = bodies.get(&id) {
            return Ok(known.clone());
        }
        let doc = self.client.need(&conversations::path(id)).await?;
        let known = (conversations::body(&doc)?, conversations::read(&doc)?.workspace);
        bodies.insert(id, known.clone());
        Ok(known)
    }
}

/// What a page goes on after.
fn key(table: Table, doc: &Doc) -> Result<String> {
    if table == Table::Items { doc.text("by_rev").map(str::to_owned) } else { Ok(doc.path.clone()) }
}

fn usage_fields(key: &UsageKey, usage: &UsageRecord) -> Fields {
    Fields::default()
        .int("day", key.day.into())
        .text("model", &key.model)
        .int("requests", usage.requests)
        .int("input", usage.input)
        .int("output", usage.output)
        .int("cache_read", usage.cache_read)
        .int("cache_write", usage.cache_write)
        .int("micro_usd", usage.micro_usd)
}

fn read_usage(workspace: WorkspaceId, doc: &Doc) -> Result<Entry> {
    let key = UsageKey { workspace, day: doc.small("day")?, model: doc.text("model")?.to_owned() };
    let usage = UsageRecord {
        requests: doc.int("requests")?,
        input: doc.int("input")?,
        output: doc.int("output")?,
        cache_read: doc.int("cache_read")?,
        cache_write: doc.int("cache_write")?,
        micro_usd: doc.int("micro_usd")?,
    };
    Ok(Entry::Usage(key, usage))
}
