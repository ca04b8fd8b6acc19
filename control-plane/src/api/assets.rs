//! The page: files of the built web folder, and its index for every address that is the page's own.

use std::path::Path;

use tower_http::services::{ServeDir, ServeFile};

/// Serves the built page. Files are sent compressed where a compressed copy lies beside them.
pub fn service(web: &Path) -> ServeDir<ServeFile> {
    let index = ServeFile::new(web.join("index.html"));
    ServeDir::new(web).precompressed_gzip().precompressed_br().fallback(index)
}
