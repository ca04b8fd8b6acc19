//! Terminals: what they are, what is asked of them, and what each part does with their bytes.
//!
//! # Whose is what
//!
//! The workspace-agent owns terminals: the PTY, a ring of the last [`RING_BYTES`](crate::limits::RING_BYTES) that were
//! printed, and a model of the screen. The control plane's hub relays: per terminal one shared ring and a cursor a viewer.
//! The page shows. Terminals outlive links, sockets and control planes; a terminal ends with its workspace's container.
//!
//! What a terminal prints is one stream of bytes with absolute offsets, from 0 when it is opened. A restart goes on in the
//! same stream. Offsets never repeat, so a cursor is a number.
//!
//! # On the link
//!
//! A workspace-agent that has terminals says so with the capability [`CAPABILITY`] in its hello. After the welcome it tells
//! all terminals ([`crate::link::FromAgent::Terminals`]), and then each that is new or changed. On a new link nobody
//! watches anything yet: the hub says again what it wants.
//!
//! What the hub wants is a [`TerminalRequest`]; each is answered, with the same `re`, by `TerminalDone` or
//! `TerminalRefused`. All may be repeated: the terminal's id is the viewer's, a restart names the life that it saw, and
//! everything else sets something to a value. The hub sends again, on a new link, whatever was not answered.
//!
//! *Output.* [`TerminalAct::Watch`] has the bytes from `from` follow as output frames ([`crate::frame`]), if the ring has
//! them all; otherwise (or without `from`) a snapshot, in parts, and then output from the snapshot's offset. The first
//! binary frame that follows tells which of the two: there is no other verdict. Output frames of one terminal have no gaps
//! but where a snapshot lies between. A snapshot's offset may be before or behind what was sent already: a receiver
//! forgets what it has and goes on from there (a hub whose ring has the offset gives a viewer the snapshot and its own bytes
//! from there on). [`TerminalAct::Snapshot`] asks for one more snapshot in the course of the stream, for viewers that fell
//! out of the hub's ring; what is sent otherwise goes on unmoved by it, and several asked at a time are one.
//!
//! *Pace.* While a terminal is watched the workspace-agent sends no byte beyond its credit, an absolute offset: the start
//! plus `window` of the watch, then whatever credit frames say (the highest counts). It reads the PTY as far as credit goes
//! and no further, so the program waits for the fastest viewer, and for nobody else. The hub's credit is the highest offset
//! that a viewer acknowledged, plus a window of at most [`CREDIT_BYTES`](crate::limits::CREDIT_BYTES) which it fits to that
//! viewer's speed (about a tenth of a second's worth): what is under way is what Ctrl-C waits for. A terminal that nobody
//! watches is read freely: `Unwatch`, or the link's end, sets it free.
//!
//! *Input* comes as frames with the place of their bytes in their source's stream. A source is whatever keeps typing across
//! reconnects: a page makes itself a random one. The workspace-agent takes what it has not taken yet and says how far it has
//! written (taken frames), also after a repeat. More than [`INPUT_WINDOW_BYTES`](crate::limits::INPUT_WINDOW_BYTES) of a
//! source's bytes that are not taken are refused by silence: they are not taken.
//!
//! # On the viewer's socket
//!
//! After the welcome the hub tells all terminals ([`crate::viewer::FromServer::Terminals`]) and who this viewer is; then
//! each that is new, changed or gone. What a viewer wants is a [`TerminalWish`]. Binary frames are the same as on the link:
//!
//! - hub → page: output, snapshot, taken. page → hub: input, ack.
//! - [`TerminalWish::Attach`] with the offset that the page has, if it has any; output or a snapshot follows as above. At a
//!   snapshot's first part the page resets its emulator (`reset()`), sets the size that the part names, writes the parts in
//!   order, and goes on with output from the snapshot's offset. Unasked, a viewer that fell behind gets a snapshot too.
//! - The page acknowledges what its emulator has *parsed* (`write`'s callback), in ack frames: after every 16 KiB or so, and
//!   when it has caught up. Who doesn't, is not waited for; it skips to a snapshot.
//! - The emulator answers no queries: the model in the workspace does. The page drops what its emulator would reply
//!   (device attributes, status and mode reports, colours, window reports) and sends only what a person typed or pasted, mouse
//!   and focus reports included.
//! - The page keeps a character at the end of a frame that is not whole, and writes it with the next: the emulator misreads some
//!   characters that are split between two writes.
//! - Widths of characters are those of the table that is generated for the page, since the model's must be the same.
//! - *Input*: the page has at most `INPUT_WINDOW_BYTES` under way, keeps what is not taken yet, and sends it again after a
//!   reconnect, if that was quick enough to be what the person still wants.
//! - *Size*: one viewer owns it, named in the view. The others show the terminal at its size, with a border around. A viewer
//!   that doesn't own it sends no input until it took the size over ([`TerminalWish::Take`]), which is one key press that the
//!   program doesn't get: so whoever typed last owns the size, and nobody does so by accident. The first to attach with a size to a
//!   terminal without an owner owns it; an owner that leaves leaves none. Who saw it in another's hands attaches without.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::bounded::bounded_string;
use crate::limits::{MAX_COLS, MAX_ROWS, MIN_COLS, MIN_ROWS};
use crate::{ConversationId, Millis, TerminalId, ViewerId};

