//! The container engine, and what a workspace gets of the machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::Checker;
use crate::runtime::docker::network::Subnets;

/// Flags about the engine.
#[derive(Args, Clone, Debug)]
pub struct EngineArgs {
    /// The engine's API: unix:///… or tcp://…
    #[arg(long, env = "DOCKER_HOST", default_value = "unix:///var/run/docker.sock")]
    docker_host: String,
    /// What tells this Atelier's containers from those of others on the same engine: up to four letters and digits.
    /// [default: made up at the first start and kept]
    #[arg(long, env = "ATELIER_INSTANCE")]
    instance: Option<String>,
    /// The workspace image.
    #[arg(long, env = "ATELIER_IMAGE", default_value = "claude-workspace:latest")]
    image: String,
    /// Where workspace-agents connect: address and port. [default: the engine's default bridge, port 7443]
    #[arg(long, env = "ATELIER_LINK_LISTEN")]
    link_listen: Option<String>,
    /// The address that workspace-agents dial, if it isn't where this listens.
    #[arg(long, env = "ATELIER_LINK_ADDRESS")]
    link_address: Option<String>,
    /// Memory of a workspace.
    #[arg(long, env = "ATELIER_MEMORY", default_value = "1g")]
    memory: String,
    /// CPUs of a workspace.
    #[arg(long, env = "ATELIER_CPUS", default_value = "1")]
    cpus: String,
    /// Processes of a workspace.
    #[arg(long, env = "ATELIER_PIDS", default_value = "512")]
    pids: String,
    /// Disk of a workspace, where the engine can hold it to that; 0: no quota.
    #[arg(long, env = "ATELIER_DISK", default_value = "10g")]
    disk: String,
    /// Free space on the workspaces' disk below which the workspace that fills it is stopped.
    #[arg(long, env = "ATELIER_LEAST_FREE", default_value = "1g")]
    least_free: String,
    /// User ids for workspaces: from-to. Each workspace has one of its own, since some limits are per user id for
    /// the whole machine.
    #[arg(long, env = "ATELIER_UIDS", default_value = "200000-265535")]
    uids: String,
    /// The range that workspaces' networks are cut from.
    #[arg(long, env = "ATELIER_SUBNETS", default_value = "10.213.0.0/16")]
    subnets: String,
    /// What workspaces may reach outside: anything public, or the model gateway alone.
    #[arg(long, env = "ATELIER_EGRESS", value_enum, default_value = "open")]
    egress: Egress,
    /// Private ranges that workspaces may reach all the same, separated by commas.
    #[arg(long, env = "ATELIER_REACH", value_delimiter = ',')]
    reach: Vec<String>,
    /// Name servers for workspaces, separated by commas. [default: those of this machine]
    #[arg(long, env = "ATELIER_DNS", value_delimiter = ',')]
    dns: Vec<String>,
}

/// What workspaces may reach outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Egress {
    /// Anything public.
    Open,
    /// The model gateway alone; no name server either.
    Gateway,
}

/// The engine, checked.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Its API.
    pub host: String,
    /// What tells this Atelier's containers from others'; `None`: made up and kept.
    pub instance: Option<String>,
    /// The workspace image.
    pub image: String,
    /// Where workspace-agents connect; `None`: the engine's default bridge.
    pub link_listen: Option<SocketAddr>,
    /// What they dial; `None`: where this listens.
    pub link_address: Option<SocketAddr>,
    /// Bytes of memory.
    pub memory: i64,
    /// Billionths of a CPU.
    pub nano_cpus: i64,
    /// Processes.
    pub pids: u32,
    /// Bytes of disk, if there is to be a quota.
    pub disk: Option<u64>,
    /// Bytes that should stay free on the workspaces' disk.
    pub least_free: u64,
    /// User ids for workspaces.
    pub uids: Range<u32>,
    /// Networks for workspaces.
    pub subnets: Subnets,
    /// What workspaces may reach outside.
    pub egress: Egress,
    /// Private ranges that they may reach all the same.
    pub reach: Vec<String>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
}

/// The port for workspace-agents, unless configured.
pub const LINK_PORT: u16 = 7443;

