//! Random kills at random moments of scripted turns, on the real parts: whatever dies, what was promised is kept.
//!
//! The first four rounds are always the same, the rest is diced. `ATELIER_KILLS` says how many rounds (10 unless it does),
//! `ATELIER_SEED` which (the same ones unless it does; `make soak` takes others every time); `ATELIER_KILL_ENGINE` (a command
//! that ends the engine and starts it again) adds the engine to what may die: it takes every container of the machine along.

mod person;
mod promises;

use anyhow::Context;
use e2e::Stack;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tokio::process::Command;

use self::person::{Person, RAN, is_down};

const ROUNDS: u32 = 10;
const SEED: u64 = 3;

/// What dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kill {
    ControlPlane,
    Cli,
    Container,
    Connection,
    /// Somebody else holds the store's lock: it can't be written for a while.
    Store,
    Engine,
}

/// When.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Moment {
    /// The message is sent; nobody has said that it was taken.
    Sending,
    Delivered,
    /// Claude is in mid-sentence.
    Speaking,
    /// A prompt is open.
    Asking,
    /// An answer is on its way to Claude.
    Answering,
    /// Messages wait, were edited, put in another order and taken back.
    Queueing,
    /// A message is on its way to the running turn.
    Steering,
    /// A stop is on its way.
    Stopping,
    /// Nothing is going on.
    Idle,
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_lose_nothing_and_repeat_nothing() -> anyhow::Result<()> {
    let from_env = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let rounds = from_env("ATELIER_KILLS").and_then(|rounds| u32::try_from(rounds).ok()).unwrap_or(ROUNDS);
    let seed = from_env("ATELIER_SEED").unwrap_or(SEED);
    println!("{rounds} kills, seed {seed}");
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut killed = 0;
    let mut stack = Stack::start().await?;
    let mut person = Person::new(stack.viewer().await?).await?;
    person.send("TEXT a first message").await?;
    person.see_to_the_end().await?;
    for round in 0..rounds {
        let (kill, moment) = forced(round).unwrap_or_else(|| pick(&mut dice));
        println!("round {round}: {kill:?} dies, {moment:?}");
        person.reach(moment, round).await.with_context(|| format!("seed {seed}, round {round}"))?;
        let died = carry_out(kill, &mut stack, &mut person).await?;
        killed += u32::from(died);
        // With a prompt open there is a CLI to kill, and a round of that kind without one would prove nothing.
        let must = moment == Moment::Asking;
        anyhow::ensure!(died || !must, "seed {seed}, round {round}: nothing was there to kill");
        if !died {
            println!("round {round}: there was nothing to kill; the round does not count");
        }
        stack.model.release(&gate(round));
        person.see_to_the_end().await.with_context(|| {
            format!("seed {seed}, round {round}: {kill:?}, {moment:?}\n{}", stack.log_text())
        })?;
        let ran = ran(&stack).await?;
        person
            .check(&ran)
            .await
            .with_context(|| format!("seed {seed}, round {round}: {kill:?}, {moment:?}"))?;
    }
    println!("{killed} of {rounds} rounds killed something");
    stack.finish().await;
    Ok(())
}

/// The first rounds are those that a dice might leave out: CLI and container, with a prompt open and with an answer on its
/// way.
fn forced(round: u32) -> Option<(Kill, Moment)> {
    match round {
        0 => Some((Kill::Cli, Moment::Asking)),
        1 => Some((Kill::Container, Moment::Asking)),
        2 => Some((Kill::Cli, Moment::Answering)),
        3 => Some((Kill::Container, Moment::Answering)),
        _ => None,
    }
}

fn pick(dice: &mut SmallRng) -> (Kill, Moment) {
    let mut kills = vec![Kill::ControlPlane, Kill::Cli, Kill::Container, Kill::Connection, Kill::Store];
    if std::env::var_os("ATELIER_KILL_ENGINE").is_some() && dice.random_ratio(1, 8) {
        kills = vec![Kill::Engine];
    }
    let moments = [
        Moment::Sending,
        Moment::Delivered,
        Moment::Speaking,
        Moment::Asking,
        Moment::Answering,
        Moment::Queueing,
        Moment::Steering,
        Moment::Stopping,
        Moment::Idle,
    ];
    let pair = kills.choose(dice).zip(moments.choose(dice)).map(|(kill, moment)| (*kill, *moment));
    pair.unwrap_or((Kill::Cli, Moment::Idle))
}

