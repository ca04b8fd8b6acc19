//! What is measured, one file a subject.

mod attach;
mod events;
mod fanout;
mod footprint;
mod gateway;
mod pairs;
mod restart;
mod start;
mod terminals;
mod turn;

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use control_plane::server;

use crate::table::Table;
use crate::{machine, print, say};

/// How long one subject may take. A multiple of what it takes; beyond it something hangs.
const PATIENCE: Duration = Duration::from_secs(900);

/// One subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Subject {
    /// From a message to a stopped workspace to a CLI that is ready.
    Start,
    /// A turn, beside the CLI alone.
    Turn,
    /// What the model gateway adds.
    Gateway,
    /// Terminals, beside a PTY behind a bare WebSocket.
    Terminals,
    /// Memory and sizes.
    Footprint,
    /// Latency and CPU of events and of live text.
    Events,
    /// Connected and idle.
    Pairs,
    /// All workspaces come back after the control plane went away.
    Restart,
    /// One conversation, many viewers.
    Fanout,
    /// A long conversation is opened.
    Attach,
}

/// Measures and prints.
///
/// # Errors
/// When something is broken.
pub async fn run(only: &[Subject]) -> anyhow::Result<()> {
    let descriptors = server::raise_descriptors()?;
    let all = Subject::value_variants();
    let wanted: Vec<Subject> =
        all.iter().copied().filter(|subject| only.is_empty() || only.contains(subject)).collect();
    for subject in wanted {
        let (began, load) = (Instant::now(), machine::load());
        say(&format!("Measuring: {}", subject.title()));
        let measured = tokio::time::timeout(PATIENCE, subject.measure(descriptors)).await;
        let mut table = measured.context("it takes too long")?.with_context(|| subject.title().to_owned())?;
        table.notes.push(format!(
            "{} cores; load average {load} before, {} after; took {:.0} s",
            machine::cores(),
            machine::load(),
            began.elapsed().as_secs_f64(),
        ));
        print(&table.to_string())?;
    }
    Ok(())
}

impl Subject {
    const fn title(self) -> &'static str {
        match self {
            Self::Start => "Start: a message is sent to a stopped workspace",
            Self::Turn => {
                "Turn: a message on the viewer's socket, beside the CLI alone in the same kind of container"
            }
            Self::Gateway => "Model gateway: a request inside the workspace, beside the model asked directly",
            Self::Terminals => {
                "Terminals: from a key to what is shown, beside a PTY behind one bare WebSocket in the same kind of container"
            }
            Self::Footprint => "Footprint",
            Self::Events => {
                "Events: from the workspace's side to the viewer's socket, beside a bare two-hop relay"
            }
            Self::Pairs => "Pairs: one link and one viewer each, idle",
            Self::Restart => "Restart: every workspace comes back",
            Self::Fanout => "Fan-out: one conversation, many viewers",
            Self::Attach => "Attach: a conversation of 10,000 events is opened",
        }
    }

    async fn measure(self, descriptors: u64) -> anyhow::Result<Table> {
        let (rows, notes) = match self {
            Self::Start => start::measure().await?,
            Self::Turn => turn::measure().await?,
            Self::Gateway => gateway::measure().await?,
            Self::Terminals => terminals::measure().await?,
            Self::Footprint => footprint::measure().await?,
            Self::Events => events::measure().await?,
            Self::Pairs => pairs::measure(descriptors).await?,
            Self::Restart => restart::measure().await?,
            Self::Fanout => fanout::measure().await?,
            Self::Attach => attach::measure().await?,
        };
        Ok(Table { title: self.title().to_owned(), rows, notes })
    }
}
