//! A viewer and the person before it, as the page does it: what is not acknowledged is sent again, a cursor is what was
//! received, a snapshot replaces the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use control_plane::hub::follow::place::{Greeting, Place};
use control_plane::hub::ring::Line;
use protocol::close::ErrorCode;
use protocol::notice::Notice;
use protocol::outbox::{Item, ItemState};
use protocol::summary::Summary;
use protocol::viewer::{Cursor, Verdict};
use protocol::{ConversationId, Event, ItemId, Position, PromptId};

use crate::plane::Ask;

/// What the control plane answers to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Done,
    Refused(ErrorCode),
}

/// What a viewer is sent.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Opened(Greeting),
    Events(Vec<Line>),
    Outbox(Vec<Item>, u64),
    Notices(Vec<Notice>),
    Answer(u32, Answer),
}

/// A request that is not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Unanswered {
    pub(crate) re: u32,
    pub(crate) ask: Ask,
    /// It is on the wire.
    sent: bool,
}

/// A socket, from the viewer's side of the world.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) place: Option<Place>,
    pub(crate) up: VecDeque<(u32, Ask)>,
    pub(crate) down: VecDeque<Shown>,
}

/// One viewer of one conversation.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) conversation: ConversationId,
    pub(crate) socket: Option<Socket>,
    /// The log as it was received, from its first event on.
    pub(crate) log: Vec<(Position, Arc<str>)>,
    /// What was before the last snapshot, as far as it was asked for.
    pub(crate) earlier: VecDeque<(Position, Arc<str>)>,
    /// The first event that was to come after the last snapshot.
    from: u64,
    epoch: u64,
    pub(crate) items: BTreeMap<ItemId, Item>,
    pub(crate) notices: BTreeMap<u64, Notice>,
    outbox_rev: u64,
    opened: bool,
    /// What the log received comes to.
    pub(crate) summary: Summary,
    pub(crate) unanswered: Vec<Unanswered>,
    next_re: u32,
}

impl Viewer {
    pub(crate) fn new(conversation: ConversationId) -> Self {
        Self {
            conversation,
            socket: None,
            log: Vec::new(),
            earlier: VecDeque::new(),
            from: 1,
            epoch: 0,
            items: BTreeMap::new(),
            notices: BTreeMap::new(),
            outbox_rev: 0,
            opened: false,
            summary: Summary::default(),
            unanswered: Vec::new(),
            next_re: 0,
        }
    }

