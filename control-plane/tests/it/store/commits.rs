//! One atomic step of a conversation, under a compare-and-set.

use protocol::log::Position;
use protocol::outbox::ItemState;

use super::assert_refused;
use super::world::{World, appending, item, notice, segment, step, winners, with_segment};

pub(super) async fn a_log_goes_on_at_its_end_and_nowhere_else(world: &World) {
    let fresh = world.conversation().await;
    let first = appending(&fresh, 3);
    world.store().commit(&first).await.unwrap();
    let kept = world.again(&fresh).await;
    // Overlaps, a repeat, a gap, and one that ends before it begins.
    for (from, to) in [(1, 3), (2, 5), (3, 4), (3, 3), (5, 6), (4, 3), (0, 4)] {
        let wrong = with_segment(step(&kept), segment(1, from, to));
        assert_refused!(world.other().commit(&wrong).await, Conflict);
        assert_eq!(world.again(&fresh).await, kept, "{from} to {to}");
    }
    let second = appending(&kept, 2);
    world.other().commit(&second).await.unwrap();
    assert_eq!(world.log(fresh.id).await, [first.segment.unwrap(), second.segment.unwrap()]);
}

pub(super) async fn epochs_never_go_back(world: &World) {
    let mut record = world.conversation().await;
    for (epoch, first, last) in [(2, 1, 2), (2, 3, 3), (5, 4, 6)] {
        let step = with_segment(step(&record), segment(epoch, first, last));
        world.store().commit(&step).await.unwrap();
        record = step.record;
    }
    let back = with_segment(step(&record), segment(4, 7, 7));
    assert_refused!(world.store().commit(&back).await, Conflict);
    assert_eq!(world.again(&record).await.end, Position { epoch: 5, n: 6 });
    let epochs: Vec<_> = world.log(record.id).await.iter().map(|segment| segment.epoch).collect();
    assert_eq!(epochs, [2, 2, 5]);
}

pub(super) async fn a_record_must_agree_with_its_segment(world: &World) {
    let fresh = world.conversation().await;
    for end in [Position { epoch: 1, n: 3 }, Position { epoch: 2, n: 2 }, Position::default()] {
        let mut wrong = appending(&fresh, 2);
        wrong.record.end = end;
        assert_refused!(world.store().commit(&wrong).await, Conflict);
    }
    assert_eq!(world.again(&fresh).await, fresh);
}

pub(super) async fn one_of_two_writers_wins(world: &World) {
    let fresh = world.conversation().await;
    let (mut mine, mut theirs) = (step(&fresh), step(&fresh));
    mine.items = vec![item(1, ItemState::Saved)];
    theirs.notices = vec![notice(1)];
    world.store().commit(&mine).await.unwrap();
    assert_refused!(world.other().commit(&theirs).await, Conflict);
    assert_eq!(world.items(fresh.id).await, mine.items);
    assert_eq!(world.store().notices(fresh.id, 0).await.unwrap(), []);
    let mut ahead = step(&mine.record);
    ahead.record.version += 1;
    assert_refused!(world.store().commit(&ahead).await, Conflict);
    theirs.record = step(&world.again(&fresh).await).record;
    world.other().commit(&theirs).await.unwrap();
    assert_eq!(world.store().notices(fresh.id, 0).await.unwrap(), theirs.notices);
}

pub(super) async fn one_of_many_writers_wins_each_round(world: &World) {
    let mut record = world.conversation().await;
    for round in 1..=5 {
        let commits = world.at_once(20, |store, _| {
            let commit = appending(&record, 1);
            async move { store.commit(&commit).await }
        });
        assert_eq!(winners(&commits.await), 1);
        record = world.again(&record).await;
        assert_eq!((record.version, record.end.n), (round + 1, round));
    }
    assert_eq!(world.log(record.id).await.len(), 5);
}

pub(super) async fn a_commit_that_fails_at_its_last_part_leaves_nothing(world: &World) {
    let fresh = world.conversation().await;
    let kept_item = item(1, ItemState::Saved);
    let mut first = step(&fresh);
    first.items = vec![kept_item.clone()];
    first.notices = vec![notice(1)];
    world.store().commit(&first).await.unwrap();
    // A good segment, a new item, a changed item, a good notice; then a notice whose number is used, or a version
    // that is stale.
    let mut full = appending(&first.record, 3);
    let mut changed = kept_item.clone();
    changed.state = ItemState::Done;
    full.items = vec![item(2, ItemState::Saved), changed];
    let (mut taken, mut stale) = (full.clone(), full);
    taken.notices = vec![notice(2), notice(1)];
    stale.notices = vec![notice(2)];
    stale.record.version = first.record.version;
    for failing in [taken, stale] {
        assert_refused!(world.store().commit(&failing).await, Conflict);
        assert_eq!(world.log(fresh.id).await, []);
        assert_eq!(world.items(fresh.id).await, first.items);
        assert_eq!(world.other().notices(fresh.id, 0).await.unwrap(), [notice(1)]);
        assert_eq!(world.again(&fresh).await, first.record);
    }
}

pub(super) async fn a_notice_number_is_used_once(world: &World) {
    let (one, two) = (world.conversation().await, world.conversation().await);
    let mut first = step(&one);
    first.notices = vec![notice(1)];
    world.store().commit(&first).await.unwrap();
    let mut again = step(&first.record);
    again.notices = vec![notice(1)];
    assert_refused!(world.store().commit(&again).await, Conflict);
    let mut beside = step(&two);
    beside.notices = vec![notice(1)];
    world.store().commit(&beside).await.unwrap();
}

pub(super) async fn a_refused_commit_harms_none_beside_it(world: &World) {
    let workspace = world.workspace().await.id;
    let mut records = Vec::new();
    for _ in 0..60 {
        records.push(world.conversation_in(workspace).await);
    }
    let commits = world.at_once(60, |store, n| {
        let mut commit = appending(&records[n as usize], 2);
        commit.items = vec![item(1, ItemState::Saved)];
        // Every third is refused, after its segment and its item were written.
        commit.record.version += u64::from(n % 3 == 0);
        async move { store.commit(&commit).await }
    });
    assert_eq!(winners(&commits.await), 40);
    for (n, record) in records.iter().enumerate() {
        let expected = usize::from(n % 3 != 0);
        assert_eq!(world.log(record.id).await.len(), expected);
        assert_eq!(world.items(record.id).await.len(), expected);
        assert_eq!(world.again(record).await.end.n, 2 * expected as u64);
    }
}

pub(super) async fn a_commit_to_what_is_not_there_is_not_found(world: &World) {
    let gone = world.conversation().await;
    world.store().delete_conversation(gone.id).await.unwrap();
    let (mut with_item, mut with_notice) = (step(&gone), step(&gone));
    with_item.items = vec![item(1, ItemState::Saved)];
    with_notice.notices = vec![notice(1)];
    for commit in [step(&gone), appending(&gone, 1), with_item, with_notice] {
        assert_refused!(world.other().commit(&commit).await, NotFound);
    }
    assert_refused!(world.store().conversation(gone.id).await, NotFound);
    assert_eq!(world.items(gone.id).await, []);
}
