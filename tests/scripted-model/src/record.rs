//! What was received and how it ended: kept for tests to ask, and logged as JSON lines.

use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::json;

/// More than any test asks for; a benchmark may run for hours.
const MOST_RECORDS: usize = 10_000;

/// One request.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// 1, 2, 3 … in order of arrival.
    pub id: u64,
    /// When it arrived, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The value of the answer's `request-id` header.
    pub request_id: String,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The header that carried the key.
    pub auth: Option<AuthKind>,
    /// The first 12 hexadecimal digits of the key's SHA-256.
    pub key_sha256: Option<String>,
    /// `x-claude-code-session-id`.
    pub session: Option<String>,
    /// `anthropic-beta`.
    pub beta: Option<String>,
    /// `user-agent`.
    pub user_agent: Option<String>,
    /// What a request for a message asks.
    #[serde(flatten)]
    pub asked: Asked,
    /// The HTTP status, once it is known.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a request for a message (or its token count) asks.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default, Debug)]
pub struct Asked {
    /// The model's name.
    pub model: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The answer's greatest length.
    pub max_tokens: Option<u64>,
    /// Whether it is a side call of the CLI (a title, a page's summary), judged by tools and system prompt.
    pub auxiliary: bool,
    /// The first lines of the script in force.
    pub script: Vec<String>,
    /// How many of its steps were done.
    pub step: usize,
    /// How large the request is.
    pub sizes: Sizes,
    /// The newest text of the user, clipped.
    pub last_user_text: String,
}

/// How large a request is.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sizes {
    /// Bytes of the body.
    pub bytes: usize,
    /// Messages.
    pub messages: usize,
    /// Tools.
    pub tools: usize,
    /// Characters of the system prompt.
    pub system: usize,
}

/// The header that carried a key.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AuthKind {
    /// `x-api-key`.
    XApiKey,
    /// `authorization: Bearer …`.
    Bearer,
}

/// How a request ended.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not.
    Open,
    /// Answered to the end, be it with an error.
    Done,
    /// Cut by its script.
    Cut,
    /// The client left before the end.
    ClientGone,
    /// The server stopped before the end.
    Stopped,
}

/// All records, newest last, and the log.
pub(crate) struct Recorder {
    kept: Mutex<Kept>,
    log: Option<Mutex<std::fs::File>>,
}

#[derive(Default)]
struct Kept {
    last_id: u64,
    records: VecDeque<Record>,
}

/// A request that is being answered; dropped before its end, it counts as left by the client.
pub(crate) struct Ticket {
    recorder: Arc<Recorder>,
    id: u64,
    open: bool,
}

impl Recorder {
    /// A recorder that also appends to `log`.
    pub(crate) async fn open(log: Option<&Path>) -> std::io::Result<Arc<Self>> {
        let log = match log {
            Some(path) => {
                let file = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?;
                Some(Mutex::new(file.into_std().await))
            }
            None => None,
        };
        Ok(Arc::new(Self { kept: Mutex::default(), log }))
    }

    /// Records a request that has arrived; its id is given here.
    pub(crate) fn admit(self: &Arc<Self>, mut record: Record) -> Ticket {
        let id = {
            let mut kept = self.kept();
            kept.last_id += 1;
            record.id = kept.last_id;
            if kept.records.len() == MOST_RECORDS {
                kept.records.pop_front();
            }
            kept.records.push_back(record.clone());
            record.id
        };
        self.write(|| json!({"event": "request", "request": record}));
        Ticket { recorder: Arc::clone(self), id, open: true }
    }

    /// The newest records, oldest first.
    pub(crate) fn all(&self) -> Vec<Record> {
        self.kept().records.iter().cloned().collect()
    }

    /// Forgets all records.
    pub(crate) fn clear(&self) {
        self.kept().records.clear();
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut Record)) {
        let mut kept = self.kept();
        // The ids of the kept records follow one another.
        let place = kept.records.front().and_then(|first| id.checked_sub(first.id));
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(record) = place.and_then(|place| kept.records.get_mut(place)) {
            change(record);
        }
    }

    /// One short append to a local file: not worth a task of its own.
    fn write(&self, line: impl FnOnce() -> serde_json::Value) {
        let Some(log) = &self.log else { return };
        let line = format!("{}\n", line());
        // A full disk must not end the answer.
        let _ = log.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Notes the answer's status.
    pub(crate) fn status(&self, status: u16) {
        self.recorder.update(self.id, |record| record.status = Some(status));
    }

    /// Notes how it ended; only the first time counts.
    pub(crate) fn close(&mut self, outcome: Outcome) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        self.recorder.update(self.id, |record| record.outcome = outcome);
        let id = self.id;
        self.recorder.write(|| json!({"event": "end", "id": id, "time": now(), "outcome": outcome}));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.close(Outcome::ClientGone);
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(epoch.as_millis()).unwrap_or(u64::MAX)
}

/// The first `most` characters.
pub(crate) fn clip(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{Asked, MOST_RECORDS, Outcome, Record, Recorder, clip};

    fn record() -> Record {
        Record {
            id: 0,
            time: 1,
            request_id: "req_1".into(),
            method: "POST".into(),
            path: "/v1/messages".into(),
            auth: None,
            key_sha256: None,
            session: None,
            beta: None,
            user_agent: None,
            asked: Asked::default(),
            status: None,
            outcome: Outcome::Open,
        }
    }

    #[tokio::test]
    async fn a_ticket_notes_the_end_once_and_its_loss() {
        let recorder = Recorder::open(None).await.unwrap();
        let mut first = recorder.admit(record());
        let second = recorder.admit(record());
        first.status(200);
        first.close(Outcome::Done);
        drop(first);
        drop(second);
        let records = recorder.all();
        assert_eq!((records[0].id, records[0].status, records[0].outcome), (1, Some(200), Outcome::Done));
        assert_eq!((records[1].id, records[1].outcome), (2, Outcome::ClientGone));
    }

    #[tokio::test]
    async fn only_the_newest_are_kept_and_ids_go_on_after_a_clear() {
        let recorder = Recorder::open(None).await.unwrap();
        for _ in 0..=MOST_RECORDS {
            recorder.admit(record());
        }
        let records = recorder.all();
        assert_eq!((records.len(), records[0].id), (MOST_RECORDS, 2));
        let mut open = recorder.admit(record());
        recorder.clear();
        open.close(Outcome::Done);
        assert!(recorder.all().is_empty());
        recorder.admit(record());
        assert_eq!(recorder.all()[0].id, MOST_RECORDS as u64 + 3);
    }

    #[tokio::test]
    async fn the_log_has_a_line_for_each_beginning_and_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let recorder = Recorder::open(Some(&path)).await.unwrap();
        recorder.admit(record()).close(Outcome::Done);
        let log = std::fs::read_to_string(path).unwrap();
        let lines: Vec<serde_json::Value> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["event"], &lines[0]["request"]["id"]), (&"request".into(), &1.into()));
        assert_eq!((&lines[1]["event"], &lines[1]["outcome"]), (&"end".into(), &"done".into()));
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!((clip("가나다", 2), clip("가나", 2), clip("", 2)), ("가나", "가나", ""));
    }
}
