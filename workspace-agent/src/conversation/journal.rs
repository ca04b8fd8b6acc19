//! The journal of one conversation on the state volume: what the workspace-agent knows, written before it is
//! sent.
//!
//! A file of records, each `length (4, LE) | CRC-32 of what follows (4, LE) | kind (1) | payload`; the length is
//! that of the payload. A record that is cut off or whose checksum is wrong ends the journal: it and whatever
//! follows were never acknowledged to anyone, or are in the store already. A record that is whole and makes no sense
//! to this version does not: another version wrote it, and it stays where it is.
//!
//! | kind | payload |
//! |---|---|
//! | 1 event | the event as JSON |
//! | 2 body | SHA-256 (32), then the bytes; comes before the event that it was cut from |
//! | 3 tool mark | nothing: a tool call has begun |
//! | 4 epoch | epoch (8, LE), next number (8, LE), epoch of the event before (8, LE): the log goes on here |
//! | 5 checkpoint | JSON: everything before is in the store and comes to this |
//! | 6 boot | the machine's boot id (16): what follows was written under it |
//! | 7 taken mark | nothing: the process took the answers so far |
//! | 8 given mark | the id of a message (16): the process is about to be given it |
//!
//! What is not synced survives the end of every process, but not that of the machine: a journal that was written under
//! another boot may have lost its end, and what others saw of that.
//!
//! Once all of it is in the store and nothing is in flight, the file is replaced by one that holds only a
//! checkpoint ([`Journal::compact`]).

pub mod medium;

use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use protocol::payload::Body;
use protocol::{Event, EventHeader, ItemId, Position};

use self::medium::{Medium, OnDisk};

const EVENT: u8 = 1;
const BODY: u8 = 2;
const TOOL: u8 = 3;
const EPOCH: u8 = 4;
const CHECKPOINT: u8 = 5;
const BOOT: u8 = 6;
const TAKEN: u8 = 7;
const GIVEN: u8 = 8;
const HEADER: usize = 9;

/// The longest payload: a body cut from the longest line, with room for its digest.
const MAX_PAYLOAD: usize = protocol::limits::LINE_BYTES + 1024;

/// Above this size a journal whose content is in the store is worth compacting.
const COMPACT_ABOVE: u64 = 1024 * 1024;

/// Where a record's payload lies in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its first byte.
    pub offset: u64,
    /// Its length.
    pub len: u32,
}

/// One record, as it is read back.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// An event, and where it lies.
    Event(Box<Event>, Span),
    /// A body's digest, and where its bytes lie.
    Body([u8; 32], Span),
    /// A tool call had begun.
    ToolBegan,
    /// The log goes on elsewhere.
    Epoch {
        /// The epoch.
        epoch: u64,
        /// The next number.
        next: u64,
        /// The place before that.
        after: Position,
    },
    /// What everything before came to.
    Checkpoint(Vec<u8>),
    /// What follows was written under this boot of the machine.
    Boot([u8; 16]),
    /// The process took the answers so far.
    AnswersTaken,
    /// The process was about to be given this message.
    Given(ItemId),
    /// An event of a kind that this version doesn't know, its number, and where it lies.
    StrangeEvent(u64, Span),
    /// A record that this version can't read.
    Strange,
}

/// What [`Journal::append`] wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The event.
    pub event: Span,
    /// The bodies, by digest.
    pub bodies: Vec<([u8; 32], Span)>,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    medium: Arc<dyn Medium>,
    end: u64,
}

impl Journal {
    /// Opens the journal in `dir`, or makes it, and reads it back. What is torn at its end is cut off.
    ///
    /// # Errors
    /// When the file can't be opened, read or cut.
    pub fn open(dir: &Path) -> io::Result<(Self, Vec<Record>)> {
        Self::on(Arc::new(OnDisk::open(dir)?))
    }

