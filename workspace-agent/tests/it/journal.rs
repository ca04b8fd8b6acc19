//! The journal: what was written is read back, what was torn is cut off.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use protocol::payload::{Body, BodyDigest};
use protocol::{ConversationId, Event, EventBody, ItemId, Position};
use uuid::Uuid;
use workspace_agent::claude::lines::Line;
use workspace_agent::conversation::core::{Input, Now};
use workspace_agent::conversation::journal::medium::OnDisk;
use workspace_agent::conversation::journal::{Journal, Record, read_records, read_span};
use workspace_agent::conversation::keeper::Keeper;
use workspace_agent::conversation::outgoing::Outgoing;

fn event(n: u64) -> Event {
    let text = protocol::payload::Payload::Text(format!("event {n}"));
    Event { n, at: 1, body: EventBody::Note { text } }
}

fn body(bytes: &[u8]) -> Body {
    Body { digest: BodyDigest::of(bytes), bytes: bytes.to_vec() }
}

#[test]
fn what_is_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, records) = Journal::open(dir.path()).unwrap();
    assert!(records.is_empty());
    let written = journal.append(&event(1), &[body(b"long")], true).unwrap();
    journal.mark_tool().unwrap();
    journal.mark_taken().unwrap();
    journal.mark_given(ItemId(Uuid::from_u128(7))).unwrap();
    let after = Position { epoch: 1, n: 6 };
    journal.open_epoch(2, after).unwrap();
    journal.mark_boot([7; 16]).unwrap();
    let (journal, records) = Journal::open(dir.path()).unwrap();
    assert_eq!(
        records,
        [
            Record::Body(BodyDigest::of(b"long").to_bytes().unwrap(), written.bodies[0].1),
            Record::Event(Box::new(event(1)), written.event),
            Record::ToolBegan,
            Record::AnswersTaken,
            Record::Given(ItemId(Uuid::from_u128(7))),
            Record::Epoch { epoch: 2, next: 7, after },
            Record::Boot([7; 16]),
        ]
    );
    assert_eq!(read_span(&*journal.medium(), written.bodies[0].1).unwrap(), b"long");
    let read: Event = serde_json::from_slice(&read_span(&*journal.medium(), written.event).unwrap()).unwrap();
    assert_eq!(read, event(1));
}

#[test]
fn a_torn_tail_is_cut_off_and_writing_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    journal.append(&event(1), &[], true).unwrap();
    OpenOptions::new().append(true).open(dir.path().join("journal")).unwrap().write_all(&[9; 12]).unwrap();
    let (mut journal, records) = Journal::open(dir.path()).unwrap();
    assert_eq!(records.len(), 1);
    journal.append(&event(2), &[], true).unwrap();
    assert_eq!(Journal::open(dir.path()).unwrap().1.len(), 2);
}

#[test]
fn a_compacted_journal_holds_its_checkpoint_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path()).unwrap();
    for n in 1..100 {
        journal.append(&event(n), &[], false).unwrap();
    }
    journal.compact([7; 16], b"{}").unwrap();
    journal.append(&event(100), &[], true).unwrap();
    let (_, records) = Journal::open(dir.path()).unwrap();
    assert!(
        matches!(&records[..], [Record::Boot(_), Record::Checkpoint(json), Record::Event(event, _)] if json == b"{}" && event.n == 100)
    );
}

#[test]
fn a_full_disk_leaves_the_journal_as_it_was() {
    // /dev/full answers every write with "no space left on device".
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", dir.path().join("journal")).unwrap();
    let (mut journal, _) = match Journal::open(dir.path()) {
        Ok(opened) => opened,
        Err(_) => return,
    };
    let error = journal.append(&event(1), &[], true).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

/// A record as some other version writes it.
fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(payload);
    let len = u32::try_from(payload.len()).unwrap();
    [&len.to_le_bytes()[..], &crc.finalize().to_le_bytes(), &[kind], payload].concat()
}

