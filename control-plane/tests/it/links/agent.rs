//! Someone who dials the link port: with a key, and perhaps a certificate.

use std::io;
use std::sync::Arc;

use control_plane::clock;
use control_plane::pki::verify::{self, Peer};
use control_plane::pki::{Authority, provider};
use protocol::WorkspaceId;
use protocol::enrol::{CONTROL_PLANE_NAME, Certificate, EnrolRequest, RenewRequest};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::plane::Plane;

/// What the link port answered: a status, and words or a certificate.
pub(super) type Answer = (u16, String);

/// A key with its certificate.
pub(super) struct Agent {
    pub(super) key: KeyPair,
    /// PEM: the certificate and its issuer.
    pub(super) chain: String,
}

impl Agent {
    /// Enrols for a workspace with a fresh token.
    pub(super) async fn enrol(plane: &Plane, workspace: WorkspaceId) -> Self {
        let key = KeyPair::generate().unwrap();
        let token = token(plane, workspace).await;
        let answer = enrol(plane, &token, &request(&key)).await;
        Self { chain: issued(answer).certificate, key }
    }

    /// Its certificate.
    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.chain.as_bytes()).unwrap()
    }

    /// What the control plane makes of its certificate.
    pub(super) fn peer(&self) -> Peer {
        verify::peer(&self.certificate()).unwrap()
    }

    /// What a link is answered: 101 when it may stay.
    pub(super) async fn dial(&self, plane: &Plane) -> io::Result<u16> {
        dial(plane, Some(self)).await
    }

    /// A link that may stay.
    pub(super) async fn link(&self, plane: &Plane) -> WebSocketStream<TlsStream<TcpStream>> {
        let mut request = format!("ws://{CONTROL_PLANE_NAME}/link").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "atelier.v1".parse().unwrap());
        client_async(request, tls13(plane, Some(self)).await.unwrap()).await.unwrap().0
    }

    /// Asks for the next certificate, for a new key.
    pub(super) async fn renew(&self, plane: &Plane) -> io::Result<Result<Self, Answer>> {
        let key = KeyPair::generate().unwrap();
        let answer = renew(plane, Some(self), &request(&key)).await?;
        Ok(if answer.0 == 200 { Ok(Self { chain: issued(answer).certificate, key }) } else { Err(answer) })
    }
}

/// A signing request for a key, asking for nothing.
pub(super) fn request(key: &KeyPair) -> String {
    CertificateParams::default().serialize_request(key).unwrap().pem().unwrap()
}

/// A fresh token for a workspace.
pub(super) async fn token(plane: &Plane, workspace: WorkspaceId) -> String {
    token_until(plane, workspace, clock::now() + 600_000).await
}

/// A fresh token that ends at a time.
pub(super) async fn token_until(plane: &Plane, workspace: WorkspaceId, end: protocol::Millis) -> String {
    let token = uuid::Uuid::new_v4().to_string();
    let hash = Sha256::digest(token.as_bytes()).into();
    plane.store().add_enrol_token(hash, workspace, end).await.unwrap();
    token
}

/// `POST /enrol`, without a certificate.
pub(super) async fn enrol(plane: &Plane, token: &str, csr: &str) -> Answer {
    let body = EnrolRequest { token: token.into(), csr: csr.into() };
    post(plane, None, "/enrol", &serde_json::to_string(&body).unwrap()).await.unwrap()
}

/// `POST /renew`.
pub(super) async fn renew(plane: &Plane, agent: Option<&Agent>, csr: &str) -> io::Result<Answer> {
    post(plane, agent, "/renew", &serde_json::to_string(&RenewRequest { csr: csr.into() }).unwrap()).await
}

/// The certificate in a good answer.
pub(super) fn issued((status, body): Answer) -> Certificate {
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// TLS that trusts the control plane's CA and shows the agent's certificate, if there is one.
pub(super) fn client(
    authority: &Authority,
    agent: Option<&Agent>,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let Some(agent) = agent else { return config.with_no_client_auth() };
    let chain = CertificateDer::pem_slice_iter(agent.chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::try_from(agent.key.serialize_der()).unwrap();
    config.with_client_auth_cert(chain, key).unwrap()
}

/// A TLS connection to the link port.
pub(super) async fn connect(plane: &Plane, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(plane.running.link).await?;
    TlsConnector::from(config).connect(ServerName::try_from(CONTROL_PLANE_NAME).unwrap(), stream).await
}

async fn tls13(plane: &Plane, agent: Option<&Agent>) -> io::Result<TlsStream<TcpStream>> {
    connect(plane, Arc::new(client(&plane.app().authority, agent, &rustls::version::TLS13))).await
}

/// What a link is answered.
pub(super) async fn dial(plane: &Plane, agent: Option<&Agent>) -> io::Result<u16> {
    let mut stream = tls13(plane, agent).await?;
    let head = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: atelier.v1\r\n";
    let request = format!("GET /link HTTP/1.1\r\nhost: {CONTROL_PLANE_NAME}\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; 12];
    stream.read_exact(&mut line).await?;
    Ok(status(&line))
}

async fn post(plane: &Plane, agent: Option<&Agent>, path: &str, body: &str) -> io::Result<Answer> {
    let mut stream = tls13(plane, agent).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {CONTROL_PLANE_NAME}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Ok((status(head.as_bytes()), body.to_owned()))
}

/// Somebody without a certificate who asks again and again on one connection.
pub(super) struct Kept(BufReader<TlsStream<TcpStream>>);

impl Kept {
    pub(super) async fn open(plane: &Plane) -> Self {
        Self(BufReader::new(tls13(plane, None).await.unwrap()))
    }

    /// `POST /enrol`, and the head of what is answered.
    pub(super) async fn enrol(&mut self, token: &str, csr: &str) -> String {
        let body = serde_json::to_string(&EnrolRequest { token: token.into(), csr: csr.into() }).unwrap();
        let length = body.len();
        let head = format!(
            "POST /enrol HTTP/1.1\r\nhost: {CONTROL_PLANE_NAME}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        );
        self.0.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            self.0.read_line(&mut head).await.unwrap();
        }
        let lower = head.to_lowercase();
        let length = lower.split_once("content-length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
        head
    }
}

/// The status in `HTTP/1.1 200`.
fn status(line: &[u8]) -> u16 {
    std::str::from_utf8(&line[9..12]).unwrap().parse().unwrap()
}
