//! Workspaces and their lives.
//!
//! ```text
//!            ┌────────────── start ──────────────┐
//!            ▼                                   │
//! stopped ──▶ starting(image, create, start, enrol, ready) ──▶ running
//!    ▲            │ fails                                        │   │ ends by itself
//!    │            ▼                                              │   ▼
//!    │         failed(reason) ◀──────────────────────────────────┼── failed(reason)
//!    └────────────────────────── stopping ◀──────── stop ────────┘
//!
//! deleting: from everywhere
//! ```
//!
//! [`policy`] is the table of what each request does in each state. One task per workspace acts ([`driver`]); the hub
//! publishes its status. [`reconcile`] compares store, engine and links, at start and for ever, and keeps the network wall
//! up; [`guard`] keeps the disk from filling.

pub mod driver;
pub mod guard;
pub mod policy;
pub mod reconcile;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use protocol::close::CloseCode;
use protocol::status::Phase;
use protocol::{Millis, WorkspaceId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::driver::{Driver, Event, Found};
use self::guard::Guard;
use self::policy::{Answer, Ask, By};
use crate::clock;
use crate::hub::Hubs;
use crate::hub::workspace::WorkspaceHub;
use crate::links::Links;
use crate::pki::Authority;
use crate::runtime::Runtime;
use crate::store::records::{Certificates, WorkspaceRecord};
use crate::store::{Store, StoreError};

/// Events that may wait for one driver. Each is small, and there are few.
const INBOX: usize = 128;

/// The drivers of all workspaces, and what they share.
#[derive(Debug)]
pub struct Workspaces {
    parts: Parts,
    guard: Guard,
    drivers: Mutex<HashMap<WorkspaceId, mpsc::Sender<Event>>>,
    /// Since when runs what ran before this control plane did, as far as it was seen.
    before: OnceLock<HashMap<WorkspaceId, Millis>>,
}

/// What every driver needs.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The engine.
    pub runtime: Arc<dyn Runtime>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The CA, for the digest in enrolment tokens.
    pub authority: Arc<Authority>,
    /// The hubs, which publish.
    pub hubs: Arc<Hubs>,
    /// The links, to close those of a deleted workspace.
    pub links: Arc<Links>,
    /// How many bytes should stay free on the workspaces' disk.
    pub least_free: u64,
    /// Tasks that end with the control plane.
    pub tasks: TaskTracker,
    /// Cancelled when the control plane stops.
    pub stop: CancellationToken,
}

impl Workspaces {
    /// No drivers yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        let guard = Guard::new(parts.least_free);
        Arc::new(Self { parts, guard, drivers: Mutex::default(), before: OnceLock::new() })
    }

    /// Since when a workspace runs of which nothing is known but that its link is there.
    pub fn since(&self, id: WorkspaceId) -> Millis {
        let before = self.before.get().and_then(|before| before.get(&id)).copied();
        before.unwrap_or_else(clock::now)
    }

    /// What the drivers share.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Starts the driver of a workspace, unless there is one. `running`: since when the engine runs it already, if it does.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn drive(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        running: Option<Millis>,
    ) -> Result<Arc<WorkspaceHub>, StoreError> {
        let hub = self.parts.hubs.workspace(record.id).await?;
        if self.lock().contains_key(&record.id) {
            return Ok(hub);
        }
        let busy = hub.found_busy().await?;
        let mut drivers = self.lock();
        if drivers.contains_key(&record.id) {
            return Ok(hub);
        }
        let (sender, inbox) = mpsc::channel(INBOX);
        drivers.insert(record.id, sender.clone());
        drop(drivers);
        let starter = sender;
        hub.set_starter(move || {
            let _ = starter.try_send(Event::Ask(Ask::Start, By::User));
        });
        let (id, workspaces) = (record.id, Arc::clone(self));
        let driver =
            Driver::new(self.parts.clone(), Arc::clone(&hub), Found { record, running, busy }, inbox);
        self.parts.tasks.spawn(async move {
            if driver.run().await == driver::Ended::Deleted {
                workspaces.lock().remove(&id);
                workspaces.parts.hubs.forget(id);
            }
        });
        Ok(hub)
    }

    /// Asks something of a workspace. What comes of it shows in its status.
    pub fn ask(&self, hub: &WorkspaceHub, ask: Ask) -> Answer {
        let answer = policy::answer(&hub.status().phase, ask);
        if answer == Answer::Accept {
            self.tell(hub.id(), Event::Ask(ask, By::User));
        }
        answer
    }

    /// What would become of an operator's request about the life of a workspace in which its status had the generation
    /// `seen`. A life that is over is over already.
    pub fn would(hub: &WorkspaceHub, ask: Ask, seen: u64) -> Answer {
        if hub.is_over(seen) { Answer::Ignore } else { policy::answer(&hub.status().phase, ask) }
    }

    /// Asks something of a workspace as an operator. See [`Workspaces::would`].
    pub fn ask_as_operator(&self, hub: &WorkspaceHub, ask: Ask, seen: u64) {
        self.tell(hub.id(), Event::Ask(ask, By::Operator { seen }));
    }

    /// The guard of the disk.
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Tells a workspace's driver what happened.
    pub fn tell(&self, id: WorkspaceId, event: Event) {
        let driver = self.lock().get(&id).cloned();
        if let Some(driver) = driver
            && driver.try_send(event).is_err()
        {
            tracing::warn!(workspace = %id, "the workspace's driver takes nothing more");
        }
    }

    /// The workspaces that have a driver.
    pub fn ids(&self) -> Vec<WorkspaceId> {
        self.lock().keys().copied().collect()
    }

    /// The workspaces that run, or are about to.
    pub fn up(&self) -> Vec<WorkspaceId> {
        let is_up = |hub: &Arc<WorkspaceHub>| {
            matches!(hub.status().phase, Phase::Starting { .. } | Phase::Running {} | Phase::Paused {})
        };
        self.parts.hubs.all().iter().filter(|hub| is_up(hub)).map(|hub| hub.id()).collect()
    }

    /// Has no certificate of the workspace's be good any more, and none be issued, and closes its link: for a user who was
    /// disabled, a machine that was lost. It runs on, without a link and without a model, until it is stopped.
    ///
    /// # Errors
    /// When the store can't keep it.
    pub async fn revoke(&self, id: WorkspaceId) -> Result<(), StoreError> {
        loop {
            let before = self.parts.store.workspace(id).await?.certificates;
            let revoked = Certificates { revoked: true, ..before.clone() };
            let kept = match before.revoked {
                true => Ok(()),
                false => self.parts.store.set_certificates(id, &before, &revoked).await,
            };
            match kept {
                // One was renewed meanwhile.
                Err(StoreError::Conflict) => {}
                done => {
                    done?;
                    self.parts.links.close(id, CloseCode::Revoked);
                    return Ok(());
                }
            }
        }
    }

    /// Has certificates be issued again after [`Workspaces::revoke`]. None of those until then is good: what is up is to be
    /// started anew.
    ///
    /// # Errors
    /// When the store can't keep it.
    pub async fn trust_again(&self, id: WorkspaceId) -> Result<(), StoreError> {
        loop {
            let before = self.parts.store.workspace(id).await?.certificates;
            if !before.revoked {
                return Ok(());
            }
            let none = Certificates { current: None, next: None, revoked: false };
            match self.parts.store.set_certificates(id, &before, &none).await {
                Err(StoreError::Conflict) => {}
                done => return done,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceId, mpsc::Sender<Event>>> {
        self.drivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
