//! Processes: how they are marked, started, ended with everything that descends from them, and reaped.
//!
//! Every CLI and every terminal runs with a supplementary group of its own, its [`Mark`]. A group survives double
//! forks, `setsid` and emptied environments, and user code can't drop it: it has no capability. (Cgroups are
//! read-only in a container, and a parent-death signal fires when the forking *thread* ends; neither will do.)
//!
//! As PID 1 the workspace-agent reaps orphans, but only what nobody owns: a process that [`Processes::spawn`]
//! started is left to whoever waits for it, or its exit code would be stolen.

use std::collections::HashSet;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// The first mark. Above every user and group that an image would define.
const FIRST_MARK: u32 = 1_000_000;
/// How many marks there are before they are used again.
const MARKS: u32 = 100_000;
/// How long processes may take to leave after a polite signal.
const POLITE: Duration = Duration::from_secs(2);
/// How long they may take when their terminal is gone.
const HANG_UP: Duration = Duration::from_secs(1);
/// How often `/proc` is looked at while processes leave.
const LOOK: Duration = Duration::from_millis(15);
/// How soon it is looked again when it could not be.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A supplementary group that marks everything one CLI or one terminal started.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mark(u32);

impl Mark {
    /// The group's number.
    pub const fn gid(self) -> u32 {
        self.0
    }
}

/// The processes of this workspace.
#[derive(Debug, Default)]
pub struct Processes {
    owned: Mutex<HashSet<i32>>,
    next_mark: Mutex<u32>,
    child_gone: Notify,
    tasks: TaskTracker,
}

/// A child's place among the owned.
#[derive(Debug)]
pub struct Claim {
    pid: i32,
    processes: Arc<Processes>,
}

/// A child and its place among the owned.
#[derive(Debug)]
pub struct Owned {
    child: Child,
    _claim: Claim,
}

impl Processes {
    /// A mark that no living process has. If nobody can look, it is the one whose last use is longest ago.
    pub fn new_mark(&self) -> Mark {
        loop {
            let mut next = lock(&self.next_mark);
            let mark = Mark(FIRST_MARK + *next);
            *next = (*next + 1) % MARKS;
            drop(next);
            if marked(mark).map_or(true, |pids| pids.is_empty()) {
                return mark;
            }
        }
    }

