//! Spending.

use control_plane::store::records::{UsageKey, UsageRecord};
use protocol::WorkspaceId;
use uuid::Uuid;

use super::assert_refused;
use super::world::World;

fn key(workspace: WorkspaceId, day: u32, model: &str) -> UsageKey {
    UsageKey { workspace, day, model: model.into() }
}

fn cost(micro_usd: u64) -> UsageRecord {
    UsageRecord { requests: 1, input: 10, output: 20, cache_read: 30, cache_write: 40, micro_usd }
}

pub(super) async fn spending_is_summed_over_models_and_from_a_day_on(world: &World) {
    let (id, beside) = (world.workspace().await.id, world.workspace().await.id);
    let spent = [(100, "opus", 1), (100, "haiku", 2), (101, "opus", 4), (101, "opus", 8), (129, "opus", 16)];
    for (day, model, micro_usd) in spent {
        world.store().add_usage(&key(id, day, model), &cost(micro_usd)).await.unwrap();
    }
    world.store().add_usage(&key(beside, 101, "opus"), &cost(1_000)).await.unwrap();
    for (day, sum) in [(0, 31), (100, 31), (101, 28), (102, 16), (129, 16), (130, 0)] {
        assert_eq!(world.other().spent_since(id, day).await.unwrap(), sum, "since day {day}");
    }
}

pub(super) async fn a_hundred_at_once_are_all_counted(world: &World) {
    let id = world.workspace().await.id;
    let added = world.at_once(100, |store, n| async move {
        store.add_usage(&key(id, 100, "opus"), &cost(u64::from(n))).await
    });
    added.await.into_iter().for_each(Result::unwrap);
    assert_eq!(world.store().spent_since(id, 100).await.unwrap(), (0..100).sum::<u64>());
}

pub(super) async fn no_workspace_spends_nothing(world: &World) {
    let nowhere = WorkspaceId(Uuid::new_v4());
    assert_eq!(world.store().spent_since(nowhere, 0).await.unwrap(), 0);
    assert_refused!(world.store().add_usage(&key(nowhere, 1, "opus"), &cost(1)).await, NotFound);
}
