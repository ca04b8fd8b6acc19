//! The endpoints, one subject a file. Each says who may ask, reads its input, and calls the part that knows.

#![allow(unused_qualifications, reason = "what the endpoints say of themselves is written out by a macro")]

pub mod assets;
pub mod audit;
pub mod bodies;
pub mod changes;
pub mod conversations;
mod deeds;
pub mod events;
pub mod extract;
pub mod fleet;
pub mod grants;
pub mod health;
pub mod link;
pub mod messages;
pub mod model_key;
pub mod profile;
pub mod reference;
pub mod sign_in;
mod socket;
pub mod tokens;
pub mod users;
pub mod viewer;
