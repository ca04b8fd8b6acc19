//! Anthropic's Messages API, answered by script.
//!
//! The real Claude Code CLI talks to this server in tests, in benchmarks and in the demo. What it answers stands
//! in the prompt: the newest user prompt is read as a script of directive lines, and step *k* of the turn is
//! answered by line *k* (`script`, `directive`). A prompt without directives gets a short friendly answer.
//!
//! The way of a request: `api` takes and records it, `request` reads its body, `script` picks the step,
//! `counted` decides whether a counted fault is spent, `answer` composes the beats (events, pauses, gates, cuts)
//! without any I/O, and `play` performs them as a stream of server-sent events or as one JSON message.
//!
//! It must not know anything of Atelier: it stands where Anthropic stands.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use scripted_model::{Config, serve};
//! use tokio_util::sync::CancellationToken;
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let model = serve(listener, Config::default(), CancellationToken::new()).await?;
//! let base_url = model.base_url(); // for ANTHROPIC_BASE_URL
//! // … drive the CLI with the prompt "GATE half-way", look at its partial text, and then:
//! model.release("half-way");
//! assert_eq!(model.requests().len(), 1);
//! # Ok(()) }
//! ```

mod answer;
mod api;
mod assemble;
mod config;
mod counted;
mod directive;
mod error;
mod gates;
mod ids;
mod pieces;
mod plain;
mod play;
mod rate_limit;
mod record;
mod request;
mod script;
mod server;
mod sse;
mod usage;

pub use config::Config;
pub use record::{Asked, AuthKind, Outcome, Record, Sizes};
pub use server::{Serving, serve};
