//! A control plane as it is put together in earnest, on free ports, with no container engine behind it.

use std::sync::Arc;

use control_plane::app::{self, App, Running};
use control_plane::seal::Seal;
use control_plane::store::Store;
use control_plane::store::records::WorkspaceRecord;
use tempfile::TempDir;

use crate::flags;

/// A control plane that serves.
pub(crate) struct Plane {
    pub(crate) running: Running,
    pub(crate) folder: TempDir,
}

impl Plane {
    pub(crate) async fn start() -> Self {
        let folder = flags::folder();
        let free = ["--listen", "127.0.0.1:0", "--link-listen", "127.0.0.1:0"];
        let config = flags::check(folder.path(), &free).unwrap();
        let running = app::build(config).await.unwrap();
        Self { running, folder }
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.running.app
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.running.app.store
    }

    /// The key that seals this one's secrets.
    pub(crate) fn seal(&self) -> Seal {
        Seal::from_file(&self.folder.path().join("data/sealing-key")).unwrap()
    }

    /// A new user's new workspace.
    pub(crate) async fn workspace(&self) -> WorkspaceRecord {
        let subject = uuid::Uuid::new_v4().to_string();
        let user = self.store().sign_in(&subject, "Ada", 1).await.unwrap().id;
        self.store().create_workspace(user, 200_000..200_100, 100, 1).await.unwrap()
    }

    /// The one-time code that it printed.
    pub(crate) fn code(&self) -> &str {
        self.running.sign_in.split_once("#code=").unwrap().1
    }
}
