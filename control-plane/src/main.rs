//! The command line of the control plane.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use control_plane::auth::local;
use control_plane::config::{DataArgs, SealArgs, SealFrom, ServeArgs};
use control_plane::maintenance::trail::{self, TrailArgs};
use control_plane::maintenance::{backup, relocate, rotate};
use control_plane::store::StoreAt;
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
    /// Say all that is wrong with the configuration of `serve`, and serve nothing.
    Check(Box<ServeArgs>),
    /// Stop every workspace of a control plane that does not serve at the moment. Takes the configuration of `serve`.
    StopWorkspaces(Box<ServeArgs>),
    /// Print a fresh one-time code for the local sign-in of a control plane that serves from the same store.
    SignIn {
        #[command(flatten)]
        data: DataArgs,
        /// The address to put before the code.
        #[arg(long, env = "ATELIER_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
        public_url: String,
    },
    /// Copy the embedded store into a new file, also while it serves.
    Backup {
        #[command(flatten)]
        data: DataArgs,
        /// The new file.
        file: PathBuf,
    },
    /// Put a backup in the embedded store's place, while nothing serves from it.
    Restore {
        #[command(flatten)]
        data: DataArgs,
        /// Also if there is data, which is kept beside.
        #[arg(long)]
        replace: bool,
        /// The backup.
        file: PathBuf,
    },
    /// Move everything to another store, while nothing serves from either. Cut off, it goes on where it was.
    MoveStore {
        /// Where data is kept, so that no control plane serves from there meanwhile.
        #[arg(long, env = "ATELIER_DATA", default_value = "data")]
        data: PathBuf,
        /// Where everything is: sqlite:FILE, firestore:PROJECT or firestore:PROJECT/DATABASE.
        #[arg(long)]
        from: StoreAt,
        /// Where it shall be: an empty store.
        #[arg(long, required_unless_present = "abandon")]
        to: Option<StoreAt>,
        /// Only copy: the old store goes on being the one that counts.
        #[arg(long)]
        copy: bool,
        /// Don't move; have the old store serve again that everything was moved out of.
        #[arg(long, conflicts_with_all = ["to", "copy"])]
        abandon: bool,
    },
    /// Print what was done, by whom, to what: a line of JSON each, the oldest first. Also while it serves.
    Audit {
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        which: TrailArgs,
    },
    /// Seal every secret in the store with a new key.
    RotateSealingKey {
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        seal: SealArgs,
    },
}

fn main() -> ExitCode {
    // What is written here, the store above all, is for its owner alone.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("ATELIER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.context("the runtime").and_then(|runtime| {
        runtime.block_on(async {
            match arguments.command {
                Command::Serve(args) => serve(*args).await,
                Command::Check(args) => Ok(args.check().map(drop)?),
                Command::StopWorkspaces(args) => stop_workspaces(*args).await,
                Command::SignIn { data, public_url } => sign_in(data, &public_url).await,
                Command::Backup { data, file } => make_backup(data, &file),
                Command::Restore { data, replace, file } => restore(data, &file, replace).await,
                Command::MoveStore { data, from, to: Some(to), copy, .. } => {
                    move_store(&data, &from, &to, copy).await
                }
                Command::MoveStore { data, from, to: None, .. } => abandon_move(&data, &from).await,
                Command::Audit { data, which } => print_audit(data, which).await,
                Command::RotateSealingKey { data, seal } => rotate_sealing_key(data, &seal).await,
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
    let how = if running.app.oidc.is_some() { "Sign in" } else { "Sign in once, within five minutes," };
    print(&format!("Atelier is ready. {how} at\n\n  {}\n\n", running.sign_in))?;
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

async fn sign_in(data: DataArgs, public_url: &str) -> anyhow::Result<()> {
    let (_, store) = data.check()?;
    let code = local::new_code(&*app::open_store(&store).await?).await?;
    print(&format!("{public_url}/#code={code}\n"))
}

fn make_backup(data: DataArgs, file: &Path) -> anyhow::Result<()> {
    let (_, store) = data.check()?;
    backup::backup(&store, file)?;
    print(&format!(
        "{} holds everything but the sealing key, without which its secrets can't be opened: keep that, too, elsewhere.\n",
        file.display()
    ))
}

async fn restore(data: DataArgs, file: &Path, replace: bool) -> anyhow::Result<()> {
    let (data, store) = data.check()?;
    let kept = backup::restore(&data, &store, file, replace).await?;
    let kept = kept.map(|kept| format!("What was there before is in {}.\n", kept.display()));
    print(&format!(
        "{store} is as it was when the backup was made; it needs the sealing key of that time.\n{}",
        kept.unwrap_or_default()
    ))
}

async fn move_store(data: &Path, from: &StoreAt, to: &StoreAt, copy: bool) -> anyhow::Result<()> {
    let moved = relocate::relocate(data, from, to, copy).await?;
    if moved.tables.is_empty() {
        return print(&format!("Everything in {from} was moved to {to} before. Serve from there.\n"));
    }
    for (table, digest) in &moved.tables {
        print(&format!("{:14} {digest}\n", table.name()))?;
    }
    let then = if copy { "" } else { " Serve from there now, with the same sealing key." };
    print(&format!("Everything in {from} is in {to}, and was compared.{then}\n"))
}

async fn abandon_move(data: &Path, from: &StoreAt) -> anyhow::Result<()> {
    let departed = relocate::abandon(data, from).await?;
    anyhow::ensure!(departed, "nothing was moved out of {from}");
    print(&format!("{from} serves again. What happened elsewhere since the move is not in it.\n"))
}

async fn print_audit(data: DataArgs, which: TrailArgs) -> anyhow::Result<()> {
    let (_, store) = data.check()?;
    let store = app::open_store(&store).await?;
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let written = trail::export(&*store, which, &mut out).await?;
    out.flush()?;
    if written == 0 {
        // Beside the lines, of which there are none: a mistyped kind looks like a quiet day otherwise.
        std::io::stderr().write_all(b"No deed matches.\n")?;
    }
    Ok(())
}

async fn rotate_sealing_key(data: DataArgs, seal: &SealArgs) -> anyhow::Result<()> {
    let (data, store) = data.check()?;
    let store = app::open_store(&store).await?;
    let rotated = match (seal.from(&data), seal.has_old()) {
        (_, true) => rotate::reseal_all(&*store, &seal.check(&data)?).await?,
        (SealFrom::File(file), false) => rotate::rotate_file(&data, &*store, &file).await?,
        (SealFrom::Given, false) => anyhow::bail!(
            "configure the new key as ATELIER_SEALING_KEY and the one until now as ATELIER_OLD_SEALING_KEY, for every \
             control plane; then run this"
        ),
    };
    print(&format!("Secrets sealed anew: {}.\n", rotated.resealed))?;
    match rotated.old_key {
        Some(old) => print(&format!(
            "The key until now is in {}. Backups from before need it; destroy it when they are gone.\n",
            old.display()
        )),
        None => print("ATELIER_OLD_SEALING_KEY is not needed any more, but by backups from before.\n"),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
