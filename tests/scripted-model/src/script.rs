//! Which script a conversation follows and which of its steps is due. Pure.
//!
//! The script is the newest user prompt with directive lines; every assistant message after it is a step done. A
//! newer prompt without directives ends the script. Texts that the CLI adds by itself (reminders, notes of an
//! interruption) are no prompts.

use crate::directive;
use crate::request::{Message, Role};

/// The script in force.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Script<'a> {
    /// The prompt that decides: the script's, or the newest plain one.
    pub(crate) prompt: &'a str,
    /// Its directive lines; none for a plain prompt.
    pub(crate) lines: Vec<&'a str>,
    /// How many steps are already done.
    pub(crate) step: usize,
}

impl<'a> Script<'a> {
    /// The line that is due; none for a plain prompt and after the last step.
    pub(crate) fn due(&self) -> Option<&'a str> {
        self.lines.get(self.step).copied()
    }
}

/// Finds the script that `messages` follow.
pub(crate) fn find<'a>(messages: &'a [Message<'_>]) -> Script<'a> {
    let mut step = 0;
    for message in messages.iter().rev() {
        match message.role {
            Role::Assistant => step += 1,
            Role::Other => {}
            Role::User => {
                let lines = newest_prompt(message).map(directive_lines).unwrap_or_default();
                if !lines.is_empty() || ends_a_script(message) {
                    return Script { prompt: said(message).unwrap_or_default(), lines, step };
                }
            }
        }
    }
    Script { prompt: "", lines: Vec::new(), step: 0 }
}

/// The newest text that a user message says, reminders aside.
pub(crate) fn last_said<'a>(messages: &'a [Message<'_>]) -> &'a str {
    let users = messages.iter().rev().filter(|message| message.role == Role::User);
    users.into_iter().find_map(said).unwrap_or_default()
}

fn directive_lines(prompt: &str) -> Vec<&str> {
    prompt.lines().map(str::trim).filter(|line| directive::is_directive(line)).collect()
}

/// The newest text of a message that a user can have written.
fn newest_prompt<'a>(message: &'a Message<'_>) -> Option<&'a str> {
    message
        .content
        .texts()
        .rfind(|text| is_said(text) && !text.trim_start().starts_with("[Request interrupted"))
}

fn said<'a>(message: &'a Message<'_>) -> Option<&'a str> {
    newest_prompt(message).or_else(|| message.content.texts().rfind(|text| is_said(text)))
}

/// A text beside a tool's result is no new prompt: the script goes on.
fn ends_a_script(message: &Message<'_>) -> bool {
    !message.content.has_tool_result() && message.content.texts().any(is_said)
}

fn is_said(text: &str) -> bool {
    let text = text.trim_start();
    !text.is_empty() && !text.starts_with("<system-reminder>")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{find, last_said};
    use crate::request::MessagesRequest;

    /// Finds the script of `messages`: its due line, step, number of lines and prompt.
    fn found(messages: serde_json::Value) -> (Option<String>, usize, usize, String) {
        let body = json!({"model": "m", "messages": messages}).to_string();
        let request = MessagesRequest::parse(body.as_bytes()).unwrap();
        let script = find(&request.messages);
        (script.due().map(str::to_owned), script.step, script.lines.len(), script.prompt.to_owned())
    }

    fn user(text: &str) -> serde_json::Value {
        json!({"role": "user", "content": [{"type": "text", "text": text}]})
    }

    fn tool_result(and: &[&str]) -> serde_json::Value {
        let mut blocks = vec![json!({"type": "tool_result", "tool_use_id": "t", "content": "done"})];
        blocks.extend(and.iter().map(|text| json!({"type": "text", "text": text})));
        json!({"role": "user", "content": blocks})
    }

    fn assistant() -> serde_json::Value {
        json!({"role": "assistant", "content": [{"type": "text", "text": "well"}]})
    }

    #[test]
    fn directive_lines_are_the_steps_and_other_lines_are_prose() {
        let prompt = "please do\nTOOL:Bash ls\n  THINK hard\nand then\nTEXT bye";
        assert_eq!(found(json!([user(prompt)])), (Some("TOOL:Bash ls".into()), 0, 3, prompt.into()));
    }

    #[test]
    fn each_assistant_message_after_the_prompt_is_a_step_done() {
        let prompt = "TOOL:Bash ls\nTEXT bye";
        let mut messages = vec![user("TEXT old"), assistant(), user(prompt), assistant(), tool_result(&[])];
        let (due, step, ..) = found(json!(messages));
        assert_eq!((due.as_deref(), step), (Some("TEXT bye"), 1));
        messages.push(assistant());
        assert_eq!(found(json!(messages)).0, None, "after the last step nothing is due");
    }

    #[test]
    fn a_newer_plain_prompt_ends_the_script() {
        let messages = json!([user("TOOL:Bash ls"), assistant(), user("hello")]);
        assert_eq!(found(messages), (None, 0, 0, "hello".into()));
    }

    #[test]
    fn texts_the_cli_adds_are_no_prompts() {
        let reminder = "<system-reminder>\nTEXT not this\n</system-reminder>";
        let prompt = json!({"role": "user", "content": [
            {"type": "text", "text": reminder}, {"type": "text", "text": "SLOW 3"}, {"type": "text", "text": reminder}]});
        assert_eq!(found(json!([prompt.clone()])).0.as_deref(), Some("SLOW 3"));
        let environment = json!({"role": "system", "content": "TEXT nor this"});
        let folded = tool_result(&[reminder, "a note beside a result"]);
        assert_eq!(found(json!([prompt, environment, assistant(), folded])).1, 1, "the script goes on");
    }

    #[test]
    fn the_note_of_an_interruption_before_a_prompt_is_passed_over() {
        let message = json!({"role": "user", "content": [
            {"type": "text", "text": "[Request interrupted by user]"}, {"type": "text", "text": "ECHO again"}]});
        assert_eq!(found(json!([user("SLOW 9"), message])).0.as_deref(), Some("ECHO again"));
        let alone = json!([user("SLOW 9"), user("[Request interrupted by user]")]);
        assert_eq!(found(alone), (None, 0, 0, "[Request interrupted by user]".into()));
    }

    #[test]
    fn a_conversation_without_any_prompt_has_no_script() {
        assert_eq!(found(json!([assistant()])), (None, 0, 0, String::new()));
    }

    #[test]
    fn the_last_text_said_may_stand_beside_a_result() {
        let messages = json!([user("TOOL:Bash ls"), assistant(), tool_result(&["look here"])]);
        let body = json!({"model": "m", "messages": messages}).to_string();
        assert_eq!(last_said(&MessagesRequest::parse(body.as_bytes()).unwrap().messages), "look here");
    }
}
