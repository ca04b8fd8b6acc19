//! Serving: takes a bound listener, tells its address, stops on a token.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::{self, App};
use crate::config::Config;
use crate::counted::Counters;
use crate::gates::Gates;
use crate::play::Stage;
use crate::record::{Record, Recorder};

/// For answers in flight when the server stops. Waits end at once; only a client that does not read takes longer.
const DRAIN: Duration = Duration::from_secs(2);

/// A server at work. Dropping it stops it.
pub struct Serving {
    address: SocketAddr,
    app: Arc<App>,
    /// Declared before the task, so that connections learn of the stop before their listener goes.
    stop: DropGuard,
    task: JoinSet<io::Result<()>>,
}

/// Serves on `listener` until `cancel`, or until the returned handle is dropped.
///
/// # Errors
/// When the listener has no address or the log can't be opened.
pub async fn serve(listener: TcpListener, config: Config, cancel: CancellationToken) -> io::Result<Serving> {
    let address = listener.local_addr()?;
    let recorder = Recorder::open(config.log.as_deref()).await?;
    let stop = cancel.child_token();
    let app = Arc::new(App {
        stage: Stage { gates: Arc::new(Gates::default()), stop: stop.clone() },
        recorder,
        counters: Counters::default(),
        delay: config.delay,
        required_key: config.required_key,
    });
    let mut task = JoinSet::new();
    task.spawn(run(listener, Arc::clone(&app), stop.clone()));
    Ok(Serving { address, app, stop: stop.drop_guard(), task })
}

impl Serving {
    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for `ANTHROPIC_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The newest requests received, oldest first.
    pub fn requests(&self) -> Vec<Record> {
        self.app.recorder.all()
    }

    /// Forgets the requests received so far.
    pub fn clear_requests(&self) {
        self.app.recorder.clear();
    }

    /// Opens a gate; tells how many answers waited at it.
    pub fn release(&self, gate: &str) -> usize {
        self.app.stage.gates.release(gate)
    }

    /// Closes a gate again for answers to come; tells how many wait at it.
    pub fn hold(&self, gate: &str) -> usize {
        self.app.stage.gates.hold(gate)
    }

    /// Waits until the server has stopped, which its token must have told it to.
    ///
    /// # Errors
    /// When serving failed.
    pub async fn stopped(mut self) -> io::Result<()> {
        let ended = self.task.join_next().await;
        ended.map_or(Ok(()), |ended| ended.map_err(io::Error::other)?)
    }

    /// Stops the server and waits until it has.
    ///
    /// # Errors
    /// When serving failed.
    pub async fn stop(self) -> io::Result<()> {
        let Self { stop, mut task, .. } = self;
        drop(stop);
        let ended = task.join_next().await;
        ended.map_or(Ok(()), |ended| ended.map_err(io::Error::other)?)
    }
}

async fn run(listener: TcpListener, app: Arc<App>, stop: CancellationToken) -> io::Result<()> {
    // Each event of a stream is a packet of its own: Nagle would hold it back.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let stopping = stop.clone().cancelled_owned();
    let serving = axum::serve(listener, api::router(app)).with_graceful_shutdown(stopping);
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving.into_future() => served,
        () = overdue => Ok(()),
    }
}
