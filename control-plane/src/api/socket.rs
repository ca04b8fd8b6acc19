//! What browsers' sockets have in common: requests in, messages out, each write with a deadline, an end with a reason.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::UserId;
use protocol::close::{CloseCode, ErrorCode};
use protocol::limits::READABLE_BYTES;
use protocol::version::Version;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::error::ApiError;
use crate::store::StoreError;

/// How long one write may take. A browser that does not read for so long is gone.
const WRITE: Duration = Duration::from_secs(20);
/// How often a silent browser is pinged; below the minute after which proxies hang up.
pub(super) const PING: Duration = Duration::from_secs(25);
/// Requests that may wait to be carried out. Beyond it the socket is not read.
pub(super) const REQUESTS: usize = 16;

/// The protocol version to speak.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<Version, ApiError> {
    let offered =
        headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|offered| offered.to_str().ok()).unwrap_or_default();
    Version::negotiate(offered).ok_or_else(|| {
        ApiError::new(ErrorCode::Invalid, format!("no protocol version in common: {offered:?}"))
    })
}

/// The upgrade, with our limits.
pub(super) fn limited(upgrade: WebSocketUpgrade, version: Version) -> WebSocketUpgrade {
    upgrade
        .protocols([version.subprotocol()])
        .read_buffer_size(4 * 1024)
        .max_message_size(READABLE_BYTES)
        .max_frame_size(READABLE_BYTES)
}

/// Why a browser's socket ends.
pub(super) enum Ended {
    Gone,
    Close(CloseCode, String),
}

impl Ended {
    /// The store failed, which the log is told.
    pub(super) fn failed(error: StoreError) -> Self {
        tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "a browser can't be served");
        Self::Close(CloseCode::Internal, "the store failed".to_owned())
    }
}

/// Reads requests, and has frames taken as soon as they come. A broken one closes the socket: the page is not of this
/// version, or not ours.
pub(super) async fn read<R: DeserializeOwned>(
    mut stream: SplitStream<WebSocket>,
    requests: mpsc::Sender<R>,
    mut take: impl FnMut(&[u8]) -> Result<(), String>,
) -> Ended {
    loop {
        let message = match stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                let words = format!("{error:?}");
                let too_large = words.contains("Capacity") || words.contains("TooLong");
                let code = if too_large { CloseCode::TooLarge } else { CloseCode::Protocol };
                return Ended::Close(code, error.to_string());
            }
            None => return Ended::Gone,
        };
        let request = match message {
            Message::Text(text) => serde_json::from_str::<R>(&text),
            Message::Close(_) => return Ended::Gone,
            Message::Binary(bytes) => match take(&bytes) {
                Ok(()) => continue,
                Err(why) => return Ended::Close(CloseCode::Protocol, why),
            },
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        match request {
            Ok(request) => {
                if requests.send(request).await.is_err() {
                    return Ended::Gone;
                }
            }
            Err(error) => return Ended::Close(CloseCode::Protocol, error.to_string()),
        }
    }
}

/// The writing half.
pub(super) struct Writer {
    sink: SplitSink<WebSocket, Message>,
}

impl Writer {
    pub(super) const fn new(sink: SplitSink<WebSocket, Message>) -> Self {
        Self { sink }
    }

    pub(super) async fn say(&mut self, message: &impl Serialize) -> Result<(), Ended> {
        match serde_json::to_string(message) {
            Ok(json) => self.text(json).await,
            Err(error) => Err(Ended::Close(CloseCode::Internal, error.to_string())),
        }
    }

    pub(super) async fn text(&mut self, json: String) -> Result<(), Ended> {
        self.send(Message::Text(json.into())).await
    }

    pub(super) async fn frame(&mut self, frame: Bytes) -> Result<(), Ended> {
        self.send(Message::Binary(frame)).await
    }

    pub(super) async fn ping(&mut self) -> Result<(), Ended> {
        self.send(Message::Ping(Vec::new().into())).await
    }

    /// Tells the browser why its socket ends, if it is still there, and the log.
    pub(super) async fn farewell(&mut self, user: UserId, ended: Ended) {
        if let Ended::Close(code, why) = ended {
            tracing::debug!(%user, ?code, why, "a browser's socket is closed");
            let reason = protocol::bounded::clip(&why, 120).to_owned();
            let frame = CloseFrame { code: code.number(), reason: reason.into() };
            let _ = self.send(Message::Close(Some(frame))).await;
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(WRITE, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended::Gone),
        }
    }
}