    /// What it has.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        let end = self.log.last().map(|(position, _)| *position);
        let log = end.unwrap_or(Position { epoch: self.epoch, n: self.from - 1 });
        let notice = self.notices.keys().next_back().copied().unwrap_or(0);
        self.opened.then_some(Cursor { log, outbox: self.outbox_rev, notice })
    }

    /// The socket is up: what was not answered is sent again.
    pub(crate) fn connect(&mut self) {
        let up = self.unanswered.iter_mut().map(|one| {
            one.sent = true;
            (one.re, one.ask.clone())
        });
        let up = up.collect();
        self.socket = Some(Socket { place: None, up, down: VecDeque::new() });
    }

    /// A person wants something.
    pub(crate) fn ask(&mut self, ask: Ask) {
        self.next_re += 1;
        let re = self.next_re;
        let sent = self.socket.is_some();
        if let Some(socket) = &mut self.socket {
            socket.up.push_back((re, ask.clone()));
        }
        self.unanswered.push(Unanswered { re, ask, sent });
    }

    /// Sends again what the control plane could not take.
    pub(crate) fn retry(&mut self) {
        if let Some(socket) = &mut self.socket {
            for one in self.unanswered.iter_mut().filter(|one| !one.sent) {
                one.sent = true;
                socket.up.push_back((one.re, one.ask.clone()));
            }
        }
    }

    /// Takes the next thing that was sent. Returns the item that is known to be safe from here on, or why the log does not
    /// fit.
    pub(crate) fn receive(&mut self) -> Result<Option<(Ask, Answer)>, String> {
        let Some(shown) = self.socket.as_mut().and_then(|socket| socket.down.pop_front()) else {
            return Ok(None);
        };
        match shown {
            Shown::Opened(greeting) => self.open(greeting),
            Shown::Events(lines) => self.take(&lines)?,
            Shown::Outbox(items, rev) => {
                for item in items {
                    self.take_item(item)?;
                }
                self.outbox_rev = rev;
            }
            Shown::Notices(notices) => {
                for notice in notices {
                    // After a commit that was called failed and was not, one may come again, the same.
                    let before = self.notices.insert(notice.m, notice.clone());
                    if before.is_some_and(|before| before != notice) {
                        return Err(format!("notice {} changed", notice.m));
                    }
                }
            }
            Shown::Answer(re, Answer::Refused(ErrorCode::Unavailable)) => {
                // The page keeps it and tries again.
                self.unanswered.iter_mut().filter(|one| one.re == re).for_each(|one| one.sent = false);
            }
            Shown::Answer(re, answer) => {
                let Some(at) = self.unanswered.iter().position(|one| one.re == re) else { return Ok(None) };
                return Ok(Some((self.unanswered.remove(at).ask, answer)));
            }
        }
        Ok(None)
    }

    fn open(&mut self, greeting: Greeting) {
        if matches!(greeting.verdict, Verdict::Snapshot { .. }) {
            self.log.clear();
            self.earlier.clear();
            self.summary = Summary::default();
            self.from = greeting.from;
            self.epoch = greeting.end.epoch;
        }
        self.opened = true;
    }

    fn take(&mut self, lines: &[Line]) -> Result<(), String> {
        for line in lines {
            let expected = self.log.last().map_or(self.from, |(position, _)| position.n + 1);
            if line.n != expected {
                return Err(format!("event {} came where {expected} was due", line.n));
            }
            self.log.push((Position { epoch: line.epoch, n: line.n }, Arc::clone(&line.json)));
            if let Ok(event) = serde_json::from_str::<Event>(&line.json) {
                self.summary.apply(&event);
            }
        }
        Ok(())
    }

    /// The first event that it has or is to get; before that there may be more.
    pub(crate) fn first(&self) -> u64 {
        self.earlier.front().map_or(self.from, |(position, _)| position.n)
    }

    /// Whether it lacks what was before its snapshot, and has a socket to ask on.
    pub(crate) fn lacks_history(&self) -> bool {
        let attached =
            self.socket.as_ref().is_some_and(|socket| socket.place.is_some() && socket.down.is_empty());
        attached && self.opened && self.first() > 1
    }

    /// Takes a page of what was before. Once all is there, it is known what the log comes to.
    pub(crate) fn take_history(&mut self, page: &[Line]) -> Result<(), String> {
        let expected = self.first();
        if page.last().is_none_or(|last| last.n + 1 != expected) {
            return Err(format!("the page before event {expected} ends with {:?}", page.last()));
        }
        for line in page.iter().rev() {
            if line.n + 1 != self.first() {
                return Err(format!("event {} came where {} was due", line.n, self.first() - 1));
            }
            self.earlier.push_front((Position { epoch: line.epoch, n: line.n }, Arc::clone(&line.json)));
        }
        if self.first() == 1 {
            let mut summary = Summary::default();
            for event in
                self.earlier.iter().chain(&self.log).filter_map(|(_, json)| serde_json::from_str(json).ok())
            {
                summary.apply(&event);
            }
            self.summary = summary;
        }
        Ok(())
    }

    fn take_item(&mut self, item: Item) -> Result<(), String> {
        let before = self.items.insert(item.id, item.clone());
        match before {
            Some(before) if before.state.is_final() && before.state != item.state => {
                Err(format!("an item went from {:?} to {:?}", before.state, item.state))
            }
            _ => Ok(()),
        }
    }

    /// Prompts that this viewer shows as open.
    pub(crate) fn open_prompts(&self) -> Vec<PromptId> {
        self.summary.prompts.clone()
    }

    /// Messages that this viewer shows as waiting.
    pub(crate) fn waiting(&self) -> Vec<Item> {
        self.items.values().filter(|item| item.state == ItemState::Saved && !item.handed).cloned().collect()
    }
}
