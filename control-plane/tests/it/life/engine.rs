//! A container engine that fails as the real one can't be told to.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use control_plane::runtime::{Found, Happened, Life, Pieces, Runtime, RuntimeError, Spec};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use protocol::WorkspaceId;
use tokio::sync::{Semaphore, watch};

/// An engine whose containers are names in a list.
#[derive(Debug)]
pub(super) struct Engine {
    state: Mutex<State>,
    /// As many containers may be made.
    pub(super) makes: Semaphore,
    /// As many may be stopped.
    pub(super) stops: Semaphore,
    /// How often one was asked to be stopped.
    pub(super) stopping: watch::Sender<u32>,
    /// How often it was measured what each takes up.
    pub(super) measured: watch::Sender<u32>,
}

#[derive(Debug, Default)]
struct State {
    made: u32,
    lives: HashMap<WorkspaceId, (Life, bool)>,
    wall_fails: bool,
    deaf: bool,
    free: u64,
    usage: HashMap<WorkspaceId, u64>,
}

impl Engine {
    pub(super) fn new() -> Self {
        let state = State { free: u64::MAX, ..State::default() };
        Self {
            state: Mutex::new(state),
            makes: Semaphore::new(1000),
            stops: Semaphore::new(1000),
            stopping: watch::Sender::new(0),
            measured: watch::Sender::new(0),
        }
    }

    /// The life that a workspace has or had last.
    pub(super) fn life(&self, workspace: WorkspaceId) -> Life {
        self.lock().lives[&workspace].0.clone()
    }

    /// Whether it runs.
    pub(super) fn runs(&self, workspace: WorkspaceId) -> bool {
        self.lock().lives.get(&workspace).is_some_and(|(_, running)| *running)
    }

    /// It runs a workspace, whoever may have started it.
    pub(super) fn run(&self, workspace: WorkspaceId) {
        self.lock().lives.insert(workspace, (Life("another's".into()), true));
    }

    /// It does not say what runs, or does again.
    pub(super) fn deafen(&self, deaf: bool) {
        self.lock().deaf = deaf;
    }

    /// The wall can't be put up any more.
    pub(super) fn break_wall(&self) {
        self.lock().wall_fails = true;
    }

    /// So much is free, and so much each takes up.
    pub(super) fn fill(&self, free: u64, usage: &[(WorkspaceId, u64)]) {
        let mut state = self.lock();
        state.free = free;
        state.usage = usage.iter().copied().collect();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn is(&self, workspace: WorkspaceId, running: bool) {
        if let Some(life) = self.lock().lives.get_mut(&workspace) {
            life.1 = running;
        }
    }
}

#[async_trait]
impl Runtime for Engine {
    async fn check(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn tidy(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn files(&self, _: WorkspaceId) -> Result<Option<Pieces>, RuntimeError> {
        Ok(None)
    }

    async fn wall(&self) -> Result<(), RuntimeError> {
        match self.lock().wall_fails {
            true => Err(RuntimeError::Wall("no such thing as a packet filter".into())),
            false => Ok(()),
        }
    }

    async fn image(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn create(&self, spec: &Spec) -> Result<Life, RuntimeError> {
        self.makes.acquire().await.unwrap().forget();
        let mut state = self.lock();
        state.made += 1;
        let life = Life(state.made.to_string());
        state.lives.insert(spec.workspace, (life.clone(), false));
        Ok(life)
    }

    async fn start(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        self.is(workspace, true);
        Ok(())
    }

    async fn stop(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        self.stopping.send_modify(|count| *count += 1);
        self.stops.acquire().await.unwrap().forget();
        self.is(workspace, false);
        Ok(())
    }

    async fn destroy(&self, workspace: WorkspaceId, _network: u32) -> Result<(), RuntimeError> {
        self.lock().lives.remove(&workspace);
        Ok(())
    }

    async fn last_words(&self, _workspace: WorkspaceId) -> String {
        String::new()
    }

    async fn running(&self, workspace: WorkspaceId) -> Result<Option<Life>, RuntimeError> {
        let state = self.lock();
        if state.deaf {
            return Err(RuntimeError::Down("it does not listen".into()));
        }
        Ok(state.lives.get(&workspace).filter(|(_, running)| *running).map(|(life, _)| life.clone()))
    }

    async fn list(&self) -> Result<Vec<Found>, RuntimeError> {
        let state = self.lock();
        Ok(state
            .lives
            .iter()
            .map(|(id, (_, running))| Found { workspace: *id, running: running.then_some(1) })
            .collect())
    }

    fn events(&self) -> BoxStream<'static, Happened> {
        futures_util::stream::pending().boxed()
    }

    async fn disk_free(&self) -> Result<u64, RuntimeError> {
        Ok(self.lock().free)
    }

    async fn disk_usage(&self) -> Result<HashMap<WorkspaceId, u64>, RuntimeError> {
        let usage = self.lock().usage.clone();
        self.measured.send_modify(|count| *count += 1);
        Ok(usage)
    }
}
