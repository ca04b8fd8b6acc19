//! What operators see: one row a workspace, kept up to date for as long as an operator looks.
//!
//! Whoever changes a workspace names it ([`crate::hub::touched`]); one task looks at those that were named and puts their
//! rows on a [`board`], at most a few times a second. Every operator reads the board from a cursor of their own, at
//! their own pace. While nobody looks, nothing is kept and nothing is done.

pub mod board;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::fleet::{FleetRow, LastError};
use protocol::status::{Phase, Reason, Versions, WorkspaceStatus};
use protocol::{UserId, WorkspaceId, bounded};
use tokio::sync::watch;
use tokio::time::Instant;

use self::board::Board;
use crate::hub::Hubs;
use crate::hub::workspace::WorkspaceHub;
use crate::store::{Store, StoreError};

/// How long changes are gathered: operators are told four times a second at most.
const GATHER: Duration = Duration::from_millis(250);
/// Workspaces that are looked at between two times that operators are told.
const BATCH: usize = 256;
/// Users that are read from the store at a time.
const USERS: usize = 500;
/// How long a user's name is believed.
const NAME_AGE: Duration = Duration::from_secs(60);
/// Of the words of a reason, so many bytes are shown.
const DETAIL_BYTES: usize = 600;
/// Of a version, so many.
const VERSION_BYTES: usize = 40;

/// What operators see.
#[derive(Debug)]
pub struct Fleet {
    store: Arc<dyn Store>,
    hubs: Arc<Hubs>,
    board: Mutex<Board>,
    /// Counts what was put on the board; 0 until it is there.
    pulse: watch::Sender<u64>,
    operators: watch::Sender<usize>,
}

/// An operator who looks. The board is kept for as long as there is one.
#[derive(Debug)]
pub struct Looking {
    fleet: Arc<Fleet>,
    pulse: watch::Receiver<u64>,
}

/// A user, as rows show them.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    email: Option<String>,
    since: Instant,
}

impl Fleet {
    /// Nobody looks yet.
    pub fn new(store: Arc<dyn Store>, hubs: Arc<Hubs>) -> Arc<Self> {
        let (board, pulse, operators) = (Mutex::default(), watch::Sender::new(0), watch::Sender::new(0));
        Arc::new(Self { store, hubs, board, pulse, operators })
    }

    /// One more operator looks.
    pub fn look(self: &Arc<Self>) -> Looking {
        let pulse = self.pulse.subscribe();
        self.operators.send_modify(|count| *count += 1);
        Looking { fleet: Arc::clone(self), pulse }
    }

    /// The board as it is.
    pub fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_watched(&self) -> bool {
        *self.operators.borrow() > 0
    }
}

impl Looking {
    /// Waits until the board is there.
    pub async fn there(&mut self) {
        // The fleet holds the sender for as long as this holds the fleet.
        let _ = self.pulse.wait_for(|count| *count > 0).await;
    }

    /// What is on the board by now is no change any more.
    pub fn mark_seen(&mut self) {
        self.pulse.mark_unchanged();
    }

    /// Waits for the next change of the board.
    pub async fn changed(&mut self) {
        let _ = self.pulse.changed().await;
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.fleet.operators.send_modify(|count| *count -= 1);
    }
}

/// Keeps the board, for ever.
pub async fn keep(fleet: Arc<Fleet>) {
    let mut operators = fleet.operators.subscribe();
    loop {
        if operators.wait_for(|count| *count > 0).await.is_err() {
            return;
        }
        fleet.hubs.touched().watch(true);
        Keeper::begin(Arc::clone(&fleet)).await.keep().await;
        fleet.hubs.touched().watch(false);
        fleet.board().clear();
        fleet.pulse.send_replace(0);
    }
}

/// Keeps the board while somebody looks.
struct Keeper {
    fleet: Arc<Fleet>,
    users: HashMap<UserId, Named>,
}

impl Keeper {
    /// Puts every workspace on the board with what is known without asking for it; what has to be counted follows.
    async fn begin(fleet: Arc<Fleet>) -> Self {
        let mut keeper = Self { fleet, users: HashMap::new() };
        if let Err(error) = keeper.read_users().await {
            tracing::warn!(%error, "the users' names can't be read; they follow one by one");
        }
        for hub in keeper.fleet.hubs.all() {
            let named = keeper.users.get(&hub.user()).cloned();
            keeper.fleet.board().put(row(&hub, named.as_ref()));
            if named.is_none() || wants_counting(&hub) {
                hub.touch();
            }
        }
        keeper.tell();
        keeper
    }

