//! The stories, on the real parts.

#![allow(clippy::unwrap_used, reason = "a story that panics has failed")]

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
mod several;
mod terminals_shared;
