//! A conversation's hub: what is taken back before it has come, and what it holds of a workspace-agent and for a viewer that
//! keep to no bound.

use std::time::{Duration, Instant};

use control_plane::hub::conversation::core::{Core, LogFault};
use control_plane::hub::follow::Follow;
use control_plane::hub::follow::place::{Pace, Place, READ_BYTES};
use control_plane::hub::ring::AtHand;
use control_plane::links::Link;
use control_plane::outbox::{Outbox, Stamp};
use control_plane::store::records::{ConversationRecord, NewConversation, Segment};
use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::frame::Events;
use protocol::limits::{LINK_FRAME_BYTES, REFUSED_SHOWN, UNSTORED_BYTES};
use protocol::link::{Delta, LiveKind};
use protocol::outbox::{Item, ItemState, What};
use protocol::settings::Settings;
use protocol::viewer::{Because, Cursor, Verdict};
use protocol::{BlockId, ConversationId, EventHeader, ItemId, Position, UserId, WorkspaceId};
use uuid::Uuid;

use crate::plane::Plane;

fn ada() -> Person {
    Person { id: UserId(Uuid::nil()), name: "Ada".into(), token: None }
}

fn message(text: &str) -> What {
    What::Message { text: text.into(), steer: false, again_of: None }
}

fn new_in(workspace: WorkspaceId) -> NewConversation {
    let id = ConversationId(Uuid::new_v4());
    NewConversation { id, workspace, title: String::new(), settings: Settings::default(), now: 1 }
}

fn record() -> ConversationRecord {
    new_in(WorkspaceId(Uuid::from_u128(1))).record()
}

fn item(n: u64) -> ItemId {
    ItemId(Uuid::from_u128(n.into()))
}

#[tokio::test]
async fn a_message_that_was_taken_back_before_it_came_is_not_done_when_it_comes() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let id = plane.store().create_conversation(&new_in(workspace)).await.unwrap().id;
    let hub = plane.app().hubs.workspace(workspace).await.unwrap().conversation(id).await.unwrap();

    hub.cancel(item(1), ada()).await.unwrap();
    hub.add(item(1), ada(), message("late")).await.unwrap();
    assert!(!hub.has_waiting());
    // As often as it is asked.
    hub.cancel(item(1), ada()).await.unwrap();

    // One that waits is taken back as ever, and one that is on its way to the workspace is not.
    hub.add(item(2), ada(), message("waits")).await.unwrap();
    hub.cancel(item(2), ada()).await.unwrap();
    assert!(!hub.has_waiting());
    hub.add(item(3), ada(), What::Stop { message: None }).await.unwrap();
    assert_eq!(hub.cancel(item(3), ada()).await.unwrap_err().code, ErrorCode::Conflict);
    let kept = plane.store().outbox_item(id, item(1)).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.what), (ItemState::Cancelled, message("")));
}

/// A frame of one event of about this size.
fn take(core: &mut Core, n: u64, json: &str) -> Result<bool, LogFault> {
    let header = EventHeader { n, at: 1, kind: "text".into() };
    let (conversation, events) = (core.id(), vec![(header, json)]);
    core.take_events(1, &Events { conversation, epoch: 1, first: n, events })
}

#[test]
fn events_that_the_store_lacks_are_bounded_whatever_the_workspace_sends() {
    let mut core = Core::new(record(), Vec::new(), AtHand::default());
    core.linked(1, None);
    let json = "x".repeat(60_000);
    let most = (UNSTORED_BYTES + LINK_FRAME_BYTES) / (json.len() + 1);
    for n in 1..=most as u64 {
        assert_eq!(take(&mut core, n, &json), Ok(true));
    }
    let next = most as u64 + 1;
    assert!(matches!(take(&mut core, next, &json), Err(LogFault::TooFarAhead(_))));
    // Nothing of it was taken; and what is stored makes room.
    assert_eq!(core.end(), Position { epoch: 1, n: most as u64 });
    while let Some(commit) = core.next_to_store(2) {
        core.committed(commit);
    }
    for n in next..next + most as u64 {
        assert_eq!(take(&mut core, n, &json), Ok(true));
    }
}

