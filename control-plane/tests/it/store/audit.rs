//! What was done, by whom, to what.

use control_plane::store::export_audit;
use control_plane::store::records::{AuditEntry, AuditFilter, AuditFrom, AuditRecord};
use control_plane::store::transfer::Entry;
use serde_json::json;

use super::world::{NOW, World};

fn entry(at: u64, who: &str, kind: &str) -> AuditEntry {
    let (who, kind, object) = (who.into(), kind.into(), "workspace 하나".into());
    AuditEntry {
        at,
        who,
        kind,
        object,
        detail: json!({ "input": "rm -rf \u{0}", "cost": 0.1, "n": [1, null] }),
    }
}

/// Everything that a filter takes, read in pages of that size.
async fn pages(world: &World, filter: &AuditFilter, from: AuditFrom, size: usize) -> Vec<AuditRecord> {
    let (mut all, mut next) = (Vec::new(), Some(from));
    while let Some(from) = next {
        let page = world.other().audit(filter, from, size).await.unwrap();
        assert!(page.records.len() <= size);
        all.extend(page.records);
        next = page.next;
    }
    all
}

pub(super) async fn numbers_grow_and_none_is_used_twice(world: &World) {
    let numbers = world.at_once(60, |store, n| async move {
        store.append_audit(&entry(NOW + u64::from(n), "system", "test")).await.unwrap()
    });
    let mut numbers = numbers.await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
    let written = pages(world, &AuditFilter::default(), AuditFrom::After(0), 7).await;
    assert_eq!(written.iter().map(|record| record.n).collect::<Vec<_>>(), numbers);
    assert_eq!(world.other().append_audit(&entry(NOW, "system", "test")).await.unwrap(), 61);
}

pub(super) async fn a_deed_is_read_as_it_was_written(world: &World) {
    let entry = entry(NOW, "김하나", "approval");
    let n = world.store().append_audit(&entry).await.unwrap();
    let page = world.other().audit(&AuditFilter::default(), AuditFrom::After(0), 10).await.unwrap();
    assert_eq!((page.records, page.next), (vec![AuditRecord { n, entry }], None));
}

pub(super) async fn any_filter_in_any_pages_comes_to_what_it_says(world: &World) {
    let mut all = Vec::new();
    for n in 0..40 {
        // Not in order of time, as when clocks differ.
        let at = NOW + (n * 7) % 40;
        let entry = entry(
            at,
            ["a", "b/", "b"][n as usize % 3],
            ["in", "in/", "out"][n as usize % 2 + n as usize % 5 / 4],
        );
        let n = world.store().append_audit(&entry).await.unwrap();
        all.push(AuditRecord { n, entry });
    }
    let (none, some) = (|| None, |text: &str| Some(text.to_owned()));
    let filters = [
        (None, None, none(), none()),
        (Some(NOW + 10), None, none(), none()),
        (None, Some(NOW + 10), none(), none()),
        (Some(NOW + 10), Some(NOW + 20), none(), none()),
        (None, None, some("in"), none()),
        (None, None, some("in/"), none()),
        (None, None, none(), some("b")),
        (Some(NOW + 5), Some(NOW + 30), some("in"), some("b/")),
        (None, None, some("never"), none()),
        (Some(NOW + 99), None, none(), none()),
    ];
    for (from, until, kind, who) in filters {
        let filter = AuditFilter { from, until, kind, who, about: None };
        let mut expected: Vec<_> = all.iter().filter(|record| filter.takes(&record.entry)).cloned().collect();
        for size in [1, 3, 39, 40, 41] {
            assert_eq!(pages(world, &filter, AuditFrom::After(0), size).await, expected, "{filter:?}");
        }
        let middle: Vec<_> = expected.iter().filter(|record| record.n > 20).cloned().collect();
        assert_eq!(pages(world, &filter, AuditFrom::After(20), 6).await, middle, "{filter:?}");
        expected.reverse();
        for size in [1, 7, 100] {
            assert_eq!(
                pages(world, &filter, AuditFrom::Before(u64::MAX), size).await,
                expected,
                "{filter:?}"
            );
        }
    }
}

pub(super) async fn an_export_has_a_line_a_deed(world: &World) {
    for n in 0..12 {
        world.store().append_audit(&entry(NOW + n, "a", if n < 5 { "early" } else { "late" })).await.unwrap();
    }
    let filter = AuditFilter { kind: Some("late".into()), ..AuditFilter::default() };
    let mut lines = Vec::new();
    assert_eq!(export_audit(world.other(), &filter, &mut lines).await.unwrap(), 7);
    let lines = String::from_utf8(lines).unwrap();
    let read: Vec<AuditRecord> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, pages(world, &filter, AuditFrom::After(0), 100).await);
}

pub(super) async fn a_long_trail_is_read_in_bounded_steps(world: &World) {
    let written: Vec<_> = (1..=620).map(|n| AuditRecord { n, entry: entry(NOW + n, "a", "x") }).collect();
    let entries: Vec<_> = written.iter().cloned().map(Entry::Audit).collect();
    world.store().import(&entries).await.unwrap();
    let filter = AuditFilter { from: Some(NOW + 600), until: Some(NOW + 603), ..AuditFilter::default() };
    let first = world.other().audit(&filter, AuditFrom::After(0), 5).await.unwrap();
    assert_eq!(first.records, []);
    assert!(first.next.is_some());
    for from in [AuditFrom::After(0), AuditFrom::Before(u64::MAX)] {
        let found = pages(world, &filter, from, 5).await;
        let mut numbers: Vec<_> = found.iter().map(|record| record.n).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [600, 601, 602]);
    }
    assert_eq!(pages(world, &AuditFilter::default(), AuditFrom::After(0), 33).await, written);
    assert_eq!(world.store().append_audit(&entry(NOW, "a", "x")).await.unwrap(), 621);
}
