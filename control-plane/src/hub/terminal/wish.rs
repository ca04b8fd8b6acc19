//! What viewers want of terminals, carried out or asked of the workspace-agent.

use std::time::Instant;

use protocol::TerminalId;
use protocol::close::ErrorCode;
use protocol::limits::TERMINALS;
use protocol::terminal::{Colors, Size, TerminalAct, TerminalWish};

use super::asks::{Asker, TooMany};
use super::list::Owned;
use super::{State, TOO_OLD, Viewing};
use crate::outbox::Refusal;

/// What became of a wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is done.
    Done,
    /// The workspace-agent has to be asked: the viewer is told later.
    Asked,
}

type Carried = Result<Fate, Refusal>;

impl Viewing {
    /// Whether terminals are out of reach, so that opening one has to start the workspace.
    pub fn is_out_of_reach(&self) -> bool {
        let state = self.terminals.lock();
        state.link.is_none() && state.unable.is_none()
    }

    /// Carries out a wish that the viewer numbered `re`.
    ///
    /// # Errors
    /// When it is refused.
    pub fn wish(&self, re: u32, id: TerminalId, wish: TerminalWish) -> Carried {
        let carried = self.carry_out(re, id, wish);
        self.stir.notify_one();
        carried
    }

    fn carry_out(&self, re: u32, id: TerminalId, wish: TerminalWish) -> Carried {
        let mut state = self.terminals.lock();
        let asker = Some((self.seat, re));
        if state.unable.is_some() {
            return Err(Refusal { code: ErrorCode::Unavailable, message: TOO_OLD.to_owned() });
        }
        match wish {
            TerminalWish::Open { name, what, size } => {
                let size = size.clamped();
                state.ask(asker, id, TerminalAct::Open { name, what, size })
            }
            // One that isn't there is closed already.
            TerminalWish::Close {} => state.ask(asker, id, TerminalAct::Close {}),
            TerminalWish::Rename { name } => state.ask_known(asker, id, TerminalAct::Rename { name }),
            TerminalWish::Restart { life } => state.ask_known(asker, id, TerminalAct::Restart { life }),
            TerminalWish::Record { on } => state.ask_known(asker, id, TerminalAct::Record { on }),
            TerminalWish::Attach { have, size } => self.attach(&mut state, id, have, size),
            TerminalWish::Detach {} => {
                self.detach(&mut state, id);
                Ok(Fate::Done)
            }
            TerminalWish::Resize { size } => self.resize(&mut state, re, id, size),
            TerminalWish::Colors { colors } => self.colors(&mut state, re, id, colors),
            TerminalWish::Take { size } => self.own(&mut state, re, id, size),
        }
    }

    fn attach(&self, state: &mut State, id: TerminalId, have: Option<u64>, size: Option<Size>) -> Carried {
        state.known(id)?;
        let Some(desk) = state.desks.get_mut(&self.seat) else { return Ok(Fate::Done) };
        if !desk.shown.contains(&id) {
            if desk.shown.len() >= TERMINALS {
                let message = format!("at most {TERMINALS} terminals can be shown at a time");
                return Err(Refusal { code: ErrorCode::TooMany, message });
            }
            desk.shown.push_back(id);
        }
        let viewer = desk.viewer;
        let Some(room) = state.room(id) else { return Ok(Fate::Done) };
        room.fan.attach(self.seat, have, Instant::now());
        let viewers = room.fan.len();
        state.list.shown(id, viewers);
        if let Some(size) = size
            && state.list.own_if_free(id, viewer)
        {
            state.fit(None, id, size)?;
            self.tell_colors(state, id)?;
        }
        state.pass_on(id);
        state.wake_all();
        Ok(Fate::Done)
    }

