//! Users' own keys: sealed in the store, opened for each request of their owner's workspace and for nobody else's.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use protocol::api::model_key::OwnKey;
use protocol::{Millis, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::access::Credential;
use crate::error::ApiError;
use crate::seal::Seal;
use crate::store::records::SecretName;
use crate::store::{Store, StoreError};
use crate::{audit, clock};

/// The name of a user's own key among their secrets.
pub const SECRET: &str = "model-key";
/// Keys that one user may try in a minute. Each try asks the model's API.
const TRIES: NonZeroU32 = NonZeroU32::new(6).expect("not zero");
/// How much of a key its owner is shown, in characters; of a short one, less.
const SHOWN: usize = 4;

/// Users' own keys.
#[derive(Debug)]
pub struct OwnKeys {
    store: Arc<dyn Store>,
    seal: Seal,
    tries: DefaultKeyedRateLimiter<UserId>,
    state: Mutex<State>,
    /// Counts changes of what pages show.
    stamp: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a user's key was refused when it was last used; absent: nobody has looked yet. `None`: there is none.
    known: HashMap<UserId, Option<Refused>>,
    /// Whose key was used on this day.
    used: (u32, HashSet<UserId>),
}

type Refused = bool;

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    added_at: Millis,
}

impl OwnKeys {
    /// None looked at yet.
    pub fn new(store: Arc<dyn Store>, seal: Seal) -> Self {
        let tries = RateLimiter::keyed(Quota::per_minute(TRIES));
        Self { store, seal, tries, state: Mutex::default(), stamp: AtomicU64::new(0) }
    }

    /// Counts one more key that a user tries.
    ///
    /// # Errors
    /// `TooMany` when they try too many.
    pub fn count_try(&self, user: UserId) -> Result<(), ApiError> {
        self.tries.retain_recent();
        self.tries.check_key(&user).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            ApiError::too_often(wait)
        })
    }

    /// A user's key, to ask the model with.
    ///
    /// # Errors
    /// When the store can't be read, or what it holds can't be opened.
    pub async fn credential(&self, user: UserId) -> anyhow::Result<Option<Credential>> {
        let kept = self.kept(user).await?;
        kept.map(|kept| Credential::new(&kept.key)).transpose()
    }

    /// A user's key as they are shown it.
    ///
    /// # Errors
    /// As [`OwnKeys::credential`].
    pub async fn view(&self, user: UserId) -> Result<Option<OwnKey>, ApiError> {
        let Some(kept) = self.kept(user).await.map_err(told)? else { return Ok(None) };
        let refused = self.lock().known.get(&user).copied().flatten().unwrap_or(false);
        Ok(Some(OwnKey { ends: ends(&kept.key), added_at: kept.added_at, refused }))
    }

    /// Keeps a user's key in place of the one before.
    ///
    /// # Errors
    /// When it can't be sealed or kept.
    pub async fn set(&self, user: UserId, key: &str) -> Result<(), ApiError> {
        let kept = Kept { key: key.to_owned(), added_at: clock::now() };
        let json = Zeroizing::new(serde_json::to_vec(&kept).map_err(ApiError::internal)?);
        let sealed = self.seal.seal(&name(user), &json).map_err(ApiError::internal)?;
        self.store.save_user_secret(user, SECRET, &sealed).await?;
        self.know(user, Some(false));
        Ok(())
    }

    /// Removes a user's key, if there is one.
    ///
    /// # Errors
    /// When the store can't.
    pub async fn remove(&self, user: UserId) -> Result<(), ApiError> {
        self.store.delete_user_secret(user, SECRET).await?;
        self.know(user, None);
        Ok(())
    }

    /// A user's key answered, or was refused. Its first use of a day is written down.
    pub async fn used(&self, user: UserId, refused: bool) {
        let first = {
            let mut state = self.lock();
            let today = clock::today();
            if state.used.0 != today {
                state.used = (today, HashSet::new());
            }
            state.used.1.insert(user)
        };
        self.know(user, Some(refused));
        if first {
            audit::note(&*self.store, user, "model_key_used", user, json!({ "refused": refused })).await;
        }
    }

    /// Changes whenever what [`OwnKeys::known`] says may have.
    pub fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Relaxed)
    }

    /// Whether a user has a key, and whether it was refused when it was last used: as far as is known, or as the store says.
    pub async fn known(&self, user: UserId) -> Option<bool> {
        if let Some(known) = self.lock().known.get(&user) {
            return *known;
        }
        let there = self.store.user_secret(user, SECRET).await.ok()?.is_some();
        *self.lock().known.entry(user).or_insert(there.then_some(false))
    }

    fn know(&self, user: UserId, state: Option<Refused>) {
        if self.lock().known.insert(user, state) != Some(state) {
            self.stamp.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn kept(&self, user: UserId) -> anyhow::Result<Option<Kept>> {
        let Some(sealed) = self.store.user_secret(user, SECRET).await? else { return Ok(None) };
        let opened = self.seal.open(&name(user), &sealed)?;
        serde_json::from_slice(&opened).context("a user's key is malformed").map(Some)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(error: anyhow::Error) -> ApiError {
    error.downcast::<StoreError>().map_or_else(ApiError::internal, ApiError::from)
}

/// What a user's key is sealed under.
fn name(user: UserId) -> String {
    SecretName::Of(user, SECRET.to_owned()).to_string()
}

/// The last characters of a key: never more than a quarter of it.
fn ends(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let shown = SHOWN.min(characters.len() / 4);
    characters[characters.len() - shown..].iter().collect()
}

impl Drop for Kept {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_of_a_key_is_shown_and_nothing_of_a_short_one() {
        assert_eq!(ends("sk-ant-api03-abcdef"), "cdef");
        assert_eq!(ends("abc"), "");
        assert_eq!(ends("abcdefgh"), "gh");
        assert_eq!(ends("열쇠열쇠열쇠열쇠"), "열쇠");
    }
}