impl EngineArgs {
    pub(super) fn checked(self, checker: &mut Checker) -> Option<Engine> {
        let named = self.instance.as_deref().is_none_or(is_instance);
        checker.ensure("--instance", named, "one to four lower-case letters and digits");
        let link_listen = self.link_listen.as_deref().map(|text| checker.parse("--link-listen", text));
        let link_address = self.link_address.as_deref().map(|text| checker.parse("--link-address", text));
        let memory =
            checker.take("--memory", bytes(&self.memory).and_then(|bytes| Ok(i64::try_from(bytes)?)));
        checker.ensure("--memory", memory.is_none_or(|memory| memory >= 64 << 20), "at least 64m");
        let disk = checker.take("--disk", bytes(&self.disk));
        let small = disk.is_some_and(|disk| disk > 0 && disk < 64 << 20);
        checker.ensure("--disk", !small, "at least 64m, or 0");
        let least_free = checker.take("--least-free", bytes(&self.least_free));
        let sane = |cpus: f64| cpus.is_finite() && cpus > 0.0 && cpus < 1e4;
        let cpus = checker.number("--cpus", &self.cpus, sane, "no number of CPUs");
        let pids = checker.number("--pids", &self.pids, |pids: u32| pids >= 64, "at least 64");
        let uids = checker.take("--uids", range(&self.uids));
        let subnets = checker.take("--subnets", Subnets::parse(&self.subnets));
        for range in &self.reach {
            checker.take("--reach", cidr(range));
        }
        let dns: Vec<Option<Ipv4Addr>> = match self.dns.is_empty() {
            true => machine_resolvers().into_iter().map(Some).collect(),
            false => self.dns.iter().map(|text| checker.parse("--dns", text.trim())).collect(),
        };
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        let nano_cpus = (cpus? * 1e9) as i64;
        Some(Engine {
            host: self.docker_host,
            instance: self.instance,
            image: self.image,
            link_listen: link_listen.transpose_or_missing()?,
            link_address: link_address.transpose_or_missing()?,
            memory: memory?,
            nano_cpus,
            pids: pids?,
            disk: disk.filter(|disk| *disk > 0),
            least_free: least_free?,
            uids: uids?,
            subnets: subnets?,
            egress: self.egress,
            reach: self.reach,
            dns: dns.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// The kernel allows 15 characters for a bridge's name, and the workspace's number has to fit beside it.
fn is_instance(name: &str) -> bool {
    (1..=4).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A flag that may be absent, and may be wrong.
trait Optional<T> {
    /// The outer `None`: it is wrong.
    fn transpose_or_missing(self) -> Option<Option<T>>;
}

impl<T> Optional<T> for Option<Option<T>> {
    fn transpose_or_missing(self) -> Option<Option<T>> {
        match self {
            None => Some(None),
            Some(Some(value)) => Some(Some(value)),
            Some(None) => None,
        }
    }
}

/// A size: a number with `k`, `m` or `g` behind it, or none for bytes.
fn bytes(text: &str) -> anyhow::Result<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor: u64 = match unit.trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        other => anyhow::bail!("{other:?} is no unit; k, m and g are"),
    };
    let number: u64 = digits.parse().with_context(|| format!("{text:?} is no size"))?;
    number.checked_mul(factor).with_context(|| format!("{text:?} is too large"))
}

fn range(text: &str) -> anyhow::Result<Range<u32>> {
    let (from, to) = text.split_once('-').context("not from-to")?;
    let (from, to): (u32, u32) = (from.trim().parse()?, to.trim().parse()?);
    anyhow::ensure!(from >= 1000 && from < to && to < u32::MAX, "not a range of user ids from 1000 up");
    Ok(from..to + 1)
}

/// Checks a range of addresses in CIDR notation.
fn cidr(text: &str) -> anyhow::Result<()> {
    let (address, bits) = text.trim().split_once('/').unwrap_or((text.trim(), "32"));
    let _: Ipv4Addr = address.parse().with_context(|| format!("{text:?} is no IPv4 range"))?;
    let bits: u8 = bits.parse().with_context(|| format!("{text:?} is no IPv4 range"))?;
    anyhow::ensure!(bits <= 32, "{text:?} is no IPv4 range");
    Ok(())
}

/// The name servers of this machine that a container could ask.
fn machine_resolvers() -> Vec<Ipv4Addr> {
    ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| resolvers(&text))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn resolvers(text: &str) -> Vec<Ipv4Addr> {
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = servers.filter_map(|server| server.trim().parse::<IpAddr>().ok());
    let usable = addresses.filter_map(|address| match address {
        IpAddr::V4(address) if !address.is_loopback() => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    });
    usable.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(bytes("1g").unwrap(), 1 << 30);
        assert_eq!(bytes("512MB").unwrap(), 512 << 20);
        assert_eq!(bytes("0").unwrap(), 0);
        for wrong in ["", "g", "1t", "-1", "99999999999g"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn user_ids_are_never_the_systems() {
        assert_eq!(range("200000-265535").unwrap(), 200_000..265_536);
        for wrong in ["0-10", "999-2000", "5000-4000", "5000"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn resolvers_on_loopback_are_not_for_containers() {
        let text = "# x\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\n";
        assert_eq!(resolvers(text), [Ipv4Addr::new(10, 0, 0, 2)]);
    }
}
