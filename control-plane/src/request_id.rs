//! A name for each request: in its answer, in the body of its refusal, and on every line that the log has of it.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

/// The header with a request's name. What a client sends is not looked at: it could name another's.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The name of the request that is being answered.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| fresh())
}

/// Names a request, and tells the log how it was answered. Neither its address nor its headers are told, since there may be
/// secrets in them: the route that it took has none.
pub async fn name(request: Request, next: Next) -> Response {
    let id = fresh();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", id);
    let answering = async {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::from_str(&current()) {
            response.headers_mut().insert(HEADER, value);
        }
        tracing::debug!(%method, route, status = response.status().as_u16(), "answered");
        response
    };
    CURRENT.scope(id, answering.instrument(span)).await
}

fn fresh() -> String {
    Uuid::new_v4().simple().to_string()
}
