//! What hostile bytes meet first in Atelier, as functions that a fuzzer can call: each takes any bytes at all and panics
//! when something that was promised does not hold. `make soak` runs them under libFuzzer; `make test` runs them over the
//! committed corpus.

pub mod frames;
pub mod gateway;
pub mod journal;
pub mod json;
pub mod lines;

/// A target: any bytes at all.
pub type Target = fn(&[u8]);

/// All of them, by name. Each has a folder of its name in `corpus`.
pub const TARGETS: [(&str, Target); 5] = [
    ("frames", frames::run),
    ("gateway", gateway::run),
    ("json", json::run),
    ("journal", journal::run),
    ("lines", lines::run),
];
