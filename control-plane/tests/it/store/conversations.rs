//! Conversations: made, listed, renamed, deleted.

use std::collections::HashSet;

use control_plane::store::records::{Chunk, Commit, ConversationRecord, NewConversation};
use protocol::log::{LogEnd, Position};
use protocol::outbox::ItemState;
use protocol::settings::{Mode, ModelName, Settings};
use protocol::{ConversationId, Millis, WorkspaceId};
use uuid::Uuid;

use super::assert_refused;
use super::world::{NOW, World, appending, cut_off, item, new_conversation, notice, step};

pub(super) async fn making_it_again_changes_nothing(world: &World) {
    let mut new = new_conversation(world.workspace().await.id);
    new.title = "첫 대화".into();
    new.settings = Settings { model: ModelName::new("opus"), mode: Mode::Plan };
    let made = world.store().create_conversation(&new).await.unwrap();
    assert_eq!((made.title.as_str(), made.created_at, made.changed_at), ("첫 대화", NOW, NOW));
    assert_eq!((&made.settings, &made.summary.settings), (&new.settings, &new.settings));
    assert_eq!((made.end, made.outbox_rev, made.notice), (Position::default(), 0, 0));
    world.store().commit(&appending(&made, 2)).await.unwrap();
    let again = NewConversation { title: "another".into(), now: NOW + 9, ..new };
    let again = world.other().create_conversation(&again).await.unwrap();
    assert_eq!(again, world.again(&made).await);
    assert_eq!((again.title.as_str(), again.end.n), ("첫 대화", 2));
}

pub(super) async fn a_hundred_at_once_with_one_id_make_one(world: &World) {
    let new = new_conversation(world.workspace().await.id);
    let made = world.at_once(100, |store, n| {
        let new = NewConversation { title: n.to_string(), ..new.clone() };
        async move { store.create_conversation(&new).await.unwrap().title }
    });
    let titles: HashSet<_> = made.await.into_iter().collect();
    assert_eq!(titles.len(), 1);
    assert_eq!(world.store().conversations(new.workspace, None, "", 10).await.unwrap().len(), 1);
}

pub(super) async fn an_id_that_another_workspace_has_is_not_told_of(world: &World) {
    let taken = world.conversation().await;
    let mine = world.workspace().await.id;
    let new = NewConversation { id: taken.id, title: "mine".into(), ..new_conversation(mine) };
    assert_refused!(world.store().create_conversation(&new).await, NotFound);
    assert_eq!(world.again(&taken).await, taken);
    assert!(world.store().conversations(mine, None, "", 10).await.unwrap().is_empty());
    let nowhere = new_conversation(WorkspaceId(Uuid::new_v4()));
    assert_refused!(world.store().create_conversation(&nowhere).await, NotFound);
}

/// Gives a conversation a title at a time.
async fn title(world: &World, record: &ConversationRecord, title: &str, at: Millis) {
    let mut step = step(record);
    step.record.title = title.into();
    step.record.changed_at = at;
    world.store().commit(&step).await.unwrap();
}

async fn listed(world: &World, workspace: WorkspaceId, query: &str) -> Vec<String> {
    let found = world.other().conversations(workspace, None, query, 100).await.unwrap();
    found.into_iter().map(|record| record.title).collect()
}

pub(super) async fn the_last_changed_comes_first(world: &World) {
    let workspace = world.workspace().await.id;
    for (name, at) in [("middle", 2), ("oldest", 1), ("newest", 3)] {
        title(world, &world.conversation_in(workspace).await, name, at).await;
    }
    world.conversation().await;
    assert_eq!(listed(world, workspace, "").await, ["newest", "middle", "oldest"]);
}

pub(super) async fn pages_join_without_a_gap_or_a_repeat(world: &World) {
    let workspace = world.workspace().await.id;
    for n in 0..25 {
        // Many at the same time: the order must hold among those too.
        title(world, &world.conversation_in(workspace).await, "x", NOW + n / 7).await;
    }
    let whole = world.store().conversations(workspace, None, "", 100).await.unwrap();
    assert_eq!(whole.len(), 25);
    for size in [1, 2, 7, 24, 25, 26] {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = world.other().conversations(workspace, after, "", size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            pages.extend(page);
        }
        assert_eq!(pages, whole, "pages of {size}");
    }
}

pub(super) async fn a_query_is_text_and_no_pattern(world: &World) {
    let workspace = world.workspace().await.id;
    let names = ["100% done", "1000 done", "a_b", "axb", "back\\slash", "여행 계획", "Mixed Case", "it's"];
    for name in names {
        title(world, &world.conversation_in(workspace).await, name, NOW).await;
    }
    let cases = [
        ("100%", "100% done"),
        ("_", "a_b"),
        ("\\", "back\\slash"),
        ("계획", "여행 계획"),
        ("mixed case", "Mixed Case"),
        ("'", "it's"),
    ];
    for (query, found) in cases {
        assert_eq!(listed(world, workspace, query).await, [found], "{query}");
    }
    assert_eq!(listed(world, workspace, "nowhere").await, [""; 0]);
    assert_eq!(listed(world, workspace, "").await.len(), 8);
}

