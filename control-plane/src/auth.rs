//! Who asks, and what they may: signing in, sessions, API tokens, origins, roles.
//!
//! [`guard`] holds every request to the rule of its route, before anything else sees it.

pub mod allowed;
pub mod attempt;
pub mod caller;
pub mod client;
pub mod cookie;
pub mod enter;
pub mod guard;
pub mod local;
pub mod lookups;
pub mod oidc;
pub mod operator;
pub mod origin;
pub mod own_path;
pub mod pace;
pub mod presence;
pub mod session;
pub mod token;
