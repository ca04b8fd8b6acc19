//! The life of a workspace where the engine does what the real one can't be told to.

mod engine;

use std::sync::Arc;

use control_plane::hub::Hubs;
use control_plane::hub::workspace::WorkspaceHub;
use control_plane::links::Links;
use control_plane::pki::Authority;
use control_plane::seal::Seal;
use control_plane::store::Store;
use control_plane::store::records::{Identity, Last};
use control_plane::store::sqlite::Sqlite;
use control_plane::workspace::driver::Event;
use control_plane::workspace::policy::{Answer, Ask};
use control_plane::workspace::{Parts, Workspaces, guard, reconcile};
use protocol::link::Report;
use protocol::status::{Phase, Reason, ReasonCode, Versions};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::engine::Engine;

/// What should stay free on the disk of this engine.
const LEAST_FREE: u64 = 1000;

/// The drivers, on that engine.
struct World {
    engine: Arc<Engine>,
    workspaces: Arc<Workspaces>,
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    _stop: DropGuard,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.path().join("atelier.db")).unwrap());
        let seal = Seal::from_file(&folder.path().join("sealing-key")).unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let engine = Arc::new(Engine::new());
        let workspaces = Workspaces::new(Parts {
            runtime: engine.clone(),
            store: Arc::clone(&store),
            authority: Arc::new(Authority::load(&*store, &seal).await.unwrap()),
            hubs: Arc::new(Hubs::new(Arc::clone(&store), tasks.clone())),
            links: Arc::new(Links::default()),
            least_free: LEAST_FREE,
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        Self { engine, workspaces, store, tasks, _stop: stop.drop_guard(), _folder: folder }
    }

    /// A new user's workspace, which never ran.
    async fn workspace(&self) -> Arc<WorkspaceHub> {
        let subject = uuid::Uuid::new_v4().to_string();
        let user = self.store.sign_in(&Identity::new(&subject, "Ada"), 1).await.unwrap().id;
        let record = self.store.create_workspace(user, 200_000..200_100, 100, 1).await.unwrap();
        self.workspaces.drive(record, None).await.unwrap()
    }

    /// A workspace that runs.
    async fn running(&self) -> Arc<WorkspaceHub> {
        let hub = self.workspace().await;
        self.ask(&hub, Ask::Start);
        until(&hub, |phase| matches!(phase, Phase::Starting { .. })).await;
        self.comes_up(&hub, 1).await;
        hub
    }

    fn ask(&self, hub: &WorkspaceHub, ask: Ask) {
        assert_eq!(self.workspaces.ask(hub, ask), Answer::Accept);
    }

    /// The workspace-agent dials.
    async fn comes_up(&self, hub: &WorkspaceHub, link: u64) {
        let versions = Versions { workspace_agent: "1".into(), claude: "2".into() };
        self.workspaces.tell(hub.id(), Event::Enrolled);
        self.workspaces.tell(hub.id(), Event::Linked { link, versions });
        until(hub, |phase| *phase == Phase::Running {}).await;
    }
}

/// Waits until a workspace is so.
async fn until(hub: &WorkspaceHub, is_so: impl Fn(&Phase) -> bool) -> Phase {
    hub.watch_status().wait_for(|status| is_so(&status.phase)).await.unwrap().phase.clone()
}

