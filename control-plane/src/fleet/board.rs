//! The rows that operators see, with what changed when: a shared board, read by cursors. Pure.
//!
//! Of each workspace only the last row is kept, under the number of its last change. An operator who reads slowly gets fewer,
//! newer rows; nobody keeps anything for them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use protocol::WorkspaceId;
use protocol::fleet::{FleetRow, Totals};
use protocol::status::Phase;

/// Removed workspaces that are remembered. A cursor from before the oldest of them begins anew.
const GONE: usize = 1024;

/// The rows, and what changed when.
#[derive(Debug, Default)]
pub struct Board {
    rows: HashMap<WorkspaceId, Entry>,
    changes: BTreeMap<u64, WorkspaceId>,
    gone: VecDeque<(u64, WorkspaceId)>,
    stamp: u64,
    /// Cursors below this may have missed a removal.
    oldest: u64,
    connected: u32,
}

#[derive(Debug)]
struct Entry {
    stamp: u64,
    row: Arc<FleetRow>,
}

/// What a cursor has not seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// New or changed rows, the oldest change first.
    pub rows: Vec<Arc<FleetRow>>,
    /// Removed workspaces.
    pub gone: Vec<WorkspaceId>,
    /// The cursor to ask with next.
    pub cursor: u64,
    /// Whether there is more.
    pub more: bool,
}

impl Board {
    /// Puts a row up. Returns whether it says anything new.
    pub fn put(&mut self, row: FleetRow) -> bool {
        let id = row.workspace;
        let before = self.rows.get(&id);
        if before.is_some_and(|before| *before.row == row) {
            return false;
        }
        if let Some(before) = before {
            self.changes.remove(&before.stamp);
            self.connected -= u32::from(before.row.status.linked);
        }
        self.connected += u32::from(row.status.linked);
        self.stamp += 1;
        self.changes.insert(self.stamp, id);
        self.rows.insert(id, Entry { stamp: self.stamp, row: Arc::new(row) });
        true
    }

    /// Takes a row down. Returns whether there was one.
    pub fn remove(&mut self, id: WorkspaceId) -> bool {
        let Some(before) = self.rows.remove(&id) else { return false };
        self.changes.remove(&before.stamp);
        self.connected -= u32::from(before.row.status.linked);
        self.stamp += 1;
        self.gone.push_back((self.stamp, id));
        if self.gone.len() > GONE {
            self.oldest = self.gone.pop_front().map_or(self.oldest, |(stamp, _)| stamp);
        }
        true
    }

    /// Takes all rows down; every cursor begins anew.
    pub fn clear(&mut self) {
        let stamp = self.stamp + 1;
        *self = Self { stamp, oldest: stamp, ..Self::default() };
    }

    /// All rows, with or without those of stopped workspaces, and the cursor to ask with next.
    pub fn all(&self, stopped: bool) -> (Vec<Arc<FleetRow>>, u64) {
        let wanted = |row: &FleetRow| stopped || !matches!(row.status.phase, Phase::Stopped { .. });
        let rows = self.rows.values().map(|entry| &entry.row).filter(|row| wanted(row));
        (rows.cloned().collect(), self.stamp)
    }

    /// What a cursor has not seen, at most `limit` rows of it; `None`: it has to begin anew.
    pub fn since(&self, cursor: u64, limit: usize) -> Option<News> {
        if cursor < self.oldest || cursor > self.stamp {
            return None;
        }
        let mut changes = self.changes.range(cursor + 1..);
        let some: Vec<_> = changes.by_ref().take(limit).collect();
        let more = changes.next().is_some();
        let until = some.last().filter(|_| more).map_or(self.stamp, |(stamp, _)| **stamp);
        let row = |id: &WorkspaceId| self.rows.get(id).map(|entry| Arc::clone(&entry.row));
        let rows = some.iter().filter_map(|(_, id)| row(id)).collect();
        let is_news = |stamp: u64| stamp > cursor && stamp <= until;
        // One that was made again meanwhile is there.
        let is_away = |id: &WorkspaceId| !self.rows.contains_key(id);
        let gone = self.gone.iter().filter(|(stamp, id)| is_news(*stamp) && is_away(id));
        Some(News { rows, gone: gone.map(|(_, id)| *id).collect(), cursor: until, more })
    }

