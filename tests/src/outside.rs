//! A network namespace of the test's own, with stand-ins for places that a workspace may or may not reach.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use nix::sched::{CloneFlags, setns};

/// A namespace behind this machine, and a service that listens on all its addresses.
#[derive(Debug)]
pub struct Outside {
    name: String,
    port: u16,
}

impl Outside {
    /// Makes a namespace that has these addresses. The second last bit of each is the namespace's, the last this
    /// machine's: networks of four addresses each, `….2` there and `….1` here.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new(name: &str, addresses: &[Ipv4Addr]) -> anyhow::Result<Self> {
        let name = format!("out{name}");
        let mut outside = Self { name, port: 0 };
        outside.remove();
        let here = format!("{}h", outside.name);
        outside.ip(&["netns", "add", &outside.name])?;
        outside.ip(&[
            "link",
            "add",
            &here,
            "type",
            "veth",
            "peer",
            "name",
            "there",
            "netns",
            &outside.name,
        ])?;
        for address in addresses {
            let near = Ipv4Addr::from_bits(address.to_bits() - 1);
            outside.ip(&["addr", "add", &format!("{near}/30"), "dev", &here])?;
            outside.ip(&["-n", &outside.name, "addr", "add", &format!("{address}/30"), "dev", "there"])?;
        }
        outside.ip(&["link", "set", &here, "up"])?;
        outside.ip(&["-n", &outside.name, "link", "set", "there", "up"])?;
        outside.port = outside.serve()?;
        Ok(outside)
    }

    /// Where the service listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A thread of its own enters the namespace and greets whoever calls, until this process ends.
    fn serve(&self) -> anyhow::Result<u16> {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.name))?;
        let (port, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let listening = setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)
                .map_err(anyhow::Error::new)
                .and_then(|()| Ok(TcpListener::bind("0.0.0.0:0")?));
            let listener =
                match listening.and_then(|listener| Ok((echo(listener.local_addr()?)?, listener).1)) {
                    Ok(listener) => listener,
                    Err(error) => return drop(port.send(Err(error))),
                };
            let _ = port.send(listener.local_addr().map(|address| address.port()).map_err(Into::into));
            while let Ok((mut caller, _)) = listener.accept() {
                let _ = caller.write_all(b"outside");
            }
        });
        told.recv().context("the service")?
    }

    fn ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new("ip").args(arguments).output()?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success(), "ip {}: {words}", arguments.join(" "));
        Ok(())
    }

    fn remove(&self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
        let _ = Command::new("ip").args(["link", "del", &format!("{}h", self.name)]).output();
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Sends back, until this process ends, every datagram that comes to an address.
///
/// # Errors
/// When it can't be had.
pub fn echo(address: SocketAddr) -> anyhow::Result<()> {
    let socket = UdpSocket::bind(address)?;
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok((length, caller)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(&bytes[..length], caller);
        }
    });
    Ok(())
}

/// Has root run a script in the network of a process.
///
/// # Errors
/// When it fails; with its words.
pub fn inside(pid: &str, script: &str) -> anyhow::Result<String> {
    let output = Command::new("nsenter").args(["-t", pid, "-n", "sh", "-euc", script]).output()?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "{script}: {words}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Connects from this machine.
///
/// # Errors
/// When nobody answers.
pub fn reach(address: SocketAddr) -> anyhow::Result<()> {
    TcpStream::connect_timeout(&address, Duration::from_secs(5))
        .map(drop)
        .with_context(|| address.to_string())
}

/// This machine's own addresses, loopback aside.
///
/// # Errors
/// When they can't be read.
pub fn own_addresses() -> anyhow::Result<Vec<IpAddr>> {
    let addresses = nix::ifaddrs::getifaddrs()?;
    let ipv4 = addresses.filter_map(|one| Some(one.address?.as_sockaddr_in()?.ip()));
    Ok(ipv4.filter(|address| !address.is_loopback()).map(IpAddr::V4).collect())
}
