//! Where somebody goes who has just signed in: one of the page's own paths, and nowhere else.

/// The longest path. The page's own are far shorter.
const LONGEST: usize = 256;

/// A path of this page's, safe to send a browser to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnPath(String);

impl OwnPath {
    /// The path, if it can be nothing else to any browser. `//evil.example` and `/\evil.example` are other hosts, and
    /// encoded ones become so in the hands of whoever decodes them; so what is needed is listed, and all else refused.
    pub fn new(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('/')?;
        let ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
        let whole = rest.split('/').all(|part| !matches!(part, "." | ".."));
        let fits = text.len() <= LONGEST && text.chars().all(ours) && whole && !text.contains("//");
        fits.then(|| Self(text.to_owned()))
    }

    /// The page's beginning.
    pub fn start() -> Self {
        Self("/".to_owned())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_own_paths_are_taken() {
        for path in ["/", "/operator", "/c/0b6a3c52-8a31-4f6e-9a37-7d3a52c0a8a1", "/c/x/"] {
            assert_eq!(OwnPath::new(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_refused() {
        let elsewhere = [
            "",
            "c/x",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "/%2fevil.example",
            "/%2Fevil.example",
            "/%5cevil.example",
            "/%5Cevil.example",
            "/%252fevil.example",
            "/\tevil.example",
            "/\n/evil.example",
            "/\r//evil.example",
            "/ /evil.example",
            "javascript:alert(1)",
            "/c//evil.example",
            "/../evil",
            "/./evil",
            "/c/..",
            "/.//evil.example",
            "/@evil.example",
            "/?a=//evil.example",
            "/#code=x",
            "/évil",
            "/c:x",
            "data:text/html,x",
            " /",
            "/;x",
        ];
        for path in elsewhere {
            assert_eq!(OwnPath::new(path), None, "{path:?}");
        }
        assert_eq!(OwnPath::new(&format!("/{}", "a".repeat(LONGEST))), None);
    }
}
