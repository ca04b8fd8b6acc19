//! The guard of the disk: quotas may promise more than there is, and not every engine has them. Whoever fills the disk is
//! stopped before it stops everyone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::WorkspaceId;
use protocol::link::Report;
use protocol::status::{Reason, ReasonCode};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use super::Workspaces;
use super::driver::Event;
use crate::runtime::RuntimeError;

/// How often it is measured what every workspace takes up, to know later who grew.
const MEASURE: Duration = Duration::from_secs(15 * 60);
/// How long the guard rests after an alarm, for space to come free and since measuring costs.
const AFTER: Duration = Duration::from_secs(30);

/// What the guard hears.
#[derive(Debug)]
pub struct Guard {
    least_free: u64,
    alarm: Notify,
}

/// What each workspace takes up.
type Usage = HashMap<WorkspaceId, u64>;

impl Guard {
    /// A guard that wants this many bytes to stay free.
    pub fn new(least_free: u64) -> Self {
        Self { least_free, alarm: Notify::new() }
    }

    /// Hears what a workspace-agent reports. The state volume is never under a quota, so its free space is the disk's. It may
    /// be a lie: the guard looks for itself.
    pub fn hear(&self, report: &Report) {
        if report.state_free < self.least_free {
            self.alarm.notify_one();
        }
    }
}

/// For ever: waits for alarms, and for the time to measure.
pub async fn watch(workspaces: Arc<Workspaces>) {
    let mut before = Usage::new();
    let mut measures = tokio::time::interval(MEASURE);
    measures.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let looked = tokio::select! {
            () = workspaces.guard().alarm.notified() => act(&workspaces, &mut before).await,
            _ = measures.tick() => measure(&workspaces, &mut before).await,
        };
        if let Err(error) = looked {
            tracing::error!(%error, "the guard of the disk can't look");
        }
    }
}

async fn measure(workspaces: &Workspaces, before: &mut Usage) -> Result<(), RuntimeError> {
    if !workspaces.up().is_empty() {
        *before = workspaces.parts().runtime.disk_usage().await?;
    }
    Ok(())
}

/// Stops the workspace that fills the disk, if it is nearly full, and says so.
async fn act(workspaces: &Workspaces, before: &mut Usage) -> Result<(), RuntimeError> {
    let runtime = &workspaces.parts().runtime;
    let free = runtime.disk_free().await?;
    if free < workspaces.guard().least_free {
        let now = runtime.disk_usage().await?;
        match offender(before, &now, &workspaces.up()) {
            Some((id, grown, bytes)) => {
                tracing::error!(workspace = %id, free, grown, bytes, "the disk is nearly full; what fills it is stopped");
                let words = format!(
                    "its files take up {} MB, {} MB of them new",
                    bytes / 1_000_000,
                    grown / 1_000_000
                );
                workspaces.tell(id, Event::Misbehaved(Reason::with(ReasonCode::DiskFull, words)));
            }
            None => {
                tracing::error!(free, "the disk is nearly full, and no workspace runs that could fill it")
            }
        }
        *before = now;
    }
    tokio::time::sleep(AFTER).await;
    Ok(())
}

/// Who of those that run has grown most since the last measurement, by how much, to how much. Only what runs can fill a
/// disk, and what was large long ago does not.
fn offender(before: &Usage, now: &Usage, running: &[WorkspaceId]) -> Option<(WorkspaceId, u64, u64)> {
    let grown = running.iter().map(|id| {
        let bytes = now.get(id).copied().unwrap_or_default();
        (*id, bytes.saturating_sub(before.get(id).copied().unwrap_or_default()), bytes)
    });
    grown.max_by_key(|(_, grown, bytes)| (*grown, *bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(n: u128) -> WorkspaceId {
        WorkspaceId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn whoever_grew_is_the_offender_not_whoever_is_large() {
        let before = Usage::from([(id(1), 900), (id(2), 10)]);
        let now = Usage::from([(id(1), 900), (id(2), 200), (id(3), 100)]);
        assert_eq!(offender(&before, &now, &[id(1), id(2), id(3)]), Some((id(2), 190, 200)));
    }

    #[test]
    fn what_does_not_run_fills_no_disk() {
        let now = Usage::from([(id(1), 900), (id(2), 10)]);
        assert_eq!(offender(&Usage::new(), &now, &[id(2)]), Some((id(2), 10, 10)));
        assert_eq!(offender(&Usage::new(), &now, &[]), None);
    }

    #[test]
    fn while_nobody_grows_it_is_the_largest() {
        let usage = Usage::from([(id(1), 900), (id(2), 10)]);
        assert_eq!(offender(&usage, &usage, &[id(2), id(1)]), Some((id(1), 0, 900)));
    }
}
