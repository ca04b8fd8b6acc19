//! What a server may be told at its start.

use std::path::PathBuf;
use std::time::Duration;

/// How the scripted model behaves. The default answers at once, asks for no key and writes no log.
#[derive(Clone, Default)]
pub struct Config {
    /// The pause before each piece of text or thought, so that a demo reads like a model at work. `SLOW` keeps
    /// its own pace.
    pub delay: Duration,
    /// A file to append one JSON line to for each request received and each one ended.
    pub log: Option<PathBuf>,
    /// The only key accepted, as `x-api-key` or as a bearer token; any other is answered with 401.
    pub required_key: Option<String>,
}
