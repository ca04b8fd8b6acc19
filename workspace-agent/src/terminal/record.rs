//! Recordings: asciicast v2, on the user's volume.
//!
//! The file is written by a child that runs as the user, since the place is theirs. The terminal never waits for it: what
//! doesn't fit into the queue ends the recording, and the view says so.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;
use protocol::terminal::{Size, TerminalView};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Shared;

/// The folder for recordings, in the workspace.
const FOLDER: &str = "recordings";
/// The largest recording.
const RECORDING_BYTES: u64 = 64 * 1024 * 1024;
/// Lines that wait to be written. The disk has so long to catch up with what programs print.
const LINES: usize = 512;
/// How long the last lines may take.
const LAST_LINES: std::time::Duration = std::time::Duration::from_secs(2);

/// A recording that goes on.
#[derive(Debug)]
pub struct Recorder {
    file: String,
    lines: mpsc::Sender<String>,
    writer: JoinHandle<anyhow::Result<()>>,
    since: Instant,
    written: u64,
    /// The beginning of a character whose rest has not been printed yet.
    partial: Vec<u8>,
    trouble: Option<String>,
}

impl Recorder {
    /// Starts one.
    ///
    /// # Errors
    /// When the writer can't be started.
    pub fn start(shared: &Shared, view: &TerminalView) -> anyhow::Result<Self> {
        let path = shared.config.workspace.join(FOLDER).join(file_name(view));
        let mark = shared.processes.new_mark();
        let mut command = shared.config.own_as_user(mark, &shared.config.workspace);
        command.arg("keep").arg("--file").arg(&path).arg(format!("--most={RECORDING_BYTES}"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = shared.processes.spawn(&mut command)?;
        let stdin = child.child().stdin.take().context("the writer has no input")?;
        let (lines, queue) = mpsc::channel(LINES);
        let writer = shared.processes.tasks().spawn(async move {
            let written = write(stdin, queue).await;
            let status = child.wait().await?;
            anyhow::ensure!(status.success(), "the file can't be written");
            written
        });
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header = json!({
            "version": 2, "width": view.size.cols, "height": view.size.rows, "timestamp": seconds,
            "title": view.name, "env": { "TERM": "xterm-256color", "SHELL": "/bin/bash" },
        });
        let mut recorder = Self {
            file: path.display().to_string(),
            lines,
            writer,
            since: Instant::now(),
            written: 0,
            partial: Vec::new(),
            trouble: None,
        };
        recorder.line(header.to_string());
        Ok(recorder)
    }

    /// Where it is.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The program printed something.
    pub fn printed(&mut self, bytes: &[u8]) {
        let text = whole_characters(&mut self.partial, bytes);
        if !text.is_empty() {
            self.event("o", &text);
        }
    }

    /// The size is another one.
    pub fn resized(&mut self, size: Size) {
        self.event("r", &format!("{}x{}", size.cols, size.rows));
    }

    fn event(&mut self, what: &str, data: &str) {
        let seconds = self.since.elapsed().as_secs_f64();
        self.line(json!([seconds, what, data]).to_string());
    }

    fn line(&mut self, mut line: String) {
        line.push('\n');
        self.written += line.len() as u64;
        if self.written > RECORDING_BYTES {
            self.trouble = Some(format!("it has reached its largest size, {RECORDING_BYTES} bytes"));
        } else if self.writer.is_finished() {
            self.trouble = Some(format!("{} can't be written", self.file));
        } else if self.lines.try_send(line).is_err() {
            self.trouble = Some("the disk was too slow for it".to_owned());
        }
    }

    /// Why it can't go on, if it can't.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    /// Has the last lines written.
    pub async fn finish(self) {
        drop(self.lines);
        let _ = tokio::time::timeout(LAST_LINES, self.writer).await;
    }
}

async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) -> anyhow::Result<()> {
    while let Some(line) = lines.recv().await {
        stdin.write_all(line.as_bytes()).await?;
    }
    Ok(())
}

/// The text of bytes, without a character at their end that is not whole: that waits for the next ones.
fn whole_characters(partial: &mut Vec<u8>, bytes: &[u8]) -> String {
    partial.extend_from_slice(bytes);
    let end = match std::str::from_utf8(partial) {
        Ok(_) => partial.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => {
            // Whatever is wrong in the middle is replaced; only the end may become whole yet.
            let tail = partial.iter().rev().take(3).position(|byte| *byte >= 0xc0);
            tail.map_or(partial.len(), |back| {
                let start = partial.len() - 1 - back;
                let is_open =
                    std::str::from_utf8(&partial[start..]).is_err_and(|error| error.error_len().is_none());
                if is_open { start } else { partial.len() }
            })
        }
    };
    let rest = partial.split_off(end);
    let text = String::from_utf8_lossy(partial).into_owned();
    *partial = rest;
    text
}

/// A name that says which terminal it was and when, and that is nothing but a name.
fn file_name(view: &TerminalView) -> PathBuf {
    let plain = |character: char| if character.is_alphanumeric() { character } else { '-' };
    let name: String = view.name.as_str().chars().take(40).map(plain).collect();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    PathBuf::from(format!("{name}-{seconds}-{}.cast", &view.id.to_string()[..8]))
}

/// `workspace-agent keep`, run as the user: writes what it reads into a new file, up to a size.
#[derive(Args, Clone, Debug)]
pub struct Keep {
    /// The file.
    #[arg(long)]
    file: PathBuf,
    /// The most bytes.
    #[arg(long)]
    most: u64,
}

impl Keep {
    /// Writes until there is no more to read.
    ///
    /// # Errors
    /// When the file can't be made or written.
    pub fn run(&self) -> anyhow::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&self.file)?;
        let mut input = std::io::Read::take(std::io::stdin().lock(), self.most);
        std::io::copy(&mut input, &mut file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn a_character_in_two_pieces_is_recorded_whole() {
        let mut partial = Vec::new();
        let text = "가나 😀 다".as_bytes();
        for cut in 0..text.len() {
            let both =
                whole_characters(&mut partial, &text[..cut]) + &whole_characters(&mut partial, &text[cut..]);
            assert_eq!(both, "가나 😀 다");
        }
        assert_eq!(whole_characters(&mut partial, b"a\xff\xea\xb0"), "a\u{fffd}");
        assert_eq!(whole_characters(&mut partial, b"\x80!"), "가!");
    }
}