    /// Until nobody looks any more.
    async fn keep(mut self) {
        let fleet = Arc::clone(&self.fleet);
        let mut operators = fleet.operators.subscribe();
        loop {
            tokio::select! {
                () = fleet.hubs.touched().some() => {}
                _ = operators.wait_for(|count| *count == 0) => return,
            }
            let told_at = Instant::now() + GATHER;
            for _ in 0..BATCH {
                let Some(id) = fleet.hubs.touched().take() else { break };
                self.look_at(id).await;
            }
            self.tell();
            tokio::time::sleep_until(told_at).await;
        }
    }

    async fn look_at(&mut self, id: WorkspaceId) {
        let Some(hub) = self.fleet.hubs.get(id) else {
            self.fleet.board().remove(id);
            return;
        };
        if wants_counting(&hub)
            && let Err(error) = hub.count().await
        {
            tracing::warn!(workspace = %id, %error, "the conversations can't be counted; the next change tries again");
        }
        let named = self.named(hub.user()).await;
        self.fleet.board().put(row(&hub, named.as_ref()));
    }

    fn tell(&self) {
        self.fleet.pulse.send_modify(|count| *count += 1);
    }

    async fn read_users(&mut self) -> Result<(), StoreError> {
        let mut after = None;
        while self.fleet.is_watched() {
            let page = self.fleet.store.users(after, "", USERS).await?;
            after = page.last().map(|user| user.id);
            let last = page.len() < USERS;
            let since = Instant::now();
            let named = page.into_iter().map(|user| {
                let (name, email) = (user.name, user.email);
                (user.id, Named { name, email, since })
            });
            self.users.extend(named);
            if last {
                break;
            }
        }
        Ok(())
    }

    /// A user's name, as it was within the last minute if the store can say.
    async fn named(&mut self, id: UserId) -> Option<Named> {
        let known = self.users.get(&id);
        if known.is_none_or(|known| known.since.elapsed() >= NAME_AGE)
            && let Ok(user) = self.fleet.store.user(id).await
        {
            let named = Named { name: user.name, email: user.email, since: Instant::now() };
            self.users.insert(id, named);
        }
        self.users.get(&id).cloned()
    }
}

/// Whether the conversations' states mean anything, and are not counted yet.
fn wants_counting(hub: &WorkspaceHub) -> bool {
    is_alive(&hub.status().phase) && hub.counts().is_none()
}

/// Whether there may be processes in it.
const fn is_alive(phase: &Phase) -> bool {
    match phase {
        Phase::Running {} | Phase::Paused {} | Phase::Starting { .. } | Phase::Stopping {} => true,
        Phase::Stopped { .. } | Phase::Failed { .. } | Phase::Deleting {} => false,
    }
}

fn row(hub: &WorkspaceHub, user: Option<&Named>) -> FleetRow {
    let status = shortened(hub.status());
    let link = if status.linked { hub.link() } else { None };
    FleetRow {
        workspace: hub.id(),
        user: hub.user(),
        name: user.map(|user| user.name.clone()).unwrap_or_default(),
        email: user.and_then(|user| user.email.clone()),
        round_trip_us: link.and_then(|link| link.round_trip().last_us()),
        conversations: if is_alive(&status.phase) { hub.counts() } else { None },
        last_error: hub.last_error().map(|error| LastError { reason: clipped(error.reason), ..error }),
        status,
    }
}

/// What a workspace says of itself, as much as a row has room for.
fn shortened(status: WorkspaceStatus) -> WorkspaceStatus {
    let phase = match status.phase {
        Phase::Stopped { reason } => Phase::Stopped { reason: reason.map(clipped) },
        Phase::Failed { reason } => Phase::Failed { reason: clipped(reason) },
        phase @ (Phase::Starting { .. }
        | Phase::Running {}
        | Phase::Paused {}
        | Phase::Stopping {}
        | Phase::Deleting {}) => phase,
    };
    let version = |text: &str| bounded::clip(text, VERSION_BYTES).to_owned();
    let versions = status.versions.map(|versions| Versions {
        workspace_agent: version(&versions.workspace_agent),
        claude: version(&versions.claude),
    });
    WorkspaceStatus { phase, versions, ..status }
}

fn clipped(reason: Reason) -> Reason {
    Reason { detail: bounded::clip(&reason.detail, DETAIL_BYTES).to_owned(), ..reason }
}