/// What a workspace-agent that has terminals says in its hello.
pub const CAPABILITY: &str = "terminals";

bounded_string!(
    /// A terminal's name, as a person gave it.
    TerminalName,
    120
);
bounded_string!(
    /// A command line, for the user's shell.
    CommandLine,
    4096
);

/// How many columns and rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Size {
    /// The nearest size that a terminal may have.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self { cols: self.cols.clamp(MIN_COLS, MAX_COLS), rows: self.rows.clamp(MIN_ROWS, MAX_ROWS) }
    }
}

/// What a viewer shows where a program sets no colour, each as `0xRRGGBB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Colors {
    /// Text.
    pub text: u32,
    /// The background.
    pub background: u32,
    /// The cursor.
    pub cursor: u32,
}

/// What runs in a terminal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalKind {
    /// A login shell in `/workspace`.
    Shell {},
    /// A command line, there too.
    Command {
        /// It.
        line: CommandLine,
    },
    /// Claude's own screen on a conversation. The conversation is held in the chat meanwhile.
    Claude {
        /// Which.
        conversation: ConversationId,
    },
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// A terminal, as the workspace-agent tells of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct TerminalView {
    /// Which.
    pub id: TerminalId,
    /// What it is called.
    pub name: TerminalName,
    /// What runs in it.
    pub what: TerminalKind,
    /// How large it is.
    pub size: Size,
    /// When it was opened.
    pub opened_at: Millis,
    /// How often its program was started. A restart names it.
    pub life: u32,
    /// How its program fares.
    pub phase: TerminalPhase,
    /// What the program calls itself (its window title), clipped. Hostile, as all that comes from the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<String>,
    /// When it is closed if nobody watches it and nothing is typed or printed meanwhile; none while it is watched, and without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub idle_until: Option<Millis>,
    /// How it is recorded, if it is or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub recording: Option<Recording>,
    /// Where its stream ended when this was told.
    pub end: u64,
}

/// How a terminal's program fares.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalPhase {
    /// It is not started yet: the conversation's process is ended first.
    Waiting {},
    /// It runs.
    Running {
        /// Since when.
        since: Millis,
    },
    /// It ended by itself with this status.
    Exited {
        /// When.
        at: Millis,
        /// The status.
        code: i32,
    },
    /// A signal ended it.
    Killed {
        /// When.
        at: Millis,
        /// The signal's number.
        signal: i32,
    },
    /// It could not be started.
    Failed {
        /// When.
        at: Millis,
        /// Why, in words.
        detail: String,
        /// It is Claude's own screen, and this is why it didn't get the conversation's session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        not_lent: Option<NotLent>,
    },
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// Why a terminal doesn't get a conversation's session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NotLent {
    /// Claude is at work.
    #[error("Claude is at work in this conversation; wait until it is done, or stop it")]
    AtWork,
    /// Another terminal has it.
    #[error("this conversation is open in a terminal already")]
    InTerminal,
    /// The log takes no more.
    #[error("this conversation's record has reached its largest size")]
    LogFull,
    /// The workspace is not joined to the store yet.
    #[error("the workspace is not ready yet")]
    NotReady,
    /// There is no such conversation, or none any more.
    #[error("there is no such conversation")]
    NoConversation,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    #[error("it is not to be had")]
    Other,
}

