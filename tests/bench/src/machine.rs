//! What the machine says of itself and of processes.

use std::time::{Duration, Instant};

use anyhow::Context;
use nix::time::ClockId;
use nix::unistd::Pid;

/// CPU time that a process has taken so far, all its threads together.
///
/// # Errors
/// When there is no such process.
pub fn cpu(pid: Pid) -> anyhow::Result<Duration> {
    Ok(ClockId::pid_cpu_clock_id(pid)?.now()?.into())
}

/// Resident memory of a process, in bytes. From `smaps_rollup`: the counters in `status` lag behind.
///
/// # Errors
/// When there is no such process.
pub fn resident(pid: Pid) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).context("no Rss")?;
    let kib: u32 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(f64::from(kib) * 1024.0)
}

/// How many cores this process may use.
pub fn cores() -> f64 {
    std::thread::available_parallelism()
        .map_or(1.0, |cores| f64::from(u32::try_from(cores.get()).unwrap_or(1)))
}

/// The load of the last minute.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// How busy this process and a server were over a while.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    server: Pid,
    began: Instant,
    own: Duration,
    theirs: Duration,
}

/// What came of watching.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Busy {
    /// How long it was, in seconds.
    pub elapsed: f64,
    /// CPU that the load generator took, in seconds.
    pub own: f64,
    /// CPU that the server took, in seconds.
    pub server: f64,
}

impl Watch {
    /// From now on.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn begin(server: Pid) -> anyhow::Result<Self> {
        Ok(Self { server, began: Instant::now(), own: cpu(Pid::this())?, theirs: cpu(server)? })
    }

    /// Until now.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn end(self) -> anyhow::Result<Busy> {
        let since = |pid, before| anyhow::Ok(cpu(pid)?.saturating_sub(before).as_secs_f64());
        let elapsed = self.began.elapsed().as_secs_f64();
        Ok(Busy { elapsed, own: since(Pid::this(), self.own)?, server: since(self.server, self.theirs)? })
    }
}

impl Busy {
    /// Both, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            elapsed: self.elapsed + other.elapsed,
            own: self.own + other.own,
            server: self.server + other.server,
        }
    }

    /// The share of all cores that the load generator took, in per cent.
    pub fn own_share(self) -> f64 {
        self.own / self.elapsed / cores() * 100.0
    }

    /// The share of all cores that the server took, in per cent.
    pub fn server_share(self) -> f64 {
        self.server / self.elapsed / cores() * 100.0
    }
}
