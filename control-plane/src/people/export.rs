//! All that is kept of a person, as lines of JSON: for themselves to take along. The last line says how many there were, so
//! that a torn export is known as one. The files in their workspace are not in it; those they take from there.

use std::sync::Arc;

use anyhow::Context;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::frame::split_events;
use protocol::payload::BodyDigest;
use protocol::{ConversationId, UserId, WorkspaceId};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::app::App;
use crate::clock;
use crate::exports::{self, Lines, Place};
use crate::store::records::{AuditFilter, AuditFrom, ConversationRecord};

/// Records that are read at a time.
const PAGE: usize = 100;
/// Events that are read at a time.
const EVENTS: u64 = 200;
/// Bytes of events that are read at a time.
const EVENT_BYTES: usize = 1024 * 1024;

/// How much of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// Everything: for themselves.
    All,
    /// All but what is said in conversations, and their titles: for an operator, who may not read that.
    WithoutContent,
}

/// An export as an answer's body. It ends early when `until` does.
pub fn body(
    app: &Arc<App>,
    place: Place,
    (user, extent): (UserId, Extent),
    until: impl Future<Output = &'static str> + Send + 'static,
) -> Body {
    let of = Arc::clone(app);
    exports::body(app, place, until, move |lines| Export { app: of, user, extent, lines, written: 0 }.run())
}

struct Export {
    app: Arc<App>,
    user: UserId,
    extent: Extent,
    lines: Lines,
    written: u64,
}

impl Export {
    async fn run(mut self) -> anyhow::Result<()> {
        self.account().await?;
        if let Some(workspace) = self.app.store.workspace_of(self.user).await? {
            let told = json!({ "id": workspace.id, "uid": workspace.uid });
            self.line("workspace", &told).await?;
            self.conversations(workspace.id).await?;
        }
        self.deeds().await?;
        let written = self.written;
        self.line("end", &json!({ "lines": written, "at": clock::now() })).await
    }

    async fn account(&mut self) -> anyhow::Result<()> {
        let store = Arc::clone(&self.app.store);
        let user = store.user(self.user).await?;
        let told = json!({
            "id": user.id, "subject": user.subject, "name": user.name, "email": user.email, "language": user.language,
            "onboarding": user.onboarding, "role": user.role, "created_at": user.created_at,
            "signed_in_at": user.signed_in_at,
        });
        self.line("user", &told).await?;
        if let Some(settings) = store.settings(self.user).await? {
            self.line("settings", &settings).await?;
        }
        for session in store.sessions(self.user, clock::now()).await? {
            let told = json!({
                "id": session.id, "device": session.device, "created_at": session.created_at,
                "used_at": session.used_at, "expires_at": session.expires_at,
            });
            self.line("session", &told).await?;
        }
        for token in store.api_tokens(self.user).await? {
            let told = json!({
                "id": token.id, "name": token.name, "scopes": token.scopes, "created_at": token.created_at,
                "expires_at": token.expires_at, "used_at": token.used_at,
            });
            self.line("api_token", &told).await?;
        }
        Ok(())
    }

