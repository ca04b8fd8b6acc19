//! Terminals.

pub mod screen;
