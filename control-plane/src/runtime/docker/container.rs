//! The container of a workspace: its limits and its hardening.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits,
    RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;

use super::{DockerRuntime, refused};
use crate::runtime::{Life, RuntimeError, Spec};

/// Where the user's volume is. The user's are `user` and `workspace` in it, not the folder itself.
pub(super) const HOMES: &str = "/home";
/// Where the state volume is. Never under a folder that the user can write.
const STATE: &str = "/var/lib/atelier";
/// What PID 1 may do as root, and nothing else: become the user, and end what the user started.
const CAPABILITIES: [&str; 3] = ["SETUID", "SETGID", "KILL"];
/// Processes that are kept for PID 1 when the user has used up theirs.
const KEPT_PROCESSES: u32 = 64;

impl DockerRuntime {
    pub(super) async fn create_container(&self, spec: &Spec) -> Result<Life, RuntimeError> {
        let name = self.name(spec.workspace);
        let config = &self.config;
        let body = ContainerCreateBody {
            image: Some(config.image.clone()),
            hostname: Some("atelier".to_owned()),
            entrypoint: Some(vec!["/usr/local/bin/workspace-agent".to_owned()]),
            cmd: Some(vec!["run".to_owned()]),
            user: Some("0:0".to_owned()),
            env: Some(vec![
                format!("ATELIER_LINK={}", self.link),
                format!("ATELIER_UID={}", spec.uid),
                format!("ATELIER_NPROC={}", config.pids.saturating_sub(KEPT_PROCESSES)),
            ]),
            labels: Some(self.labels(spec.workspace)),
            healthcheck: Some(HealthConfig {
                test: Some(vec!["NONE".to_owned()]),
                ..HealthConfig::default()
            }),
            stop_timeout: Some(i64::from(super::GRACE)),
            host_config: Some(self.host_config(spec)),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let made = self.engine()?.create_container(Some(options), body).await.map_err(refused)?;
        Ok(Life(made.id))
    }

    fn host_config(&self, spec: &Spec) -> HostConfig {
        let config = &self.config;
        let volume = |target: &str, source: String| Mount {
            target: Some(target.to_owned()),
            source: Some(source),
            typ: Some(MountType::VOLUME),
            ..Mount::default()
        };
        let dns: Vec<String> = config.dns.iter().map(ToString::to_string).collect();
        HostConfig {
            memory: Some(config.memory),
            // No swap: a workspace that swaps slows the whole machine down.
            memory_swap: Some(config.memory),
            nano_cpus: Some(config.nano_cpus),
            pids_limit: Some(i64::from(config.pids)),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            privileged: Some(false),
            init: Some(false),
            mounts: Some(vec![
                volume(HOMES, self.user_volume(spec.workspace)),
                volume(STATE, self.state_volume(spec.workspace)),
            ]),
            tmpfs: Some(HashMap::from([
                ("/tmp".to_owned(), "rw,exec,nosuid,nodev,mode=1777,size=256m".to_owned()),
                ("/run/atelier".to_owned(), "rw,noexec,nosuid,nodev,mode=0755,size=64k".to_owned()),
            ])),
            network_mode: Some(self.network_name(spec.network)),
            dns: (!dns.is_empty()).then_some(dns),
            restart_policy: Some(RestartPolicy {
                // The control plane is the only starter: each start needs a token.
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([
                    ("max-size".to_owned(), "1m".to_owned()),
                    ("max-file".to_owned(), "2".to_owned()),
                ])),
            }),
            ulimits: Some(vec![ResourcesUlimits {
                name: Some("nofile".to_owned()),
                soft: Some(16_384),
                hard: Some(16_384),
            }]),
            ..HostConfig::default()
        }
    }

    /// Leaves the token on the state volume, and gives the user's volume to the user. The engine unpacks archives
    /// into the volumes of a container that doesn't run yet, with owners and modes as they say.
    pub(super) async fn put_token(&self, spec: &Spec) -> Result<(), RuntimeError> {
        let token = archive(&[Entry { path: "enrol", mode: 0o400, owner: 0, content: Some(&spec.token) }])?;
        let home = archive(&[
            Entry { path: "user", mode: 0o755, owner: spec.uid, content: None },
            Entry { path: "workspace", mode: 0o755, owner: spec.uid, content: None },
        ])?;
        let name = self.name(spec.workspace);
        for (path, bytes) in [(STATE, token), (HOMES, home)] {
            let options = UploadToContainerOptionsBuilder::default().path(path).build();
            let body = bollard::body_full(Bytes::from(bytes));
            self.engine()?.upload_to_container(&name, Some(options), body).await.map_err(refused)?;
        }
        Ok(())
    }
}

struct Entry<'a> {
    path: &'a str,
    mode: u32,
    owner: u32,
    /// None: a folder.
    content: Option<&'a [u8]>,
}

fn archive(entries: &[Entry<'_>]) -> Result<Vec<u8>, RuntimeError> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.into());
        header.set_gid(entry.owner.into());
        header.set_size(entry.content.map_or(0, |content| content.len() as u64));
        header.set_entry_type(match entry.content {
            Some(_) => tar::EntryType::Regular,
            None => tar::EntryType::Directory,
        });
        let content = entry.content.unwrap_or_default();
        let added = builder.append_data(&mut header, entry.path, content);
        added.map_err(|error| RuntimeError::Refused(error.to_string()))?;
    }
    builder.into_inner().map_err(|error| RuntimeError::Refused(error.to_string()))
}
