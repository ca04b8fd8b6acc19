//! The endpoints, one subject a file. Each says who may ask, reads its input, and calls the part that knows.

pub mod assets;
pub mod bodies;
pub mod conversations;
pub mod events;
pub mod extract;
pub mod fleet;
pub mod health;
pub mod link;
pub mod profile;
pub mod sign_in;
mod socket;
pub mod users;
pub mod viewer;
