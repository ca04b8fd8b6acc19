//! A fingerprint of a table that does not depend on the order of its records: each kind of store has its own.

use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Entry;
use crate::store::{Hash, Result, StoreError};

/// How many records there were, and the sum of their hashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Digest {
    /// How many.
    pub count: u64,
    sum: [u64; 4],
}

impl Digest {
    /// Takes a record into account.
    ///
    /// # Errors
    /// When it can't be written down.
    pub fn add(&mut self, entry: &Entry) -> Result<()> {
        let hash = hash(entry)?;
        self.count += 1;
        for (sum, part) in self.sum.iter_mut().zip(hash.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
        Ok(())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} records, {:016x}", self.count, self.sum[0])
    }
}

/// The hash of everything that a record says.
fn hash(entry: &Entry) -> Result<Hash> {
    let mut hasher = Sha256::new();
    // What is large goes in as it is; the rest as JSON before it, with its length.
    let (head, bytes) = match entry {
        Entry::User(user, settings) => (
            json(&(
                (user.id, &user.subject, &user.name, &user.email, &user.language, &user.onboarding),
                (user.role, user.disabled, user.erasing, user.created_at, user.signed_in_at, settings),
            ))?,
            &[][..],
        ),
        Entry::Secret(name, sealed) => (json(&name.to_string())?, &sealed[..]),
        Entry::LocalCode(code, expires_at) => (json(expires_at)?, &code[..]),
        Entry::Session(token, session) => (
            json(&(
                (session.id, session.user, session.created_at, session.expires_at),
                (session.used_at, session.idle, &session.device),
            ))?,
            &token[..],
        ),
        Entry::ApiToken(token, record) => (
            json(&(
                (record.id, record.user, &record.name, &record.scopes),
                (record.created_at, record.expires_at, record.used_at),
            ))?,
            &token[..],
        ),
        Entry::Workspace(record, links) => (
            json(&(
                (record.id, record.user, record.version, record.uid, record.network, record.wanted),
                (&record.last, &record.certificates, &record.catalog, record.created_at, links),
            ))?,
            &[][..],
        ),
        Entry::EnrolToken(token, workspace, expires_at) => (json(&(workspace, expires_at))?, &token[..]),
        Entry::Lease(workspace, lease) => (json(&(workspace, lease))?, &[][..]),
        Entry::Usage(key, usage) => (
            json(&(
                (key.workspace, key.day, &key.model, usage.requests, usage.input, usage.output),
                (usage.cache_read, usage.cache_write, usage.micro_usd),
            ))?,
            &[][..],
        ),
        Entry::Conversation(record) => (
            json(&(
                (record.id, record.workspace, record.version, &record.title),
                (record.created_at, record.changed_at, &record.settings, &record.summary, record.end),
                (record.outbox_rev, record.outbox_seq, record.waiting, record.notice, record.granted_until),
            ))?,
            &[][..],
        ),
        Entry::Segment(conversation, segment) => {
            (json(&(conversation, segment.epoch, segment.first, segment.last))?, &segment.lines[..])
        }
        Entry::Chunk(conversation, chunk) => {
            (json(&(conversation, chunk.digest, chunk.index, chunk.chunks))?, &chunk.bytes[..])
        }
        Entry::Item(conversation, item) => (json(&(conversation, item))?, &[][..]),
        Entry::Notice(conversation, notice) => (json(&(conversation, notice))?, &[][..]),
        Entry::Audit(record) => (json(&json!({ "record": record }))?, &[][..]),
    };
    hasher.update((head.len() as u64).to_le_bytes());
    hasher.update(&head);
    hasher.update(bytes);
    Ok(hasher.finalize().into())
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(StoreError::malformed)
}
