//! One small network a workspace, cut from a configured range: the engine's own pools run out near thirty.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use anyhow::Context;
use bollard::errors::Error;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};

use super::{DockerRuntime, INSTANCE, absent_is_fine, refused};
use crate::runtime::RuntimeError;

/// A workspace's network has eight addresses: network, gateway, the container, and room.
const BITS: u32 = 29;

/// A range of addresses that networks are cut from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subnets {
    base: Ipv4Addr,
    bits: u32,
}

impl Subnets {
    /// From CIDR notation.
    ///
    /// # Errors
    /// When it isn't that, or isn't private, or is too small.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let (base, bits) = text.trim().split_once('/').context("not in the form 10.213.0.0/16")?;
        let base: Ipv4Addr = base.parse().context("not an IPv4 address")?;
        let bits: u32 = bits.parse().context("not a number of bits")?;
        anyhow::ensure!((8..=26).contains(&bits), "a range has 8 to 26 bits");
        anyhow::ensure!(base.is_private(), "{base} is not a private address");
        let mask = u32::MAX << (32 - bits);
        anyhow::ensure!(base.to_bits() & !mask == 0, "{base} is not the beginning of a range of {bits} bits");
        Ok(Self { base, bits })
    }

    /// How many networks it holds.
    pub const fn count(self) -> u32 {
        1 << (BITS - self.bits)
    }

    /// The `n`th network and its gateway.
    pub fn nth(self, n: u32) -> (String, Ipv4Addr) {
        let base = Ipv4Addr::from_bits(self.base.to_bits() + (n << (32 - BITS)));
        (format!("{base}/{BITS}"), Ipv4Addr::from_bits(base.to_bits() + 1))
    }
}

/// What the names of an instance's bridges begin with. The kernel allows 15 characters in all.
pub fn bridge_prefix(instance: &str) -> String {
    format!("atl{instance}-")
}

impl DockerRuntime {
    pub(super) fn network_name(&self, n: u32) -> String {
        format!("atelier-{}-net-{n}", self.instance)
    }

    /// Makes a workspace's network, unless it is there.
    pub(super) async fn ensure_network(&self, n: u32) -> Result<(), RuntimeError> {
        let name = self.network_name(n);
        match self.engine()?.inspect_network(&name, None).await {
            Ok(_) => return Ok(()),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => return Err(refused(error)),
        }
        let (subnet, gateway) = self.config.subnets.nth(n);
        let ipam =
            IpamConfig { subnet: Some(subnet), gateway: Some(gateway.to_string()), ..IpamConfig::default() };
        let option = |key: &str, value: &str| (format!("com.docker.network.bridge.{key}"), value.to_owned());
        let request = NetworkCreateRequest {
            name,
            driver: Some("bridge".to_owned()),
            ipam: Some(Ipam { config: Some(vec![ipam]), ..Ipam::default() }),
            options: Some(HashMap::from([
                option("name", &format!("{}{n:x}", bridge_prefix(&self.instance))),
                option("enable_icc", "false"),
                option("enable_ip_masquerade", "true"),
            ])),
            labels: Some(HashMap::from([(INSTANCE.to_owned(), self.instance.clone())])),
            ..NetworkCreateRequest::default()
        };
        match self.engine()?.create_network(request).await {
            // Another start was quicker.
            Ok(_) | Err(Error::DockerResponseServerError { status_code: 409, .. }) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    pub(super) async fn remove_network(&self, n: u32) -> Result<(), RuntimeError> {
        absent_is_fine(self.engine()?.remove_network(&self.network_name(n)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_networks() {
        let subnets = Subnets::parse("10.213.0.0/16").unwrap();
        assert_eq!(subnets.count(), 8192);
        assert_eq!(subnets.nth(0), ("10.213.0.0/29".into(), Ipv4Addr::new(10, 213, 0, 1)));
        assert_eq!(subnets.nth(8191), ("10.213.255.248/29".into(), Ipv4Addr::new(10, 213, 255, 249)));
    }

    #[test]
    fn only_private_ranges_of_a_sensible_size_will_do() {
        for wrong in ["8.8.0.0/16", "10.0.0.0", "10.0.0.1/16", "10.0.0.0/30", "10.0.0.0/4", "x/16"] {
            assert!(Subnets::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bridge_names_fit_the_kernel() {
        assert!(format!("{}{:x}", bridge_prefix("ffff"), u32::from(u16::MAX)).len() <= 15);
    }
}