#[test]
fn a_viewer_that_has_what_was_lost_begins_anew_once_that_is_known() {
    let mut core = Core::new(record(), Vec::new(), AtHand::default());
    core.linked(1, None);
    for n in 1..=2 {
        take(&mut core, n, &note(n, 100)).unwrap();
    }
    while let Some(commit) = core.next_to_store(2) {
        core.committed(commit);
    }
    core.unlinked(1);
    // It was shown four events by a control plane that died before the store had the last two.
    let cursor = Cursor { log: Position { epoch: 1, n: 4 }, outbox: 0, notice: 0 };
    let mut place = Place::attach(&core, Some(cursor), Vec::new(), Vec::new());
    let greeting = |place: &mut Place, core: &Core| place.next(core, Instant::now()).0.greeting;
    assert_eq!(greeting(&mut place, &core).map(|greeting| greeting.verdict), Some(Verdict::Resumed {}));
    // The journal may have them still: as long as it says so, they are waited for.
    core.linked(2, Some(Position { epoch: 1, n: 4 }));
    assert!(greeting(&mut place, &core).is_none());
    core.linked(3, None);
    let because = Because::Ahead;
    let anew = greeting(&mut place, &core).map(|greeting| (greeting.verdict, greeting.from));
    assert_eq!(anew, Some((Verdict::Snapshot { because }, 1)));
    assert!(greeting(&mut place, &core).is_none());
}

