//! How often something may be tried: signing in and enrolling by address, changing something by user, wherever they do it. Whoever is too
//! quick is told when to come back, and nobody else notices.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use protocol::UserId;

use crate::error::ApiError;

/// Keys that are remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 4096;

/// At once, and then one every so often.
const SIGN_INS: (u32, Duration) = (30, Duration::from_secs(2));
/// A workspace enrols once a start; a machine full of them may share an address.
const ENROLMENTS: (u32, Duration) = (256, Duration::from_millis(50));
/// A person who clicks is slower; a script that means well, too.
const WRITES: (u32, Duration) = (120, Duration::from_millis(100));
/// An export reads all that somebody has.
const EXPORTS: (u32, Duration) = (10, Duration::from_secs(60));
/// Failed sign-ins that are written down one by one. Beyond it the log alone tells of them: the audit trail is never cut,
/// so strangers must not be able to fill it.
const FAILURES: (u32, Duration) = (100, Duration::from_secs(2));

/// One limit for each key.
#[derive(Debug)]
struct Each<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

impl<K: Hash + Eq + Clone> Each<K> {
    fn new(limit: (u32, Duration)) -> Self {
        Self(RateLimiter::keyed(quota(limit)))
    }

    fn check(&self, key: &K) -> Result<(), ApiError> {
        if self.0.len() > REMEMBERED {
            self.0.retain_recent();
        }
        let now = DefaultClock::default().now();
        self.0.check_key(key).map_err(|until| ApiError::too_often(until.wait_time_from(now)))
    }
}

/// How often what may be tried.
#[derive(Debug)]
pub struct Pace {
    sign_ins: Each<IpAddr>,
    enrolments: Each<IpAddr>,
    writes: Each<UserId>,
    exports: Each<UserId>,
    failures: DefaultDirectRateLimiter,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            sign_ins: Each::new(SIGN_INS),
            enrolments: Each::new(ENROLMENTS),
            writes: Each::new(WRITES),
            exports: Each::new(EXPORTS),
            failures: RateLimiter::direct(quota(FAILURES)),
        }
    }
}

impl Pace {
    /// Somebody there tries to sign in.
    ///
    /// # Errors
    /// `TooMany`, with when to come back.
    pub fn sign_in(&self, address: IpAddr) -> Result<(), ApiError> {
        self.sign_ins.check(&household(address))
    }

    /// A workspace there tries to enrol.
    ///
    /// # Errors
    /// `TooMany`, with when to come back.
    pub fn enrolment(&self, address: IpAddr) -> Result<(), ApiError> {
        self.enrolments.check(&household(address))
    }

    /// Somebody changes something.
    ///
    /// # Errors
    /// `TooMany`, with when to come back.
    pub fn write(&self, user: UserId) -> Result<(), ApiError> {
        self.writes.check(&user)
    }

    /// Somebody wants an export.
    ///
    /// # Errors
    /// `TooMany`, with when to come back.
    pub fn export(&self, user: UserId) -> Result<(), ApiError> {
        self.exports.check(&user)
    }

    /// Whether one more failed sign-in is to be written down.
    pub fn writes_failure_down(&self) -> bool {
        self.failures.check().is_ok()
    }
}

fn quota((at_once, every): (u32, Duration)) -> Quota {
    let at_once = NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(every).unwrap_or_else(|| Quota::per_second(at_once)).allow_burst(at_once)
}

/// Addresses that one customer of a provider has to themselves: of IPv6, 2⁶⁴.
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(pace: &Pace, address: &str) -> u32 {
        let address = address.parse().unwrap();
        let mut tries = 0;
        while pace.sign_in(address).is_ok() {
            tries += 1;
            assert!(tries < 10_000, "nothing keeps it out");
        }
        tries
    }

    #[test]
    fn whoever_tries_too_often_keeps_out_themselves_alone() {
        let pace = Pace::default();
        assert!(tries(&pace, "198.51.100.7") >= SIGN_INS.0);
        assert!(tries(&pace, "198.51.100.8") >= SIGN_INS.0);
        // The same address, written as IPv6.
        assert_eq!(tries(&pace, "::ffff:198.51.100.7"), 0);
    }

    #[test]
    fn a_household_has_one_share_however_many_addresses() {
        let pace = Pace::default();
        assert!(tries(&pace, "2001:db8:1:2::1") >= SIGN_INS.0);
        assert_eq!(tries(&pace, "2001:db8:1:2:ffff::1"), 0);
        assert!(tries(&pace, "2001:db8:1:3::1") >= SIGN_INS.0);
    }
}
