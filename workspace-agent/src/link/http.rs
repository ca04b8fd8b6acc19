//! Connections to the control plane's link port, and single requests over them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::enrol::CONTROL_PLANE_NAME;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::Config;

/// How long a connection may take to come up, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);
/// The largest answer that is read.
const ANSWER_BYTES: usize = 256 * 1024;
/// The kernel's buffer for what is sent on a connection (it takes twice as much as it is told). A large one hides a slow peer and
/// makes what matters wait behind what a terminal printed.
const SOCKET_BYTES: u32 = 64 * 1024;
/// How much of it may be there that is not on the network yet. What comes later and matters more goes before all else.
const UNSENT_BYTES: u32 = 16 * 1024;

/// A connection to the link port.
///
/// # Errors
/// When it can't be made in time.
pub async fn connect(config: &Config, tls: &Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    tokio::time::timeout(CONNECT, async {
        let address = lookup_host(&config.link).await?.next().ok_or(io::ErrorKind::NotFound)?;
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_send_buffer_size(SOCKET_BYTES)?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES)?;
        let name = ServerName::try_from(CONTROL_PLANE_NAME).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(tls)).connect(name, stream).await
    })
    .await?
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// It did not get through; trying again may help.
    #[error("the control plane can't be reached")]
    Unreachable(#[source] io::Error),
    /// The control plane is not ready; trying again will help.
    #[error("the control plane is not ready ({status}): {body}")]
    NotReady {
        /// Its answer's status.
        status: StatusCode,
        /// Its words.
        body: String,
    },
    /// The control plane refused, and would again.
    #[error("the control plane refused ({status}): {body}")]
    Refused {
        /// Its answer's status.
        status: StatusCode,
        /// Its words.
        body: String,
    },
}

/// Posts JSON and reads JSON.
///
/// # Errors
/// See [`PostError`].
pub async fn post<Q: Serialize + Sync, A: DeserializeOwned>(
    config: &Config,
    tls: &Arc<ClientConfig>,
    path: &str,
    question: &Q,
) -> Result<A, PostError> {
    let request = exchange(config, tls, path, question);
    let answered = tokio::time::timeout(REQUEST, request).await;
    let (status, body) = answered.map_err(io::Error::from).flatten().map_err(PostError::Unreachable)?;
    let words = || String::from_utf8_lossy(&body).chars().take(500).collect();
    match status {
        StatusCode::OK => {
            serde_json::from_slice(&body).map_err(|error| PostError::Unreachable(io::Error::other(error)))
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(PostError::NotReady { status, body: words() })
        }
        status => Err(PostError::Refused { status, body: words() }),
    }
}

async fn exchange<Q: Serialize + Sync>(
    config: &Config,
    tls: &Arc<ClientConfig>,
    path: &str,
    question: &Q,
) -> io::Result<(StatusCode, Bytes)> {
    let stream = connect(config, tls).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let body = serde_json::to_vec(question)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, CONTROL_PLANE_NAME)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(io::Error::other)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        let body =
            Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map_err(io::Error::other)?;
        Ok((status, body.to_bytes()))
    };
    tokio::select! {
        answer = answer => answer,
        ended = connection => Err(ended.err().map_or_else(|| io::ErrorKind::UnexpectedEof.into(), io::Error::other)),
    }
}
