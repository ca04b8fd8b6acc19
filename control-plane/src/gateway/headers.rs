//! What passes the gateway and what stays behind. Pure.

use axum::http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::access::Credential;

const BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// Headers of a request that are passed on as they are. Credentials and organisations are not among them.
static UP: [HeaderName; 4] = [ACCEPT, CONTENT_TYPE, USER_AGENT, VERSION];

/// Headers of an answer that are passed back.
const DOWN: &[&str] = &["content-type", "request-id", "retry-after", "x-should-retry"];
/// And all that begin with this.
const DOWN_PREFIX: &str = "anthropic-ratelimit-";

/// The headers to ask the model's API with.
pub fn upstream(from: &HeaderMap, betas: &[String], credential: &Credential) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in &UP {
        if let Some(value) = from.get(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    let asked =
        from.get_all(BETA).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let allowed: Vec<&str> = asked.map(str::trim).filter(|beta| is_allowed(betas, beta)).collect();
    if let Ok(value) = HeaderValue::from_str(&allowed.join(","))
        && !allowed.is_empty()
    {
        headers.insert(BETA, value);
    }
    credential.add_to(&mut headers);
    headers
}

/// Whether a beta is on the list. An entry that ends in `*` stands for all that begin so.
fn is_allowed(betas: &[String], beta: &str) -> bool {
    betas.iter().any(|entry| match entry.strip_suffix('*') {
        Some(prefix) => beta.starts_with(prefix),
        None => beta == entry,
    })
}

/// The headers to answer the workspace with.
pub fn downstream(from: &HeaderMap) -> HeaderMap {
    let passes = |name: &HeaderName| DOWN.contains(&name.as_str()) || name.as_str().starts_with(DOWN_PREFIX);
    from.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_of_the_workspace_passes_and_ours_is_added() {
        let mut from = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer theirs"),
            ("x-api-key", "theirs"),
            ("cookie", "a=b"),
            ("anthropic-organization", "o"),
            ("x-forwarded-for", "1.2.3.4"),
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "good-1, bad-1,good-2"),
        ] {
            from.insert(name, HeaderValue::from_static(value));
        }
        let up = upstream(&from, &["good-*".to_owned()], &Credential::new("ours").unwrap());
        let mut names: Vec<&str> = up.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["anthropic-beta", "anthropic-version", "x-api-key"]);
        assert_eq!(up["x-api-key"], "ours");
        assert_eq!(up["anthropic-beta"], "good-1,good-2");
        assert!(up["x-api-key"].is_sensitive());
    }

    #[test]
    fn no_beta_means_no_header() {
        let mut from = HeaderMap::new();
        from.insert("anthropic-beta", HeaderValue::from_static("bad"));
        assert!(!upstream(&from, &[], &Credential::new("ours").unwrap()).contains_key("anthropic-beta"));
    }

    #[test]
    fn answers_lose_what_is_not_for_the_workspace() {
        let mut from = HeaderMap::new();
        for (name, value) in
            [("set-cookie", "x"), ("request-id", "r"), ("anthropic-ratelimit-requests-limit", "5")]
        {
            from.insert(name, HeaderValue::from_static(value));
        }
        assert_eq!(downstream(&from).len(), 2);
    }
}
