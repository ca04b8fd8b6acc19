//! The control plane: what browsers and workspace-agents talk to.
//!
//! - [`config`] to [`app`]: configuration, and the parts put together; [`server`] and [`router`]: connections and
//!   routes; [`api`]: the endpoints; [`error`]: refusals.
//! - [`auth`]: who asks, and what they may; [`people`]: what is done to them; [`grants`]: what they let operators
//!   read; [`audit`]: what is written down of it;
//!   [`exports`]: what is taken along.
//! - [`hub`]: where what workspaces say meets those who watch; [`outbox`]: what people send.
//! - [`links`]: the workspace-agents' links; [`pki`]: their certificates; [`seal`]: secrets at rest.
//! - [`fleet`]: what operators see.
//! - [`workspace`]: lives of workspaces; [`runtime`]: the container engine.
//! - [`gateway`]: the model gateway.
//! - [`store`]: what outlives the process; [`maintenance`]: what is done to it beside serving.

pub mod api;
pub mod app;
pub mod audit;
pub mod auth;
pub mod clock;
pub mod config;
pub mod error;
pub mod exports;
pub mod fleet;
pub mod gateway;
pub mod grants;
pub mod hub;
pub mod links;
pub mod maintenance;
pub mod outbox;
pub mod people;
pub mod pki;
pub mod request_id;
pub mod router;
pub mod runtime;
pub mod seal;
pub mod server;
pub mod store;
pub mod workspace;

use std::time::Duration;

use self::app::Running;

/// How long open requests, model answers among them, may take to finish at a stop.
const DRAIN: Duration = Duration::from_secs(20);
/// When workspace-agents are told to come back.
const BACK_IN_MS: u64 = 500;

/// Stops a control plane: workspace-agents are told, open requests finish, workspaces go on.
pub async fn stop(running: Running) {
    let app = running.app;
    app.links.drain(BACK_IN_MS);
    app.stop.cancel();
    app.tasks.close();
    if tokio::time::timeout(DRAIN, app.tasks.wait()).await.is_err() {
        tracing::info!(left = app.tasks.len(), "stopping with tasks left");
    }
}