/// A journal's file with these records in it.
fn on_disk(dir: &Path, records: &[Vec<u8>]) -> Arc<OnDisk> {
    std::fs::write(dir.join("journal"), records.concat()).unwrap();
    Arc::new(OnDisk::open(dir).unwrap())
}

#[test]
fn what_another_version_wrote_is_kept_and_what_follows_it_too() {
    let dir = tempfile::tempdir().unwrap();
    let later = br#"{"n":2,"at":1,"kind":"of_tomorrow","what":1}"#;
    let known = |n| serde_json::to_vec(&event(n)).unwrap();
    let records = [record(1, &known(1)), record(99, b"?"), record(1, later), record(1, &known(3))];
    let medium = on_disk(dir.path(), &records);
    let (_, read) = Journal::on(medium.clone()).unwrap();
    assert!(matches!(
        &read[..],
        [Record::Event(..), Record::Strange, Record::StrangeEvent(2, _), Record::Event(last, _)] if last.n == 3
    ));
    // All of it is told as it stands, and that something could not be read.
    let mut keeper = open(medium);
    let outgoing = keeper.outgoing();
    assert_eq!(outgoing.end(), Position { epoch: 1, n: 3 });
    keeper.join(Now::default(), Position { epoch: 1, n: 1 }, 1);
    while keeper.next_act().unwrap().is_some() {}
    let told = told(&outgoing);
    assert!(told.contains("of_tomorrow") && told.contains("event 3"), "{told}");
    assert!(told.contains("unreadable"), "{told}");
}

#[test]
fn a_line_that_is_nested_as_deep_as_can_be_read_is_read_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = open(Arc::new(OnDisk::open(dir.path()).unwrap()));
    keeper.join(Now::default(), Position::default(), 1);
    for levels in 1..=130 {
        let line = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        keeper.feed(Now::default(), Input::Strange(line.clone()));
        let call = format!(
            r#"{{"type":"assistant","message":{{"id":"m","content":[{{"type":"tool_use","id":"t","name":"x","input":{line}}}]}}}}"#
        );
        keeper.feed(Now::default(), Input::Line(Line::parse(&call)));
    }
    while keeper.next_act().unwrap().is_some() {}
    let (_, records) = Journal::open(dir.path()).unwrap();
    assert!(records.len() > 250);
    assert!(!records.iter().any(|record| matches!(record, Record::Strange | Record::StrangeEvent(..))));
}

fn open(medium: Arc<OnDisk>) -> Keeper {
    let id = ConversationId(Uuid::nil());
    Keeper::open(id, crate::desk::POLICY, medium, [7; 16], Arc::default()).unwrap()
}

/// All that may be told, as text.
fn told(outgoing: &Outgoing) -> String {
    let mut cursor = outgoing.cursor();
    let mut told = String::new();
    while let Some(frame) = outgoing.next_frame(&mut cursor, 100_000).unwrap() {
        told.push_str(&String::from_utf8_lossy(&frame));
    }
    told
}

proptest! {
    #[test]
    fn a_journal_cut_or_changed_anywhere_yields_a_prefix(cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        for n in 1..20 {
            journal.append(&event(n), &[body(&[7; 40])], false).unwrap();
        }
        let whole = std::fs::read(dir.path().join("journal")).unwrap();
        let (all, end) = read_records(&whole[..]).unwrap();
        prop_assert_eq!(end, whole.len() as u64);
        let (some, end) = read_records(&whole[..cut.index(whole.len())]).unwrap();
        prop_assert!(end <= whole.len() as u64);
        prop_assert_eq!(&some[..], &all[..some.len()]);
        let mut changed = whole.clone();
        let place = flip.index(changed.len());
        changed[place] ^= byte;
        let (some, _) = read_records(&changed[..]).unwrap();
        prop_assert!(some.len() <= all.len());
        prop_assert!(some.iter().zip(&all).all(|(a, b)| a == b));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let _ = read_records(&bytes[..]);
    }
}
