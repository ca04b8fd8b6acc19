//! One link, from its hello to its end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::close::CloseCode;
use protocol::frame::{self, Frame};
use protocol::limits::LINK_FRAME_BYTES;
use protocol::link::{FromAgent, FromControl, Hello, Policy, Welcome};
use protocol::terminal;
use rand::Rng;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::round_trip::RoundTrip;
use super::{Inbox, Link, Outgoing};
use crate::app::App;
use crate::hub::workspace::WorkspaceHub;
use crate::store::StoreError;
use crate::store::records::{Chunk, WorkspaceRecord};
use crate::workspace::driver::Event;

/// How long the hello may take.
const HELLO: Duration = Duration::from_secs(15);
/// How long the store may take for what the link before this one said.
const SETTLE: Duration = Duration::from_secs(10);
/// How long one write may take.
const WRITE: Duration = Duration::from_secs(20);
/// How often a silent link is pinged, before jitter.
const PING: Duration = Duration::from_secs(15);
/// How soon a new link is pinged, before jitter, so that its round trip is known. Not at once: after a restart thousands come
/// up together.
const FIRST_PING: Duration = Duration::from_secs(1);
/// Pings that may go unanswered.
const MISSED: u32 = 3;

/// Why a link ended.
#[derive(Debug)]
enum Ended {
    Gone(&'static str),
    Close(CloseCode, String),
}

/// Serves a link of `workspace` until it ends.
pub async fn serve(app: Arc<App>, workspace: WorkspaceRecord, socket: WebSocket) {
    let id = workspace.id;
    let (sink, stream) = socket.split();
    let mut writer = Writer { sink };
    let mut reader = Reader { stream, heard: Instant::now(), early: None };
    let hello = match timeout(HELLO, reader.hello()).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(ended)) => return writer.farewell(id, ended).await,
        Err(_) => return writer.farewell(id, Ended::Gone("it said no hello")).await,
    };
    // Counting may take longer than the peer waits: one that is gone by then has dialled again, and takes nobody's place.
    let begun = tokio::select! {
        biased;
        ended = reader.gone() => return writer.farewell(id, ended).await,
        begun = Session::begin(app, workspace, hello) => begun,
    };
    let ended = match begun {
        Ok((session, inbox)) => session.serve(&mut writer, &mut reader, inbox).await,
        Err(error) => Ended::Close(CloseCode::Internal, error.to_string()),
    };
    writer.farewell(id, ended).await;
}

struct Session {
    app: Arc<App>,
    hub: Arc<WorkspaceHub>,
    link: Link,
    hello: Hello,
}

impl Session {
    async fn begin(
        app: Arc<App>,
        workspace: WorkspaceRecord,
        hello: Hello,
    ) -> Result<(Self, Inbox), StoreError> {
        let since = app.workspaces.since(workspace.id);
        let hub = app.workspaces.drive(workspace.clone(), Some(since)).await?;
        let generation = app.store.count_link(workspace.id).await?;
        let (link, inbox) = Link::new(generation);
        app.links.insert(workspace.id, link.clone());
        Ok((Self { app, hub, link, hello }, inbox))
    }

    async fn serve(mut self, writer: &mut Writer, reader: &mut Reader, inbox: Inbox) -> Ended {
        let id = self.hub.id();
        let ended = match self.welcome(writer).await {
            Ok(()) => {
                tracing::info!(workspace = %id, link = self.link.generation(), "the link is up");
                let deleted = self.hub.closed().clone();
                let round_trip = Arc::clone(self.link.round_trip());
                tokio::select! {
                    ended = self.read(reader) => ended,
                    ended = writer.write(inbox, &round_trip) => ended,
                    () = deleted.cancelled() => {
                        Ended::Close(CloseCode::Revoked, "the workspace was deleted".to_owned())
                    }
                }
            }
            Err(ended) => ended,
        };
        let generation = self.link.generation();
        self.app.links.remove(id, generation);
        self.hub.link_down(generation);
        self.app.workspaces.tell(id, Event::Unlinked { link: generation });
        ended
    }

