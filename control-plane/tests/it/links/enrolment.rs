//! The first certificate, for a one-time token.

use control_plane::links::enrol::{self, EnrolError};
use control_plane::pki::verify;
use control_plane::store::records::Certificates;
use protocol::enrol::{EnrolRequest, IDENTITY_PREFIX};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use tokio::task::JoinSet;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::agent::{self, Agent, request, token, token_until};
use crate::plane::Plane;

/// The identities in a certificate.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    let names = names.value.general_names.iter();
    names
        .map(|name| match name {
            GeneralName::URI(uri) => (*uri).to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

/// Asserts that a certificate says what it should and nothing else.
fn assert_is_for(der: &CertificateDer<'_>, key: &KeyPair, workspace: protocol::WorkspaceId) {
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    assert_eq!(names(&certificate), [format!("{IDENTITY_PREFIX}{workspace}")]);
    assert_eq!(certificate.public_key().raw, key.subject_public_key_info());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert!(!certificate.is_ca());
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign());
    let subject: Vec<_> =
        certificate.subject().iter_common_name().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(subject, ["workspace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_buys_a_certificate_for_a_day_in_the_workspaces_name() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let key = KeyPair::generate().unwrap();
    let answer = agent::enrol(&plane, &token(&plane, workspace).await, &request(&key)).await;
    let bought = agent::issued(answer);
    assert_eq!(bought.trust, plane.app().authority.trust());
    let agent = Agent { key, chain: bought.certificate };
    assert_is_for(&agent.certificate(), &agent.key, workspace);
    let der = agent.certificate();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let ca = plane.app().authority.der();
    let (_, ca) = X509Certificate::from_der(ca).unwrap();
    certificate.verify_signature(Some(ca.public_key())).unwrap();
    let life = certificate.validity();
    let minutes = (life.not_after.timestamp() - life.not_before.timestamp()) / 60;
    // A few minutes back, for clocks that differ.
    assert_eq!(minutes, 24 * 60 + 5);
    let recorded = plane.store().workspace(workspace).await.unwrap().certificates;
    assert_eq!(recorded, Certificates { current: Some(agent.peer().serial), next: None, revoked: false });
    assert_eq!(agent.dial(&plane).await.unwrap(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_requests_key_counts() {
    let plane = Plane::start().await;
    let (mine, theirs) = (plane.workspace().await.id, plane.workspace().await.id);
    let key = KeyPair::generate().unwrap();
    let mut greedy = CertificateParams::new(["control-plane.atelier".to_owned()]).unwrap();
    let identity = format!("{IDENTITY_PREFIX}{theirs}");
    greedy.subject_alt_names.push(SanType::URI(identity.try_into().unwrap()));
    greedy.distinguished_name.push(DnType::CommonName, "Atelier workspaces");
    let named = greedy.clone();
    greedy.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    greedy.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    for params in [named, greedy] {
        let csr = params.serialize_request(&key).unwrap().pem().unwrap();
        let bought = agent::issued(agent::enrol(&plane, &token(&plane, mine).await, &csr).await);
        let agent =
            Agent { key: KeyPair::from_pem(&key.serialize_pem()).unwrap(), chain: bought.certificate };
        assert_is_for(&agent.certificate(), &key, mine);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spent_expired_and_unknown_tokens_are_refused_in_the_same_words() {
    let plane = Plane::start().await;
    let (spent_by, expired_by) = (plane.workspace().await.id, plane.workspace().await.id);
    let csr = request(&KeyPair::generate().unwrap());
    let spent = token(&plane, spent_by).await;
    assert_eq!(agent::enrol(&plane, &spent, &csr).await.0, 200);
    let expired = token_until(&plane, expired_by, 1).await;
    let kept = plane.store().workspace(spent_by).await.unwrap();
    let mut answers = Vec::new();
    for token in [&spent, &expired, "unknown", ""] {
        answers.push(agent::enrol(&plane, token, &csr).await);
    }
    assert_eq!(answers[0].0, 403);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(!answers[0].1.contains(&spent));
    assert_eq!(plane.store().workspace(spent_by).await.unwrap(), kept);
    assert_eq!(plane.store().workspace(expired_by).await.unwrap().certificates, Certificates::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_with_one_token_one_gets_a_certificate() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let token = token(&plane, workspace).await;
    let csr = request(&KeyPair::generate().unwrap());
    let mut asking = JoinSet::new();
    for _ in 0..100 {
        let (app, token, csr) = (plane.app().clone(), token.clone(), csr.clone());
        asking.spawn(
            async move { enrol::enrol(&*app.store, &app.authority, &EnrolRequest { token, csr }).await },
        );
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(EnrolError::Token))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_prove_its_key_is_refused() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let good = request(&KeyPair::generate().unwrap());
    let der = CertificateSigningRequestDer::from_pem_slice(good.as_bytes()).unwrap();
    let mut tampered = der.to_vec();
    // The last byte is the signature's.
    *tampered.last_mut().unwrap() ^= 1;
    let tampered = pem("CERTIFICATE REQUEST", &tampered);
    for csr in [tampered.as_str(), "", "no request", &good[..good.len() / 2], plane.app().authority.trust()] {
        let (status, words) = agent::enrol(&plane, &token(&plane, workspace).await, csr).await;
        assert_eq!(status, 400, "{words}");
    }
    assert_eq!(plane.store().workspace(workspace).await.unwrap().certificates, Certificates::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_anew_ends_every_certificate_before() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let first = Agent::enrol(&plane, workspace).await;
    let renewed = first.renew(&plane).await.unwrap().ok().unwrap();
    let second = Agent::enrol(&plane, workspace).await;
    for before in [first, renewed] {
        assert_eq!(before.dial(&plane).await.unwrap(), 403);
        assert_eq!(before.renew(&plane).await.unwrap().err().unwrap().0, 403);
    }
    assert_eq!(second.dial(&plane).await.unwrap(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_needed_for_all_but_enrolling() {
    let plane = Plane::start().await;
    let csr = request(&KeyPair::generate().unwrap());
    assert_eq!(agent::dial(&plane, None).await.unwrap(), 401);
    assert_eq!(agent::renew(&plane, None, &csr).await.unwrap().0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn serial_numbers_are_read_back_as_they_were_issued() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let csr = request(&KeyPair::generate().unwrap());
    let mut seen = std::collections::HashSet::new();
    for _ in 0..200 {
        let issued = plane.app().authority.issue(&csr, workspace).unwrap();
        let agent = Agent { key: KeyPair::generate().unwrap(), chain: issued.chain };
        assert_eq!(verify::serial_of(&agent.certificate()).unwrap(), issued.serial);
        assert!(seen.insert(issued.serial));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_many_tokens_is_told_when_to_come_back() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await.id;
    let csr = request(&KeyPair::generate().unwrap());
    let good = token(&plane, workspace).await;
    // On one connection: new ones are counted, too.
    let mut guesser = agent::Kept::open(&plane).await;
    let mut refused = None;
    for _ in 0..5_000 {
        let head = guesser.enrol(&uuid::Uuid::new_v4().to_string(), &csr).await;
        if head.starts_with("HTTP/1.1 429") {
            refused = Some(head);
            break;
        }
        assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    }
    let refused = refused.expect("nothing keeps it back").to_lowercase();
    let (_, after) = refused.split_once("retry-after: ").expect("it is not told when");
    let after: u64 = after.lines().next().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    // What it could not try is not used up by that: a workspace that comes back is enrolled.
    let enrolled = async { while !guesser.enrol(&good, &csr).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), enrolled).await.expect("it is never let in");
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
