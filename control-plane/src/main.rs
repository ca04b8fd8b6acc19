//! The command line of the control plane.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use control_plane::auth::local;
use control_plane::config::ServeArgs;
use control_plane::{app, server};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Atelier's control plane.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve.
    Serve(Box<ServeArgs>),
    /// Stop every workspace of a control plane that does not serve at the moment. Takes the configuration of `serve`.
    StopWorkspaces(Box<ServeArgs>),
    /// Print a fresh one-time code for the local sign-in of a control plane that serves from the same data folder.
    SignIn {
        /// Where data is kept.
        #[arg(long, env = "ATELIER_DATA", default_value = "data")]
        data: PathBuf,
        /// The address to put before the code.
        #[arg(long, env = "ATELIER_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
        public_url: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("ATELIER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.context("the runtime").and_then(|runtime| {
        runtime.block_on(async {
            match arguments.command {
                Command::Serve(args) => serve(*args).await,
                Command::StopWorkspaces(args) => stop_workspaces(*args).await,
                Command::SignIn { data, public_url } => sign_in(data, &public_url).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let descriptors = server::raise_descriptors().context("the limit of descriptors")?;
    tracing::debug!(descriptors, "connections take one each");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = app::build(args.check()?).await?;
    tracing::info!(public = %running.public, link = %running.link, "serving");
    print(&format!("Atelier is ready. Sign in once, within five minutes, at\n\n  {}\n\n", running.sign_in))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    control_plane::stop(running).await;
    Ok(())
}

async fn stop_workspaces(args: ServeArgs) -> anyhow::Result<()> {
    let stopped = app::stop_workspaces(args.check()?).await?;
    print(&format!("workspaces stopped: {stopped}\n"))
}

async fn sign_in(data: PathBuf, public_url: &str) -> anyhow::Result<()> {
    anyhow::ensure!(data.is_dir(), "there is no data folder {}", data.display());
    let code = local::new_code(&app::open_store(&data)?).await?;
    print(&format!("{public_url}/#code={code}\n"))
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