    /// Starts a child that the caller waits for.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn spawn(self: &Arc<Self>, command: &mut Command) -> io::Result<Owned> {
        let (child, claim) = self.start(|| {
            let child = command.spawn()?;
            let pid = child.id().unwrap_or_default();
            Ok::<_, io::Error>((child, pid))
        })?;
        Ok(Owned { child, _claim: claim })
    }

    /// Starts a child by other means. The caller waits for it, and keeps the claim until then.
    ///
    /// # Errors
    /// What `start` fails with.
    pub fn start<T, E>(
        self: &Arc<Self>,
        start: impl FnOnce() -> Result<(T, u32), E>,
    ) -> Result<(T, Claim), E> {
        // The lock is held across the start, so that no reaping falls between it and the note that it is owned.
        let mut owned = lock(&self.owned);
        let (started, pid) = start()?;
        let pid = i32::try_from(pid).unwrap_or_default();
        owned.insert(pid);
        drop(owned);
        Ok((started, Claim { pid, processes: Arc::clone(self) }))
    }

    /// The tasks that serve and end processes. They outlive whoever started them, never the workspace-agent.
    pub const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Waits until every process that was started here is gone and accounted for.
    pub async fn all_gone(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Reaps orphans for ever. Only PID 1 gets any.
    ///
    /// # Errors
    /// When signals can't be listened to.
    pub async fn reap_orphans(self: Arc<Self>) -> io::Result<()> {
        let mut child_ended = signal(SignalKind::child())?;
        loop {
            tokio::select! {
                _ = child_ended.recv() => {}
                () = self.child_gone.notified() => {}
            }
            self.sweep();
        }
    }

    /// Reaps every zombie child that nobody owns.
    fn sweep(&self) {
        let owned = lock(&self.owned);
        loop {
            let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            let Ok(status) = waitid(Id::All, peek) else { return };
            let Some(pid) = ended(status) else { return };
            if owned.contains(&pid.as_raw()) {
                break;
            }
            let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
        // An owned zombie hides what is behind it.
        for pid in zombie_children().filter(|pid| !owned.contains(&pid.as_raw())) {
            let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        }
    }

    /// Tells every process with this mark that its terminal is gone, and ends what doesn't leave on that.
    pub async fn hang_up(&self, mark: Mark) {
        let pids = living(mark).await;
        signal_all(&pids, Signal::SIGHUP);
        signal_all(&pids, Signal::SIGCONT);
        let since = tokio::time::Instant::now();
        while since.elapsed() < HANG_UP {
            if living(mark).await.is_empty() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        self.end(mark).await;
    }

    /// Ends every process with this mark: politely, then by force, until none is left.
    pub async fn end(&self, mark: Mark) {
        let since = tokio::time::Instant::now();
        signal_all(&living(mark).await, Signal::SIGTERM);
        while since.elapsed() < POLITE {
            if living(mark).await.is_empty() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        self.end_by_force(mark).await;
    }

    /// Ends every process with this mark by force. They are frozen first, so that a fork bomb stands still.
    pub async fn end_by_force(&self, mark: Mark) {
        loop {
            let pids = living(mark).await;
            if pids.is_empty() {
                return;
            }
            signal_all(&pids, Signal::SIGSTOP);
            signal_all(&living(mark).await, Signal::SIGKILL);
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Owned {
    /// The child.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When waiting fails.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.processes.owned).remove(&self.pid);
        self.processes.child_gone.notify_one();
    }
}

/// This boot of the machine: what was written and not synced under another one may be gone.
///
/// # Errors
/// When the kernel doesn't tell.
pub fn boot_id() -> io::Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let boot: uuid::Uuid = text.trim().parse().map_err(io::Error::other)?;
    Ok(boot.into_bytes())
}

/// When a process was started, in clock ticks since the boot; none, if it isn't there.
pub fn started_at(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name, which may hold anything) state …": the start is the twentieth from the state on.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// The living processes that have this mark.
///
/// # Errors
/// When it can't be looked at all of them: then nobody knows.
pub fn marked(mark: Mark) -> io::Result<Vec<Pid>> {
    let wanted = mark.0.to_string();
    let mut found = Vec::new();
    for pid in all_processes()? {
        let status = match std::fs::read_to_string(format!("/proc/{pid}/status")) {
            Ok(status) => status,
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let alive = !field("State:").is_some_and(|state| state.trim_start().starts_with(['Z', 'X']));
        let groups = field("Groups:").unwrap_or_default();
        if alive && groups.split_whitespace().any(|group| group == wanted) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// [`marked`], as soon as it can be looked. What that takes may be used up for a while: descriptors, for one.
async fn living(mark: Mark) -> Vec<Pid> {
    let mut told = false;
    loop {
        match marked(mark) {
            Ok(pids) => return pids,
            Err(error) if !std::mem::replace(&mut told, true) => {
                tracing::error!(%error, "it can't be looked which processes are left; trying on");
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The process that this file was of is gone.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

/// How many processes there are; none, if it can't be looked.
pub fn count() -> usize {
    all_processes().map_or(0, |pids| pids.len())
}

fn all_processes() -> io::Result<Vec<Pid>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw));
    }
    Ok(pids)
}

/// Zombies that are children of ours. If it can't be looked, they wait for the next sweep.
fn zombie_children() -> impl Iterator<Item = Pid> {
    let me = std::process::id().to_string();
    all_processes().unwrap_or_default().into_iter().filter(move |pid| {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        // "pid (name, which may hold anything) state parent …"
        let Some((_, rest)) = stat.rsplit_once(')') else { return false };
        let mut fields = rest.split_whitespace();
        fields.next() == Some("Z") && fields.next() == Some(&me)
    })
}

fn signal_all(pids: &[Pid], signal: Signal) {
    for pid in pids {
        match kill(*pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::warn!(%pid, %signal, %error, "a process can't be signalled"),
        }
    }
}

const fn ended(status: WaitStatus) -> Option<Pid> {
    match status {
        WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _) => Some(pid),
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
