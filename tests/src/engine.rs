//! The container engine, for what a story does behind Atelier's back.

use std::collections::HashMap;
use std::process::Stdio;

use anyhow::Context;
use bollard::Docker;
use bollard::query_parameters::ListContainersOptionsBuilder;
use tokio::process::Command;

/// The engine.
#[derive(Clone, Debug)]
pub struct Engine(pub Docker);

impl Engine {
    /// This machine's.
    ///
    /// # Errors
    /// When there is none.
    pub fn local() -> anyhow::Result<Self> {
        Docker::connect_with_unix_defaults().map(Self).context("stories need a container engine")
    }

    /// Runs the engine's own command line and returns what it printed.
    ///
    /// # Errors
    /// When it fails; with its words.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("docker").args(arguments).stdin(Stdio::null()).output().await?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success(), "docker {}: {words}", arguments.join(" "));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The names of the containers of one Atelier that are workspaces.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn workspaces(&self, instance: &str) -> anyhow::Result<Vec<String>> {
        let filters = HashMap::from([(
            "label".to_owned(),
            vec![format!("atelier.instance={instance}"), "atelier.workspace".to_owned()],
        )]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.0.list_containers(Some(options)).await?;
        Ok(found
            .into_iter()
            .filter_map(|container| container.names?.first()?.strip_prefix('/').map(str::to_owned))
            .collect())
    }

    /// Removes everything of one Atelier: containers, volumes, networks, disk images, the wall. Blocks.
    pub fn sweep(&self, instance: &str) {
        let script = format!(
            "docker ps -aq --filter label=atelier.instance={instance} | xargs -r docker rm -f >/dev/null
             for image in $(ls $(docker volume inspect -f '{{{{.Mountpoint}}}}' atelier-{instance}-disks)); do
               losetup -n -O NAME,BACK-FILE | grep \"/$image\" | cut -d' ' -f1 | xargs -r losetup -d
             done
             docker volume ls -q | grep '^atelier-{instance}-' | xargs -r docker volume rm >/dev/null
             docker network ls -q --filter label=atelier.instance={instance} | xargs -r docker network rm >/dev/null
             nft delete table inet atelier_{instance} 2>/dev/null || true"
        );
        let mut shell = std::process::Command::new("sh");
        let _ = shell.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
