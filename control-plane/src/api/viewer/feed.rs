//! What a viewer is sent of the conversations that it follows.

use std::collections::VecDeque;
use std::fmt::Write;

use protocol::ConversationId;
use protocol::bounded::clip;
use protocol::outbox::Item;
use protocol::viewer::FromServer;
use tokio::time::Instant;

use crate::hub::follow::{Batch, Follow, Pace, Records};
use crate::hub::live::More;
use crate::hub::ring::Line;
use crate::store::StoreError;

/// Bytes of events in one frame, about. The socket's library keeps room for the largest frame it ever wrote, for as
/// long as the socket lives: one of 64 KiB at the beginning would be half of what an idle viewer costs.
const FRAME_BYTES: usize = 16 * 1024;

/// The conversations that one viewer follows.
#[derive(Debug, Default)]
pub(super) struct Feed {
    follows: Vec<Follow>,
    pace: Pace,
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
        let pace = self.pace;
        for follow in &mut self.follows {
            let conversation = follow.conversation();
            let (batch, paced) = follow.next(pace).await?;
            self.pace = self.pace.and(paced);
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
        frames.push_back(serialise(&FromServer::Opened { conversation, verdict, from, end })?);
    }
    let mut lines = batch.lines.as_slice();
    while !lines.is_empty() {
        let (some, rest) = lines.split_at(frameful(lines));
        frames.push_back(events_frame(conversation, some));
        lines = rest;
    }
    if let Some((items, rev)) = records.items {
        push_items(conversation, items, rev, frames)?;
    }
    if !records.notices.is_empty() {
        frames.push_back(serialise(&FromServer::Notices { conversation, notices: records.notices })?);
    }
    if !batch.gone.is_empty() {
        frames.push_back(serialise(&FromServer::Retract { conversation, blocks: batch.gone })?);
    }
    if let Some(activity) = batch.activity {
        frames.push_back(serialise(&FromServer::Activity { conversation, activity })?);
    }
    for more in batch.live {
        push_live(conversation, more, frames)?;
    }
    Ok(())
}

/// [`FromServer::Outbox`], in as many frames as it takes, at least one item each. Each says how far it brings the viewer.
fn push_items(
    conversation: ConversationId,
    items: Vec<Item>,
    rev: u64,
    frames: &mut VecDeque<String>,
) -> Result<(), StoreError> {
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let mut some: Vec<Item> = items.next().into_iter().collect();
        let mut bytes: usize = some.iter().map(item_bytes).sum();
        while let Some(item) = items.next_if(|item| bytes + item_bytes(item) <= FRAME_BYTES) {
            bytes += item_bytes(&item);
            some.push(item);
        }
        let so_far = some.last().map_or(rev, |last| last.rev);
        let rev = if items.peek().is_some() { so_far } else { rev };
        frames.push_back(serialise(&FromServer::Outbox { conversation, rev, items: some })?);
    }
    Ok(())
}

/// What an item takes, about: what a person wrote, and the fields around it.
fn item_bytes(item: &Item) -> usize {
    item.what.bytes() + 512
}

/// [`FromServer::Live`], in as many frames as the text takes; the first one begins anew if that is so.
fn push_live(
    conversation: ConversationId,
    more: More,
    frames: &mut VecDeque<String>,
) -> Result<(), StoreError> {
    let More { block, what, parent, mut restart, text: all } = more;
    let mut rest = all.as_str();
    loop {
        let piece = clip(rest, FRAME_BYTES);
        rest = &rest[piece.len()..];
        let (block, what, parent, text) = (block.clone(), what.clone(), parent.clone(), piece.to_owned());
        let live = FromServer::Live { conversation, block, what, parent, restart, text };
        frames.push_back(serialise(&live)?);
        restart = false;
        if rest.is_empty() {
            return Ok(());
        }
    }
}

fn serialise(message: &FromServer<'_>) -> Result<String, StoreError> {
    serde_json::to_string(message).map_err(|error| StoreError::Malformed(Box::new(error)))
}

/// How many of these events, at least one, go into one frame.
fn frameful(lines: &[Line]) -> usize {
    let mut bytes = 0;
    let fits = lines.iter().take_while(|line| {
        bytes += line.json.len();
        bytes <= FRAME_BYTES
    });
    fits.count().max(1)
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
    use protocol::event::Person;
    use protocol::link::LiveKind;
    use protocol::outbox::{ItemState, What};
    use protocol::{BlockId, ItemId, Position, UserId};
    use serde_json::Value;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn events_are_cut_into_frames_and_none_is_left_out() {
        let conversation = ConversationId(Uuid::from_u128(7));
        let sizes = [10, FRAME_BYTES * 3, 1, FRAME_BYTES - 1, 1, 5];
        let line = |(n, size): (u64, usize)| Line { epoch: 3, n, json: "x".repeat(size).into() };
        let batch = Batch { lines: (1..).zip(sizes).map(line).collect(), ..Batch::default() };
        let mut frames = VecDeque::new();
        push_frames(conversation, batch, Records::default(), &mut frames).unwrap();
        let xs = |frame: &String| frame.split_once("\"events\":[").unwrap().1.matches('x').count();
        let lengths: Vec<usize> = frames.iter().map(xs).collect();
        assert_eq!(lengths, [10, FRAME_BYTES * 3, FRAME_BYTES, 6]);
    }

    #[test]
    fn items_and_live_text_are_cut_into_frames_and_nothing_is_left_out() {
        let conversation = ConversationId(Uuid::from_u128(7));
        let item = |(rev, bytes): (u64, usize)| Item {
            id: ItemId(Uuid::from_u128(rev.into())),
            seq: rev,
            version: 1,
            rev,
            by: Person { id: UserId(Uuid::nil()), name: "Ada".into(), token: None },
            at: 1,
            after: Position::default(),
            what: What::Message { text: "x".repeat(bytes), steer: false, again_of: None },
            handed: false,
            state: ItemState::Saved,
        };
        let items: Vec<Item> = (1..).zip([5, 5, FRAME_BYTES, FRAME_BYTES * 2, 5]).map(item).collect();
        // Every character takes three bytes, so that no piece ends where a frame is full.
        let words = "\u{d55c}".repeat(FRAME_BYTES);
        let more = More {
            block: BlockId::new("b").unwrap(),
            what: LiveKind::Text {},
            parent: None,
            restart: true,
            text: words.clone(),
        };
        let batch = Batch { live: vec![more], ..Batch::default() };
        let records = Records { items: Some((items, 9)), notices: Vec::new() };
        let mut frames = VecDeque::new();
        push_frames(conversation, batch, records, &mut frames).unwrap();

        let mut outbox = Vec::new();
        let (mut text, mut restarts) = (String::new(), Vec::new());
        for frame in &frames {
            let frame: Value = serde_json::from_str(frame).unwrap();
            if frame["type"] == "outbox" {
                let items = frame["items"].as_array().unwrap().len();
                outbox.push((items, frame["rev"].as_u64().unwrap()));
            } else {
                let piece = frame["text"].as_str().unwrap();
                assert!(piece.len() <= FRAME_BYTES);
                text.push_str(piece);
                restarts.push(frame["restart"].as_bool().unwrap());
            }
        }
        assert_eq!(outbox, [(2, 2), (1, 3), (1, 4), (1, 9)]);
        assert_eq!(text, words);
        assert_eq!(restarts, [true, false, false, false]);
    }

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
