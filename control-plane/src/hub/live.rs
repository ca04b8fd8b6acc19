//! Text that is not final yet, and what a conversation is doing right now. Never numbered, never stored.

use std::collections::VecDeque;

use protocol::limits::{LIVE_BLOCK_BYTES, LIVE_BLOCKS, LIVE_BYTES};
use protocol::link::{Activity, ActivityKind, Delta, LiveKind};
use protocol::{BlockId, ToolUseId};

/// Blocks taken back that are remembered for viewers that have them.
const REMEMBERED: usize = 64;

/// One block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The block.
    pub id: BlockId,
    /// What it is.
    pub what: LiveKind,
    /// The sub-agent's call that it belongs to.
    pub parent: Option<ToolUseId>,
    /// How often it began anew.
    pub generation: u32,
    /// Its text so far.
    pub text: String,
}

/// What is live in one conversation.
#[derive(Clone, Debug)]
pub struct Live {
    blocks: Vec<Block>,
    gone: VecDeque<BlockId>,
    activity: Activity,
}

/// What one viewer knows of what is live.
#[derive(Clone, Debug, Default)]
pub struct Known {
    blocks: Vec<(BlockId, u32, usize)>,
    activity: Option<Activity>,
}

/// More of a block, for one viewer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct More {
    /// The block.
    pub block: BlockId,
    /// What it is.
    pub what: LiveKind,
    /// The sub-agent's call that it belongs to.
    pub parent: Option<ToolUseId>,
    /// What came before is void.
    pub restart: bool,
    /// What is new.
    pub text: String,
}

impl Default for Live {
    fn default() -> Self {
        let activity = Activity { what: ActivityKind::None {}, since: 0 };
        Self { blocks: Vec::new(), gone: VecDeque::new(), activity }
    }
}

impl Live {
    /// More text arrived. Text that doesn't fit to what is there is dropped: the final block will have it.
    pub fn append(&mut self, delta: Delta) {
        let Delta { block: id, what, parent, at, text, .. } = delta;
        let room = LIVE_BYTES - self.blocks.iter().map(|block| block.text.len()).sum::<usize>();
        let fits = |kept: usize| text.len() <= room && kept + text.len() <= LIVE_BLOCK_BYTES;
        let places = self.blocks.len() < LIVE_BLOCKS;
        match self.blocks.iter_mut().find(|block| block.id == id) {
            Some(block) if at == 0 && !block.text.is_empty() => {
                block.generation += 1;
                block.text = if fits(0) { text } else { String::new() };
            }
            Some(block) if at == block.text.len() as u64 && fits(block.text.len()) => {
                block.text.push_str(&text);
            }
            Some(_) => {}
            None if at == 0 && places && fits(0) => {
                self.blocks.push(Block { id, what, parent, generation: 0, text });
            }
            None => {}
        }
    }

    /// A block is final: its event has everything.
    pub fn finish(&mut self, block: &BlockId) {
        self.blocks.retain(|live| live.id != *block);
    }

    /// A block will never be final; `None`: none of them.
    pub fn retract(&mut self, block: Option<&BlockId>) {
        let gone = self.blocks.extract_if(.., |live| block.is_none_or(|block| live.id == *block));
        self.gone.extend(gone.map(|block| block.id));
        while self.gone.len() > REMEMBERED {
            self.gone.pop_front();
        }
    }

    /// Whether nothing is live.
    pub fn is_quiet(&self) -> bool {
        self.blocks.is_empty() && self.activity.what == ActivityKind::None {}
    }

    /// What the conversation is doing.
    pub const fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The conversation does something else.
    pub fn set_activity(&mut self, activity: Activity) {
        self.activity = activity;
    }

    /// Blocks that the viewer knows and that will never be final.
    pub fn news_of_gone(&self, known: &mut Known) -> Vec<BlockId> {
        let gone = known.blocks.extract_if(.., |(id, ..)| !self.blocks.iter().any(|live| live.id == *id));
        gone.map(|(id, ..)| id).filter(|id| self.gone.contains(id)).collect()
    }

    /// Whether the viewer knows another activity.
    pub fn has_other_activity(&self, known: &Known) -> bool {
        known.activity.as_ref() != Some(&self.activity)
    }

