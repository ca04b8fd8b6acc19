//! The terminals of one workspace as viewers see them: what the workspace-agent tells of each, who owns its size, and what
//! has changed since a viewer was told last. No I/O.

use std::collections::{BTreeMap, VecDeque};

use protocol::bounded::clip;
use protocol::limits::{TERMINAL_TITLE_BYTES, TERMINALS};
use protocol::terminal::{Size, Terminal, TerminalEnd, TerminalPhase, TerminalView};
use protocol::{TerminalId, ViewerId};

/// Ends that are remembered for viewers who have not been told yet. One that lags further is told everything.
const ENDS: usize = 4 * TERMINALS;
/// What is kept of words that a workspace says of a terminal.
const WORDS: usize = 1024;

/// The terminals of one workspace.
#[derive(Debug, Default)]
pub struct List {
    terminals: BTreeMap<TerminalId, Entry>,
    ends: VecDeque<(u64, TerminalId, TerminalEnd)>,
    stamp: u64,
    /// Counts what makes a viewer begin anew.
    edition: u64,
    available: bool,
}

#[derive(Debug)]
struct Entry {
    view: TerminalView,
    owner: Option<ViewerId>,
    viewers: u32,
    stamp: u64,
}

/// How far a viewer has been told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Told {
    edition: Option<u64>,
    stamp: u64,
}

/// What a viewer is to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// These are all, and whether more can be opened.
    All(bool, Vec<Terminal>),
    /// This one is new or changed.
    Is(Box<Terminal>),
    /// This one is gone.
    Gone(TerminalId, TerminalEnd),
}

/// Why a size stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owned {
    /// By nobody or by someone else.
    NotYours,
    /// There is no such terminal.
    Unknown,
}

impl Entry {
    fn terminal(&self) -> Terminal {
        Terminal { view: self.view.clone(), owner: self.owner, viewers: self.viewers }
    }
}

impl List {
    /// Whether the workspace-agent that has these terminals is there.
    pub const fn is_available(&self) -> bool {
        self.available
    }

    /// Whether there is this one.
    pub fn has(&self, id: TerminalId) -> bool {
        self.terminals.contains_key(&id)
    }

    /// How large it is, as far as is known.
    pub fn size(&self, id: TerminalId) -> Option<Size> {
        self.terminals.get(&id).map(|entry| entry.view.size)
    }

    /// These are all there are. Returns those that are no longer.
    pub fn replace(&mut self, views: Vec<TerminalView>) -> Vec<TerminalId> {
        let mut before = std::mem::take(&mut self.terminals);
        self.available = true;
        self.edition += 1;
        for view in views.into_iter().take(TERMINALS) {
            let (owner, viewers) =
                before.remove(&view.id).map_or((None, 0), |entry| (entry.owner, entry.viewers));
            self.terminals.insert(view.id, Entry { view: sane(view), owner, viewers, stamp: 0 });
        }
        before.into_keys().collect()
    }

    /// The workspace-agent is out of reach. What is known of its terminals stays.
    pub fn unavailable(&mut self) {
        if std::mem::take(&mut self.available) {
            self.edition += 1;
        }
    }

    /// A terminal is new or changed. `false`: there is no room for it.
    pub fn is(&mut self, view: TerminalView) -> bool {
        let stamp = self.next_stamp();
        if let Some(entry) = self.terminals.get_mut(&view.id) {
            (entry.view, entry.stamp) = (sane(view), stamp);
            return true;
        }
        if self.terminals.len() >= TERMINALS {
            return false;
        }
        self.terminals.insert(view.id, Entry { view: sane(view), owner: None, viewers: 0, stamp });
        true
    }

    /// A terminal is gone. `false`: there was none.
    pub fn gone(&mut self, id: TerminalId, why: TerminalEnd) -> bool {
        if self.terminals.remove(&id).is_none() {
            return false;
        }
        let stamp = self.next_stamp();
        self.ends.push_back((stamp, id, why));
        if self.ends.len() > ENDS {
            self.ends.pop_front();
        }
        true
    }

    /// The workspace-agent is out of reach, and so are its terminals for good.
    pub fn clear(&mut self, why: TerminalEnd) {
        let all: Vec<TerminalId> = self.terminals.keys().copied().collect();
        for id in all {
            self.gone(id, why);
        }
        self.unavailable();
    }

