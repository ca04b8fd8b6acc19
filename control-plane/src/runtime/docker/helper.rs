//! Short-lived containers that do on the engine's machine what its API has no verb for: setting the wall's rules,
//! attaching a disk image, adding up what volumes hold. They run the workspace image's own tools.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;

use super::{DockerRuntime, INSTANCE, absent_is_fine, refused};
use crate::runtime::RuntimeError;

/// How long a helper may take, unless it needs longer. A hundred times what is usual.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a helper needs beyond an ordinary container.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// The machine's own network.
    pub(super) host_network: bool,
    /// Capabilities.
    pub(super) capabilities: Vec<String>,
    /// Devices that may be used, as the engine writes rules: type, numbers, rights.
    pub(super) devices: Vec<String>,
    /// Mounts: `source:target` or `source:target:ro`.
    pub(super) binds: Vec<String>,
    /// Environment.
    pub(super) environment: Vec<String>,
    /// More time than most.
    pub(super) patience: Option<Duration>,
}

impl DockerRuntime {
    /// Sets packet filter rules. Returns whether their table was there.
    pub(super) async fn nft(&self, table: &str, rules: &str) -> Result<bool, RuntimeError> {
        let needs = Needs {
            host_network: true,
            capabilities: vec!["NET_ADMIN".to_owned()],
            environment: vec![format!("RULES={rules}")],
            ..Needs::default()
        };
        let script = format!(
            "nft list table {table} >/dev/null 2>&1 && echo stood
             printf '%s' \"$RULES\" | nft -f -"
        );
        Ok(self.help(&script, needs).await?.lines().any(|line| line.trim() == "stood"))
    }

    /// Runs a shell script in a container of its own and returns what it printed.
    pub(super) async fn help(&self, script: &str, needs: Needs) -> Result<String, RuntimeError> {
        let patience = needs.patience.unwrap_or(PATIENCE);
        let name = format!("atelier-{}-helper-{}", self.instance, Uuid::new_v4().simple());
        let body = ContainerCreateBody {
            image: Some(self.config.image.clone()),
            entrypoint: Some(vec!["/bin/sh".to_owned(), "-euc".to_owned(), script.to_owned()]),
            cmd: Some(Vec::new()),
            user: Some("0:0".to_owned()),
            env: Some(needs.environment),
            labels: Some(HashMap::from([(INSTANCE.to_owned(), self.instance.clone())])),
            host_config: Some(HostConfig {
                network_mode: Some(if needs.host_network { "host" } else { "none" }.to_owned()),
                cap_drop: Some(vec!["ALL".to_owned()]),
                cap_add: Some(needs.capabilities),
                device_cgroup_rules: Some(needs.devices),
                binds: Some(needs.binds),
                readonly_rootfs: Some(true),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        self.engine()?.create_container(Some(options), body).await.map_err(refused)?;
        let done = timeout(patience, self.run_to_end(&name)).await.unwrap_or_else(|_| {
            Err(RuntimeError::Down(format!("a helper did not end in {} seconds", patience.as_secs())))
        });
        if let Err(error) = remove(self.engine()?, &name).await {
            tracing::warn!(name, %error, "a helper can't be removed");
        }
        done
    }

    async fn run_to_end(&self, name: &str) -> Result<String, RuntimeError> {
        self.engine()?.start_container(name, None).await.map_err(refused)?;
        let code = status(self.engine()?, name).await?;
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).build();
        let lines = self.engine()?.logs(name, Some(options));
        let lines: Vec<String> =
            lines.filter_map(|line| async { line.ok().map(|line| line.to_string()) }).collect().await;
        let output = lines.concat();
        if code == 0 {
            return Ok(output);
        }
        Err(RuntimeError::Refused(format!("a helper ended with status {code}: {}", output.trim())))
    }
}

/// Waits for a helper's end and returns its status.
pub(super) async fn status(engine: &Docker, name: &str) -> Result<i64, RuntimeError> {
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    match engine.wait_container(name, Some(options)).next().await {
        Some(Ok(response)) => Ok(response.status_code),
        Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(refused(error)),
        None => Ok(-1),
    }
}

/// Removes a helper; it may be gone, or just being removed.
pub(super) async fn remove(engine: &Docker, name: &str) -> Result<(), RuntimeError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    match engine.remove_container(name, Some(options)).await {
        Err(Error::DockerResponseServerError { status_code: 409, .. }) => Ok(()),
        removed => absent_is_fine(removed),
    }
}
