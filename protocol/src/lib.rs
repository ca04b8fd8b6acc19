//! What Atelier's three parts say to each other, and the arithmetic they must agree on.
//!
//! This crate is data and pure logic: no sockets, no clock, no tasks. `workspace-agent` and `control-plane`
//! depend on it and never on each other; the browser's TypeScript types are generated from it.
//!
//! # The link: workspace-agent ↔ control plane
//!
//! The workspace-agent dials `wss://…/link` over mutual TLS 1.3; its certificate is its only identity. The
//! version is negotiated in the WebSocket subprotocol ([`version`]). It speaks first:
//!
//! 1. [`link::FromAgent::Hello`]: versions, capabilities and the end of every journal it holds.
//! 2. [`link::FromControl::Welcome`]: the link's generation and the end of every log in the store. Only now may
//!    the workspace-agent number events ([`log::reconcile`]).
//! 3. Then, in any order: event frames and body chunks ([`frame`]) and live text one way; deliveries, answers,
//!    stops and acknowledgements the other way.
//!
//! A dropped link is ordinary: the workspace-agent redials and both sides say again what they have. Everything
//! sent to the workspace-agent carries the id of the outbox item it stands for, so a repeat changes nothing.
//!
//! # The viewer: browser ↔ control plane
//!
//! One WebSocket a viewer carries everything of one workspace ([`viewer`]). The control plane speaks first with
//! [`viewer::FromServer::Welcome`]; a viewer attaches to a conversation with the three cursors it has
//! ([`viewer::Cursor`]) and is told what it got: a resumption or a snapshot, and why.
//!
//! # Terminals
//!
//! Both sockets carry them, in JSON and in binary frames ([`terminal`] says who does what, [`frame`] how the bytes lie).
//!
//! # The fleet: operator's browser ↔ control plane
//!
//! A socket of its own ([`fleet`]) carries what operators see: whole rows, one a workspace, first those that are up and then
//! whichever changed. Counts and states only; nothing of what is said in a conversation.
//!
//! # Growth
//!
//! Within version 1 things are only added. Unknown event kinds and fields are kept and passed on as they came
//! (the control plane forwards events as the bytes it received); unknown messages are skipped with a log line.

pub mod api;
pub mod bounded;
pub mod close;
pub mod enrol;
pub mod event;
pub mod fleet;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod link;
pub mod log;
pub mod notice;
pub mod outbox;
pub mod payload;
pub mod people;
pub mod prompt;
pub mod settings;
pub mod status;
pub mod summary;
pub mod terminal;
pub mod version;
pub mod viewer;

pub use event::{Event, EventBody, EventHeader};
pub use ids::{
    BlockId, ConversationId, ItemId, PromptId, TerminalId, ToolUseId, UserId, ViewerId, WorkspaceId,
};
pub use log::Position;

/// Milliseconds since the Unix epoch. For display and retention only: no cursor is ever a time.
pub type Millis = u64;