    /// Opens the journal on some medium. See [`Journal::open`].
    ///
    /// # Errors
    /// When it can't be read or cut.
    pub fn on(medium: Arc<dyn Medium>) -> io::Result<(Self, Vec<Record>)> {
        let len = medium.len()?;
        let (records, end) = read_records(Reading { medium: &*medium, at: 0, len })?;
        if end < len {
            medium.set_len(end)?;
            medium.sync()?;
        }
        Ok((Self { medium, end }, records))
    }

    /// Where the spans lie.
    pub fn medium(&self) -> Arc<dyn Medium> {
        Arc::clone(&self.medium)
    }

    /// Appends the bodies and their event in one write.
    ///
    /// # Errors
    /// When it can't be written; the journal is as it was then.
    pub fn append(&mut self, event: &Event, bodies: &[Body], sync: bool) -> io::Result<Written> {
        let mut buffer = Vec::with_capacity(1024);
        let mut spans = Vec::with_capacity(bodies.len());
        for body in bodies {
            let digest = body.digest.to_bytes().unwrap_or_default();
            let mut span = put(&mut buffer, BODY, &[&digest, &body.bytes]);
            span.offset += self.end + 32;
            span.len -= 32;
            spans.push((digest, span));
        }
        let json = serde_json::to_vec(event).map_err(io::Error::other)?;
        let mut span = put(&mut buffer, EVENT, &[&json]);
        span.offset += self.end;
        self.write(&buffer, sync)?;
        Ok(Written { event: span, bodies: spans })
    }

    /// Notes that a tool call has begun.
    ///
    /// # Errors
    /// See [`Journal::append`].
    pub fn mark_tool(&mut self) -> io::Result<()> {
        self.note(TOOL, &[], true)
    }

    /// Notes that the process took the answers so far.
    ///
    /// # Errors
    /// See [`Journal::append`].
    pub fn mark_taken(&mut self) -> io::Result<()> {
        self.note(TAKEN, &[], false)
    }

    /// Notes that the process is about to be given a message.
    ///
    /// # Errors
    /// See [`Journal::append`].
    pub fn mark_given(&mut self, item: ItemId) -> io::Result<()> {
        self.note(GIVEN, &[item.0.as_bytes()], true)
    }

    /// Notes under which boot of the machine it is written from here on.
    ///
    /// # Errors
    /// See [`Journal::append`].
    pub fn mark_boot(&mut self, boot: [u8; 16]) -> io::Result<()> {
        self.note(BOOT, &[&boot], true)
    }

    /// Notes that the log goes on in another epoch, after a place.
    ///
    /// # Errors
    /// See [`Journal::append`].
    pub fn open_epoch(&mut self, epoch: u64, after: Position) -> io::Result<()> {
        let next = after.n + 1;
        self.note(EPOCH, &[&epoch.to_le_bytes(), &next.to_le_bytes(), &after.epoch.to_le_bytes()], true)
    }

    /// Whether compacting is worth it.
    pub const fn is_large(&self) -> bool {
        self.end > COMPACT_ABOVE
    }

    /// Replaces the journal by one that holds only `checkpoint`, written under `boot`. Everything in it must be in the
    /// store.
    ///
    /// # Errors
    /// When the new one can't be written; the old one stays.
    pub fn compact(&mut self, boot: [u8; 16], checkpoint: &[u8]) -> io::Result<()> {
        let mut buffer = Vec::new();
        put(&mut buffer, BOOT, &[&boot]);
        put(&mut buffer, CHECKPOINT, &[checkpoint]);
        self.medium = self.medium.replace(&buffer)?;
        self.end = buffer.len() as u64;
        Ok(())
    }

    fn note(&mut self, kind: u8, parts: &[&[u8]], sync: bool) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(HEADER + 16);
        put(&mut buffer, kind, parts);
        self.write(&buffer, sync)
    }

    fn write(&mut self, buffer: &[u8], sync: bool) -> io::Result<()> {
        let written = self.medium.write_all_at(buffer, self.end);
        let written = written.and_then(|()| if sync { self.medium.sync() } else { Ok(()) });
        match written {
            Ok(()) => {
                self.end += buffer.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Best effort: what lies beyond `end` is overwritten by the next record anyway.
                let _ = self.medium.set_len(self.end);
                Err(error)
            }
        }
    }
}