    /// So many viewers show it.
    pub fn shown(&mut self, id: TerminalId, viewers: usize) {
        let viewers = u32::try_from(viewers).unwrap_or(u32::MAX);
        self.change(id, |entry| std::mem::replace(&mut entry.viewers, viewers) != viewers);
    }

    /// A viewer owns the size from now on.
    pub fn own(&mut self, id: TerminalId, viewer: ViewerId) {
        self.change(id, |entry| entry.owner.replace(viewer) != Some(viewer));
    }

    /// A viewer owns the size, unless another one does. Whether it does.
    pub fn own_if_free(&mut self, id: TerminalId, viewer: ViewerId) -> bool {
        let owner = self.terminals.get(&id).and_then(|entry| entry.owner);
        if owner.is_none() {
            self.own(id, viewer);
        }
        owner.is_none_or(|owner| owner == viewer)
    }

    /// A viewer owns the size no longer, if it did.
    pub fn disown(&mut self, id: TerminalId, viewer: ViewerId) {
        self.change(id, |entry| entry.owner.take_if(|owner| *owner == viewer).is_some());
    }

    /// Whether the size is this viewer's to change.
    ///
    /// # Errors
    /// When it is not.
    pub fn owned(&self, id: TerminalId, viewer: ViewerId) -> Result<(), Owned> {
        match self.terminals.get(&id).map(|entry| entry.owner) {
            Some(Some(owner)) if owner == viewer => Ok(()),
            Some(_) => Err(Owned::NotYours),
            None => Err(Owned::Unknown),
        }
    }

    /// What a viewer has not been told yet. It counts as told.
    pub fn news(&self, told: &mut Told) -> Vec<News> {
        let before = *told;
        if before == (Told { edition: Some(self.edition), stamp: self.stamp }) {
            return Vec::new();
        }
        *told = Told { edition: Some(self.edition), stamp: self.stamp };
        let forgotten = self.ends.len() == ENDS
            && self.ends.front().is_some_and(|(first, _, _)| before.stamp < first.saturating_sub(1));
        if before.edition != Some(self.edition) || forgotten {
            let mut all: Vec<Terminal> = self.terminals.values().map(Entry::terminal).collect();
            all.sort_by_key(|terminal| (terminal.view.opened_at, terminal.view.id));
            return vec![News::All(self.available, all)];
        }
        let gone = self.ends.iter().filter(|(stamp, _, _)| *stamp > before.stamp);
        let gone = gone.map(|(stamp, id, why)| (*stamp, News::Gone(*id, *why)));
        let new = self.terminals.values().filter(|entry| entry.stamp > before.stamp);
        let new = new.map(|entry| (entry.stamp, News::Is(Box::new(entry.terminal()))));
        let mut news: Vec<(u64, News)> = gone.chain(new).collect();
        news.sort_by_key(|(stamp, _)| *stamp);
        news.into_iter().map(|(_, news)| news).collect()
    }

    fn change(&mut self, id: TerminalId, change: impl FnOnce(&mut Entry) -> bool) {
        let stamp = self.stamp + 1;
        if let Some(entry) = self.terminals.get_mut(&id)
            && change(entry)
        {
            entry.stamp = stamp;
            self.stamp = stamp;
        }
    }

    const fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }
}

/// What a workspace says of a terminal, cut to what is passed on.
fn sane(mut view: TerminalView) -> TerminalView {
    let cut = |text: &mut String, most: usize| text.truncate(clip(text, most).len());
    if let Some(title) = &mut view.title {
        cut(title, TERMINAL_TITLE_BYTES);
    }
    if let Some(recording) = &mut view.recording {
        cut(&mut recording.file, WORDS);
        if let Some(trouble) = &mut recording.trouble {
            cut(trouble, WORDS);
        }
    }
    match &mut view.phase {
        TerminalPhase::Failed { detail, .. } => cut(detail, WORDS),
        TerminalPhase::Waiting {}
        | TerminalPhase::Running { .. }
        | TerminalPhase::Exited { .. }
        | TerminalPhase::Killed { .. }
        | TerminalPhase::Other => {}
    }
    view.size = view.size.clamped();
    view
}

#[cfg(test)]
mod tests {
    use protocol::terminal::{TerminalKind, TerminalName};
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> TerminalId {
        TerminalId(Uuid::from_u128(n))
    }

