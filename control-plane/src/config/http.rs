//! Where browsers connect: the address, TLS, and the proxies that may stand in between.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ipnet::IpNet;

use super::Checker;

/// Flags about how browsers connect.
#[derive(Args, Clone, Debug)]
pub struct HttpArgs {
    /// Where browsers connect: address and port.
    #[arg(long, env = "ATELIER_LISTEN", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The address that people type, if it isn't where this listens: scheme, host and port.
    #[arg(long, env = "ATELIER_PUBLIC_URL")]
    public_url: Option<String>,
    /// The certificate to serve HTTPS with, and those that lead from it to its authority, in PEM. Read again when it
    /// changes.
    #[arg(long, env = "ATELIER_TLS_CERTIFICATE")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, env = "ATELIER_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Reverse proxies: addresses or networks, separated by commas. What they say of whom they forward for is believed,
    /// and of nobody else.
    #[arg(long, env = "ATELIER_TRUSTED_PROXIES", value_delimiter = ',')]
    trusted_proxies: Vec<String>,
}

/// How browsers connect, checked.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where.
    pub listen: SocketAddr,
    /// What people type: scheme, host and port, without a trailing slash. `None`: where this listens.
    pub public_url: Option<String>,
    /// The files of the certificate and of its key, to serve HTTPS.
    pub tls: Option<TlsFiles>,
    /// The reverse proxies that are believed.
    pub proxies: Vec<IpNet>,
}

/// Where a certificate and its key are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The certificate, with those that lead to its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Http {
    /// Whether browsers come over HTTPS, here or up to a proxy.
    pub fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Whether a connection from there is taken at all. Where plain HTTP is spoken on an address that others reach, it is
    /// spoken with the proxies alone, and with this machine, which asks how we are.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.tls.is_some() || address.to_canonical().is_loopback() || self.is_proxy(address)
    }

    /// Whether there is one of the proxies.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

impl HttpArgs {
    /// `local`: people sign in locally.
    pub(super) fn checked(self, checker: &mut Checker, local: bool) -> Option<Http> {
        let listen: Option<SocketAddr> = checker.parse("--listen", &self.listen);
        let proxies = proxies(checker, &self.trusted_proxies);
        let tls = self.tls(checker);
        let named =
            self.public_url.as_ref().is_none_or(|url| checker.take("--public-url", origin(url)).is_some());
        let http = Http { listen: listen?, public_url: self.public_url, tls: tls?, proxies };
        let guarded = http.tls.is_some() || !http.proxies.is_empty();
        if !http.listen.ip().is_loopback() {
            let words = "local sign-in is for loopback only; listen on 127.0.0.1 or [::1], or configure an identity \
                         provider (--oidc-client-id)";
            checker.ensure("--listen", !local, words);
            let words =
                "others reach this address: give --tls-certificate and --tls-key, or --trusted-proxies";
            checker.ensure("--listen", local || guarded, words);
            let words = "others reach the address that this listens on: say what people type, https and all";
            checker.ensure("--public-url", local || http.is_https(), words);
        } else if named {
            let words = "people type https, and something else speaks it: name it, or all who come through it would \
                         share what one address may do; or give --tls-certificate and --tls-key";
            checker.ensure("--trusted-proxies", guarded || !http.is_https(), words);
        }
        let words = "with --tls-certificate, people type https";
        checker.ensure("--public-url", http.tls.is_none() || http.is_https(), words);
        Some(http)
    }

    /// The outer `None`: what is given is wrong.
    fn tls(&self, checker: &mut Checker) -> Option<Option<TlsFiles>> {
        match (self.tls_certificate.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => {
                let files = TlsFiles { certificate, key };
                checker.take("--tls-certificate", crate::server::tls::read(&files))?;
                Some(Some(files))
            }
            (None, None) => Some(None),
            (Some(_), None) | (None, Some(_)) => {
                checker.ensure(
                    "--tls-certificate",
                    false,
                    "a certificate and its key go together: --tls-key",
                );
                None
            }
        }
    }
}

fn proxies(checker: &mut Checker, texts: &[String]) -> Vec<IpNet> {
    let some = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let networks = some.filter_map(|text| {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        checker
            .take("--trusted-proxies", network.map_err(|_| format!("{text:?} is no address and no network")))
    });
    let networks: Vec<IpNet> = networks.collect();
    let everyone = networks.iter().any(|network| network.prefix_len() == 0);
    checker.ensure("--trusted-proxies", !everyone, "everyone is no proxy; name the proxies");
    networks
}

/// Checks an address that people type: requests carry it as their `Origin`, so it must be written as browsers write it.
/// Plain HTTP is for this machine only, since the cookie can't be kept from eavesdroppers there.
fn origin(text: &str) -> anyhow::Result<()> {
    let url = reqwest::Url::parse(text).with_context(|| format!("{text:?} is not scheme, host and port"))?;
    let origin = url.origin().ascii_serialization();
    let local = ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| url.host_str() == Some(host));
    anyhow::ensure!(
        url.scheme() == "https" || url.scheme() == "http" && local,
        "{text:?} is not https, and plain http is for loopback only"
    );
    anyhow::ensure!(origin == text, "{text:?} is not scheme, host and port alone; browsers write {origin}");
    Ok(())
}
