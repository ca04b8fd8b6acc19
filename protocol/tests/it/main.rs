//! The protocol held to its word: what it looks like on the wire, that it survives the round trip, that mangled
//! bytes never panic, and that the browser's types are current.

mod no_panic;
mod payload;
mod roundtrip;
mod samples;
mod size_rule;
mod snapshots;
mod summary;
mod typescript;
