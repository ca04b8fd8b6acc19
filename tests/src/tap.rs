//! A tap on the link: it stands where workspace-agents dial, passes on what they and the control plane say to each
//! other, and writes down every message of the links.
//!
//! TLS is mutual, so the tap ends it on both sides. It knows the Atelier's CA and store: to workspace-agents it shows a
//! certificate of that CA, and to the control plane one that it has issued for the workspace itself, which takes the
//! place of the one that the workspace-agent shows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use control_plane::pki::Authority;
use control_plane::pki::verify::{self, Peer};
use control_plane::store::Store;
use control_plane::store::records::Certificates;
use futures_util::{SinkExt, StreamExt};
use protocol::version::Version;
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use workspace_agent::link::tls;

use crate::impostor;
use crate::recording::{Line, Recording, Said};
use crate::stack::{Stack, StackOptions, bridge_address, free_port};

/// How a request for a link begins. Every other one (enrolment, the model) is passed on unseen.
const LINK: &[u8; 9] = b"GET /link";

/// A tap. It ends when it is dropped.
#[derive(Debug)]
pub struct Tap {
    inner: Arc<Inner>,
    /// Whether links may be.
    open: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

struct Inner {
    link: SocketAddr,
    authority: Authority,
    store: Arc<dyn Store>,
    /// The tap's own certificates, by the serial numbers of those that they stand for.
    identities: tokio::sync::Mutex<HashMap<String, Arc<ClientConfig>>>,
    written: Mutex<Recording>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("link", &self.link).finish_non_exhaustive()
    }
}

impl Tap {
    /// A whole Atelier whose workspace-agents dial a tap.
    ///
    /// # Errors
    /// When a part does not come up.
    pub async fn stack() -> anyhow::Result<(Stack, Self)> {
        let address = free_port(&bridge_address(&crate::Engine::local()?).await?)?;
        let flags = vec![format!("--link-address={address}")];
        let stack = Stack::start_with(StackOptions { flags, ..StackOptions::default() }).await?;
        let tap = Self::new(&stack, TcpListener::bind(address).await?).await?;
        Ok((stack, tap))
    }

    async fn new(stack: &Stack, listener: TcpListener) -> anyhow::Result<Self> {
        let (authority, store) = (stack.authority().await?, stack.store().await?);
        let acceptor = TlsAcceptor::from(verify::server_config(&authority)?);
        let inner = Inner {
            link: stack.link,
            authority,
            store,
            identities: tokio::sync::Mutex::default(),
            written: Mutex::default(),
        };
        let (inner, open) = (Arc::new(inner), watch::Sender::new(true));
        let mut serving = JoinSet::new();
        serving.spawn(Arc::clone(&inner).serve(listener, acceptor, open.subscribe()));
        Ok(Self { inner, open, _serving: serving })
    }

    /// Breaks the link and lets none come up. What else workspaces ask of the control plane goes on.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets links come up again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }

    /// Notes that a person has read this live text.
    pub fn was_read(&self, text: &str) {
        self.inner.note(Line::Read(text.to_owned()));
    }

    /// What was said so far.
    pub fn recording(&self) -> Recording {
        self.inner.written().clone()
    }
}

impl Inner {
    fn written(&self) -> MutexGuard<'_, Recording> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, line: Line) {
        self.written().push(line);
    }

    async fn serve(self: Arc<Self>, listener: TcpListener, tls: TlsAcceptor, open: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (tap, tls, open) = (Arc::clone(&self), tls.clone(), open.clone());
            // What goes wrong here shows in what both sides make of it.
            connections.spawn(async move { tap.pass_on(stream, tls, open).await });
            while connections.try_join_next().is_some() {}
        }
    }

    /// Serves one connection of a workspace's.
    async fn pass_on(
        &self,
        stream: TcpStream,
        tls: TlsAcceptor,
        open: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let mut near = tls.accept(stream).await?;
        let shown = near.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let identity = match shown.map(verify::peer).transpose()? {
            Some(peer) => self.identity(&peer).await?,
            None => tls::pinned(self.authority.digest().as_str())?,
        };
        let mut head = [0; LINK.len()];
        near.read_exact(&mut head).await?;
        if head == *LINK {
            let (rest, writer) = tokio::io::split(near);
            let near = tokio::io::join(AsyncReadExt::chain(&LINK[..], rest), writer);
            return self.record(near, &identity, open).await;
        }
        let mut far = impostor::connect(self.link, &identity).await?;
        far.write_all(&head).await?;
        tokio::io::copy_bidirectional(&mut near, &mut far).await?;
        Ok(())
    }

    /// The tap's own certificate in the place of this one. The workspace's other ones are void with it.
    async fn identity(&self, peer: &Peer) -> anyhow::Result<Arc<ClientConfig>> {
        let mut identities = self.identities.lock().await;
        if let Some(known) = identities.get(&peer.serial) {
            return Ok(Arc::clone(known));
        }
        let key = KeyPair::generate()?;
        let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
        let issued = self.authority.issue(&csr, peer.workspace)?;
        let record = self.store.workspace(peer.workspace).await?;
        let fresh = Certificates { current: Some(issued.serial), ..Certificates::default() };
        self.store.set_certificates(peer.workspace, &record.certificates, &fresh).await?;
        let identity = tls::mutual(self.authority.trust(), &issued.chain, &key.serialize_pem())?;
        identities.insert(peer.serial.clone(), Arc::clone(&identity));
        Ok(identity)
    }

    /// Passes one link on, and writes it down.
    async fn record<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        near: S,
        identity: &Arc<ClientConfig>,
        mut open: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(*open.borrow_and_update(), "the link is cut");
        let (mut near, offered) = accept(near).await?;
        let mut far = impostor::dial(self.link, identity, &offered).await?;
        self.note(Line::Dialled(offered));
        let passed = async {
            loop {
                tokio::select! {
                    said = near.next() => self.pass(said, &mut far, Line::Agent).await?,
                    said = far.next() => self.pass(said, &mut near, Line::Control).await?,
                }
            }
        };
        let ended: anyhow::Result<()> = tokio::select! {
            ended = passed => ended,
            cut = open.wait_for(|open| !open) => cut.map(drop).map_err(Into::into),
        };
        self.note(Line::Broke);
        ended
    }

    /// Writes one message down, then passes it on.
    async fn pass<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        said: Option<Result<Message, Error>>,
        to: &mut WebSocketStream<S>,
        line: impl Fn(Said) -> Line,
    ) -> anyhow::Result<()> {
        let message = said.context("the link ended")??;
        if let Some(said) = Said::by(&message) {
            self.note(line(said));
        }
        // Each side answers the tap's pings, and the tap answers theirs.
        if !message.is_pong() {
            to.send(message).await?;
        }
        Ok(())
    }
}

/// A link that comes in, and the versions that it offers.
#[expect(clippy::result_large_err, reason = "the library wants the callback so")]
async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
) -> anyhow::Result<(WebSocketStream<S>, String)> {
    let mut offered = String::new();
    let answer = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        if let Some(versions) = request.headers().get("sec-websocket-protocol") {
            offered = versions.to_str().unwrap_or_default().to_owned();
            if let Some(version) = Version::negotiate(&offered) {
                let version = HeaderValue::from_static(version.subprotocol());
                response.headers_mut().insert("sec-websocket-protocol", version);
            }
        }
        Ok(response)
    };
    let socket =
        tokio_tungstenite::accept_hdr_async_with_config(stream, answer, Some(crate::socket_config())).await?;
    Ok((socket, offered))
}
