//! What load is put on: a control plane, or the relay that is its floor. Each a process of its own, started on the same
//! data folder and spoken to by the same code.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::impostor::{self, Link};
use e2e::stack::{self, binary, free_port};
use e2e::viewer::{self, Socket};
use e2e::{PATIENCE, Server};
use futures_util::{SinkExt, StreamExt};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use protocol::viewer::{FromViewer, Request};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::relay;
use crate::world::{Person, World};

/// A server under load.
#[derive(Debug)]
pub struct Target {
    address: Address,
    arguments: Vec<String>,
    log: PathBuf,
    server: Option<Server>,
}

/// Where a server is, whether it runs or not.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// Which server.
    pub kind: Kind,
    /// Where browsers connect.
    pub public: SocketAddr,
    /// Where workspace-agents connect.
    pub link: SocketAddr,
}

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A control plane.
    Atelier,
    /// The floor.
    Relay,
}

/// The type of a message from the control plane.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

impl Target {
    /// Starts a control plane. Its store is the world's, on disk. It has no container engine: nothing is to be
    /// started, and the workspace-agents are scripted.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn atelier(world: &World) -> anyhow::Result<Self> {
        let data = world.data.path();
        let mut arguments = vec!["serve".to_owned()];
        arguments.extend([
            format!("--listen={}", world.public),
            format!("--link-listen={}", world.link),
            format!("--data={}", data.display()),
            format!("--web={}", stack::web(data)?.display()),
            format!("--docker-host=unix://{}", data.join("no-engine.sock").display()),
            "--instance=load".to_owned(),
        ]);
        let address = Address { kind: Kind::Atelier, public: world.public, link: world.link };
        Self::start(address, arguments, data).await
    }

    /// Starts the floor.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn relay(world: &World) -> anyhow::Result<Self> {
        let (public, link) = (free_port("127.0.0.1")?, free_port("127.0.0.1")?);
        let data = world.data.path();
        let mut arguments = vec!["relay".to_owned()];
        arguments.extend([
            format!("--data={}", data.display()),
            format!("--public={public}"),
            format!("--link={link}"),
        ]);
        Self::start(Address { kind: Kind::Relay, public, link }, arguments, data).await
    }

    async fn start(address: Address, arguments: Vec<String>, data: &Path) -> anyhow::Result<Self> {
        let log = data.join(format!("{}.log", address.kind.program()));
        let mut target = Self { address, arguments, log, server: None };
        target.come_up().await?;
        Ok(target)
    }

    /// Starts it again after its end.
    ///
    /// # Errors
    /// When it does not come up; with its log.
    pub async fn come_up(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(binary(self.address.kind.program()));
        command.args(&self.arguments).env("ATELIER_LOG", "info").env("NO_COLOR", "1").stderr(log);
        let ready = |line: &str| (line.contains("#code=") || line == relay::READY).then_some(());
        match Server::start(&mut command, ready).await {
            Ok((server, ())) => self.server = Some(server),
            Err(error) => {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                anyhow::bail!("{error:#}; its log:\n{log}");
            }
        }
        Ok(())
    }

    /// Ends it.
    pub async fn end(&mut self, signal: Signal) {
        if let Some(server) = self.server.take() {
            server.end(signal).await;
        }
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> anyhow::Result<Pid> {
        self.server.as_ref().map(Server::pid).context("the server does not run")
    }

    /// Where it is.
    pub const fn address(&self) -> Address {
        self.address
    }
}

impl Address {
    /// Opens a workspace's link. It is up when this returns.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open_link(&self, person: &Person) -> anyhow::Result<Link> {
        match self.kind {
            Kind::Atelier => impostor::link_with(self.link, &person.tls, Vec::new()).await,
            Kind::Relay => impostor::dial(self.link, &person.tls, "atelier.v1").await,
        }
    }

    /// Opens a viewer's socket. It has been welcomed when this returns.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open_viewer(&self, person: &Person) -> anyhow::Result<Socket> {
        match self.kind {
            Kind::Atelier => {
                let mut socket =
                    viewer::connect(self.public, &person.user.to_string(), &person.cookie).await?;
                until(&mut socket, "welcome").await?;
                Ok(socket)
            }
            Kind::Relay => viewer::connect(self.public, &person.workspace.to_string(), "none=").await,
        }
    }

    /// Has a viewer follow the person's conversation. The relay's viewers do from the beginning.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn follow(&self, socket: &mut Socket, person: &Person) -> anyhow::Result<()> {
        if self.kind == Kind::Atelier {
            ask_to_follow(socket, person).await?;
            until(socket, "opened").await?;
        }
        Ok(())
    }
}

impl Kind {
    const fn program(self) -> &'static str {
        match self {
            Self::Atelier => "control-plane",
            Self::Relay => "bench",
        }
    }
}

/// Asks for a person's conversation, from its newest events on.
///
/// # Errors
/// When the socket breaks.
pub async fn ask_to_follow(socket: &mut Socket, person: &Person) -> anyhow::Result<()> {
    let body = FromViewer::Open { conversation: person.conversation, cursor: None };
    let request = serde_json::to_string(&Request { re: 1, body })?;
    Ok(socket.send(Message::text(request)).await?)
}

/// Reads until a message of a type comes, and returns it.
///
/// # Errors
/// When the socket breaks or nothing of the kind comes.
pub async fn until(socket: &mut Socket, kind: &str) -> anyhow::Result<String> {
    let reading = async {
        loop {
            let message = socket.next().await.context("the socket ended")??;
            if let Message::Text(text) = message
                && serde_json::from_str::<Typed<'_>>(&text)?.kind == kind
            {
                return Ok(text.to_string());
            }
        }
    };
    timeout(PATIENCE, reading).await.with_context(|| format!("there is no {kind:?}"))?
}
