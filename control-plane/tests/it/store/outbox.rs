//! What people sent, and notices.

use control_plane::store::records::ConversationRecord;
use protocol::ItemId;
use protocol::close::ErrorCode;
use protocol::event::Unknown;
use protocol::outbox::{Item, ItemState};
use uuid::Uuid;

use super::world::{World, item, notice, step};

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
