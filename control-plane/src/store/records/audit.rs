//! What was done, by whom, to what: appended, and never changed but to take out what is known by it of somebody who is erased.

use protocol::Millis;
use serde::{Deserialize, Serialize};

/// One deed, to be written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Millis,
    /// Who: a user's id, or what else acted.
    pub who: String,
    /// What kind of deed.
    pub kind: String,
    /// To what: a user, a workspace, a conversation.
    pub object: String,
    /// What else is to be known of it.
    pub detail: serde_json::Value,
}

/// What of a deed's detail is what somebody works on.
const CONTENT: [&str; 3] = ["subject", "input", "always"];
/// What of it says where they were, with what, and what they call their tokens. It goes with them when they are erased; until then
/// operators may see it.
const PERSONAL: [&str; 3] = ["address", "device", "name"];

impl AuditEntry {
    /// Takes out what only the user that it is about may read: others see what was done, not to what. Says whether there
    /// was something.
    pub fn hide_content(&mut self) -> bool {
        self.remove(&CONTENT)
    }

    /// Takes out, beside that, what else is known by it of whoever did it and is erased. Says whether there was something.
    pub fn hide_person(&mut self) -> bool {
        let token = self.detail.get_mut("token").and_then(serde_json::Value::as_object_mut);
        let named = token.is_some_and(|token| token.remove("name").is_some());
        self.remove(&CONTENT) | self.remove(&PERSONAL) | named
    }

    fn remove(&mut self, keys: &[&str]) -> bool {
        let Some(detail) = self.detail.as_object_mut() else { return false };
        let fields = detail.len();
        detail.retain(|key, _| !keys.contains(&key.as_str()));
        detail.len() < fields
    }

    /// Whether it was done by that one, to it, or to what is that user's or in that workspace.
    pub fn is_about(&self, id: &str) -> bool {
        let named = |field: &str| self.detail.get(field).and_then(serde_json::Value::as_str) == Some(id);
        self.who == id || self.object == id || named("user") || named("workspace")
    }
}

/// One deed, written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number. Numbers only grow, and none is used twice.
    pub n: u64,
    /// The deed.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

/// Which deeds. What is not said does not matter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Not before.
    pub from: Option<Millis>,
    /// Before.
    pub until: Option<Millis>,
    /// Of this kind.
    pub kind: Option<String>,
    /// By this one.
    pub who: Option<String>,
    /// By this one, to it, or to what is this user's: an id.
    pub about: Option<String>,
}

impl AuditFilter {
    /// Whether a deed is meant.
    pub fn takes(&self, entry: &AuditEntry) -> bool {
        self.from.is_none_or(|from| entry.at >= from)
            && self.until.is_none_or(|until| entry.at < until)
            && self.kind.as_ref().is_none_or(|kind| *kind == entry.kind)
            && self.who.as_ref().is_none_or(|who| *who == entry.who)
            && self.about.as_ref().is_none_or(|about| entry.is_about(about))
    }
}

/// Where to read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditFrom {
    /// From this number up, without it.
    After(u64),
    /// From this number down, without it. `u64::MAX`: from the newest.
    Before(u64),
}

/// Some of the deeds that were asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditPage {
    /// They, in the order that was asked for.
    pub records: Vec<AuditRecord>,
    /// Where to read on; `None`: there are no more. A page may be short, or empty, and have more after it: one call
    /// looks at a bounded number of records.
    pub next: Option<AuditFrom>,
}

impl AuditPage {
    /// The page that comes of `looked` records, read in order from `from` on; `more`: there may be others behind them.
    pub fn of(
        looked: Vec<AuditRecord>,
        more: bool,
        filter: &AuditFilter,
        from: AuditFrom,
        limit: usize,
    ) -> Self {
        let last = looked.last().map(|record| record.n);
        let mut taken = looked.into_iter().filter(|record| filter.takes(&record.entry));
        let records: Vec<_> = taken.by_ref().take(limit).collect();
        let behind = match (records.last(), taken.next()) {
            // The page is full before the end of what was looked at.
            (Some(record), Some(_)) => Some(record.n),
            _ => last.filter(|_| more),
        };
        let next = behind.map(|n| match from {
            AuditFrom::After(_) => AuditFrom::After(n),
            AuditFrom::Before(_) => AuditFrom::Before(n),
        });
        Self { records, next }
    }
}
