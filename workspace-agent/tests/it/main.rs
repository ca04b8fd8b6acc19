//! The workspace-agent's decisions, held against the CLI as it was recorded and against every way to die.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::large_enum_variant,
    reason = "a test that panics has failed"
)]

mod clears;
mod deaths;
mod desk;
mod disk;
mod journal;
mod messages;
mod oracle;
mod outgoing;
mod places;
mod prompts;
mod screens;
mod sizes;
mod streams;
mod terminals;
mod transcripts;
mod unreadable;
mod widths;
