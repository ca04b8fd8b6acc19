//! Who asks: sessions, origins, and the local sign-in.

pub mod local;
pub mod operator;
pub mod origin;
pub mod presence;
pub mod session;
