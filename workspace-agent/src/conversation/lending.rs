//! How a terminal comes by a conversation's session: what it asks for, what it gets, and how the session comes back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::terminal::NotLent;
use protocol::{ConversationId, TerminalId};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::core::{Launch, Read};
use crate::claude::record::{self, Open};
use crate::config::Config;
use crate::process::Processes;

/// A terminal asks for the session of a conversation.
#[derive(Debug)]
pub struct Borrow {
    /// Which conversation's.
    pub conversation: ConversationId,
    /// Which terminal.
    pub terminal: TerminalId,
    /// The session, or why not.
    pub answer: oneshot::Sender<Result<Lent, NotLent>>,
}

/// The session, as a terminal has it. Whoever drops it gives it back.
#[derive(Debug)]
pub struct Lent {
    /// Whose it is.
    pub conversation: ConversationId,
    /// How to start Claude's own screen on it.
    pub launch: Launch,
    /// The process that has it; 0 before there is one.
    pid: Arc<AtomicU32>,
    /// Dropped when it comes back.
    _back: oneshot::Sender<()>,
}

impl Lent {
    /// Its program has started.
    pub fn started(&self, pid: u32) {
        self.pid.store(pid, Ordering::Relaxed);
    }
}

/// Which conversation has which session: no two may have one.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<ConversationId, String>>);

impl Sessions {
    /// The conversation has this session.
    pub fn note(&self, conversation: ConversationId, session: &str) {
        self.lock().insert(conversation, session.to_owned());
    }

    /// The conversation is gone.
    pub fn forget(&self, conversation: ConversationId) {
        self.lock().remove(&conversation);
    }

    /// Whether no other conversation has this session. A conversation's first session has its own id.
    pub fn is_free(&self, session: &str, conversation: ConversationId) -> bool {
        let sessions = self.lock();
        sessions
            .iter()
            .all(|(id, known)| *id == conversation || (known != session && id.to_string() != session))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sessions that are open in Claude's own screen, as everybody is told.
pub type OpenSessions = watch::Receiver<Arc<Vec<Open>>>;

/// What a conversation's task has out on loan.
#[derive(Debug)]
pub struct Loans {
    open: OpenSessions,
    /// Who waits for an answer.
    asked: Option<Borrow>,
    /// Who asked while what was added was being read.
    next: Option<Borrow>,
    /// How it comes back.
    back: Option<oneshot::Receiver<()>>,
    /// What was added, once it is read.
    read: Option<oneshot::Receiver<Read>>,
    /// The last terminal's process. When the session has come back it is no longer there, whatever was told of it before.
    borrower: Arc<AtomicU32>,
    /// The session that it had open last.
    followed: Option<String>,
}

/// What happened to a loan.
#[derive(Debug)]
pub enum Event {
    /// The session came back.
    Back,
    /// What was added is read.
    Read(Read),
    /// Other sessions are open than before.
    Open,
}

impl Loans {
    /// Nothing is out.
    pub fn new(open: OpenSessions) -> Self {
        let borrower = Arc::default();
        Self { open, asked: None, next: None, back: None, read: None, borrower, followed: None }
    }

    /// A terminal asks. Returns whether the conversation is to decide now.
    pub fn ask(&mut self, borrow: Borrow) -> bool {
        if self.read.is_some() && self.next.is_none() {
            self.next = Some(borrow);
            return false;
        }
        if self.read.is_some() || self.asked.is_some() {
            let _ = borrow.answer.send(Err(NotLent::InTerminal));
            return false;
        }
        self.asked = Some(borrow);
        true
    }

    /// Who asks next, once what was added is read.
    pub const fn next(&mut self) -> Option<Borrow> {
        self.next.take()
    }

    /// The conversation lends. Returns whether somebody still wants it.
    pub fn lend(&mut self, launch: Launch) -> bool {
        let (back, is_back) = oneshot::channel();
        let Some(Borrow { conversation, answer, .. }) = self.asked.take() else { return false };
        let pid = Arc::<AtomicU32>::default();
        self.borrower = Arc::clone(&pid);
        let lent = Lent { conversation, launch, pid, _back: back };
        self.back = answer.send(Ok(lent)).is_ok().then_some(is_back);
        self.back.is_some()
    }

    /// The conversation doesn't lend.
    pub fn refuse(&mut self, why: NotLent) {
        if let Some(asked) = self.asked.take() {
            let _ = asked.answer.send(Err(why));
        }
    }

    /// Has what was added read: to the session, and to the one that followed it, unless that is another conversation's.
    pub fn read(
        &mut self,
        config: &Arc<Config>,
        processes: &Arc<Processes>,
        session: String,
        after: Vec<Uuid>,
        is_free: impl FnOnce(&str) -> bool,
    ) {
        let (say, read) = oneshot::channel();
        let followed = self.followed.take().filter(|followed| *followed != session && is_free(followed));
        let (config, reader) = (Arc::clone(config), Arc::clone(processes));
        processes.tasks().spawn(async move {
            let added = async {
                let mut added = vec![record::added(&config, &reader, &session, &after).await?];
                if let Some(followed) = followed {
                    added.push(record::added(&config, &reader, &followed, &after).await?);
                }
                Ok::<_, std::io::Error>(added)
            };
            let _ = say.send(added.await.map_err(|error| format!("what was said in the terminal: {error}")));
        });
        self.read = Some(read);
    }

    /// What happens next.
    pub async fn event(&mut self) -> Event {
        tokio::select! {
            _ = wait(&mut self.back) => {
                self.follow();
                self.back = None;
                Event::Back
            }
            read = wait(&mut self.read) => {
                self.read = None;
                Event::Read(read.unwrap_or_else(|_| Err("what was said in the terminal could not be read".to_owned())))
            }
            Ok(()) = self.open.changed() => {
                self.follow();
                Event::Open
            }
            else => std::future::pending().await,
        }
    }

    /// Notes which session the terminal's process has open now: `/clear` begins another one.
    fn follow(&mut self) {
        let pid = self.borrower.load(Ordering::Relaxed);
        let open = self.open.borrow();
        if let Some(open) = open.iter().find(|open| self.back.is_some() && open.pid == pid) {
            self.followed = Some(open.session_id.clone());
        }
    }

    /// Whether somebody has this session open in a screen that they started by hand.
    pub fn is_open_elsewhere(&self, session: &str) -> bool {
        let borrower = self.borrower.load(Ordering::Relaxed);
        let open = self.open.borrow();
        open.iter().any(|open| open.session_id == session && open.pid != borrower)
    }

    /// Whether a terminal has the session.
    pub const fn is_out(&self) -> bool {
        self.back.is_some()
    }

    /// Whether the session is a terminal's, or on its way there or back.
    pub const fn is_lent(&self) -> bool {
        self.asked.is_some() || self.back.is_some() || self.read.is_some()
    }
}

async fn wait<T>(receiver: &mut Option<oneshot::Receiver<T>>) -> Result<T, oneshot::error::RecvError> {
    match receiver {
        Some(receiver) => receiver.await,
        None => std::future::pending().await,
    }
}
