//! One link, from the dial to its end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::close::CloseCode;
use protocol::frame::{self, Frame};
use protocol::limits::READABLE_BYTES;
use protocol::link::{FromAgent, FromControl};
use protocol::version::Version;
use protocol::{ConversationId, ItemId};
use rustls::ClientConfig;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::http;
use crate::config::Config;
use crate::conversation::outgoing::{Cursor, Outgoing};
use crate::daemon::{Cursors, Desk};
use crate::terminal::Told;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// How long hello and welcome may take.
const GREETING: Duration = Duration::from_secs(15);
/// How long one write may take. A control plane that doesn't read for so long is gone, or as good as.
const WRITE: Duration = Duration::from_secs(20);
/// How long nothing may be heard. The control plane pings more often.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of one conversation's log is sent before another one gets its turn.
const TURN_BYTES: usize = 128 * 1024;
/// Tungstenite fills its read buffer with zeros before every read; a large one costs more than it saves.
const READ_BUFFER: usize = 4 * 1024;

/// How a link ended.
#[derive(Debug)]
pub enum Ended {
    /// It broke, or never came up.
    Lost(String),
    /// The control plane goes away and will be back.
    Draining(Duration),
    /// The control plane closed it and said why.
    Closed(CloseCode),
}

/// Dials and serves one link until it ends.
pub async fn run(config: &Config, tls: &Arc<ClientConfig>, desk: &Arc<Desk>) -> Ended {
    let socket = match timeout(GREETING, dial(config, tls)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return Ended::Lost(format!("can't dial: {error}")),
        Err(_) => return Ended::Lost("the control plane did not answer the dial in time".to_owned()),
    };
    let (sink, stream) = socket.split();
    let mut writer = Writer { sink };
    let mut reader = Reader { stream };
    if let Err(ended) = greet(&mut writer, &mut reader, desk).await {
        return ended;
    }
    tracing::info!("the link is up");
    let ended = tokio::select! {
        ended = reader.serve(desk) => ended,
        ended = writer.serve(desk) => ended,
    };
    // What programs print waits for nobody who can't be reached.
    desk.terminals().unwatch_all();
    ended
}

async fn dial(config: &Config, tls: &Arc<ClientConfig>) -> Result<Socket, Error> {
    let stream = http::connect(config, tls).await?;
    let mut request = format!("wss://{}/link", protocol::enrol::CONTROL_PLANE_NAME).into_client_request()?;
    let offered = HeaderValue::from_static(Version::LATEST.subprotocol());
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offered);
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(READABLE_BYTES))
        .max_frame_size(Some(READABLE_BYTES));
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await?;
    Ok(socket)
}

/// Hello and welcome.
async fn greet(writer: &mut Writer, reader: &mut Reader, desk: &Arc<Desk>) -> Result<(), Ended> {
    writer.say(&FromAgent::Hello(desk.hello())).await?;
    let welcome = timeout(GREETING, reader.next()).await;
    let heard = welcome.map_err(|_| Ended::Lost("there was no welcome".to_owned()))??;
    let Heard::Message(message) = heard else {
        return Err(Ended::Lost(format!("expected a welcome, got {heard:?}")));
    };
    let FromControl::Welcome(welcome) = *message else {
        return Err(Ended::Lost(format!("expected a welcome, got {message:?}")));
    };
    let stuck =
        |id| Ended::Lost(format!("conversation {id} does not read, so that it can't be joined to the store"));
    desk.welcomed(welcome).await.map_err(stuck)
}

/// What the control plane said.
#[derive(PartialEq, Debug)]
enum Heard {
    /// A message.
    Message(Box<FromControl>),
    /// Something that this version can't read, which a person waits for: a newer control plane's.
    Strange(Strange),
    /// A binary frame.
    Frame(Bytes),
    /// Nothing of interest.
    Nothing,
}

/// What can be told of every message that stands for what a person did.
#[derive(PartialEq, Debug, Deserialize)]
struct Strange {
    conversation: ConversationId,
    item: ItemId,
}

impl Heard {
    fn read(text: &str) -> Self {
        let error = match serde_json::from_str(text) {
            Ok(message) => return Self::Message(Box::new(message)),
            Err(error) => error,
        };
        tracing::warn!(%error, "a message that this version doesn't know is not taken");
        serde_json::from_str(text).map_or(Self::Nothing, Self::Strange)
    }
}

struct Reader {
    stream: SplitStream<Socket>,
}

impl Reader {
    async fn serve(&mut self, desk: &Arc<Desk>) -> Ended {
        loop {
            match timeout(SILENCE, self.next()).await {
                Ok(Ok(Heard::Message(message))) => {
                    if let FromControl::Drain { back_in_ms } = *message {
                        return Ended::Draining(Duration::from_millis(back_in_ms));
                    }
                    desk.take(*message);
                }
                Ok(Ok(Heard::Strange(asked))) => desk.refuse(asked.conversation, asked.item),
                Ok(Ok(Heard::Frame(bytes))) => take_frame(desk, &bytes),
                Ok(Ok(Heard::Nothing)) => {}
                Ok(Err(ended)) => return ended,
                Err(_) => return Ended::Lost("nothing was heard for too long".to_owned()),
            }
        }
    }

