//! The session on loan: the conversation is open in Claude's own screen, and what people say in the chat waits.
//!
//! The CLI has no lock on a session, and what one of two processes adds to its record is lost. So ours leaves before the
//! screen is started, and none is started until the screen is gone and what it added is read.
//!
//! ```text
//! none ─ wanted ▶ our process leaves ▶ out ─ given back ▶ what was added is read ▶ none
//! ```

use std::collections::VecDeque;

use protocol::TerminalId;
use protocol::event::{EventBody, ProcessEnd, Trouble};
use protocol::link::ActivityKind;
use protocol::payload::short;
use protocol::terminal::NotLent;
use uuid::Uuid;

use super::{Conversation, Effect, Launch, Process};
use crate::claude::rows::Added;

/// Where the session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loan {
    /// Here.
    None,
    /// It goes to a terminal, or to a `claude` that somebody started by hand, once our process has left.
    Wanted(Option<TerminalId>),
    /// It is there.
    Out(Option<TerminalId>),
    /// It is back, and what was added to its record is being read. Whether the log says that it was out.
    Back { told: bool },
}

/// Rows that are remembered: a power cut can take the last ones from the record, but not from the log.
const MAX_ROWS: usize = 64;

/// Rows of the session's record that were looked at, the newest last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct KnownRows(VecDeque<Uuid>);

impl KnownRows {
    /// Remembers a row, if it has a proper id.
    pub(super) fn note(&mut self, row: &str) {
        let Ok(row) = row.parse() else { return };
        self.0.retain(|known| *known != row);
        if self.0.len() == MAX_ROWS {
            self.0.pop_front();
        }
        self.0.push_back(row);
    }

    /// All of them.
    pub(super) fn list(&self) -> Vec<Uuid> {
        self.0.iter().copied().collect()
    }

    /// The same ones.
    pub(super) fn of(rows: Vec<Uuid>) -> Self {
        Self(rows.into())
    }
}

/// What was read of the session's record: of the session that was lent, and of the one that followed it, if any. An error
/// in words, if it could not be.
pub type Read = Result<Vec<Added>, String>;

impl Conversation {
    /// Whether the session is here, and nobody wants it elsewhere.
    pub(super) fn is_here(&self) -> bool {
        self.loan == Loan::None
    }

    /// A terminal wants the session.
    pub(super) fn lend(&mut self, terminal: TerminalId) {
        let refusal = match self.loan {
            Loan::None if self.full => Some(NotLent::LogFull),
            Loan::None if self.is_busy() || self.stopping => Some(NotLent::AtWork),
            Loan::None => None,
            Loan::Wanted(_) | Loan::Out(_) | Loan::Back { .. } => Some(NotLent::InTerminal),
        };
        match refusal {
            Some(why) => self.effects.push(Effect::NotLent(why)),
            None => self.loan = Loan::Wanted(Some(terminal)),
        }
    }

    /// Somebody has the session open by hand, or no longer.
    pub(super) fn in_use(&mut self, in_use: bool) {
        match (in_use, self.loan) {
            (true, Loan::None) if !self.stopping => self.loan = Loan::Wanted(None),
            // Our process had no time to leave; something may have been added all the same.
            (false, Loan::Wanted(None)) => self.read_back(false),
            (false, Loan::Out(None)) => self.read_back(true),
            _ => {}
        }
    }

    /// The terminal's program has ended.
    pub(super) fn given_back(&mut self) {
        if matches!(self.loan, Loan::Out(Some(_))) {
            self.read_back(true);
        }
    }

    /// Has the record read. After a death of the workspace-agent, too: nothing that ran before lives.
    pub(super) fn read_back(&mut self, told: bool) {
        self.loan = Loan::Back { told };
        self.effects
            .push(Effect::ReadSession { session: self.session.id.clone(), after: self.known_rows.list() });
    }

