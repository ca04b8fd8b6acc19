//! The near end of the model gateway: on loopback, for the CLI, without a credential.
//!
//! What comes in goes to the control plane's link port under this workspace's certificate; the control plane adds
//! the credential. While it restarts, requests are held for up to a minute: refused, the CLI would back off for
//! longer than that.
//!
//! Any code in the workspace can connect here. What it can hold is bounded: connections, and bytes of requests, which are
//! reserved before they are read. The workspace-agent keeps its descriptors and its memory; who is turned away is the
//! workspace's own.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use protocol::ConversationId;
use protocol::enrol::CONTROL_PLANE_NAME;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::identity::Identity;
use crate::link::backoff::Backoff;
use crate::link::http;

/// How long a request is held while the control plane is away.
const HOLD: Duration = Duration::from_secs(60);
/// Connections at a time. A CLI has a few for each agent that it runs; every one costs two descriptors here.
const CONNECTIONS: usize = 128;
/// What requests may take here at a time, in KiB: two of the largest. For a moment each is here twice.
const HELD_KIB: usize = 2 * REQUEST_BYTES / 1024;
/// How long a request may take to come in, with the wait for room. It comes from the same machine.
const COME_IN: Duration = Duration::from_secs(60);
/// The largest request, as the model's API has it.
const REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// Set by the control plane on answers that mean "not now, but soon".
const HOLD_HEADER: &str = "x-atelier-hold";

type Body = BoxBody<Bytes, hyper::Error>;

/// Serves the near end for ever.
///
/// # Errors
/// When the loopback port can't be bound.
pub async fn serve(
    config: Arc<Config>,
    identity: watch::Receiver<Identity>,
    tasks: TaskTracker,
) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", config.model_port)).await?;
    let gateway = Arc::new(Gateway::new(config, identity));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely; user code can do that to itself, and it passes.
                tracing::warn!(%error, "a connection to the model gateway can't be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection to the model gateway broke at once");
            continue;
        }
        let gateway = Arc::clone(&gateway);
        tasks.spawn(async move {
            let _place = place;
            let service = service_fn(move |request| {
                let gateway = Arc::clone(&gateway);
                async move { Ok::<_, Infallible>(gateway.answer(request).await) }
            });
            let mut server = hyper::server::conn::http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection to the model gateway broke");
            }
        });
    }
}

struct Gateway {
    client: Client<Dialler, Full<Bytes>>,
    room: Room,
}

impl Gateway {
    fn new(config: Arc<Config>, identity: watch::Receiver<Identity>) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(8);
        Self { client: builder.build(Dialler { config, identity }), room: Room::new() }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Some(path) = far_path(&parts.method, &parts.uri) else {
            return refusal(
                StatusCode::NOT_FOUND,
                "not_found_error",
                "this gateway serves the Messages API alone",
            );
        };
        let (body, _room) = match tokio::time::timeout(COME_IN, self.room.receive(body)).await {
            Ok(Ok(received)) => received,
            Ok(Err(refused)) => return refused,
            Err(_) => {
                let words = "the request did not come in within a minute";
                return refusal(StatusCode::REQUEST_TIMEOUT, "timeout_error", words);
            }
        };
        let headers = end_to_end(parts.headers);
        self.forward(parts.method, &path, headers, body).await
    }

    async fn forward(&self, method: Method, path: &str, headers: HeaderMap, body: Bytes) -> Response<Body> {
        let give_up_at = Instant::now() + HOLD;
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        loop {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = method.clone();
            *request.uri_mut() = match path.parse() {
                Ok(uri) => uri,
                Err(_) => return refusal(StatusCode::BAD_REQUEST, "invalid_request_error", "malformed path"),
            };
            *request.headers_mut() = headers.clone();
            let held = match self.client.request(request).await {
                Ok(response) if !response.headers().contains_key(HOLD_HEADER) => {
                    let (mut parts, body) = response.into_parts();
                    parts.headers = end_to_end(parts.headers);
                    return Response::from_parts(parts, body.boxed());
                }
                Ok(response) => format!("the control plane answered {}", response.status()),
                Err(error) => format!("{error:?}"),
            };
            if Instant::now() >= give_up_at {
                tracing::warn!(why = held, "a model request was held for a minute and is given up");
                let words = "the control plane could not be reached for a minute";
                return refusal(StatusCode::SERVICE_UNAVAILABLE, "api_error", words);
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }
}

/// Room for requests, counted in KiB.
struct Room(Arc<Semaphore>);

impl Room {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(HELD_KIB)))
    }

    /// The whole request, and the part of the room that it takes.
    async fn receive<B>(&self, body: B) -> Result<(Bytes, OwnedSemaphorePermit), Response<Body>>
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let too_large =
            || refusal(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", "the request is over 32 MB");
        let most = body.size_hint().upper().map_or(Ok(REQUEST_BYTES), usize::try_from);
        let most = most.ok().filter(|most| *most <= REQUEST_BYTES).ok_or_else(too_large)?;
        let kib = u32::try_from(most.div_ceil(1024)).map_err(|_| too_large())?;
        let room = Arc::clone(&self.0).acquire_many_owned(kib).await;
        let room = room.map_err(|_| refusal(StatusCode::SERVICE_UNAVAILABLE, "api_error", "stopping"))?;
        let body = Limited::new(body, REQUEST_BYTES).collect().await.map_err(|_| too_large())?;
        Ok((body.to_bytes(), room))
    }
}

