//! A program of ours as a process of its own.

use std::process::Stdio;

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::stack::PATIENCE;

/// A process that serves. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pid: Pid,
}

impl Server {
    /// Starts it and waits for a line on its standard output that `ready` makes something of.
    ///
    /// # Errors
    /// When it can't be started, ends, or says nothing of the kind in time.
    pub async fn start<T>(
        command: &mut Command,
        ready: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<(Self, T)> {
        let program = command.as_std().get_program().to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{}; build it first", program.display()))?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).context("no pid")?;
        let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let reading = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(found) = ready(&line) {
                    return anyhow::Ok(found);
                }
            }
            anyhow::bail!("it ended")
        };
        let found = timeout(PATIENCE, reading).await.context("it says nothing").flatten();
        let found = found.with_context(|| format!("{} does not come up", program.display()))?;
        Ok((Self { child, pid: Pid::from_raw(id) }, found))
    }

    /// Its process id.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends it a signal and waits for its end.
    pub async fn end(mut self, signal: Signal) {
        let _ = kill(self.pid, signal);
        let _ = timeout(PATIENCE, self.child.wait()).await;
    }
}
