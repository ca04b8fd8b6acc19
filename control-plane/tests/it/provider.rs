//! An identity provider that lies when it is told to: what a good one can't be brought to say.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const CLIENT: &str = "atelier-test";
pub(crate) const SECRET: &str = "the client's secret";

/// A key that signs, and its name.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pair: RsaKeyPair,
}

impl Key {
    pub(crate) fn new(id: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { id: id.to_owned(), pair }
    }

    fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        let n = URL_SAFE_NO_PAD.encode(n.big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(e.big_endian_without_leading_zero());
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": n, "e": e })
    }

    /// A token with these claims, signed.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let text = unsigned(&json!({ "alg": "RS256", "typ": "JWT", "kid": self.id }), claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public key's bytes, as they are known to everyone.
    pub(crate) fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }
}

/// A token's header and claims.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

#[derive(Debug)]
struct Said {
    issuer: String,
    keys: Vec<Value>,
    asked: usize,
    /// What each code stands for: the challenge that began it, and the ID token.
    codes: HashMap<String, (String, String)>,
    /// What is told to whoever asks with an access token.
    user_info: Option<Value>,
    out_of_order: bool,
}

/// The provider.
pub(crate) struct Provider {
    pub(crate) key: Key,
    said: Arc<Mutex<Said>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let key = Key::new("first");
        let said = Said {
            issuer: format!("http://{address}"),
            keys: vec![key.jwk()],
            asked: 0,
            codes: HashMap::new(),
            user_info: None,
            out_of_order: false,
        };
        let said = Arc::new(Mutex::new(said));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/user-info", get(user_info))
            .with_state(Arc::clone(&said));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { key, said }
    }

    pub(crate) fn issuer(&self) -> String {
        self.said.lock().unwrap().issuer.clone()
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.said.lock().unwrap().asked
    }

    /// Signs with another key from now on, and says so to whoever asks.
    pub(crate) fn rotate(&mut self) {
        self.key = Key::new("second");
        self.said.lock().unwrap().keys = vec![self.key.jwk()];
    }

    pub(crate) fn break_down(&self) {
        self.said.lock().unwrap().out_of_order = true;
    }

    pub(crate) fn tell_about_user(&self, claims: Value) {
        self.said.lock().unwrap().user_info = Some(claims);
    }

    /// A code for whoever began with that challenge.
    pub(crate) fn code(&self, challenge: &str, token: String) -> String {
        let code = uuid::Uuid::new_v4().to_string();
        self.said.lock().unwrap().codes.insert(code.clone(), (challenge.to_owned(), token));
        code
    }

    /// The claims of somebody of that name, as a good provider makes them.
    pub(crate) fn claims(&self, nonce: &str, subject: &str, email: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({
            "iss": self.issuer(), "aud": CLIENT, "sub": subject, "iat": now, "exp": now + 300, "nonce": nonce,
            "email": email, "email_verified": true, "name": "Ada Lovelace",
        })
    }
}

type Shared = State<Arc<Mutex<Said>>>;

async fn discovery(State(said): Shared) -> Response {
    let said = said.lock().unwrap();
    if said.out_of_order {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let issuer = &said.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/user-info"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
    }))
    .into_response()
}

async fn keys(State(said): Shared) -> Json<Value> {
    let mut said = said.lock().unwrap();
    said.asked += 1;
    Json(json!({ "keys": said.keys }))
}

async fn token(State(said): Shared, headers: HeaderMap, form: String) -> Response {
    let form = reqwest::Url::parse(&format!("http://form/?{form}")).unwrap();
    let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
    let refused = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response();
    let secret: String = SECRET.replace(' ', "+").replace('\'', "%27");
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(basic.as_str()) {
        return refused("invalid_client");
    }
    // A code is good once.
    let code = form.get("code").and_then(|code| said.lock().unwrap().codes.remove(code));
    let Some((challenge, id_token)) = code else { return refused("invalid_grant") };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != challenge {
        return refused("invalid_grant");
    }
    Json(json!({ "access_token": "an access token", "token_type": "Bearer", "id_token": id_token }))
        .into_response()
}

async fn user_info(State(said): Shared, headers: HeaderMap) -> Response {
    let authorised = headers.get("authorization").is_some_and(|value| value == "Bearer an access token");
    match said.lock().unwrap().user_info.clone().filter(|_| authorised) {
        Some(claims) => Json(claims).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
