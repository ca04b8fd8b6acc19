//! Sessions and tokens that are looked up. Whoever shows one that there is not costs the store a read, so one address may do so
//! only so often; beyond it what nobody knows is refused unread. What was good here lately is looked up all the same, so that
//! an attacker behind the same address (an office, a provider's NAT) takes nothing from those who are signed in: only what has
//! not been seen since this control plane started has to wait for its turn.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pace::household;
use crate::error::ApiError;
use crate::store::{Hash, StoreError};

/// Misses of one address at once: more than an office has whose sessions all ended overnight. And then one every so often.
const MISSES: u32 = 300;
/// See [`MISSES`].
const EVERY: Duration = Duration::from_millis(200);
/// Addresses that are remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 4096;
/// Credentials that were good lately are remembered in two halves of so many.
const GOOD: usize = 8192;

/// What was looked up lately.
#[derive(Debug, Default)]
pub struct Lookups {
    /// When an address will have made up for its misses.
    misses: Mutex<HashMap<IpAddr, Instant>>,
    good: Mutex<Good>,
}

/// Credentials that were good when they were last looked up.
#[derive(Debug, Default)]
struct Good {
    newer: HashSet<Hash>,
    older: HashSet<Hash>,
}

impl Good {
    fn has(&self, hash: &Hash) -> bool {
        self.newer.contains(hash) || self.older.contains(hash)
    }

    fn add(&mut self, hash: Hash) {
        if self.newer.len() >= GOOD && !self.newer.contains(&hash) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash);
    }

    fn remove(&mut self, hash: &Hash) {
        self.newer.remove(hash);
        self.older.remove(hash);
    }
}

impl Lookups {
    /// Has a credential looked up, for whoever shows it from there.
    ///
    /// # Errors
    /// `TooMany`, with when to come back, if too many from there were not found and this one is not known either; what the store
    /// says.
    pub async fn look_up<T>(
        &self,
        address: IpAddr,
        hash: Hash,
        look: impl Future<Output = Result<Option<T>, StoreError>>,
    ) -> Result<Option<T>, ApiError> {
        self.look_up_at(Instant::now(), address, hash, look).await
    }

    async fn look_up_at<T>(
        &self,
        now: Instant,
        address: IpAddr,
        hash: Hash,
        look: impl Future<Output = Result<Option<T>, StoreError>>,
    ) -> Result<Option<T>, ApiError> {
        let (address, known) = (household(address), self.good().has(&hash));
        // Counted before it is known, so that many at once are no way around.
        if !known {
            self.count(address, now)?;
        }
        let found = look.await;
        match &found {
            Ok(None) => self.good().remove(&hash),
            Ok(Some(_)) => self.good().add(hash),
            Err(_) => {}
        }
        if !known && !matches!(found, Ok(None)) {
            self.uncount(address);
        }
        Ok(found?)
    }

    /// A credential was just made.
    pub fn know(&self, hash: Hash) {
        self.good().add(hash);
    }

    fn count(&self, address: IpAddr, now: Instant) -> Result<(), ApiError> {
        let mut misses = self.misses();
        if misses.len() > REMEMBERED {
            misses.retain(|_, until| *until > now);
        }
        let until = misses.entry(address).or_insert(now);
        let more = (*until).max(now) + EVERY;
        let over = more.saturating_duration_since(now + EVERY * MISSES);
        if !over.is_zero() {
            return Err(ApiError::too_often(over));
        }
        *until = more;
        Ok(())
    }

    fn uncount(&self, address: IpAddr) {
        if let Some(until) = self.misses().get_mut(&address) {
            *until -= EVERY;
        }
    }

    fn misses(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.misses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn good(&self) -> MutexGuard<'_, Good> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use protocol::close::ErrorCode;
    use sha2::{Digest, Sha256};

    use super::*;

    const HERE: &str = "198.51.100.7";

    /// What was looked up, on a clock of its own.
    struct World {
        lookups: Lookups,
        now: Instant,
    }

    fn hash(n: u32) -> Hash {
        Sha256::digest(n.to_be_bytes()).into()
    }

    impl World {
        fn new() -> Self {
            Self { lookups: Lookups::default(), now: Instant::now() }
        }

        async fn look_up(
            &self,
            address: &str,
            n: u32,
            look: impl Future<Output = Result<Option<()>, StoreError>>,
        ) -> Result<bool, ApiError> {
            let address = address.parse().unwrap();
            let found = self.lookups.look_up_at(self.now, address, hash(n), look).await;
            found.map(|found| found.is_some())
        }

        /// Shows a credential that is good, or is not.
        async fn show(&self, address: &str, n: u32, is_good: bool) -> Result<bool, ErrorCode> {
            let look = async { Ok(is_good.then_some(())) };
            self.look_up(address, n, look).await.map_err(|error| error.code())
        }

        /// Shows what there is not until that is refused, and says how often it was not.
        async fn use_up(&self, address: &str) -> u32 {
            let mut misses = 0;
            while self.show(address, 1_000_000 + misses, false).await.is_ok() {
                misses += 1;
            }
            misses
        }
    }

    #[tokio::test]
    async fn beyond_so_many_misses_what_is_not_known_is_refused_unread() {
        let mut world = World::new();
        assert_eq!(world.use_up(HERE).await, MISSES);
        let refused = world.look_up(HERE, 0, async { panic!("it was looked up") }).await.unwrap_err();
        assert!(refused.code() == ErrorCode::TooMany && refused.back_in_ms().is_some());
        assert_eq!(world.show("198.51.100.8", 0, false).await, Ok(false));
        world.now += EVERY;
        assert_eq!(world.use_up(HERE).await, 1);
        world.now += EVERY * MISSES * 2;
        assert_eq!(world.use_up(HERE).await, MISSES);
    }

    #[tokio::test]
    async fn what_was_good_goes_on_being_looked_up_until_it_is_not() {
        let world = World::new();
        assert_eq!(world.show(HERE, 1, true).await, Ok(true));
        world.lookups.know(hash(2));
        world.use_up(HERE).await;
        for n in [1, 2] {
            assert_eq!(world.show(HERE, n, true).await, Ok(true));
        }
        // Signed out, it is worth one more look.
        assert_eq!(world.show(HERE, 1, false).await, Ok(false));
        assert_eq!(world.show(HERE, 1, false).await, Err(ErrorCode::TooMany));
    }

    #[tokio::test]
    async fn what_is_found_and_what_the_store_can_t_say_counts_for_nothing() {
        let world = World::new();
        for n in 0..2 * MISSES {
            assert_eq!(world.show(HERE, n, true).await, Ok(true));
            let down = async { Err(StoreError::Unavailable("down".into())) };
            let told = world.look_up(HERE, 2_000_000 + n, down).await;
            assert_eq!(told.unwrap_err().code(), ErrorCode::Unavailable);
        }
        assert_eq!(world.use_up(HERE).await, MISSES);
    }

    #[tokio::test]
    async fn a_household_has_one_share_and_what_was_good_is_bounded() {
        let world = World::new();
        world.use_up("2001:db8:1:2::1").await;
        assert_eq!(world.show("2001:db8:1:2:ffff::1", 0, false).await, Err(ErrorCode::TooMany));
        for n in 0..5 * u32::try_from(GOOD).unwrap() {
            world.lookups.know(hash(n));
        }
        let good = world.lookups.good();
        assert!(good.newer.len() + good.older.len() <= 2 * GOOD);
    }
}
