//! Cookies: how they are called, and what keeps others from reading or planting them.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use protocol::Millis;

use super::attempt::{ATTEMPT_MS, Attempt};
use super::session::{SESSION_MS, Token};

/// How this control plane's cookies are called and guarded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cookie {
    session: String,
    attempt: String,
    secure: bool,
}

impl Cookie {
    /// The cookies of a page that comes over HTTPS, where the prefix keeps other hosts from planting one; or over plain HTTP
    /// on loopback, where a browser takes no `Secure` cookie from. There the port is in the name: cookies are not told
    /// apart by port.
    pub fn new(https: bool, port: u16) -> Self {
        let name = |what: &str| {
            if https { format!("__Host-atelier-{what}") } else { format!("atelier-{what}-{port}") }
        };
        Self { session: name("session"), attempt: name("sign-in"), secure: https }
    }

    /// The header that has a browser keep a session.
    pub fn keep(&self, token: &Token) -> Option<HeaderValue> {
        self.header(&self.session, &token.0, SESSION_MS)
    }

    /// The header that has a browser forget its session.
    pub fn forget(&self) -> Option<HeaderValue> {
        self.header(&self.session, "", 0)
    }

    /// The session in these headers, if any.
    pub fn token(&self, headers: &HeaderMap) -> Option<Token> {
        value(headers, &self.session).map(|value| Token(value.to_owned()))
    }

    /// The header that has a browser keep an attempt to sign in.
    pub fn keep_attempt(&self, attempt: &Attempt) -> Option<HeaderValue> {
        self.header(&self.attempt, &attempt.cookie(), ATTEMPT_MS)
    }

    /// The header that has a browser forget it.
    pub fn forget_attempt(&self) -> Option<HeaderValue> {
        self.header(&self.attempt, "", 0)
    }

    /// The attempt in these headers, if any.
    pub fn attempt(&self, headers: &HeaderMap) -> Option<Attempt> {
        value(headers, &self.attempt).and_then(Attempt::from_cookie)
    }

    fn header(&self, name: &str, value: &str, lasts: Millis) -> Option<HeaderValue> {
        let flag = if self.secure { "; Secure" } else { "" };
        let seconds = lasts / 1000;
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{flag}");
        HeaderValue::from_str(&text).ok().map(|mut value| {
            value.set_sensitive(true);
            value
        })
    }
}

fn value<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::own_path::OwnPath;

    #[test]
    fn a_cookie_comes_back_as_what_it_was() {
        for https in [false, true] {
            let (cookie, token) = (Cookie::new(https, 8080), Token::new());
            let attempt = Attempt::new(OwnPath::start());
            let texts = [cookie.keep(&token).unwrap(), cookie.keep_attempt(&attempt).unwrap()];
            let texts = texts.map(|text| text.to_str().unwrap().to_owned());
            let pairs = texts.each_ref().map(|text| text.split(';').next().unwrap());
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, format!("a=b; {}; {}; c=d", pairs[0], pairs[1]).parse().unwrap());
            assert_eq!(cookie.token(&headers).unwrap().hash(), token.hash());
            assert_eq!(cookie.attempt(&headers).unwrap().state(), attempt.state());
            let other = Cookie::new(false, 9090);
            assert!(other.token(&headers).is_none() && other.attempt(&headers).is_none());
            for text in texts {
                assert!(
                    text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Path=/")
                );
                assert!(!text.contains("Domain"));
                assert_eq!((text.contains("Secure"), text.starts_with("__Host-")), (https, https));
            }
        }
    }
}
