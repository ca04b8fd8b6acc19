//! The Claude CLI: how it is started and what passes through its pipes.
//!
//! [`lines`] reads its stdout, [`outgoing`] writes its stdin, [`events`], [`prompts`], [`blocks`] and [`tasks`]
//! turn what it says into what the log says, [`rows`] does so with what its own screen wrote into the session's record;
//! all of these are pure. [`record`] reads that record as the user. [`launch`] is its command line and
//! environment, [`process`] the child itself. What a conversation makes of it all is in
//! [`conversation`](crate::conversation).

pub mod blocks;
pub mod events;
pub mod launch;
pub mod lines;
pub mod outgoing;
pub mod process;
pub mod prompts;
pub mod record;
pub mod rows;
pub mod subject;
pub mod tasks;