/// A recording: asciicast v2, on the user's volume.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Recording {
    /// Where, as an absolute path in the workspace.
    pub file: String,
    /// Whether it goes on.
    pub on: bool,
    /// Why it ended without being asked to, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub trouble: Option<String>,
}

/// Why a terminal is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TerminalEnd {
    /// A person closed it.
    Closed,
    /// Nobody watched it and nothing happened for too long.
    Idle,
    /// The workspace stopped.
    Stopped,
    /// One that this version doesn't know: whoever wrote it is newer.
    #[serde(other)]
    Other,
}

/// What the hub wants of one terminal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TerminalRequest {
    /// Named in the answer. The hub's own number.
    pub re: u64,
    /// Which terminal.
    pub terminal: TerminalId,
    /// What.
    pub act: TerminalAct,
}

/// What the hub can want.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalAct {
    /// Open it. One that is there already is left as it is.
    Open {
        /// What to call it.
        name: TerminalName,
        /// What to run.
        what: TerminalKind,
        /// How large.
        size: Size,
    },
    /// End everything in it and forget it. One that isn't there is closed already.
    Close {},
    /// Call it otherwise.
    Rename {
        /// How.
        name: TerminalName,
    },
    /// Another size. The same size is passed on too, in such a way that programs draw anew.
    Resize {
        /// It.
        size: Size,
    },
    /// Start its program again, if the life that ended is this one.
    Restart {
        /// See [`TerminalView::life`].
        life: u32,
    },
    /// Record it from now on, or no longer.
    Record {
        /// Which of the two.
        on: bool,
    },
    /// Somebody watches: send what it prints.
    Watch {
        /// From this offset; none, or one that the ring doesn't have: from a snapshot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<u64>,
        /// How many bytes may be sent beyond the start without further credit.
        window: u32,
    },
    /// The colours that programs are told when they ask: those of the viewer that owns the size.
    Colors {
        /// They.
        colors: Colors,
    },
    /// Nobody watches any more.
    Unwatch {},
    /// Send a snapshot in the course of what is sent.
    Snapshot {},
    /// One that this version doesn't know: it is refused.
    #[serde(other)]
    Other,
}

/// A terminal, as viewers see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Terminal {
    /// What the workspace-agent tells of it.
    #[serde(flatten)]
    pub view: TerminalView,
    /// The viewer that owns its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub owner: Option<ViewerId>,
    /// How many viewers are attached.
    pub viewers: u32,
}

/// What a viewer wants of one terminal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalWish {
    /// Open it. The viewer made its id; one that is there already is left as it is.
    Open {
        /// What to call it.
        name: TerminalName,
        /// What to run.
        what: TerminalKind,
        /// How large.
        size: Size,
    },
    /// End everything in it and forget it.
    Close {},
    /// Call it otherwise.
    Rename {
        /// How.
        name: TerminalName,
    },
    /// Show it, from the offset that the viewer has, if it has any.
    Attach {
        /// The end of what the viewer has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        have: Option<u64>,
        /// How large the viewer would like it, whose size it is to be if nobody owns it. Nothing, if the viewer only looks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        size: Option<Size>,
    },
    /// Show it no longer.
    Detach {},
    /// Another size. Refused as a conflict if another viewer owns it.
    Resize {
        /// It.
        size: Size,
    },
    /// Own the size from now on.
    Take {
        /// It.
        size: Size,
    },
    /// The colours that the viewer shows, for programs that ask. Counts if it owns the size.
    Colors {
        /// They.
        colors: Colors,
    },
    /// Start its program again, if the life that ended is this one.
    Restart {
        /// See [`TerminalView::life`].
        life: u32,
    },
    /// Record it from now on, or no longer.
    Record {
        /// Which of the two.
        on: bool,
    },
}
