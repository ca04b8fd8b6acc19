//! A terminal under measurement, from its viewer's side: ours, or the floor's, spoken to by the same code.

use std::net::SocketAddr;

use anyhow::Context;
use e2e::PATIENCE;
use e2e::viewer::Socket;
use futures_util::{FutureExt, SinkExt, StreamExt};
use protocol::TerminalId;
use protocol::frame::{Frame, TerminalFrame, decode, encode_terminal};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

/// How often what was shown is acknowledged, as the page does.
const ACK_BYTES: usize = 16 * 1024;

/// A terminal and one who looks at it.
#[derive(Debug)]
pub struct Keys {
    socket: Socket,
    terminal: Option<Ours>,
    /// What has come already.
    ahead: Option<Message>,
}

/// What ours has beside the socket.
#[derive(Debug)]
struct Ours {
    id: TerminalId,
    /// Where it typed, and how far.
    source: u64,
    place: u64,
    /// What is not acknowledged.
    owed: usize,
}

/// What came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Came {
    /// Output.
    Output(Vec<u8>),
    /// A part of a snapshot, and whether it is the last.
    Part(Vec<u8>, bool),
}

impl Keys {
    /// The floor: a connection is a terminal.
    ///
    /// # Errors
    /// When it can't be opened.
    pub async fn bare(address: SocketAddr, program: &[&str]) -> anyhow::Result<Self> {
        let request = format!("ws://{address}/").into_client_request()?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = Some(e2e::socket_config());
        let (mut socket, _) = tokio_tungstenite::client_async_with_config(request, stream, config).await?;
        socket.send(Message::text(serde_json::to_string(program)?)).await?;
        Ok(Self { socket, terminal: None, ahead: None })
    }

