//! Which finished block replaces which live text.
//!
//! While an answer comes in, its pieces carry the message's id and the block's index; the finished blocks carry
//! the message's id alone, in the order in which they finished. This joins the two, so that live text and the
//! event that replaces it have the same [`BlockId`].

use protocol::bounded::clip;
use protocol::limits::{LIVE_BLOCK_BYTES, LIVE_BLOCKS};
use protocol::link::LiveKind;
use protocol::{BlockId, ToolUseId};
use serde_json::Value;

use super::lines::Stream;

/// The live blocks of one process.
#[derive(Debug, Default)]
pub struct Blocks {
    /// The message that comes in, by the sub-agent it comes from.
    message: Option<Message>,
    /// Finished blocks whose message never streamed are numbered here.
    unstreamed: Option<(String, u64)>,
}

#[derive(Debug)]
struct Message {
    id: String,
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    index: u64,
    kind: String,
    what: LiveKind,
    written: usize,
    finished: bool,
}

/// What a piece of an answer changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// More text of a block.
    Append {
        /// The block.
        block: BlockId,
        /// What it is.
        what: LiveKind,
        /// Where `text` starts in it, in bytes.
        at: u64,
        /// What is new.
        text: String,
        /// The sub-agent's call that it belongs to.
        parent: Option<ToolUseId>,
    },
    /// A tool call begins: from here on the turn may have effects.
    ToolBegins,
    /// These blocks will never be finished.
    Retract(Vec<BlockId>),
}

impl Blocks {
    /// Takes one piece of an answer.
    pub fn stream(&mut self, stream: &Stream) -> Vec<Change> {
        let event = &stream.event;
        match event.get("type").and_then(Value::as_str) {
            Some("message_start") => self.begin(event),
            Some("content_block_start") => self.start_block(event),
            Some("content_block_delta") => self.delta(stream).into_iter().collect(),
            Some("message_stop") => self.stop(stream),
            _ => Vec::new(),
        }
    }

    fn begin(&mut self, event: &Value) -> Vec<Change> {
        let given_up = self.retract_from(0);
        let id = event.get("message").and_then(|message| message.get("id")).and_then(Value::as_str);
        self.message = id.map(|id| Message { id: clip(id, 128).to_owned(), blocks: Vec::new() });
        given_up
    }

    fn start_block(&mut self, event: &Value) -> Vec<Change> {
        let Some(message) = &mut self.message else { return Vec::new() };
        let Some(index) = event.get("index").and_then(Value::as_u64) else { return Vec::new() };
        let content = event.get("content_block");
        let kind = content.and_then(|block| block.get("type")).and_then(Value::as_str).unwrap_or_default();
        let is_tool = kind == "tool_use";
        let name = content.and_then(|block| block.get("name")).and_then(Value::as_str).unwrap_or_default();
        let what = match kind {
            "thinking" => LiveKind::Thinking {},
            "tool_use" => LiveKind::ToolInput { tool: clip(name, 128).to_owned() },
            _ => LiveKind::Text {},
        };
        if message.blocks.len() < LIVE_BLOCKS {
            message.blocks.push(Block {
                index,
                kind: clip(kind, 64).to_owned(),
                what,
                written: 0,
                finished: false,
            });
        }
        if is_tool { vec![Change::ToolBegins] } else { Vec::new() }
    }

    fn delta(&mut self, stream: &Stream) -> Option<Change> {
        let message = self.message.as_mut()?;
        let index = stream.event.get("index")?.as_u64()?;
        let delta = stream.event.get("delta")?;
        let key = match delta.get("type")?.as_str()? {
            "text_delta" => "text",
            "thinking_delta" => "thinking",
            "input_json_delta" => "partial_json",
            _ => return None,
        };
        let block = message.blocks.iter_mut().find(|block| block.index == index && !block.finished)?;
        let room = LIVE_BLOCK_BYTES - block.written;
        let text = clip(delta.get(key)?.as_str()?, room).to_owned();
        if text.is_empty() {
            return None;
        }
        let at = block.written as u64;
        block.written += text.len();
        let what = block.what.clone();
        let parent = stream.parent_tool_use_id.as_deref().and_then(ToolUseId::new);
        Some(Change::Append { block: block_id(&message.id, index), what, at, text, parent })
    }

    fn stop(&mut self, stream: &Stream) -> Vec<Change> {
        match &stream.abandoned_blocks {
            Some(abandoned) => self.retract_from(abandoned.from_block_index),
            None => Vec::new(),
        }
    }

    /// The id of a finished block of `message`, whose content has the type `kind`.
    pub fn finish(&mut self, message_id: &str, kind: &str) -> BlockId {
        let id = clip(message_id, 128);
        if let Some(message) = &mut self.message
            && message.id == id
            && let Some(block) = message.blocks.iter_mut().find(|block| !block.finished && block.kind == kind)
        {
            block.finished = true;
            return block_id(id, block.index);
        }
        let last = match &self.unstreamed {
            Some((known, last)) if known == id => *last + 1,
            _ => 0,
        };
        self.unstreamed = Some((id.to_owned(), last));
        BlockId::clipped(&format!("{id}:u{last}"))
    }

    /// Gives up everything that is live: the process is gone or begins the answer anew.
    pub fn retract_all(&mut self) -> Vec<Change> {
        let given_up = self.retract_from(0);
        self.message = None;
        given_up
    }

    /// Gives up what is live and not finished: the turn ended.
    pub fn retract_unfinished(&mut self) -> Vec<Change> {
        self.retract_from(0)
    }

    fn retract_from(&mut self, first: u64) -> Vec<Change> {
        let Some(message) = &mut self.message else { return Vec::new() };
        let given_up: Vec<BlockId> = message
            .blocks
            .iter_mut()
            .filter(|block| !block.finished && block.index >= first)
            .map(|block| {
                block.finished = true;
                block_id(&message.id, block.index)
            })
            .collect();
        if given_up.is_empty() { Vec::new() } else { vec![Change::Retract(given_up)] }
    }
}

fn block_id(message: &str, index: u64) -> BlockId {
    // 128 bytes of message id and at most 20 digits are within the bound, and it is never empty.
    BlockId::clipped(&format!("{message}:{index}"))
}
