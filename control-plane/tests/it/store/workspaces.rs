//! Workspaces: their numbers, their records, their certificates.

use std::collections::HashSet;

use control_plane::store::StoreError;
use control_plane::store::records::{Certificates, Last, Wanted, WorkspaceRecord};
use protocol::UserId;
use protocol::link::{Catalog, CommandOffer};
use protocol::status::{Reason, ReasonCode};
use uuid::Uuid;

use super::assert_refused;
use super::world::{NETWORKS, NOW, UIDS, World, ada, appending, hash, winners};

fn numbers(record: &WorkspaceRecord) -> (u32, u32) {
    (record.uid - UIDS.start, record.network)
}

fn issued(serial: &str) -> Certificates {
    Certificates { current: Some(serial.into()), next: None, revoked: false }
}

pub(super) async fn each_gets_the_lowest_free_numbers(world: &World) {
    for n in 0..5 {
        assert_eq!(numbers(&world.workspace().await), (n, n));
    }
    assert_eq!(world.other().workspaces().await.unwrap().len(), 5);
}

pub(super) async fn what_a_deleted_one_had_is_used_again(world: &World) {
    let first = world.workspace().await;
    let second = world.workspace().await;
    let third = world.workspace().await;
    world.store().delete_workspace(second.id).await.unwrap();
    let again = world.other().create_workspace(second.user, UIDS, NETWORKS, NOW).await.unwrap();
    assert_eq!(numbers(&again), numbers(&second));
    assert_ne!(again.id, second.id);
    world.store().delete_workspace(first.id).await.unwrap();
    world.store().delete_workspace(again.id).await.unwrap();
    assert_eq!(numbers(&world.workspace().await), (0, 0));
    assert_eq!(numbers(&world.workspace().await), (1, 1));
    assert_eq!(numbers(&world.workspace().await), (third.network + 1, third.network + 1));
}

pub(super) async fn numbers_outside_a_new_range_do_not_matter(world: &World) {
    world.workspace().await;
    let user = world.user().await;
    let moved = world.store().create_workspace(user, 300_000..300_010, NETWORKS, NOW).await.unwrap();
    assert_eq!((moved.uid, moved.network), (300_000, 1));
    assert_eq!(numbers(&world.workspace().await), (1, 2));
}

pub(super) async fn an_exhausted_range_is_said_and_nothing_is_made(world: &World) {
    let (first, user) = (world.workspace().await, world.user().await);
    let one_uid = UIDS.start..UIDS.start + 1;
    let refused = world.store().create_workspace(user, one_uid.clone(), NETWORKS, NOW).await;
    assert!(matches!(refused, Err(StoreError::Exhausted(_))), "{refused:?}");
    let refused = world.store().create_workspace(user, UIDS, 1, NOW).await;
    assert!(matches!(refused, Err(StoreError::Exhausted(_))), "{refused:?}");
    assert_eq!(world.other().workspace_of(user).await.unwrap(), None);
    let again = world.other().create_workspace(first.user, one_uid, 1, NOW).await.unwrap();
    assert_eq!(again, first);
}

pub(super) async fn a_hundred_at_once_for_one_user_give_one(world: &World) {
    let user = world.user().await;
    let made = world.at_once(100, move |store, _| async move {
        store.create_workspace(user, UIDS, NETWORKS, NOW).await.unwrap().id
    });
    let ids: HashSet<_> = made.await.into_iter().collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(world.store().workspaces().await.unwrap().len(), 1);
}

