//! Conversations: records, segments, bodies, outbox, notices.

use protocol::log::{LogEnd, Position};
use protocol::notice::Notice;
use protocol::outbox::{Item, ItemState};
use protocol::summary::Summary;
use protocol::{ConversationId, ItemId, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::records::{Chunk, Commit, ConversationRecord, NewConversation, Segment};
use super::super::{Hash, Result, StoreError};
use super::failed;
use super::values::{count, from_json, id, int, json};

const COLUMNS: &str =
    "id, workspace, version, title, created_at, changed_at, settings, summary, end_epoch, end_n,
                       outbox_rev, outbox_seq, waiting, notice";

fn read(row: &Row<'_>) -> rusqlite::Result<ConversationRecord> {
    Ok(ConversationRecord {
        id: ConversationId(id(row, 0)?),
        workspace: WorkspaceId(id(row, 1)?),
        version: count(row, 2)?,
        title: row.get(3)?,
        created_at: count(row, 4)?,
        changed_at: count(row, 5)?,
        settings: from_json(row, 6)?,
        summary: from_json(row, 7)?,
        end: Position { epoch: count(row, 8)?, n: count(row, 9)? },
        outbox_rev: count(row, 10)?,
        outbox_seq: count(row, 11)?,
        waiting: row.get(12)?,
        notice: count(row, 13)?,
    })
}

pub(super) fn create(connection: &Connection, new: &NewConversation) -> Result<ConversationRecord> {
    let sql = format!(
        "INSERT INTO conversations ({COLUMNS}) VALUES (?1, ?2, 1, ?3, ?4, ?4, ?5, ?6, 0, 0, 0, 0, 0, 0)
         ON CONFLICT (id) DO NOTHING"
    );
    let summary = Summary { settings: new.settings.clone(), ..Summary::default() };
    let (settings, summary) = (json(&new.settings)?, json(&summary)?);
    let (id, workspace) = (new.id.0.as_bytes(), new.workspace.0.as_bytes());
    connection
        .execute(&sql, params![id, workspace, new.title, int(new.now), settings, summary])
        .map_err(failed)?;
    let record = by_id(connection, new.id)?;
    // Someone else's conversation of the same id is as good as none: its existence is not told.
    if record.workspace == new.workspace { Ok(record) } else { Err(StoreError::NotFound) }
}

pub(super) fn by_id(connection: &Connection, conversation: ConversationId) -> Result<ConversationRecord> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM conversations WHERE id = ?1"))
        .map_err(failed)?;
    statement.query_row([conversation.0.as_bytes()], read).map_err(failed)
}

