//! A whole Atelier for one story: scripted model, control plane as a process of its own, and the engine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::Context;
use control_plane::auth::cookie::Cookie;
use control_plane::auth::session;
use control_plane::pki::Authority;
use control_plane::seal::Seal;
use control_plane::store::records::{Identity, Profile};
use control_plane::store::{Store, StoreAt};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use scripted_model::Serving;
use tempfile::TempDir;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::place;
use crate::server::Server;
use crate::viewer::Viewer;

/// How long anything may take before the story has failed. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Each stack of this process gets a range of its own, so that they can run side by side.
static NEXT_RANGE: AtomicU8 = AtomicU8::new(0);

/// What is different about a stack.
#[derive(Clone, Debug, Default)]
pub struct StackOptions {
    /// More flags for the control plane.
    pub flags: Vec<String>,
    /// No model key.
    pub without_key: bool,
    /// The real page, built. Without it: one that is as good as none.
    pub web: Option<PathBuf>,
    /// Data lies on a disk of a few megabytes.
    pub small_disk: bool,
    /// The control plane logs what it would log anywhere, and no more.
    pub quiet: bool,
    /// The control plane, and every library in it, logs all that there is to log.
    pub trace: bool,
    /// The model takes any key.
    pub any_key: bool,
}

/// A whole Atelier.
pub struct Stack {
    /// The scripted model.
    pub model: Serving,
    /// The engine.
    pub engine: Engine,
    /// Where data is.
    pub data: TempDir,
    /// Where browsers connect.
    pub public: SocketAddr,
    /// Where workspace-agents connect.
    pub link: SocketAddr,
    instance: String,
    flags: Vec<String>,
    process: Option<Server>,
    log_level: &'static str,
    log: PathBuf,
}

/// A binary of this build.
pub fn binary(name: &str) -> PathBuf {
    // …/target/<profile>/deps/<test binary>
    let mut path = std::env::current_exe().unwrap_or_default();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join(name)
}

