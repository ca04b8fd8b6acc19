//! `GET /health`: whether everything needed to serve is there. For load balancers and for people in a hurry.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::api::Health;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::app::App;
use crate::error::ApiError;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what was found is good for whoever asks next.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// What was last found of the store and the engine. One look at a time, for all who ask meanwhile: a look writes to the store, and
/// anybody may ask.
#[derive(Debug, Default)]
pub struct LastLook(Mutex<Option<(Instant, Found)>>);

/// Whether the store and the engine are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Found {
    store: bool,
    engine: bool,
}

impl LastLook {
    /// What was found just now, or what `look` finds.
    async fn or(&self, look: impl Future<Output = Found>) -> Found {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = *last
            && at.elapsed() < GOOD_FOR
        {
            return found;
        }
        let found = look.await;
        *last = Some((Instant::now(), found));
        found
    }
}

/// Whether everything needed to serve is there, as of the last second.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses(
        (status = 200, body = Health, description = "All is well."),
        (status = 503, body = Health, description = "Something is missing.")
    ),
    security(())
)]
pub async fn show(State(app): State<Arc<App>>) -> Result<(StatusCode, Json<Health>), ApiError> {
    let asked = Arc::clone(&app);
    // Whoever asks and is gone does not have the next one look again.
    let looking = app.tasks.spawn(async move { asked.health.or(look(&asked)).await });
    let Found { store, engine } = looking.await.map_err(ApiError::internal)?;
    let ok = store && engine;
    let health = Health {
        ok,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        store,
        engine,
        links: app.links.count(),
        viewers: app.viewers.load(Ordering::Relaxed),
    };
    Ok((if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health)))
}

async fn look(app: &App) -> Found {
    let (store, engine) =
        tokio::join!(timeout(PATIENCE, app.store.check()), timeout(PATIENCE, app.runtime.check()));
    Found { store: matches!(store, Ok(Ok(()))), engine: matches!(engine, Ok(Ok(()))) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn it_is_looked_once_for_all_who_ask_and_again_later() {
        let (last, looks) = (LastLook::default(), AtomicU32::new(0));
        let look = async || {
            looks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Found { store: true, engine: false }
        };
        for times in 1..=2 {
            let found = join_all((0..50).map(|_| last.or(look()))).await;
            assert!(found.iter().all(|found| *found == Found { store: true, engine: false }));
            assert_eq!(looks.load(Ordering::Relaxed), times);
            // A while ago, by now.
            let mut kept = last.0.lock().await;
            *kept = kept.and_then(|(at, found)| Some((at.checked_sub(GOOD_FOR)?, found)));
        }
    }
}
