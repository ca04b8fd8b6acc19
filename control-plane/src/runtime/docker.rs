//! Docker, through its API.
//!
//! | what | named |
//! |---|---|
//! | container | `atelier-<instance>-<workspace>` |
//! | user's volume, state volume | the same with `-user`, `-state` |
//! | network and its bridge | `atelier-<instance>-net-<n>`, `atl<instance>-<n>` |
//!
//! Everything carries the label [`INSTANCE`], so that several Ateliers share one engine without meeting. The user's
//! data is in volumes; a container is made anew at every start, so that image and settings are always the current
//! ones.

mod container;
mod files;
mod helper;
pub mod network;
mod volume;
pub mod wall;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::EventMessage;
use bollard::query_parameters::{
    EventsOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use protocol::WorkspaceId;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{Found, Happened, Life, Pieces, Runtime, RuntimeError, Spec};
use crate::clock;
use crate::config::Engine;

/// The label that says which Atelier something belongs to.
pub const INSTANCE: &str = "atelier.instance";
/// The label that says which workspace something belongs to.
pub const WORKSPACE: &str = "atelier.workspace";

/// How long the engine may take over one call.
const CALL: Duration = Duration::from_secs(60);
/// How long a start relies on the wall that was seen standing. Longer than the reconciler leaves it unseen while anything
/// runs.
const WALL_HOLDS: Duration = Duration::from_secs(60);
/// How long the engine may take to quote last words.
const WORDS: Duration = Duration::from_secs(5);
/// How long a container may take to end by itself, in seconds.
const GRACE: i32 = 10;
/// Log lines that are quoted as last words.
const LAST_WORDS: &str = "8";

/// Docker.
#[derive(Debug)]
pub struct DockerRuntime {
    connected: OnceLock<Docker>,
    config: Engine,
    instance: String,
    link: SocketAddr,
    /// When the wall was last seen to stand.
    wall: Mutex<Option<Instant>>,
    volumes: volume::Locks,
}

impl DockerRuntime {
    /// Docker at the configured address. It need not be up. `instance` names this Atelier; `link` is what
    /// workspace-agents dial.
    pub fn new(config: Engine, instance: String, link: SocketAddr) -> Self {
        let (connected, wall, volumes) = (OnceLock::new(), Mutex::default(), volume::Locks::default());
        Self { connected, config, instance, link, wall, volumes }
    }

    /// The engine, as soon as it is there.
    fn engine(&self) -> Result<&Docker, RuntimeError> {
        if let Some(engine) = self.connected.get() {
            return Ok(engine);
        }
        let engine = Self::connect(&self.config.host)?;
        Ok(self.connected.get_or_init(|| engine))
    }

    /// The engine, for what goes on for as long as the engine is there, or somebody reads: a call's time limit is not for that.
    fn patient_engine(&self) -> Result<Docker, RuntimeError> {
        Ok(self.engine()?.clone().with_timeout(Duration::from_secs(u64::from(u32::MAX))))
    }

    /// Connects to the engine.
    ///
    /// # Errors
    /// When there is none at the address, or the address makes no sense.
    pub fn connect(host: &str) -> Result<Docker, RuntimeError> {
        let connected = Docker::connect_with_host(host);
        connected
            .map(|engine| engine.with_timeout(CALL))
            .map_err(|error| RuntimeError::Down(error.to_string()))
    }

    fn name(&self, workspace: WorkspaceId) -> String {
        format!("atelier-{}-{workspace}", self.instance)
    }

    fn labels(&self, workspace: WorkspaceId) -> HashMap<String, String> {
        HashMap::from([
            (INSTANCE.to_owned(), self.instance.clone()),
            (WORKSPACE.to_owned(), workspace.to_string()),
        ])
    }

    fn ours(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{INSTANCE}={}", self.instance)])])
    }

    /// Puts the wall up, unless it was seen standing less than `held` ago. Setting its rules anew replaces them at once and
    /// costs no more than looking at them would.
    async fn ensure_wall(&self, held: Duration) -> Result<(), RuntimeError> {
        let mut seen = self.wall.lock().await;
        if seen.is_some_and(|seen| seen.elapsed() < held) {
            return Ok(());
        }
        let before = seen.take();
        let rules = wall::rules(&self.instance, &self.config, self.link);
        let stood = self.nft(&wall::table(&self.instance), &rules).await.map_err(|error| match error {
            RuntimeError::Down(_) | RuntimeError::Wall(_) => error,
            RuntimeError::Refused(words) | RuntimeError::ImageMissing(words) => RuntimeError::Wall(words),
        })?;
        if before.is_some() && !stood {
            tracing::error!("someone took the network wall down; it is up again");
        }
        *seen = Some(Instant::now());
        Ok(())
    }

    /// Removes the container. Unless it is to be ended, one that runs stays, and that is an error.
    async fn remove_container(&self, workspace: WorkspaceId, end: bool) -> Result<(), RuntimeError> {
        let options = RemoveContainerOptionsBuilder::default().force(end).v(false).build();
        absent_is_fine(self.engine()?.remove_container(&self.name(workspace), Some(options)).await)
    }
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn check(&self) -> Result<(), RuntimeError> {
        self.engine()?.ping().await.map(drop).map_err(refused)
    }

    async fn wall(&self) -> Result<(), RuntimeError> {
        self.ensure_wall(Duration::ZERO).await
    }

    async fn image(&self) -> Result<(), RuntimeError> {
        match self.engine()?.inspect_image(&self.config.image).await {
            Ok(_) => Ok(()),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                Err(RuntimeError::ImageMissing(self.config.image.clone()))
            }
            Err(error) => Err(refused(error)),
        }
    }

    async fn create(&self, spec: &Spec) -> Result<Life, RuntimeError> {
        let (wall, removed, network, volumes) = tokio::join!(
            self.ensure_wall(WALL_HOLDS),
            self.remove_container(spec.workspace, false),
            self.ensure_network(spec.network),
            self.ensure_volumes(spec.workspace),
        );
        wall?;
        removed?;
        network?;
        volumes?;
        let life = self.create_container(spec).await?;
        self.put_token(spec).await?;
        Ok(life)
    }

    async fn start(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        self.engine()?.start_container(&self.name(workspace), None).await.map_err(refused)
    }

    async fn stop(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        let options = StopContainerOptionsBuilder::default().t(GRACE).build();
        match self.engine()?.stop_container(&self.name(workspace), Some(options)).await {
            Ok(()) | Err(Error::DockerResponseServerError { status_code: 304 | 404, .. }) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    async fn destroy(&self, workspace: WorkspaceId, network: u32) -> Result<(), RuntimeError> {
        self.remove_container(workspace, true).await?;
        let volumes = self.volumes.of(workspace).await;
        self.remove_archivers(Some(workspace)).await?;
        self.remove_volumes(workspace).await?;
        drop(volumes);
        self.remove_network(network).await
    }

    async fn last_words(&self, workspace: WorkspaceId) -> String {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(LAST_WORDS).build();
        let Ok(engine) = self.engine() else { return String::new() };
        let log = engine.logs(&self.name(workspace), Some(options));
        let lines = log.filter_map(|line| async { line.ok().map(|line| line.to_string()) });
        let lines: Vec<String> = timeout(WORDS, lines.collect()).await.unwrap_or_default();
        protocol::payload::short(lines.concat().trim(), 1500)
    }

    async fn running(&self, workspace: WorkspaceId) -> Result<Option<Life>, RuntimeError> {
        match self.engine()?.inspect_container(&self.name(workspace), None).await {
            Ok(container) => {
                let runs = container.state.and_then(|state| state.running).unwrap_or_default();
                Ok(container.id.filter(|_| runs).map(Life))
            }
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    async fn list(&self) -> Result<Vec<Found>, RuntimeError> {
        let options = ListContainersOptionsBuilder::default().all(true).filters(&self.ours()).build();
        let containers = self.engine()?.list_containers(Some(options)).await.map_err(refused)?;
        let found = containers.into_iter().filter_map(|container| {
            let workspace = container.labels?.get(WORKSPACE)?.parse().ok()?;
            let state = container.state.map(|state| state.to_string()).unwrap_or_default();
            // Every life is a container of its own, started as soon as it is made.
            let since = container.created.and_then(|seconds| u64::try_from(seconds * 1000).ok());
            let runs = matches!(state.as_str(), "running" | "paused");
            Some(Found { workspace, running: runs.then(|| since.unwrap_or_else(clock::now)) })
        });
        Ok(found.collect())
    }

    fn events(&self) -> BoxStream<'static, Happened> {
        let mut filters = self.ours();
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        filters.insert("event".to_owned(), vec!["die".to_owned(), "oom".to_owned()]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        let engine = match self.patient_engine() {
            Ok(engine) => Arc::new(engine),
            Err(_) => return futures_util::stream::iter([Happened::Gap]).boxed(),
        };
        let events = engine.events(Some(options));
        events
            .filter_map(|event| async move {
                match event {
                    Ok(event) => happened(&event),
                    Err(error) => {
                        tracing::warn!(%error, "the engine tells no more");
                        Some(Happened::Gap)
                    }
                }
            })
            .boxed()
    }

    async fn files(&self, workspace: WorkspaceId) -> Result<Option<Pieces>, RuntimeError> {
        self.archive(workspace).await
    }

    async fn tidy(&self) -> Result<(), RuntimeError> {
        self.remove_archivers(None).await
    }

    async fn disk_free(&self) -> Result<u64, RuntimeError> {
        self.volumes_free().await
    }

    async fn disk_usage(&self) -> Result<HashMap<WorkspaceId, u64>, RuntimeError> {
        self.volume_usage().await
    }
}

fn happened(event: &EventMessage) -> Option<Happened> {
    let actor = event.actor.as_ref()?;
    let attributes = actor.attributes.as_ref()?;
    let workspace = attributes.get(WORKSPACE)?.parse().ok()?;
    match event.action.as_deref()? {
        "die" => {
            let code = attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(-1);
            Some(Happened::Died { workspace, life: Life(actor.id.clone()?), code })
        }
        "oom" => Some(Happened::OutOfMemory { workspace }),
        _ => None,
    }
}

/// An error of the engine, as the workspace's driver sees it.
fn refused(error: Error) -> RuntimeError {
    if let Error::DockerResponseServerError { status_code, message } = error {
        return RuntimeError::Refused(format!("{message} ({status_code})"));
    }
    RuntimeError::Down(format!("{:#}", anyhow::Error::new(error)))
}

/// What is to be removed may be gone already.
fn absent_is_fine(result: Result<(), Error>) -> Result<(), RuntimeError> {
    match result {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        Err(error) => Err(refused(error)),
    }
}