    async fn conversations(&mut self, workspace: WorkspaceId) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = self.app.store.conversations(workspace, after, "", PAGE).await?;
            let Some(last) = page.last().map(|record| record.id) else { return Ok(()) };
            for record in page {
                self.conversation(record).await?;
            }
            after = Some(last);
        }
    }

    async fn conversation(&mut self, record: ConversationRecord) -> anyhow::Result<()> {
        if self.extent == Extent::WithoutContent {
            let told = json!({ "id": record.id, "created_at": record.created_at, "events": record.end.n });
            return self.line("conversation", &told).await;
        }
        let id = record.id;
        self.line("conversation", &record.view()).await?;
        let mut told = 0;
        while told < record.end.n {
            let last = self.events(id, told).await?;
            // It was deleted meanwhile.
            let Some(last) = last else { break };
            told = last;
        }
        let store = Arc::clone(&self.app.store);
        for item in store.outbox(id, None).await? {
            self.of(id, "message", &item).await?;
        }
        for notice in store.notices(id, 0).await? {
            self.of(id, "notice", &notice).await?;
        }
        Ok(())
    }

    /// The events after one, as many as are read at a time, with the bodies that were too long for them. Returns the last.
    async fn events(&mut self, id: ConversationId, after: u64) -> anyhow::Result<Option<u64>> {
        let segments = self.app.store.segments_after(id, after, EVENTS, EVENT_BYTES).await?;
        let last = segments.last().map(|segment| segment.last);
        for segment in segments {
            let events: Vec<_> = split_events(&segment.lines, segment.first)?
                .into_iter()
                .filter(|(header, _)| header.n > after)
                .map(|(_, json)| json.to_owned())
                .collect();
            for json in events {
                let bodies = cut_off(&serde_json::from_str(&json)?);
                self.of(id, "event", &RawValue::from_string(json)?).await?;
                for (digest, chunks) in bodies {
                    self.chunks(id, &digest, chunks).await?;
                }
            }
        }
        Ok(last)
    }

    async fn chunks(&mut self, id: ConversationId, digest: &BodyDigest, chunks: u64) -> anyhow::Result<()> {
        let Some(hash) = digest.to_bytes() else { return Ok(()) };
        for index in 0..u32::try_from(chunks)? {
            // What a workspace announced and never sent is not there.
            let Ok(chunk) = self.app.store.chunk(id, hash, index).await else { return Ok(()) };
            let told = json!({ "digest": digest, "index": index, "of": chunks, "base64": STANDARD.encode(&chunk.bytes) });
            self.of(id, "body", &told).await?;
        }
        Ok(())
    }

    /// What was written down of what they did.
    async fn deeds(&mut self) -> anyhow::Result<()> {
        let of = Some(self.user.to_string());
        let filter = match self.extent {
            Extent::WithoutContent => AuditFilter { who: of, ..AuditFilter::default() },
            // What was done to what is theirs, too: they see it at the page.
            Extent::All => AuditFilter { about: of, ..AuditFilter::default() },
        };
        let mut from = Some(AuditFrom::After(0));
        while let Some(at) = from {
            let page = self.app.store.audit(&filter, at, PAGE).await?;
            for mut record in page.records {
                if self.extent == Extent::WithoutContent {
                    record.entry.hide_content();
                }
                self.line("deed", &record).await?;
            }
            from = page.next;
        }
        Ok(())
    }

    async fn of(
        &mut self,
        conversation: ConversationId,
        kind: &str,
        what: &impl Serialize,
    ) -> anyhow::Result<()> {
        self.write(&json!({ "kind": kind, "conversation": conversation, kind: serde_json::to_value(what)? }))
            .await
    }

    async fn line(&mut self, kind: &str, what: &impl Serialize) -> anyhow::Result<()> {
        self.write(&json!({ "kind": kind, kind: serde_json::to_value(what)? })).await
    }

    async fn write(&mut self, line: &Value) -> anyhow::Result<()> {
        self.written += 1;
        self.lines.line(line).await
    }
}

/// The bodies of which an event holds only the ends, and how many chunks each has.
fn cut_off(event: &Value) -> Vec<(BodyDigest, u64)> {
    let mut found = Vec::new();
    let mut left = vec![event];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                let digest = fields.get("digest").filter(|_| fields.contains_key("head"));
                let digest = digest.and_then(|digest| serde_json::from_value(digest.clone()).ok());
                if let (Some(digest), Some(chunks)) = (digest, fields.get("chunks").and_then(Value::as_u64)) {
                    found.push((digest, chunks));
                }
                left.extend(fields.values());
            }
            Value::Array(values) => left.extend(values),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// The name that a browser keeps an export under.
///
/// # Errors
/// Never, as ids are.
pub fn file_name(user: UserId, kind: &str) -> anyhow::Result<axum::http::HeaderValue> {
    let text = format!("attachment; filename=\"atelier-{user}.{kind}\"");
    axum::http::HeaderValue::from_str(&text).context("a file name")
}
