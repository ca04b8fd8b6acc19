//! The audit trail: a document each, named by its number.

use async_trait::async_trait;
use firestore::gcloud_sdk::prost_types::Timestamp;
use protocol::UserId;
use uuid::Uuid;

use super::super::records::{AuditEntry, AuditFilter, AuditFrom, AuditPage, AuditRecord};
use super::super::{Audit, Result};
use super::Firestore;
use super::client::{Again, Outcome};
use super::doc::{Doc, Fields, plain};
use super::query::Query;

/// Where the last number is kept.
pub(super) const TAIL: &str = "meta/audit";
/// How many records one call looks at, if it isn't asked for more.
const LOOKED_AT: usize = 100;

/// The last number, as this process last wrote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    n: u64,
    updated: Option<Timestamp>,
}

/// A record's document.
pub(super) fn path(n: u64) -> String {
    format!("audit/{n:020}")
}

/// A record's fields. One field for each order in which records are asked for, so that each question is about one field.
pub(super) fn fields(record: &AuditRecord) -> Result<Fields> {
    let AuditRecord { n, entry } = record;
    Fields::default()
        .int("n", *n)
        .int("at", entry.at)
        .text("who", &entry.who)
        .text("kind", &entry.kind)
        .text("object", &entry.object)
        .text("by_who", key(&entry.who, *n))
        .text("by_kind", key(&entry.kind, *n))
        .json("detail", &entry.detail)
}

fn key(of: &str, n: u64) -> String {
    format!("{}/{n:020}", plain(of))
}

pub(super) fn read(doc: &Doc) -> Result<AuditRecord> {
    let entry = AuditEntry {
        at: doc.int("at")?,
        who: doc.text("who")?.to_owned(),
        kind: doc.text("kind")?.to_owned(),
        object: doc.text("object")?.to_owned(),
        detail: doc.json("detail")?,
    };
    Ok(AuditRecord { n: doc.int("n")?, entry })
}

#[async_trait]
impl Audit for Firestore {
    async fn append_audit(&self, entry: &AuditEntry) -> Result<u64> {
        let mut kept = self.tail.lock().await;
        let step = Uuid::new_v4().to_string();
        let mut attempts = self.client.attempts();
        loop {
            // Taken, not read: whoever goes away in the middle must not leave a number behind that is used.
            let tail = match kept.take() {
                Some(tail) => tail,
                None => match self.client.get(TAIL).await? {
                    Some(doc) if doc.maybe_text("step")? == Some(&step) => return doc.int("n"),
                    Some(doc) => Tail { n: doc.int("n")?, updated: Some(doc.updated) },
                    None => Tail { n: 0, updated: None },
                },
            };
            let record = AuditRecord { n: tail.n + 1, entry: entry.clone() };
            let number = Fields::default().int("n", record.n).text("step", &step);
            let number = match tail.updated {
                Some(updated) => self.client.set(TAIL, number).if_unchanged_since(updated),
                None => self.client.create(TAIL, number),
            };
            let changes = vec![number, self.client.create(&path(record.n), fields(&record)?)];
            if let Outcome::Done(results) = self.client.commit(changes, Again::Harmless).await? {
                let updated = results.first().and_then(|result| result.update_time);
                *kept = updated.map(|updated| Tail { n: record.n, updated: Some(updated) });
                return Ok(record.n);
            }
            attempts.again().await?;
        }
    }

    async fn audit(&self, filter: &AuditFilter, from: AuditFrom, limit: usize) -> Result<AuditPage> {
        let look = limit.max(LOOKED_AT);
        let docs = self.client.query(asked(filter, from).limit(look)).await?;
        let more = docs.len() == look;
        let looked = docs.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(AuditPage::of(looked, more, filter, from, limit))
    }
}

impl Firestore {
    /// Takes what is known of somebody by it out of all their deeds.
    pub(super) async fn hide_person(&self, user: UserId) -> Result<()> {
        let filter = AuditFilter { who: Some(user.to_string()), ..AuditFilter::default() };
        let mut next = Some(AuditFrom::After(0));
        while let Some(from) = next {
            let page = self.audit(&filter, from, LOOKED_AT).await?;
            let mut changes = Vec::new();
            for AuditRecord { n, mut entry } in page.records {
                if entry.hide_person() {
                    let fields = Fields::default().json("detail", &entry.detail)?;
                    changes.push(self.client.update(&path(n), fields).if_there());
                }
            }
            if !changes.is_empty() {
                self.client.done(changes, Again::Harmless).await?;
            }
            next = page.next;
        }
        Ok(())
    }
}

/// The question to the index that narrows most; what else the filter says is looked for in what comes.
fn asked(filter: &AuditFilter, from: AuditFrom) -> Query {
    let all = Query::all("audit");
    let keyed = match (&filter.who, &filter.kind) {
        (Some(who), _) => Some(("by_who", who)),
        (None, Some(kind)) => Some(("by_kind", kind)),
        (None, None) => None,
    };
    match (keyed, from) {
        (None, AuditFrom::After(n)) => all.over("n", n).up("n"),
        (None, AuditFrom::Before(n)) => all.under("n", n).down("n"),
        (Some((field, of)), AuditFrom::After(n)) => {
            all.between(field, &key(of, n), &format!("{}0", plain(of))).up(field)
        }
        (Some((field, of)), AuditFrom::Before(n)) => {
            all.between(field, &format!("{}/", plain(of)), &key(of, n)).down(field)
        }
    }
}
