//! `workspace-agent seed-home`, run as the user: what a fresh home needs so that neither the CLI nor a shell greets
//! with a dialog. What is there already is left alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

/// The command line of `seed-home`.
#[derive(Args, Clone, Debug)]
pub struct SeedHome {
    /// The home.
    #[arg(long)]
    home: PathBuf,
    /// Where work happens, as its real path.
    #[arg(long)]
    workspace: PathBuf,
}

impl SeedHome {
    /// Makes what is missing.
    ///
    /// # Errors
    /// When the home can't be written.
    pub fn run(&self) -> io::Result<()> {
        for dir in [".claude", ".cache/tmp", ".local/bin"] {
            fs::create_dir_all(self.home.join(dir))?;
        }
        let workspace = self.workspace.canonicalize().unwrap_or_else(|_| self.workspace.clone());
        let trusted = |path: &Path| (path.display().to_string(), json!({ "hasTrustDialogAccepted": true }));
        let projects: serde_json::Map<_, _> =
            [trusted(&workspace), trusted(&self.workspace)].into_iter().collect();
        let claude = json!({
            "hasCompletedOnboarding": true,
            "hasSeenAutoDefaultNotice": true,
            "projects": projects,
        });
        let settings = json!({
            "permissions": { "disableAutoMode": "disable", "defaultMode": "default" },
            "skipDangerousModePermissionPrompt": true,
            // Transcripts are what a conversation is resumed from; the CLI would delete them after a month.
            "cleanupPeriodDays": 36_500,
        });
        write_new(&self.home.join(".claude.json"), &claude.to_string())?;
        write_new(&self.home.join(".claude/settings.json"), &settings.to_string())?;
        for name in [".profile", ".bashrc", ".bash_logout"] {
            if let Ok(skeleton) = fs::read_to_string(Path::new("/etc/skel").join(name)) {
                write_new(&self.home.join(name), &skeleton)?;
            }
        }
        Ok(())
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let seed = SeedHome { home: home.path().to_owned(), workspace: home.path().join("workspace") };
        seed.run().unwrap();
        let settings = home.path().join(".claude/settings.json");
        assert!(fs::read_to_string(&settings).unwrap().contains("36500"));
        fs::write(&settings, "mine").unwrap();
        seed.run().unwrap();
        assert_eq!(fs::read_to_string(&settings).unwrap(), "mine");
    }
}
