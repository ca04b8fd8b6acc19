//! Binary frames of the link and of viewers' sockets: one tag byte, a fixed header, then the bytes themselves.
//!
//! | tag | what | header after the tag (big-endian) | then |
//! |---|---|---|---|
//! | 1 | events | conversation (16), epoch (8), first n (8) | events, each one JSON object and a newline |
//! | 2 | body chunk | conversation (16), digest (32), index (4), chunks (4) | the chunk |
//! | 3 | terminal output | terminal (16), offset of the first byte (8) | bytes, at least one |
//! | 4 | terminal input | terminal (16), source (8), place of the first byte (8) | bytes, at least one |
//! | 5 | terminal snapshot | terminal (16), offset (8), columns (2), rows (2), part (4), parts (4) | a part's bytes |
//! | 6 | terminal ack | terminal (16), offset (8) | |
//! | 7 | terminal credit | terminal (16), offset (8) | |
//! | 8 | terminal input taken | terminal (16), source (8), place (8) | |
//!
//! Events and chunks go from the workspace-agent to the control plane. Output, snapshots and taken go there and on to
//! viewers; input comes from a viewer and goes on to the workspace-agent; an ack is a viewer's, credit the control plane's.
//! [`crate::terminal`] says what they mean.
//!
//! A number of 8 bytes that a browser reads is below 2⁵³: offsets and places start at 0, and a source's number is random in
//! that range (`DataView.getBigUint64` and `Number` do). Header lengths are thus, tag included: output 25, input 33,
//! snapshot 37, ack and credit 25, taken 33.
//!
//! The bytes after an events header are what the store keeps as a segment. Numbers of tags are never reused;
//! an unknown tag is skipped by the receiver.

use uuid::Uuid;

use crate::limits::{CHUNK_BYTES, EVENT_BYTES, INPUT_BYTES, OUTPUT_BYTES, SEGMENT_BYTES, SNAPSHOT_BYTES};
use crate::terminal::Size;
use crate::{ConversationId, EventHeader, TerminalId};

const EVENTS: u8 = 1;
const CHUNK: u8 = 2;
const OUTPUT: u8 = 3;
const INPUT: u8 = 4;
const SNAPSHOT: u8 = 5;
const ACK: u8 = 6;
const CREDIT: u8 = 7;
const TAKEN: u8 = 8;
/// The largest number that a browser holds exactly.
const NUMBERS: u64 = (1 << 53) - 1;
const EVENTS_HEADER: usize = 1 + 16 + 8 + 8;
const CHUNK_HEADER: usize = 1 + 16 + 32 + 4 + 4;

