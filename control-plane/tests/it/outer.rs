//! The outer wall: TLS of the public port, proxies, slow clients, and whoever brings a workspace's certificate.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use control_plane::config::TlsFiles;
use control_plane::pki::provider;
use control_plane::server::tls::Served;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::plane::Plane;

const NAME: &str = "atelier.example";

/// A certificate of its own issue, in files.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> (Self, CertificateDer<'static>) {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        let der = files.renew();
        (files, der)
    }

    fn paths(&self) -> TlsFiles {
        let path = |name: &str| self.folder.path().join(name);
        TlsFiles { certificate: path("certificate.pem"), key: path("key.pem") }
    }

    /// Puts another certificate there.
    fn renew(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()]).unwrap();
        std::fs::write(self.paths().certificate, cert.pem()).unwrap();
        std::fs::write(self.paths().key, signing_key.serialize_pem()).unwrap();
        cert.der().clone()
    }

    /// A control plane that serves it.
    async fn plane(&self) -> Plane {
        let text = |path: &Path| path.display().to_string();
        let paths = self.paths();
        Plane::start_with(&[
            "--tls-certificate",
            &text(&paths.certificate),
            "--tls-key",
            &text(&paths.key),
            "--public-url",
            "https://atelier.example",
        ])
        .await
    }
}

/// A TLS connection that trusts that certificate alone, and shows another, if there is one.
async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME).unwrap(), stream).await
}

/// What is answered to a request.
async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: &str) -> String {
    // Whoever is not taken is hung up on, perhaps before this.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let (files, first) = Files::new();
    let plane = files.plane().await;
    let address = plane.running.public;
    let mut stream = connect(address, &first, None).await.unwrap();
    let answer = ask(&mut stream, &get("/health")).await;
    assert!(answer.to_lowercase().contains("strict-transport-security: max-age="), "{answer}");
    let second = files.renew();
    let served = async {
        while connect(address, &second, None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), served).await.expect("the new certificate is never served");
    assert!(connect(address, &first, None).await.is_err());
}