    async fn next(&mut self) -> Result<Heard, Ended> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Heard::read(&text)),
            Some(Ok(Message::Close(frame))) => {
                let code = frame.as_ref().and_then(|frame| CloseCode::from_number(frame.code.into()));
                let words = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                Err(code.map_or_else(|| Ended::Lost(format!("closed: {words}")), Ended::Closed))
            }
            Some(Ok(Message::Binary(bytes))) => Ok(Heard::Frame(bytes)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Heard::Nothing),
            Some(Err(error)) => Err(Ended::Lost(error.to_string())),
            None => Err(Ended::Lost("the connection ended".to_owned())),
        }
    }
}

/// Takes a binary frame. Only those of terminals come this way.
fn take_frame(desk: &Desk, bytes: &[u8]) {
    match frame::decode(bytes) {
        Ok(Frame::Terminal(terminal, frame)) => desk.terminals().frame(terminal, frame),
        Ok(other @ (Frame::Events(_) | Frame::Chunk(_) | Frame::Unknown(_))) => {
            tracing::warn!(?other, "a frame that this version doesn't take is skipped");
        }
        Err(error) => tracing::warn!(%error, "a frame that can't be read is skipped"),
    }
}

struct Writer {
    sink: SplitSink<Socket, Message>,
}

impl Writer {
    async fn serve(&mut self, desk: &Arc<Desk>) -> Ended {
        let (mut cursors, mut told) = (desk.cursors(), Told::default());
        loop {
            if let Err(ended) = self.tell(desk, &mut cursors, &mut told).await {
                return ended;
            }
            tokio::select! {
                () = desk.changed().notified() => {}
                report = desk.next_report() => {
                    if let Err(ended) = self.say(&FromAgent::Report(report)).await {
                        return ended;
                    }
                }
            }
        }
    }

    /// Tells everything that the cursors have not been told: the small and urgent of everything first, then the
    /// conversations' logs in turns, and what terminals print only while there is nothing else: whatever comes up meanwhile
    /// waits for one frame of it.
    async fn tell(&mut self, desk: &Desk, cursors: &mut Cursors, told: &mut Told) -> Result<(), Ended> {
        loop {
            let mut more = false;
            for message in desk.untold() {
                self.say(&message).await?;
            }
            self.tell_terminals(desk, told).await?;
            for (outgoing, cursor) in cursors.refresh(desk) {
                self.tell_news(outgoing, cursor).await?;
                more |= self.tell_events(outgoing, cursor).await?;
            }
            if more {
                continue;
            }
            match desk.terminals().next_frame(told) {
                Some(frame) => self.feed(Message::binary(frame)).await?,
                None => return self.flush().await,
            }
            self.flush().await?;
            // Or a socket that takes everything would have this go on, while a key that was typed waits to be read.
            tokio::task::yield_now().await;
        }
    }

    /// What there is to tell of terminals but for what they print.
    async fn tell_terminals(&mut self, desk: &Desk, told: &mut Told) -> Result<(), Ended> {
        let (messages, frames) = desk.terminals().news(told);
        for message in messages {
            self.say(&message).await?;
        }
        for frame in frames {
            self.feed(Message::binary(frame)).await?;
        }
        Ok(())
    }

    /// Sends one turn's worth of a log. Returns whether there may be more that may be sent.
    async fn tell_events(&mut self, outgoing: &Outgoing, cursor: &mut Cursor) -> Result<bool, Ended> {
        let Some(frame) = outgoing.next_frame(cursor, TURN_BYTES).map_err(unreadable)? else {
            return Ok(false);
        };
        self.feed(Message::binary(frame)).await?;
        Ok(true)
    }

    async fn tell_news(&mut self, outgoing: &Outgoing, cursor: &mut Cursor) -> Result<(), Ended> {
        for message in outgoing.next_messages(cursor) {
            self.say(&message).await?;
        }
        Ok(())
    }

    async fn say(&mut self, message: &FromAgent) -> Result<(), Ended> {
        let json = serde_json::to_string(message).map_err(|error| Ended::Lost(error.to_string()))?;
        self.feed(Message::text(json)).await?;
        self.flush().await
    }

    async fn feed(&mut self, message: Message) -> Result<(), Ended> {
        written(timeout(WRITE, self.sink.feed(message)).await)
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        written(timeout(WRITE, self.sink.flush()).await)
    }
}

fn written(result: Result<Result<(), Error>, tokio::time::error::Elapsed>) -> Result<(), Ended> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Ended::Lost(error.to_string())),
        Err(_) => Err(Ended::Lost("the control plane does not read".to_owned())),
    }
}

fn unreadable(error: std::io::Error) -> Ended {
    tracing::error!(%error, "the journal can't be read");
    Ended::Lost(format!("the journal can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_a_newer_control_plane_asks_is_refused_rather_than_left() {
        let ids = r#""conversation":"00000000-0000-0000-0000-0000000000c0","item":"00000000-0000-0000-0000-000000000001""#;
        let asked =
            Strange { conversation: ConversationId(Uuid::from_u128(0xC0)), item: ItemId(Uuid::from_u128(1)) };
        let later = format!(r#"{{"type":"of_tomorrow",{ids},"x":1}}"#);
        assert_eq!(Heard::read(&later), Heard::Strange(asked));
        let answer = format!(r#"{{"type":"answer",{ids},"prompt":"p","decision":{{"type":"of_tomorrow"}}}}"#);
        assert!(matches!(Heard::read(&answer), Heard::Strange(_)));
        assert_eq!(Heard::read(r#"{"type":"of_tomorrow"}"#), Heard::Nothing);
    }
}
