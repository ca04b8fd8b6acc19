//! The identity provider: where its endpoints are and which keys it signs with. Keys are changed without notice, so one
//! that isn't known is asked for, but not more often than every now and then, whatever tokens are shown.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use openidconnect::core::CoreProviderMetadata;
use openidconnect::{ClaimsVerificationError, IssuerUrl, SignatureVerificationError};
use tokio::time::Instant;

use super::OidcError;
use super::http::Http;

/// How long what is known is good.
const GOOD: Duration = Duration::from_secs(3600);
/// How often the provider is asked at most, in the long run; [`AT_ONCE`] times if it has been quiet.
const AGAIN: Duration = Duration::from_secs(10);
/// See [`AGAIN`].
const AT_ONCE: NonZeroU32 = NonZeroU32::new(4).expect("not zero");

/// What is known of the provider.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its endpoints and keys.
    pub(super) metadata: CoreProviderMetadata,
    asked: Instant,
}

/// The provider.
#[derive(Debug)]
pub struct Provider {
    issuer: IssuerUrl,
    known: Mutex<Option<Arc<Known>>>,
    /// Held while it is asked: one question at a time.
    asking: tokio::sync::Mutex<()>,
    rate: DefaultDirectRateLimiter,
}

impl Provider {
    /// The provider of that name, which is its address, too.
    ///
    /// # Errors
    /// When it is no address.
    pub fn new(issuer: String) -> anyhow::Result<Self> {
        let issuer = IssuerUrl::new(issuer).context("the issuer")?;
        let quota = Quota::with_period(AGAIN).context("a period of no time")?.allow_burst(AT_ONCE);
        let (known, asking, rate) =
            (Mutex::default(), tokio::sync::Mutex::default(), RateLimiter::direct(quota));
        Ok(Self { issuer, known, asking, rate })
    }

    /// Its name.
    pub(super) const fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    /// What is known of it.
    pub(super) async fn known(&self, http: &Http) -> Result<Arc<Known>, OidcError> {
        match self.current() {
            Some(known) if known.asked.elapsed() < GOOD => Ok(known),
            Some(old) => match self.ask(http, Some(&old)).await {
                // What was true an hour ago is better than nobody signed in.
                Err(OidcError::Unavailable(error)) => {
                    tracing::warn!(error = format!("{error:#}"), "the identity provider does not answer");
                    Ok(old)
                }
                asked => asked,
            },
            None => self.ask(http, None).await,
        }
    }

    /// What is known of it after it was asked again, since `old` was not enough.
    pub(super) async fn known_anew(&self, http: &Http, old: &Arc<Known>) -> Result<Arc<Known>, OidcError> {
        match self.ask(http, Some(old)).await {
            Err(OidcError::Unavailable(_)) => Ok(Arc::clone(old)),
            asked => asked,
        }
    }

    async fn ask(&self, http: &Http, old: Option<&Arc<Known>>) -> Result<Arc<Known>, OidcError> {
        let _asking = self.asking.lock().await;
        // Somebody else has asked meanwhile.
        if let Some(known) = self.current()
            && old.is_none_or(|old| !Arc::ptr_eq(old, &known))
        {
            return Ok(known);
        }
        if self.rate.check().is_err() {
            return Err(OidcError::Unavailable(anyhow::anyhow!("it was asked too often just now")));
        }
        let asked = Instant::now();
        // Whatever it says wrongly today, it may say rightly tomorrow.
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), http).await;
        let metadata = metadata.map_err(|error| OidcError::Unavailable(error.into()))?;
        let known = Arc::new(Known { metadata, asked });
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Ok(known)
    }

    fn current(&self) -> Option<Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether a token was signed by a key that isn't known.
pub(super) const fn is_unknown_key(error: &ClaimsVerificationError) -> bool {
    matches!(error, ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
}
