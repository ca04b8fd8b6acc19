//! The engine against the store, at start and for ever: what runs is adopted, what nobody knows is removed, what is
//! gone is called gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use protocol::{Millis, WorkspaceId};
use tokio::time::{MissedTickBehavior, timeout};

use super::Workspaces;
use super::driver::{Event, reason_of};
use crate::runtime::{Happened, RuntimeError};

/// How often the engine is looked at even if it tells nothing.
const LOOK: Duration = Duration::from_secs(30);
/// How long links wait for the first look. An engine that hangs keeps nobody out for longer.
const LOOK_FIRST: Duration = Duration::from_secs(2);
/// How long to wait before an engine that went away, or a wall that failed, is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often the wall is tried in a row before what runs behind it is stopped.
const WALL_TRIES: u32 = 2;

/// At start, before links are served: sees what runs, and since when. A link that came first would have it begin now.
pub async fn look_first(workspaces: &Arc<Workspaces>) {
    if let Ok(Ok(running)) = timeout(LOOK_FIRST, look(workspaces)).await {
        // Looked once.
        let _ = workspaces.before.set(running);
    }
}

/// At start: a driver for every workspace, with what the engine runs adopted.
///
/// # Errors
/// When the store can't be read. An engine that is down is no error: it shows when something is started.
pub async fn adopt(workspaces: &Arc<Workspaces>) -> anyhow::Result<()> {
    let running = match workspaces.before.get() {
        Some(seen) => seen.clone(),
        None => look(workspaces).await.unwrap_or_else(|error| {
            tracing::error!(%error, "nothing can be adopted");
            HashMap::new()
        }),
    };
    for record in workspaces.parts().store.workspaces().await? {
        let since = running.get(&record.id).copied();
        workspaces.drive(record, since).await?;
    }
    stop_strays(workspaces, &running).await;
    // Last: nothing that runs waits for it to be known.
    if let Err(error) = workspaces.parts().runtime.tidy().await {
        tracing::warn!(%error, "what the last control plane left can't be removed");
    }
    Ok(())
}

/// Stops what runs and belongs to nobody.
async fn stop_strays(workspaces: &Workspaces, running: &HashMap<WorkspaceId, Millis>) {
    let known = workspaces.ids();
    for stray in running.keys().filter(|id| !known.contains(id)) {
        tracing::warn!(workspace = %stray, "a workspace that nobody knows is stopped");
        if let Err(error) = workspaces.parts().runtime.stop(*stray).await {
            tracing::warn!(workspace = %stray, %error, "it can't be stopped");
        }
    }
}

/// For ever: passes on what the engine tells, and looks for itself.
pub async fn watch(workspaces: Arc<Workspaces>) {
    loop {
        let mut events = workspaces.parts().runtime.events();
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Happened::Died { workspace, life, code }) => {
                        workspaces.tell(workspace, Event::Died { life, code });
                    }
                    Some(Happened::OutOfMemory { workspace }) => workspaces.tell(workspace, Event::OutOfMemory),
                    Some(Happened::Gap) | None => break,
                },
                _ = looks.tick() => compare(&workspaces).await,
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn compare(workspaces: &Arc<Workspaces>) {
    match look(workspaces).await {
        Ok(running) => {
            for id in workspaces.ids() {
                workspaces.tell(id, Event::Seen { running: running.contains_key(&id) });
            }
            stop_strays(workspaces, &running).await;
        }
        Err(error) => tracing::warn!(%error, "the engine can't be looked at"),
    }
}

/// For ever: has the network wall stand while anything runs behind it. Whoever loads the machine's packet filter anew takes
/// it down, and a control plane may begin with another configuration than the last one's.
pub async fn keep_walled(workspaces: Arc<Workspaces>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = 0;
    loop {
        looks.tick().await;
        if workspaces.up().is_empty() {
            continue;
        }
        match workspaces.parts().runtime.wall().await {
            Ok(()) => failed = 0,
            Err(error @ RuntimeError::Wall(_)) => {
                failed += 1;
                tracing::error!(%error, failed, "nobody knows whether the network wall stands");
                if failed < WALL_TRIES {
                    looks.reset_after(AGAIN);
                } else {
                    stop_unwalled(&workspaces, &error);
                }
            }
            Err(
                error @ (RuntimeError::Down(_) | RuntimeError::ImageMissing(_) | RuntimeError::Refused(_)),
            ) => {
                tracing::error!(%error, "the network wall can't be looked at");
            }
        }
    }
}

/// Nothing runs without the wall.
fn stop_unwalled(workspaces: &Workspaces, error: &RuntimeError) {
    for id in workspaces.up() {
        workspaces.tell(id, Event::Misbehaved(reason_of(error)));
    }
}

/// What runs, and since when.
async fn look(workspaces: &Workspaces) -> Result<HashMap<WorkspaceId, Millis>, RuntimeError> {
    let found = workspaces.parts().runtime.list().await?;
    Ok(found.into_iter().filter_map(|found| Some((found.workspace, found.running?))).collect())
}
