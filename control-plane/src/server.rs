//! Accepting connections and speaking HTTP on them: one loop for the public port and for the link port.

pub mod crowd;
pub mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Extensions;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

use self::crowd::{Crowd, Place};
use crate::config::Http;
use crate::pki::verify::{self, Peer};

/// Connections that the kernel holds before they are accepted. With the usual 128 a storm of redialling
/// workspace-agents would wait for retransmissions.
const BACKLOG: u32 = 4096;
/// How long a request's head may take. Slower clients are not served.
const HEAD: Duration = Duration::from_secs(15);
/// How long a connection may wait until it is its turn to shake hands.
const TURN: Duration = Duration::from_secs(20);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The kernel's send buffer for a connection. A large one hides a slow peer and makes what matters wait; left to
/// itself the kernel would keep 4 MiB for a browser that does not read.
const SOCKET_BYTES: usize = 256 * 1024;
/// What a connection may have in the kernel that is not on the network yet. Beyond it a writer waits, and may think of
/// something more urgent; what is on the network already is as much as the way holds.
const UNSENT_BYTES: u32 = 16 * 1024;

/// Who a connection comes from. Every request on it carries this.
#[derive(Clone, Copy, Debug)]
pub struct RemoteAddress(pub SocketAddr);

/// The certificate that a connection showed, if any. Every request on the link port carries this.
#[derive(Clone, Debug)]
pub struct PeerCertificate(pub Option<Peer>);

/// Lets this process have as many descriptors as its user is allowed; what it begins with, often 1,024, is for
/// programs that still use `select`. Returns how many.
///
/// # Errors
/// When the kernel refuses.
pub fn raise_descriptors() -> io::Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(most)
}

/// Binds an address.
///
/// # Errors
/// When it is taken, or not ours.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What a port serves, and for how long.
#[derive(Clone, Debug)]
pub struct Port {
    /// What it is called in the log.
    pub name: &'static str,
    /// What one address may take.
    pub crowd: Arc<Crowd>,
    /// Who is taken at all, and who speaks for others; `None`: everyone for themselves.
    pub proxied: Option<Arc<Http>>,
    /// The routes.
    pub router: Router,
    /// Cancelled when it is time to stop; open requests finish.
    pub stop: CancellationToken,
    /// The tasks that connections are.
    pub tasks: TaskTracker,
}

impl Port {
    /// A place for a connection from there, if it is to be taken.
    fn place(&self, address: IpAddr) -> Option<Place> {
        match &self.proxied {
            Some(http) if !http.admits(address) => None,
            Some(http) if http.is_proxy(address) => Some(self.crowd.uncounted()),
            Some(_) | None => self.crowd.enter(address),
        }
    }
}

/// Serves plain HTTP. What one address may take is bounded.
pub async fn serve_plain(listener: TcpListener, port: Port) {
    while let Some((stream, address)) = accept(&listener, &port.stop).await {
        let Some(place) = port.place(address.ip()) else {
            tracing::debug!(%address, port = port.name, "a connection is not taken");
            continue;
        };
        let (router, stop) = (port.router.clone(), port.stop.clone());
        let mark = move |extensions: &mut Extensions| {
            extensions.insert(RemoteAddress(address));
        };
        port.tasks.spawn(async move {
            serve_connection(stream, router, mark, stop).await;
            drop(place);
        });
    }
}

/// Serves TLS, mutual or not, as `config` says. What one address may take is bounded.
pub async fn serve_tls(listener: TcpListener, config: Arc<ServerConfig>, port: Port) {
    let acceptor = TlsAcceptor::from(config);
    while let Some((stream, address)) = accept(&listener, &port.stop).await {
        let Some(place) = port.place(address.ip()) else {
            tracing::debug!(%address, port = port.name, "a connection is not taken");
            continue;
        };
        let (acceptor, router, stop, name) =
            (acceptor.clone(), port.router.clone(), port.stop.clone(), port.name);
        port.tasks.spawn(async move {
            let shaken = tokio::time::timeout(TURN + HANDSHAKE, shake_hands(&acceptor, stream, &place));
            let (stream, peer) = match stop.run_until_cancelled(shaken).await {
                Some(Ok(Ok(connected))) => connected,
                Some(Ok(Err(error))) => {
                    return tracing::info!(%address, port = name, error, "a TLS handshake failed");
                }
                Some(Err(_)) => {
                    return tracing::info!(%address, port = name, "a TLS handshake took too long");
                }
                None => return,
            };
            let peer = PeerCertificate(peer);
            let mark = move |extensions: &mut Extensions| {
                extensions.insert(RemoteAddress(address));
                extensions.insert(peer.clone());
            };
            serve_connection(stream, router, mark, stop).await;
            drop(place);
        });
    }
}

/// Has a connection, and whom its certificate names.
async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    place: &Place,
) -> Result<(TlsStream<TcpStream>, Option<Peer>), String> {
    let turn = place.handshake().await;
    // Only from here on the peer can be slow. Who waits for others is not.
    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
    let stream = shaken.map_err(|_| "it took too long".to_owned())?.map_err(|error| error.to_string())?;
    drop(turn);
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let peer = shown.map(verify::peer).transpose().map_err(|error| format!("{error:#}"))?;
    Ok((stream, peer))
}

fn bound_send_buffer(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SOCKET_BYTES)?;
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)
}

/// The next connection; `None` once it is time to stop.
async fn accept(listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let _ = stream.set_nodelay(true);
                let _ = bound_send_buffer(&stream);
                return Some((stream, address));
            }
            Err(error) => {
                // Out of descriptors, most likely. It passes when connections end; spinning would not help.
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves one connection. `mark` notes on each request what is known of the connection: a layer of the router's would
/// be a new router for each connection.
async fn serve_connection<S>(
    stream: S,
    router: Router,
    mark: impl Fn(&mut Extensions) + Send,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        mark(request.extensions_mut());
        let mut router = router.clone();
        async move { router.as_service().ready().await?.call(request.map(axum::body::Body::new)).await }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended badly");
    }
}
