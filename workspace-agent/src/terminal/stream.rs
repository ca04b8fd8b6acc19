//! What a terminal's task, its model and the link share: the ring, who may send how far, and what is to be told.
//!
//! Pure but for the lock. The pace rule is here: see [`State::may_read`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::TerminalId;
use protocol::frame::{TerminalFrame, encode_terminal};
use protocol::limits::{CREDIT_BYTES, OUTPUT_BYTES, RING_BYTES};
use protocol::terminal::{Colors, Size, TerminalView};
use tokio::sync::{Notify, oneshot};

use super::inputs::Inputs;
use super::ring::Ring;

/// How many resizes the model may be behind. Later ones replace the last.
const RESIZES: usize = 16;

/// One terminal's stream.
#[derive(Debug)]
pub struct Stream {
    id: TerminalId,
    state: Mutex<State>,
    /// Something was typed, credit came, or something is wanted.
    pub wake: Notify,
    /// There is something for the model.
    pub model: Notify,
    /// There is something for the link; shared by everything that has to tell.
    pub changed: Arc<Notify>,
}

/// The stream's state.
#[derive(Debug)]
pub struct State {
    /// What was printed.
    pub ring: Ring,
    /// What was typed.
    pub inputs: Inputs,
    /// How far that was taken is to be told now.
    taken_due: bool,
    /// How far the model has read.
    pub modelled: u64,
    /// Sizes that the model is to take when it has read so far.
    pub resizes: Vec<(u64, Size)>,
    /// Another size that is wanted, whoever wanted which before.
    pub wanted_size: Option<Size>,
    /// Other colours that are wanted.
    pub wanted_colors: Option<Colors>,
    watch: Option<Watch>,
    /// A snapshot is wanted of the model.
    wanted: bool,
    snapshot: Option<Snapshot>,
    /// Somebody waits for the screen as it is when the model has read everything.
    painting: Option<oneshot::Sender<Vec<u8>>>,
    /// What is told of the terminal.
    pub view: TerminalView,
    /// Counts changes of it.
    pub version: u64,
}

/// Somebody watches.
#[derive(Debug)]
struct Watch {
    /// Everything before was sent.
    sent: u64,
    /// Everything before may be sent.
    credit: u64,
    window: u64,
    /// Nothing is sent before a snapshot was.
    after_snapshot: bool,
}

/// A snapshot that is being sent.
#[derive(Debug)]
struct Snapshot {
    offset: u64,
    size: Size,
    bytes: Vec<u8>,
    next: usize,
}

impl Stream {
    /// A new terminal's.
    pub fn new(view: TerminalView, changed: Arc<Notify>) -> Self {
        let id = view.id;
        let state = Mutex::new(State::new(view));
        Self { id, state, wake: Notify::new(), model: Notify::new(), changed }
    }

    /// The state, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is told of the terminal.
    pub fn tell(&self, change: impl FnOnce(&mut TerminalView)) {
        let mut state = self.lock();
        change(&mut state.view);
        state.version += 1;
        drop(state);
        self.changed.notify_one();
    }

    /// The program printed something.
    pub fn printed(&self, bytes: &[u8]) {
        self.lock().ring.push(bytes);
        self.model.notify_one();
        self.changed.notify_one();
    }

    /// The next frame that may be sent.
    pub fn next_frame(&self) -> Option<Vec<u8>> {
        let (frame, is_snapshot_due) = {
            let mut state = self.lock();
            (state.next_frame(self.id), state.is_snapshot_due())
        };
        if frame.is_some() {
            // The reader may have waited for the link.
            self.wake.notify_one();
        }
        // The place of the one that was sent may have left the ring meanwhile; the model may rest.
        if is_snapshot_due {
            self.model.notify_one();
        }
        frame
    }

    /// What draws the screen on an empty one, once all that was printed so far is in it. Nothing may be printed meanwhile.
    pub fn painting(&self) -> oneshot::Receiver<Vec<u8>> {
        let (wanted, painting) = oneshot::channel();
        self.lock().painting = Some(wanted);
        self.model.notify_one();
        painting
    }

    /// Has it told how far what was typed is written.
    pub fn tell_taken(&self) {
        self.lock().taken_due = true;
        self.changed.notify_one();
    }

    /// How far what was typed is written, for whoever typed it, if that is to be told now.
    pub fn taken(&self) -> Vec<Vec<u8>> {
        let mut state = self.lock();
        if !std::mem::take(&mut state.taken_due) {
            return Vec::new();
        }
        let taken = state.inputs.taken().into_iter();
        taken
            .map(|(source, place)| encode_terminal(self.id, &TerminalFrame::Taken { source, place }))
            .collect()
    }
}

impl State {
    /// A new terminal's.
    pub fn new(view: TerminalView) -> Self {
        Self {
            ring: Ring::new(RING_BYTES),
            inputs: Inputs::default(),
            taken_due: false,
            modelled: 0,
            resizes: Vec::new(),
            wanted_size: None,
            wanted_colors: None,
            watch: None,
            wanted: false,
            snapshot: None,
            painting: None,
            view,
            version: 1,
        }
    }

    /// How many bytes may be read of the program. No more than the ring can hold for the model and for the link; and of a
    /// terminal that is watched no more than its fastest viewer has credit for.
    pub fn may_read(&self) -> usize {
        let kept = self.modelled + RING_BYTES as u64;
        let most = match &self.watch {
            None => kept,
            Some(watch) if watch.after_snapshot => kept.min(watch.credit),
            Some(watch) => kept.min(watch.credit).min(watch.sent + RING_BYTES as u64),
        };
        usize::try_from(most.saturating_sub(self.ring.end())).unwrap_or(usize::MAX)
    }