    fn detach(&self, state: &mut State, id: TerminalId) {
        let Some(desk) = state.desks.get_mut(&self.seat) else { return };
        let before = desk.shown.len();
        desk.shown.retain(|shown| *shown != id);
        let (viewer, hidden) = (desk.viewer, desk.shown.len() < before);
        if hidden {
            state.hide(self.seat, viewer, id);
            state.wake_all();
        }
    }

    fn resize(&self, state: &mut State, re: u32, id: TerminalId, size: Size) -> Carried {
        let Some(viewer) = state.desks.get(&self.seat).map(|desk| desk.viewer) else { return Ok(Fate::Done) };
        match state.list.owned(id, viewer) {
            // The same size is asked for, too: programs draw anew.
            Ok(()) => state.ask(Some((self.seat, re)), id, TerminalAct::Resize { size: size.clamped() }),
            Err(Owned::Unknown) => state.known(id).map(|()| Fate::Done),
            Err(Owned::NotYours) => {
                let message =
                    "the size of this terminal follows another viewer; take it over first".to_owned();
                Err(Refusal { code: ErrorCode::Conflict, message })
            }
        }
    }

    fn own(&self, state: &mut State, re: u32, id: TerminalId, size: Size) -> Carried {
        state.known(id)?;
        let Some(desk) = state.desks.get(&self.seat) else { return Ok(Fate::Done) };
        if !desk.shown.contains(&id) {
            let message = "only who shows a terminal can own its size".to_owned();
            return Err(Refusal { code: ErrorCode::Conflict, message });
        }
        let viewer = desk.viewer;
        state.list.own(id, viewer);
        state.wake_all();
        self.tell_colors(state, id)?;
        state.fit(Some((self.seat, re)), id, size)
    }

    /// A viewer's colours count for the terminals whose size it owns, now and later.
    fn colors(&self, state: &mut State, re: u32, id: TerminalId, colors: Colors) -> Carried {
        state.known(id)?;
        let Some(desk) = state.desks.get_mut(&self.seat) else { return Ok(Fate::Done) };
        desk.colors = Some(colors);
        let viewer = desk.viewer;
        match state.list.owned(id, viewer) {
            Ok(()) => state.ask(Some((self.seat, re)), id, TerminalAct::Colors { colors }),
            Err(Owned::NotYours | Owned::Unknown) => Ok(Fate::Done),
        }
    }

    fn tell_colors(&self, state: &mut State, id: TerminalId) -> Carried {
        match state.desks.get(&self.seat).and_then(|desk| desk.colors) {
            Some(colors) => state.ask(None, id, TerminalAct::Colors { colors }),
            None => Ok(Fate::Done),
        }
    }
}

impl State {
    /// Refuses what is wanted of a terminal that isn't there, whoever else may have one of that id.
    fn known(&self, id: TerminalId) -> Result<(), Refusal> {
        if self.list.has(id) {
            return Ok(());
        }
        let (code, message) = if self.list.is_available() {
            (ErrorCode::NotFound, "there is no such terminal")
        } else {
            (ErrorCode::Unavailable, "the workspace is not connected")
        };
        Err(Refusal { code, message: message.to_owned() })
    }

    /// Gives a terminal a size, unless it has it.
    fn fit(&mut self, asker: Asker, id: TerminalId, size: Size) -> Carried {
        let size = size.clamped();
        if self.list.size(id) == Some(size) {
            return Ok(Fate::Done);
        }
        self.ask(asker, id, TerminalAct::Resize { size })
    }

    fn ask_known(&mut self, asker: Asker, id: TerminalId, act: TerminalAct) -> Carried {
        self.known(id)?;
        self.ask(asker, id, act)
    }

    fn ask(&mut self, asker: Asker, id: TerminalId, act: TerminalAct) -> Carried {
        let request = self.asks.add(asker, id, act, Instant::now()).map_err(|TooMany| Refusal {
            code: ErrorCode::TooMany,
            message: "too much is asked of the workspace's terminals at a time".to_owned(),
        })?;
        self.send(request);
        Ok(Fate::Asked)
    }
}
