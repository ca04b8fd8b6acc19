//! What a prompt asked, from the log: for whoever has to write down what was answered.

use protocol::prompt::Prompt;
use protocol::{Event, EventBody, PromptId};

use super::conversation::ConversationHub;
use crate::store::StoreError;

/// How many events are looked at for a prompt. One that is open is among the newest: its turn waits for the answer.
const LOOKED_AT: u64 = 2_000;
/// Bytes of them that are read at a time.
const READ_BYTES: usize = 1024 * 1024;

impl ConversationHub {
    /// Whether a prompt waits for an answer, as far as the log says.
    pub fn is_open(&self, prompt: &PromptId) -> bool {
        self.lock().core.summary().prompts.contains(prompt)
    }

    /// A prompt as it was asked; `None` if that is too long ago.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn prompt(&self, id: &PromptId) -> Result<Option<Prompt>, StoreError> {
        let held = self.lock().core.ring.newest().find_map(|line| asked(&line.json, id));
        if held.is_some() {
            return Ok(held);
        }
        let mut before = self.lock().core.ring.first();
        let oldest = before.saturating_sub(LOOKED_AT).max(1);
        while before > oldest {
            let segments =
                self.store().segments_before(self.id(), before, before - oldest, READ_BYTES).await?;
            let lines = segments.iter().filter_map(|segment| std::str::from_utf8(&segment.lines).ok());
            let found = lines.flat_map(str::lines).find_map(|line| asked(line, id));
            let (None, Some(last)) = (&found, segments.last()) else { return Ok(found) };
            before = last.first;
        }
        Ok(None)
    }
}

/// The prompt that an event asks, if it is that one.
fn asked(json: &str, id: &PromptId) -> Option<Prompt> {
    // Most events are something else, and need not be read for that.
    if !json.contains("prompt_asked") {
        return None;
    }
    let EventBody::PromptAsked(prompt) = serde_json::from_str::<Event>(json).ok()?.body else { return None };
    (prompt.prompt == *id).then_some(prompt)
}
