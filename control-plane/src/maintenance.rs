//! What is done to a store beside serving from it: copies, moves, a new sealing key.

pub mod backup;
pub mod relocate;
pub mod rotate;
pub mod trail;
