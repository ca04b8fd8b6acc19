//! The scripted model over HTTP: what a client sees of it.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test, as the test itself would")]

mod access;
mod binary;
mod common;
mod faults;
mod gates;
mod messages;
mod records;
