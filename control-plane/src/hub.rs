//! Where what workspace-agents say meets those who watch.
//!
//! One [`workspace::WorkspaceHub`] a workspace holds its conversations' [`conversation::ConversationHub`]s, its link
//! and its status. Fan-out is a shared log and cursors, not a channel per viewer: each viewer's task waits for "there
//! is more", reads shared bytes from its own place ([`follow::Follow`]) and writes them. A viewer costs a cursor, and a
//! slow one holds up nobody.
//!
//! Events reach viewers as soon as they arrive; the store follows, and only then is the workspace-agent told that
//! they are safe. If the control plane dies in between, the journal has them still, under the same numbers.

mod asked;
pub mod conversation;
pub mod follow;
pub mod history;
pub mod live;
pub mod ring;
pub mod tail;
pub mod tally;
pub mod terminal;
pub mod touched;
pub mod workspace;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::WorkspaceId;
use tokio_util::task::TaskTracker;

use self::touched::Touched;
use self::workspace::WorkspaceHub;
use crate::store::{Store, StoreError};

/// The hubs of all workspaces that this control plane owns.
#[derive(Debug)]
pub struct Hubs {
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    touched: Arc<Touched>,
    hubs: Mutex<HashMap<WorkspaceId, Arc<WorkspaceHub>>>,
}

impl Hubs {
    /// No hubs yet.
    pub fn new(store: Arc<dyn Store>, tasks: TaskTracker) -> Self {
        Self { store, tasks, touched: Arc::default(), hubs: Mutex::new(HashMap::new()) }
    }

    /// A workspace's hub.
    ///
    /// # Errors
    /// When the store has no such workspace or can't be read.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<Arc<WorkspaceHub>, StoreError> {
        if let Some(hub) = self.lock().get(&id) {
            return Ok(Arc::clone(hub));
        }
        let record = self.store.workspace(id).await?;
        let fresh = || {
            let (store, touched) = (Arc::clone(&self.store), Arc::clone(&self.touched));
            Arc::new(WorkspaceHub::new(&record, store, self.tasks.clone(), touched))
        };
        Ok(Arc::clone(self.lock().entry(id).or_insert_with(fresh)))
    }

    /// A workspace's hub, if there is one.
    pub fn get(&self, id: WorkspaceId) -> Option<Arc<WorkspaceHub>> {
        self.lock().get(&id).cloned()
    }

    /// Which workspaces changed in a way that operators see.
    pub const fn touched(&self) -> &Arc<Touched> {
        &self.touched
    }

    /// The hubs there are.
    pub fn all(&self) -> Vec<Arc<WorkspaceHub>> {
        self.lock().values().cloned().collect()
    }

    /// Forgets a deleted workspace.
    pub fn forget(&self, id: WorkspaceId) {
        if let Some(hub) = self.lock().remove(&id) {
            hub.close();
            self.touched.touch(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<WorkspaceHub>>> {
        self.hubs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
