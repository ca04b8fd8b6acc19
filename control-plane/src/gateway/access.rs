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
        let access = attempt(&gateway, &credential).await;
        let ready = matches!(access, ModelAccess::Ready { .. });
        if access != gateway.access() {
            match &access {
                ModelAccess::Ready { demo } => tracing::info!(demo, "the model's API takes the key"),
                ModelAccess::KeyRefused {} => tracing::error!("the model's API refuses the key"),
                ModelAccess::Unreachable { detail } => {
                    tracing::error!(detail, "the model's API can't be reached")
                }
                ModelAccess::NoKey {} => {}
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

/// Lists one model: the cheapest call there is, and free of charge.
async fn attempt(gateway: &Gateway, credential: &Credential) -> ModelAccess {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    credential.add_to(&mut headers);
    let url = format!("{}/v1/models?limit=1", gateway.upstream);
    match gateway.client.get(url).headers(headers).timeout(TRY).send().await {
        Ok(response) => match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ModelAccess::KeyRefused {},
            status if status.is_server_error() => ModelAccess::Unreachable { detail: status.to_string() },
            _ => ModelAccess::Ready { demo: gateway.demo },
        },
        Err(error) => ModelAccess::Unreachable { detail: words(&error.without_url()) },
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
