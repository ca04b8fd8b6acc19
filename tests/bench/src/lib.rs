//! The load harness: how quick Atelier is, and what it costs.
//!
//! Each subject starts servers of its own, measures them beside a floor in the same run (absolute times move from one
//! run to the next, ratios hardly do), prints one table and leaves nothing behind. A figure that misses its aim is said
//! and is no failure; a message that is lost is one.
//!
//! - [`subjects`]: what is measured. [`relay`]: the floor under load; `bin/probe`, `bin/bare`: the floors inside a
//!   container.
//! - [`world`], [`target`], [`streams`], [`crowd`]: people, servers and sockets under load; [`room`]: containers; [`keys`]:
//!   terminals.
//! - [`machine`], [`stats`], [`table`]: CPU, memory, quantiles, and how they are shown.

pub mod crowd;
pub mod keys;
pub mod machine;
pub mod relay;
pub mod room;
pub mod stats;
pub mod streams;
pub mod subjects;
pub mod table;
pub mod target;
pub mod world;

use std::io::Write;

/// Prints a line.
///
/// # Errors
/// When nobody reads it.
pub fn print(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Says what goes on, to whoever waits.
pub fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "    {what}");
}
