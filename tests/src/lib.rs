//! The harness of the stories: a whole Atelier on this machine's container engine, with the real CLI and a scripted
//! model, and a client that sees what a browser sees.
//!
//! Nothing here waits on time: it waits on what a viewer is told, with a limit after which the story has failed.

pub mod engine;
pub mod impostor;
pub mod stack;
pub mod viewer;

pub use engine::Engine;
pub use impostor::Impostor;
pub use stack::{Stack, StackOptions};
pub use viewer::{Seen, Viewer};