pub(super) async fn users_at_once_get_numbers_of_their_own(world: &World) {
    let made = world.at_once(50, |store, n| async move {
        let user = store.sign_in(&ada(&format!("google:{n}")), NOW).await.unwrap();
        store.create_workspace(user.id, UIDS, NETWORKS, NOW).await.unwrap()
    });
    let mut made: Vec<_> = made.await.iter().map(numbers).collect();
    let networks: HashSet<_> = made.iter().map(|(_, network)| *network).collect();
    assert_eq!(networks, (0..50).collect());
    made.sort_unstable();
    assert_eq!(made.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
}

pub(super) async fn nobody_has_no_workspace(world: &World) {
    let nobody = UserId(Uuid::new_v4());
    assert_refused!(world.store().create_workspace(nobody, UIDS, NETWORKS, NOW).await, NotFound);
    assert_eq!(world.store().workspace_of(nobody).await.unwrap(), None);
    assert!(world.store().workspaces().await.unwrap().is_empty());
}

pub(super) async fn saving_counts_the_version_and_refuses_a_stale_one(world: &World) {
    let fresh = world.workspace().await;
    let mut wanted = fresh.clone();
    wanted.wanted = Wanted::Running;
    wanted.last = Last::Failed { reason: Reason::with(ReasonCode::DiskFull, "98 %"), at: 7 };
    world.store().save_workspace(&wanted).await.unwrap();
    let saved = world.other().workspace(fresh.id).await.unwrap();
    assert_eq!(saved, WorkspaceRecord { version: fresh.version + 1, ..wanted });
    let stale = WorkspaceRecord { wanted: Wanted::Deleted, ..fresh };
    assert_refused!(world.other().save_workspace(&stale).await, Conflict);
    assert_eq!(world.store().workspace(stale.id).await.unwrap(), saved);
}

pub(super) async fn one_of_many_savers_wins(world: &World) {
    let record = world.workspace().await;
    let saved = world.at_once(20, |store, _| {
        let record = record.clone();
        async move { store.save_workspace(&record).await }
    });
    assert_eq!(winners(&saved.await), 1);
    assert_eq!(world.store().workspace(record.id).await.unwrap().version, record.version + 1);
}

pub(super) async fn saving_touches_no_certificate(world: &World) {
    let before = world.workspace().await;
    world.store().set_certificates(before.id, &before.certificates, &issued("a")).await.unwrap();
    // The driver saves what it read before the certificate came.
    world.other().save_workspace(&before).await.unwrap();
    assert_eq!(world.store().workspace(before.id).await.unwrap().certificates, issued("a"));
}

pub(super) async fn certificates_are_replaced_only_if_they_are_as_expected(world: &World) {
    let record = world.workspace().await;
    let none = Certificates::default();
    assert_eq!(record.certificates, none);
    let renewed = Certificates { next: Some("b".into()), ..issued("a") };
    world.store().set_certificates(record.id, &none, &issued("a")).await.unwrap();
    world.other().set_certificates(record.id, &issued("a"), &renewed).await.unwrap();
    for expected in [none, issued("a"), Certificates { revoked: true, ..renewed.clone() }] {
        let refused = world.store().set_certificates(record.id, &expected, &issued("c")).await;
        assert_refused!(refused, Conflict);
    }
    assert_eq!(world.store().workspace(record.id).await.unwrap().certificates, renewed);
}

pub(super) async fn one_of_many_certificates_wins(world: &World) {
    let id = world.workspace().await.id;
    let set = world.at_once(20, |store, n| async move {
        store.set_certificates(id, &Certificates::default(), &issued(&n.to_string())).await.map(|()| n)
    });
    let set = set.await;
    assert_eq!(winners(&set), 1);
    let winner = set.into_iter().find_map(Result::ok).unwrap();
    assert_eq!(world.store().workspace(id).await.unwrap().certificates, issued(&winner.to_string()));
}

pub(super) async fn links_are_counted_without_holes_or_repeats(world: &World) {
    let (id, other) = (world.workspace().await.id, world.workspace().await.id);
    let counted = world.at_once(100, |store, _| async move { store.count_link(id).await.unwrap() });
    let mut counted = counted.await;
    counted.sort_unstable();
    assert_eq!(counted, (1..=100).collect::<Vec<_>>());
    assert_eq!(world.store().count_link(other).await.unwrap(), 1);
}

pub(super) async fn a_catalog_is_kept(world: &World) {
    let record = world.workspace().await;
    assert_eq!(record.catalog, None);
    let (name, description) = ("review".into(), "\"quoted\" 검토 \u{0}".into());
    let commands = vec![CommandOffer { name, description, argument_hint: "[path]".into() }];
    let catalog = Catalog { models: Vec::new(), commands };
    world.store().save_catalog(record.id, &catalog).await.unwrap();
    let kept = world.other().workspace(record.id).await.unwrap();
    assert_eq!(kept, WorkspaceRecord { catalog: Some(catalog), ..record });
}

pub(super) async fn what_is_not_there_is_not_found(world: &World) {
    let gone = world.workspace().await;
    world.store().delete_workspace(gone.id).await.unwrap();
    let store = world.other();
    assert_refused!(store.workspace(gone.id).await, NotFound);
    assert_refused!(store.save_workspace(&gone).await, NotFound);
    assert_refused!(store.set_certificates(gone.id, &gone.certificates, &issued("a")).await, NotFound);
    assert_refused!(store.count_link(gone.id).await, NotFound);
    let catalog = Catalog { models: Vec::new(), commands: Vec::new() };
    assert_refused!(store.save_catalog(gone.id, &catalog).await, NotFound);
    assert_refused!(store.delete_workspace(gone.id).await, NotFound);
}

pub(super) async fn deleting_takes_everything_along(world: &World) {
    let (gone, kept) = (world.workspace().await, world.conversation().await);
    let conversation = world.conversation_in(gone.id).await;
    world.store().commit(&appending(&conversation, 3)).await.unwrap();
    world.store().commit(&appending(&kept, 3)).await.unwrap();
    let token = hash();
    world.store().add_enrol_token(token, gone.id, NOW + 1).await.unwrap();
    world.store().delete_workspace(gone.id).await.unwrap();
    assert_refused!(world.other().conversation(conversation.id).await, NotFound);
    assert_eq!(world.log(conversation.id).await, []);
    assert!(world.other().log_ends(gone.id).await.unwrap().is_empty());
    assert_eq!(world.other().spend_enrol_token(token, NOW).await.unwrap(), None);
    assert_eq!(world.other().workspaces().await.unwrap().len(), 1);
    assert_eq!(world.log(kept.id).await.len(), 1);
}

pub(super) async fn pages_of_them_join_without_a_gap_or_a_repeat(world: &World) {
    for _ in 0..7 {
        world.workspace().await;
    }
    let mut whole = world.store().workspaces().await.unwrap();
    whole.sort_by_key(|record| record.id);
    for size in [1, 3, 6, 7, 8] {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = world.other().workspaces_after(after, size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            pages.extend(page);
        }
        assert_eq!(pages, whole, "pages of {size}");
    }
}

pub(super) async fn numbers_of_a_wide_range_are_found_past_what_is_taken(world: &World) {
    let mut uids = Vec::new();
    // Ranges that begin and end within, at and across the borders of any block of numbers.
    for range in
        [32_766..32_770, 32_766..32_770, 32_766..32_770, 32_766..32_770, 0..3, 4_294_967_290..u32::MAX]
    {
        let user = world.user().await;
        let made = world.other().create_workspace(user, range, NETWORKS, NOW).await.unwrap();
        uids.push(made.uid);
    }
    assert_eq!(uids, [32_766, 32_767, 32_768, 32_769, 0, 4_294_967_290]);
    let user = world.user().await;
    let refused = world.store().create_workspace(user, 32_766..32_770, NETWORKS, NOW).await;
    assert!(matches!(refused, Err(StoreError::Exhausted(_))), "{refused:?}");
}

pub(super) async fn many_that_come_and_go_at_once_never_share_a_number(world: &World) {
    for _ in 0..3 {
        let made = world.at_once(12, |store, n| async move {
            let user = store.sign_in(&ada(&format!("google:{n}")), NOW).await.unwrap();
            let made = store.create_workspace(user.id, UIDS, NETWORKS, NOW).await.unwrap();
            if n % 3 == 0 {
                store.delete_workspace(made.id).await.unwrap();
            }
        });
        made.await;
        let all = world.store().workspaces().await.unwrap();
        let uids: HashSet<_> = all.iter().map(|record| record.uid).collect();
        let networks: HashSet<_> = all.iter().map(|record| record.network).collect();
        assert_eq!((uids.len(), networks.len()), (all.len(), all.len()));
        assert_eq!(all.len(), 8);
    }
}
