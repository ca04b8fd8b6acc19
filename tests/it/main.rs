//! The stories, on the real parts.

#![allow(clippy::unwrap_used, reason = "a story that panics has failed")]

mod canaries;
mod chat;
mod deaths;
mod firestore;
mod hostile;
mod kills;
mod lifecycle;
mod older;
mod operator;
mod prompts;
mod refusals;
mod scripts;
mod several;
mod terminals;
mod terminals_shared;
mod watchdog;
