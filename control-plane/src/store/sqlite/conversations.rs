//! Conversations: records, segments, bodies, outbox, notices.

use async_trait::async_trait;
use protocol::log::{LogEnd, Position};
use protocol::notice::Notice;
use protocol::outbox::{Item, ItemState};
use protocol::{ConversationId, ItemId, Millis, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::super::pages::{At, Pages};
use super::super::records::{Chunk, Commit, ConversationRecord, NewConversation, Segment};
use super::super::{Conversations, Hash, Result, StoreError};
use super::values::{count, from_json, id, int, json, optional_count};
use super::{Sqlite, failed};

#[async_trait]
impl Conversations for Sqlite {
    async fn create_conversation(&self, new: &NewConversation) -> Result<ConversationRecord> {
        let new = new.clone();
        // What an earlier one of that id left when its removal was cut off must not show through.
        self.sweep(new.id).await?;
        self.write(move |connection| create(connection, &new)).await
    }

    async fn conversation(&self, id: ConversationId) -> Result<ConversationRecord> {
        self.read(move |connection| by_id(connection, id)).await
    }

    async fn conversations(
        &self,
        workspace: WorkspaceId,
        after: Option<ConversationId>,
        query: &str,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>> {
        let query = query.to_owned();
        self.read(move |connection| list(connection, workspace, after, &query, limit)).await
    }

    async fn count_conversations(&self, workspace: WorkspaceId) -> Result<usize> {
        self.read(move |connection| count_all(connection, workspace)).await
    }

    async fn log_ends(&self, workspace: WorkspaceId) -> Result<Vec<LogEnd>> {
        self.read(move |connection| log_ends(connection, workspace)).await
    }

    async fn granted(&self, now: Millis, limit: usize) -> Result<Vec<ConversationRecord>> {
        self.read(move |connection| granted(connection, now, limit)).await
    }

    async fn unfinished(&self, workspace: WorkspaceId) -> Result<Vec<ConversationId>> {
        self.read(move |connection| unfinished(connection, workspace)).await
    }

    async fn commit(&self, step: &Commit) -> Result<()> {
        let step = step.clone();
        // Events that change nothing else: viewers have seen them, and the journal has them.
        let patient = step.items.is_empty() && step.notices.is_empty() && step.segment.is_some();
        self.write_with(patient, move |connection| commit(connection, &step)).await
    }

    async fn delete_conversation(&self, id: ConversationId) -> Result<()> {
        self.write(move |connection| bury(connection, id)).await?;
        self.sweep(id).await
    }

    async fn segments_before(
        &self,
        id: ConversationId,
        before: u64,
        limit: u64,
        bytes: usize,
    ) -> Result<Vec<Segment>> {
        let page = Pages::before(before, limit, bytes);
        self.read(move |connection| if_there(connection, id, |connection| segments(connection, id, page)))
            .await
    }

    async fn segments_after(
        &self,
        id: ConversationId,
        after: u64,
        limit: u64,
        bytes: usize,
    ) -> Result<Vec<Segment>> {
        let page = Pages::after(after, limit, bytes);
        self.read(move |connection| if_there(connection, id, |connection| segments(connection, id, page)))
            .await
    }

    async fn put_chunk(&self, id: ConversationId, chunk: &Chunk) -> Result<()> {
        let chunk = chunk.clone();
        self.write(move |connection| put_chunk(connection, id, &chunk)).await
    }

    async fn chunk(&self, id: ConversationId, digest: Hash, index: u32) -> Result<Chunk> {
        self.read(move |connection| {
            if is_there(connection, id)? {
                chunk(connection, id, &digest, index)
            } else {
                Err(StoreError::NotFound)
            }
        })
        .await
    }

    async fn outbox(&self, id: ConversationId, after: Option<u64>) -> Result<Vec<Item>> {
        self.read(move |connection| if_there(connection, id, |connection| outbox(connection, id, after)))
            .await
    }

    async fn outbox_item(&self, id: ConversationId, item: ItemId) -> Result<Option<Item>> {
        self.read(move |connection| if_there(connection, id, |connection| outbox_item(connection, id, item)))
            .await
    }

    async fn notices(&self, id: ConversationId, after: u64) -> Result<Vec<Notice>> {
        self.read(move |connection| if_there(connection, id, |connection| notices(connection, id, after)))
            .await
    }
}

pub(super) const COLUMNS: &str =
    "id, workspace, version, title, created_at, changed_at, settings, summary, end_epoch, end_n,
                       outbox_rev, outbox_seq, waiting, notice, granted_until";

/// Reads a conversation whose columns begin at `at`.
pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<ConversationRecord> {
    Ok(ConversationRecord {
        id: ConversationId(id(row, at)?),
        workspace: WorkspaceId(id(row, at + 1)?),
        version: count(row, at + 2)?,
        title: row.get(at + 3)?,
        created_at: count(row, at + 4)?,
        changed_at: count(row, at + 5)?,
        settings: from_json(row, at + 6)?,
        summary: from_json(row, at + 7)?,
        end: Position { epoch: count(row, at + 8)?, n: count(row, at + 9)? },
        outbox_rev: count(row, at + 10)?,
        outbox_seq: count(row, at + 11)?,
        waiting: row.get(at + 12)?,
        notice: count(row, at + 13)?,
        granted_until: optional_count(row, at + 14)?,
    })
}

fn create(connection: &Connection, new: &NewConversation) -> Result<ConversationRecord> {
    let known = by_id(connection, new.id);
    if matches!(known, Err(StoreError::NotFound)) {
        insert(connection, &new.record())?;
    }
    let record = by_id(connection, new.id)?;
    // Someone else's conversation of the same id is as good as none: its existence is not told.
    if record.workspace == new.workspace { Ok(record) } else { Err(StoreError::NotFound) }
}

pub(super) fn insert(connection: &Connection, record: &ConversationRecord) -> Result<()> {
    let sql = format!(
        "INSERT INTO conversations ({COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    );
    let values = params![
        record.id.0.as_bytes(),
        record.workspace.0.as_bytes(),
        int(record.version),
        record.title,
        int(record.created_at),
        int(record.changed_at),
        json(&record.settings)?,
        json(&record.summary)?,
        int(record.end.epoch),
        int(record.end.n),
        int(record.outbox_rev),
        int(record.outbox_seq),
        record.waiting,
        int(record.notice),
        record.granted_until.map(int),
    ];
    connection.execute(&sql, values).map_err(failed).map(drop)
}

fn by_id(connection: &Connection, conversation: ConversationId) -> Result<ConversationRecord> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM conversations WHERE id = ?1 AND gone = 0"))
        .map_err(failed)?;
    statement.query_row([conversation.0.as_bytes()], |row| read(row, 0)).map_err(failed)
}

fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Option<ConversationId>,
    query: &str,
    limit: usize,
) -> Result<Vec<ConversationRecord>> {
    let after = after.map(|after| by_id(connection, after)).transpose()?;
    let (changed_at, after) = match after {
        Some(after) if after.workspace != workspace => return Err(StoreError::NotFound),
        Some(after) => (int(after.changed_at), *after.id.0.as_bytes()),
        None => (i64::MAX, [0; 16]),
    };
    let pattern = format!("%{}%", query.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
    let sql = format!(
        "SELECT {COLUMNS} FROM conversations
         WHERE workspace = ?1 AND gone = 0 AND (changed_at < ?2 OR changed_at = ?2 AND id > ?3) AND title LIKE ?4 ESCAPE '\\'
         ORDER BY changed_at DESC, id LIMIT ?5"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let values = params![workspace.0.as_bytes(), changed_at, after, pattern, int(limit as u64)];
    let records = statement.query_map(values, |row| read(row, 0)).map_err(failed)?;
    records.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn count_all(connection: &Connection, workspace: WorkspaceId) -> Result<usize> {
    let sql = "SELECT count(*) FROM conversations WHERE workspace = ?1 AND gone = 0";
    let count = connection.query_row(sql, [workspace.0.as_bytes()], |row| count(row, 0)).map_err(failed)?;
    usize::try_from(count).map_err(StoreError::malformed)
}

fn log_ends(connection: &Connection, workspace: WorkspaceId) -> Result<Vec<LogEnd>> {
    let sql = "SELECT id, end_epoch, end_n FROM conversations WHERE workspace = ?1 AND gone = 0";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let ends = statement.query_map([workspace.0.as_bytes()], |row| {
        let end = Position { epoch: count(row, 1)?, n: count(row, 2)? };
        Ok(LogEnd { conversation: ConversationId(id(row, 0)?), end })
    });
    ends.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn granted(connection: &Connection, now: Millis, limit: usize) -> Result<Vec<ConversationRecord>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM conversations WHERE granted_until > ?1 AND gone = 0
         ORDER BY granted_until, id LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let records = statement.query_map([int(now), int(limit as u64)], |row| read(row, 0)).map_err(failed)?;
    records.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn unfinished(connection: &Connection, workspace: WorkspaceId) -> Result<Vec<ConversationId>> {
    let sql = "SELECT DISTINCT conversation FROM outbox JOIN conversations ON id = conversation
               WHERE outbox.workspace = ?1 AND final = 0 AND gone = 0";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_map([workspace.0.as_bytes()], |row| Ok(ConversationId(id(row, 0)?)));
    found.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn commit(connection: &Connection, commit: &Commit) -> Result<()> {
    let record = &commit.record;
    let conversation = record.id.0.as_bytes();
    if let Some(segment) = &commit.segment {
        append(connection, record, segment)?;
    }
    for item in &commit.items {
        put_item(connection, record.id, item)?;
    }
    for notice in &commit.notices {
        let sql = "INSERT INTO notices (conversation, m, content) VALUES (?1, ?2, ?3)";
        connection.execute(sql, params![conversation, int(notice.m), json(notice)?]).map_err(failed)?;
    }
    update(connection, record)
}

pub(super) fn put_item(connection: &Connection, conversation: ConversationId, item: &Item) -> Result<()> {
    let mut outbox = connection
        .prepare_cached(
            "INSERT INTO outbox (conversation, item, rev, final, content, workspace)
             VALUES (?1, ?2, ?3, ?4, ?5, (SELECT workspace FROM conversations WHERE id = ?1))
             ON CONFLICT (conversation, item) DO UPDATE SET
               rev = excluded.rev, final = excluded.final, content = excluded.content",
        )
        .map_err(failed)?;
    let (conversation, id) = (conversation.0.as_bytes(), item.id.0.as_bytes());
    let values = params![conversation, id, int(item.rev), finality(item.state), json(item)?];
    outbox.execute(values).map_err(failed).map(drop)
}

/// See the schema.
const fn finality(state: ItemState) -> u8 {
    match state {
        ItemState::Saved | ItemState::Delivered | ItemState::Started => 0,
        ItemState::Done | ItemState::Unknown { .. } | ItemState::Cancelled => 1,
        ItemState::Refused { .. } => 2,
    }
}

fn update(connection: &Connection, record: &ConversationRecord) -> Result<()> {
    let mut statement = connection
        .prepare_cached(
            "UPDATE conversations SET version = ?2, title = ?3, changed_at = ?4, settings = ?5, summary = ?6,
               end_epoch = ?7, end_n = ?8, outbox_rev = ?9, outbox_seq = ?10, waiting = ?11, notice = ?12,
               granted_until = ?13
             WHERE id = ?1 AND version = ?2 - 1 AND gone = 0",
        )
        .map_err(failed)?;
    let values = params![
        record.id.0.as_bytes(),
        int(record.version),
        record.title,
        int(record.changed_at),
        json(&record.settings)?,
        json(&record.summary)?,
        int(record.end.epoch),
        int(record.end.n),
        int(record.outbox_rev),
        int(record.outbox_seq),
        record.waiting,
        int(record.notice),
        record.granted_until.map(int),
    ];
    match statement.execute(values).map_err(failed)? {
        1 => Ok(()),
        _ => {
            by_id(connection, record.id)?;
            Err(StoreError::Conflict)
        }
    }
}

fn end_of(connection: &Connection, conversation: ConversationId) -> Result<Position> {
    let sql = "SELECT end_epoch, end_n FROM conversations WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let read = |row: &Row<'_>| Ok(Position { epoch: count(row, 0)?, n: count(row, 1)? });
    statement.query_row([conversation.0.as_bytes()], read).map_err(failed)
}

/// Appends at the end + 1 and nowhere else.
fn append(connection: &Connection, record: &ConversationRecord, segment: &Segment) -> Result<()> {
    let end = end_of(connection, record.id)?;
    let follows = segment.first == end.n + 1 && segment.epoch >= end.epoch && segment.last >= segment.first;
    if !follows || record.end != (Position { epoch: segment.epoch, n: segment.last }) {
        return Err(StoreError::Conflict);
    }
    insert_segment(connection, record.id, segment)
}

pub(super) fn insert_segment(
    connection: &Connection,
    conversation: ConversationId,
    segment: &Segment,
) -> Result<()> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO segments (conversation, last, first, epoch, lines) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .map_err(failed)?;
    let (first, last, epoch) = (int(segment.first), int(segment.last), int(segment.epoch));
    let values = params![conversation.0.as_bytes(), last, first, epoch, segment.lines];
    statement.execute(values).map_err(failed).map(drop)
}

/// Has a conversation cease to be there for anyone.
fn bury(connection: &Connection, conversation: ConversationId) -> Result<()> {
    let sql = "UPDATE conversations SET gone = 1 WHERE id = ?1 AND gone = 0";
    match connection.execute(sql, [conversation.0.as_bytes()]).map_err(failed)? {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

/// Has all conversations of a workspace cease to be there, and names those that are left to be swept away.
pub(super) fn bury_all(connection: &Connection, workspace: WorkspaceId) -> Result<Vec<ConversationId>> {
    let sql = "UPDATE conversations SET gone = 1 WHERE workspace = ?1";
    connection.execute(sql, [workspace.0.as_bytes()]).map_err(failed)?;
    ids(connection, "SELECT id FROM conversations WHERE workspace = ?1", &[workspace.0.as_bytes()])
}

/// Conversations whose removal was cut off.
fn buried(connection: &Connection) -> Result<Vec<ConversationId>> {
    ids(connection, "SELECT id FROM conversations WHERE gone = 1", &[])
}

fn ids(connection: &Connection, sql: &str, values: &[&[u8; 16]]) -> Result<Vec<ConversationId>> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement
        .query_map(params_from_iter(values), |row| Ok(ConversationId(id(row, 0)?)))
        .map_err(failed)?;
    found.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// Removes some of what is left of a removed conversation; `false`: there is nothing left of it.
fn sweep_some(connection: &Connection, conversation: ConversationId) -> Result<bool> {
    let gone = "SELECT count(*) FROM conversations WHERE id = ?1 AND gone = 1";
    let gone: u32 =
        connection.query_row(gone, [conversation.0.as_bytes()], |row| row.get(0)).map_err(failed)?;
    if gone == 0 {
        return Ok(false);
    }
    for sql in [
        "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE conversation = ?1 LIMIT 64)",
        "DELETE FROM segments WHERE conversation = ?1
           AND last IN (SELECT last FROM segments WHERE conversation = ?1 LIMIT 64)",
        "DELETE FROM outbox WHERE conversation = ?1
           AND item IN (SELECT item FROM outbox WHERE conversation = ?1 LIMIT 256)",
        "DELETE FROM notices WHERE conversation = ?1
           AND m IN (SELECT m FROM notices WHERE conversation = ?1 LIMIT 1024)",
        "DELETE FROM conversations WHERE id = ?1",
    ] {
        if connection.execute(sql, [conversation.0.as_bytes()]).map_err(failed)? > 0 {
            return Ok(true);
        }
    }
    Ok(true)
}

impl Sqlite {
    /// Removes what is left of a removed conversation, a little at a time, so that no other writer waits long.
    pub(super) async fn sweep(&self, conversation: ConversationId) -> Result<()> {
        while self.write(move |connection| sweep_some(connection, conversation)).await? {}
        Ok(())
    }

    /// The same for every one whose removal was cut off.
    pub(super) async fn sweep_all(&self) -> Result<()> {
        for conversation in self.read(buried).await? {
            self.sweep(conversation).await?;
        }
        Ok(())
    }
}

/// Whether there is such a conversation.
fn is_there(connection: &Connection, conversation: ConversationId) -> Result<bool> {
    let sql = "SELECT 1 FROM conversations WHERE id = ?1 AND gone = 0";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.exists([conversation.0.as_bytes()]).map_err(failed)
}

/// What is read of a conversation; nothing, if there is no such conversation.
fn if_there<T: Default>(
    connection: &Connection,
    conversation: ConversationId,
    read: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    if is_there(connection, conversation)? { read(connection) } else { Ok(T::default()) }
}

fn segments(connection: &Connection, conversation: ConversationId, mut pages: Pages) -> Result<Vec<Segment>> {
    let (sql, at) = match pages.at() {
        At::Before(before) => (
            "SELECT epoch, first, last, lines, length(lines) FROM segments
             WHERE conversation = ?1 AND first < ?2 ORDER BY last DESC",
            before,
        ),
        At::After(after) => (
            "SELECT epoch, first, last, lines, length(lines) FROM segments
             WHERE conversation = ?1 AND last > ?2 ORDER BY last",
            after,
        ),
    };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params![conversation.0.as_bytes(), int(at)]).map_err(failed)?;
    while !pages.is_full()
        && let Some(row) = rows.next().map_err(failed)?
    {
        // How long one is, is known before it is read.
        let bytes = usize::try_from(count(row, 4).map_err(failed)?).map_err(StoreError::malformed)?;
        if !pages.has_room(bytes) {
            break;
        }
        pages.push(read_segment(row, 0).map_err(failed)?);
    }
    Ok(pages.segments())
}

/// Reads a segment whose columns begin at `at`.
pub(super) fn read_segment(row: &Row<'_>, at: usize) -> rusqlite::Result<Segment> {
    Ok(Segment {
        epoch: count(row, at)?,
        first: count(row, at + 1)?,
        last: count(row, at + 2)?,
        lines: row.get(at + 3)?,
    })
}

pub(super) fn put_chunk(connection: &Connection, conversation: ConversationId, chunk: &Chunk) -> Result<()> {
    if !is_there(connection, conversation)? {
        return Err(StoreError::NotFound);
    }
    let sql = "INSERT INTO chunks (conversation, digest, piece, pieces, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO NOTHING";
    let values = params![conversation.0.as_bytes(), chunk.digest, chunk.index, chunk.chunks, chunk.bytes];
    connection.execute(sql, values).map_err(failed).map(drop)
}

fn chunk(connection: &Connection, conversation: ConversationId, digest: &Hash, index: u32) -> Result<Chunk> {
    let sql = "SELECT pieces, bytes FROM chunks WHERE conversation = ?1 AND digest = ?2 AND piece = ?3";
    let values = params![conversation.0.as_bytes(), digest, index];
    let read = |row: &Row<'_>| Ok(Chunk { digest: *digest, index, chunks: row.get(0)?, bytes: row.get(1)? });
    connection.query_row(sql, values, read).map_err(failed)
}

fn outbox(connection: &Connection, conversation: ConversationId, after: Option<u64>) -> Result<Vec<Item>> {
    let (sql, after) = match after {
        Some(rev) => ("SELECT content FROM outbox WHERE conversation = ?1 AND (final = 0 OR rev > ?2)", rev),
        None => ("SELECT content FROM outbox WHERE conversation = ?1 AND final <> 1 AND rev > ?2", 0),
    };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let values = params![conversation.0.as_bytes(), int(after)];
    let items = statement.query_map(values, |row| from_json(row, 0)).map_err(failed)?;
    items.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn outbox_item(connection: &Connection, conversation: ConversationId, item: ItemId) -> Result<Option<Item>> {
    let sql = "SELECT content FROM outbox WHERE conversation = ?1 AND item = ?2";
    let values = params![conversation.0.as_bytes(), item.0.as_bytes()];
    connection.query_row(sql, values, |row| from_json(row, 0)).optional().map_err(failed)
}

fn notices(connection: &Connection, conversation: ConversationId, after: u64) -> Result<Vec<Notice>> {
    let sql = "SELECT content FROM notices WHERE conversation = ?1 AND m > ?2 ORDER BY m";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let values = params![conversation.0.as_bytes(), int(after)];
    let notices = statement.query_map(values, |row| from_json(row, 0)).map_err(failed)?;
    notices.collect::<rusqlite::Result<_>>().map_err(failed)
}
