//! The page: files of the built web folder, and its index for every address that is the page's own.

use std::path::Path;

use axum::Router;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Response};
use tower::ServiceBuilder;
use tower_http::services::{ServeDir, ServeFile};

/// The names of these files change with what they hold.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Everything else is asked for again, and mostly answered with "not modified".
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Serves the built page. Files are sent compressed where a compressed copy lies beside them.
pub fn router<S: Clone + Send + Sync + 'static>(web: &Path) -> Router<S> {
    let index = ServeFile::new(web.join("index.html")).precompressed_gzip().precompressed_br();
    let pages = ServeDir::new(web).precompressed_gzip().precompressed_br().fallback(index);
    let hashed = ServeDir::new(web.join("assets")).precompressed_gzip().precompressed_br();
    Router::new()
        .nest_service(
            "/assets",
            ServiceBuilder::new().map_response(|response| cached(response, FOR_EVER)).service(hashed),
        )
        .fallback_service(
            ServiceBuilder::new().map_response(|response| cached(response, ASK_AGAIN)).service(pages),
        )
}

/// A file that isn't there may be there tomorrow.
fn cached<B>(mut response: Response<B>, how: HeaderValue) -> Response<B> {
    let there = response.status().is_success() || response.status().is_redirection();
    response.headers_mut().insert(CACHE_CONTROL, if there { how } else { ASK_AGAIN });
    response
}
