//! Limits on what a workspace does.

use std::time::Duration;

use clap::Args;
use protocol::settings::Mode;

use super::Checker;

/// Flags about limits.
#[derive(Args, Clone, Debug)]
pub struct LimitArgs {
    /// A conversation's CLI process is ended after this many minutes without anything to do.
    #[arg(long, env = "ATELIER_IDLE_MINUTES", default_value = "15")]
    idle_minutes: String,
    /// CLI processes of one workspace at a time. Each takes 100 to 200 MB.
    #[arg(long, env = "ATELIER_MAX_PROCESSES", default_value = "6")]
    max_processes: String,
    /// A turn of which nothing is heard for this many seconds is looked after: the process is asked, interrupted, ended.
    #[arg(long, env = "ATELIER_SILENT_SECONDS", default_value = "180")]
    silent_seconds: String,
    /// A terminal that nobody watches is closed after this many hours in which nothing is typed or printed; 0: never.
    #[arg(long, env = "ATELIER_TERMINAL_IDLE_HOURS", default_value = "12")]
    terminal_idle_hours: String,
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
    /// A terminal that nobody watches is closed after this long in which nothing is typed or printed; zero: never.
    pub terminal_idle: Duration,
    /// Whether people may switch permissions off.
    pub allow_bypass: bool,
}

impl LimitArgs {
    pub(super) fn checked(self, checker: &mut Checker) -> Option<Limits> {
        let sane = |time: f64| time.is_finite() && time > 0.0 && time < 1e6;
        let minutes = checker.number("--idle-minutes", &self.idle_minutes, sane, "no sensible time");
        let seconds = checker.number("--silent-seconds", &self.silent_seconds, sane, "no sensible time");
        let some = |processes: u32| processes > 0;
        let processes = checker.number("--max-processes", &self.max_processes, some, "at least one");
        let or_never = |time: f64| time == 0.0 || sane(time);
        let hours =
            checker.number("--terminal-idle-hours", &self.terminal_idle_hours, or_never, "no sensible time");
        let idle = Duration::try_from_secs_f64(minutes? * 60.0).ok()?;
        let silent = Duration::try_from_secs_f64(seconds?).ok()?;
        let terminal_idle = Duration::try_from_secs_f64(hours? * 3600.0).ok()?;
        let allow_bypass = self.allow_bypass;
        Some(Limits { idle, max_processes: processes?, silent, terminal_idle, allow_bypass })
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
