//! How the identity provider is spoken to: no redirects, nothing endless, nothing large.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

use super::OidcError;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The largest answer. Key sets and tokens are a few KiB.
const LARGEST: usize = 1024 * 1024;

/// Speaks to the identity provider.
#[derive(Clone, Debug)]
pub(super) struct Http(reqwest::Client);

/// No answer came, or none that can be read.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub(super) struct NoAnswer(#[source] anyhow::Error);

impl Http {
    pub(super) fn new() -> anyhow::Result<Self> {
        // A redirect would have us ask whomever the provider, or somebody in its stead, likes.
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(ANSWER);
        Ok(Self(client.build().context("the identity provider's client")?))
    }

    async fn answer(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(more) = answer.chunk().await? {
            anyhow::ensure!(body.len() + more.len() <= LARGEST, "the answer is larger than {LARGEST} bytes");
            body.extend_from_slice(&more);
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.answer(request).await.map_err(NoAnswer) })
    }
}

/// A failure to speak: nobody is there, or what is said makes no sense.
pub(super) fn judged(error: anyhow::Error) -> OidcError {
    if error.chain().any(|cause| cause.is::<NoAnswer>()) {
        OidcError::Unavailable(error)
    } else {
        OidcError::Invalid(error)
    }
}
