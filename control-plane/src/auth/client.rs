//! Who a request comes from: the peer of its connection, or whoever a reverse proxy of ours says that it forwards for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::config::Http;
use crate::server::RemoteAddress;

/// The header in which proxies name whom they forward for, the nearest last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who a request comes from. Every request on the public port carries this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientAddress(pub IpAddr);

/// Notes on a request who it comes from.
pub async fn note(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let remote = request.extensions().get::<RemoteAddress>().map(|RemoteAddress(remote)| remote.ip());
    if let Some(remote) = remote {
        let client = of(&app.config.http, remote, request.headers());
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

/// Who it is. Only a proxy of ours is believed, and of a chain of them the first that isn't ours counts: what stands before
/// it anybody may have written.
fn of(http: &Http, remote: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = remote.to_canonical();
    // Hop by hop: what a client writes into the header may be no text, and hides nothing of what the proxies add.
    let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(|line| line.as_bytes()).collect();
    let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    while http.is_proxy(client) {
        let hop = hops.next().and_then(|hop| std::str::from_utf8(hop).ok());
        let Some(next) = hop.and_then(|hop| address(hop.trim())) else { break };
        client = next.to_canonical();
    }
    client
}

/// An address as proxies write it, some with the port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(proxies: &[&str]) -> Http {
        Http {
            listen: "0.0.0.0:443".parse().unwrap(),
            public_url: None,
            tls: None,
            proxies: proxies.iter().map(|network| network.parse().unwrap()).collect(),
        }
    }

    fn client(remote: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, axum::http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        of(&http(&["10.0.0.0/8", "fd00::/8"]), remote.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_proxy_of_ours_is_believed_as_far_as_it_can_know() {
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("fd00::1", &["2001:db8::1", "10.0.0.2"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7:4711, [fd00::2]:80"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["ÿ, 198.51.100.7"]), "198.51.100.7");
        // What a client writes into the header stands before what the proxy adds.
        assert_eq!(client("10.0.0.1", &["127.0.0.1, 203.0.113.9, 198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn nobody_else_is_believed_and_nothing_malformed() {
        assert_eq!(client("198.51.100.7", &["203.0.113.9"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7, evil"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[""]), "10.0.0.1");
    }

    #[test]
    fn where_plain_http_is_spoken_to_others_it_is_with_the_proxies_alone() {
        let http = http(&["10.0.0.0/8"]);
        assert!(http.admits("10.1.2.3".parse().unwrap()));
        assert!(
            !http.admits("198.51.100.7".parse().unwrap())
                && !http.admits("::ffff:198.51.100.7".parse().unwrap())
        );
        assert!(http.admits("127.0.0.1".parse().unwrap()));
    }
}