pub(super) async fn a_list_goes_on_only_from_its_own_conversations(world: &World) {
    let (mine, theirs) = (world.conversation().await, world.conversation().await);
    for after in [theirs.id, ConversationId(Uuid::new_v4())] {
        let refused = world.store().conversations(mine.workspace, Some(after), "", 10).await;
        assert_refused!(refused, NotFound);
    }
}

pub(super) async fn renaming_keeps_everything_else(world: &World) {
    let fresh = world.conversation().await;
    let mut full = appending(&fresh, 4);
    full.record.settings.mode = Mode::AcceptEdits;
    full.record.summary.cost_usd = 0.125;
    (full.record.outbox_rev, full.record.outbox_seq, full.record.waiting) = (3, 2, 1);
    full.record.notice = 1;
    full.notices = vec![notice(1)];
    world.store().commit(&full).await.unwrap();
    title(world, &full.record, "renamed", NOW + 1).await;
    let renamed = world.again(&fresh).await;
    let expected = ConversationRecord {
        version: full.record.version + 1,
        title: "renamed".into(),
        changed_at: NOW + 1,
        ..full.record
    };
    assert_eq!(renamed, expected);
    assert_eq!(world.log(fresh.id).await, [full.segment.unwrap()]);
}

pub(super) async fn log_ends_are_those_of_the_whole_workspace(world: &World) {
    let workspace = world.workspace().await.id;
    let (empty, written) = (world.conversation_in(workspace).await, world.conversation_in(workspace).await);
    world.conversation().await;
    world.store().commit(&appending(&written, 7)).await.unwrap();
    let mut ends = world.other().log_ends(workspace).await.unwrap();
    let mut expected = vec![
        LogEnd { conversation: empty.id, end: Position::default() },
        LogEnd { conversation: written.id, end: Position { epoch: 1, n: 7 } },
    ];
    ends.sort_by_key(|end| end.conversation);
    expected.sort_by_key(|end| end.conversation);
    assert_eq!(ends, expected);
}

/// Lets operators read a conversation until then.
async fn grant(world: &World, record: &ConversationRecord, until: Option<Millis>) -> ConversationRecord {
    let mut step = step(record);
    step.record.granted_until = until;
    world.store().commit(&step).await.unwrap();
    world.again(record).await
}

pub(super) async fn what_may_be_read_is_found_until_that_is_over(world: &World) {
    // The store may be one that other tests write to: theirs is another time.
    let now = 9_000_000_000_000;
    let found = async |now, limit| -> Vec<_> {
        let records = world.other().granted(now, limit).await.unwrap();
        records.into_iter().map(|record| (record.id, record.granted_until.unwrap())).collect()
    };
    let (late, early) = (world.conversation().await, world.conversation().await);
    let (over, gone, plain) =
        (world.conversation().await, world.conversation().await, world.conversation().await);
    let late = grant(world, &late, Some(now + 2)).await;
    let early = grant(world, &early, Some(now + 1)).await;
    grant(world, &over, Some(now)).await;
    let gone = grant(world, &gone, Some(now + 3)).await;
    world.store().delete_conversation(gone.id).await.unwrap();
    assert_eq!((late.granted_until, plain.granted_until), (Some(now + 2), None));
    assert_eq!(found(now, 10).await, [(early.id, now + 1), (late.id, now + 2)]);
    assert_eq!(found(now, 1).await, [(early.id, now + 1)]);
    assert_eq!(found(now + 1, 10).await, [(late.id, now + 2)]);
    title(world, &late, "still", NOW).await;
    assert_eq!(found(now + 1, 10).await, [(late.id, now + 2)]);
    grant(world, &early, None).await;
    assert_eq!(found(now, 10).await, [(late.id, now + 2)]);
    assert_eq!(found(now + 2, 10).await, []);
}

/// A conversation with something of everything.
async fn full(world: &World, workspace: WorkspaceId) -> (ConversationRecord, Commit, Chunk) {
    let fresh = world.conversation_in(workspace).await;
    let mut commit = appending(&fresh, 3);
    commit.items = vec![item(1, ItemState::Saved)];
    commit.notices = vec![notice(1)];
    world.store().commit(&commit).await.unwrap();
    let chunk = Chunk { digest: [7; 32], index: 0, chunks: 1, bytes: b"body".to_vec() };
    world.store().put_chunk(fresh.id, &chunk).await.unwrap();
    (fresh, commit, chunk)
}

