//! Errors in Anthropic's shape, and the cut of a connection.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error answer.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
}

/// The connection ends in mid-answer, by script or because the server stops.
#[derive(thiserror::Error, Debug)]
#[error("the connection is cut by the script")]
pub(crate) struct Cut;

impl ApiError {
    /// An error with a text of its own.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The error that an `ERR` directive asks for.
    pub(crate) fn scripted(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, format!("fake {}", kind(status)))
    }

    /// The answer; the id also stands in the `request-id` header.
    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let error = json!({"type": kind(self.status), "message": self.message});
        let body = Json(json!({"type": "error", "error": error, "request_id": request_id}));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            return (self.status, [("retry-after", "0")], body).into_response();
        }
        (self.status, body).into_response()
    }
}

/// The `type` that Anthropic gives to errors of a status.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 | 405 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::ApiError;

    #[test]
    fn scripted_errors_have_anthropics_types() {
        for (status, message) in [
            (400, "fake invalid_request_error"),
            (429, "fake rate_limit_error"),
            (500, "fake api_error"),
            (529, "fake overloaded_error"),
            (599, "fake api_error"),
        ] {
            let error = ApiError::scripted(status);
            assert_eq!((error.status.as_u16(), error.message.as_str()), (status, message));
        }
    }
}
