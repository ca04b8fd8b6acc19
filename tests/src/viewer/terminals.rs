//! What a browser does with terminals, without an emulator: it keeps the bytes, checks that they follow each other, and
//! acknowledges them, unless it is told not to.

use std::collections::BTreeMap;

use anyhow::Context;
use futures_util::SinkExt;
use protocol::TerminalId;
use protocol::frame::{Frame, TerminalFrame, decode, encode_terminal};
use protocol::terminal::Size;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{Seen, Viewer};

/// The size that a viewer asks for, unless it says another.
pub const SIZE: (u16, u16) = (80, 24);

/// Everything that a viewer was told of terminals.
#[derive(Clone, Debug, Default)]
pub struct Terminals {
    /// This viewer, as owners of sizes are named.
    pub you: String,
    /// Whether terminals can be opened.
    pub available: bool,
    /// The terminals in the list.
    pub list: BTreeMap<String, Value>,
    /// Why terminals are gone.
    pub gone: BTreeMap<String, String>,
    /// What was shown of each.
    pub screens: BTreeMap<TerminalId, Screen>,
    /// How far what was typed was taken.
    pub taken: BTreeMap<TerminalId, u64>,
}

/// What was shown of one terminal.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// Where `bytes` begin in the terminal's stream.
    pub start: u64,
    /// The output since the last snapshot.
    pub bytes: Vec<u8>,
    /// The last snapshot.
    pub snapshot: Vec<u8>,
    /// The size that it is for.
    pub size: Option<Size>,
    /// How many there were.
    pub snapshots: usize,
    /// Whether anything was shown yet.
    pub begun: bool,
    /// Parts of a snapshot that are still to come.
    missing: u32,
}

impl Screen {
    /// The end of what was shown.
    pub const fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// What was shown since the last snapshot, and that, as text.
    pub fn text(&self) -> String {
        let snapshot = String::from_utf8_lossy(&self.snapshot);
        format!("{snapshot}{}", String::from_utf8_lossy(&self.bytes))
    }

    /// The offset to go on from.
    pub fn have(&self) -> Option<u64> {
        (self.begun && self.missing == 0).then(|| self.end())
    }

    fn output(&mut self, offset: u64, bytes: &[u8]) -> anyhow::Result<()> {
        if !self.begun {
            // Attached with an offset that this screen does not know of.
            (self.begun, self.start) = (true, offset);
        }
        let end = self.end();
        anyhow::ensure!(self.missing == 0, "output at {offset} in the middle of a snapshot");
        anyhow::ensure!(offset == end, "output at {offset}, and everything up to {end} was shown");
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn part(
        &mut self,
        offset: u64,
        size: Size,
        (part, parts): (u32, u32),
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        if part == 0 {
            let snapshots = self.snapshots + 1;
            *self = Self {
                start: offset,
                size: Some(size),
                snapshots,
                begun: true,
                missing: parts,
                ..Self::default()
            };
        }
        anyhow::ensure!(
            (self.start, self.missing) == (offset, parts - part),
            "part {part} of {parts} of a snapshot does not follow"
        );
        self.missing -= 1;
        self.snapshot.extend_from_slice(bytes);
        Ok(())
    }
}

impl Terminals {
    /// Takes a message about terminals; another one changes nothing.
    pub(super) fn take(&mut self, message: &Value) {
        let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str().unwrap_or_default() {
            "terminals" => {
                message["you"].as_str().unwrap_or_default().clone_into(&mut self.you);
                self.available = message["available"] == true;
                let all = message["terminals"].as_array().into_iter().flatten();
                self.list = all.map(|terminal| (id(terminal), terminal.clone())).collect();
            }
            "terminal" => {
                self.list.insert(id(&message["terminal"]), message["terminal"].clone());
            }
            "terminal_gone" => {
                let gone = message["terminal"].as_str().unwrap_or_default();
                self.list.remove(gone);
                self.gone.insert(gone.to_owned(), message["why"].as_str().unwrap_or_default().to_owned());
            }
            _ => {}
        }
    }

    /// Takes a frame. Returns what is to be acknowledged.
    pub(super) fn take_frame(&mut self, frame: &[u8]) -> anyhow::Result<Option<(TerminalId, u64)>> {
        let Frame::Terminal(id, frame) = decode(frame)? else { anyhow::bail!("a frame of no terminal") };
        match frame {
            TerminalFrame::Output { offset, bytes } => {
                self.screens.entry(id).or_default().output(offset, bytes)?;
            }
            TerminalFrame::Snapshot { offset, size, part, parts, bytes } => {
                self.screens.entry(id).or_default().part(offset, size, (part, parts), bytes)?;
            }
            TerminalFrame::Taken { place, .. } => {
                self.taken.insert(id, place);
                return Ok(None);
            }
            TerminalFrame::Input { .. } | TerminalFrame::Ack { .. } | TerminalFrame::Credit { .. } => {
                anyhow::bail!("a frame that goes the other way: {frame:?}");
            }
        }
        Ok(self.screens.get(&id).and_then(Screen::have).map(|have| (id, have)))
    }

