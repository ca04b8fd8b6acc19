//! One-time tokens for enrolment.

use protocol::WorkspaceId;
use uuid::Uuid;

use super::assert_refused;
use super::world::{NOW, World, hash};

pub(super) async fn a_token_is_spent_by_one_of_a_hundred(world: &World) {
    let (token, workspace) = (hash(), world.workspace().await.id);
    world.store().add_enrol_token(token, workspace, NOW + 1).await.unwrap();
    let spent =
        world.at_once(100, |store, _| async move { store.spend_enrol_token(token, NOW).await.unwrap() });
    let winners: Vec<_> = spent.await.into_iter().flatten().collect();
    assert_eq!(winners, [workspace]);
    assert_eq!(world.store().spend_enrol_token(token, NOW).await.unwrap(), None);
}

pub(super) async fn a_new_token_voids_the_earlier_ones_of_its_workspace_alone(world: &World) {
    let (one, two) = (world.workspace().await.id, world.workspace().await.id);
    let (earlier, beside, later) = (hash(), hash(), hash());
    world.store().add_enrol_token(earlier, one, NOW + 1).await.unwrap();
    world.store().add_enrol_token(beside, two, NOW + 1).await.unwrap();
    world.other().add_enrol_token(later, one, NOW + 1).await.unwrap();
    assert_eq!(world.store().spend_enrol_token(earlier, NOW).await.unwrap(), None);
    assert_eq!(world.store().spend_enrol_token(beside, NOW).await.unwrap(), Some(two));
    assert_eq!(world.store().spend_enrol_token(later, NOW).await.unwrap(), Some(one));
}

pub(super) async fn a_token_ends_with_its_time(world: &World) {
    let (token, workspace) = (hash(), world.workspace().await.id);
    world.store().add_enrol_token(token, workspace, NOW).await.unwrap();
    assert_eq!(world.other().spend_enrol_token(token, NOW).await.unwrap(), None);
    world.store().add_enrol_token(token, workspace, NOW).await.unwrap();
    assert_eq!(world.other().spend_enrol_token(token, NOW - 1).await.unwrap(), Some(workspace));
}

pub(super) async fn an_unknown_token_is_worth_nothing(world: &World) {
    let workspace = world.workspace().await.id;
    world.store().add_enrol_token(hash(), workspace, NOW + 1).await.unwrap();
    assert_eq!(world.other().spend_enrol_token(hash(), NOW).await.unwrap(), None);
    let nowhere = WorkspaceId(Uuid::new_v4());
    assert_refused!(world.store().add_enrol_token(hash(), nowhere, NOW + 1).await, NotFound);
}

pub(super) async fn a_token_dies_with_its_workspace(world: &World) {
    let (token, workspace) = (hash(), world.workspace().await);
    world.store().add_enrol_token(token, workspace.id, NOW + 1).await.unwrap();
    world.store().delete_workspace(workspace.id).await.unwrap();
    assert_eq!(world.other().spend_enrol_token(token, NOW).await.unwrap(), None);
}