    /// One of ours: opened with a command line if it is not there, and shown.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ours(
        public: SocketAddr,
        (user, cookie): (&str, &str),
        id: TerminalId,
        line: Option<&str>,
    ) -> anyhow::Result<Self> {
        Self::ours_through(public, public, (user, cookie), id, line).await
    }

    /// The same by another way to the server.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ours_through(
        way: SocketAddr,
        public: SocketAddr,
        (user, cookie): (&str, &str),
        id: TerminalId,
        line: Option<&str>,
    ) -> anyhow::Result<Self> {
        let origin = format!("http://{public}");
        let mut request = format!("ws://{public}/workspace/{user}").into_client_request()?;
        for (name, value) in
            [("origin", &*origin), ("cookie", cookie), ("sec-websocket-protocol", "atelier.v1")]
        {
            request.headers_mut().insert(name, value.parse()?);
        }
        let stream = TcpStream::connect(way).await?;
        stream.set_nodelay(true)?;
        let config = Some(e2e::socket_config());
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, config).await?;
        let source = u64::from(Uuid::new_v4().as_fields().0);
        let terminal = Some(Ours { id, source, place: 0, owed: 0 });
        let mut keys = Self { socket, terminal, ahead: None };
        let size = json!({ "cols": 80, "rows": 24 });
        if let Some(line) = line {
            let what = json!({ "type": "command", "line": line });
            keys.wish(json!({ "type": "open", "name": "measured", "what": what, "size": size })).await?;
        }
        keys.wish(json!({ "type": "attach", "size": size })).await?;
        Ok(keys)
    }

    /// Wishes something of one of ours.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn wish(&mut self, wish: Value) -> anyhow::Result<()> {
        let id = self.terminal.as_ref().context("the floor grants no wishes")?.id;
        let request = json!({ "re": 1, "type": "terminal", "terminal": id, "wish": wish });
        self.socket.send(Message::text(request.to_string())).await?;
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await?.context("the socket ended")??;
            let Message::Text(text) = message else { continue };
            let answer: Value = serde_json::from_str(&text)?;
            match answer["type"].as_str().unwrap_or_default() {
                "done" => return Ok(()),
                "refused" => anyhow::bail!("{answer}"),
                _ => {}
            }
        }
    }

    /// Types.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn press(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let frame = match &mut self.terminal {
            Some(Ours { id, source, place, .. }) => {
                let input = TerminalFrame::Input { source: *source, place: *place, bytes };
                *place += bytes.len() as u64;
                encode_terminal(*id, &input)
            }
            None => bytes.to_vec(),
        };
        Ok(self.socket.send(Message::binary(frame)).await?)
    }

    /// What comes next. It is acknowledged now and then, and as soon as nothing more is there.
    ///
    /// # Errors
    /// When the socket breaks, or nothing comes.
    pub async fn next(&mut self) -> anyhow::Result<Came> {
        loop {
            let message = match self.ahead.take() {
                Some(message) => message,
                None => {
                    let next = timeout(PATIENCE, self.socket.next()).await.context("nothing is shown")?;
                    next.context("the socket ended")??
                }
            };
            let Message::Binary(frame) = message else { continue };
            let Some(ours) = &mut self.terminal else { return Ok(Came::Output(frame.to_vec())) };
            let (came, offset) = match decode(&frame)? {
                Frame::Terminal(id, TerminalFrame::Output { offset, bytes }) if id == ours.id => {
                    ours.owed += bytes.len();
                    (Came::Output(bytes.to_vec()), offset + bytes.len() as u64)
                }
                Frame::Terminal(id, TerminalFrame::Snapshot { offset, part, parts, bytes, .. })
                    if id == ours.id =>
                {
                    let last = part + 1 == parts;
                    if last {
                        ours.owed = ACK_BYTES;
                    }
                    (Came::Part(bytes.to_vec(), last), offset)
                }
                Frame::Terminal(..) | Frame::Events(_) | Frame::Chunk(_) | Frame::Unknown(_) => continue,
            };
            self.ahead = self.socket.next().now_or_never().flatten().transpose()?;
            if ours.owed >= ACK_BYTES || (ours.owed > 0 && self.ahead.is_none()) {
                ours.owed = 0;
                let ack = encode_terminal(ours.id, &TerminalFrame::Ack { offset });
                self.socket.send(Message::binary(ack)).await?;
            }
            return Ok(came);
        }
    }

    /// Reads until so many bytes of output came.
    ///
    /// # Errors
    /// See [`Keys::next`].
    pub async fn bytes(&mut self, mut count: usize) -> anyhow::Result<()> {
        while count > 0 {
            if let Came::Output(bytes) = self.next().await? {
                count = count.saturating_sub(bytes.len());
            }
        }
        Ok(())
    }

    /// Reads until this is shown. Returns how many bytes came.
    ///
    /// # Errors
    /// See [`Keys::next`].
    pub async fn until(&mut self, text: &str) -> anyhow::Result<usize> {
        let (mut tail, mut count) = (Vec::new(), 0);
        loop {
            let (Came::Output(bytes) | Came::Part(bytes, _)) = self.next().await?;
            count += bytes.len();
            tail.extend_from_slice(&bytes);
            // Its first byte is looked at by itself, or the search would be most of what is measured.
            let (first, text) = (text.as_bytes().first(), text.as_bytes());
            if tail.windows(text.len()).any(|window| window.first() == first && window == text) {
                return Ok(count);
            }
            tail.drain(..tail.len().saturating_sub(text.len()));
        }
    }

    /// Reads until the last part of a snapshot.
    ///
    /// # Errors
    /// See [`Keys::next`].
    pub async fn painted(&mut self) -> anyhow::Result<()> {
        while !matches!(self.next().await?, Came::Part(_, true)) {}
        Ok(())
    }

    /// Reads what comes for as long as it is polled: somebody who watches a flood.
    pub async fn watch(&mut self) -> anyhow::Error {
        loop {
            if let Err(error) = self.next().await {
                return error;
            }
        }
    }
}
