//! What was said on a workspace's links, as files: one line of JSON for each thing that happened, in order.
//!
//! ```text
//! {"dialled":"atelier.v1"}          the workspace-agent opened a link and offered these versions
//! {"agent":{"text":"{…}"}}          it said this
//! {"control":{"bytes":"…"}}         the control plane said this; in `bytes` every character is one byte
//! {"read":"half-way"}               a person has read this, though it was not final yet
//! "broke"                           the link is gone
//! {"items":{"<id>":{…}}}            at the end: what became of what people sent
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use protocol::frame::{self, Frame};
use protocol::link::{FromAgent, FromControl};
use protocol::{ConversationId, ItemId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

/// A recording, one thing after the other.
pub type Recording = Vec<Line>;

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The workspace-agent opened a link and offered these versions of the protocol.
    Dialled(String),
    /// The workspace-agent said something.
    Agent(Said),
    /// The control plane said something.
    Control(Said),
    /// A person has read this live text.
    Read(String),
    /// The link is gone.
    Broke,
    /// What became of what people sent.
    Items(BTreeMap<ItemId, Value>),
}

/// One message on a link, to the byte.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A text message.
    Text(String),
    /// A binary message. Every character is one byte, so that what is text in it can be read.
    Bytes(String),
}

impl Said {
    /// A binary message.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.iter().copied().map(char::from).collect())
    }

    /// What was said with a message; nothing with those that only keep a socket alive or close it.
    pub fn by(message: &Message) -> Option<Self> {
        match message {
            Message::Text(text) => Some(Self::Text(text.to_string())),
            Message::Binary(bytes) => Some(Self::bytes(bytes)),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
        }
    }

    /// The message that says it.
    ///
    /// # Errors
    /// When a character is no byte.
    pub fn message(&self) -> anyhow::Result<Message> {
        Ok(match self {
            Self::Text(text) => Message::text(text.as_str()),
            Self::Bytes(text) => {
                let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
                Message::binary(bytes.context("a character of the recording is no byte")?)
            }
        })
    }
}

/// Everything that can be found in what a workspace-agent said of its one conversation.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// Its events, each once, as they came.
    pub events: Vec<String>,
    /// Chunks of bodies: a body's digest, the chunk's number, and the chunk.
    pub chunks: Vec<(String, u32, Vec<u8>)>,
    /// What its version is.
    pub version: String,
}

impl Told {
    /// What is told in a recording.
    ///
    /// # Errors
    /// When something in it can't be read, or its events have a hole.
    pub fn of(recording: &[Line]) -> anyhow::Result<Self> {
        let mut told = Self::default();
        for line in recording {
            if let Line::Agent(said) = line {
                told.take(&said.message()?)?;
            }
        }
        Ok(told)
    }

    /// Where the log ends.
    pub fn end(&self) -> u64 {
        self.events.len() as u64
    }

    /// Takes one more message into account.
    ///
    /// # Errors
    /// When it can't be read, or leaves a hole.
    pub fn take(&mut self, message: &Message) -> anyhow::Result<()> {
        if let Message::Text(text) = message
            && let Ok(FromAgent::Hello(hello)) = serde_json::from_str(text)
        {
            self.version = hello.versions.workspace_agent;
        }
        let Message::Binary(bytes) = message else { return Ok(()) };
        match frame::decode(bytes)? {
            Frame::Events(events) => {
                self.conversation = Some(events.conversation);
                let end = self.end();
                anyhow::ensure!(events.first <= end + 1, "events are missing after {end}");
                let fresh = events.events.iter().filter(|(header, _)| header.n > end);
                self.events.extend(fresh.map(|(_, json)| (*json).to_owned()));
            }
            Frame::Chunk(chunk) => {
                let digest = chunk.digest.iter().map(|byte| format!("{byte:02x}")).collect();
                self.chunks.push((digest, chunk.index, chunk.bytes.to_vec()));
            }
            Frame::Terminal(..) | Frame::Unknown(_) => {}
        }
        Ok(())
    }
}

/// What the control plane said at this line, if it is a message that this version knows.
pub fn from_control(line: &Line) -> Option<FromControl> {
    match line {
        Line::Control(Said::Text(text)) => serde_json::from_str(text).ok(),
        Line::Control(Said::Bytes(_))
        | Line::Dialled(_)
        | Line::Agent(_)
        | Line::Read(_)
        | Line::Broke
        | Line::Items(_) => None,
    }
}

/// Where recordings of every version are kept, each version in a folder of its own.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents")
}

/// Writes a recording.
///
/// # Errors
/// When the file can't be written.
pub fn write(path: &Path, recording: &[Line]) -> anyhow::Result<()> {
    let lines: Result<Vec<String>, _> = recording.iter().map(serde_json::to_string).collect();
    std::fs::create_dir_all(path.parent().context("a path without a folder")?)?;
    Ok(std::fs::write(path, lines?.join("\n") + "\n")?)
}

/// All recordings that are kept, by their names (`<version>/<what happens>`).
///
/// # Errors
/// When one can't be read.
pub fn all() -> anyhow::Result<BTreeMap<String, Recording>> {
    let mut recordings = BTreeMap::new();
    for version in std::fs::read_dir(folder())? {
        for file in std::fs::read_dir(version?.path())? {
            let path = file?.path();
            let name = path.strip_prefix(folder())?.with_extension("").display().to_string();
            let lines = std::fs::read_to_string(&path)?;
            let recording: Result<Recording, _> = lines.lines().map(serde_json::from_str).collect();
            recordings.insert(name, recording.with_context(|| path.display().to_string())?);
        }
    }
    Ok(recordings)
}
