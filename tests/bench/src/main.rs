//! The command line of the load harness.

use std::process::ExitCode;

use bench::relay::{self, RelayArgs};
use bench::say;
use bench::subjects::{self, Subject};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Measures Atelier and prints one table a subject.
#[derive(Parser)]
struct Arguments {
    /// Only these subjects. [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve as the floor.
    #[command(hide = true)]
    Relay(RelayArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Relay(args)) => relay::serve(args).await,
        None => interruptible(subjects::run(&arguments.only)).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs until done or interrupted. Either way nothing is left behind.
async fn interruptible(running: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = running => done,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("told to end"),
    }
}
