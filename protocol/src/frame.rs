//! Binary frames of the link: one tag byte, a fixed header, then the bytes themselves.
//!
//! | tag | what | header after the tag (big-endian) | then |
//! |---|---|---|---|
//! | 1 | events | conversation (16), epoch (8), first n (8) | events, each one JSON object and a newline |
//! | 2 | body chunk | conversation (16), digest (32), index (4), chunks (4) | the chunk |
//!
//! The bytes after an events header are what the store keeps as a segment. Numbers of tags are never reused;
//! an unknown tag is skipped by the receiver.

use uuid::Uuid;

use crate::limits::{CHUNK_BYTES, EVENT_BYTES, SEGMENT_BYTES};
use crate::{ConversationId, EventHeader};

const EVENTS: u8 = 1;
const CHUNK: u8 = 2;
const EVENTS_HEADER: usize = 1 + 16 + 8 + 8;
const CHUNK_HEADER: usize = 1 + 16 + 32 + 4 + 4;

/// A binary frame, borrowing from the message that it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// Events of one conversation.
    Events(Events<'a>),
    /// A part of a cut payload's body.
    Chunk(Chunk<'a>),
    /// A tag that this version doesn't know.
    Unknown(u8),
}

/// Events of one conversation, consecutive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Events<'a> {
    /// Whose.
    pub conversation: ConversationId,
    /// Their epoch.
    pub epoch: u64,
    /// The first one's number.
    pub first: u64,
    /// The events with their headers, in order.
    pub events: Vec<(EventHeader, &'a str)>,
}

/// A part of a cut payload's body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk<'a> {
    /// Whose.
    pub conversation: ConversationId,
    /// The body's SHA-256.
    pub digest: [u8; 32],
    /// Which chunk, from 0.
    pub index: u32,
    /// How many there are.
    pub chunks: u32,
    /// The chunk.
    pub bytes: &'a [u8],
}

/// Why a frame can't be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// It ends inside its header.
    #[error("the frame ends inside its header")]
    Short,
    /// It holds no event.
    #[error("the frame holds no event")]
    Empty,
    /// Text that isn't UTF-8.
    #[error("the events are not UTF-8")]
    NotUtf8,
    /// An event that isn't JSON with a number, a time and a kind.
    #[error("event {0} of the frame is malformed")]
    Malformed(usize),
    /// An event whose number doesn't follow.
    #[error("event {index} of the frame has number {n}, not {expected}")]
    OutOfOrder {
        /// Its place in the frame.
        index: usize,
        /// Its number.
        n: u64,
        /// The number that would follow.
        expected: u64,
    },
    /// Larger than the protocol allows.
    #[error("{0} bytes are more than the protocol allows")]
    TooLarge(usize),
    /// A chunk whose index or count makes no sense.
    #[error("chunk {index} of {chunks} makes no sense")]
    Chunk {
        /// Its index.
        index: u32,
        /// Its count.
        chunks: u32,
    },
}

/// A frame of events. `lines` are events without newlines, numbered from `first`.
pub fn encode_events<'a>(
    conversation: ConversationId,
    epoch: u64,
    first: u64,
    lines: impl Iterator<Item = &'a str>,
) -> Vec<u8> {
    let mut frame = Vec::with_capacity(EVENTS_HEADER + 1024);
    frame.push(EVENTS);
    frame.extend_from_slice(conversation.0.as_bytes());
    frame.extend_from_slice(&epoch.to_be_bytes());
    frame.extend_from_slice(&first.to_be_bytes());
    for line in lines {
        frame.extend_from_slice(line.as_bytes());
        frame.push(b'\n');
    }
    frame
}

/// A frame with one chunk of a body.
pub fn encode_chunk(chunk: &Chunk<'_>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(CHUNK_HEADER + chunk.bytes.len());
    frame.push(CHUNK);
    frame.extend_from_slice(chunk.conversation.0.as_bytes());
    frame.extend_from_slice(&chunk.digest);
    frame.extend_from_slice(&chunk.index.to_be_bytes());
    frame.extend_from_slice(&chunk.chunks.to_be_bytes());
    frame.extend_from_slice(chunk.bytes);
    frame
}

/// Reads a frame. Never panics, whatever the bytes.
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    match bytes.first() {
        None => Err(FrameError::Short),
        Some(&EVENTS) => decode_events(bytes).map(Frame::Events),
        Some(&CHUNK) => decode_chunk(bytes).map(Frame::Chunk),
        Some(&tag) => Ok(Frame::Unknown(tag)),
    }
}

fn decode_events(bytes: &[u8]) -> Result<Events<'_>, FrameError> {
    let mut header = Header(bytes.get(1..).ok_or(FrameError::Short)?);
    let conversation = ConversationId(Uuid::from_bytes(header.take()?));
    let epoch = u64::from_be_bytes(header.take()?);
    let first = u64::from_be_bytes(header.take()?);
    let lines = header.0;
    if lines.len() > SEGMENT_BYTES {
        return Err(FrameError::TooLarge(lines.len()));
    }
    let events = split_events(lines, first)?;
    Ok(Events { conversation, epoch, first, events })
}

/// The events of a segment (or of an events frame, past its header), checked: each a JSON object with its
/// header, numbered from `first` without holes.
pub fn split_events(lines: &[u8], first: u64) -> Result<Vec<(EventHeader, &str)>, FrameError> {
    let text = std::str::from_utf8(lines).map_err(|_| FrameError::NotUtf8)?;
    let mut events = Vec::new();
    for (index, line) in text.split_terminator('\n').enumerate() {
        if line.len() > EVENT_BYTES {
            return Err(FrameError::TooLarge(line.len()));
        }
        let header: EventHeader = serde_json::from_str(line).map_err(|_| FrameError::Malformed(index))?;
        let expected = first.checked_add(index as u64).ok_or(FrameError::Malformed(index))?;
        if header.n != expected {
            return Err(FrameError::OutOfOrder { index, n: header.n, expected });
        }
        events.push((header, line));
    }
    if events.is_empty() { Err(FrameError::Empty) } else { Ok(events) }
}

fn decode_chunk(bytes: &[u8]) -> Result<Chunk<'_>, FrameError> {
    let mut header = Header(bytes.get(1..).ok_or(FrameError::Short)?);
    let conversation = ConversationId(Uuid::from_bytes(header.take()?));
    let digest = header.take()?;
    let index = u32::from_be_bytes(header.take()?);
    let chunks = u32::from_be_bytes(header.take()?);
    let bytes = header.0;
    if bytes.len() > CHUNK_BYTES {
        return Err(FrameError::TooLarge(bytes.len()));
    }
    if index >= chunks || bytes.is_empty() {
        return Err(FrameError::Chunk { index, chunks });
    }
    Ok(Chunk { conversation, digest, index, chunks, bytes })
}

struct Header<'a>(&'a [u8]);

impl Header<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }
}
