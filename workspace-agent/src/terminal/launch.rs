//! What runs in a terminal, and with which environment.

use protocol::ConversationId;
use protocol::terminal::CommandLine;

use crate::claude::launch::{shared_arguments, user_environment};
use crate::config::Config;
use crate::conversation::core::Launch;

/// What programs are told besides: what the terminal is, above all.
const TERM: [(&str, &str); 3] = [
    ("TERM", "xterm-256color"),
    ("COLORTERM", "truecolor"),
    // What is said in Claude's own screen becomes part of a log, and should outlive what kills the screen.
    ("CLAUDE_CODE_EAGER_FLUSH", "1"),
];

/// The shell's arguments, itself the first; with a command line, to run that.
pub fn shell(line: Option<&CommandLine>) -> Vec<String> {
    let shell = ["/bin/bash", "--login"].map(str::to_owned);
    let line = line.map(|line| ["-c".to_owned(), line.as_str().to_owned()]);
    shell.into_iter().chain(line.into_iter().flatten()).collect()
}

/// The arguments of Claude's own screen on a conversation's session, the program the first.
pub fn screen(config: &Config, launch: &Launch) -> Vec<String> {
    let program = config.claude.display().to_string();
    std::iter::once(program).chain(shared_arguments(launch)).collect()
}

/// The environment. The conversation, for Claude's own screen, is a hint for display.
pub fn environment(config: &Config, conversation: Option<ConversationId>) -> Vec<(String, String)> {
    let user = user_environment(config);
    let user = user.into_iter().map(|(name, value)| (name.to_owned(), value.to_string_lossy().into_owned()));
    let own = TERM.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let model = ("ANTHROPIC_BASE_URL".to_owned(), config.model_base_url(conversation));
    user.chain(own).chain(std::iter::once(model)).collect()
}
