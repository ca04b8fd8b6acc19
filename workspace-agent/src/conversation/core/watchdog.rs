//! The watchdog: a turn of which nothing is heard is noticed, the process is asked whether it lives, the turn is
//! interrupted, the process ended. Each step is told. The CLI can hang without an end of its own, so this stays for ever.
//!
//! ```text
//! calm ─ silent ▶ asked ─ answers ▶ answered ─ silent ▶ interrupted ─ goes on ▶ ended, and decided as after any death
//!                   └── no answer ──────────────────────────▲
//! ```

use protocol::event::{ProcessEnd, SilentStep};
use protocol::{EventBody, Millis};

use super::turn::Phase;
use super::{Asked, Conversation, Process, STOP_MS};
use crate::claude::outgoing;

/// How long the process may take to answer whether it lives. It takes milliseconds; a starved container takes longer.
const ANSWER_MS: Millis = 15_000;

/// What is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Watch {
    /// When the process was last heard, or last told something that it has to react to.
    heard_at: Millis,
    /// The last step, and when it was taken.
    step: Option<(SilentStep, Millis)>,
    /// Nobody listens at the moment: silence says nothing.
    suspended: bool,
}

impl Watch {
    /// Something was heard, or told.
    pub(super) const fn heard(&mut self, now: Millis) {
        self.heard_at = now;
    }

    /// Whether a turn is called silent.
    pub(super) const fn is_alarmed(&self) -> bool {
        self.step.is_some()
    }

    /// Nobody listens from here on.
    pub(super) const fn suspend(&mut self) {
        self.suspended = true;
    }

    /// Somebody listens again.
    pub(super) const fn resume(&mut self, now: Millis) {
        self.suspended = false;
        self.heard_at = now;
    }
}

impl Conversation {
    /// Something was heard of the process that is no mere answer to a question of ours.
    pub(super) fn sign_of_life(&mut self) {
        self.watch.heard(self.now.mono);
        if self.watch.step.is_some_and(|(step, _)| step != SilentStep::Ended) {
            self.silent(SilentStep::Over);
            self.watch.step = None;
        }
    }

    /// The process answers that it lives.
    pub(super) fn sign_answered(&mut self) {
        if self.watch.step.is_some_and(|(step, _)| step == SilentStep::Asked) {
            self.silent(SilentStep::Answered);
        }
    }

    /// When to look at the turn next.
    pub(super) fn watch_deadline(&self) -> Option<Millis> {
        self.is_watched().then(|| match self.watch.step {
            None => self.watch.heard_at + self.policy.silent_ms,
            Some((SilentStep::Asked, at)) => at + ANSWER_MS,
            Some((SilentStep::Answered, at)) => at + self.policy.silent_ms,
            Some((SilentStep::Interrupted, at)) => at + STOP_MS,
            Some((SilentStep::Ended | SilentStep::Over | SilentStep::Other, _)) => Millis::MAX,
        })
    }

    /// Whether the process owes a sign of life: it has a turn, or says that it works, at a message that came too late to steer,
    /// say. Not while a person is asked, or a stop is under way.
    fn is_watched(&self) -> bool {
        let owes = match &self.turn {
            Some(turn) => !turn.stop_asked && (turn.phase != Phase::Waiting || turn.continued),
            None => self.session_busy,
        };
        owes && self.process == Process::Live
            && !self.watch.suspended
            && self.prompts.iter().all(|prompt| prompt.answered)
    }

    /// Takes the next step, if it is time.
    pub(super) fn watch_turn(&mut self) {
        if self.watch_deadline().is_none_or(|at| at > self.now.mono) {
            return;
        }
        match self.watch.step.map(|(step, _)| step) {
            None => {
                self.silent(SilentStep::Asked);
                self.request(Asked::Sign, &outgoing::initialize());
            }
            Some(SilentStep::Asked | SilentStep::Answered) => {
                self.silent(SilentStep::Interrupted);
                self.stop_wanted = false;
                self.request(Asked::Interrupt, &outgoing::interrupt());
            }
            Some(SilentStep::Interrupted) => {
                self.silent(SilentStep::Ended);
                self.end_process(ProcessEnd::Silent);
            }
            Some(SilentStep::Ended | SilentStep::Over | SilentStep::Other) => {}
        }
    }

    fn silent(&mut self, step: SilentStep) {
        self.watch.step = Some((step, self.now.mono));
        let for_ms = self.now.mono.saturating_sub(self.watch.heard_at);
        self.append(EventBody::Silent { step, for_ms });
    }
}
