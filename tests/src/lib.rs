//! The harness of the stories: a whole Atelier on this machine's container engine, with the real CLI and a scripted
//! model, and a client that sees what a browser sees.
//!
//! Nothing here waits on time: it waits on what a viewer is told, with a limit after which the story has failed.

pub mod engine;
pub mod impostor;
pub mod look;
pub mod newer;
pub mod onlooker;
pub mod outside;
pub mod peer;
pub mod place;
pub mod recording;
pub mod script;
pub mod server;
pub mod stack;
pub mod tap;
pub mod terminal_peer;
pub mod viewer;

pub use engine::Engine;
pub use impostor::Impostor;
pub use look::look_below;
pub use onlooker::Onlooker;
pub use outside::Outside;
pub use script::Script;
pub use server::Server;
pub use stack::{PATIENCE, Stack, StackOptions};
pub use tap::Tap;
pub use terminal_peer::TerminalPeer;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
pub use viewer::{Seen, Viewer};

/// How every socket of the harness is set up. Tungstenite fills its read buffer with zeros before every read; its
/// default of 128 KiB would cost more than what is read.
pub fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4 * 1024)
}

/// Looks until something outside of what a viewer sees is so.
///
/// # Errors
/// When it takes too long.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, looking).await;
    anyhow::ensure!(waited.is_ok(), "{what}: waited in vain");
    Ok(())
}
