//! What each request does in each state. Pure; the one place that knows.

use protocol::status::Phase;

/// What can be asked of a workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Run.
    Start,
    /// Don't run. The data stays.
    Stop,
    /// Run anew; what does not run is started. The data stays.
    Restart,
    /// Cease to exist, with the data.
    Delete,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The user, or something of theirs that waits.
    User,
    /// An operator, who saw this generation of the status. Only the life that it belongs to is meant.
    Operator {
        /// The generation.
        seen: u64,
    },
}

/// What becomes of the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It will be done.
    Accept,
    /// It is so already, or on its way.
    Ignore,
    /// It can't be, ever again.
    Refuse,
}

/// The table.
pub const fn answer(phase: &Phase, ask: Ask) -> Answer {
    match (phase, ask) {
        (Phase::Deleting {}, Ask::Delete) => Answer::Ignore,
        (Phase::Deleting {}, Ask::Start | Ask::Stop | Ask::Restart) => Answer::Refuse,
        (_, Ask::Delete) => Answer::Accept,
        // A start that is asked for while it stops follows the stop.
        (Phase::Stopped { .. } | Phase::Failed { .. } | Phase::Stopping {}, Ask::Start) => Answer::Accept,
        (Phase::Starting { .. } | Phase::Running {} | Phase::Paused {}, Ask::Start) => Answer::Ignore,
        (Phase::Starting { .. } | Phase::Running {} | Phase::Paused {}, Ask::Stop) => Answer::Accept,
        (Phase::Stopped { .. } | Phase::Failed { .. } | Phase::Stopping {}, Ask::Stop) => Answer::Ignore,
        // It comes up anew as it is.
        (Phase::Starting { .. }, Ask::Restart) => Answer::Ignore,
        (
            Phase::Stopped { .. }
            | Phase::Failed { .. }
            | Phase::Stopping {}
            | Phase::Running {}
            | Phase::Paused {},
            Ask::Restart,
        ) => Answer::Accept,
    }
}

#[cfg(test)]
mod tests {
    use protocol::status::{Reason, ReasonCode, Stage};

    use super::*;

    fn phases() -> Vec<Phase> {
        vec![
            Phase::Stopped { reason: None },
            Phase::Starting { stage: Stage::Image },
            Phase::Running {},
            Phase::Paused {},
            Phase::Stopping {},
            Phase::Failed { reason: Reason::new(ReasonCode::Exited) },
            Phase::Deleting {},
        ]
    }

    #[test]
    fn delete_works_from_every_state() {
        for phase in phases() {
            assert_ne!(answer(&phase, Ask::Delete), Answer::Refuse, "{phase:?}");
        }
    }

    #[test]
    fn a_stop_is_refused_by_nothing_but_the_end() {
        for phase in phases() {
            let refused = answer(&phase, Ask::Stop) == Answer::Refuse;
            assert_eq!(refused, phase == Phase::Deleting {}, "{phase:?}");
        }
    }

    #[test]
    fn a_restart_comes_to_a_workspace_that_runs_or_is_refused() {
        for phase in phases() {
            let expected = match &phase {
                Phase::Starting { .. } => Answer::Ignore,
                Phase::Deleting {} => Answer::Refuse,
                Phase::Stopped { .. }
                | Phase::Running {}
                | Phase::Paused {}
                | Phase::Stopping {}
                | Phase::Failed { .. } => Answer::Accept,
            };
            assert_eq!(answer(&phase, Ask::Restart), expected, "{phase:?}");
        }
    }

    #[test]
    fn every_failure_has_a_way_out() {
        let failed = Phase::Failed { reason: Reason::new(ReasonCode::Exited) };
        assert_eq!(answer(&failed, Ask::Start), Answer::Accept);
        assert_eq!(answer(&failed, Ask::Delete), Answer::Accept);
    }
}
