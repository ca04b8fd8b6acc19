//! Conversations: a document each, and what they consist of below a *body*, another document, whose name is new each time
//! a conversation is made. So nothing of a removed conversation can show through one that is made under the same id, and
//! what is swept away is never in use.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use firestore::gcloud_sdk::prost_types::Timestamp;
use protocol::log::{LogEnd, Position};
use protocol::notice::Notice;
use protocol::outbox::Item;
use protocol::{ConversationId, ItemId, Millis, WorkspaceId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::pages::{At, Pages};
use super::super::records::{Chunk, Commit, ConversationRecord, NewConversation, Segment};
use super::super::{Conversations, Hash, Result, StoreError};
use super::Firestore;
use super::client::{Again, Outcome};
use super::doc::{Doc, Fields, hex};
use super::query::Query;
use super::sweep::Grave;
use super::workspaces;
use super::write::Change;

/// How many conversations are looked at in one step of a search.
const LOOKED_AT: usize = 100;
/// How many segments are asked for at a time. No more of them are read than are wanted.
const SEGMENTS: usize = 32;
/// Of how many conversations this process keeps in mind what it last wrote.
const KNOWN: usize = 20_000;

/// What a conversation consists of, by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Body(pub(super) String);

impl std::fmt::Display for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Body {
    pub(super) fn fresh() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// Its document, which is there as long as its conversation.
    pub(super) fn path(&self) -> String {
        format!("bodies/{self}")
    }

    pub(super) fn segment(&self, segment: &Segment) -> String {
        self.segment_to(segment.last)
    }

    fn segment_to(&self, last: u64) -> String {
        format!("bodies/{self}/segments/{last:020}")
    }

    pub(super) fn notice(&self, notice: &Notice) -> String {
        format!("bodies/{self}/notices/{:020}", notice.m)
    }

    pub(super) fn chunk(&self, digest: &Hash, index: u32) -> String {
        format!("bodies/{self}/chunks/{}-{index:010}", hex(digest))
    }
}

/// A conversation's document.
pub(super) fn path(id: ConversationId) -> String {
    format!("conversations/{id}")
}

/// The conversations of a workspace, the last changed first.
pub(super) fn of(workspace: WorkspaceId) -> Query {
    Query::all("conversations")
        .between("by_change", &format!("{workspace}/"), &format!("{workspace}0"))
        .up("by_change")
}

/// Where a conversation stands in its workspace's list. One text, so that one index answers.
fn by_change(record: &ConversationRecord) -> String {
    format!("{}/{:020}/{}", record.workspace, u64::MAX - record.changed_at, record.id)
}

pub(super) fn read(doc: &Doc) -> Result<ConversationRecord> {
    Ok(ConversationRecord {
        id: ConversationId(doc.own_id()?),
        workspace: WorkspaceId(doc.id("workspace")?),
        version: doc.int("version")?,
        title: doc.text("title")?.to_owned(),
        created_at: doc.int("created_at")?,
        changed_at: doc.int("changed_at")?,
        settings: doc.json("settings")?,
        summary: doc.json("summary")?,
        end: read_end(doc)?,
        outbox_rev: doc.int("outbox_rev")?,
        outbox_seq: doc.int("outbox_seq")?,
        waiting: doc.small("waiting")?,
        notice: doc.int("notice")?,
        granted_until: doc.maybe_int("granted_until")?,
    })
}

fn read_end(doc: &Doc) -> Result<Position> {
    Ok(Position { epoch: doc.int("end_epoch")?, n: doc.int("end_n")? })
}

pub(super) fn body(doc: &Doc) -> Result<Body> {
    doc.text("body").map(|body| Body(body.to_owned()))
}

/// A conversation's fields. `step` names the commit that writes them.
pub(super) fn fields(record: &ConversationRecord, body: &Body, step: &str) -> Result<Fields> {
    Fields::default()
        .text("workspace", record.workspace.to_string())
        .text("body", &body.0)
        .text("step", step)
        .int("version", record.version)
        .text("title", &record.title)
        .int("created_at", record.created_at)
        .int("changed_at", record.changed_at)
        .text("by_change", by_change(record))
        .int("end_epoch", record.end.epoch)
        .int("end_n", record.end.n)
        .int("outbox_rev", record.outbox_rev)
        .int("outbox_seq", record.outbox_seq)
        .int("waiting", record.waiting.into())
        .int("notice", record.notice)
        .maybe_int("granted_until", record.granted_until)
        .json("settings", &record.settings)?
        .json("summary", &record.summary)
}

/// A body's fields.
pub(super) fn body_fields(id: ConversationId) -> Fields {
    Fields::default().text("conversation", id.to_string())
}

pub(super) fn segment_fields(segment: &Segment) -> Fields {
    Fields::default()
        .int("epoch", segment.epoch)
        .int("first", segment.first)
        .int("last", segment.last)
        .bytes("lines", &segment.lines)
}

pub(super) fn read_segment(doc: &Doc) -> Result<Segment> {
    Ok(Segment {
        epoch: doc.int("epoch")?,
        first: doc.int("first")?,
        last: doc.int("last")?,
        lines: doc.bytes("lines")?.to_vec(),
    })
}

pub(super) fn chunk_fields(chunk: &Chunk) -> Fields {
    Fields::default()
        .bytes("digest", &chunk.digest)
        .int("index", chunk.index.into())
        .int("chunks", chunk.chunks.into())
        .bytes("bytes", &chunk.bytes)
}

pub(super) fn read_chunk(doc: &Doc) -> Result<Chunk> {
    Ok(Chunk {
        digest: doc.hash("digest")?,
        index: doc.small("index")?,
        chunks: doc.small("chunks")?,
        bytes: doc.bytes("bytes")?.to_vec(),
    })
}

pub(super) fn notice_fields(notice: &Notice) -> Result<Fields> {
    Fields::default().int("m", notice.m).json("content", notice)
}

/// What is known of a conversation without asking.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) body: Body,
    workspace: WorkspaceId,
    created_at: u64,
    version: u64,
    end: Position,
    updated: Timestamp,
    /// Texts of its outbox that were kept apart, by digest.
    pub(super) texts: HashSet<Hash>,
}

