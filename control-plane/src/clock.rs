//! The time of day, for display and for expiry; never for order.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::Millis;

/// Milliseconds since the epoch.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// Days since the epoch, UTC.
pub fn today() -> u32 {
    u32::try_from(now() / 86_400_000).unwrap_or(u32::MAX)
}