    /// Says what the store has; then what waits may be handed over.
    async fn welcome(&mut self, writer: &mut Writer) -> Result<(), Ended> {
        let internal = |error: StoreError| Ended::Close(CloseCode::Internal, error.to_string());
        // A revocation between admission and now found no link to close.
        if self.app.store.workspace(self.hub.id()).await.map_err(internal)?.certificates.revoked {
            return Err(Ended::Close(CloseCode::Revoked, "its certificates were revoked".to_owned()));
        }
        let settled = timeout(SETTLE, self.hub.link_coming(self.link.generation())).await;
        settled.map_err(|_| Ended::Close(CloseCode::Internal, "the store is slow".to_owned()))?;
        let logs = self.app.store.log_ends(self.hub.id()).await.map_err(internal)?;
        let limits = &self.app.config.limits;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let policy = Policy {
            idle_ms: millis(limits.idle),
            silent_ms: millis(limits.silent),
            terminal_idle_ms: millis(limits.terminal_idle),
            max_processes: limits.max_processes,
            allow_bypass: limits.allow_bypass,
        };
        let welcome = Welcome { link: self.link.generation(), logs, policy };
        writer.say(&FromControl::Welcome(welcome)).await?;
        let versions = self.hello.versions.clone();
        let event = Event::Linked { link: self.link.generation(), versions };
        self.app.workspaces.tell(self.hub.id(), event);
        let able = self.hello.capabilities.iter().any(|capability| capability == terminal::CAPABILITY);
        self.hub.terminals().link_up(self.link.clone(), able);
        self.hub.link_up(self.link.clone(), std::mem::take(&mut self.hello.logs)).await.map_err(internal)
    }

    async fn read(&mut self, reader: &mut Reader) -> Ended {
        loop {
            let message = match reader.next().await {
                Ok(message) => message,
                Err(ended) => return ended,
            };
            let taken = match message {
                Message::Binary(bytes) => self.take_frame(bytes).await,
                Message::Text(text) => self.take_text(&text).await,
                Message::Pong(carried) => {
                    if self.link.round_trip().pong(&carried, reader.heard) {
                        self.hub.touch();
                    }
                    Ok(())
                }
                Message::Ping(_) | Message::Close(_) => Ok(()),
            };
            if let Err(ended) = taken {
                return ended;
            }
        }
    }

    async fn take_frame(&mut self, bytes: Bytes) -> Result<(), Ended> {
        if bytes.len() > LINK_FRAME_BYTES {
            return Err(Ended::Close(CloseCode::TooLarge, format!("a frame of {} bytes", bytes.len())));
        }
        match frame::decode(&bytes).map_err(broken)? {
            Frame::Events(events) => {
                let hub = self.conversation(events.conversation).await?;
                let link = self.link.generation();
                hub.map_or(Ok(()), |hub| hub.take_events(link, &events).map_err(broken))
            }
            Frame::Chunk(chunk) => {
                // Only a conversation of this workspace's own has chunks.
                if self.conversation(chunk.conversation).await?.is_none() {
                    return Ok(());
                }
                let (digest, index, chunks) = (chunk.digest, chunk.index, chunk.chunks);
                let kept = Chunk { digest, index, chunks, bytes: chunk.bytes.to_vec() };
                match self.app.store.put_chunk(chunk.conversation, &kept).await {
                    // Without its conversation, which was deleted meanwhile, nobody wants it.
                    Ok(()) | Err(StoreError::NotFound) => Ok(()),
                    Err(error) => Err(Ended::Close(CloseCode::Internal, error.to_string())),
                }
            }
            Frame::Terminal(terminal, frame) => {
                self.hub.terminals().frame(self.link.generation(), terminal, &frame, &bytes);
                // Or a flood would be read as far as it has come, while a key that was typed waits to be written.
                tokio::task::yield_now().await;
                Ok(())
            }
            Frame::Unknown(tag) => {
                tracing::warn!(workspace = %self.hub.id(), tag, "a frame of an unknown kind is skipped");
                Ok(())
            }
        }
    }