pub(super) fn list(
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
         WHERE workspace = ?1 AND (changed_at < ?2 OR changed_at = ?2 AND id > ?3) AND title LIKE ?4 ESCAPE '\\'
         ORDER BY changed_at DESC, id LIMIT ?5"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let values = params![workspace.0.as_bytes(), changed_at, after, pattern, int(limit as u64)];
    let records = statement.query_map(values, read).map_err(failed)?;
    records.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(super) fn log_ends(connection: &Connection, workspace: WorkspaceId) -> Result<Vec<LogEnd>> {
    let sql = "SELECT id, end_epoch, end_n FROM conversations WHERE workspace = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let ends = statement.query_map([workspace.0.as_bytes()], |row| {
        let end = Position { epoch: count(row, 1)?, n: count(row, 2)? };
        Ok(LogEnd { conversation: ConversationId(id(row, 0)?), end })
    });
    ends.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(super) fn unfinished(connection: &Connection, workspace: WorkspaceId) -> Result<Vec<ConversationId>> {
    let sql =
        "SELECT DISTINCT conversations.id FROM conversations JOIN outbox ON conversation = conversations.id
               WHERE workspace = ?1 AND final = 0";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_map([workspace.0.as_bytes()], |row| Ok(ConversationId(id(row, 0)?)));
    found.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(super) fn commit(connection: &Connection, commit: &Commit) -> Result<()> {
    let record = &commit.record;
    let conversation = record.id.0.as_bytes();
    if let Some(segment) = &commit.segment {
        append(connection, record, segment)?;
    }
    let mut outbox = connection
        .prepare_cached(
            "INSERT INTO outbox (conversation, item, rev, final, content) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (conversation, item) DO UPDATE SET
               rev = excluded.rev, final = excluded.final, content = excluded.content",
        )
        .map_err(failed)?;
    for item in &commit.items {
        let values =
            params![conversation, item.id.0.as_bytes(), int(item.rev), finality(item.state), json(item)?];
        outbox.execute(values).map_err(failed)?;
    }
    for notice in &commit.notices {
        let sql = "INSERT INTO notices (conversation, m, content) VALUES (?1, ?2, ?3)";
        connection.execute(sql, params![conversation, int(notice.m), json(notice)?]).map_err(failed)?;
    }
    update(connection, record)
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
               end_epoch = ?7, end_n = ?8, outbox_rev = ?9, outbox_seq = ?10, waiting = ?11, notice = ?12
             WHERE id = ?1 AND version = ?2 - 1",
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
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO segments (conversation, last, first, epoch, lines) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .map_err(failed)?;
    let (first, last, epoch) = (int(segment.first), int(segment.last), int(segment.epoch));
    let values = params![record.id.0.as_bytes(), last, first, epoch, segment.lines];
    statement.execute(values).map_err(failed).map(drop)
}

pub(super) fn delete(connection: &Connection, conversation: ConversationId) -> Result<()> {
    match connection
        .execute("DELETE FROM conversations WHERE id = ?1", [conversation.0.as_bytes()])
        .map_err(failed)?
    {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

pub(super) fn segments_before(
    connection: &Connection,
    conversation: ConversationId,
    before: u64,
    limit: u64,
) -> Result<Vec<Segment>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT epoch, first, last, lines FROM segments
             WHERE conversation = ?1 AND first < ?2 ORDER BY last DESC",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![conversation.0.as_bytes(), int(before)]).map_err(failed)?;
    let mut segments = Vec::new();
    let mut held = 0;
    while held < limit
        && let Some(row) = rows.next().map_err(failed)?
    {
        let segment = read_segment(row).map_err(failed)?;
        held += segment.last.min(before - 1) - segment.first + 1;
        segments.push(segment);
    }
    Ok(segments)
}

fn read_segment(row: &Row<'_>) -> rusqlite::Result<Segment> {
    Ok(Segment { epoch: count(row, 0)?, first: count(row, 1)?, last: count(row, 2)?, lines: row.get(3)? })
}

pub(super) fn put_chunk(connection: &Connection, conversation: ConversationId, chunk: &Chunk) -> Result<()> {
    let sql = "INSERT INTO chunks (conversation, digest, piece, pieces, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO NOTHING";
    let values = params![conversation.0.as_bytes(), chunk.digest, chunk.index, chunk.chunks, chunk.bytes];
    connection.execute(sql, values).map_err(failed).map(drop)
}

pub(super) fn chunk(
    connection: &Connection,
    conversation: ConversationId,
    digest: &Hash,
    index: u32,
) -> Result<Chunk> {
    let sql = "SELECT pieces, bytes FROM chunks WHERE conversation = ?1 AND digest = ?2 AND piece = ?3";
    let values = params![conversation.0.as_bytes(), digest, index];
    let read = |row: &Row<'_>| Ok(Chunk { digest: *digest, index, chunks: row.get(0)?, bytes: row.get(1)? });
    connection.query_row(sql, values, read).map_err(failed)
}

pub(super) fn outbox(
    connection: &Connection,
    conversation: ConversationId,
    after: Option<u64>,
) -> Result<Vec<Item>> {
    let (sql, after) = match after {
        Some(rev) => ("SELECT content FROM outbox WHERE conversation = ?1 AND (final = 0 OR rev > ?2)", rev),
        None => ("SELECT content FROM outbox WHERE conversation = ?1 AND final <> 1 AND rev > ?2", 0),
    };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let values = params![conversation.0.as_bytes(), int(after)];
    let items = statement.query_map(values, |row| from_json(row, 0)).map_err(failed)?;
    items.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(super) fn outbox_item(
    connection: &Connection,
    conversation: ConversationId,
    item: ItemId,
) -> Result<Option<Item>> {
    let sql = "SELECT content FROM outbox WHERE conversation = ?1 AND item = ?2";
    let values = params![conversation.0.as_bytes(), item.0.as_bytes()];
    connection.query_row(sql, values, |row| from_json(row, 0)).optional().map_err(failed)
}

pub(super) fn notices(
    connection: &Connection,
    conversation: ConversationId,
    after: u64,
) -> Result<Vec<Notice>> {
    let sql = "SELECT content FROM notices WHERE conversation = ?1 AND m > ?2 ORDER BY m";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let values = params![conversation.0.as_bytes(), int(after)];
    let notices = statement.query_map(values, |row| from_json(row, 0)).map_err(failed)?;
    notices.collect::<rusqlite::Result<_>>().map_err(failed)
}
