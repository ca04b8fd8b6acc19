//! Limits on what a workspace does.

use std::time::Duration;

use clap::Args;
use protocol::settings::Mode;

use super::Checker;

/// Flags about limits.
#[derive(Args, Clone, Debug)]
pub struct LimitArgs {
    /// A conversation's CLI process is ended after this many minutes without anything to do.
    #[arg(long, env = "ATELIER_IDLE_MINUTES", default_value_t = 15.0)]
    idle_minutes: f64,
    /// CLI processes of one workspace at a time. Each takes 100 to 200 MB.
    #[arg(long, env = "ATELIER_MAX_PROCESSES", default_value_t = 6)]
    max_processes: u32,
    /// A turn of which nothing is heard for this many seconds is looked after: the process is asked, interrupted, ended.
    #[arg(long, env = "ATELIER_SILENT_SECONDS", default_value_t = 180.0)]
    silent_seconds: f64,
    /// Let people switch permissions off in their workspace.
    #[arg(long, env = "ATELIER_ALLOW_BYPASS")]
    allow_bypass: bool,
}

/// Limits, checked.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A conversation's process is ended after this long without anything to do.
    pub idle: Duration,
    /// CLI processes of one workspace at a time.
    pub max_processes: u32,
    /// A turn of which nothing is heard for this long is looked after.
    pub silent: Duration,
    /// Whether people may switch permissions off.
    pub allow_bypass: bool,
}

impl LimitArgs {
    pub(super) fn checked(self, checker: &mut Checker) -> Option<Limits> {
        let minutes = self.idle_minutes;
        let sane = minutes.is_finite() && minutes > 0.0 && minutes < 1e6;
        checker.ensure("--idle-minutes", sane, format!("{minutes} is no sensible time"));
        let seconds = self.silent_seconds;
        let sane = seconds.is_finite() && seconds > 0.0 && seconds < 1e6;
        checker.ensure("--silent-seconds", sane, format!("{seconds} is no sensible time"));
        checker.ensure("--max-processes", self.max_processes > 0, "at least one");
        let idle = Duration::try_from_secs_f64(minutes * 60.0).ok()?;
        let silent = Duration::try_from_secs_f64(seconds).ok()?;
        let (max_processes, allow_bypass) = (self.max_processes, self.allow_bypass);
        Some(Limits { idle, max_processes, silent, allow_bypass })
    }
}

impl Limits {
    /// The permission modes that people may choose.
    pub fn modes(&self) -> Vec<Mode> {
        let mut modes = vec![Mode::Default, Mode::AcceptEdits, Mode::Plan];
        if self.allow_bypass {
            modes.push(Mode::BypassPermissions);
        }
        modes
    }
}
