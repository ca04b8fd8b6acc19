//! What a viewer is sent of the conversations that it follows.

use std::collections::VecDeque;
use std::fmt::Write;

use protocol::ConversationId;
use protocol::viewer::FromServer;
use tokio::time::Instant;

use crate::hub::follow::{Batch, Follow, Records};
use crate::hub::ring::Line;
use crate::store::StoreError;

/// The conversations that one viewer follows.
#[derive(Debug, Default)]
pub(super) struct Feed {
    follows: Vec<Follow>,
}

impl Feed {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.follows.len()
    }

    /// Follows one more, or anew.
    pub(super) fn open(&mut self, follow: Follow) {
        self.close(follow.conversation());
        self.follows.push(follow);
    }

    /// Follows one less.
    pub(super) fn close(&mut self, conversation: ConversationId) {
        self.follows.retain(|follow| follow.conversation() != conversation);
    }

    /// Collects the frames to send now; a turn's worth of each conversation. Returns when to look again.
    pub(super) async fn collect(
        &mut self,
        frames: &mut VecDeque<String>,
    ) -> Result<Option<Instant>, StoreError> {
        let mut again_at: Option<Instant> = None;
        let mut deleted = Vec::new();
        for follow in &mut self.follows {
            let conversation = follow.conversation();
            let batch = follow.next().await?;
            if batch.deleted {
                deleted.push(conversation);
                continue;
            }
            let again_at_once = batch.more.then(Instant::now);
            let wanted = again_at_once.or_else(|| batch.again_at.map(Instant::from_std));
            again_at = match (again_at, wanted) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let records = follow.records().await?;
            push_frames(conversation, batch, records, frames)?;
        }
        for conversation in deleted {
            self.close(conversation);
        }
        Ok(again_at)
    }
}

fn push_frames(
    conversation: ConversationId,
    batch: Batch,
    records: Records,
    frames: &mut VecDeque<String>,
) -> Result<(), StoreError> {
    if let Some(greeting) = batch.greeting {
        let (verdict, from, end) = (greeting.verdict, greeting.from, greeting.end);
        frames.push_back(text(&FromServer::Opened { conversation, verdict, from, end })?);
    }
    if !batch.lines.is_empty() {
        frames.push_back(events_frame(conversation, &batch.lines));
    }
    if let Some((items, rev)) = records.items {
        frames.push_back(text(&FromServer::Outbox { conversation, rev, items })?);
    }
    if !records.notices.is_empty() {
        frames.push_back(text(&FromServer::Notices { conversation, notices: records.notices })?);
    }
    if !batch.gone.is_empty() {
        frames.push_back(text(&FromServer::Retract { conversation, blocks: batch.gone })?);
    }
    if let Some(activity) = batch.activity {
        frames.push_back(text(&FromServer::Activity { conversation, activity })?);
    }
    for more in batch.live {
        let (block, what, parent, restart) = (more.block, more.what, more.parent, more.restart);
        frames.push_back(text(&FromServer::Live {
            conversation,
            block,
            what,
            parent,
            restart,
            text: more.text,
        })?);
    }
    Ok(())
}

fn text(message: &FromServer<'_>) -> Result<String, StoreError> {
    serde_json::to_string(message).map_err(|error| StoreError::Malformed(Box::new(error)))
}

/// [`FromServer::Events`], with the events spliced in as the bytes they came in.
fn events_frame(conversation: ConversationId, lines: &[Line]) -> String {
    let epoch = lines.first().map_or(0, |line| line.epoch);
    let bytes: usize = lines.iter().map(|line| line.json.len() + 1).sum();
    let mut frame = String::with_capacity(bytes + 128);
    let _ = write!(frame, r#"{{"type":"events","conversation":"{conversation}","epoch":{epoch},"events":["#);
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            frame.push(',');
        }
        frame.push_str(&line.json);
    }
    frame.push_str("]}");
    frame
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_spliced_frame_is_what_serde_would_write() {
        let conversation = ConversationId(Uuid::from_u128(7));
        let json = [r#"{"n":1,"at":2,"kind":"x","later":{"a":[1,2]}}"#, r#"{"n":2,"at":2,"kind":"y"}"#];
        let lines: Vec<Line> =
            (1..).zip(json).map(|(n, json)| Line { epoch: 3, n, json: json.into() }).collect();
        let raw: Vec<Box<RawValue>> =
            json.iter().map(|json| RawValue::from_string((*json).to_owned()).unwrap()).collect();
        let events = raw.iter().map(|raw| &**raw).collect();
        let expected = serde_json::to_string(&FromServer::Events { conversation, epoch: 3, events }).unwrap();
        assert_eq!(events_frame(conversation, &lines), expected);
    }
}
