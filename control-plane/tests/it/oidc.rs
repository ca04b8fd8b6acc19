//! Signing in at an identity provider, and whatever somebody may try instead.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control_plane::store::records::Identity;
use protocol::api::Role;
use protocol::people::{Profile, SignInNonce, SignInOptions, SignInStarted};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::plane::Plane;
use crate::provider::{CLIENT, Key, Provider, SECRET, unsigned};

/// An Atelier for people of `corp.com` at a provider.
struct World {
    plane: Plane,
    provider: Provider,
}

impl World {
    async fn new() -> Self {
        let provider = Provider::start().await;
        let secrets = tempfile::tempdir().unwrap();
        let secret = secrets.path().join("secret");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let (issuer, secret) = (provider.issuer(), secret.display().to_string());
        let fixed = [
            "--oidc-issuer",
            &issuer,
            "--oidc-client-id",
            CLIENT,
            "--oidc-client-secret-file",
            &secret,
            "--allowed-domains",
            "corp.com",
            "--allowed-emails",
            "guest@partner.example",
            "--operators",
            "boss@corp.com",
            "--trusted-proxies",
            "127.0.0.1",
        ];
        Self { plane: Plane::start_with(&fixed).await, provider }
    }

    fn browser(&self) -> Browser<'_> {
        Browser::with(self, BTreeMap::new())
    }
}

/// A browser: what it keeps, what it sends, and where it is, which a proxy tells.
struct Browser<'w> {
    world: &'w World,
    cookies: BTreeMap<String, String>,
    address: Ipv4Addr,
}

/// What the provider was asked for.
struct Asked {
    state: String,
    nonce: String,
    challenge: String,
}

