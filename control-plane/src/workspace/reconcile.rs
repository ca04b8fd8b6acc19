//! The engine against the store, at start and for ever: what runs is adopted, what nobody knows is removed, what is
//! gone is called gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use protocol::WorkspaceId;

use super::Workspaces;
use super::driver::Event;
use crate::runtime::{Happened, RuntimeError};

/// How often the engine is looked at even if it tells nothing.
const LOOK: Duration = Duration::from_secs(30);
/// How long to wait before an engine that went away is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// At start: a driver for every workspace, with what the engine runs adopted.
///
/// # Errors
/// When the store can't be read. An engine that is down is no error: it shows when something is started.
pub async fn adopt(workspaces: &Arc<Workspaces>) -> anyhow::Result<()> {
    let found = match look(workspaces).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "nothing can be adopted");
            HashMap::new()
        }
    };
    for record in workspaces.parts().store.workspaces().await? {
        let running = found.get(&record.id).copied().unwrap_or(false);
        workspaces.drive(record, running).await?;
    }
    for (stray, running) in found {
        if !workspaces.ids().contains(&stray) {
            tracing::warn!(workspace = %stray, running, "a workspace that nobody knows is stopped");
            if let Err(error) = workspaces.parts().runtime.stop(stray).await {
                tracing::warn!(workspace = %stray, %error, "it can't be stopped");
            }
        }
    }
    Ok(())
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
        Ok(found) => {
            for id in workspaces.ids() {
                let running = found.get(&id).copied().unwrap_or(false);
                workspaces.tell(id, Event::Seen { running });
            }
        }
        Err(error) => tracing::warn!(%error, "the engine can't be looked at"),
    }
}

async fn look(workspaces: &Workspaces) -> Result<HashMap<WorkspaceId, bool>, RuntimeError> {
    let found = workspaces.parts().runtime.list().await?;
    Ok(found.into_iter().map(|found| (found.workspace, found.running)).collect())
}
