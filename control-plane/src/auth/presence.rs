//! Which sockets and streams stand on which session or API token: signing out, or revoking it, ends them all, wherever
//! they are open.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Millis, UserId};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::store::Hash;
use crate::store::records::NOTED_EVERY_MS;

/// The sessions that sockets stand on at the moment.
#[derive(Debug, Default)]
pub struct Presence(Mutex<HashMap<Hash, Present>>);

/// What stands for a user among the sessions: the hash of no token.
fn of_user(user: UserId) -> Hash {
    Sha256::digest(format!("user {user}")).into()
}

/// One session's sockets.
#[derive(Debug)]
struct Present {
    sockets: usize,
    ended: CancellationToken,
}

impl Presence {
    /// One more socket of a session. To be called before the session is looked up: a sign-out in between is then seen
    /// either here or there.
    pub fn enter(self: &Arc<Self>, session: Hash) -> Standing {
        let mut sessions = self.lock();
        let present = sessions
            .entry(session)
            .or_insert_with(|| Present { sockets: 0, ended: CancellationToken::new() });
        present.sockets += 1;
        let (presence, ended) = (Arc::clone(self), present.ended.clone());
        Standing { presence, session, ended, noted_at: AtomicU64::new(0) }
    }

    /// One more stream of a user's, whatever it was let in by.
    pub fn enter_user(self: &Arc<Self>, user: UserId) -> Standing {
        self.enter(of_user(user))
    }

    /// A user is kept out: so end all streams that [stand](Presence::enter_user) on them.
    pub fn end_user(&self, user: UserId) {
        self.end(of_user(user));
    }

    /// The session or the API token has ended in the store: so do its sockets and streams.
    pub fn end(&self, session: Hash) {
        // The entry stays for those who entered and have not looked the session up yet; the last to leave takes it away.
        if let Some(present) = self.lock().get(&session) {
            present.ended.cancel();
        }
    }

    /// How many sessions, tokens and users something stands on.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, Present>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One socket's stand on its session, given up when it is dropped.
#[derive(Debug)]
pub struct Standing {
    presence: Arc<Presence>,
    session: Hash,
    ended: CancellationToken,
    /// When its use was last noted.
    noted_at: AtomicU64,
}

impl Standing {
    /// Which session it is.
    pub const fn session(&self) -> Hash {
        self.session
    }

    /// Whether the use of the session, which the store has as of `used_at`, is to be noted again; if so, it is taken to be.
    pub fn is_to_be_noted(&self, used_at: Millis, now: Millis) -> bool {
        let noted_at = self.noted_at.load(Ordering::Relaxed).max(used_at);
        let due = now.saturating_sub(noted_at) >= NOTED_EVERY_MS;
        if due {
            self.noted_at.store(now, Ordering::Relaxed);
        }
        due
    }

    /// Whether somebody has signed out.
    pub fn is_over(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Waits until somebody signs out.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let mut sessions = self.presence.lock();
        let Some(present) = sessions.get_mut(&self.session) else { return };
        present.sockets -= 1;
        if present.sockets == 0 {
            sessions.remove(&self.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Hash = [1; 32];
    const ANOTHER: Hash = [2; 32];

    #[test]
    fn signing_out_ends_the_sockets_of_that_session_and_no_other() {
        let presence = Arc::new(Presence::default());
        let (one, two, other) = (presence.enter(MINE), presence.enter(MINE), presence.enter(ANOTHER));
        presence.end(MINE);
        assert!(one.ended.is_cancelled() && two.ended.is_cancelled());
        assert!(!other.ended.is_cancelled());
        // Whoever entered with the same cookie just before finds it ended too.
        assert!(presence.enter(MINE).ended.is_cancelled());
    }

    #[test]
    fn the_use_of_a_session_is_noted_once_a_minute() {
        let presence = Arc::new(Presence::default());
        let standing = presence.enter(MINE);
        let (used_at, minute) = (1_000_000, NOTED_EVERY_MS);
        assert!(!standing.is_to_be_noted(used_at, used_at + minute - 1));
        assert!(standing.is_to_be_noted(used_at, used_at + minute));
        assert!(!standing.is_to_be_noted(used_at, used_at + 2 * minute - 1));
        assert!(standing.is_to_be_noted(used_at, used_at + 2 * minute));
    }

    #[test]
    fn nothing_is_kept_of_sockets_that_are_gone() {
        let presence = Arc::new(Presence::default());
        let (one, two) = (presence.enter(MINE), presence.enter(MINE));
        drop(one);
        assert_eq!(presence.lock().len(), 1);
        presence.end(MINE);
        drop(two);
        assert!(presence.lock().is_empty());
    }
}
