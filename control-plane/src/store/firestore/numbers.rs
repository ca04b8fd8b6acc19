//! Numbers of which each workspace has one of its own: user ids and networks. Which are taken stands in bitmaps, one
//! document for so many numbers; whoever takes or frees one insists that its bitmap is as they read it.

use std::ops::Range;

use super::super::{Result, StoreError};
use super::Firestore;
use super::doc::{Doc, Fields};
use super::write::Change;

/// How many numbers one document tells of.
const BLOCK: u32 = 32_768;

/// A bitmap as it was read, to be written back.
#[derive(Debug)]
struct Block {
    path: String,
    doc: Option<Doc>,
    bits: Vec<u8>,
}

impl Block {
    fn is_taken(&self, at: u32) -> bool {
        self.bits.get(at as usize / 8).is_some_and(|byte| byte & (1 << (at % 8)) != 0)
    }

    fn put(&mut self, at: u32, taken: bool) {
        let (byte, bit) = (at as usize / 8, 1 << (at % 8));
        if self.bits.len() <= byte {
            self.bits.resize(byte + 1, 0);
        }
        if let Some(byte) = self.bits.get_mut(byte) {
            *byte = if taken { *byte | bit } else { *byte & !bit };
        }
    }

    fn change(self, store: &Firestore) -> Change {
        let fields = Fields::default().bytes("taken", &self.bits);
        match &self.doc {
            Some(doc) => store.client.set(&self.path, fields).if_still(doc),
            None => store.client.create(&self.path, fields),
        }
    }
}

impl Firestore {
    /// The lowest number of a range that nobody has, and the change that takes it.
    pub(super) async fn lowest_free(&self, of: &'static str, range: Range<u32>) -> Result<(u32, Change)> {
        let mut number = range.start;
        while number < range.end {
            let mut block = self.block(of, number).await?;
            let end = range.end.min((number / BLOCK).saturating_add(1).saturating_mul(BLOCK));
            if let Some(free) = (number..end).find(|number| !block.is_taken(number % BLOCK)) {
                block.put(free % BLOCK, true);
                return Ok((free, block.change(self)));
            }
            number = end;
        }
        Err(StoreError::Exhausted(of))
    }

    /// The change that frees a number, or takes it.
    pub(super) async fn put_number(&self, of: &str, number: u32, taken: bool) -> Result<Change> {
        let mut block = self.block(of, number).await?;
        block.put(number % BLOCK, taken);
        Ok(block.change(self))
    }

    async fn block(&self, of: &str, number: u32) -> Result<Block> {
        let path = format!("numbers/{of}-{}", number / BLOCK);
        let doc = self.client.get(&path).await?;
        let bits = doc.as_ref().map(|doc| doc.bytes("taken").map(<[u8]>::to_vec)).transpose()?;
        Ok(Block { path, doc, bits: bits.unwrap_or_default() })
    }
}
