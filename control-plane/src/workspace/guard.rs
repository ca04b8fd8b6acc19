//! The guard of the disk: where volumes have no quota, whoever fills the disk is stopped before it stops everyone.

use std::sync::Arc;
use std::time::Duration;

use protocol::link::Report;
use protocol::status::{Reason, ReasonCode};

use super::Workspaces;
use super::driver::Event;

/// Below this much free space on the volumes' disk the guard acts.
const LEAST_FREE: u64 = 1024 * 1024 * 1024;
/// How long it waits after it has acted, for the space to come free.
const AFTER: Duration = Duration::from_secs(30);

/// Whether this report means that everyone's disk is nearly full. The state volume is never under a quota, so its
/// free space is the disk's.
pub const fn is_alarming(report: &Report) -> bool {
    report.state_free < LEAST_FREE
}

/// Stops the workspace that takes up the most, and says so.
pub async fn act(workspaces: Arc<Workspaces>) {
    let usage = match workspaces.parts().runtime.disk_usage().await {
        Ok(usage) => usage,
        Err(error) => return tracing::error!(%error, "the disk is nearly full and nobody knows by whom"),
    };
    let Some((offender, bytes)) = usage.into_iter().max_by_key(|(_, bytes)| *bytes) else { return };
    tracing::error!(workspace = %offender, bytes, "the disk is nearly full; the workspace that fills it is stopped");
    let words = format!("its files take up {} MB", bytes / 1_000_000);
    workspaces.tell(offender, Event::Misbehaved(Reason::with(ReasonCode::DiskFull, words)));
    tokio::time::sleep(AFTER).await;
}