impl Stack {
    /// Starts one.
    ///
    /// # Errors
    /// When a part does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(StackOptions::default()).await
    }

    /// Starts one that is different.
    ///
    /// # Errors
    /// When a part does not come up.
    pub async fn start_with(options: StackOptions) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let required_key = (!options.any_key).then(|| KEY.to_owned());
        let config = scripted_model::Config { required_key, ..Default::default() };
        let model = scripted_model::serve(listener, config, CancellationToken::new()).await?;
        let engine = Engine::local()?;
        let data = TempDir::new()?;
        if options.small_disk {
            shell(&format!("mount -t tmpfs -o size={SMALL_DISK} tmpfs {}", data.path().display()))?;
        }
        let public = free_port("127.0.0.1")?;
        let link = free_port(&bridge_address(&engine).await?)?;
        let range = NEXT_RANGE.fetch_add(1, Ordering::Relaxed);
        let place = place::number()?;
        let instance = format!("{place:02x}{range:02x}");
        let second = 64 + u32::from(place);
        let web = match options.web {
            Some(web) => web,
            None => web(data.path())?,
        };
        let first_uid = 300_000 + second * 25_600 + u32::from(range) * 100;
        let mut flags = vec![
            format!("--listen={public}"),
            format!("--link-listen={link}"),
            format!("--data={}", data.path().display()),
            format!("--upstream={}", model.base_url()),
            format!("--web={}", web.display()),
            format!("--subnets=10.{second}.{range}.0/24"),
            format!("--instance={instance}"),
            // Some limits are per user id for the whole machine: one story's fork bomb would be felt in another.
            format!("--uids={first_uid}-{}", first_uid + 99),
            "--demo".to_owned(),
        ];
        if !options.without_key {
            std::fs::write(data.path().join("anthropic-key"), KEY)?;
        }
        flags.extend(options.flags);
        let log = data.path().join("control-plane.log");
        engine.sweep(&instance);
        let log_level = match options {
            StackOptions { trace: true, .. } => "trace",
            StackOptions { quiet: true, .. } => "info",
            _ => "info,control_plane=debug",
        };
        let mut stack =
            Self { model, engine, data, public, link, instance, flags, process: None, log_level, log };
        stack.start_control_plane().await?;
        Ok(stack)
    }

    /// Starts the control plane and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up; with its log.
    pub async fn start_control_plane(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(binary("control-plane"));
        command
            .arg("serve")
            .args(&self.flags)
            .env("ATELIER_LOG", self.log_level)
            .env("NO_COLOR", "1")
            .stderr(log);
        let ready = |line: &str| line.starts_with("  http").then_some(());
        match Server::start(&mut command, ready).await {
            Ok((server, ())) => self.process = Some(server),
            Err(error) => anyhow::bail!("{error:#}; the control plane's log:\n{}", self.log_text()),
        }
        Ok(())
    }

    /// Kills the control plane as a power cut would.
    pub async fn kill_control_plane(&mut self) {
        self.end_control_plane(Signal::SIGKILL).await;
    }

    /// Asks the control plane to stop.
    pub async fn stop_control_plane(&mut self) {
        self.end_control_plane(Signal::SIGTERM).await;
    }

    async fn end_control_plane(&mut self, signal: Signal) {
        if let Some(server) = self.process.take() {
            server.end(signal).await;
        }
    }

    /// The control plane's process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn control_plane(&self) -> anyhow::Result<Pid> {
        self.process.as_ref().map(Server::pid).context("the control plane does not run")
    }

    /// What the control plane has logged.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Fills the disk that data lies on.
    ///
    /// # Errors
    /// When it can't be filled.
    pub fn fill_disk(&self) -> anyhow::Result<()> {
        shell(&format!("head -c {SMALL_DISK} /dev/zero > {}/ballast || true", self.data.path().display()))
    }

    /// Frees it again.
    ///
    /// # Errors
    /// When it can't be freed.
    pub fn free_disk(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.data.path().join("ballast"))?)
    }

    /// The base URL for browsers.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.public)
    }

    /// A fresh one-time code.
    ///
    /// # Errors
    /// When it can't be had.
    pub async fn code(&self) -> anyhow::Result<String> {
        let of_store = |flag: &&String| flag.starts_with("--store") || flag.starts_with("--firestore");
        let flags = self.flags.iter().filter(of_store).map(String::as_str);
        let text = self.command(&["sign-in"].into_iter().chain(flags).collect::<Vec<_>>()).await?;
        text.trim().split_once("#code=").map(|(_, code)| code.to_owned()).context("no code was printed")
    }

    /// What another command of the control plane's prints, about the same data.
    ///
    /// # Errors
    /// When it fails; with what it says.
    pub async fn command(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(binary("control-plane"));
        command.args(args).env("ATELIER_DATA", self.data.path()).stdin(Stdio::null());
        let output = command.output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{args:?}: {said}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// More flags for the control plane, from its next start on.
    pub fn add_flags(&mut self, flags: &[String]) {
        self.flags.extend_from_slice(flags);
    }

    /// A signed-in viewer.
    ///
    /// # Errors
    /// When signing in or connecting fails.
    pub async fn viewer(&self) -> anyhow::Result<Viewer> {
        Viewer::sign_in(self.public, &self.code().await?).await
    }

    /// The store, opened beside the control plane: for what has no other way in yet.
    ///
    /// # Errors
    /// When it can't be opened.
    pub async fn store(&self) -> anyhow::Result<Arc<dyn Store>> {
        let project = self.flags.iter().find_map(|flag| flag.strip_prefix("--firestore-project="));
        let at = match project {
            Some(project) => StoreAt::Firestore(project.parse()?),
            None => StoreAt::data(self.data.path()),
        };
        at.open().await
    }

    /// The digest of this Atelier's CA, as an enrolment token carries it.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn ca_digest(&self) -> anyhow::Result<String> {
        Ok(self.authority().await?.digest().to_string())
    }

    /// This Atelier's CA, which can issue certificates behind its back.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn authority(&self) -> anyhow::Result<Authority> {
        let seal = Seal::from_file(&self.data.path().join("sealing-key"))?;
        Authority::load(&*self.store().await?, &seal).await
    }

    /// A viewer who is someone else.
    ///
    /// # Errors
    /// When they can't be let in.
    pub async fn stranger(&self, name: &str) -> anyhow::Result<Viewer> {
        let store = self.store().await?;
        let user = store.sign_in(&Identity::new(&format!("test:{name}"), name), 1).await?;
        // They have been here before.
        let onboarding = Some(serde_json::json!({}));
        let profile = Profile { name: name.to_owned(), language: None, onboarding };
        store.save_profile(user.id, &profile).await?;
        let token = session::open(&*store, user.id, "a story").await?;
        let header = Cookie::new(false, self.public.port()).keep(&token).context("no cookie")?;
        let cookie = header.to_str()?.split(';').next().unwrap_or_default().to_owned();
        Viewer::with_cookie(self.public, cookie).await
    }

    /// The uid of a viewer's workspace.
    ///
    /// # Errors
    /// When it has none.
    pub async fn uid_of(&self, viewer: &Viewer) -> anyhow::Result<u32> {
        let workspace = self.store().await?.workspace_of(viewer.user_id().parse()?).await?;
        Ok(workspace.context("no workspace")?.uid)
    }

    /// The name of a viewer's container.
    ///
    /// # Errors
    /// When it has none.
    pub async fn container_of(&self, viewer: &Viewer) -> anyhow::Result<String> {
        let workspace =
            self.store().await?.workspace_of(viewer.user_id().parse()?).await?.context("no workspace")?;
        Ok(format!("atelier-{}-{}", self.instance, workspace.id))
    }

    /// What names this Atelier at the engine.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The name of the one workspace's container.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn container(&self) -> anyhow::Result<String> {
        let mut names = self.engine.workspaces(&self.instance).await?;
        anyhow::ensure!(names.len() == 1, "expected one workspace, found {names:?}");
        Ok(names.remove(0))
    }

    /// Which life of the one workspace it is: its container and when that was started.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn life(&self) -> anyhow::Result<String> {
        self.engine.run(&["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", &self.container().await?]).await
    }

    /// Cuts the one workspace off: what it sends is refused, and nothing reaches it.
    ///
    /// # Errors
    /// When it is cut off already.
    pub async fn cut_off(&self) -> anyhow::Result<()> {
        let table = "table inet cut {
             chain out { type filter hook output priority 0; oifname lo accept; meta l4proto tcp reject with tcp reset; drop; }
             chain within { type filter hook input priority 0; iifname lo accept; drop; }
           }";
        shell(&format!("echo '{table}' | nsenter -t {} -n nft -f -", self.first_process().await?))
    }

    /// Lets the one workspace be reached again.
    ///
    /// # Errors
    /// When it was not cut off.
    pub async fn mend(&self) -> anyhow::Result<()> {
        shell(&format!("nsenter -t {} -n nft delete table inet cut", self.first_process().await?))
    }

    /// The workspace-agent's process, by its number on this machine.
    async fn first_process(&self) -> anyhow::Result<u32> {
        let container = self.container().await?;
        let found = self.engine.run(&["inspect", "-f", "{{.State.Pid}}", &container]).await?;
        Ok(found.trim().parse()?)
    }

    /// Ends everything and removes what it left at the engine.
    pub async fn finish(mut self) {
        self.stop_control_plane().await;
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The control plane first: it would put back what is removed.
        drop(self.process.take());
        self.engine.sweep(&self.instance);
        let _ = shell(&format!("umount {} 2>/dev/null || true", self.data.path().display()));
        if std::thread::panicking() {
            let log = self.log_text();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            #[expect(clippy::print_stderr, reason = "a failing story must leave its log")]
            {
                eprintln!("--- the control plane's last words\n{}", tail.join("\n"));
            }
        }
    }
}

