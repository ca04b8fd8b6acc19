//! The network wall: one static rule set for all bridges of this Atelier, set as a whole and as often as one likes.
//!
//! A table of our own, ahead of the engine's and the machine's: what it drops is dropped, what it lets through is
//! still theirs to judge. From a workspace one can reach, on this machine, the link port; elsewhere, what is public
//! (or nothing); never another workspace, a private range, or a metadata address. Nobody can open a connection to a
//! workspace. An `--internal` network would not do: it still reaches every port of the host on any bridge's address.

use std::fmt::Write;
use std::net::SocketAddr;

use super::network::bridge_prefix;
use crate::config::{Egress, Engine};

/// Ranges that are nobody's business from a workspace: private, shared, link-local (and with it the metadata
/// address), loopback, benchmarking, multicast, reserved. RFC 6890.
const DENIED: &str = "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, \
                      192.0.0.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/4, 240.0.0.0/4";

/// The table that the wall is.
pub fn table(instance: &str) -> String {
    format!("inet atelier_{instance}")
}

/// The rules, for `nft -f`.
pub fn rules(instance: &str, config: &Engine, link: SocketAddr) -> String {
    let table = table(instance);
    let bridges = format!("\"{}*\"", bridge_prefix(instance));
    let mut rules = String::new();
    // Set as a whole: an absent table can't be deleted, so it is declared first.
    let _ = writeln!(rules, "table {table} {{}}\ndelete table {table}\ntable {table} {{");
    let _ = writeln!(rules, "  chain input {{\n    type filter hook input priority -10; policy accept;");
    let _ = writeln!(rules, "    iifname {bridges} jump to_host\n  }}");
    let _ = writeln!(rules, "  chain to_host {{");
    let _ = writeln!(rules, "    ip daddr {} tcp dport {} accept", link.ip(), link.port());
    let _ = writeln!(rules, "    drop\n  }}");
    let _ = writeln!(rules, "  chain forward {{\n    type filter hook forward priority -10; policy accept;");
    let _ = writeln!(rules, "    iifname {bridges} jump from_workspace");
    let _ = writeln!(rules, "    oifname {bridges} ct state established,related accept");
    let _ = writeln!(rules, "    oifname {bridges} drop\n  }}");
    let _ = writeln!(rules, "  chain from_workspace {{");
    let _ = writeln!(rules, "    oifname {bridges} drop");
    let _ = writeln!(rules, "    meta nfproto != ipv4 drop");
    if !config.reach.is_empty() {
        let _ = writeln!(rules, "    ip daddr {{ {} }} accept", config.reach.join(", "));
    }
    match config.egress {
        Egress::Open => {
            for resolver in &config.dns {
                let _ =
                    writeln!(rules, "    ip daddr {resolver} meta l4proto {{ tcp, udp }} th dport 53 accept");
            }
            let _ = writeln!(rules, "    ip daddr {{ {DENIED} }} drop");
        }
        Egress::Gateway => {
            let _ = writeln!(rules, "    drop");
        }
    }
    rules.push_str("  }\n}\n");
    rules
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::runtime::docker::network::Subnets;

    fn engine(egress: Egress) -> Engine {
        Engine {
            host: String::new(),
            instance: None,
            image: String::new(),
            link_listen: None,
            link_address: None,
            memory: 0,
            nano_cpus: 0,
            pids: 512,
            disk: None,
            least_free: 0,
            uids: 1..2,
            subnets: Subnets::parse("10.213.0.0/16").unwrap(),
            egress,
            reach: vec!["10.9.0.0/16".into()],
            dns: vec![Ipv4Addr::new(10, 0, 0, 2)],
        }
    }

    fn position(rules: &str, part: &str) -> usize {
        rules.find(part).unwrap_or_else(|| panic!("{part} is missing in\n{rules}"))
    }

    #[test]
    fn exceptions_come_before_what_they_are_exceptions_from() {
        let rules = rules("3f2a", &engine(Egress::Open), "172.17.0.1:7443".parse().unwrap());
        let denied = position(&rules, "169.254.0.0/16");
        assert!(position(&rules, "ip daddr { 10.9.0.0/16 } accept") < denied);
        assert!(position(&rules, "ip daddr 10.0.0.2 meta l4proto { tcp, udp } th dport 53 accept") < denied);
        // Another workspace is never an exception.
        assert!(position(&rules, "oifname \"atl3f2a-*\" drop") < position(&rules, "10.9.0.0/16"));
        assert!(rules.contains("ip daddr 172.17.0.1 tcp dport 7443 accept\n    drop"));
    }

    #[test]
    fn gateway_only_lets_nothing_out_not_even_names() {
        let rules = rules("3f2a", &engine(Egress::Gateway), "172.17.0.1:7443".parse().unwrap());
        assert!(!rules.contains("dport 53"));
        assert!(rules.trim_end().ends_with("accept\n    drop\n  }\n}"));
    }
}