    /// Lets the session go, as soon as our process has left it.
    pub(super) fn settle_loan(&mut self) {
        let Loan::Wanted(terminal) = self.loan else { return };
        match self.process {
            Process::None if self.turn.is_none() && !self.stopping => {
                self.loan = Loan::Out(terminal);
                self.append(EventBody::TerminalOpened { terminal });
                self.set_activity(ActivityKind::InTerminal { terminal });
                if terminal.is_some() {
                    self.effects.push(Effect::Lent(self.launch(false)));
                }
            }
            Process::Live => self.leave_if_idle(ProcessEnd::Replaced),
            // It waits for its place, for a message that was taken back.
            Process::Starting { .. } if self.turn.is_none() => self.end_process(ProcessEnd::Replaced),
            Process::None | Process::Starting { .. } | Process::Ending { .. } => {}
        }
    }

    /// How a process would be started now.
    pub(super) fn launch(&self, continue_turn: bool) -> Launch {
        Launch {
            session: self.session.id.clone(),
            resume: self.session.used,
            settings: self.wanted.clone(),
            continue_turn,
            allow_bypass: self.policy.allow_bypass,
        }
    }

    /// What was added is read: it becomes part of the log, and the chat goes on.
    pub(super) fn read(&mut self, read: Read) {
        let Loan::Back { told } = self.loan else { return };
        self.loan = Loan::None;
        let (mut rows, mut left_out, mut last, mut followed) = (0u32, 0u32, None, None);
        let before = std::mem::take(&mut self.taken_since);
        match read {
            Ok(mut parts) => {
                // The reader comes to the same again.
                let first = parts.first_mut().map(|part| &mut part.drafts);
                first.into_iter().for_each(|drafts| drop(drafts.drain(..before.min(drafts.len()))));
                if !told && parts.iter().any(|part| part.rows > 0) {
                    self.append(EventBody::TerminalOpened { terminal: None });
                }
                for part in parts.into_iter().filter(|part| part.exists) {
                    rows = rows.saturating_add(part.rows);
                    left_out = left_out.saturating_add(part.left_out);
                    last = part.last.as_deref().map(|row| short(row, 64)).or(last);
                    followed = self.take_added(part).or(followed);
                }
            }
            Err(why) => self.trouble(Trouble::Unreadable, short(&why, 500)),
        }
        if told || rows > 0 {
            last.iter().for_each(|row| self.known_rows.note(row));
            self.append(EventBody::TerminalClosed { rows, left_out, row: last, session: followed });
        }
        if self.turn.is_none() {
            self.set_activity(ActivityKind::None {});
        }
        self.advance();
    }

    /// Takes what was added to one session. Returns it, if it is another one than before.
    fn take_added(&mut self, added: Added) -> Option<String> {
        let other = added.session != self.session.id;
        if other {
            self.session.id.clone_from(&added.session);
            self.session.cost_usd = 0.0;
            self.append(EventBody::Cleared {});
        }
        self.session.used = true;
        let mut drafts = added.drafts;
        let mut ends = drafts.iter_mut().rev().filter_map(|draft| {
            if let EventBody::Result(result) = &mut draft.event { Some(result) } else { None }
        });
        if let (Some(end), Some(total)) = (ends.next(), added.cost_usd) {
            // The record knows the cost of them all; the last of them bears it.
            end.cost_usd = self.own_cost(total);
        }
        for draft in drafts {
            if let EventBody::TerminalTyped { row, .. } = &draft.event {
                self.known_rows.note(row);
            }
            self.session.answered |= matches!(draft.event, EventBody::Result(_));
            self.append_draft(draft);
        }
        other.then_some(added.session)
    }

    /// Tells a loan in a new epoch.
    pub(super) fn tell_loan(&mut self) {
        match self.loan {
            Loan::Out(terminal) => self.append(EventBody::TerminalOpened { terminal }),
            Loan::Back { told: true } => self.append(EventBody::TerminalOpened { terminal: None }),
            Loan::None | Loan::Wanted(_) | Loan::Back { told: false } => {}
        }
    }

    /// Takes the journal's word that the session was lent.
    pub(super) const fn replay_lent(&mut self) {
        self.loan = Loan::Back { told: true };
        self.taken_since = 0;
    }

    /// Takes the journal's word that what was added was read.
    pub(super) fn replay_read(&mut self, last: Option<&str>, session: Option<&str>) {
        self.loan = Loan::None;
        self.taken_since = 0;
        self.session.used |= last.is_some();
        if let Some(session) = session {
            session.clone_into(&mut self.session.id);
        }
        last.into_iter().for_each(|row| self.known_rows.note(row));
    }
}
