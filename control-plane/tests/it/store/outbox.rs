//! What people sent, and notices.

use control_plane::store::records::ConversationRecord;
use protocol::ItemId;
use protocol::close::ErrorCode;
use protocol::event::Unknown;
use protocol::outbox::{Item, ItemState};
use uuid::Uuid;

use protocol::event::Person;
use protocol::limits::{MESSAGE_BYTES, OUTBOX_ITEMS};
use protocol::outbox::What;
use protocol::prompt::Decision;

use super::world::{World, appending, item, notice, step};

const REFUSED: ItemState = ItemState::Refused { code: ErrorCode::TooMany };
const UNKNOWN: ItemState = ItemState::Unknown { why: Unknown::ToolsCalled };
const EVERY: [ItemState; 7] = [
    ItemState::Saved,
    ItemState::Delivered,
    ItemState::Started,
    ItemState::Done,
    REFUSED,
    UNKNOWN,
    ItemState::Cancelled,
];

/// A step that keeps these items.
async fn keep(world: &World, record: &ConversationRecord, items: &[Item]) -> ConversationRecord {
    let mut step = step(record);
    step.items = items.to_vec();
    world.store().commit(&step).await.unwrap();
    step.record
}

/// The revisions of the items that come for a cursor.
async fn revisions(world: &World, record: &ConversationRecord, after: Option<u64>) -> Vec<u64> {
    let items = world.other().outbox(record.id, after).await.unwrap();
    let mut revisions: Vec<_> = items.iter().map(|item| item.rev).collect();
    revisions.sort_unstable();
    revisions
}

pub(super) async fn an_item_is_kept_as_it_last_was(world: &World) {
    let record = world.conversation().await;
    let first = item(1, ItemState::Saved);
    let record = keep(world, &record, std::slice::from_ref(&first)).await;
    assert_eq!(world.other().outbox_item(record.id, first.id).await.unwrap(), Some(first.clone()));
    let changed = Item { rev: 2, version: 2, seq: 9, state: ItemState::Delivered, ..first };
    keep(world, &record, std::slice::from_ref(&changed)).await;
    assert_eq!(world.other().outbox_item(record.id, changed.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(world.items(record.id).await, std::slice::from_ref(&changed));
    assert_eq!(world.other().outbox_item(record.id, ItemId(Uuid::new_v4())).await.unwrap(), None);
    let elsewhere = world.conversation().await;
    assert_eq!(world.other().outbox_item(elsewhere.id, changed.id).await.unwrap(), None);
}

pub(super) async fn a_cursor_gets_what_is_open_and_what_changed_since(world: &World) {
    let items: Vec<_> = (1..).zip(EVERY).map(|(rev, state)| item(rev, state)).collect();
    let record = keep(world, &world.conversation().await, &items).await;
    assert_eq!(revisions(world, &record, Some(0)).await, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(revisions(world, &record, Some(4)).await, [1, 2, 3, 5, 6, 7]);
    assert_eq!(revisions(world, &record, Some(7)).await, [1, 2, 3]);
    let done = Item { rev: 8, state: ItemState::Done, ..items[0].clone() };
    let record = keep(world, &record, &[done]).await;
    assert_eq!(revisions(world, &record, Some(7)).await, [2, 3, 8]);
    assert_eq!(revisions(world, &record, Some(8)).await, [2, 3]);
}

pub(super) async fn without_a_cursor_come_open_and_refused_ones(world: &World) {
    let items: Vec<_> = (1..).zip(EVERY).map(|(rev, state)| item(rev, state)).collect();
    let record = keep(world, &world.conversation().await, &items).await;
    assert_eq!(revisions(world, &record, None).await, [1, 2, 3, 5]);
    assert_eq!(revisions(world, &world.conversation().await, None).await, [0; 0]);
}

pub(super) async fn unfinished_are_those_with_open_items(world: &World) {
    let workspace = world.workspace().await.id;
    let mut open = Vec::new();
    for state in EVERY {
        let record = world.conversation_in(workspace).await;
        keep(world, &record, &[item(1, state), item(2, state)]).await;
        if !state.is_final() {
            open.push(record.id);
        }
    }
    keep(world, &world.conversation().await, &[item(1, ItemState::Saved)]).await;
    let mut unfinished = world.other().unfinished(workspace).await.unwrap();
    unfinished.sort_unstable();
    open.sort_unstable();
    assert_eq!(unfinished, open);
}

pub(super) async fn notices_come_in_order_after_a_number(world: &World) {
    let mut record = world.conversation().await;
    for numbers in [vec![1], vec![2, 3], vec![], vec![4, 5, 6, 7, 8, 9, 10, 11]] {
        let mut step = step(&record);
        step.notices = numbers.into_iter().map(notice).collect();
        world.store().commit(&step).await.unwrap();
        record = step.record;
    }
    for after in [0, 1, 3, 10, 11, u64::MAX] {
        let found = world.other().notices(record.id, after).await.unwrap();
        assert_eq!(found, (1..=11).filter(|m| *m > after).map(notice).collect::<Vec<_>>());
    }
}

/// A message of the greatest length, in letters that take most room when they are written down.
fn longest(rev: u64, state: ItemState) -> Item {
    let letter = if rev.is_multiple_of(2) { "\u{1}" } else { "한" };
    let mut text = format!("{rev} ");
    text.push_str(&letter.repeat((MESSAGE_BYTES - text.len()) / letter.len()));
    Item { what: What::Message { text, steer: false, again_of: None }, ..item(rev, state) }
}

pub(super) async fn the_longest_message_comes_back_as_it_went(world: &World) {
    let record = world.conversation().await;
    let answers = [("질문".to_owned(), "\u{2}답".repeat(20_000))].into();
    let answer = What::Answer {
        prompt: protocol::PromptId::new("prompt").unwrap(),
        decision: Decision::Answer { answers },
    };
    let mut items = vec![longest(1, ItemState::Saved), longest(2, ItemState::Delivered)];
    items.push(Item { what: answer, ..item(3, ItemState::Saved) });
    let record = keep(world, &record, &items).await;
    assert_eq!(world.items(record.id).await, items);
    // One of them is edited, one goes on, one stays.
    items[0] = Item { id: items[0].id, rev: 4, version: 2, ..longest(5, ItemState::Saved) };
    items[1] = Item { rev: 5, state: ItemState::Done, ..items[1].clone() };
    let record = keep(world, &record, &items[..2]).await;
    items.sort_by_key(|item| item.rev);
    assert_eq!(world.items(record.id).await, items);
    let found = world.other().outbox_item(record.id, items[2].id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&items[2]));
}

pub(super) async fn one_step_may_change_a_full_outbox_of_the_longest_messages(world: &World) {
    let mut record = world.conversation().await;
    let mut items: Vec<_> = (1..=OUTBOX_ITEMS as u64).map(|rev| longest(rev, ItemState::Saved)).collect();
    for item in &items {
        record = keep(world, &record, std::slice::from_ref(item)).await;
    }
    let mut all = appending(&record, 5);
    all.notices = vec![notice(1)];
    for (rev, item) in (1_000..).zip(&mut items) {
        item.rev = rev;
        item.by = Person { name: "이".repeat(60), ..item.by.clone() };
        item.state = UNKNOWN;
    }
    all.items.clone_from(&items);
    world.store().commit(&all).await.unwrap();
    let found = world.items(record.id).await;
    assert!(found == items, "{} of {}", found.len(), items.len());
    assert_eq!(world.log(record.id).await, [all.segment.unwrap()]);
}