pub(super) async fn deleting_takes_everything_along(world: &World) {
    let workspace = world.workspace().await.id;
    let (gone, commit, chunk) = full(world, workspace).await;
    let (kept, kept_commit, _) = full(world, workspace).await;
    world.store().delete_conversation(gone.id).await.unwrap();
    // Made again under the same id, it is empty: nothing of the old one was left to shine through.
    let again = NewConversation { id: gone.id, ..new_conversation(workspace) };
    world.other().create_conversation(&again).await.unwrap();
    assert_eq!(world.log(gone.id).await, []);
    assert_eq!(world.items(gone.id).await, []);
    assert_eq!(world.other().outbox_item(gone.id, commit.items[0].id).await.unwrap(), None);
    assert_eq!(world.other().notices(gone.id, 0).await.unwrap(), []);
    assert_refused!(world.other().chunk(gone.id, chunk.digest, 0).await, NotFound);
    assert_eq!(world.other().unfinished(workspace).await.unwrap(), [kept.id]);
    assert_eq!(world.items(kept.id).await, kept_commit.items);
    assert_eq!(world.other().chunk(kept.id, chunk.digest, 0).await.unwrap(), chunk);
}

pub(super) async fn what_is_not_there_is_not_found(world: &World) {
    let gone = world.conversation().await;
    world.store().delete_conversation(gone.id).await.unwrap();
    assert_refused!(world.other().conversation(gone.id).await, NotFound);
    assert_refused!(world.other().delete_conversation(gone.id).await, NotFound);
    assert_eq!(world.items(gone.id).await, []);
    assert_eq!(world.log(gone.id).await, []);
}

pub(super) async fn they_are_counted(world: &World) {
    let workspace = world.workspace().await.id;
    world.conversation().await;
    assert_eq!(world.other().count_conversations(workspace).await.unwrap(), 0);
    let gone = world.conversation_in(workspace).await.id;
    for _ in 0..6 {
        world.conversation_in(workspace).await;
    }
    world.store().delete_conversation(gone).await.unwrap();
    assert_eq!(world.other().count_conversations(workspace).await.unwrap(), 6);
    assert_eq!(world.other().count_conversations(WorkspaceId(Uuid::new_v4())).await.unwrap(), 0);
}

pub(super) async fn removing_a_large_one_lets_others_go_on(world: &World) {
    let workspace = world.workspace().await.id;
    let large = world.conversation_in(workspace).await;
    for index in 0..200 {
        let chunk = Chunk { digest: [1; 32], index, chunks: 200, bytes: vec![0; 64 * 1024] };
        world.store().put_chunk(large.id, &chunk).await.unwrap();
    }
    let mut beside = world.conversation().await;
    let removing = world.store().delete_conversation(large.id);
    tokio::pin!(removing);
    let mut between = 0;
    // The removal gets on only while others do.
    while cut_off(removing.as_mut(), 0).await.is_none() {
        let commit = appending(&beside, 1);
        world.other().commit(&commit).await.unwrap();
        beside = commit.record;
        let gone = world.other().conversation(large.id).await.is_err();
        let empty = world.other().chunk(large.id, [1; 32], 199).await.is_err();
        assert!(!gone || empty, "it is gone for some and there for others");
        between += 1;
    }
    assert!(between >= 3, "{between}");
    assert_eq!(world.other().count_conversations(workspace).await.unwrap(), 0);
}

pub(super) async fn what_a_cut_off_removal_left_shows_through_nothing(world: &World) {
    let workspace = world.workspace().await.id;
    for cut in 0..12 {
        let (gone, commit, chunk) = full(world, workspace).await;
        let _ = cut_off(world.store().delete_conversation(gone.id), cut).await;
        let again = NewConversation { id: gone.id, ..new_conversation(workspace) };
        if world.other().conversation(gone.id).await.is_ok() {
            // It had not begun; or it comes only now.
            continue;
        }
        assert_eq!((world.log(gone.id).await, world.items(gone.id).await), (vec![], vec![]));
        assert_eq!(world.other().notices(gone.id, 0).await.unwrap(), []);
        assert_refused!(world.other().chunk(gone.id, chunk.digest, 0).await, NotFound);
        assert_refused!(world.other().put_chunk(gone.id, &chunk).await, NotFound);
        assert!(!world.other().unfinished(workspace).await.unwrap().contains(&gone.id));
        let made = world.other().create_conversation(&again).await.unwrap();
        assert_eq!(made.version, 1);
        assert_eq!((world.log(gone.id).await, world.items(gone.id).await), (vec![], vec![]));
        assert_eq!(world.other().outbox_item(gone.id, commit.items[0].id).await.unwrap(), None);
        world.store().tidy(0).await.unwrap();
        assert_eq!(world.again(&made).await, made);
    }
}
