//! The floor: a bare relay of two hops. What comes in on a link (mutual TLS 1.3) goes out on the viewers' sockets
//! (plain) of the same workspace, and nothing else is done. Nothing is parsed, kept, numbered or checked.
//!
//! It is built to be quick, since it is what Atelier is measured against: the task that reads a message writes it, and
//! read buffers are small.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use clap::Args;
use control_plane::pki::verify;
use control_plane::server;
use e2e::socket_config;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::version::Version;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::world;

/// What the relay says when it listens.
pub const READY: &str = "relaying";

/// The command line of `bench relay`.
#[derive(Args, Clone, Debug)]
pub struct RelayArgs {
    /// The data folder whose CA is to be used.
    #[arg(long)]
    data: PathBuf,
    /// Where viewers connect.
    #[arg(long)]
    public: SocketAddr,
    /// Where links connect.
    #[arg(long)]
    link: SocketAddr,
}

/// Those who watch one workspace.
type Viewers = Arc<tokio::sync::Mutex<Vec<SplitSink<WebSocketStream<TcpStream>, Message>>>>;

/// All of them, by workspace.
#[derive(Clone, Default)]
struct Relay(Arc<Mutex<HashMap<String, Viewers>>>);

/// Relays until the process is ended.
///
/// # Errors
/// When an address is taken, or the CA can't be read.
pub async fn serve(args: RelayArgs) -> anyhow::Result<()> {
    let tls = verify::server_config(&world::authority(&args.data).await?)?;
    let (public, link) = (server::bind(args.public)?, server::bind(args.link)?);
    let relay = Relay::default();
    crate::print(READY)?;
    tokio::join!(relay.clone().serve_viewers(public), relay.serve_links(link, TlsAcceptor::from(tls)));
    Ok(())
}

impl Relay {
    fn viewers(&self, workspace: &str) -> Viewers {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(workspace.to_owned()).or_default())
    }

    async fn serve_viewers(self, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let relay = self.clone();
            tasks.spawn(async move { relay.serve_viewer(stream).await });
            while tasks.try_join_next().is_some() {}
        }
    }

    async fn serve_viewer(self, stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let (socket, path) = accept(stream).await?;
        let (sink, stream) = socket.split();
        self.viewers(path.rsplit('/').next().unwrap_or_default()).lock().await.push(sink);
        drain(stream).await;
        Ok(())
    }

    async fn serve_links(self, listener: TcpListener, tls: TlsAcceptor) {
        let mut tasks = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (relay, tls) = (self.clone(), tls.clone());
            tasks.spawn(async move { relay.serve_link(stream, tls).await });
            while tasks.try_join_next().is_some() {}
        }
    }

    async fn serve_link(self, stream: TcpStream, tls: TlsAcceptor) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let stream = tls.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let peer = verify::peer(shown.context("no certificate")?)?;
        let viewers = self.viewers(&peer.workspace.to_string());
        let (mut socket, _) = accept(stream).await?;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() || message.is_text() {
                for viewer in viewers.lock().await.iter_mut() {
                    let _ = viewer.send(message.clone()).await;
                }
            }
        }
        Ok(())
    }
}

/// Reads what nobody is interested in, so that pings are answered and an end is noticed.
async fn drain(mut stream: SplitStream<WebSocketStream<TcpStream>>) {
    while let Some(Ok(_)) = stream.next().await {}
}

#[expect(clippy::result_large_err, reason = "the library wants the callback so")]
async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
) -> anyhow::Result<(WebSocketStream<S>, String)> {
    let mut path = String::new();
    let answer = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        path = request.uri().path().to_owned();
        let version = HeaderValue::from_static(Version::LATEST.subprotocol());
        response.headers_mut().insert("sec-websocket-protocol", version);
        Ok(response)
    };
    let socket =
        tokio_tungstenite::accept_hdr_async_with_config(stream, answer, Some(socket_config())).await?;
    Ok((socket, path))
}
