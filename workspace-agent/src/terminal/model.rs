//! The model's task: it reads the ring behind the program, answers, and makes snapshots.
//!
//! It is off the reader's path: it lags and catches up. The reader waits for it only when the ring would lose what it has not
//! read yet.

use std::sync::Arc;
use std::time::Duration;

use protocol::terminal::{Colors, Size};
use tokio::time::{Instant, sleep_until};

use super::screen::Screen;
use super::stream::{ForModel, State, Stream};

/// How much is read at once. Some sequences cost a thousand times what plain text does.
const SLICE: usize = 4 * 1024;
/// How long slices are read one after the other before others have their turn.
const TURN: Duration = Duration::from_micros(200);
/// How often a new title is told.
const TITLE_EVERY: Duration = Duration::from_millis(250);

/// Serves one terminal's model for as long as the task lives.
pub async fn serve(stream: Arc<Stream>, size: Size, colors: tokio::sync::watch::Receiver<Option<Colors>>) {
    let mut model =
        Model { screen: Screen::new(size), stream, colors, told: String::new(), told_at: Instant::now() };
    loop {
        let over = Instant::now() + TURN;
        let mut more = model.step();
        while more && Instant::now() < over {
            more = model.step();
        }
        if more {
            tokio::task::yield_now().await;
        } else {
            model.rest().await;
        }
    }
}

struct Model {
    screen: Screen,
    stream: Arc<Stream>,
    colors: tokio::sync::watch::Receiver<Option<Colors>>,
    /// The title that was told last, and when.
    told: String,
    told_at: Instant,
}

impl Model {
    /// Reads a slice. Returns whether there may be more to do.
    fn step(&mut self) -> bool {
        if self.colors.has_changed().is_ok_and(|changed| changed) {
            self.take_colors();
        }
        let next = self.stream.lock().for_model(SLICE);
        match next {
            ForModel::Size(size) => {
                self.screen.resize(size);
                true
            }
            ForModel::Bytes(bytes) => {
                self.screen.feed(&bytes);
                let replies = self.screen.take_replies();
                let mut state = self.stream.lock();
                let had_no_room = state.may_read() == 0;
                state.modelled += bytes.len() as u64;
                state.inputs.answer(&replies);
                self.snapshot(&mut state);
                drop(state);
                if had_no_room || !replies.is_empty() {
                    self.stream.wake.notify_one();
                }
                !bytes.is_empty()
            }
        }
    }

    fn take_colors(&mut self) {
        let colors = *self.colors.borrow_and_update();
        colors.iter().for_each(|colors| self.screen.set_colors(*colors));
    }

    fn snapshot(&self, state: &mut State) {
        if state.is_snapshot_due() {
            let at = state.modelled;
            state.put_snapshot(at, self.screen.size(), self.screen.snapshot());
            self.stream.changed.notify_one();
        }
        if let Some(wanted) = state.painting_due() {
            // Whoever waited may have gone.
            let _ = wanted.send(self.screen.painting());
        }
    }

    /// Waits until there is more, and tells the title meanwhile.
    async fn rest(&mut self) {
        let due = (self.screen.title() != self.told).then(|| self.told_at + TITLE_EVERY);
        tokio::select! {
            () = self.stream.model.notified() => {}
            // Waiting for them is hearing of them.
            Ok(()) = self.colors.changed() => self.take_colors(),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                self.screen.title().clone_into(&mut self.told);
                self.told_at = Instant::now();
                let title = Some(self.told.clone()).filter(|title| !title.is_empty());
                self.stream.tell(|view| view.title = title);
            }
        }
    }
}
