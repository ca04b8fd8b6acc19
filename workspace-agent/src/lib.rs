//! The workspace-agent: PID 1 of a workspace.
//!
//! It owns everything that runs there, and dials out to the control plane; nothing ever connects to it from
//! outside.
//!
//! - [`identity`]: key and certificate; [`link`]: the way to the control plane.
//! - [`daemon`]: the conversations by id; [`conversation`]: one of them, its journal and its process;
//!   [`claude`]: the CLI and its line protocol.
//! - [`terminal`]: the terminals, each with its program, its ring and the model of its screen.
//! - [`model`]: the near end of the model gateway.
//! - [`process`]: marks, ending and reaping of processes; [`exec_as`] and [`home`]: what runs as the user.
//! - [`config`], [`disk`]: the surroundings.

pub mod claude;
pub mod config;
pub mod conversation;
pub mod daemon;
pub mod disk;
pub mod exec_as;
pub mod home;
pub mod identity;
pub mod link;
pub mod model;
pub mod process;
pub mod terminal;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::status::Versions;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use self::config::Config;
use self::daemon::Desk;
use self::process::Processes;

/// How long the end may take. The engine kills after ten seconds.
const FAREWELL: Duration = Duration::from_secs(8);
/// How long the control plane may take to store the last events. They are in the journal anyway.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Where the image says which CLI is in it.
const CLAUDE_VERSION: &str = "/usr/local/share/atelier/claude-version";

/// Runs the workspace until it is told to stop.
///
/// # Errors
/// When it can't begin, or when the control plane has no use for it any more.
pub async fn run(config: Config) -> anyhow::Result<()> {
    config.prepare()?;
    config.name_user().context("the user can't be given a name")?;
    let config = Arc::new(config);
    let processes = Arc::new(Processes::default());
    let reaper = Arc::clone(&processes).reap_orphans();
    let versions =
        Versions { workspace_agent: env!("CARGO_PKG_VERSION").to_owned(), claude: claude_version() };
    let desk = Arc::new(Desk::open(Arc::clone(&config), Arc::clone(&processes), versions)?);
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let seeded = seed_home(&config, &processes);
    let (identity, seeded) = tokio::select! {
        both = async { tokio::join!(identity::obtain(&config), seeded) } => both,
        _ = stop.recv() => return Ok(()),
    };
    if let Err(error) = seeded {
        // The home is the user's, and they can make it so that it can't be prepared. They can mend it too, if it runs.
        tracing::warn!(error = format!("{error:#}"), "the user's home is not prepared; going on");
    }
    let identity = Arc::new(watch::Sender::new(identity?));
    let gateway = model::serve(Arc::clone(&config), identity.subscribe(), processes.tasks().clone());
    // A task like those that it speaks for: what one of them has said goes out on the thread that said it.
    let link = tokio::spawn(link::keep_up(Arc::clone(&config), Arc::clone(&identity), Arc::clone(&desk)));
    let renewals = identity::keep_fresh(Arc::clone(&config), (*identity).clone());
    tokio::pin!(link, gateway, renewals, reaper);
    let ended = tokio::select! {
        code = &mut link => Err(anyhow::anyhow!("the control plane has no use for this workspace: {:?}", code?)),
        Err(error) = &mut gateway => Err(error).context("the model gateway's near end"),
        Err(error) = &mut reaper => Err(error).context("reaping"),
        () = &mut renewals => Ok(()),
        () = Arc::clone(&desk).retry_held() => Ok(()),
        () = Arc::clone(&desk).lend() => Ok(()),
        () = Arc::clone(&desk).watch_screens() => Ok(()),
        _ = stop.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    tracing::info!("stopping");
    // The link goes on while the last events are written, and so does the reaping.
    let farewell = async {
        desk.leave().await;
        let _ = tokio::time::timeout(LAST_WORDS, desk.told()).await;
    };
    tokio::select! {
        ended = tokio::time::timeout(FAREWELL, farewell) => {
            if ended.is_err() {
                tracing::warn!("not everything could be said in time; it is in the journal");
            }
        }
        _ = &mut link, if !link.is_finished() => {}
        _ = &mut reaper => {}
    }
    ended
}

async fn seed_home(config: &Config, processes: &Arc<Processes>) -> anyhow::Result<()> {
    let mut command = config.own_as_user(processes.new_mark(), std::path::Path::new("/"));
    command.arg("seed-home").arg("--home").arg(&config.home).arg("--workspace").arg(&config.workspace);
    let status = processes.spawn(&mut command)?.wait().await?;
    anyhow::ensure!(status.success(), "the user's home can't be prepared ({status})");
    Ok(())
}

fn claude_version() -> String {
    let version = std::fs::read_to_string(CLAUDE_VERSION).unwrap_or_default();
    if version.trim().is_empty() { "unknown".to_owned() } else { version.trim().to_owned() }
}
