//! A workspace-agent with one terminal and no PTY: for faults that a real one can't be told to make, and for what has to be
//! compared to the byte.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use protocol::TerminalId;
use protocol::frame::{Frame, TerminalFrame, decode, encode_terminal};
use protocol::limits::{OUTPUT_BYTES, RING_BYTES};
use protocol::link::{FromAgent, FromControl, Hello};
use protocol::status::Versions;
use protocol::terminal::{
    CAPABILITY, Size, TerminalAct, TerminalKind, TerminalName, TerminalPhase, TerminalRequest, TerminalView,
};
use rustls::ClientConfig;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::impostor::{Link, dial, read};

/// A workspace-agent with one terminal.
#[derive(Debug)]
pub struct TerminalPeer {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    link: Link,
    boot: Uuid,
    /// Its one terminal.
    pub id: TerminalId,
    /// Everything that it has printed.
    pub printed: Vec<u8>,
    /// What was typed into it, by each source.
    pub typed: Vec<u8>,
    /// What was wanted of it, in order.
    pub wanted: Vec<TerminalAct>,
    /// It hears what is typed and says nothing of it.
    pub mute: bool,
    watch: Option<Watch>,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    sent: usize,
    credit: usize,
}

impl TerminalPeer {
    /// Opens a link with a workspace's certificate, and says which terminal there is.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn link(address: SocketAddr, tls: &Arc<ClientConfig>) -> anyhow::Result<Self> {
        let (boot, id) = (Uuid::new_v4(), TerminalId(Uuid::new_v4()));
        let link = greet(address, tls, boot, id).await?;
        let tls = Arc::clone(tls);
        let (printed, typed, wanted, mute, watch) = (Vec::new(), Vec::new(), Vec::new(), false, None);
        Ok(Self { address, tls, link, boot, id, printed, typed, wanted, mute, watch })
    }

    /// The link breaks without a word, and another one comes.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn relink(&mut self) -> anyhow::Result<()> {
        self.watch = None;
        self.link = greet(self.address, &self.tls, self.boot, self.id).await?;
        Ok(())
    }

    /// Prints. What may be sent is sent.
    ///
    /// # Errors
    /// When the link breaks.
    pub async fn print(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.printed.extend_from_slice(bytes);
        self.send().await
    }

    /// How much more it may send.
    pub fn credit(&self) -> Option<usize> {
        self.watch.map(|watch| watch.credit.saturating_sub(watch.sent))
    }

    /// Does what it is asked for, until the link breaks.
    ///
    /// # Errors
    /// When it breaks.
    pub async fn serve(&mut self) -> anyhow::Result<()> {
        loop {
            let message = self.link.next().await.context("the link ended")??;
            self.hear(message).await?;
        }
    }

    async fn hear(&mut self, message: Message) -> anyhow::Result<()> {
        match message {
            Message::Text(text) => {
                if let FromControl::Terminal(request) = serde_json::from_str(&text)? {
                    self.carry_out(request).await?;
                }
            }
            Message::Binary(frame) => {
                if let Frame::Terminal(id, frame) = decode(&frame)? {
                    anyhow::ensure!(id == self.id, "a frame for {id}");
                    self.take(&frame).await?;
                }
            }
            Message::Close(frame) => anyhow::bail!("the link was closed: {frame:?}"),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        Ok(())
    }

    async fn carry_out(&mut self, request: TerminalRequest) -> anyhow::Result<()> {
        self.wanted.push(request.act.clone());
        match request.act {
            TerminalAct::Watch { from, window } => {
                let end = self.printed.len();
                let from = from.and_then(|from| usize::try_from(from).ok());
                let held = |from: &usize| (end.saturating_sub(RING_BYTES)..=end).contains(from);
                let sent = match from.filter(held) {
                    Some(from) => from,
                    None => self.snapshot().await?,
                };
                self.watch = Some(Watch { sent, credit: sent + window as usize });
            }
            TerminalAct::Unwatch {} => self.watch = None,
            TerminalAct::Snapshot {} => {
                self.snapshot().await?;
            }
            TerminalAct::Open { .. }
            | TerminalAct::Close {}
            | TerminalAct::Rename { .. }
            | TerminalAct::Resize { .. }
            | TerminalAct::Restart { .. }
            | TerminalAct::Record { .. }
            | TerminalAct::Colors { .. }
            | TerminalAct::Other => {}
        }
        self.say(&FromAgent::TerminalDone { re: request.re }).await?;
        self.send().await
    }

    async fn take(&mut self, frame: &TerminalFrame<'_>) -> anyhow::Result<()> {
        match *frame {
            TerminalFrame::Credit { offset } => {
                if let Some(watch) = &mut self.watch {
                    watch.credit = watch.credit.max(usize::try_from(offset)?);
                }
                self.send().await
            }
            TerminalFrame::Input { source, place, bytes } => {
                let known = self.typed.len().checked_sub(usize::try_from(place)?);
                let known = known.context("what was typed has a gap")?;
                self.typed.extend_from_slice(bytes.get(known..).unwrap_or_default());
                if self.mute {
                    return Ok(());
                }
                let place = self.typed.len() as u64;
                self.frame(&TerminalFrame::Taken { source, place }).await
            }
            TerminalFrame::Output { .. }
            | TerminalFrame::Snapshot { .. }
            | TerminalFrame::Ack { .. }
            | TerminalFrame::Taken { .. } => anyhow::bail!("a frame that goes the other way: {frame:?}"),
        }
    }

    async fn snapshot(&mut self) -> anyhow::Result<usize> {
        let offset = self.printed.len();
        let size = Size { cols: 80, rows: 24 };
        let bytes = b"\x1b[Hthe screen";
        self.frame(&TerminalFrame::Snapshot { offset: offset as u64, size, part: 0, parts: 1, bytes })
            .await?;
        Ok(offset)
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        let Some(mut watch) = self.watch else { return Ok(()) };
        while watch.sent < self.printed.len().min(watch.credit) {
            let end = self.printed.len().min(watch.credit).min(watch.sent + OUTPUT_BYTES);
            let offset = watch.sent as u64;
            let frame = encode_terminal(
                self.id,
                &TerminalFrame::Output { offset, bytes: &self.printed[watch.sent..end] },
            );
            self.link.feed(Message::binary(frame)).await?;
            watch.sent = end;
        }
        self.watch = Some(watch);
        Ok(self.link.flush().await?)
    }

    async fn frame(&mut self, frame: &TerminalFrame<'_>) -> anyhow::Result<()> {
        Ok(self.link.send(Message::binary(encode_terminal(self.id, frame))).await?)
    }

    async fn say(&mut self, message: &FromAgent) -> anyhow::Result<()> {
        say(&mut self.link, message).await
    }
}

