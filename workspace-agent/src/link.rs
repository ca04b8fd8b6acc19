//! The link: how the control plane is dialled, and what is said on it.
//!
//! ```text
//! disconnected ──dial──▶ connecting ──hello, welcome──▶ up ──drain──▶ draining
//!       ▲                    │                           │               │
//!       └──────back-off──────┴───────────────────────────┴───────────────┘
//! ```
//!
//! A lost link is ordinary. Only a revoked or superseded workspace stops dialling.

pub mod backoff;
pub mod http;
pub mod session;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use protocol::close::CloseCode;
use tokio::sync::watch;
use tokio::time::Instant;

use self::backoff::Backoff;
use self::session::Ended;
use crate::config::Config;
use crate::daemon::Desk;
use crate::identity::{self, Identity};

/// The first wait after a lost link.
const FIRST_WAIT: Duration = Duration::from_millis(150);
/// The longest wait between two dials.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A link that lasted this long was worth having: the next wait is short again.
pub const USEFUL: Duration = Duration::from_secs(10);

/// The waits between dials.
pub const fn redial() -> Backoff {
    Backoff::new(FIRST_WAIT, LONGEST_WAIT)
}

/// Dials for ever. Returns only when dialling has become pointless.
pub async fn keep_up(
    config: Arc<Config>,
    identity: Arc<watch::Sender<Identity>>,
    desk: Arc<Desk>,
) -> CloseCode {
    let mut backoff = redial();
    loop {
        if let Err(error) = identity::renew_if_lapsed(&config, &identity).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "the certificate has lapsed and can't be renewed yet"
            );
        }
        let dialled = Instant::now();
        let tls = Arc::clone(&identity.borrow().tls);
        let ended = session::run(&config, &tls, &desk).await;
        if dialled.elapsed() > USEFUL {
            backoff.reset();
        }
        let wait = match ended {
            Ended::Lost(why) => {
                let wait = backoff.wait();
                tracing::info!(why, wait_ms = wait.as_millis(), "the link is down");
                wait
            }
            Ended::Draining(back_in) => {
                tracing::info!(back_in_ms = back_in.as_millis(), "the control plane is going away");
                back_in + backoff.wait()
            }
            Ended::Closed(code @ (CloseCode::Revoked | CloseCode::Superseded | CloseCode::Version)) => {
                return code;
            }
            Ended::Closed(code) => {
                let wait = backoff.wait();
                tracing::warn!(?code, wait_ms = wait.as_millis(), "the control plane closed the link");
                wait
            }
        };
        tokio::time::sleep(wait).await;
    }
}