    fn viewer(n: u128) -> ViewerId {
        ViewerId(Uuid::from_u128(n))
    }

    fn view(n: u128) -> TerminalView {
        TerminalView {
            id: id(n),
            name: TerminalName::clipped("build"),
            what: TerminalKind::Shell {},
            size: Size { cols: 80, rows: 24 },
            opened_at: 1,
            life: 1,
            phase: TerminalPhase::Running { since: 1 },
            title: None,
            idle_until: None,
            recording: None,
            end: 0,
        }
    }

    /// What a viewer knows of the list.
    #[derive(Default)]
    struct Page {
        told: Told,
        terminals: BTreeMap<TerminalId, Terminal>,
        whole: usize,
    }

    impl Page {
        fn look(&mut self, list: &List) {
            for news in list.news(&mut self.told) {
                match news {
                    News::All(_, all) => {
                        self.whole += 1;
                        self.terminals =
                            all.into_iter().map(|terminal| (terminal.view.id, terminal)).collect();
                    }
                    News::Is(terminal) => {
                        self.terminals.insert(terminal.view.id, *terminal);
                    }
                    News::Gone(id, _) => {
                        assert!(self.terminals.remove(&id).is_some());
                    }
                }
            }
            let all: BTreeMap<_, _> =
                list.terminals.iter().map(|(id, entry)| (*id, entry.terminal())).collect();
            assert_eq!(self.terminals, all);
        }
    }

    #[test]
    fn viewers_are_told_what_changed_and_everything_when_the_link_comes_or_goes() {
        let mut list = List::default();
        let (mut one, mut other) = (Page::default(), Page::default());
        one.look(&list);
        list.replace(vec![view(1), view(2)]);
        one.look(&list);
        list.is(view(3));
        list.gone(id(1), TerminalEnd::Closed);
        one.look(&list);
        other.look(&list);
        assert_eq!((one.whole, other.whole), (2, 1));
        list.unavailable();
        list.unavailable();
        one.look(&list);
        assert_eq!(one.whole, 3);
        assert_eq!(list.replace(vec![view(3)]), vec![id(2)]);
        one.look(&list);
        assert!(list.news(&mut one.told).is_empty());
    }

    #[test]
    fn a_viewer_that_missed_more_ends_than_are_remembered_is_told_everything() {
        let mut list = List::default();
        let mut page = Page::default();
        list.replace(vec![view(1)]);
        page.look(&list);
        for n in 2..200 {
            list.is(view(n));
            list.gone(id(n), TerminalEnd::Idle);
        }
        page.look(&list);
        assert_eq!((page.whole, list.ends.len()), (2, ENDS));
    }

    #[test]
    fn the_first_owns_the_size_and_others_take_it_expressly() {
        let mut list = List::default();
        list.replace(vec![view(1)]);
        assert!(list.own_if_free(id(1), viewer(1)));
        assert!(!list.own_if_free(id(1), viewer(2)));
        assert_eq!(list.owned(id(1), viewer(2)), Err(Owned::NotYours));
        list.own(id(1), viewer(2));
        assert_eq!(list.owned(id(1), viewer(2)), Ok(()));
        // A late goodbye of the one that owned it before changes nothing.
        list.disown(id(1), viewer(1));
        assert_eq!(list.owned(id(1), viewer(2)), Ok(()));
        list.disown(id(1), viewer(2));
        assert_eq!(list.owned(id(1), viewer(2)), Err(Owned::NotYours));
        assert_eq!(list.owned(id(2), viewer(2)), Err(Owned::Unknown));
    }

    #[test]
    fn a_workspace_can_neither_have_too_many_nor_say_too_much() {
        let mut list = List::default();
        list.replace((1..1000).map(view).collect());
        assert_eq!(list.terminals.len(), TERMINALS);
        assert!(!list.is(view(5000)));
        let title = Some("가".repeat(1000));
        let size = Size { cols: 0, rows: u16::MAX };
        list.is(TerminalView { title, size, ..view(1) });
        let kept = &list.terminals[&id(1)].view;
        assert!(kept.title.as_ref().is_some_and(|title| title.len() <= TERMINAL_TITLE_BYTES));
        assert_eq!(kept.size, size.clamped());
    }
}
