//! The two volumes of a workspace, and its disk quota.
//!
//! The engine has no quota for volumes. Where it can, the user's volume is a disk image on a loop device: a file of
//! fixed size that takes up only what is used, with a file system of its own, so that a workspace that fills its disk
//! fills its own. The image lies in a volume that no workspace sees. Loop devices have other numbers after a reboot,
//! so the volume that names the device is made anew when it changed; the data is in the image.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::RemoveVolumeOptions;
use protocol::WorkspaceId;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::helper::Needs;
use super::{DockerRuntime, absent_is_fine, refused};
use crate::runtime::RuntimeError;

/// Where helpers see the disk images.
const IMAGES: &str = "/images";
/// Where helpers see all volumes.
const VOLUMES: &str = "/volumes";
/// How long it may take to add up what volumes hold. There may be millions of files.
const ADD_UP: Duration = Duration::from_secs(300);

impl DockerRuntime {
    pub(super) fn user_volume(&self, workspace: WorkspaceId) -> String {
        format!("{}-user", self.name(workspace))
    }

    pub(super) fn state_volume(&self, workspace: WorkspaceId) -> String {
        format!("{}-state", self.name(workspace))
    }

    fn images_volume(&self) -> String {
        format!("atelier-{}-disks", self.instance)
    }

    /// Makes both volumes, unless they are there, and attaches the user's disk image.
    pub(super) async fn ensure_volumes(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        let state = self.state_volume(workspace);
        let state = self.create_volume(&state, workspace, HashMap::new());
        let (state, user) = tokio::join!(state, self.ensure_user_volume(workspace));
        state.and(user)
    }

    async fn ensure_user_volume(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        let _alone = self.volumes.of(workspace).await;
        let name = self.user_volume(workspace);
        let existing = self.volume(&name).await?;
        let Some(size) = self.config.disk else {
            return self.create_volume(&name, workspace, HashMap::new()).await;
        };
        match &existing {
            // Made when there was no quota, or on an engine that can't: its data stays where it is.
            Some(volume) if device_of(volume).is_none() => return Ok(()),
            Some(volume) if device_of(volume).is_some_and(|device| is_attached(device, workspace)) => {
                return Ok(());
            }
            Some(_) | None => {}
        }
        let device = match self.attach_image(workspace, size).await {
            Ok(device) => device,
            Err(error) if existing.is_none() => {
                tracing::warn!(%error, "this engine can't hold a workspace to a disk quota; the guard watches instead");
                return self.create_volume(&name, workspace, HashMap::new()).await;
            }
            Err(error) => return Err(error),
        };
        if existing.is_some_and(|volume| device_of(&volume) != Some(device.as_str())) {
            self.remove_archivers(Some(workspace)).await?;
            self.remove_volume(&name).await?;
        }
        let options = [("type", "ext4"), ("device", device.as_str()), ("o", "noatime,nosuid,nodev")];
        let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.create_volume(&name, workspace, HashMap::from(options)).await
    }

    /// Whether a volume is the workspace's own disk. One whose image is not attached may name a device that is another
    /// workspace's by now: the numbers of loop devices are given out anew when the machine starts.
    pub(super) async fn is_own(&self, volume: &Volume, workspace: WorkspaceId) -> Result<bool, RuntimeError> {
        let Some(device) = device_of(volume) else { return Ok(true) };
        if is_attached(device, workspace) {
            return Ok(true);
        }
        let images = self.images_volume();
        let script = format!("losetup -n -O NAME -j {IMAGES}/{workspace}.img");
        let output = self.help(&script, loop_devices(&images)).await?;
        Ok(output.lines().any(|line| line.trim() == device))
    }

