//! The scripted model as a process of its own: prints its address, serves until it is told to end.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use scripted_model::{Config, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Anthropic's Messages API, answered by script.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes any free one. The bound address is the first line printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Pause before each piece of text, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// File to append one JSON line to for each request and each end of one.
    #[arg(long)]
    log: Option<PathBuf>,
    /// Refuse requests with another key.
    #[arg(long)]
    require_key: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = Config {
        delay: Duration::from_millis(arguments.delay_ms),
        log: arguments.log,
        required_key: arguments.require_key,
    };
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let listener = TcpListener::bind(arguments.listen).await.context(arguments.listen)?;
    let model = serve(listener, config, CancellationToken::new()).await.context("the log")?;
    announce(model.address())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    model.stop().await.context("serving")
}

fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{address}")?;
    stdout.flush()
}
