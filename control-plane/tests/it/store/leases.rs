//! Which of several control planes owns a workspace.

use control_plane::store::records::Lease;
use protocol::WorkspaceId;
use uuid::Uuid;

use super::assert_refused;
use super::world::{NOW, World};

fn lease(owner: &str, fence: u64, until: u64) -> Lease {
    Lease { owner: owner.into(), fence, until }
}

pub(super) async fn the_first_has_it_until_its_time_is_over(world: &World) {
    let id = world.workspace().await.id;
    assert_eq!(world.store().lease(id).await.unwrap(), None);
    let first = world.store().take_lease(id, "a", NOW, NOW + 10).await.unwrap();
    assert_eq!(first, lease("a", 1, NOW + 10));
    assert_eq!(world.other().take_lease(id, "b", NOW + 9, NOW + 99).await.unwrap(), first);
    assert_eq!(world.other().lease(id).await.unwrap(), Some(first));
    let second = world.other().take_lease(id, "b", NOW + 10, NOW + 20).await.unwrap();
    assert_eq!(second, lease("b", 2, NOW + 20));
    assert_eq!(world.store().take_lease(id, "a", NOW + 11, NOW + 30).await.unwrap(), second);
}

pub(super) async fn taking_ones_own_again_is_a_renewal(world: &World) {
    let id = world.workspace().await.id;
    world.store().take_lease(id, "a", NOW, NOW + 10).await.unwrap();
    assert_eq!(world.other().take_lease(id, "a", NOW + 5, NOW + 15).await.unwrap(), lease("a", 1, NOW + 15));
    // Also when it had run out, as long as nobody else came.
    assert_eq!(world.other().take_lease(id, "a", NOW + 50, NOW + 60).await.unwrap(), lease("a", 1, NOW + 60));
}

pub(super) async fn a_renewal_is_refused_once_another_has_it(world: &World) {
    let id = world.workspace().await.id;
    let mine = world.store().take_lease(id, "a", NOW, NOW + 10).await.unwrap();
    world.store().renew_lease(id, mine.fence, NOW + 20).await.unwrap();
    assert_eq!(world.other().lease(id).await.unwrap(), Some(lease("a", 1, NOW + 20)));
    let theirs = world.other().take_lease(id, "b", NOW + 20, NOW + 30).await.unwrap();
    assert_refused!(world.store().renew_lease(id, mine.fence, NOW + 99).await, Conflict);
    assert_refused!(world.store().release_lease(id, mine.fence).await, Conflict);
    assert_eq!(world.store().lease(id).await.unwrap(), Some(theirs));
}

pub(super) async fn what_was_given_up_is_free_and_its_number_is_used_up(world: &World) {
    let id = world.workspace().await.id;
    let mine = world.store().take_lease(id, "a", NOW, NOW + 10).await.unwrap();
    world.store().release_lease(id, mine.fence).await.unwrap();
    assert_refused!(world.store().renew_lease(id, mine.fence, NOW + 99).await, Conflict);
    assert!(!world.other().lease(id).await.unwrap().unwrap().is_held(NOW));
    let next = world.other().take_lease(id, "b", NOW, NOW + 10).await.unwrap();
    assert_eq!(next, lease("b", 2, NOW + 10));
}

pub(super) async fn one_of_a_hundred_takes_it_and_all_are_told(world: &World) {
    let id = world.workspace().await.id;
    let taken = world.at_once(100, |store, n| async move {
        store.take_lease(id, &n.to_string(), NOW, NOW + 10).await.unwrap()
    });
    let taken = taken.await;
    assert!(taken.iter().all(|lease| *lease == taken[0]), "{taken:?}");
    assert_eq!(taken[0].fence, 1);
}

pub(super) async fn fences_only_grow(world: &World) {
    let id = world.workspace().await.id;
    for round in 0..5 {
        let now = NOW + round * 10;
        let taken = world.at_once(10, |store, n| async move {
            store.take_lease(id, &format!("{round} {n}"), now, now + 10).await.unwrap()
        });
        let taken = taken.await;
        assert!(taken.iter().all(|lease| lease.fence == round + 1 && *lease == taken[0]), "{taken:?}");
    }
}

pub(super) async fn it_goes_with_its_workspace(world: &World) {
    let id = world.workspace().await.id;
    let mine = world.store().take_lease(id, "a", NOW, NOW + 10).await.unwrap();
    world.store().delete_workspace(id).await.unwrap();
    for id in [id, WorkspaceId(Uuid::new_v4())] {
        assert_eq!(world.other().lease(id).await.unwrap(), None);
        assert_refused!(world.other().take_lease(id, "b", NOW, NOW + 10).await, NotFound);
        assert_refused!(world.other().renew_lease(id, mine.fence, NOW + 20).await, NotFound);
        assert_refused!(world.other().release_lease(id, mine.fence).await, NotFound);
    }
}
