//! A conversation: its log and the CLI process that serves it.
//!
//! [`core`] decides: a state machine without I/O that takes what arrives (a person's acts, the CLI's lines, the
//! process's end, time) and answers with what is to be done. [`journal`] keeps the log on the state volume, and [`keeper`]
//! sees to it that what is decided is written before it is done or told. [`driver`] is the task that joins them with the
//! real process; [`places`] has them share the room there is for processes, and [`outgoing`] is what the link reads.

pub mod core;
pub mod driver;
pub mod journal;
pub mod keeper;
pub mod lending;
pub mod outgoing;
pub mod places;
