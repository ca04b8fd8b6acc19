//! Someone who dials the link port as a workspace-agent would, and misbehaves.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use protocol::WorkspaceId;
use protocol::close::CloseCode;
use protocol::enrol::{CONTROL_PLANE_NAME, Certificate, EnrolRequest};
use protocol::link::{FromAgent, FromControl, Hello};
use protocol::log::LogEnd;
use protocol::status::Versions;
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use workspace_agent::link::tls;

use crate::stack::{PATIENCE, Stack};

/// One that has a certificate.
#[derive(Debug)]
pub struct Impostor {
    /// TLS with its certificate.
    pub tls: Arc<ClientConfig>,
    /// TLS without one.
    pub anonymous: Arc<ClientConfig>,
    link: SocketAddr,
}

/// A link that an impostor opened.
pub type Link = WebSocketStream<TlsStream<TcpStream>>;

impl Impostor {
    /// Enrols in place of a workspace's own workspace-agent, whose certificate is void from then on.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn enrol(stack: &Stack, workspace: WorkspaceId) -> anyhow::Result<Self> {
        let store = stack.store().await?;
        let token = uuid::Uuid::new_v4().to_string();
        store.add_enrol_token(Sha256::digest(token.as_bytes()).into(), workspace, u64::MAX >> 1).await?;
        Self::enrol_with(stack, &token).await
    }

    /// Enrols with a token.
    ///
    /// # Errors
    /// When it is refused: with the control plane's words.
    pub async fn enrol_with(stack: &Stack, token: &str) -> anyhow::Result<Self> {
        let anonymous = tls::pinned(&stack.ca_digest().await?)?;
        let key = KeyPair::generate()?;
        let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
        let body = serde_json::to_string(&EnrolRequest { token: token.to_owned(), csr })?;
        let (status, answer) = post(stack.link, &anonymous, "/enrol", &body).await?;
        anyhow::ensure!(status == 200, "{status}: {answer}");
        let Certificate { certificate, trust } = serde_json::from_str(&answer)?;
        let tls = tls::mutual(&trust, &certificate, &key.serialize_pem())?;
        Ok(Self { tls, anonymous, link: stack.link })
    }

    /// Opens a link, offering these protocol versions.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn dial(&self, versions: &str) -> anyhow::Result<Link> {
        dial(self.link, &self.tls, versions).await
    }

    /// Opens a link and says hello.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn link(&self) -> anyhow::Result<Link> {
        link_with(self.link, &self.tls, Vec::new()).await
    }
}

/// Opens a link and says hello, with journals that end here.
///
/// # Errors
/// When it is refused.
pub async fn link_with(link: SocketAddr, tls: &Arc<ClientConfig>, logs: Vec<LogEnd>) -> anyhow::Result<Link> {
    let mut link = dial(link, tls, "atelier.v1").await?;
    let versions = Versions { workspace_agent: "impostor".into(), claude: "none".into() };
    let hello = Hello { boot: uuid::Uuid::new_v4(), versions, capabilities: vec![], logs };
    link.send(Message::text(serde_json::to_string(&FromAgent::Hello(hello))?)).await?;
    loop {
        if let Message::Text(text) = read(&mut link).await? {
            let welcome: FromControl = serde_json::from_str(&text)?;
            anyhow::ensure!(matches!(welcome, FromControl::Welcome(_)), "{text}");
            return Ok(link);
        }
    }
}

/// Opens a link with this TLS configuration.
///
/// # Errors
/// When it is refused.
pub async fn dial(link: SocketAddr, tls: &Arc<ClientConfig>, versions: &str) -> anyhow::Result<Link> {
    let mut request = format!("wss://{CONTROL_PLANE_NAME}/link").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", versions.parse()?);
    let (stream, config) = (connect(link, tls).await?, Some(crate::socket_config()));
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, config).await?;
    Ok(socket)
}

/// A TLS connection to the link port.
///
/// # Errors
/// When the handshake fails.
pub async fn connect(link: SocketAddr, tls: &Arc<ClientConfig>) -> anyhow::Result<TlsStream<TcpStream>> {
    let name = CONTROL_PLANE_NAME.try_into()?;
    let stream = TcpStream::connect(link).await?;
    stream.set_nodelay(true)?;
    Ok(tokio_rustls::TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?)
}

/// A request on the link port: its status and its body.
///
/// # Errors
/// When the connection breaks.
pub async fn post(
    link: SocketAddr,
    tls: &Arc<ClientConfig>,
    path: &str,
    body: &str,
) -> anyhow::Result<(u16, String)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = connect(link, tls).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {CONTROL_PLANE_NAME}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}

/// The next message.
///
/// # Errors
/// When the link breaks or nothing comes.
pub async fn read(link: &mut Link) -> anyhow::Result<Message> {
    Ok(timeout(PATIENCE, link.next()).await?.context("the link ended")??)
}

/// Reads until the link is closed and says why.
///
/// # Errors
/// When it breaks without a reason.
pub async fn closed(link: &mut Link) -> anyhow::Result<Option<CloseCode>> {
    loop {
        if let Message::Close(frame) = read(link).await? {
            return Ok(frame.and_then(|frame| CloseCode::from_number(frame.code.into())));
        }
    }
}