    /// What was shown of a terminal.
    pub fn screen(&self, id: TerminalId) -> Option<&Screen> {
        self.screens.get(&id)
    }

    /// A terminal in the list.
    pub fn listed(&self, id: TerminalId) -> Option<&Value> {
        self.list.get(&id.to_string())
    }
}

impl Viewer {
    /// Opens a terminal and shows it. `what` as the protocol has it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open_terminal(&mut self, what: Value) -> anyhow::Result<TerminalId> {
        let id = TerminalId(Uuid::new_v4());
        let (cols, rows) = SIZE;
        let size = json!({ "cols": cols, "rows": rows });
        self.wish(id, json!({ "type": "open", "name": "a terminal", "what": what, "size": size })).await?;
        self.until("the terminal is listed", |seen| seen.terminals.listed(id).map(|_| ())).await?;
        self.attach_terminal(id).await?;
        Ok(id)
    }

    /// Opens a terminal with a command and shows it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open_command(&mut self, line: &str) -> anyhow::Result<TerminalId> {
        self.open_terminal(json!({ "type": "command", "line": line })).await
    }

    /// Shows a terminal, from where this viewer is in it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn attach_terminal(&mut self, id: TerminalId) -> anyhow::Result<()> {
        self.attach_terminal_sized(id, SIZE).await
    }

    /// Shows a terminal, and would like it so large.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn attach_terminal_sized(&mut self, id: TerminalId, size: (u16, u16)) -> anyhow::Result<()> {
        let have = self.seen.terminals.screen(id).and_then(Screen::have);
        let mut wish = json!({ "type": "attach", "size": { "cols": size.0, "rows": size.1 } });
        if let Some(have) = have {
            wish["have"] = have.into();
        }
        self.wish(id, wish).await
    }

    /// Wishes something of a terminal and waits for it to be done.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn wish(&mut self, id: TerminalId, wish: Value) -> anyhow::Result<()> {
        self.ask(json!({ "type": "terminal", "terminal": id, "wish": wish })).await
    }

    /// Wishes something of a terminal and returns how that went.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn try_wish(&mut self, id: TerminalId, wish: Value) -> anyhow::Result<Value> {
        self.try_ask(json!({ "type": "terminal", "terminal": id, "wish": wish })).await
    }

    /// Types into a terminal.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn type_in(&mut self, id: TerminalId, bytes: &[u8]) -> anyhow::Result<()> {
        let (source, typed) = (self.source, self.typed.entry(id).or_default());
        let frame = TerminalFrame::Input { source, place: typed.len() as u64, bytes };
        typed.extend_from_slice(bytes);
        let frame = encode_terminal(id, &frame);
        Ok(self.socket.send(Message::binary(frame)).await?)
    }

    /// Types again what is not known to be taken, as a page does after a reconnect.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn type_again(&mut self, id: TerminalId) -> anyhow::Result<()> {
        let place = self.seen.terminals.taken.get(&id).copied().unwrap_or_default();
        let typed = self.typed.get(&id).context("nothing was typed")?;
        let bytes = &typed[usize::try_from(place)?.min(typed.len())..];
        if bytes.is_empty() {
            return Ok(());
        }
        let frame = encode_terminal(id, &TerminalFrame::Input { source: self.source, place, bytes });
        Ok(self.socket.send(Message::binary(frame)).await?)
    }

    /// Waits until a terminal has shown a text.
    ///
    /// # Errors
    /// See [`Viewer::until`].
    pub async fn printed(&mut self, id: TerminalId, text: &str) -> anyhow::Result<()> {
        let printed = |seen: &Seen| seen.terminals.screen(id)?.text().contains(text).then_some(());
        self.until(&format!("the terminal shows {text:?}"), printed).await
    }

    /// Acknowledges everything that a terminal has shown.
    ///
    /// # Errors
    /// When the socket breaks.
    pub async fn acknowledge(&mut self, id: TerminalId, offset: u64) -> anyhow::Result<()> {
        let frame = encode_terminal(id, &TerminalFrame::Ack { offset });
        Ok(self.socket.send(Message::binary(frame)).await?)
    }
}