    /// Somebody watches from here on.
    pub fn watch(&mut self, from: Option<u64>, window: u32) {
        let window = u64::from(window).min(CREDIT_BYTES as u64);
        let from = from.filter(|from| self.ring.has(*from));
        let sent = from.unwrap_or(self.ring.end());
        self.watch = Some(Watch { sent, credit: sent + window, window, after_snapshot: from.is_none() });
        self.wanted |= from.is_none();
        // One that was begun may be older than what whoever watches now has been told.
        self.snapshot = None;
    }

    /// Nobody watches any more.
    pub fn unwatch(&mut self) {
        self.watch = None;
        self.wanted = false;
        self.snapshot = None;
    }

    /// Whether somebody watches.
    pub const fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// More may be sent. No credit reaches further than the ring.
    pub fn credit(&mut self, offset: u64) {
        let most = self.ring.end() + CREDIT_BYTES as u64;
        if let Some(watch) = &mut self.watch {
            watch.credit = watch.credit.max(offset.min(most));
        }
    }

    /// One more snapshot is wanted.
    pub const fn want_snapshot(&mut self) {
        self.wanted = self.watch.is_some();
    }

    /// Whether the model is to make a snapshot now.
    pub const fn is_snapshot_due(&self) -> bool {
        self.wanted && self.snapshot.is_none()
    }

    /// The model's snapshot of what was printed up to `offset`.
    pub fn put_snapshot(&mut self, offset: u64, size: Size, bytes: Vec<u8>) {
        if self.is_snapshot_due() && self.ring.has(offset) {
            self.wanted = false;
            self.snapshot = Some(Snapshot { offset, size, bytes, next: 0 });
        }
    }

    /// Whoever waits for the screen, if the model has read everything.
    pub fn painting_due(&mut self) -> Option<oneshot::Sender<Vec<u8>>> {
        let all = self.modelled == self.ring.end() && self.resizes.is_empty();
        if all { self.painting.take() } else { None }
    }

    /// Another size from here on.
    pub fn resize(&mut self, size: Size) {
        let end = self.ring.end();
        if self.resizes.len() >= RESIZES || self.resizes.last().is_some_and(|(offset, _)| *offset == end) {
            self.resizes.pop();
        }
        self.resizes.push((end, size));
    }

    /// What the model is to read next: bytes, or a size that it takes before them.
    pub fn for_model(&mut self, most: usize) -> ForModel {
        match self.resizes.first() {
            Some((offset, size)) if *offset <= self.modelled => {
                let size = *size;
                self.resizes.remove(0);
                ForModel::Size(size)
            }
            next => {
                let limit = next.map_or(u64::MAX, |(offset, _)| *offset - self.modelled);
                let most = most.min(usize::try_from(limit).unwrap_or(usize::MAX));
                ForModel::Bytes(self.ring.read(self.modelled, most))
            }
        }
    }

    fn next_frame(&mut self, id: TerminalId) -> Option<Vec<u8>> {
        if let Some(snapshot) = &mut self.snapshot {
            let (frame, is_last) = snapshot.next_part(id);
            if is_last {
                let offset = snapshot.offset;
                self.snapshot = None;
                self.go_on_from(offset);
            }
            return Some(frame);
        }
        let watch = self.watch.as_mut().filter(|watch| !watch.after_snapshot)?;
        let most = usize::try_from(watch.credit.saturating_sub(watch.sent)).unwrap_or(usize::MAX);
        let bytes = self.ring.read(watch.sent, most.min(OUTPUT_BYTES));
        if bytes.is_empty() {
            return None;
        }
        let frame = encode_terminal(id, &TerminalFrame::Output { offset: watch.sent, bytes: &bytes });
        watch.sent += bytes.len() as u64;
        Some(frame)
    }

    /// A snapshot was sent. Whoever waited for one goes on from it.
    fn go_on_from(&mut self, offset: u64) {
        // The model's place may have left the ring meanwhile: then another one is due.
        let kept = self.ring.has(offset);
        if let Some(watch) = self.watch.as_mut().filter(|watch| watch.after_snapshot) {
            if kept {
                watch.after_snapshot = false;
                watch.sent = offset;
                watch.credit = watch.credit.max(offset + watch.window);
            } else {
                self.wanted = true;
            }
        }
    }
}

/// What the model reads next.
#[derive(Debug, PartialEq, Eq)]
pub enum ForModel {
    /// Bytes; none, if it has read everything.
    Bytes(Vec<u8>),
    /// Another size.
    Size(Size),
}

impl Snapshot {
    /// The next part, and whether it is the last.
    fn next_part(&mut self, id: TerminalId) -> (Vec<u8>, bool) {
        let parts = self.bytes.len().div_ceil(OUTPUT_BYTES).max(1);
        let start = self.next * OUTPUT_BYTES;
        let bytes = &self.bytes[start..self.bytes.len().min(start + OUTPUT_BYTES)];
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (offset, size) = (self.offset, self.size);
        let frame =
            TerminalFrame::Snapshot { offset, size, part: number(self.next), parts: number(parts), bytes };
        let encoded = encode_terminal(id, &frame);
        self.next += 1;
        (encoded, self.next == parts)
    }
}
