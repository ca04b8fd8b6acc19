//! Prompts that are open, and the answers to them.

use protocol::close::ErrorCode;
use protocol::event::{Person, Trouble};
use protocol::limits::LINE_BYTES;
use protocol::prompt::{Decision, Prompt, PromptKind, Suggestion, Withdrawal};
use protocol::settings::Mode;
use protocol::{EventBody, ItemId, PromptId, ToolUseId};
use serde_json::Value;

use super::{Conversation, Effect};
use crate::claude::events::Draft;
use crate::claude::lines::Request;
use crate::claude::{outgoing, prompts};

/// Prompts that are open at a time, as many as everybody keeps track of. Claude asks as many as it calls tools at once, a
/// handful; beyond this something else is asking.
const MAX_PROMPTS: usize = 64;
/// What is kept for answers at a time. The longest line fits.
const PROMPTS_BYTES: usize = LINE_BYTES;

/// A prompt from its asking until the CLI has taken an answer or doesn't want one any more.
#[derive(Debug)]
pub(super) struct OpenPrompt {
    /// As it was told.
    pub(super) prompt: Prompt,
    /// What the tool would be given, as JSON: the smallest form of something that may be large and is looked at once.
    pub(super) input: String,
    /// The CLI's suggestions as it wrote them, as JSON.
    pub(super) suggestions: String,
    pub(super) loosest: Vec<Option<Mode>>,
    /// A person answered; there is no sign yet that the CLI took it.
    pub(super) answered: bool,
}

impl OpenPrompt {
    /// A prompt as the journal has it. Nobody can answer it any more.
    pub(super) const fn of_journal(prompt: Prompt) -> Self {
        Self {
            prompt,
            input: String::new(),
            suggestions: String::new(),
            loosest: Vec::new(),
            answered: false,
        }
    }

    /// Whether it is this one.
    pub(super) fn is(&self, prompt: &PromptId) -> bool {
        self.prompt.prompt == *prompt
    }

    /// What it keeps for the answer, in bytes.
    const fn held_bytes(&self) -> usize {
        self.input.len() + self.suggestions.len()
    }

    /// The line that tells the CLI of the answer. What was kept for it goes.
    fn answered(&mut self, decision: &Decision) -> String {
        self.answered = true;
        let id = self.prompt.prompt.as_str();
        let input = std::mem::take(&mut self.input);
        let suggestions = std::mem::take(&mut self.suggestions);
        match (decision, self.prompt.ask) {
            (Decision::Deny { .. }, PromptKind::Form) => outgoing::decline_form(id),
            _ => {
                let input: Value = serde_json::from_str(&input).unwrap_or_default();
                let suggestions: Vec<Value> = serde_json::from_str(&suggestions).unwrap_or_default();
                outgoing::answer(id, decision, &input, &suggestions)
            }
        }
    }

    /// Whether it still waits for a person.
    pub(super) const fn is_open(&self) -> bool {
        !self.answered
    }
}

impl Conversation {
    /// The CLI wants to know something.
    pub(super) fn asked(&mut self, request: Request) {
        let id = request.request_id.clone();
        let raw = request.request.to_string();
        let Some(asked) = prompts::read(request) else {
            self.append_draft(Draft::opaque(&raw));
            return self.refuse(&id);
        };
        if self.prompts.iter().any(|open| open.is(&asked.prompt.prompt)) {
            return;
        }
        let open = OpenPrompt {
            prompt: asked.prompt.clone(),
            input: asked.input.to_string(),
            suggestions: Value::Array(asked.suggestions).to_string(),
            loosest: asked.prompt.suggestions.iter().map(suggested_mode).collect(),
            answered: false,
        };
        let held: usize = self.prompts.iter().map(OpenPrompt::held_bytes).sum();
        if self.prompts.len() >= MAX_PROMPTS || held + open.held_bytes() > PROMPTS_BYTES {
            self.trouble(Trouble::Garbled, format!("more than can be asked at a time: {}", open.prompt.tool));
            return self.refuse(&id);
        }
        self.prompts.push(open);
        self.append_draft(Draft { event: EventBody::PromptAsked(asked.prompt), bodies: asked.bodies });
    }

    /// Answers a request that isn't served. For a tool it means a denial. What has no proper id gets no answer.
    fn refuse(&mut self, id: &str) {
        if id.len() <= PromptId::MAX {
            self.effects.push(Effect::Write(outgoing::unsupported(id)));
        }
    }

    /// A person answered.
    pub(super) fn answer(&mut self, item: ItemId, by: Person, prompt: &PromptId, decision: Decision) {
        if self.is_repeat(item) {
            return;
        }
        let allow_bypass = self.policy.allow_bypass;
        let open = self.prompts.iter_mut().find(|open| open.is(prompt) && open.is_open());
        let Some(open) = open else {
            return self.settle(item, Some(ErrorCode::PromptClosed));
        };
        if !decision.fits(open.prompt.ask) || (loosens(open, &decision) && !allow_bypass) {
            return self.settle(item, Some(ErrorCode::Forbidden));
        }
        let line = open.answered(&decision);
        self.seen.insert(item);
        self.append(EventBody::PromptAnswered { prompt: prompt.clone(), item, by, decision });
        self.effects.push(Effect::Write(line));
        self.watch.heard(self.now.mono);
    }

    /// The CLI no longer wants an answer.
    pub(super) fn withdrawn(&mut self, request_id: &str) {
        let stopping = self.turn.as_ref().is_some_and(|turn| turn.stop_asked);
        let why = if stopping { Withdrawal::Stopped } else { Withdrawal::Claude };
        let Some(at) = self.prompts.iter().position(|open| open.prompt.prompt.as_str() == request_id) else {
            return;
        };
        let open = self.prompts.remove(at);
        self.close_prompt(&open, why);
    }

    /// The process ended: its prompts went with it.
    pub(super) fn lose_prompts(&mut self) {
        for open in std::mem::take(&mut self.prompts) {
            self.close_prompt(&open, Withdrawal::LostWithProcess);
        }
    }

    fn close_prompt(&mut self, open: &OpenPrompt, why: Withdrawal) {
        let prompt = open.prompt.prompt.clone();
        self.append(EventBody::PromptWithdrawn { prompt, why, answer_not_taken: open.answered });
    }

    /// A sign that the CLI took the answers that it was given: all of them, or the one for this call.
    pub(super) fn answers_taken(&mut self, call: Option<&ToolUseId>) {
        let before = self.prompts.len();
        self.prompts.retain(|open| {
            let meant = call.is_none() || open.prompt.tool_use.as_ref() == call;
            !(open.answered && meant)
        });
        if self.prompts.len() < before {
            self.effects.push(Effect::MarkTaken);
        }
    }

    /// Takes the journal's mark that the answers so far were taken.
    pub fn replay_answers_taken(&mut self) {
        self.prompts.retain(OpenPrompt::is_open);
    }
}

fn suggested_mode(suggestion: &Suggestion) -> Option<Mode> {
    match suggestion {
        Suggestion::Mode { mode, .. } => Some(*mode),
        Suggestion::Rules { .. } | Suggestion::Directories { .. } => None,
    }
}

/// Whether the answer would switch permissions off.
fn loosens(open: &OpenPrompt, decision: &Decision) -> bool {
    let Decision::Allow { suggestion, mode } = decision else { return false };
    let suggested =
        suggestion.and_then(|index| open.loosest.get(usize::try_from(index).ok()?).copied().flatten());
    [*mode, suggested].contains(&Some(Mode::BypassPermissions))
}
