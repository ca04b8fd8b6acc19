//! The harness of the stories: a whole Atelier on this machine's container engine, with the real CLI and a scripted
//! model, and a client that sees what a browser sees.
//!
//! Nothing here waits on time: it waits on what a viewer is told, with a limit after which the story has failed.

pub mod engine;
pub mod impostor;
pub mod outside;
pub mod place;
pub mod stack;
pub mod viewer;

pub use engine::Engine;
pub use impostor::Impostor;
pub use outside::Outside;
pub use stack::{Stack, StackOptions};
pub use viewer::{Seen, Viewer};

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
    let waited = tokio::time::timeout(stack::PATIENCE, looking).await;
    anyhow::ensure!(waited.is_ok(), "{what}: waited in vain");
    Ok(())
}