    /// Whether there is a disk image with the workspace's data, whatever names it.
    pub(super) async fn has_image(&self, workspace: WorkspaceId) -> Result<bool, RuntimeError> {
        let images = self.images_volume();
        if self.volume(&images).await?.is_none() {
            return Ok(false);
        }
        let needs = Needs { binds: vec![format!("{images}:{IMAGES}:ro")], ..Needs::default() };
        let output = self.help(&format!("[ ! -e {IMAGES}/{workspace}.img ] || echo there"), needs).await?;
        Ok(!output.trim().is_empty())
    }

    /// Makes the disk image unless it is there, attaches it unless it is, and returns its device.
    async fn attach_image(&self, workspace: WorkspaceId, size: u64) -> Result<String, RuntimeError> {
        let images = self.images_volume();
        let request = VolumeCreateRequest { name: Some(images.clone()), ..VolumeCreateRequest::default() };
        self.engine()?.create_volume(request).await.map_err(refused)?;
        let script = format!(
            "image={IMAGES}/{workspace}.img
             if [ ! -e $image ]; then
               truncate -s {size} $image.new
               mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0 $image.new
               mv $image.new $image
             fi
             device=$(losetup -n -O NAME -j $image | head -n 1)
             [ -n \"$device\" ] || device=$(losetup -f --show $image)
             echo $device"
        );
        let output = self.help(&script, loop_devices(&images)).await?;
        let device = output.lines().map(str::trim).find(|line| line.starts_with("/dev/loop"));
        device.map(str::to_owned).ok_or_else(|| RuntimeError::Refused(format!("no loop device: {output}")))
    }

    pub(super) async fn remove_volumes(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        self.remove_image(workspace).await?;
        self.remove_volume(&self.user_volume(workspace)).await?;
        self.remove_volume(&self.state_volume(workspace)).await
    }

    /// Removes the user's disk image and lets go of its device. It does not ask the volume: there may be an image without
    /// one, when a start or a deletion ended half way.
    async fn remove_image(&self, workspace: WorkspaceId) -> Result<(), RuntimeError> {
        let images = self.images_volume();
        if self.volume(&images).await?.is_none() {
            return Ok(());
        }
        let attached = format!("$(grep -lsF '/{workspace}.img' /sys/block/loop*/loop/backing_file)");
        let remove = format!("rm -f {IMAGES}/{workspace}.img {IMAGES}/{workspace}.img.new");
        // Every container sees what is attached. Letting go of it takes more, which an engine without quotas may not give.
        let script = format!("attached={attached} || {remove}; echo $attached");
        let needs = Needs { binds: vec![format!("{images}:{IMAGES}")], ..Needs::default() };
        if self.help(&script, needs).await?.trim().is_empty() {
            return Ok(());
        }
        let script = format!(
            "for file in {attached}; do
               device=${{file#/sys/block/}}
               losetup -d /dev/${{device%%/*}}
             done
             {remove}"
        );
        self.help(&script, loop_devices(&images)).await.map(drop)
    }

    /// What is free on the disk that the volumes are on.
    pub(super) async fn volumes_free(&self) -> Result<u64, RuntimeError> {
        let output = self.help(&format!("stat -f -c '%a %S' {VOLUMES}"), self.all_volumes().await?).await?;
        let free = output
            .trim()
            .split_once(' ')
            .and_then(|(blocks, size)| blocks.parse::<u64>().ok()?.checked_mul(size.parse::<u64>().ok()?));
        free.ok_or_else(|| RuntimeError::Refused(format!("no free space was told: {output}")))
    }

    /// What each workspace takes up on that disk: its volumes, and its disk image as far as it is filled.
    pub(super) async fn volume_usage(&self) -> Result<HashMap<WorkspaceId, u64>, RuntimeError> {
        let prefix = format!("atelier-{}-", self.instance);
        // What is mounted there from an image is not on that disk; the image is.
        let script = format!(
            "cd {VOLUMES}; du -skx {prefix}*-user {prefix}*-state {prefix}disks/_data/*.img 2>/dev/null || true"
        );
        let needs = Needs { patience: Some(ADD_UP), ..self.all_volumes().await? };
        let output = self.help(&script, needs).await?;
        let mut usage = HashMap::new();
        for (workspace, bytes) in output.lines().filter_map(|line| used(line, &prefix)) {
            *usage.entry(workspace).or_default() += bytes;
        }
        Ok(usage)
    }

    /// Where all volumes lie, to be looked at.
    async fn all_volumes(&self) -> Result<Needs, RuntimeError> {
        let request =
            VolumeCreateRequest { name: Some(self.images_volume()), ..VolumeCreateRequest::default() };
        let images = self.engine()?.create_volume(request).await.map_err(refused)?;
        // …/volumes/<name>/_data
        let root = images.mountpoint.rsplitn(3, '/').nth(2).unwrap_or_default();
        let binds = vec![format!("{root}:{VOLUMES}:ro")];
        Ok(Needs { binds, capabilities: vec!["DAC_READ_SEARCH".to_owned()], ..Needs::default() })
    }

    async fn create_volume(
        &self,
        name: &str,
        workspace: WorkspaceId,
        options: HashMap<String, String>,
    ) -> Result<(), RuntimeError> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: Some("local".to_owned()),
            driver_opts: (!options.is_empty()).then_some(options),
            labels: Some(self.labels(workspace)),
            ..VolumeCreateRequest::default()
        };
        self.engine()?.create_volume(request).await.map(drop).map_err(refused)
    }

    async fn remove_volume(&self, name: &str) -> Result<(), RuntimeError> {
        absent_is_fine(self.engine()?.remove_volume(name, None::<RemoveVolumeOptions>).await)
    }

    pub(super) async fn volume(&self, name: &str) -> Result<Option<Volume>, RuntimeError> {
        match self.engine()?.inspect_volume(name).await {
            Ok(volume) => Ok(Some(volume)),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }
}

/// Who deals with a workspace's volumes: one at a time. A container that is made for a volume which is just being removed
/// would have the engine make another, empty one.
#[derive(Debug, Default)]
pub(super) struct Locks(std::sync::Mutex<HashMap<WorkspaceId, Weak<Mutex<()>>>>);

impl Locks {
    /// Waits for a workspace's.
    pub(super) async fn of(&self, workspace: WorkspaceId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let known = locks.get(&workspace).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::default();
                locks.insert(workspace, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}

/// What it takes to attach and detach disk images.
fn loop_devices(images: &str) -> Needs {
    Needs {
        capabilities: vec!["SYS_ADMIN".to_owned()],
        // The loop devices, and the one that makes them.
        devices: vec!["b 7:* rmw".to_owned(), "c 10:237 rmw".to_owned()],
        binds: vec![format!("{images}:{IMAGES}"), "/dev:/dev".to_owned()],
        ..Needs::default()
    }
}

/// Whose something is and how many bytes it takes up, as `du` tells in kilobytes.
fn used(line: &str, prefix: &str) -> Option<(WorkspaceId, u64)> {
    let (kilobytes, name) = line.split_once('\t')?;
    let name = name.strip_prefix(prefix)?;
    let image = name.strip_prefix("disks/_data/").and_then(|name| name.strip_suffix(".img"));
    let volume = || name.strip_suffix("-user").or_else(|| name.strip_suffix("-state"));
    Some((image.or_else(volume)?.parse().ok()?, kilobytes.parse::<u64>().ok()?.checked_mul(1024)?))
}

fn device_of(volume: &Volume) -> Option<&str> {
    volume.options.get("device").map(String::as_str)
}

/// Whether the device is attached to this workspace's image, as far as can be seen from here. On the engine's own
/// machine that saves a helper at every start.
fn is_attached(device: &str, workspace: WorkspaceId) -> bool {
    let Some(name) = device.strip_prefix("/dev/") else { return false };
    let file = std::fs::read_to_string(format!("/sys/block/{name}/loop/backing_file")).unwrap_or_default();
    file.trim_end().ends_with(&format!("/{workspace}.img"))
}