impl Head {
    fn read(doc: &Doc) -> Result<Self> {
        let record = read(doc)?;
        Ok(Self {
            body: body(doc)?,
            workspace: record.workspace,
            created_at: record.created_at,
            version: record.version,
            end: record.end,
            updated: doc.updated,
            texts: HashSet::new(),
        })
    }
}

/// The heads of conversations that this process wrote last.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<ConversationId, Head>>);

impl Known {
    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Head>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: ConversationId) -> Option<Head> {
        self.lock().remove(&id)
    }

    fn keep(&self, id: ConversationId, head: Head) {
        let mut known = self.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(id, head);
    }

    fn body(&self, id: ConversationId) -> Option<Body> {
        self.lock().get(&id).map(|head| head.body.clone())
    }
}

#[async_trait]
impl Conversations for Firestore {
    async fn create_conversation(&self, new: &NewConversation) -> Result<ConversationRecord> {
        let (record, body) = (new.record(), Body::fresh());
        let mut attempts = self.client.attempts();
        loop {
            if let Some(doc) = self.client.get(&path(new.id)).await? {
                let record = read(&doc)?;
                // Someone else's conversation of the same id is as good as none: its existence is not told.
                return if record.workspace == new.workspace {
                    Ok(record)
                } else {
                    Err(StoreError::NotFound)
                };
            }
            self.client.need(&workspaces::path(new.workspace)).await?;
            let changes = vec![
                self.client.create(&path(new.id), fields(&record, &body, "")?),
                self.client.create(&body.path(), body_fields(new.id)),
                self.client.verify(&workspaces::path(new.workspace)),
            ];
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return Ok(record);
            }
            attempts.again().await?;
        }
    }

    async fn conversation(&self, id: ConversationId) -> Result<ConversationRecord> {
        read(&self.client.need(&path(id)).await?)
    }

    async fn conversations(
        &self,
        workspace: WorkspaceId,
        after: Option<ConversationId>,
        query: &str,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>> {
        let mut last = match after {
            Some(after) => {
                let record = self.conversation(after).await?;
                if record.workspace != workspace {
                    return Err(StoreError::NotFound);
                }
                by_change(&record)
            }
            None => format!("{workspace}/"),
        };
        let query = query.to_ascii_lowercase();
        let look = if query.is_empty() { limit } else { limit.max(LOOKED_AT) };
        let mut found = Vec::new();
        while found.len() < limit {
            let page = Query::all("conversations")
                .between("by_change", &last, &format!("{workspace}0"))
                .up("by_change")
                .limit(look);
            let page = self.client.query(page).await?;
            let Some(end) = page.last() else { break };
            last = end.text("by_change")?.to_owned();
            let more = page.len() == look;
            let records = page.iter().map(read).collect::<Result<Vec<_>>>()?;
            found.extend(
                records.into_iter().filter(|record| record.title.to_ascii_lowercase().contains(&query)),
            );
            if !more {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn count_conversations(&self, workspace: WorkspaceId) -> Result<usize> {
        let count = self.client.count(of(workspace)).await?;
        usize::try_from(count).map_err(StoreError::malformed)
    }

    async fn log_ends(&self, workspace: WorkspaceId) -> Result<Vec<LogEnd>> {
        let docs = self.client.query(of(workspace).only(&["end_epoch", "end_n"])).await?;
        let end = |doc: &Doc| Ok(LogEnd { conversation: ConversationId(doc.own_id()?), end: read_end(doc)? });
        docs.iter().map(end).collect()
    }

    async fn granted(&self, now: Millis, limit: usize) -> Result<Vec<ConversationRecord>> {
        let granted = Query::all("conversations").over("granted_until", now).up("granted_until");
        self.client.query(granted.limit(limit)).await?.iter().map(read).collect()
    }

    async fn unfinished(&self, workspace: WorkspaceId) -> Result<Vec<ConversationId>> {
        self.open_in(workspace).await
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let id = commit.record.id;
        let step = Uuid::new_v4().to_string();
        let mut head = match self.known.take(id) {
            // It is no use if it is of another version; a fresh look may be.
            Some(head) if head.version + 1 == commit.record.version => head,
            _ => Head::read(&self.client.need(&path(id)).await?)?,
        };
        let mut attempts = self.client.attempts();
        loop {
            check(commit, &head)?;
            self.keep_texts(&mut head, &commit.items).await?;
            let changes = self.changes(commit, &head, &step)?;
            if let Outcome::Done(results) = self.client.commit(changes, Again::Harmless).await? {
                if let Some(updated) = results.first().and_then(|result| result.update_time) {
                    let (version, end) = (commit.record.version, commit.record.end);
                    self.known.keep(id, Head { version, end, updated, ..head });
                }
                return Ok(());
            }
            let doc = self.client.need(&path(id)).await?;
            // An earlier attempt of this very call, whose fate was unknown.
            if doc.text("step")? == step {
                return Ok(());
            }
            let unchanged = doc.updated == head.updated;
            head = Head::read(&doc)?;
            if unchanged {
                // So a notice of that number is there.
                return Err(StoreError::Conflict);
            }
            attempts.again().await?;
        }
    }

    async fn delete_conversation(&self, id: ConversationId) -> Result<()> {
        let mut dug = None;
        let mut attempts = self.client.attempts();
        loop {
            let grave = match (self.client.get(&path(id)).await?, dug) {
                (Some(doc), _) => {
                    let body = body(&doc)?;
                    let grave = Grave::Body { body: body.clone() };
                    let changes = vec![
                        self.client.delete(&doc.path).if_still(&doc),
                        self.client.delete(&body.path()),
                        self.dig(&grave)?,
                    ];
                    self.known.take(id);
                    if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                        return self.sweep(&grave).await;
                    }
                    grave
                }
                // Removed by an earlier attempt of this very call, or by someone else.
                (None, Some(grave)) => return self.sweep_if_dug(&grave).await,
                (None, None) => return Err(StoreError::NotFound),
            };
            dug = Some(grave);
            attempts.again().await?;
        }
    }

    async fn segments_before(
        &self,
        id: ConversationId,
        before: u64,
        limit: u64,
        bytes: usize,
    ) -> Result<Vec<Segment>> {
        self.segments(id, Pages::before(before, limit, bytes)).await
    }

    async fn segments_after(
        &self,
        id: ConversationId,
        after: u64,
        limit: u64,
        bytes: usize,
    ) -> Result<Vec<Segment>> {
        self.segments(id, Pages::after(after, limit, bytes)).await
    }

    async fn put_chunk(&self, id: ConversationId, chunk: &Chunk) -> Result<()> {
        let mut body = self.known.body(id);
        let mut attempts = self.client.attempts();
        loop {
            let known = match body.take() {
                Some(body) => body,
                None => self.body(id).await?.ok_or(StoreError::NotFound)?,
            };
            let path = known.chunk(&chunk.digest, chunk.index);
            let changes =
                vec![self.client.verify(&known.path()), self.client.create(&path, chunk_fields(chunk))];
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return Ok(());
            }
            if self.client.get_all(&[path, known.path()]).await?.len() == 2 {
                return Ok(());
            }
            attempts.again().await?;
        }
    }

    async fn chunk(&self, id: ConversationId, digest: Hash, index: u32) -> Result<Chunk> {
        let body = self.body(id).await?.ok_or(StoreError::NotFound)?;
        read_chunk(&self.client.need(&body.chunk(&digest, index)).await?)
    }

    async fn outbox(&self, id: ConversationId, after: Option<u64>) -> Result<Vec<Item>> {
        match self.body(id).await? {
            Some(body) => self.items(&body, after).await,
            None => Ok(Vec::new()),
        }
    }

    async fn outbox_item(&self, id: ConversationId, item: ItemId) -> Result<Option<Item>> {
        match self.body(id).await? {
            Some(body) => self.item(&body, item).await,
            None => Ok(None),
        }
    }

    async fn notices(&self, id: ConversationId, after: u64) -> Result<Vec<Notice>> {
        let Some(body) = self.body(id).await? else { return Ok(Vec::new()) };
        let docs = self.client.query(Query::below(&body.path(), "notices").over("m", after).up("m")).await?;
        docs.iter().map(|doc| doc.json("content")).collect()
    }
}

/// Takes a segment if there is room for it, and says whether more is wanted.
fn take_segment(pages: &mut Pages, doc: &Doc) -> Result<bool> {
    let segment = read_segment(doc)?;
    if pages.has_room(segment.lines.len()) {
        pages.push(segment);
    } else {
        pages.close();
    }
    Ok(!pages.is_full())
}

/// Whether a step may follow.
fn check(commit: &Commit, head: &Head) -> Result<()> {
    let record = &commit.record;
    let follows = |segment: &Segment| {
        segment.first == head.end.n + 1
            && segment.epoch >= head.end.epoch
            && segment.last >= segment.first
            && record.end == Position { epoch: segment.epoch, n: segment.last }
    };
    let numbers: HashSet<_> = commit.notices.iter().map(|notice| notice.m).collect();
    let fits = record.version == head.version + 1
        && commit.segment.as_ref().is_none_or(follows)
        && numbers.len() == commit.notices.len();
    if fits { Ok(()) } else { Err(StoreError::Conflict) }
}

impl Firestore {
    /// What a conversation consists of; `None`: there is no such conversation.
    pub(super) async fn body(&self, id: ConversationId) -> Result<Option<Body>> {
        self.client.get(&path(id)).await?.as_ref().map(body).transpose()
    }

    /// A piece of a log.
    async fn segments(&self, id: ConversationId, mut pages: Pages) -> Result<Vec<Segment>> {
        let Some(body) = self.body(id).await? else { return Ok(Vec::new()) };
        while !pages.is_full() {
            let all = Query::below(&body.path(), "segments");
            let query = match pages.at() {
                At::Before(before) => all.under("first", before).down("first"),
                // They are named by their last event.
                At::After(after) => all.by_name(Some(body.segment_to(after))),
            };
            // A call that has to be made again begins where this one did.
            let begun = pages.clone();
            let taken = self.client.query_into(query.limit(SEGMENTS), || begun.clone(), take_segment).await?;
            pages = taken.0;
            if taken.1 < SEGMENTS {
                break;
            }
        }
        Ok(pages.segments())
    }

    /// Everything that a step changes, the conversation's document first.
    fn changes(&self, commit: &Commit, head: &Head, step: &str) -> Result<Vec<Change>> {
        let body = &head.body;
        let record = ConversationRecord {
            workspace: head.workspace,
            created_at: head.created_at,
            ..commit.record.clone()
        };
        let written = self.client.set(&path(record.id), fields(&record, body, step)?);
        let mut changes = vec![written.if_unchanged_since(head.updated)];
        if let Some(segment) = &commit.segment {
            changes.push(self.client.create(&body.segment(segment), segment_fields(segment)));
        }
        // Of an item that is there twice, the last counts.
        let last: HashMap<ItemId, &Item> = commit.items.iter().map(|item| (item.id, item)).collect();
        for item in last.into_values() {
            changes.push(self.put_item(body, head.workspace, item)?);
        }
        for notice in &commit.notices {
            changes.push(self.client.create(&body.notice(notice), notice_fields(notice)?));
        }
        Ok(changes)
    }
}
