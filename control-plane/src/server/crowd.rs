//! What one address may take of a port that hostile code or the whole world can reach: connections at a time, new ones a
//! second, and handshakes at a time. Whoever floods the port keeps out themselves alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::pace::household;

/// What one address may take.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Connections at a time, and as many new ones at once.
    connections: NonZeroU32,
    /// New connections a second, in the long run.
    a_second: NonZeroU32,
}

impl Share {
    /// A workspace's share of the link port, which has an address of its own: a link, its successor, and model requests
    /// many times over.
    pub const WORKSPACE: Self = Self::new(128, 32);
    /// A browser's share of the public port, or that of an office full of browsers behind one address.
    pub const BROWSERS: Self = Self::new(1024, 128);

    const fn new(connections: u32, a_second: u32) -> Self {
        let (connections, a_second) = (NonZeroU32::new(connections), NonZeroU32::new(a_second));
        Self { connections: connections.expect("not zero"), a_second: a_second.expect("not zero") }
    }
}

/// Handshakes of one address at a time.
const HANDSHAKES: usize = 8;
/// Handshakes of all: enough to keep every core busy, few enough to bound their memory.
const ALL_HANDSHAKES: usize = 512;
/// Addresses that are remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 4096;

/// Who is connected to a port, by address.
#[derive(Debug)]
pub struct Crowd {
    share: Share,
    addresses: Mutex<HashMap<IpAddr, Address>>,
    rate: DefaultKeyedRateLimiter<IpAddr>,
    handshakes: Arc<Semaphore>,
}

#[derive(Debug)]
struct Address {
    connections: u32,
    handshakes: Arc<Semaphore>,
}

/// A connection's place in the crowd, for as long as it is kept.
#[derive(Debug)]
pub struct Place {
    crowd: Arc<Crowd>,
    /// Whose place it is, unless it is nobody's that counts.
    address: Option<(IpAddr, Arc<Semaphore>)>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(share: Share) -> Self {
        let quota = Quota::per_second(share.a_second).allow_burst(share.connections);
        let handshakes = Arc::new(Semaphore::new(ALL_HANDSHAKES));
        Self { share, addresses: Mutex::default(), rate: RateLimiter::keyed(quota), handshakes }
    }

    /// A place that is nobody's that counts, for a connection that others share: a proxy's.
    pub fn uncounted(self: &Arc<Self>) -> Place {
        Place { crowd: Arc::clone(self), address: None }
    }

    /// A place for a new connection; `None` when its address has too many, or asks for too many a second. Whoever
    /// connects over loopback is on this very host, behind no wall, and is not counted.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        if address.to_canonical().is_loopback() {
            return Some(self.uncounted());
        }
        let address = household(address);
        if self.rate.len() > REMEMBERED {
            self.rate.retain_recent();
        }
        self.rate.check_key(&address).ok()?;
        let mut addresses = self.lock();
        let entry = addresses
            .entry(address)
            .or_insert_with(|| Address { connections: 0, handshakes: Arc::new(Semaphore::new(HANDSHAKES)) });
        if entry.connections >= self.share.connections.get() {
            return None;
        }
        entry.connections += 1;
        let handshakes = Arc::clone(&entry.handshakes);
        Some(Place { crowd: Arc::clone(self), address: Some((address, handshakes)) })
    }

    fn leave(&self, address: IpAddr) {
        let mut addresses = self.lock();
        let Some(entry) = addresses.get_mut(&address) else { return };
        entry.connections -= 1;
        if entry.connections == 0 {
            addresses.remove(&address);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Address>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits for its turn to shake hands: among its address's connections first, so that slow ones of one address
    /// don't hold up another's.
    pub async fn handshake(&self) -> Vec<OwnedSemaphorePermit> {
        let own = self.address.as_ref().map(|(_, handshakes)| handshakes);
        let mut permits = Vec::with_capacity(2);
        for semaphore in own.into_iter().chain([&self.crowd.handshakes]) {
            // Neither is ever closed.
            permits.extend(Arc::clone(semaphore).acquire_owned().await);
        }
        permits
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((address, _)) = &self.address {
            self.crowd.leave(*address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const CONNECTIONS: u32 = Share::WORKSPACE.connections.get();
    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn all_addresses_of_one_customer_have_one_share() {
        let crowd = Arc::new(Crowd::new(Share::WORKSPACE));
        let host = |n: u128| IpAddr::V6(std::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | n));
        let places: Vec<_> = (0..u128::from(CONNECTIONS) + 1).map_while(|n| crowd.enter(host(n))).collect();
        assert_eq!(places.len(), CONNECTIONS as usize);
        assert!(crowd.enter(host(1 << 64)).is_some());
    }

    #[test]
    fn an_address_that_has_too_many_connections_keeps_out_itself_alone() {
        let crowd = Arc::new(Crowd::new(Share::WORKSPACE));
        let places: Vec<_> = (0..CONNECTIONS).map_while(|_| crowd.enter(ONE)).collect();
        assert_eq!(places.len(), CONNECTIONS as usize);
        assert!(crowd.enter(ONE).is_none());
        assert!(crowd.enter(OTHER).is_some());
        drop(places);
        assert!(crowd.lock().is_empty(), "nobody is remembered who has left");
    }

    #[test]
    fn an_address_that_comes_and_goes_too_often_is_kept_out() {
        let crowd = Arc::new(Crowd::new(Share::WORKSPACE));
        let mut entered = 0;
        while crowd.enter(ONE).is_some() {
            entered += 1;
            assert!(entered < 100_000, "nothing keeps it out");
        }
        assert!(entered >= CONNECTIONS);
        assert!(crowd.enter(OTHER).is_some());
    }

    #[tokio::test]
    async fn slow_handshakes_of_one_address_hold_up_no_other() {
        let crowd = Arc::new(Crowd::new(Share::WORKSPACE));
        let places: Vec<_> = (0..HANDSHAKES).map_while(|_| crowd.enter(ONE)).collect();
        let mut held = Vec::new();
        for place in &places {
            held.push(place.handshake().await);
        }
        let waiting = crowd.enter(ONE).unwrap();
        let other = crowd.enter(OTHER).unwrap();
        tokio::select! {
            biased;
            _ = waiting.handshake() => panic!("it had to wait"),
            permits = other.handshake() => assert_eq!(permits.len(), 2),
        }
        held.pop();
        assert_eq!(waiting.handshake().await.len(), 2);
    }

    #[test]
    fn whoever_is_on_this_host_is_not_counted() {
        let crowd = Arc::new(Crowd::new(Share::WORKSPACE));
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().into();
        let places: Vec<_> = (0..2 * CONNECTIONS).map_while(|_| crowd.enter(mapped)).collect();
        assert_eq!(places.len(), 2 * CONNECTIONS as usize);
    }
}
