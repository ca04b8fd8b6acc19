//! The command line of the workspace-agent.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use workspace_agent::claude::record::{OpenSessions, SessionRows};
use workspace_agent::config::Config;
use workspace_agent::exec_as::ExecAs;
use workspace_agent::home::SeedHome;
use workspace_agent::terminal::record::Keep;

/// PID 1 of an Atelier workspace.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the workspace.
    Run(Config),
    /// Become the user and run a program.
    ExecAs(ExecAs),
    /// As the user: put into a fresh home what it needs.
    SeedHome(SeedHome),
    /// As the user: keep what is read in a file.
    Keep(Keep),
    /// As the user: tell which sessions of the CLI are open.
    OpenSessions(OpenSessions),
    /// As the user: print what Claude's own screen added to a session's record.
    SessionRows(SessionRows),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("ATELIER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_target(false).init();
    let done = match arguments.command {
        Command::Run(config) => serve(config),
        Command::ExecAs(exec_as) => Err(exec_as.run()),
        Command::Keep(keep) => keep.run(),
        Command::OpenSessions(sessions) => sessions.run().map_err(anyhow::Error::new),
        Command::SessionRows(rows) => rows.run().map_err(anyhow::Error::new),
        Command::SeedHome(seed) => seed.run().map_err(anyhow::Error::new),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(workspace_agent::run(config))
}