    async fn take_text(&mut self, text: &str) -> Result<(), Ended> {
        if text.len() > LINK_FRAME_BYTES {
            return Err(Ended::Close(CloseCode::TooLarge, format!("a message of {} bytes", text.len())));
        }
        let message = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) if error.to_string().starts_with("unknown variant") => {
                tracing::warn!(workspace = %self.hub.id(), %error, "a message of an unknown kind is skipped");
                return Ok(());
            }
            Err(error) => return Err(broken(error)),
        };
        self.take_message(message).await
    }

    async fn take_message(&mut self, message: FromAgent) -> Result<(), Ended> {
        match message {
            FromAgent::Hello(_) => return Err(broken("a second hello")),
            FromAgent::Activity { conversation, activity } => {
                if let Some(hub) = self.conversation(conversation).await? {
                    hub.take_activity(self.link.generation(), activity);
                }
            }
            FromAgent::Delta(delta) => {
                if let Some(hub) = self.conversation(delta.conversation).await? {
                    hub.take_delta(self.link.generation(), delta);
                }
            }
            FromAgent::Retract { conversation, block } => {
                if let Some(hub) = self.conversation(conversation).await? {
                    hub.retract(self.link.generation(), block.as_ref());
                }
            }
            FromAgent::Settled { conversation, item, refused } => {
                if let Some(hub) = self.conversation(conversation).await? {
                    hub.settled(self.link.generation(), item, refused);
                }
            }
            FromAgent::Catalog(catalog) => self.hub.set_catalog(catalog).await,
            FromAgent::Report(report) => self.app.workspaces.guard().hear(&report),
            FromAgent::Terminals { .. }
            | FromAgent::Terminal { .. }
            | FromAgent::TerminalGone { .. }
            | FromAgent::TerminalDone { .. }
            | FromAgent::TerminalRefused { .. } => self.take_terminal(message),
        }
        Ok(())
    }

    fn take_terminal(&self, message: FromAgent) {
        let (terminals, link) = (self.hub.terminals(), self.link.generation());
        match message {
            FromAgent::Terminals { terminals: all } => terminals.all(link, all),
            FromAgent::Terminal { terminal } => terminals.is(link, terminal),
            FromAgent::TerminalGone { terminal, why } => terminals.gone(link, terminal, why),
            FromAgent::TerminalDone { re } => terminals.answered(link, re, None),
            FromAgent::TerminalRefused { re, code, message } => {
                terminals.answered(link, re, Some((code, message)));
            }
            FromAgent::Hello(_)
            | FromAgent::Activity { .. }
            | FromAgent::Delta(_)
            | FromAgent::Retract { .. }
            | FromAgent::Settled { .. }
            | FromAgent::Catalog(_)
            | FromAgent::Report(_) => {}
        }
    }

    /// A conversation of this workspace; `None` for one that was deleted, or is someone else's.
    async fn conversation(
        &self,
        id: protocol::ConversationId,
    ) -> Result<Option<Arc<crate::hub::conversation::ConversationHub>>, Ended> {
        match self.hub.conversation(id).await {
            Ok(hub) => Ok(Some(hub)),
            Err(StoreError::NotFound) => {
                tracing::debug!(workspace = %self.hub.id(), conversation = %id, "there is no such conversation here");
                self.link.send(FromControl::Forget { conversation: id });
                Ok(None)
            }
            Err(error) => Err(Ended::Close(CloseCode::Internal, error.to_string())),
        }
    }
}

fn broken(error: impl std::fmt::Display) -> Ended {
    Ended::Close(CloseCode::Protocol, error.to_string())
}

struct Reader {
    stream: SplitStream<WebSocket>,
    heard: Instant,
    /// Came before it was asked for.
    early: Option<Message>,
}

impl Reader {
    async fn hello(&mut self) -> Result<Hello, Ended> {
        loop {
            match self.next().await? {
                Message::Text(text) => match serde_json::from_str(&text).map_err(broken)? {
                    FromAgent::Hello(hello) => return Ok(hello),
                    FromAgent::Activity { .. }
                    | FromAgent::Delta(_)
                    | FromAgent::Retract { .. }
                    | FromAgent::Settled { .. }
                    | FromAgent::Catalog(_)
                    | FromAgent::Report(_)
                    | FromAgent::Terminals { .. }
                    | FromAgent::Terminal { .. }
                    | FromAgent::TerminalGone { .. }
                    | FromAgent::TerminalDone { .. }
                    | FromAgent::TerminalRefused { .. } => {
                        return Err(broken("the first message is no hello"));
                    }
                },
                Message::Binary(_) => return Err(broken("the first message is no hello")),
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {}
            }
        }
    }

