//! What the handshake itself refuses.

use std::sync::Arc;

use control_plane::pki::provider;
use protocol::enrol::CONTROL_PLANE_NAME;
use rcgen::KeyPair;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{PrivateKeyDer, ServerName, UnixTime};
use time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::agent::{Agent, client, connect};
use super::forged::Ca;
use crate::plane::Plane;

const AN_HOUR: (Duration, Duration) = (Duration::hours(-1), Duration::hours(1));

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_ca_of_the_same_name_certifies_nobody() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let own = Agent::enrol(&plane, workspace).await;
    let serial = hex(&own.peer().serial);
    // The recorded serial number, even.
    let forged = Ca::foreign().issue(workspace, AN_HOUR, &serial);
    assert_eq!(
        forged.peer(),
        control_plane::pki::verify::Peer { not_after: forged.peer().not_after, ..own.peer() }
    );
    assert!(forged.dial(&plane).await.is_err());
    assert!(forged.renew(&plane).await.is_err());
    assert_eq!(own.dial(&plane).await.unwrap(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let plane = Plane::start().await;
    let own = Agent::enrol(&plane, plane.workspace().await.id).await;
    let stolen = Agent { key: KeyPair::generate().unwrap(), chain: own.chain.clone() };
    let mut config = client(&plane.app().authority, None, &rustls::version::TLS13);
    let key = PrivateKeyDer::try_from(stolen.key.serialize_der()).unwrap();
    let key = provider().key_provider.load_private_key(key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(vec![stolen.certificate()], key);
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let mut stream = connect(&plane, Arc::new(config)).await.unwrap();
    let _ = stream.write_all(b"GET /link HTTP/1.1\r\n\r\n").await;
    assert!(stream.read_u8().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_the_future_is_refused() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let life = (Duration::hours(1), Duration::hours(2));
    assert!(Ca::own(&plane).await.issue(workspace, life, &[1]).dial(&plane).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_planes_own_certificate_is_none_for_a_client() {
    let plane = Plane::start().await;
    let (chain, key) = plane.app().authority.server().unwrap();
    let mut config = client(&plane.app().authority, None, &rustls::version::TLS13);
    let key = provider().key_provider.load_private_key(key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(chain, key);
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let mut stream = connect(&plane, Arc::new(config)).await.unwrap();
    let _ = stream.write_all(b"GET /link HTTP/1.1\r\n\r\n").await;
    assert!(stream.read_u8().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_cannot_pose_as_the_control_plane() {
    let plane = Plane::start().await;
    let agent = Agent::enrol(&plane, plane.workspace().await.id).await;
    let mut roots = RootCertStore::empty();
    roots.add(plane.app().authority.der().clone()).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
    let name = ServerName::try_from(CONTROL_PLANE_NAME).unwrap();
    let verify = |certificate| {
        use rustls::client::danger::ServerCertVerifier;
        verifier.verify_server_cert(&certificate, &[], &name, &[], UnixTime::now())
    };
    assert!(verify(plane.app().authority.server().unwrap().0.remove(0)).is_ok());
    assert!(verify(agent.certificate()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_older_than_tls_1_3_is_spoken() {
    let plane = Plane::start().await;
    let agent = Agent::enrol(&plane, plane.workspace().await.id).await;
    let config = client(&plane.app().authority, Some(&agent), &rustls::version::TLS12);
    assert!(connect(&plane, Arc::new(config)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_resumed() {
    let plane = Plane::start().await;
    let agent = Agent::enrol(&plane, plane.workspace().await.id).await;
    // One that remembers sessions, unlike our own workspace-agent.
    let config = Arc::new(client(&plane.app().authority, Some(&agent), &rustls::version::TLS13));
    for _ in 0..3 {
        let mut stream = connect(&plane, Arc::clone(&config)).await.unwrap();
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
    }
}

/// A serial number's bytes.
fn hex(digits: &str) -> Vec<u8> {
    let digits = format!("{digits:0>32}");
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