    /// How many there are.
    pub fn totals(&self) -> Totals {
        let workspaces = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        Totals { workspaces, connected: self.connected }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use protocol::UserId;
    use protocol::status::WorkspaceStatus;
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(n))
    }

    fn row(n: u128, generation: u64, linked: bool) -> FleetRow {
        let phase = if linked { Phase::Running {} } else { Phase::Stopped { reason: None } };
        FleetRow {
            workspace: id(n),
            user: UserId(Uuid::from_u128(n)),
            name: "Ada".into(),
            email: None,
            status: WorkspaceStatus { generation, phase, since: 1, linked, versions: None },
            round_trip_us: None,
            conversations: None,
            last_error: None,
        }
    }

    #[test]
    fn many_changes_of_one_row_are_one() {
        let mut board = Board::default();
        board.put(row(1, 1, false));
        let (_, cursor) = board.all(true);
        for generation in 2..100 {
            assert!(board.put(row(1, generation, true)));
        }
        assert!(!board.put(row(1, 99, true)));
        let news = board.since(cursor, 10).unwrap();
        assert_eq!(news.rows.iter().map(|row| row.status.generation).collect::<Vec<_>>(), [99]);
        assert_eq!(board.since(news.cursor, 10).unwrap().rows, []);
        assert_eq!(board.totals(), Totals { workspaces: 1, connected: 1 });
    }

    #[test]
    fn a_list_without_stopped_ones_still_tells_of_their_changes() {
        let mut board = Board::default();
        board.put(row(1, 1, false));
        board.put(row(2, 1, true));
        let (rows, cursor) = board.all(false);
        assert_eq!(rows.len(), 1);
        board.put(row(2, 2, false));
        assert_eq!(board.since(cursor, 10).unwrap().rows[0].workspace, id(2));
    }

    #[test]
    fn a_cursor_that_may_have_missed_a_removal_begins_anew() {
        let mut board = Board::default();
        board.put(row(0, 1, true));
        let (_, cursor) = board.all(true);
        for n in 1..=GONE as u128 + 1 {
            board.put(row(n, 1, false));
            board.remove(id(n));
        }
        assert_eq!(board.since(cursor, 10), None);
        let (_, cursor) = board.all(true);
        assert!(board.since(cursor, 10).is_some());
        board.clear();
        assert_eq!(board.since(cursor, 10), None);
        assert_eq!(board.totals(), Totals::default());
    }

    proptest! {
        /// However an operator reads, what they have in the end is what there is.
        #[test]
        fn whoever_follows_ends_up_with_the_board(
            steps in prop::collection::vec((0..8u128, 0..4u8, any::<bool>()), 0..80),
            limit in 1..4usize,
        ) {
            let mut board = Board::default();
            let mut has = BTreeMap::new();
            let mut cursor = board.all(true).1;
            let read = |board: &Board, cursor: &mut u64, has: &mut BTreeMap<WorkspaceId, u64>| {
                let news = board.since(*cursor, limit).unwrap();
                *cursor = news.cursor;
                for gone in news.gone {
                    has.remove(&gone);
                }
                for row in news.rows {
                    has.insert(row.workspace, row.status.generation);
                }
                news.more
            };
            for (generation, (n, what, reads)) in (1..).zip(steps) {
                if what == 0 {
                    board.remove(id(n));
                } else {
                    board.put(row(n, generation, what == 1));
                }
                if reads {
                    read(&board, &mut cursor, &mut has);
                }
            }
            while read(&board, &mut cursor, &mut has) {}
            let all: BTreeMap<_, _> =
                board.all(true).0.iter().map(|row| (row.workspace, row.status.generation)).collect();
            prop_assert_eq!(&has, &all);
            let connected: BTreeSet<_> =
                board.all(true).0.iter().filter(|row| row.status.linked).map(|row| row.workspace).collect();
            prop_assert_eq!(board.totals().connected as usize, connected.len());
        }
    }
}
