//! The control plane without a container engine: the store held to its word, certificates over a real TLS port,
//! configuration, and who is let in.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that panics has failed")]

mod auth;
mod authority;
mod config;
mod flags;
mod fleet;
mod grants;
mod hub;
mod life;
mod links;
mod maintenance;
mod model_key;
mod oidc;
mod outer;
mod pace;
mod passing;
mod people;
mod plane;
mod provider;
mod reference;
mod routes;
mod start;
mod store;
mod tokens;
mod trail;