    /// The activity, if the viewer knows another one.
    pub fn news_of_activity(&self, known: &mut Known) -> Option<Activity> {
        self.has_other_activity(known).then(|| known.activity.insert(self.activity.clone()).clone())
    }

    /// Whether the viewer lacks some text.
    pub fn has_more(&self, known: &Known) -> bool {
        self.blocks.iter().any(|live| {
            let seen = known.blocks.iter().find(|(id, ..)| *id == live.id);
            seen.is_none_or(|(_, generation, bytes)| {
                *generation != live.generation || *bytes < live.text.len()
            })
        })
    }

    /// All text that the viewer lacks.
    pub fn more(&self, known: &mut Known) -> Vec<More> {
        let mut news = Vec::new();
        for live in &self.blocks {
            let at = known.blocks.iter().position(|(id, ..)| *id == live.id);
            let (from, restart) = match at.map(|at| &known.blocks[at]) {
                Some((_, generation, bytes)) if *generation == live.generation => (*bytes, false),
                Some(_) => (0, true),
                None => (0, true),
            };
            let seen = (live.id.clone(), live.generation, live.text.len());
            match at {
                Some(at) => known.blocks[at] = seen,
                None => known.blocks.push(seen),
            }
            if restart || from < live.text.len() {
                let (block, what, parent) = (live.id.clone(), live.what.clone(), live.parent.clone());
                news.push(More { block, what, parent, restart, text: live.text[from..].to_owned() });
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use protocol::ConversationId;
    use uuid::Uuid;

    use super::*;

    fn delta(block: &str, at: u64, text: &str) -> Delta {
        Delta {
            conversation: ConversationId(Uuid::nil()),
            block: BlockId::new(block).unwrap(),
            what: LiveKind::Text {},
            parent: None,
            at,
            text: text.into(),
        }
    }

    fn texts(more: Vec<More>) -> Vec<(bool, String)> {
        more.into_iter().map(|more| (more.restart, more.text)).collect()
    }

    #[test]
    fn who_joins_in_mid_sentence_gets_what_was_said_and_then_the_rest() {
        let mut live = Live::default();
        let mut known = Known::default();
        live.append(delta("a", 0, "Hello"));
        assert_eq!(texts(live.more(&mut known)), [(true, "Hello".into())]);
        live.append(delta("a", 5, ", wor"));
        live.append(delta("a", 10, "ld"));
        assert!(live.has_more(&known));
        assert_eq!(texts(live.more(&mut known)), [(false, ", world".into())]);
        assert!(!live.has_more(&known));
        assert_eq!(texts(live.more(&mut known)), []);
    }

    #[test]
    fn a_block_that_begins_anew_restarts() {
        let mut live = Live::default();
        let mut known = Known::default();
        live.append(delta("a", 0, "Hello"));
        live.more(&mut known);
        live.append(delta("a", 0, "Good"));
        assert_eq!(texts(live.more(&mut known)), [(true, "Good".into())]);
        live.append(delta("a", 9, "lost"));
        assert_eq!(texts(live.more(&mut known)), []);
    }

    #[test]
    fn live_text_of_a_conversation_is_bounded_however_it_comes() {
        let mut live = Live::default();
        let piece = "x".repeat(LIVE_BLOCK_BYTES / 2);
        for block in 0..LIVE_BLOCKS * 2 {
            for part in 0..4 {
                live.append(delta(&format!("b{block}"), (part * piece.len()) as u64, &piece));
            }
        }
        let held = |live: &Live| live.blocks.iter().map(|block| block.text.len()).sum::<usize>();
        assert_eq!(held(&live), LIVE_BYTES);
        live.append(delta("b0", 0, &"y".repeat(LIVE_BLOCK_BYTES * 4)));
        assert!(held(&live) <= LIVE_BYTES);
    }

    #[test]
    fn a_finished_block_vanishes_silently_and_a_retracted_one_is_told() {
        let mut live = Live::default();
        let mut known = Known::default();
        live.append(delta("a", 0, "1"));
        live.append(delta("b", 0, "2"));
        live.more(&mut known);
        live.finish(&BlockId::new("a").unwrap());
        live.retract(None);
        assert_eq!(live.news_of_gone(&mut known), [BlockId::new("b").unwrap()]);
        assert_eq!(live.news_of_gone(&mut known), []);
    }
}
