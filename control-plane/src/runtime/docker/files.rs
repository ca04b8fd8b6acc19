//! The user's files, as an archive that is made while it is read.
//!
//! A helper reads the volume and not the workspace's container: the engine holds a lock on a container while it hands out
//! files of it, and whoever read slowly would keep it from being stopped. What the helper prints goes nowhere but to the
//! reader, and it stands still when that does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, ListContainersOptionsBuilder,
};
use bytes::Bytes;
use futures_util::stream::poll_fn;
use futures_util::{Stream, StreamExt, TryStreamExt};
use protocol::WorkspaceId;
use tokio::sync::mpsc;

use super::container::HOMES;
use super::helper::{remove, status};
use super::{DockerRuntime, INSTANCE, refused};
use crate::runtime::{Pieces, RuntimeError};

/// The label that says whose files a helper reads.
const ARCHIVED: &str = "atelier.files";
/// The helper's memory, and its processes.
const MEMORY: i64 = 128 << 20;
const PROCESSES: i64 = 16;
/// Pieces that wait for the reader.
const WAITING: usize = 2;
/// How long helpers may take to be gone, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(50);
/// What `tar` ends with when a file changed while it was read: the archive is whole.
const CHANGED: i64 = 1;

impl DockerRuntime {
    /// The archive; `None` if the workspace has no files yet. To be waited for to the end, or its helper may stay until the next
    /// one.
    pub(super) async fn archive(&self, workspace: WorkspaceId) -> Result<Option<Pieces>, RuntimeError> {
        let name = self.user_volume(workspace);
        let alone = self.volumes.of(workspace).await;
        let there = match self.volume(&name).await? {
            Some(volume) => self.is_own(&volume, workspace).await?,
            // Whoever was killed while it was made anew has left the image alone.
            None if self.has_image(workspace).await? => false,
            None => return Ok(None),
        };
        if !there {
            return Err(RuntimeError::Refused("the workspace's disk is not attached".to_owned()));
        }
        // Whoever had one before reads it no more.
        self.remove_archivers(Some(workspace)).await?;
        let helper = format!("atelier-{}-files-{}", self.instance, uuid::Uuid::new_v4().simple());
        let options = CreateContainerOptionsBuilder::default().name(&helper).build();
        let (engine, patient) = (self.engine()?.clone(), self.patient_engine()?);
        engine.create_container(Some(options), self.archiver(workspace, &name)).await.map_err(refused)?;
        let options = AttachContainerOptionsBuilder::default().stream(true).stdout(true).build();
        let output = patient.attach_container(&helper, Some(options)).await.map_err(refused)?.output;
        engine.start_container(&helper, None).await.map_err(refused)?;
        drop(alone);
        let (sender, mut pieces) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let ended = tokio::select! {
                () = sender.closed() => Ok(()),
                ended = feed(&patient, &helper, output, &sender) => ended,
            };
            if let Err(error) = remove(&engine, &helper).await {
                tracing::warn!(helper, %error, "a helper can't be removed");
            }
            if let Err(error) = ended {
                // Whoever reads may be gone.
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(Some(poll_fn(move |context| pieces.poll_recv(context)).boxed()))
    }

    /// Removes helpers that read a workspace's files, or anybody's, or that a control plane which was killed has left: a volume
    /// can't be removed while there is one.
    pub(super) async fn remove_archivers(&self, workspace: Option<WorkspaceId>) -> Result<(), RuntimeError> {
        let whose = workspace.map_or(ARCHIVED.to_owned(), |workspace| format!("{ARCHIVED}={workspace}"));
        let labels = vec![format!("{INSTANCE}={}", self.instance), whose];
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let began = Instant::now();
        loop {
            let left = self.engine()?.list_containers(Some(options.clone())).await.map_err(refused)?;
            if left.is_empty() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(RuntimeError::Refused("a helper can't be removed".to_owned()));
            }
            for helper in left {
                remove(self.engine()?, &helper.id.unwrap_or_default()).await?;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn archiver(&self, workspace: WorkspaceId, volume: &str) -> ContainerCreateBody {
        // Holes stay holes: a file may claim to be larger than any disk. A disk image's own folder is nobody's.
        let argv =
            ["tar", "--create", "--sparse", "--file=-", "--exclude=./lost+found", "--directory", HOMES, "."];
        ContainerCreateBody {
            image: Some(self.config.image.clone()),
            entrypoint: Some(argv.map(str::to_owned).to_vec()),
            cmd: Some(Vec::new()),
            user: Some("0:0".to_owned()),
            labels: Some(HashMap::from([
                (INSTANCE.to_owned(), self.instance.clone()),
                (ARCHIVED.to_owned(), workspace.to_string()),
            ])),
            attach_stdout: Some(true),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                cap_drop: Some(vec!["ALL".to_owned()]),
                cap_add: Some(vec!["DAC_READ_SEARCH".to_owned()]),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                binds: Some(vec![format!("{volume}:{HOMES}:ro")]),
                readonly_rootfs: Some(true),
                memory: Some(MEMORY),
                nano_cpus: Some(self.config.nano_cpus),
                pids_limit: Some(PROCESSES),
                log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}

/// Passes on what the helper prints.
async fn feed(
    engine: &Docker,
    name: &str,
    mut output: impl Stream<Item = Result<LogOutput, Error>> + Unpin,
    pieces: &mpsc::Sender<Result<Bytes, RuntimeError>>,
) -> Result<(), RuntimeError> {
    while let Some(piece) = output.try_next().await.map_err(refused)? {
        if let LogOutput::StdOut { message } = piece
            && pieces.send(Ok(message)).await.is_err()
        {
            return Ok(());
        }
    }
    let code = status(engine, name).await?;
    if code == 0 || code == CHANGED {
        return Ok(());
    }
    Err(RuntimeError::Refused(format!("the files can't be read: the helper ended with status {code}")))
}
