//! The CLI's command line and environment.

use std::ffi::OsString;
use std::process::Stdio;

use protocol::ConversationId;
use tokio::process::Command;

use crate::config::Config;
use crate::conversation::core::Launch;
use crate::process::Mark;

/// What stands where a credential is expected. The real one never enters the container.
pub const PLACEHOLDER_CREDENTIAL: &str = "held-by-the-control-plane";

/// Tools that reach into other sessions of the same user; nobody asked for that.
const DISALLOWED_TOOLS: &str = "SendMessage,ListAgents";

/// The CLI's arguments, for a conversation in the chat.
pub fn arguments(launch: &Launch) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "-p",
        "--input-format=stream-json",
        "--output-format=stream-json",
        "--verbose",
        "--include-partial-messages",
        "--permission-prompt-tool=stdio",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.extend(shared_arguments(launch));
    arguments
}

/// The arguments that Claude's own screen has, too.
pub fn shared_arguments(launch: &Launch) -> Vec<String> {
    let session = if launch.resume { "--resume" } else { "--session-id" };
    let mut arguments = vec![
        session.to_owned(),
        launch.session.clone(),
        // Its real name is another; both are where work happens.
        "--add-dir=/workspace".to_owned(),
        format!("--permission-mode={}", launch.settings.mode.as_str()),
        format!("--disallowedTools={DISALLOWED_TOOLS}"),
    ];
    if let Some(model) = &launch.settings.model {
        arguments.push(format!("--model={model}"));
    }
    if launch.allow_bypass {
        arguments.push("--allow-dangerously-skip-permissions".to_owned());
    }
    arguments
}

/// The environment of everything that runs as the user. Nothing secret is in it: every command that Claude runs
/// can read it.
pub fn user_environment(config: &Config) -> Vec<(&'static str, OsString)> {
    let home = &config.home;
    vec![
        ("HOME", home.clone().into()),
        ("USER", config.user_name.clone().into()),
        ("LOGNAME", config.user_name.clone().into()),
        ("SHELL", "/bin/bash".into()),
        ("LANG", "C.UTF-8".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("PATH", config.user_path().into()),
        ("TMPDIR", home.join(".cache/tmp").into()),
        ("CLAUDE_CODE_TMPDIR", home.join(".cache/tmp").into()),
        ("ANTHROPIC_AUTH_TOKEN", PLACEHOLDER_CREDENTIAL.into()),
        ("DISABLE_AUTOUPDATER", "1".into()),
        ("DISABLE_TELEMETRY", "1".into()),
        ("DISABLE_ERROR_REPORTING", "1".into()),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into()),
        ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1".into()),
        // The container is the sandbox; this only spares a question about trust.
        ("CLAUDE_CODE_SANDBOXED", "1".into()),
    ]
}

/// The command that becomes the CLI, for `conversation`.
pub fn command(config: &Config, conversation: ConversationId, launch: &Launch, mark: Mark) -> Command {
    let mut command = config.exec_as(mark, &config.workspace);
    command.arg(&config.claude).args(arguments(launch));
    command.env_clear().envs(user_environment(config));
    command.env("ANTHROPIC_BASE_URL", config.model_base_url(Some(conversation)));
    command.env("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1");
    command.env("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1");
    command.env("CLAUDE_CODE_EAGER_FLUSH", "1");
    if launch.continue_turn {
        command.env("CLAUDE_CODE_RESUME_INTERRUPTED_TURN", "1");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