/// The terminal, as it is told.
pub fn view(id: TerminalId) -> TerminalView {
    TerminalView {
        id,
        name: TerminalName::clipped("a terminal"),
        what: TerminalKind::Shell {},
        size: Size { cols: 80, rows: 24 },
        opened_at: 1,
        life: 1,
        phase: TerminalPhase::Running { since: 1 },
        title: None,
        idle_until: None,
        recording: None,
        end: 0,
    }
}

async fn greet(
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    boot: Uuid,
    id: TerminalId,
) -> anyhow::Result<Link> {
    let mut link = dial(address, tls, "atelier.v1").await?;
    let versions = Versions { workspace_agent: "a peer".into(), claude: "none".into() };
    let hello = Hello { boot, versions, capabilities: vec![CAPABILITY.to_owned()], logs: Vec::new() };
    say(&mut link, &FromAgent::Hello(hello)).await?;
    loop {
        if let Message::Text(text) = read(&mut link).await?
            && matches!(serde_json::from_str(&text)?, FromControl::Welcome(_))
        {
            break;
        }
    }
    say(&mut link, &FromAgent::Terminals { terminals: vec![view(id)] }).await?;
    Ok(link)
}

async fn say(link: &mut Link, message: &FromAgent) -> anyhow::Result<()> {
    Ok(link.send(Message::text(serde_json::to_string(message)?)).await?)
}
