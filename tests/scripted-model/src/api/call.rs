//! One call of Anthropic's API: its body and headers, its record, its errors.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::App;
use crate::error::ApiError;
use crate::ids;
use crate::record::{Asked, AuthKind, Outcome, Record, Ticket, now};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// A call that has been read whole and carries the right key.
pub(crate) struct Call {
    pub(crate) body: Bytes,
    pub(crate) request_id: String,
    record: Record,
}

impl Call {
    /// Records the call with what it asks.
    pub(crate) fn admit(&self, app: &App, asked: Asked) -> Ticket {
        app.recorder.admit(Record { asked, ..self.record.clone() })
    }

    /// Ends the call with a complete answer.
    pub(crate) fn answer(&self, ticket: &mut Ticket, answer: Result<Response, ApiError>) -> Response {
        let response = answer.unwrap_or_else(|error| error.into_response(&self.request_id));
        ticket.status(response.status().as_u16());
        ticket.close(Outcome::Done);
        self.tag(response)
    }

    /// Records a call that asks for nothing in particular and ends it.
    pub(crate) fn answer_at_once(&self, app: &App, answer: Result<Response, ApiError>) -> Response {
        let mut ticket = self.admit(app, Asked::default());
        self.answer(&mut ticket, answer)
    }

    /// Adds the `request-id` header.
    pub(crate) fn tag(&self, mut response: Response) -> Response {
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let request_id = ids::request();
        let presented = presented_key(&parts.headers);
        let mut record = arrival(&parts, request_id.clone());
        record.auth = presented.map(|(kind, _)| kind);
        record.key_sha256 = presented.map(|(_, key)| key_digest(key));
        let allowed = check_key(app.required_key.as_deref(), presented.map(|(_, key)| key));
        let mut call = Self { body: Bytes::new(), request_id, record };
        if let Err(error) = allowed {
            return Err(call.answer_at_once(app, Err(error)));
        }
        match Bytes::from_request(Request::from_parts(parts, body), app).await {
            Ok(body) => {
                call.body = body;
                Ok(call)
            }
            Err(rejection) => {
                let error = ApiError::new(rejection.status(), rejection.body_text());
                Err(call.answer_at_once(app, Err(error)))
            }
        }
    }
}

/// Whatever has no route.
pub(crate) async fn not_found(State(app): State<Arc<App>>, call: Call) -> Response {
    call.answer_at_once(&app, Err(ApiError::new(StatusCode::NOT_FOUND, "Not found")))
}

fn arrival(parts: &Parts, request_id: String) -> Record {
    let text = |name: &str| parts.headers.get(name)?.to_str().ok().map(str::to_owned);
    Record {
        id: 0,
        time: now(),
        request_id,
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        auth: None,
        key_sha256: None,
        session: text("x-claude-code-session-id"),
        beta: text("anthropic-beta"),
        user_agent: text("user-agent"),
        asked: Asked::default(),
        status: None,
        outcome: Outcome::Open,
    }
}

fn presented_key(headers: &HeaderMap) -> Option<(AuthKind, &str)> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let bearer = || text("authorization")?.strip_prefix("Bearer ");
    let key = text("x-api-key").map(|key| (AuthKind::XApiKey, key));
    key.or_else(|| bearer().map(|key| (AuthKind::Bearer, key)))
}

fn check_key(required: Option<&str>, presented: Option<&str>) -> Result<(), ApiError> {
    match (required, presented) {
        (None, _) => Ok(()),
        (Some(required), Some(presented)) if required == presented => Ok(()),
        (Some(_), Some(_)) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid x-api-key")),
        (Some(_), None) => Err(ApiError::new(StatusCode::UNAUTHORIZED, "x-api-key header is required")),
    }
}

/// Enough digits to tell keys apart, too few to search by.
fn key_digest(key: &str) -> String {
    Sha256::digest(key).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