/// Why a workspace failed, once it has.
async fn failure(hub: &WorkspaceHub) -> ReasonCode {
    match until(hub, |phase| matches!(phase, Phase::Failed { .. })).await {
        Phase::Failed { reason } => reason.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_end_of_an_earlier_life_is_none_of_the_next_ones() {
    let world = World::new().await;
    let hub = world.running().await;
    let first = world.engine.life(hub.id());
    world.engine.stops.forget_permits(usize::MAX);
    world.ask(&hub, Ask::Stop);
    world.engine.stopping.subscribe().wait_for(|count| *count == 1).await.unwrap();
    // A message comes, the container ends, and the engine says so before its answer is there.
    hub.wake();
    world.workspaces.tell(hub.id(), Event::Died { life: first.clone(), code: 0 });
    world.engine.stops.add_permits(1000);
    until(&hub, |phase| matches!(phase, Phase::Starting { .. })).await;
    world.comes_up(&hub, 2).await;
    assert_ne!(world.engine.life(hub.id()), first);
    assert!(world.engine.runs(hub.id()));
    assert_eq!(*world.engine.stopping.borrow(), 1);
    // Its own end is.
    let life = world.engine.life(hub.id());
    world.workspaces.tell(hub.id(), Event::Died { life, code: 1 });
    assert_eq!(failure(&hub).await, ReasonCode::Exited);
}

#[tokio::test]
async fn what_runs_after_all_is_adopted_by_a_start_and_not_ended_by_one_that_can_t_see_it() {
    let world = World::new().await;
    let hub = world.workspace().await;
    world.engine.run(hub.id());
    let life = world.engine.life(hub.id());
    world.engine.deafen(true);
    world.ask(&hub, Ask::Start);
    assert_eq!(failure(&hub).await, ReasonCode::EngineDown);
    world.engine.deafen(false);
    world.ask(&hub, Ask::Start);
    until(&hub, |phase| *phase == Phase::Running {}).await;
    assert!(world.engine.runs(hub.id()));
    assert_eq!(world.engine.life(hub.id()), life);
    assert_eq!(*world.engine.stopping.borrow(), 0);
}

#[tokio::test]
async fn a_start_that_hangs_in_the_engine_can_be_stopped() {
    let world = World::new().await;
    let hub = world.workspace().await;
    world.engine.makes.forget_permits(usize::MAX);
    world.ask(&hub, Ask::Start);
    until(&hub, |phase| matches!(phase, Phase::Starting { .. })).await;
    world.ask(&hub, Ask::Stop);
    until(&hub, |phase| matches!(phase, Phase::Stopped { .. })).await;
    // And started again, once the engine is well.
    world.engine.makes.add_permits(1);
    world.ask(&hub, Ask::Start);
    until(&hub, |phase| matches!(phase, Phase::Starting { .. })).await;
    world.comes_up(&hub, 1).await;
}

#[tokio::test]
async fn a_workspace_whose_start_hangs_in_the_engine_can_be_deleted() {
    let world = World::new().await;
    let hub = world.workspace().await;
    world.engine.makes.forget_permits(usize::MAX);
    world.ask(&hub, Ask::Start);
    until(&hub, |phase| matches!(phase, Phase::Starting { .. })).await;
    world.ask(&hub, Ask::Delete);
    hub.closed().cancelled().await;
    assert!(world.store.workspace(hub.id()).await.is_err());
}

#[tokio::test]
async fn nothing_is_started_for_somebody_who_is_kept_out() {
    let world = World::new().await;
    let hub = world.workspace().await;
    world.store.set_disabled(hub.user(), true).await.unwrap();
    world.ask(&hub, Ask::Start);
    assert_eq!(failure(&hub).await, ReasonCode::Disabled);
    world.store.set_disabled(hub.user(), false).await.unwrap();
    world.ask(&hub, Ask::Start);
    until(&hub, |phase| matches!(phase, Phase::Starting { .. })).await;
    world.comes_up(&hub, 1).await;
    // Nor anew.
    world.store.set_disabled(hub.user(), true).await.unwrap();
    world.ask(&hub, Ask::Restart);
    assert_eq!(failure(&hub).await, ReasonCode::Disabled);
    assert!(!world.engine.runs(hub.id()));
}

#[tokio::test]
async fn a_restart_that_was_cut_off_goes_on() {
    let world = World::new().await;
    let user = world.store.sign_in(&Identity::new("ada", "Ada"), 1).await.unwrap().id;
    let mut record = world.store.create_workspace(user, 200_000..200_100, 100, 1).await.unwrap();
    record.last = Last::Stopped { reason: Reason::new(ReasonCode::Restarted), at: 1 };
    world.store.save_workspace(&record).await.unwrap();
    record.version += 1;
    let hub = world.workspaces.drive(record, None).await.unwrap();
    until(&hub, |phase| matches!(phase, Phase::Starting { .. })).await;
    world.comes_up(&hub, 1).await;
    // Who only had it stopped has it stopped.
    world.ask(&hub, Ask::Stop);
    until(&hub, |phase| matches!(phase, Phase::Stopped { .. })).await;
}

#[tokio::test]
async fn nothing_runs_without_the_wall() {
    let world = World::new().await;
    let (hub, idle) = (world.running().await, world.workspace().await);
    world.engine.break_wall();
    world.tasks.spawn(reconcile::keep_walled(Arc::clone(&world.workspaces)));
    assert_eq!(failure(&hub).await, ReasonCode::WallFailed);
    assert!(!world.engine.runs(hub.id()));
    assert_eq!(idle.status().phase, Phase::Stopped { reason: None });
}

#[tokio::test]
async fn the_guard_of_the_disk_stops_what_runs_and_grew() {
    let world = World::new().await;
    let (large, grower, stopped) = (world.running().await, world.running().await, world.workspace().await);
    let usage = |grown| [(large.id(), 900), (grower.id(), grown), (stopped.id(), 5000)];
    world.engine.fill(LEAST_FREE, &usage(10));
    let report =
        |state_free| Report { user_free: 0, user_total: 0, state_free, memory_used: 0, processes: 0 };
    // It measures as it begins.
    let watching = tokio::spawn(guard::watch(Arc::clone(&world.workspaces)));
    world.engine.measured.subscribe().wait_for(|count| *count == 1).await.unwrap();
    world.engine.fill(LEAST_FREE - 1, &usage(700));
    world.workspaces.guard().hear(&report(LEAST_FREE - 1));
    assert_eq!(failure(&grower).await, ReasonCode::DiskFull);
    assert_eq!(large.status().phase, Phase::Running {});
    watching.abort();
}
