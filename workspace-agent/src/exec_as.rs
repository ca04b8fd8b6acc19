//! `workspace-agent exec-as`: becomes the user, and then the program.
//!
//! Everything of the user's runs through it: Claude, terminals, file access. It starts as root with PID 1's three
//! capabilities, and what it becomes has none: the uid is the workspace's own, `no_new_privs` is set, and the one
//! supplementary group is the [mark](crate::process::Mark).

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use clap::Args;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// Lower priority than PID 1's, so that the workspace-agent answers while user code spins.
const NICE: i32 = 5;
/// The kernel's out-of-memory killer takes user code before PID 1.
const OOM_SCORE: &str = "500";

/// The command line of `exec-as`.
#[derive(Args, Clone, Debug)]
pub struct ExecAs {
    /// The user to become.
    #[arg(long)]
    uid: u32,
    /// The group to become.
    #[arg(long)]
    gid: u32,
    /// The mark to wear.
    #[arg(long)]
    mark: u32,
    /// How many processes the user may have.
    #[arg(long)]
    nproc: u64,
    /// Where to start.
    #[arg(long)]
    dir: PathBuf,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

impl ExecAs {
    /// Becomes the user and the program. Returns only if that failed.
    ///
    /// # Errors
    /// Whatever could not be done; the program was not started then.
    pub fn run(self) -> anyhow::Error {
        let error = match self.become_user() {
            Ok(()) => anyhow::Error::new(self.exec()),
            Err(error) => error,
        };
        error.context(format!("can't run {} as user {}", self.command[0], self.uid))
    }

    fn become_user(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.uid != 0 && self.gid != 0, "root is not a user");
        std::fs::write("/proc/self/oom_score_adj", OOM_SCORE).context("oom_score_adj")?;
        rustix::process::nice(NICE).context("nice")?;
        umask(Mode::from_bits_truncate(0o022));
        setrlimit(Resource::RLIMIT_NPROC, self.nproc, self.nproc).context("RLIMIT_NPROC")?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0).context("RLIMIT_CORE")?;
        nix::sys::prctl::set_no_new_privs().context("no_new_privs")?;
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&[Gid::from_raw(self.mark)]).context("setgroups")?;
        setresgid(gid, gid, gid).context("setresgid")?;
        setresuid(uid, uid, uid).context("setresuid")?;
        std::env::set_current_dir(&self.dir).with_context(|| self.dir.display().to_string())
    }

    fn exec(&self) -> io::Error {
        Command::new(&self.command[0]).args(&self.command[1..]).exec()
    }
}
