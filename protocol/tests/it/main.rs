//! The protocol held to its word: what it looks like on the wire, that it survives the round trip, that mangled
//! bytes never panic, and that the browser's types are current.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::large_enum_variant,
    reason = "a test that panics has failed"
)]

mod folds;
mod no_panic;
mod payload;
mod roundtrip;
mod samples;
mod size_rule;
mod snapshots;
mod summary;
mod typescript;
