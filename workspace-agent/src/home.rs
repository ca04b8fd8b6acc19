//! `workspace-agent seed-home`, run as the user: what a fresh home needs so that neither the CLI nor a shell greets
//! with a dialog. What is there already is left alone.

use std::fs;
use std::io;
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
    /// Makes what is missing, as far as it can be made.
    ///
    /// # Errors
    /// The first thing that could not be made; the rest was made all the same.
    pub fn run(&self) -> io::Result<()> {
        let mut made = Ok(());
        let mut note = |result: io::Result<()>| {
            if made.is_ok() {
                made = result;
            }
        };
        for dir in [".claude", ".cache/tmp", ".local/bin"] {
            note(fs::create_dir_all(self.home.join(dir)));
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
        note(write_new(&self.home.join(".claude.json"), &claude.to_string()));
        note(write_new(&self.home.join(".claude/settings.json"), &settings.to_string()));
        for name in [".profile", ".bashrc", ".bash_logout"] {
            if let Ok(skeleton) = fs::read_to_string(Path::new("/etc/skel").join(name)) {
                note(write_new(&self.home.join(name), &skeleton));
            }
        }
        made
    }
}

/// Writes a file that isn't there yet: all of it, or, on a full disk, nothing that would be taken for it later.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
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

    #[test]
    fn what_cannot_be_made_does_not_keep_the_rest_from_being_made() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".claude"), "").unwrap();
        let seed = SeedHome { home: home.path().to_owned(), workspace: home.path().join("workspace") };
        assert!(seed.run().is_err());
        assert!(home.path().join(".claude.json").exists() && home.path().join(".local/bin").exists());
    }

    #[test]
    fn a_file_that_could_not_be_written_whole_is_not_there() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".claude.json");
        // Writing to it fails with "no space left on device".
        std::os::unix::fs::symlink("/dev/full", home.path().join(".claude.json.new")).unwrap();
        assert!(write_new(&path, "{}").is_err());
        assert!(!path.exists());
        assert!(write_new(&path, "{}").is_ok() && path.exists());
    }
}
