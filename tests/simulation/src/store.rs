//! A store in memory that keeps the promises of the real ones: compare-and-set, append at the end + 1, all or nothing.

use std::collections::{BTreeMap, HashMap};

use control_plane::store::records::{Commit, ConversationRecord, Segment};
use protocol::log::LogEnd;
use protocol::notice::Notice;
use protocol::outbox::{Item, ItemState};
use protocol::settings::Settings;
use protocol::summary::Summary;
use protocol::{ConversationId, ItemId, Position, WorkspaceId};
use uuid::Uuid;

/// What the store has of one conversation.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) record: ConversationRecord,
    pub(crate) segments: Vec<Segment>,
    pub(crate) items: BTreeMap<ItemId, Item>,
    pub(crate) notices: Vec<Notice>,
}

/// The store.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) kept: HashMap<ConversationId, Kept>,
    links: u64,
}

/// The record is not as the writer believes.
#[derive(Debug)]
pub(crate) struct Conflict;

impl Store {
    pub(crate) fn create(&mut self, id: ConversationId) {
        let record = ConversationRecord {
            id,
            workspace: WorkspaceId(Uuid::nil()),
            version: 1,
            title: String::new(),
            created_at: 0,
            changed_at: 0,
            settings: Settings::default(),
            summary: Summary::default(),
            end: Position::default(),
            outbox_rev: 0,
            outbox_seq: 0,
            waiting: 0,
            notice: 0,
            granted_until: None,
        };
        let kept = Kept { record, segments: Vec::new(), items: BTreeMap::new(), notices: Vec::new() };
        self.kept.insert(id, kept);
    }

    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<(), Conflict> {
        let kept = self.kept.get_mut(&commit.record.id).ok_or(Conflict)?;
        if commit.record.version != kept.record.version + 1 {
            return Err(Conflict);
        }
        if let Some(segment) = &commit.segment {
            let end = kept.record.end;
            if segment.first != end.n + 1 || segment.epoch < end.epoch || segment.last < segment.first {
                return Err(Conflict);
            }
            kept.segments.push(segment.clone());
        }
        kept.record = commit.record.clone();
        kept.items.extend(commit.items.iter().map(|item| (item.id, item.clone())));
        kept.notices.extend(commit.notices.iter().cloned());
        Ok(())
    }

    /// As [`control_plane::store::Conversations::outbox`].
    pub(crate) fn outbox(&self, id: ConversationId, after: Option<u64>) -> Vec<Item> {
        let Some(kept) = self.kept.get(&id) else { return Vec::new() };
        let wanted = |item: &&Item| match after {
            Some(rev) => !item.state.is_final() || item.rev > rev,
            None => !item.state.is_final() || matches!(item.state, ItemState::Refused { .. }),
        };
        kept.items.values().filter(wanted).cloned().collect()
    }

    pub(crate) fn notices(&self, id: ConversationId, after: u64) -> Vec<Notice> {
        let kept = self.kept.get(&id);
        kept.into_iter().flat_map(|kept| &kept.notices).filter(|notice| notice.m > after).cloned().collect()
    }

    /// As [`control_plane::store::Conversations::segments_before`].
    pub(crate) fn segments_before(&self, id: ConversationId, before: u64, limit: u64) -> Vec<Segment> {
        let Some(kept) = self.kept.get(&id) else { return Vec::new() };
        let mut held = 0;
        let mut segments = Vec::new();
        for segment in kept.segments.iter().rev().filter(|segment| segment.first < before) {
            if held >= limit {
                break;
            }
            held += segment.last.min(before - 1) - segment.first + 1;
            segments.push(segment.clone());
        }
        segments
    }

    pub(crate) fn log_ends(&self) -> Vec<LogEnd> {
        let ends = self.kept.iter();
        ends.map(|(id, kept)| LogEnd { conversation: *id, end: kept.record.end }).collect()
    }

    pub(crate) fn unfinished(&self) -> Vec<ConversationId> {
        let open = |kept: &Kept| kept.items.values().any(|item| !item.state.is_final());
        let mut ids: Vec<_> = self.kept.iter().filter(|(_, kept)| open(kept)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn count_link(&mut self) -> u64 {
        self.links += 1;
        self.links
    }
}

impl Kept {
    /// The whole log: place and JSON of each event.
    pub(crate) fn log(&self) -> Vec<(Position, String)> {
        let mut log = Vec::new();
        for segment in &self.segments {
            let text = String::from_utf8_lossy(&segment.lines).into_owned();
            for (n, line) in (segment.first..).zip(text.split_terminator('\n')) {
                log.push((Position { epoch: segment.epoch, n }, line.to_owned()));
            }
        }
        log
    }
}