/// Where a request goes on the link port: `/model/<conversation or ->/v1/…`. `None` for what isn't served.
fn far_path(method: &Method, uri: &Uri) -> Option<String> {
    let path = uri.path();
    let (conversation, path) = match path.strip_prefix("/c/") {
        Some(rest) => {
            let (id, _) = rest.split_once('/')?;
            let id: ConversationId = id.parse().ok()?;
            (id.to_string(), &rest[id_len(rest)?..])
        }
        None => ("-".to_owned(), path),
    };
    let served = matches!(
        (method, path),
        (&Method::POST, "/v1/messages" | "/v1/messages/count_tokens") | (&Method::GET, "/v1/models")
    );
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    served.then(|| format!("https://{CONTROL_PLANE_NAME}/model/{conversation}{path}{query}"))
}

fn id_len(rest: &str) -> Option<usize> {
    rest.find('/')
}

/// Headers without those that belong to one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&[CONNECTION, TRANSFER_ENCODING, UPGRADE, HOST]) {
        headers.remove(name);
    }
    for name in ["keep-alive", "te", "trailer", "proxy-authorization", "proxy-authenticate"] {
        headers.remove(name);
    }
    headers
}

/// A refusal in the API's own form, so that the CLI shows its words.
fn refusal(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let json = serde_json::json!({ "type": "error", "error": { "type": kind, "message": message } });
    let body = Full::new(Bytes::from(json.to_string())).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Dials the link port with the identity of the moment.
#[derive(Clone)]
struct Dialler {
    config: Arc<Config>,
    identity: watch::Receiver<Identity>,
}

impl tower::Service<Uri> for Dialler {
    type Response = Wire;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (config, tls) = (Arc::clone(&self.config), Arc::clone(&self.identity.borrow().tls));
        Box::pin(async move { http::connect(&config, &tls).await.map(|stream| Wire(TokioIo::new(stream))) })
    }
}

/// A connection, as the HTTP client wants it.
struct Wire(TokioIo<TlsStream<TcpStream>>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(method: Method, path: &str) -> Option<String> {
        far_path(&method, &path.parse().unwrap())
    }

    /// A body that says how long it will be and never comes.
    struct Promised(u64);

    impl hyper::body::Body for Promised {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test]
    async fn requests_wait_for_room_and_what_is_too_large_gets_none() {
        let room = Room::new();
        let large = REQUEST_BYTES as u64;
        let refused = room.receive(Promised(large + 1)).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let whole = room.receive(Full::new(Bytes::from_static(b"{}"))).await;
        drop(whole);
        // Two of the largest have all the room; the next one waits until one of them is gone.
        let first = room.receive(Promised(large));
        let second = room.receive(Promised(large));
        let third = room.receive(Full::new(Bytes::from_static(b"{}")));
        let (mut first, mut second, mut third) = (Box::pin(first), Box::pin(second), Box::pin(third));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        assert!(third.await.is_ok());
    }

    #[test]
    fn the_messages_api_is_served_and_nothing_else() {
        let id = "00000000-0000-0000-0000-0000000000c0";
        let base = format!("https://{CONTROL_PLANE_NAME}/model");
        assert_eq!(
            far(Method::POST, &format!("/c/{id}/v1/messages?beta=true")),
            Some(format!("{base}/{id}/v1/messages?beta=true"))
        );
        assert_eq!(far(Method::GET, "/v1/models"), Some(format!("{base}/-/v1/models")));
        for path in ["/v1/files", "/v1/messages/../files", "/c/x/v1/messages", "/v1/messages/", "/", "/c/"] {
            assert_eq!(far(Method::POST, path), None, "{path}");
        }
        assert_eq!(far(Method::GET, "/v1/messages"), None);
        assert_eq!(far(Method::DELETE, "/v1/models"), None);
    }

    #[test]
    fn headers_of_one_connection_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "x-mine, close"), ("x-mine", "1"), ("te", "trailers"), ("x-keep", "1")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let kept = end_to_end(headers);
        assert_eq!(kept.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-keep"]);
    }
}
