//! The operator's key, and whether the model lets it in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use protocol::api::ModelAccess;

use super::Gateway;

/// How often an API that can't be reached, or refuses the key, is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(15);

/// The operator's API key. Never shown, never logged.
#[derive(Clone)]
pub struct Credential(HeaderValue);

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential")
    }
}

impl Credential {
    /// From the key's text.
    ///
    /// # Errors
    /// When it can't be a key.
    pub fn new(key: &str) -> anyhow::Result<Self> {
        let key = key.trim();
        anyhow::ensure!(!key.is_empty(), "the key is empty");
        let mut value = HeaderValue::from_str(key).ok().context("the key has characters that no key has")?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// From a file.
    ///
    /// # Errors
    /// When it can't be read or holds no key.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::new(&text).with_context(|| path.display().to_string())
    }

    /// Puts it where the model's API looks for it.
    pub fn add_to(&self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("x-api-key"), self.0.clone());
    }
}

/// Tries the key with one cheap call, again for as long as it does not work, and again whenever a request of somebody's
/// found that it did not.
pub async fn keep_trying(gateway: Arc<Gateway>) {
    let Some(credential) = gateway.credential.clone() else { return };
    loop {
        let access = match gateway.attempt(&credential).await {
            Tried::Taken => ModelAccess::Ready { demo: gateway.demo },
            Tried::Refused => ModelAccess::KeyRefused {},
            Tried::Unreachable(detail) => ModelAccess::Unreachable { detail },
        };
        let ready = matches!(access, ModelAccess::Ready { .. });
        if access != gateway.access() {
            match &access {
                ModelAccess::Ready { demo } => tracing::info!(demo, "the model's API takes the key"),
                ModelAccess::KeyRefused {} => tracing::error!("the model's API refuses the key"),
                ModelAccess::Unreachable { detail } => {
                    tracing::error!(detail, "the model's API can't be reached")
                }
                ModelAccess::NoKey {} | ModelAccess::OwnKeyRefused {} => {}
            }
        }
        gateway.note(access);
        if ready {
            // Whatever else becomes known of it is known from one request, which may have been unlucky.
            let mut access = gateway.watch_access();
            let changed = access.wait_for(|access| !matches!(access, ModelAccess::Ready { .. }));
            // The gateway is held here, so its access is always there to be watched.
            let _ = changed.await.map(drop);
        } else {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// What came of trying a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tried {
    /// The model's API takes it.
    Taken,
    /// It does not.
    Refused,
    /// It can't be reached, or is not itself.
    Unreachable(String),
}

impl Gateway {
    /// Tries a key: lists one model, the cheapest call there is, and free of charge.
    pub async fn attempt(&self, credential: &Credential) -> Tried {
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        credential.add_to(&mut headers);
        let url = format!("{}/v1/models?limit=1", self.upstream);
        match self.client.get(url).headers(headers).timeout(TRY).send().await {
            Ok(response) => match response.status() {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Tried::Refused,
                status if status.is_server_error() => Tried::Unreachable(status.to_string()),
                _ => Tried::Taken,
            },
            Err(error) => Tried::Unreachable(words(&error.without_url())),
        }
    }
}

/// What went wrong, in words, down to the cause.
pub fn words(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    protocol::payload::short(&words, 300)
}