fn gate(round: u32) -> String {
    format!("kill-{round}")
}

/// The rounds whose tools ran, each as often as it did. If the container is down it is looked at after the next round.
async fn ran(stack: &Stack) -> anyhow::Result<Vec<u32>> {
    let Ok(container) = stack.container().await else { return Ok(Vec::new()) };
    let script = format!("cat {RAN} 2>/dev/null || true");
    let said = stack.engine.run(&["exec", &container, "sh", "-c", &script]).await.unwrap_or_default();
    said.lines().map(|line| Ok(line.parse()?)).collect()
}

/// Whether something died.
async fn carry_out(kill: Kill, stack: &mut Stack, person: &mut Person) -> anyhow::Result<bool> {
    match kill {
        Kill::ControlPlane => {
            stack.kill_control_plane().await;
            stack.start_control_plane().await?;
            person.reconnect().await?;
        }
        Kill::Cli => {
            // After the engine's death, say, there may be no container, and nobody has noticed yet.
            let Ok(container) = stack.container().await else { return Ok(false) };
            // It may have none, or none any more, which pkill says by failing.
            let killed = stack.engine.run(&["exec", &container, "sh", "-c", "pkill -9 -x claude"]).await;
            return Ok(killed.is_ok());
        }
        Kill::Container => {
            let Ok(container) = stack.container().await else { return Ok(false) };
            stack.engine.run(&["kill", &container]).await.map(drop)?;
        }
        Kill::Connection => {
            let Ok(container) = stack.container().await else { return Ok(false) };
            cut_connections(stack, &container).await?;
        }
        Kill::Store => lock_store(stack, person).await?,
        Kill::Engine => {
            let command = std::env::var("ATELIER_KILL_ENGINE")?;
            let done = Command::new("sh").args(["-c", &command]).status().await?;
            anyhow::ensure!(done.success(), "{command}: {done}");
            // Every container died with it; what is sent before that is known is not sent to a workspace that is down.
            person
                .viewer
                .until("the workspace is known to be gone", |seen| is_down(seen).then_some(()))
                .await?;
        }
    }
    Ok(true)
}

/// Has the kernel reset every packet to the link port until the link is known to be down.
async fn cut_connections(stack: &Stack, container: &str) -> anyhow::Result<()> {
    let (table, port) = (format!("cut_{}", stack.instance()), stack.link.port());
    let rule = format!(
        "add table inet {table}; add chain inet {table} in {{ type filter hook input priority -310; }}; \
                        add rule inet {table} in tcp dport {port} reject with tcp reset"
    );
    nft(&rule).await?;
    // The workspace-agent says something at least that often.
    let gone = e2e::until("the workspace-agent has no link", async || {
        let connections = ["exec", container, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"];
        let open = stack.engine.run(&connections).await.unwrap_or_default();
        let remote = format!(":{port:04X} 01 ");
        !open.lines().any(|line| line.contains(&remote))
    })
    .await;
    nft(&format!("delete table inet {table}")).await?;
    gone
}

async fn nft(rules: &str) -> anyhow::Result<()> {
    let done = Command::new("nft").arg(rules).status().await?;
    anyhow::ensure!(done.success(), "nft: {done}");
    Ok(())
}

/// Holds the store's write lock until the control plane has given up waiting for it once.
async fn lock_store(stack: &Stack, person: &Person) -> anyhow::Result<()> {
    let path = stack.data.path().join("atelier.db");
    anyhow::ensure!(path.exists(), "there is no store at {}", path.display());
    let lock = rusqlite::Connection::open(path)?;
    lock.execute_batch("PRAGMA busy_timeout = 20000; BEGIN IMMEDIATE")?;
    let known = e2e::until("the store is known to be locked", async || {
        let health = person.viewer.request(reqwest::Method::GET, "/health").send().await;
        health.is_ok_and(|health| !health.status().is_success())
    })
    .await;
    lock.execute_batch("ROLLBACK")?;
    known
}
