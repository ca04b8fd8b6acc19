//! Refusals of the REST API: a code, public words, a request id; the cause goes to the log.

use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::api;
use protocol::close::ErrorCode;

use crate::outbox::Refusal;
use crate::request_id;
use crate::store::StoreError;

/// A refusal.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    cause: Option<anyhow::Error>,
    /// When to come back.
    retry_after: Option<Duration>,
}

impl ApiError {
    /// A refusal that needs no explanation in the log.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), cause: None, retry_after: None }
    }

    /// A refusal of somebody who is too quick, with when to come back.
    pub fn too_often(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let message = format!("that was too often; come back in {seconds} s");
        Self { retry_after: Some(Duration::from_secs(seconds)), ..Self::new(ErrorCode::TooMany, message) }
    }

    /// A refusal with a cause that the log is told.
    pub fn because(code: ErrorCode, message: impl Into<String>, cause: impl Into<anyhow::Error>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(code, message) }
    }

    /// A failure of our own.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        let message = "something failed on the server".to_owned();
        Self { code: ErrorCode::Internal, message, cause: Some(cause.into()), retry_after: None }
    }

    /// When to come back, in milliseconds, for whoever was too quick.
    pub fn back_in_ms(&self) -> Option<u64> {
        self.retry_after.and_then(|after| u64::try_from(after.as_millis()).ok())
    }

    /// Its code and its words, for whoever asked; what caused it goes to the log.
    pub fn told(self) -> (ErrorCode, String) {
        if let Some(cause) = &self.cause {
            tracing::error!(code = ?self.code, "{}: {cause:#}", self.message);
        }
        (self.code, self.message)
    }

    /// Its code.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }
}

/// The HTTP status of a code.
pub const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Invalid => StatusCode::BAD_REQUEST,
        ErrorCode::SignedOut => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict | ErrorCode::PromptClosed => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (code, message) = match &error {
            StoreError::Conflict => (ErrorCode::Conflict, "someone else changed it first"),
            StoreError::NotFound => (ErrorCode::NotFound, "there is no such thing"),
            StoreError::Exhausted(_) => (ErrorCode::TooMany, "there is no room for another one"),
            StoreError::Full(_) => (ErrorCode::Unavailable, "the store is full; nothing was changed"),
            StoreError::Unavailable(_) => (ErrorCode::Unavailable, "the store is busy; nothing was changed"),
            StoreError::Malformed(_) => (ErrorCode::Internal, "something failed on the server"),
        };
        let told = matches!(error, StoreError::Conflict | StoreError::NotFound);
        let cause = (!told).then(|| anyhow::Error::new(error));
        Self { code, message: message.to_owned(), cause, retry_after: None }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let request_id = request_id::current();
        match &self.cause {
            Some(cause) => tracing::error!(code = ?self.code, "{}: {cause:#}", self.message),
            None => tracing::debug!(code = ?self.code, "{}", self.message),
        }
        let body = api::ApiError { code: self.code, message: self.message, request_id };
        let mut response = (status(self.code), Json(body)).into_response();
        if self.code == ErrorCode::SignedOut {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.as_secs().into());
        }
        response
    }
}