/// How large a small disk is, in bytes.
const SMALL_DISK: u64 = 8 << 20;

fn shell(script: &str) -> anyhow::Result<()> {
    let status = std::process::Command::new("sh").args(["-c", script]).status()?;
    anyhow::ensure!(status.success(), "{script}: {status}");
    Ok(())
}

/// The operator's key of every stack. Stories look for it where it must not be.
pub const KEY: &str = "sk-canary-5e1f0c3b";

/// A page, as far as the control plane needs one: the stories that look at the real one are in the browser.
///
/// # Errors
/// When it can't be written.
pub fn web(data: &Path) -> anyhow::Result<PathBuf> {
    let web = data.join("web");
    std::fs::create_dir_all(&web)?;
    std::fs::write(web.join("index.html"), "<!doctype html><title>Atelier</title>")?;
    Ok(web)
}

/// A port of `address` that nobody listens on.
///
/// # Errors
/// When there is none.
pub fn free_port(address: &str) -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind((address, 0))?.local_addr()?)
}

/// This machine's address on the engine's default bridge.
///
/// # Errors
/// When the engine has none.
pub async fn bridge_address(engine: &Engine) -> anyhow::Result<String> {
    let format = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}{{end}}";
    let text = engine.run(&["network", "inspect", "bridge", "--format", format]).await?;
    let text = text.trim();
    match text.split_once(' ') {
        Some((gateway, _)) if !gateway.is_empty() => Ok(gateway.to_owned()),
        _ => {
            let base = text.split('/').next().unwrap_or_default().trim();
            let base: std::net::Ipv4Addr = base.parse().context("the default bridge")?;
            Ok(std::net::Ipv4Addr::from_bits(base.to_bits() + 1).to_string())
        }
    }
}
