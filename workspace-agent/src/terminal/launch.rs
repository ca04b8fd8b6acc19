//! What runs in a terminal, and with which environment.

use protocol::terminal::TerminalKind;

use crate::claude::launch::user_environment;
use crate::config::Config;

/// What programs are told the terminal is.
const TERM: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];

/// The program and its arguments.
///
/// # Errors
/// When there is none for what is wanted.
pub fn arguments(
    config: &Config,
    what: &TerminalKind,
    session: Option<&Session>,
) -> anyhow::Result<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Ok(match what {
        TerminalKind::Shell {} => words(&["/bin/bash", "--login"]),
        TerminalKind::Command { line } => words(&["/bin/bash", "--login", "-c", line.as_str()]),
        TerminalKind::Claude { .. } => {
            let session = session.ok_or_else(|| anyhow::anyhow!("the conversation is not held"))?;
            let take_up = if session.resume { "--resume" } else { "--session-id" };
            let claude = config.claude.display().to_string();
            words(&[&claude, take_up, &session.id, "--permission-mode", "default", "--add-dir=/workspace"])
        }
        TerminalKind::Other => anyhow::bail!("this workspace-agent doesn't know what is to run"),
    })
}

/// The environment.
pub fn environment(config: &Config, what: &TerminalKind) -> Vec<(String, String)> {
    let conversation = match what {
        TerminalKind::Claude { conversation } => Some(*conversation),
        TerminalKind::Shell {} | TerminalKind::Command { .. } | TerminalKind::Other => None,
    };
    let user = user_environment(config);
    let user = user.into_iter().map(|(name, value)| (name.to_owned(), value.to_string_lossy().into_owned()));
    let own = TERM.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let model = ("ANTHROPIC_BASE_URL".to_owned(), config.model_base_url(conversation));
    user.chain(own).chain(std::iter::once(model)).collect()
}

/// The CLI's session of a conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// It was begun.
    pub resume: bool,
}
