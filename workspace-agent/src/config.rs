//! What the workspace-agent is told at its start. Nothing of it is secret: the one secret, the enrolment token,
//! comes as a file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use clap::Args;
use protocol::ConversationId;
use tokio::process::Command;

use crate::process::Mark;

/// Where the image keeps its own lists of users and groups.
const IMAGE_USERS: &str = "/usr/local/share/atelier";
/// Where `/etc/passwd` and `/etc/group` point.
const USERS: &str = "/run/atelier";

/// The configuration, by flag or environment.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Where the control plane's link port is: host and port.
    #[arg(long, env = "ATELIER_LINK")]
    pub link: String,
    /// The user and group that user code runs as.
    #[arg(long, env = "ATELIER_UID")]
    pub uid: u32,
    /// How many processes the user may have; below the container's limit, so that PID 1 can always fork.
    #[arg(long, env = "ATELIER_NPROC", default_value_t = 448)]
    pub nproc: u64,
    /// What the user is called inside.
    #[arg(long, env = "ATELIER_USER_NAME", default_value = "user")]
    pub user_name: String,
    /// The user's home, on the user's volume.
    #[arg(long, env = "ATELIER_HOME", default_value = "/home/user")]
    pub home: PathBuf,
    /// Where work happens.
    #[arg(long, env = "ATELIER_WORKSPACE", default_value = "/workspace")]
    pub workspace: PathBuf,
    /// The state volume.
    #[arg(long, env = "ATELIER_STATE", default_value = "/var/lib/atelier")]
    pub state: PathBuf,
    /// The CLI.
    #[arg(long, env = "ATELIER_CLAUDE", default_value = "/usr/local/bin/claude")]
    pub claude: PathBuf,
    /// Where the model gateway's near end listens, on loopback.
    #[arg(long, env = "ATELIER_MODEL_PORT", default_value_t = 8787)]
    pub model_port: u16,
    /// This program, if it is not the one that runs.
    #[arg(skip)]
    pub program: Option<PathBuf>,
}

impl Config {
    /// A command that becomes the user, wears `mark`, starts in `dir`, and waits for the program's name and its
    /// arguments.
    pub fn exec_as(&self, mark: Mark, dir: &Path) -> Command {
        let argv = self.exec_as_argv(mark, dir);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]);
        command
    }

    /// A command that is this program again, as the user, without any environment, and waits for what it is to do.
    pub fn own_as_user(&self, mark: Mark, dir: &Path) -> Command {
        let mut command = self.exec_as(mark, dir);
        command.arg(self.program()).env_clear().stdin(Stdio::null());
        command
    }

    /// This program, to be started again as something else.
    pub fn program(&self) -> PathBuf {
        let running =
            || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/local/bin/workspace-agent"));
        self.program.clone().unwrap_or_else(running)
    }

    /// The same as a list of arguments, the program's first.
    pub fn exec_as_argv(&self, mark: Mark, dir: &Path) -> Vec<OsString> {
        vec![
            self.program().into(),
            "exec-as".into(),
            format!("--uid={}", self.uid).into(),
            format!("--gid={}", self.uid).into(),
            format!("--mark={}", mark.gid()).into(),
            format!("--nproc={}", self.nproc).into(),
            "--dir".into(),
            dir.into(),
            "--".into(),
        ]
    }

    /// The user's `PATH`: their own programs first.
    pub fn user_path(&self) -> String {
        let home = self.home.display();
        format!("{home}/.local/bin:/usr/local/bin:/usr/bin:/bin")
    }

    /// The model's base URL for user code. The conversation in it is a hint for display, not to be trusted.
    pub fn model_base_url(&self, conversation: Option<ConversationId>) -> String {
        let port = self.model_port;
        match conversation {
            Some(conversation) => format!("http://127.0.0.1:{port}/c/{conversation}"),
            None => format!("http://127.0.0.1:{port}"),
        }
    }

    /// Where conversations keep their journals.
    pub fn conversations(&self) -> PathBuf {
        self.state.join("conversations")
    }

    /// Gives the user a name: the image's root is read-only, so its list of users is a link to a file of ours.
    ///
    /// # Errors
    /// When the list can't be written.
    pub fn name_user(&self) -> std::io::Result<()> {
        let (uid, name, home) = (self.uid, &self.user_name, self.home.display());
        let lines = [
            ("passwd", format!("{name}:x:{uid}:{uid}::{home}:/bin/bash\n")),
            ("group", format!("{name}:x:{uid}:\n")),
        ];
        for (list, line) in lines {
            let known = std::fs::read_to_string(Path::new(IMAGE_USERS).join(list))?;
            std::fs::write(Path::new(USERS).join(list), known + &line)?;
        }
        Ok(())
    }

    /// Makes the folders that must be there, and checks that the state volume is ours alone.
    ///
    /// # Errors
    /// What is wrong with the state volume.
    pub fn prepare(&self) -> anyhow::Result<()> {
        let state = &self.state;
        std::fs::create_dir_all(self.conversations())
            .with_context(|| format!("{} is not writable", state.display()))?;
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(state)?);
        anyhow::ensure!(mode & 0o077 == 0, "{} is open to others (mode {mode:o})", state.display());
        Ok(())
    }
}