#[test]
fn a_certificate_that_can_t_be_used_does_not_take_the_old_one_s_place() {
    let (files, _) = Files::new();
    let served = Served::new(files.paths()).unwrap();
    assert!(!served.look().unwrap());
    // A key of another certificate, a torn file, none at all.
    let good = std::fs::read(files.paths().key).unwrap();
    std::fs::write(files.paths().key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(served.look().is_err());
    std::fs::write(files.paths().key, &good[..good.len() / 2]).unwrap();
    assert!(served.look().is_err());
    std::fs::remove_file(files.paths().key).unwrap();
    assert!(served.look().is_err());
    std::fs::write(files.paths().key, good).unwrap();
    assert!(!served.look().unwrap());
    files.renew();
    assert!(served.look().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_the_cookie_is_for_this_host_and_https_alone() {
    let (files, certificate) = Files::new();
    let plane = files.plane().await;
    let body = format!(r#"{{"code":"{}"}}"#, plane.code());
    let head = |origin: &str, host: &str| {
        format!(
            "POST /api/sign-in/local HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // Plain HTTP's own origins are none of ours any more.
    let port = plane.running.public.port();
    let local = format!("127.0.0.1:{port}");
    for (origin, host) in [
        ("http://atelier.example", NAME),
        ("https://evil.example", NAME),
        (&format!("http://{local}"), &local),
    ] {
        let mut stream = connect(plane.running.public, &certificate, None).await.unwrap();
        assert!(ask(&mut stream, &head(origin, host)).await.starts_with("HTTP/1.1 403"), "{origin}");
    }
    let (user, _) = plane.person("ada").await;
    let token = control_plane::auth::session::open(plane.store(), user.id, "x").await.unwrap();
    let cookie = plane.app().cookie.keep(&token).unwrap();
    let cookie = cookie.to_str().unwrap();
    assert!(cookie.starts_with("__Host-atelier-session=") && cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspaces_certificate_opens_nothing_on_the_public_port() {
    let (files, certificate) = Files::new();
    let plane = files.plane().await;
    let workspace = plane.workspace().await;
    let agent = crate::links::enrolled(&plane, workspace.id).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: atelier.v1\r\n";
    let socket = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: {NAME}\r\norigin: https://{NAME}\r\n{upgrade}\r\n")
    };
    let own = format!("/workspace/{}", workspace.user);
    let requests = [
        (get("/api/user/profile"), "401"),
        (get("/api/users"), "401"),
        (socket(&own), "401"),
        (socket("/fleet"), "401"),
        (socket("/link"), "200"),
        (
            format!(
                "POST /renew HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
            ),
            "405",
        ),
    ];
    for (request, status) in requests {
        let mut stream =
            connect(plane.running.public, &certificate, Some(agent.clone_for_tls())).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.unwrap();
        // 200: the page itself, as for any address that it may know.
        assert_eq!(std::str::from_utf8(&line[9..12]).unwrap(), status, "{request}");
    }
}

/// An address of this machine's that others know it by.
fn own_address() -> IpAddr {
    // Nothing is sent: the kernel only looks which way it would go.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap();
    socket.local_addr().unwrap().ip()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_plain_http_is_spoken_to_others_only_the_proxies_are_answered() {
    let flags = [
        "--listen",
        "0.0.0.0:0",
        "--public-url",
        "https://atelier.example",
        "--oidc-client-id",
        "x",
        "--oidc-issuer",
        "http://127.0.0.1:9",
        "--allowed-domains",
        "corp.com",
        "--trusted-proxies",
    ];
    let asked = async |proxies: &str| {
        let plane = Plane::start_with(&[&flags[..], &[proxies]].concat()).await;
        let mut stream = TcpStream::connect((own_address(), plane.running.public.port())).await.unwrap();
        ask(&mut stream, &get("/api/sign-in")).await
    };
    assert!(!own_address().is_loopback());
    assert_eq!(asked("203.0.113.77").await, "");
    assert!(asked(&format!("{},192.0.2.0/24", own_address())).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_hung_up_on_and_hold_up_nobody() {
    let plane = Plane::start().await;
    let address = plane.running.public;
    let (user, cookie) = plane.person("ada").await;
    let slow = [
        // Nothing; a head that does not end; a body that does not come.
        String::new(),
        "GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(),
        format!(
            "POST /api/conversations HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\ncookie: {cookie}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
        ),
    ];
    let mut held = Vec::new();
    for text in slow.iter().cycle().take(150) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let profile = plane.get("/api/user/profile").header("cookie", &cookie).send().await.unwrap();
    let me: protocol::people::Profile = profile.json().await.unwrap();
    assert_eq!(me.me.id, user.id);
    let hung_up = held.into_iter().map(|mut stream| async move {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    });
    let all = futures_util::future::join_all(hung_up);
    tokio::time::timeout(Duration::from_secs(120), all).await.expect("somebody is waited for for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_after_its_sender_was_signed_out_changes_nothing() {
    let plane = Plane::start().await;
    let address = plane.running.public;
    let (_, cookie) = plane.person("ada").await;
    let body = r#"{"name":"mine","scopes":["read"],"days":365}"#;
    let head = format!(
        "POST /api/tokens HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\ncookie: {cookie}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (begun, rest) = body.split_at(body.len() - 1);
    stream.write_all(format!("{head}{begun}").as_bytes()).await.unwrap();
    // It is let in once it stands on the session, beside this request.
    let here = plane.app();
    while here.presence.count() == 0 {
        tokio::task::yield_now().await;
    }
    let out = plane.post("/api/sign-out/everywhere").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(out.status(), 204);
    let answer = ask(&mut stream, rest).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(plane.deeds("token_created").await.is_empty());
}