/// A medium read from its beginning.
struct Reading<'a> {
    medium: &'a dyn Medium,
    at: u64,
    len: u64,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        self.medium.read_exact_at(&mut buffer[..wanted], self.at)?;
        self.at += wanted as u64;
        Ok(wanted)
    }
}

/// Reads the payload at `span`.
///
/// # Errors
/// When the medium can't be read.
pub fn read_span(medium: &dyn Medium, span: Span) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; span.len as usize];
    medium.read_exact_at(&mut bytes, span.offset)?;
    Ok(bytes)
}

/// Appends a record to `buffer` and returns where its payload lies there.
fn put(buffer: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) -> Span {
    let len = u32::try_from(parts.iter().map(|part| part.len()).sum::<usize>()).unwrap_or(u32::MAX);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    for part in parts {
        crc.update(part);
    }
    buffer.extend_from_slice(&len.to_le_bytes());
    buffer.extend_from_slice(&crc.finalize().to_le_bytes());
    buffer.push(kind);
    let offset = buffer.len() as u64;
    for part in parts {
        buffer.extend_from_slice(part);
    }
    Span { offset, len }
}

/// Reads records until the end or the first one that is torn, and returns where that is.
///
/// # Errors
/// When reading fails.
pub fn read_records(source: impl Read) -> io::Result<(Vec<Record>, u64)> {
    let mut source = BufReader::with_capacity(64 * 1024, source);
    let mut records = Vec::new();
    let mut end = 0;
    let mut payload = Vec::new();
    loop {
        let mut header = [0; HEADER];
        if !read_whole(&mut source, &mut header)? {
            break;
        }
        let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = header;
        let (len, crc) = (u32::from_le_bytes([l0, l1, l2, l3]), u32::from_le_bytes([c0, c1, c2, c3]));
        if len as usize > MAX_PAYLOAD {
            break;
        }
        payload.clear();
        if (&mut source).take(u64::from(len)).read_to_end(&mut payload)? != len as usize {
            break;
        }
        let span = Span { offset: end + HEADER as u64, len };
        if checksum(kind, &payload) != crc {
            break;
        }
        records.push(read_record(kind, &payload, span).unwrap_or(Record::Strange));
        end = span.offset + u64::from(len);
    }
    Ok((records, end))
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// The record; `None` if this version can't read it.
fn read_record(kind: u8, payload: &[u8], span: Span) -> Option<Record> {
    match kind {
        EVENT => match serde_json::from_slice(payload) {
            Ok(event) => Some(Record::Event(event, span)),
            Err(_) => {
                let header: EventHeader = serde_json::from_slice(payload).ok()?;
                Some(Record::StrangeEvent(header.n, span))
            }
        },
        BODY => {
            let digest = *payload.first_chunk::<32>()?;
            Some(Record::Body(digest, Span { offset: span.offset + 32, len: span.len - 32 }))
        }
        TOOL => Some(Record::ToolBegan),
        EPOCH => {
            let (epoch, rest) = payload.split_first_chunk::<8>()?;
            let (next, rest) = rest.split_first_chunk::<8>()?;
            let next = u64::from_le_bytes(*next);
            let before = u64::from_le_bytes(*rest.first_chunk::<8>()?);
            let after = Position { epoch: before, n: next.checked_sub(1)? };
            Some(Record::Epoch { epoch: u64::from_le_bytes(*epoch), next, after })
        }
        CHECKPOINT => Some(Record::Checkpoint(payload.to_vec())),
        BOOT => Some(Record::Boot(payload.try_into().ok()?)),
        TAKEN => Some(Record::AnswersTaken),
        GIVEN => Some(Record::Given(ItemId(uuid::Uuid::from_bytes(payload.try_into().ok()?)))),
        _ => None,
    }
}

/// Fills `buffer`; `false` when the source ends before that.
fn read_whole(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match source.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