#[test]
fn two_changes_in_the_same_millisecond_are_both_told_to_lists() {
    let mut core = Core::new(record(), Vec::new(), AtHand::default());
    core.linked(1, None);
    let mut times = vec![core.record().changed_at];
    for (n, state) in [(1, "working"), (2, "idle")] {
        let json = format!(r#"{{"n":{n},"at":5,"kind":"state","state":"{state}"}}"#);
        let header = EventHeader { n, at: 5, kind: "state".into() };
        let (conversation, events) = (core.id(), vec![(header, json.as_str())]);
        core.take_events(1, &Events { conversation, epoch: 1, first: n, events }).unwrap();
        let commit = core.next_to_store(5).unwrap();
        core.committed(commit);
        times.push(core.record().changed_at);
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[test]
fn an_item_that_is_settled_again_and_again_is_settled_once() {
    let summary = protocol::summary::Summary::default();
    let stamp = Stamp { by: ada(), at: 1, after: Position::default() };
    let one = Outbox::default().add(item(1), message("hi"), stamp, &summary).unwrap();
    let mut core = Core::new(record(), vec![one], AtHand::default());
    core.linked(1, None);
    let before = format!("{core:?}").len();
    for _ in 0..10_000 {
        core.settled(1, item(1), None);
    }
    assert!(format!("{core:?}").len() < before + 1_000);
    let commit = core.next_to_store(2).unwrap();
    assert_eq!(commit.items.iter().map(|item| item.state).collect::<Vec<_>>(), [ItemState::Done]);
}

#[test]
fn a_newcomer_is_shown_the_newest_of_what_was_refused_and_all_that_is_under_way() {
    let core = Core::new(record(), Vec::new(), AtHand::default());
    let stamp = Stamp { by: ada(), at: 1, after: Position::default() };
    let with = |rev: u64, state| {
        let item = Outbox::default().add(item(rev), message("hi"), stamp.clone(), &Default::default());
        Item { rev, state, ..item.unwrap() }
    };
    let refused = ItemState::Refused { code: ErrorCode::TooMany };
    let many = REFUSED_SHOWN as u64 * 2;
    let mut items = vec![with(1, ItemState::Saved)];
    items.extend((2..=many).rev().map(|rev| with(rev, refused)));
    let mut place = Place::attach(&core, None, items, Vec::new());
    let (records, _) = place.records(&core);
    let revs: Vec<u64> = records.items.unwrap().0.iter().map(|item| item.rev).collect();
    let newest = many - REFUSED_SHOWN as u64 + 1..=many;
    assert_eq!(revs, [1].into_iter().chain(newest).collect::<Vec<_>>());
}

#[test]
fn live_text_of_several_conversations_comes_at_the_pace_of_one_viewer() {
    let mut pace = Pace::default();
    let now = Instant::now();
    let mut told = Vec::new();
    for n in 1..=3 {
        let mut core = Core::new(record(), Vec::new(), AtHand::default());
        core.linked(1, None);
        let (conversation, block) = (core.id(), BlockId::new("b").unwrap());
        let what = LiveKind::Text {};
        core.take_delta(1, Delta { conversation, block, what, parent: None, at: 0, text: "hi".into() });
        let mut place = Place::attach(&core, None, Vec::new(), Vec::new());
        place.keep_pace(pace);
        // Each a moment after the one before.
        let (batch, _) = place.next(&core, now + Duration::from_millis(n));
        pace = pace.and(place.pace());
        told.push((batch.live.len(), batch.again_at.is_some()));
    }
    assert_eq!(told, [(1, false), (0, true), (0, true)]);
}

/// An event of about this size.
fn note(n: u64, size: usize) -> String {
    format!(r#"{{"n":{n},"at":1,"kind":"note","text":"{}"}}"#, "x".repeat(size))
}

/// What a store would read of these segments, the newest first, and how many bytes that is.
fn read(log: &[Segment], after: u64, limit: u64) -> (Vec<Segment>, usize) {
    let (mut segments, mut bytes, mut held) = (Vec::new(), 0, 0);
    for segment in log.iter().filter(|segment| segment.last > after) {
        let size = segment.lines.len();
        if held >= limit || !segments.is_empty() && bytes + size > READ_BYTES {
            break;
        }
        held += segment.last - after.max(segment.first - 1);
        bytes += size;
        segments.insert(0, segment.clone());
    }
    (segments, bytes)
}

#[test]
fn a_viewer_that_lags_far_behind_is_read_a_little_at_a_time_and_nothing_again_and_again() {
    let size_of = |n: u64| if n.is_multiple_of(3) { 50_000 } else { 100 };
    let mut core = Core::new(record(), Vec::new(), AtHand::default());
    core.linked(1, None);
    let mut place = Place::attach(&core, None, Vec::new(), Vec::new());
    let _ = place.next(&core, Instant::now());
    let (mut log, mut all) = (Vec::new(), 0);
    for n in 1..=3_000 {
        let json = note(n, size_of(n));
        take(&mut core, n, &json).unwrap();
        // Some of them alone, some many together.
        if n % 50 < 10 || n % 50 == 49 {
            while let Some(commit) = core.next_to_store(2) {
                log.extend(commit.segment.clone());
                core.committed(commit);
            }
        }
        all += json.len();
    }
    let (mut seen, mut reads, mut largest) = (0, 0, 0);
    loop {
        let (batch, behind) = place.next(&core, Instant::now());
        let lines = match behind {
            Some(behind) => {
                assert!(behind.limit <= 1_000, "{behind:?}");
                let (segments, bytes) = read(&log, behind.after, behind.limit);
                reads += bytes;
                largest = largest.max(bytes);
                place.behind(behind, &segments).unwrap()
            }
            None => batch.lines,
        };
        for line in &lines {
            assert_eq!((line.n, line.json.len()), (seen + 1, note(line.n, size_of(line.n)).len()));
            seen = line.n;
        }
        assert!(lines.iter().map(|line| line.json.len()).sum::<usize>() <= 64 * 1024);
        if !batch.more {
            break;
        }
    }
    assert_eq!(seen, 3_000);
    assert!(largest <= 512 * 1024, "{largest} bytes at once");
    assert!(reads <= 3 * all, "{reads} bytes were read to tell {all}");
}

#[tokio::test]
async fn a_viewer_that_lags_gets_from_the_store_what_it_lacks() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let id = plane.store().create_conversation(&new_in(workspace)).await.unwrap().id;
    let hub = plane.app().hubs.workspace(workspace).await.unwrap().conversation(id).await.unwrap();
    let (link, _inbox) = Link::new(1);
    hub.linked(link, None);
    let mut follow = Follow::attach(hub.clone(), None).await.unwrap();
    follow.next(Pace::default()).await.unwrap();
    for n in 1..=150 {
        let json = note(n, 40_000);
        let header = EventHeader { n, at: 1, kind: "note".into() };
        let events = Events { conversation: id, epoch: 1, first: n, events: vec![(header, json.as_str())] };
        hub.take_events(1, &events).unwrap();
        if n % 20 == 0 {
            hub.hurry().await;
        }
    }
    hub.hurry().await;
    let mut seen = Vec::new();
    loop {
        let (batch, _) = follow.next(Pace::default()).await.unwrap();
        assert!(batch.lines.len() <= 1, "two do not fit into a frame");
        seen.extend(batch.lines.iter().map(|line| line.n));
        if !batch.more {
            break;
        }
    }
    assert_eq!(seen, (1..=150).collect::<Vec<_>>());
}
