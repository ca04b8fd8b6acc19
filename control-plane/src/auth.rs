//! Who asks: sessions, API tokens, origins, and the local sign-in.

pub mod caller;
pub mod local;
pub mod operator;
pub mod origin;
pub mod presence;
pub mod session;
pub mod token;