impl<'w> Browser<'w> {
    fn with(world: &'w World, cookies: BTreeMap<String, String>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let address = Ipv4Addr::from_bits(0x0a00_0000 + NEXT.fetch_add(1, Ordering::Relaxed));
        Self { world, cookies, address }
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<Value>) -> Response {
        let plane = &self.world.plane;
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let request = client.build().unwrap().request(method.clone(), format!("{}{path}", plane.origin()));
        let request = request.header("cookie", cookies.join("; ")).header("user-agent", "Firefox on Linux");
        let request = request.header("x-forwarded-for", self.address.to_string());
        let request = if method == Method::GET { request } else { request.header("origin", plane.origin()) };
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    async fn start(&mut self, to: &str) -> Asked {
        let answer = self.send(Method::POST, "/api/sign-in/start", Some(json!({ "to": to }))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let url: Url = answer.json::<SignInStarted>().await.unwrap().url.parse().unwrap();
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(url.origin().ascii_serialization(), self.world.provider.issuer());
        assert_eq!((asked["client_id"].as_str(), asked["response_type"].as_str()), (CLIENT, "code"));
        assert_eq!(asked["redirect_uri"], format!("{}/api/sign-in/callback", self.world.plane.origin()));
        assert_eq!(
            (asked["code_challenge_method"].as_str(), asked["scope"].as_str()),
            ("S256", "openid email profile")
        );
        let take = |name: &str| asked[name].clone();
        Asked { state: take("state"), nonce: take("nonce"), challenge: take("code_challenge") }
    }

    async fn come_back(&mut self, query: &str) -> Response {
        self.send(Method::GET, &format!("/api/sign-in/callback?{query}"), None).await
    }

    /// Begins, is made out to be somebody with these claims by the provider, and comes back. Where it is sent then.
    async fn sign_in_as(&mut self, claims: impl FnOnce(&Asked) -> Value) -> String {
        let asked = self.start("/c/somewhere").await;
        let token = self.world.provider.key.sign(&claims(&asked));
        self.end(&asked, token).await
    }

    async fn end(&mut self, asked: &Asked, token: String) -> String {
        let code = self.world.provider.code(&asked.challenge, token);
        let answer = self.come_back(&format!("code={code}&state={}", asked.state)).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn sign_in(&mut self, subject: &str, email: &str) -> String {
        let provider = &self.world.provider;
        self.sign_in_as(|asked| provider.claims(&asked.nonce, subject, email)).await
    }

    async fn profile(&mut self) -> Option<Profile> {
        let answer = self.send(Method::GET, "/api/user/profile", None).await;
        if answer.status() == StatusCode::OK { Some(answer.json().await.unwrap()) } else { None }
    }

    async fn nonce(&mut self) -> String {
        let answer = self.send(Method::POST, "/api/sign-in/nonce", None).await;
        answer.json::<SignInNonce>().await.unwrap().nonce
    }

    async fn credential(&mut self, token: &str) -> StatusCode {
        self.send(Method::POST, "/api/auth/google", Some(json!({ "credential": token }))).await.status()
    }

    fn session(&self) -> Option<&String> {
        self.cookies.iter().find(|(name, _)| name.contains("session")).map(|(_, value)| value)
    }
}

const IN: &str = "/c/somewhere";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_provider_names_is_signed_in_and_stays_the_same_person() {
    let world = World::new().await;
    let options: SignInOptions = world.plane.get("/api/sign-in").send().await.unwrap().json().await.unwrap();
    assert!(!options.local);
    assert_eq!(options.provider.as_deref(), Some("127.0.0.1"));
    let mut browser = world.browser();
    assert_eq!(browser.sign_in("1", "Ada@Corp.com").await, IN);
    let ada = browser.profile().await.unwrap();
    assert_eq!((ada.me.name.as_str(), ada.email.as_deref()), ("Ada Lovelace", Some("ada@corp.com")));
    assert_eq!((ada.me.role, ada.onboarded), (Role::User, false));
    // Another address, the same person; the same address, another person.
    let (mut again, mut other) = (world.browser(), world.browser());
    assert_eq!(again.sign_in("1", "ada.byron@corp.com").await, IN);
    assert_eq!(other.sign_in("2", "ada@corp.com").await, IN);
    assert_eq!(again.profile().await.unwrap().me.id, ada.me.id);
    assert_ne!(other.profile().await.unwrap().me.id, ada.me.id);
    let deeds = world.plane.deeds("signed_in").await;
    assert_eq!(deeds.len(), 3);
    assert_eq!(deeds[0].who, ada.me.id.to_string());
    assert_eq!(deeds[0].detail["device"], "Firefox on Linux");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_operator_is_one_by_configuration_and_that_is_written_down() {
    let world = World::new().await;
    let mut browser = world.browser();
    assert_eq!(browser.sign_in("1", "Boss@corp.com").await, IN);
    assert_eq!(browser.profile().await.unwrap().me.role, Role::Operator);
    let deeds = world.plane.deeds("role_changed").await;
    assert_eq!((deeds.len(), deeds[0].who.as_str()), (1, "configuration"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_signs_in_at_a_provider_the_local_sign_in_is_shut() {
    let world = World::new().await;
    let code = control_plane::auth::local::new_code(world.plane.store()).await.unwrap();
    let mut browser = world.browser();
    let answer = browser.send(Method::POST, "/api/sign-in/local", Some(json!({ "code": code }))).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(!world.plane.running.sign_in.contains("code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_are_let_in_get_in() {
    let world = World::new().await;
    for email in [
        "eve@exploitcorp.com",
        "eve@corp.com.evil.example",
        "eve@sub.corp.com",
        "corp.com@evil.example",
        "eve@evil.example@corp.com",
        "guest@partner.example.evil.example",
        "other@partner.example",
    ] {
        let mut browser = world.browser();
        let sent = browser.sign_in("1", email).await;
        assert!(sent.starts_with("/#refused="), "{email}: {sent}");
        assert!(browser.session().is_none() && browser.profile().await.is_none(), "{email}");
    }
    assert!(world.plane.store().users(None, "", 10).await.unwrap().is_empty());
    assert_eq!(world.browser().sign_in("2", "guest@partner.example").await, IN);
    // `hd` means something in Google's mouth alone.
    let hosted = |asked: &Asked| {
        let mut claims = world.provider.claims(&asked.nonce, "3", "eve@evil.example");
        claims["hd"] = "corp.com".into();
        claims
    };
    assert_eq!(world.browser().sign_in_as(hosted).await, "/#refused=not_allowed");
    assert_eq!(world.plane.deeds("sign_in_failed").await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_verified_signs_nobody_in() {
    let world = World::new().await;
    world.provider.tell_about_user(json!({ "sub": "1", "email": "ada@corp.com" }));
    for verified in [json!(false), json!("false"), Value::Null] {
        let claims = |asked: &Asked| {
            let mut claims = world.provider.claims(&asked.nonce, "1", "ada@corp.com");
            claims["email_verified"] = verified.clone();
            claims
        };
        assert_eq!(world.browser().sign_in_as(claims).await, "/#refused=unverified", "{verified}");
    }
    assert!(world.plane.store().users(None, "", 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_tells_the_address_only_when_asked_is_asked() {
    let world = World::new().await;
    let bare = |asked: &Asked| {
        let mut claims = world.provider.claims(&asked.nonce, "1", "");
        for name in ["email", "email_verified", "name"] {
            claims.as_object_mut().unwrap().remove(name);
        }
        claims
    };
    world.provider.tell_about_user(
        json!({ "sub": "1", "email": "ada@corp.com", "email_verified": true, "name": "Ada" }),
    );
    let mut browser = world.browser();
    assert_eq!(browser.sign_in_as(bare).await, IN);
    assert_eq!(browser.profile().await.unwrap().me.name, "Ada");
    // The address alone is not enough to ask no further, and what is verified is the address that it tells then.
    let unverified = |asked: &Asked| {
        let mut claims = world.provider.claims(&asked.nonce, "1", "boss@corp.com");
        claims.as_object_mut().unwrap().remove("email_verified");
        claims
    };
    let mut browser = world.browser();
    assert_eq!(browser.sign_in_as(unverified).await, IN);
    let users = world.plane.store().users(None, "", 10).await.unwrap();
    assert_eq!((users.len(), users[0].email.as_deref()), (1, Some("ada@corp.com")));
    world.provider.tell_about_user(json!({ "sub": "1", "email": "ada@corp.com" }));
    assert_eq!(world.browser().sign_in_as(unverified).await, "/#refused=unverified");
    // What it says of somebody else is not what it says of this one.
    world.provider.tell_about_user(json!({ "sub": "2", "email": "boss@corp.com", "email_verified": true }));
    for claims in [&bare as &dyn Fn(&Asked) -> Value, &unverified] {
        assert_eq!(world.browser().sign_in_as(claims).await, "/#refused=invalid");
    }
}

/// Tokens that are wrong in one way each.
fn forged(provider: &Provider, nonce: &str) -> Vec<(&'static str, String)> {
    let good = provider.claims(nonce, "1", "ada@corp.com");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let signed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        provider.key.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        provider.key.sign(&claims)
    };
    let none = unsigned(&json!({ "alg": "none" }), &good);
    let whole = provider.key.sign(&good);
    let (text, signature) = whole.rsplit_once('.').unwrap();
    let (header, _) = text.split_once('.').unwrap();
    let other = unsigned(&json!({}), &provider.claims(nonce, "2", "boss@corp.com"));
    let swapped = format!("{header}.{}.{signature}", other.split_once('.').unwrap().1);
    let same_name = Key::new(&provider.key.id).sign(&good);
    // Signed with what everyone knows, as if it were a secret both share.
    let symmetric = |key: &[u8]| {
        let text = unsigned(&json!({ "alg": "HS256", "kid": provider.key.id }), &good);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac(key, text.as_bytes())))
    };
    vec![
        ("another audience", signed("aud", json!("somebody else"))),
        ("another audience besides", signed("aud", json!([CLIENT, "somebody else"]))),
        ("no audience", without("aud")),
        ("expired", signed("exp", json!(now - 1))),
        ("never expires", without("exp")),
        ("another issuer", signed("iss", json!("https://accounts.google.com"))),
        ("no issuer", without("iss")),
        ("another nonce", signed("nonce", json!("another"))),
        ("no nonce", without("nonce")),
        ("no subject", without("sub")),
        ("an endless subject", signed("sub", json!("1".repeat(300)))),
        ("another key of the same name", same_name),
        ("another key", Key::new("another").sign(&good)),
        ("alg none", format!("{none}.")),
        ("alg none with a signature", format!("{none}.{signature}")),
        ("the client's secret", symmetric(SECRET.as_bytes())),
        ("the public key as a secret", symmetric(&provider.key.public())),
        ("other claims under a good signature", swapped),
        ("no signature", format!("{text}.")),
        ("no token", "x.y.z".to_owned()),
        ("nothing", String::new()),
    ]
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    let pad = |byte: u8| -> Vec<u8> { (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ byte).collect() };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_signs_nobody_in_whichever_way_it_comes() {
    let world = World::new().await;
    let count = forged(&world.provider, "").len();
    for index in 0..count {
        let mut browser = world.browser();
        let asked = browser.start("/").await;
        let (what, token) = forged(&world.provider, &asked.nonce).swap_remove(index);
        assert_eq!(browser.end(&asked, token).await, "/#refused=invalid", "{what}");
        assert!(browser.session().is_none(), "{what}");
    }
    for index in 0..count {
        let mut browser = world.browser();
        let nonce = browser.nonce().await;
        let (what, token) = forged(&world.provider, &nonce).swap_remove(index);
        assert_eq!(browser.credential(&token).await, StatusCode::UNAUTHORIZED, "{what}");
        assert!(browser.session().is_none(), "{what}");
    }
    assert!(world.plane.store().users(None, "", 10).await.unwrap().is_empty());
    assert!(world.provider.asked() < 10, "asked {} times", world.provider.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_browser_got_itself_signs_in_once() {
    let world = World::new().await;
    let mut browser = world.browser();
    let nonce = browser.nonce().await;
    let token = world.provider.key.sign(&world.provider.claims(&nonce, "1", "ada@corp.com"));
    let cookies = browser.cookies.clone();
    assert_eq!(browser.credential(&token).await, StatusCode::NO_CONTENT);
    assert_eq!(browser.profile().await.unwrap().email.as_deref(), Some("ada@corp.com"));
    // Played again, by whoever has seen all of it.
    let mut again = Browser::with(&world, cookies);
    assert_eq!(again.credential(&token).await, StatusCode::UNAUTHORIZED);
    // In another browser, which has begun by itself, or not at all.
    let mut other = world.browser();
    assert_eq!(other.credential(&token).await, StatusCode::UNAUTHORIZED);
    other.nonce().await;
    assert_eq!(other.credential(&token).await, StatusCode::UNAUTHORIZED);
    // It does not end somebody's attempt at the provider, nor the other way round.
    let elsewhere = format!(r#"{{"credential":"{token}"}}"#);
    let request =
        world.plane.request(Method::POST, "/api/auth/google").header("origin", "https://evil.example");
    let answer = request.header("content-type", "application/json").body(elsewhere).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_in_as_somebody_else_by_a_link_that_they_follow() {
    let world = World::new().await;
    // The attacker signs in as themselves, and keeps the last step back for somebody else's browser.
    let mut attacker = world.browser();
    let asked = attacker.start("/").await;
    let claims = world.provider.claims(&asked.nonce, "evil", "eve@corp.com");
    let code = world.provider.code(&asked.challenge, world.provider.key.sign(&claims));
    let link = format!("code={code}&state={}", asked.state);
    for begun in [false, true] {
        let mut victim = world.browser();
        if begun {
            victim.start("/").await;
        }
        let answer = victim.come_back(&link).await;
        assert_eq!(answer.headers()["location"], "/#refused=stale");
        assert!(victim.session().is_none());
    }
    // And a victim's code is worth nothing in the attacker's browser, under whichever state.
    let mut victim = world.browser();
    let theirs = victim.start("/").await;
    let claims = world.provider.claims(&theirs.nonce, "ada", "ada@corp.com");
    let code = world.provider.code(&theirs.challenge, world.provider.key.sign(&claims));
    let stolen = attacker.come_back(&format!("code={code}&state={}", theirs.state)).await;
    assert_eq!(stolen.headers()["location"], "/#refused=stale");
    let stolen = attacker.come_back(&format!("code={code}&state={}", asked.state)).await;
    assert_ne!(stolen.headers()["location"], "/");
    assert!(attacker.session().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_used_once_even_by_a_hundred_at_once() {
    let world = World::new().await;
    let mut browser = world.browser();
    let asked = browser.start("/").await;
    let token = world.provider.key.sign(&world.provider.claims(&asked.nonce, "1", "ada@corp.com"));
    let code = world.provider.code(&asked.challenge, token.clone());
    let mut tries = Vec::new();
    for _ in 0..25 {
        let (cookies, query, world) =
            (browser.cookies.clone(), format!("code={code}&state={}", asked.state), &world);
        tries.push(async move { Browser::with(world, cookies).come_back(&query).await });
    }
    let answers = futures_util::future::join_all(tries).await;
    let places: Vec<_> =
        answers.iter().map(|answer| answer.headers()["location"].to_str().unwrap()).collect();
    assert_eq!(places.iter().filter(|place| **place == "/").count(), 1, "{places:?}");
    // Another code does not make the old state good again.
    let code = world.provider.code(&asked.challenge, token);
    let answer = browser.come_back(&format!("code={code}&state={}", asked.state)).await;
    assert_eq!(answer.headers()["location"], "/#refused=stale");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_signing_in_one_is_on_our_page_and_nowhere_else() {
    let world = World::new().await;
    for to in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/%2fevil.example",
        "/%5cevil.example",
        "",
    ] {
        let mut browser = world.browser();
        let answer = browser.send(Method::POST, "/api/sign-in/start", Some(json!({ "to": to }))).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{to}");
    }
    // Whoever changes the cookie comes to the start.
    let mut browser = world.browser();
    let asked = browser.start("/operator").await;
    let name = browser.cookies.keys().next().unwrap().clone();
    let secret = browser.cookies[&name].split_once('.').unwrap().0.to_owned();
    browser.cookies.insert(name, format!("{secret}.{}", URL_SAFE_NO_PAD.encode("//evil.example")));
    let token = world.provider.key.sign(&world.provider.claims(&asked.nonce, "1", "ada@corp.com"));
    assert_eq!(browser.end(&asked, token).await, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_was_there_before_is_worth_nothing_after() {
    let world = World::new().await;
    // Somebody planted their own session, or one that never was.
    let (_, planted) = world.plane.person("evil").await;
    let (name, value) = planted.split_once('=').unwrap();
    for value in [value, "made-up"] {
        let mut browser = world.browser();
        browser.cookies.insert(name.to_owned(), value.to_owned());
        assert_eq!(browser.sign_in("1", "ada@corp.com").await, IN);
        assert_ne!(browser.session().unwrap(), value);
        let mut evil = world.browser();
        evil.cookies.insert(name.to_owned(), value.to_owned());
        assert!(evil.profile().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_kept_out_is_not_let_in_by_the_provider() {
    let world = World::new().await;
    let mut browser = world.browser();
    assert_eq!(browser.sign_in("1", "ada@corp.com").await, IN);
    let id = browser.profile().await.unwrap().me.id;
    world.plane.store().set_disabled(id, true).await.unwrap();
    assert_eq!(browser.sign_in("1", "ada@corp.com").await, "/#refused=disabled");
    world.plane.store().begin_erasing(id).await.unwrap();
    assert_eq!(browser.sign_in("1", "ada@corp.com").await, "/#refused=erasing");
    assert!(browser.profile().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_asked_for_but_not_for_every_token_that_is_shown() {
    let mut world = World::new().await;
    assert_eq!(world.browser().sign_in("1", "ada@corp.com").await, IN);
    assert_eq!(world.provider.asked(), 1);
    world.provider.rotate();
    assert_eq!(world.browser().sign_in("1", "ada@corp.com").await, IN);
    assert_eq!(world.provider.asked(), 2);
    for _ in 0..20 {
        let mut browser = world.browser();
        let nonce = browser.nonce().await;
        let token = Key::new("nobody's").sign(&world.provider.claims(&nonce, "1", "ada@corp.com"));
        assert_eq!(browser.credential(&token).await, StatusCode::UNAUTHORIZED);
    }
    assert!(world.provider.asked() < 8, "asked {} times", world.provider.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_means_to_be_somebody_else_says_anew_who_they_are() {
    let world = World::new().await;
    for (body, wanted) in [
        (json!({ "to": "/" }), None),
        (json!({ "to": "/", "anew": false }), None),
        (json!({ "to": "/", "anew": true }), Some("login")),
    ] {
        let answer = world.browser().send(Method::POST, "/api/sign-in/start", Some(body)).await;
        let url: Url = answer.json::<SignInStarted>().await.unwrap().url.parse().unwrap();
        let prompt =
            url.query_pairs().find(|(name, _)| name == "prompt").map(|(_, value)| value.into_owned());
        assert_eq!(prompt.as_deref(), wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_provider_nobody_signs_in_and_is_told_so() {
    let world = World::new().await;
    world.provider.break_down();
    let (_, cookie) = world.plane.person("already in").await;
    let mut browser = world.browser();
    let answer = browser.send(Method::POST, "/api/sign-in/start", Some(json!({ "to": "/" }))).await;
    // It may have been asked, and have answered, at the start.
    assert!(matches!(answer.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::OK));
    let answer = world.plane.get("/api/user/profile").header("cookie", cookie).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_or_the_person_refuses_signs_nobody_in() {
    let world = World::new().await;
    let mut browser = world.browser();
    let asked = browser.start("/").await;
    let answer = browser.come_back(&format!("error=access_denied&state={}", asked.state)).await;
    assert_eq!(answer.headers()["location"], "/#refused=denied");
    for query in ["", "code=x", "state=x&code=x", "code=x&code=y"] {
        let answer = world.browser().come_back(query).await;
        let place = answer.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        assert!(
            answer.status() == StatusCode::BAD_REQUEST || place.as_deref() == Some("/#refused=stale"),
            "{query}"
        );
    }
    let mut browser = world.browser();
    let asked = browser.start("/").await;
    let mixed_up = format!("code=x&state={}&iss=https://evil.example", asked.state);
    assert_eq!(browser.come_back(&mixed_up).await.headers()["location"], "/#refused=invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_wrong_sign_ins_keep_nobody_else_out_and_fill_nothing() {
    let world = World::new().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let wrong = |n: usize| {
        let request = client.post(format!("{}/api/auth/google", world.plane.origin()));
        let request =
            request.header("origin", world.plane.origin()).header("content-type", "application/json");
        // What the client says itself stands before what the proxy adds: it buys nothing.
        let request =
            request.header("x-forwarded-for", format!("10.9.{}.{}, 198.51.100.7", n / 256 % 256, n % 256));
        request.body(r#"{"credential":"x.y.z"}"#).send()
    };
    let mut statuses = BTreeMap::new();
    for batch in 0..200 {
        let answers = futures_util::future::join_all((0..50).map(|n| wrong(batch * 50 + n))).await;
        for answer in answers {
            let answer = answer.unwrap();
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                let after: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=60).contains(&after));
            }
            *statuses.entry(answer.status().as_u16()).or_insert(0) += 1;
        }
    }
    assert_eq!(statuses.values().sum::<usize>(), 10_000);
    assert!(statuses[&401] < 200 && statuses[&429] > 9_800, "{statuses:?}");
    assert!(world.plane.deeds("sign_in_failed").await.len() < 200);
    // Somebody else, through the same proxy.
    let answer = client
        .post(format!("{}/api/sign-in/start", world.plane.origin()))
        .header("origin", world.plane.origin())
        .header("content-type", "application/json")
        .header("x-forwarded-for", "198.51.100.8")
        .body(r#"{"to":"/"}"#);
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_apart_by_provider_too() {
    let world = World::new().await;
    let elsewhere = Identity::new("https://other.example 1", "Ada");
    let other = world.plane.store().sign_in(&elsewhere, 1).await.unwrap();
    let mut browser = world.browser();
    assert_eq!(browser.sign_in("1", "ada@corp.com").await, IN);
    assert_ne!(browser.profile().await.unwrap().me.id, other.id);
}
