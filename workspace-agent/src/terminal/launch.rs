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
pub fn arguments(what: &TerminalKind) -> anyhow::Result<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Ok(match what {
        TerminalKind::Shell {} => words(&["/bin/bash", "--login"]),
        TerminalKind::Command { line } => words(&["/bin/bash", "--login", "-c", line.as_str()]),
        TerminalKind::Claude { .. } | TerminalKind::Other => {
            anyhow::bail!("there is no program for what is wanted")
        }
    })
}

/// The environment.
pub fn environment(config: &Config) -> Vec<(String, String)> {
    let user = user_environment(config);
    let user = user.into_iter().map(|(name, value)| (name.to_owned(), value.to_string_lossy().into_owned()));
    let own = TERM.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let model = ("ANTHROPIC_BASE_URL".to_owned(), config.model_base_url(None));
    user.chain(own).chain(std::iter::once(model)).collect()
}
