//! The control plane goes away and comes back: how long until every workspace is linked again, and what that costs.
//!
//! The scripted workspace-agents wait between dials as real ones do: it is the same code.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context;
use e2e::PATIENCE;
use futures_util::StreamExt;
use nix::sys::signal::Signal;
use protocol::link::FromControl;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use workspace_agent::link::{USEFUL, redial};

use crate::machine;
use crate::say;
use crate::stats::Samples;
use crate::table::{Figure, Row};
use crate::target::{Address, Target};
use crate::world::{Person, World};

/// How many workspaces.
const LINKS: u32 = 5_000;
/// How often each is restarted.
const ROUNDS: usize = 3;

/// The workspace-agents, for as long as a server lives and beyond.
struct Agents {
    up: Arc<Up>,
    count: usize,
    _tasks: JoinSet<()>,
}

/// How many links are up, and how many there ever were.
#[derive(Default)]
struct Up {
    now: AtomicUsize,
    ever: AtomicUsize,
    changed: Notify,
}

/// What one restart came to.
#[derive(Default)]
struct Back {
    time: Samples,
    ready: Samples,
    cpu: Samples,
}

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    say(&format!("Making {LINKS} users, workspaces and certificates"));
    let world = World::make(LINKS).await?;
    let floor = restart(&world, Target::relay(&world).await?, Signal::SIGKILL).await?;
    let killed = restart(&world, Target::atelier(&world).await?, Signal::SIGKILL).await?;
    let stopped = restart(&world, Target::atelier(&world).await?, Signal::SIGTERM).await?;
    let each = |back: &Back| Figure::Time(back.cpu.median() / f64::from(LINKS));
    let time = |back: &Back| Figure::Time(back.time.median());
    let ready = |back: &Back| Figure::Time(back.ready.median());
    let rows = vec![
        Row::new(format!("SIGKILL and start → all {LINKS} links up"), time(&killed)).floor(time(&floor)),
        Row::new("… → it has adopted every workspace and says that it is ready", ready(&killed))
            .floor(ready(&floor)),
        Row::new("… CPU of the new process a link", each(&killed)).floor(each(&floor)),
        Row::new("SIGTERM (drained) and start → all links up", time(&stopped)).floor(time(&floor)),
        Row::new("… CPU of the new process a link", each(&stopped)).floor(each(&floor)),
    ];
    let notes = vec![format!(
        "medians of {ROUNDS}; every workspace-agent dials again after 75–150 ms, then doubles that bound up to 15 s, \
         each wait drawn from the bound's upper half"
    )];
    Ok((rows, notes))
}

async fn restart(world: &World, mut target: Target, signal: Signal) -> anyhow::Result<Back> {
    let agents = Agents::start(&target, &world.people);
    agents.all_up(0).await?;
    let mut back = Back::default();
    for round in 1..=ROUNDS {
        // Until their links were worth having, the next waits would not be short.
        sleep(USEFUL + Duration::from_secs(1)).await;
        say(&format!("{signal}, {round} of {ROUNDS}"));
        let before = agents.up.ever.load(Ordering::SeqCst);
        let began = Instant::now();
        target.end(signal).await;
        target.come_up().await?;
        back.ready.push(began.elapsed().as_secs_f64());
        agents.all_up(before).await?;
        back.time.push(began.elapsed().as_secs_f64());
        back.cpu.push(machine::cpu(target.pid()?)?.as_secs_f64());
    }
    drop(agents);
    target.end(Signal::SIGKILL).await;
    Ok(back)
}

impl Agents {
    fn start(target: &Target, people: &[Arc<Person>]) -> Self {
        let up = Arc::new(Up::default());
        let mut tasks = JoinSet::new();
        for person in people {
            tasks.spawn(keep_up(target.address(), Arc::clone(person), Arc::clone(&up)));
        }
        Self { up, count: people.len(), _tasks: tasks }
    }

    /// Waits until every one of them has a link that is newer than the `before` first ones.
    async fn all_up(&self, before: usize) -> anyhow::Result<()> {
        let waiting = async {
            loop {
                let changed = self.up.changed.notified();
                let ever = self.up.ever.load(Ordering::SeqCst);
                if ever >= before + self.count && self.up.now.load(Ordering::SeqCst) == self.count {
                    return;
                }
                changed.await;
            }
        };
        timeout(2 * PATIENCE, waiting).await.context("not every link comes back")
    }
}

/// Dials for ever, as a workspace-agent does.
async fn keep_up(address: Address, person: Arc<Person>, up: Arc<Up>) {
    let mut backoff = redial();
    loop {
        let dialled = Instant::now();
        let mut wait = Duration::ZERO;
        if let Ok(mut link) = address.open_link(&person).await {
            up.now.fetch_add(1, Ordering::SeqCst);
            up.ever.fetch_add(1, Ordering::SeqCst);
            up.changed.notify_one();
            while let Some(Ok(message)) = link.next().await {
                if let Some(back_in) = drained(&message) {
                    wait = back_in;
                    break;
                }
            }
            up.now.fetch_sub(1, Ordering::SeqCst);
        }
        if dialled.elapsed() > USEFUL {
            backoff.reset();
        }
        sleep(wait + backoff.wait()).await;
    }
}

/// When to come back, if the control plane says that it goes away.
fn drained(message: &Message) -> Option<Duration> {
    let Message::Text(text) = message else { return None };
    match serde_json::from_str(text).ok()? {
        FromControl::Drain { back_in_ms } => Some(Duration::from_millis(back_in_ms)),
        FromControl::Welcome(_)
        | FromControl::Stored { .. }
        | FromControl::Deliver(_)
        | FromControl::Answer { .. }
        | FromControl::Stop { .. }
        | FromControl::Continue { .. }
        | FromControl::Configure { .. }
        | FromControl::Forget { .. }
        | FromControl::Terminal(_) => None,
    }
}