    /// Waits until the peer is gone. What it says meanwhile is kept for [`Reader::next`]; before it is welcome it has no more
    /// to say than a message or two, and is not read further than that.
    async fn gone(&mut self) -> Ended {
        match self.next().await {
            Err(ended) => ended,
            Ok(message) => {
                self.early = Some(message);
                std::future::pending().await
            }
        }
    }

    /// The next message. A link on which nothing was heard for [`MISSED`] pings is gone.
    async fn next(&mut self) -> Result<Message, Ended> {
        if let Some(early) = self.early.take() {
            return Ok(early);
        }
        let patience = PING * (MISSED + 1);
        match timeout(patience, self.stream.next()).await {
            Err(_) => Err(Ended::Close(CloseCode::Silent, "nothing was heard for too long".to_owned())),
            Ok(None | Some(Ok(Message::Close(_)))) => Err(Ended::Gone("it closed the connection")),
            Ok(Some(Ok(message))) => {
                self.heard = Instant::now();
                Ok(message)
            }
            Ok(Some(Err(error))) => {
                let words = format!("{error:?}");
                if words.contains("MessageTooLong") || words.contains("Capacity") {
                    return Err(Ended::Close(CloseCode::TooLarge, error.to_string()));
                }
                if words.contains("Utf8") || words.contains("Protocol") {
                    return Err(broken(error));
                }
                Err(Ended::Gone("the connection broke"))
            }
        }
    }
}

struct Writer {
    sink: SplitSink<WebSocket, Message>,
}

impl Writer {
    /// Pings are put off by what is sent, but not for ever: they also measure.
    async fn write(&mut self, inbox: Inbox, round_trip: &RoundTrip) -> Ended {
        let (mut messages, closing) = inbox.split();
        let mut at_last = Instant::now() + jittered(FIRST_PING);
        loop {
            let ping_at = at_last.min(Instant::now() + jittered(PING));
            tokio::select! {
                biased;
                code = closing.closed() => return Ended::Close(code, String::new()),
                message = messages.recv() => {
                    let Some(message) = message else { return Ended::Gone("it was dropped") };
                    if let Err(ended) = self.feed_all(message, &mut messages).await {
                        return ended;
                    }
                }
                () = tokio::time::sleep_until(ping_at) => {
                    let carries = round_trip.ping(Instant::now()).to_vec();
                    if let Err(ended) = self.send(Message::Ping(carries.into())).await {
                        return ended;
                    }
                    at_last = Instant::now() + 2 * PING;
                }
            }
        }
    }

    /// Writes a message and whatever else waits, with one flush.
    async fn feed_all(
        &mut self,
        first: Outgoing,
        messages: &mut mpsc::Receiver<Outgoing>,
    ) -> Result<(), Ended> {
        let mut next = Some(first);
        while let Some(outgoing) = next {
            let message = match outgoing {
                Outgoing::Message(message) => text(&message)?,
                Outgoing::Frame(frame) => Message::Binary(frame.into()),
            };
            written(timeout(WRITE, self.sink.feed(message)).await)?;
            next = messages.try_recv().ok();
        }
        written(timeout(WRITE, self.sink.flush()).await)
    }

    async fn say(&mut self, message: &FromControl) -> Result<(), Ended> {
        self.send(text(message)?).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Ended> {
        written(timeout(WRITE, self.sink.send(message)).await)
    }

    /// Tells the peer why, if it is still there, and the log.
    async fn farewell(&mut self, workspace: protocol::WorkspaceId, ended: Ended) {
        match ended {
            Ended::Gone(why) => tracing::info!(%workspace, why, "the link is down"),
            Ended::Close(code, why) => {
                tracing::warn!(%workspace, ?code, why, "the link is closed");
                let reason = protocol::bounded::clip(&why, 120).to_owned();
                let frame = CloseFrame { code: code.number(), reason: reason.into() };
                let _ = self.send(Message::Close(Some(frame))).await;
            }
        }
    }
}

fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::rng().random_range(0.8..1.2))
}

fn text(message: &FromControl) -> Result<Message, Ended> {
    serde_json::to_string(message).map(|json| Message::Text(json.into())).map_err(broken)
}

fn written(result: Result<Result<(), axum::Error>, tokio::time::error::Elapsed>) -> Result<(), Ended> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::Gone("the connection broke")),
        Err(_) => Err(Ended::Gone("it does not read")),
    }
}
