//! What a terminal printed last, by absolute offset.

use std::collections::VecDeque;

/// The end of a stream of bytes.
#[derive(Debug)]
pub struct Ring {
    bytes: VecDeque<u8>,
    end: u64,
    most: usize,
}

impl Ring {
    /// An empty ring that keeps `most` bytes.
    pub const fn new(most: usize) -> Self {
        Self { bytes: VecDeque::new(), end: 0, most }
    }

    /// The offset behind the last byte.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The offset of the oldest byte that is kept.
    pub fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// Whether everything from `offset` on is kept.
    pub fn has(&self, offset: u64) -> bool {
        (self.start()..=self.end).contains(&offset)
    }

    /// Adds bytes; the oldest ones go.
    pub fn push(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as u64;
        let kept = &bytes[bytes.len().saturating_sub(self.most)..];
        let surplus = (self.bytes.len() + kept.len()).saturating_sub(self.most);
        self.bytes.drain(..surplus);
        self.bytes.extend(kept);
    }

    /// At most `most` bytes from `offset` on; nothing if they are not kept.
    pub fn read(&self, offset: u64, most: usize) -> Vec<u8> {
        if !self.has(offset) {
            return Vec::new();
        }
        let skip = usize::try_from(offset - self.start()).unwrap_or(usize::MAX);
        let (front, back) = self.bytes.as_slices();
        let (front, back) = match skip.checked_sub(front.len()) {
            None => (&front[skip..], back),
            Some(skip) => (&back[skip..], &[][..]),
        };
        let mut read = front[..front.len().min(most)].to_vec();
        read.extend_from_slice(&back[..back.len().min(most - read.len())]);
        read
    }
}