/// A binary frame, borrowing from the message that it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// Events of one conversation.
    Events(Events<'a>),
    /// A part of a cut payload's body.
    Chunk(Chunk<'a>),
    /// Something of a terminal.
    Terminal(TerminalId, TerminalFrame<'a>),
    /// A tag that this version doesn't know.
    Unknown(u8),
}

/// What a frame says of one terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TerminalFrame<'a> {
    /// It printed this.
    Output {
        /// Where the bytes lie in its stream.
        offset: u64,
        /// They.
        bytes: &'a [u8],
    },
    /// Somebody typed this.
    Input {
        /// Whoever keeps typing across reconnects.
        source: u64,
        /// Where the bytes lie in what the source typed.
        place: u64,
        /// They.
        bytes: &'a [u8],
    },
    /// A part of a snapshot. Written to an emulator that was just reset and has this size, all parts together rebuild what the
    /// stream up to `offset` made of it.
    Snapshot {
        /// Where the stream goes on.
        offset: u64,
        /// The size that it is for.
        size: Size,
        /// Which part, from 0.
        part: u32,
        /// How many there are.
        parts: u32,
        /// The part.
        bytes: &'a [u8],
    },
    /// A viewer has shown everything before this.
    Ack {
        /// The end of it.
        offset: u64,
    },
    /// Bytes before this may be sent.
    Credit {
        /// The end of them.
        offset: u64,
    },
    /// What a source typed is written to the program up to here.
    Taken {
        /// The source.
        source: u64,
        /// The end of it.
        place: u64,
    },
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
    /// A part of a snapshot whose number, count or size makes no sense.
    #[error("part {part} of {parts} of a snapshot makes no sense")]
    Snapshot {
        /// Its number.
        part: u32,
        /// Its count.
        parts: u32,
    },
    /// An offset so high that it can't be one.
    #[error("offset {0} can't be one")]
    Offset(u64),
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

/// A frame of a terminal.
pub fn encode_terminal(terminal: TerminalId, frame: &TerminalFrame<'_>) -> Vec<u8> {
    let begin = |tag, bytes: &[u8]| {
        let mut encoded = Vec::with_capacity(40 + bytes.len());
        encoded.push(tag);
        encoded.extend_from_slice(terminal.0.as_bytes());
        encoded
    };
    let numbers = |tag, numbers: &[u64], bytes: &[u8]| {
        let mut encoded = begin(tag, bytes);
        numbers.iter().for_each(|number| encoded.extend_from_slice(&number.to_be_bytes()));
        encoded.extend_from_slice(bytes);
        encoded
    };
    match *frame {
        TerminalFrame::Output { offset, bytes } => numbers(OUTPUT, &[offset], bytes),
        TerminalFrame::Input { source, place, bytes } => numbers(INPUT, &[source, place], bytes),
        TerminalFrame::Snapshot { offset, size, part, parts, bytes } => {
            let mut encoded = numbers(SNAPSHOT, &[offset], &[]);
            encoded.extend_from_slice(&size.cols.to_be_bytes());
            encoded.extend_from_slice(&size.rows.to_be_bytes());
            encoded.extend_from_slice(&part.to_be_bytes());
            encoded.extend_from_slice(&parts.to_be_bytes());
            encoded.extend_from_slice(bytes);
            encoded
        }
        TerminalFrame::Ack { offset } => numbers(ACK, &[offset], &[]),
        TerminalFrame::Credit { offset } => numbers(CREDIT, &[offset], &[]),
        TerminalFrame::Taken { source, place } => numbers(TAKEN, &[source, place], &[]),
    }
}

/// Reads a frame. Never panics, whatever the bytes.
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    match bytes.first() {
        None => Err(FrameError::Short),
        Some(&EVENTS) => decode_events(bytes).map(Frame::Events),
        Some(&CHUNK) => decode_chunk(bytes).map(Frame::Chunk),
        Some(&tag @ OUTPUT..=TAKEN) => decode_terminal(tag, bytes),
        Some(&tag) => Ok(Frame::Unknown(tag)),
    }
}

fn decode_terminal(tag: u8, bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    let mut header = Header(bytes.get(1..).ok_or(FrameError::Short)?);
    let terminal = TerminalId(Uuid::from_bytes(header.take()?));
    let first = header.number()?;
    let frame = match tag {
        OUTPUT => {
            let bytes = header.rest(OUTPUT_BYTES)?;
            end_of(first, bytes)?;
            TerminalFrame::Output { offset: first, bytes }
        }
        INPUT => {
            let place = header.number()?;
            let bytes = header.rest(INPUT_BYTES)?;
            end_of(place, bytes)?;
            TerminalFrame::Input { source: first, place, bytes }
        }
        SNAPSHOT => decode_snapshot(first, header)?,
        ACK => TerminalFrame::Ack { offset: first },
        CREDIT => TerminalFrame::Credit { offset: first },
        _ => TerminalFrame::Taken { source: first, place: header.number()? },
    };
    Ok(Frame::Terminal(terminal, frame))
}

fn decode_snapshot(offset: u64, mut header: Header<'_>) -> Result<TerminalFrame<'_>, FrameError> {
    let size = Size { cols: u16::from_be_bytes(header.take()?), rows: u16::from_be_bytes(header.take()?) };
    let (part, parts) = (u32::from_be_bytes(header.take()?), u32::from_be_bytes(header.take()?));
    let sensible =
        part < parts && parts as usize <= SNAPSHOT_BYTES.div_ceil(OUTPUT_BYTES) && size == size.clamped();
    if !sensible {
        return Err(FrameError::Snapshot { part, parts });
    }
    Ok(TerminalFrame::Snapshot { offset, size, part, parts, bytes: header.rest(OUTPUT_BYTES)? })
}

/// Bytes whose end has no number are none.
fn end_of(first: u64, bytes: &[u8]) -> Result<u64, FrameError> {
    if bytes.is_empty() {
        return Err(FrameError::Short);
    }
    first.checked_add(bytes.len() as u64).filter(|end| *end <= NUMBERS).ok_or(FrameError::Offset(first))
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

impl<'a> Header<'a> {
    /// What follows the header.
    const fn rest(self, max: usize) -> Result<&'a [u8], FrameError> {
        if self.0.len() > max { Err(FrameError::TooLarge(self.0.len())) } else { Ok(self.0) }
    }
}

impl Header<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A number that a browser can hold.
    fn number(&mut self) -> Result<u64, FrameError> {
        let number = u64::from_be_bytes(self.take()?);
        if number <= NUMBERS { Ok(number) } else { Err(FrameError::Offset(number)) }
    }
}
