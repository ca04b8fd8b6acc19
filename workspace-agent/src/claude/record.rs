//! The CLI's own records, read as the user: which sessions are open in Claude's own screen, and what that added to them.
//!
//! Both lie in the user's home, where user code can put anything. So a child that runs as the user reads them
//! ([`OpenSessions`], [`SessionRows`]), and what it says is bounded here, in size and in time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use protocol::limits::LINE_BYTES;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::rows::{Added, Reader};
use crate::config::Config;
use crate::process::{Processes, started_at};

/// Rows that are taken of a session at a time, in bytes.
const ROWS_BYTES: u64 = 8 * 1024 * 1024;
/// What is heard of open sessions, in bytes.
const SESSIONS_BYTES: u64 = 256 * 1024;
/// One session's own file, in bytes.
const SESSION_BYTES: u64 = 64 * 1024;
/// Sessions that are told of at most.
const MAX_SESSIONS: usize = 256;
/// How long reading may take. A file can be as long as its owner likes.
const PATIENCE: Duration = Duration::from_secs(20);
/// The kind of program that Claude's own screen is, in the CLI's words.
const SCREEN: &str = "cli";

/// A session that is open in Claude's own screen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// The process.
    pub pid: u32,
    /// When it was started, in ticks since the boot: another process of the same number was started at another time.
    proc_start: String,
    /// The session.
    pub session_id: String,
    /// What kind of program it is.
    entrypoint: String,
}

/// The sessions that are open in Claude's own screen, wherever it was started.
///
/// # Errors
/// When they can't be read.
pub async fn open(config: &Config, processes: &Arc<Processes>) -> io::Result<Vec<Open>> {
    let home = config.home.display().to_string();
    let text = read_as_user(config, processes, &["open-sessions", "--home", &home], SESSIONS_BYTES).await?;
    let sessions = text.lines().filter_map(|line| serde_json::from_str::<Open>(line).ok());
    Ok(sessions.take(MAX_SESSIONS).filter(Open::is_screen).collect())
}

impl Open {
    /// Whether it is a screen that runs, and has a session by a proper name: that becomes part of command lines.
    fn is_screen(&self) -> bool {
        let named = self.session_id.parse::<Uuid>().is_ok_and(|id| id.to_string() == self.session_id);
        self.entrypoint == SCREEN && named && self.lives()
    }

    /// Whether the process is there still.
    pub fn lives(&self) -> bool {
        started_at(self.pid).is_some_and(|ticks| ticks.to_string() == self.proc_start)
    }
}

/// Opens what is a file, and nothing that could be waited for.
fn regular(path: &Path) -> io::Result<File> {
    let nonblock = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// What Claude's own screen added to a session's record behind the last of the rows `after` that is there.
///
/// # Errors
/// When it can't be read.
pub async fn added(
    config: &Config,
    processes: &Arc<Processes>,
    session: &str,
    after: &[Uuid],
) -> io::Result<Added> {
    let home = config.home.display().to_string();
    let after: Vec<String> = after.iter().map(Uuid::to_string).collect();
    let mut arguments = vec!["session-rows", "--home", &home, "--session", session];
    arguments.extend(after.iter().flat_map(|after| ["--after", after]));
    let text = read_as_user(config, processes, &arguments, 2 * ROWS_BYTES).await?;
    let (rows, end) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    let End { exists, last, left_out } = serde_json::from_str(end)?;
    let mut reader = Reader::default();
    rows.lines().for_each(|row| reader.row(row));
    let added = reader.finish();
    let left_out = added.left_out.saturating_add(left_out);
    Ok(Added { session: session.to_owned(), exists, last, left_out, ..added })
}

/// What this program says when it runs as the user with these arguments.
async fn read_as_user(
    config: &Config,
    processes: &Arc<Processes>,
    arguments: &[&str],
    most: u64,
) -> io::Result<String> {
    let mark = processes.new_mark();
    let mut command = config.own_as_user(mark, Path::new("/"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = processes.spawn(&mut command)?;
    let stdout = child.child().stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, stdout.take(most).read_to_string(&mut text)).await;
    processes.end_by_force(mark).await;
    let status = child.wait().await?;
    read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    if status.success() { Ok(text) } else { Err(io::Error::other(format!("reading ended with {status}"))) }
}

/// `workspace-agent open-sessions`, run as the user: the CLI's files on the processes that have a session open.
#[derive(Args, Clone, Debug)]
pub struct OpenSessions {
    /// The home.
    #[arg(long)]
    home: PathBuf,
}

impl OpenSessions {
    /// Prints each on a line.
    ///
    /// # Errors
    /// When it can't be printed.
    pub fn run(&self) -> io::Result<()> {
        let Ok(entries) = std::fs::read_dir(self.home.join(".claude/sessions")) else { return Ok(()) };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut out = io::stdout().lock();
        let mut told = 0;
        for path in paths.filter(|path| path.extension().is_some_and(|end| end == "json")) {
            let mut text = String::new();
            let read = regular(&path).and_then(|file| file.take(SESSION_BYTES).read_to_string(&mut text));
            if let Some(open) = read.ok().and_then(|_| serde_json::from_str::<Open>(&text).ok())
                && open.is_screen()
            {
                told += 1;
                writeln!(out, "{}", serde_json::to_string(&open)?)?;
            }
            if told == MAX_SESSIONS {
                break;
            }
        }
        Ok(())
    }
}

/// `workspace-agent session-rows`, run as the user: the rows that Claude's own screen added to a session's record.
#[derive(Args, Clone, Debug)]
pub struct SessionRows {
    /// The home.
    #[arg(long)]
    home: PathBuf,
    /// The session.
    #[arg(long)]
    session: String,
    /// Only rows behind this one, and every other one that is named so, if it is there.
    #[arg(long)]
    after: Vec<Uuid>,
}

/// The last line that is printed.
#[derive(Default, Serialize, Deserialize)]
struct End {
    exists: bool,
    last: Option<String>,
    left_out: u32,
}

/// What decides whether a row is of interest.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    uuid: Option<String>,
    #[serde(default)]
    entrypoint: String,
    #[serde(default, rename = "isSidechain")]
    side: bool,
}

impl SessionRows {
    /// Prints the rows, and then a line on all of them.
    ///
    /// # Errors
    /// When the record can't be read or the rows can't be printed.
    pub fn run(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let end = match self.record() {
            Some(path) => self.print(&mut regular(&path)?, &mut out)?,
            None => End::default(),
        };
        writeln!(out, "{}", serde_json::to_string(&end)?)
    }

    /// The session's record: in the folder of whichever directory it was begun in.
    fn record(&self) -> Option<PathBuf> {
        // It becomes part of a path.
        let name = format!("{}.jsonl", self.session.parse::<Uuid>().ok()?);
        let projects = std::fs::read_dir(self.home.join(".claude/projects")).ok()?;
        let records = projects.flatten().map(|project| project.path().join(&name));
        records
            .filter_map(|path| Some((path.metadata().and_then(|about| about.modified()).ok()?, path)))
            .max()
            .map(|(_, path)| path)
    }

    fn print(&self, file: &mut File, out: &mut impl Write) -> io::Result<End> {
        let mut start = 0;
        let mut end = End { exists: true, ..End::default() };
        each_line(file, |offset, line| {
            let uuid = line.and_then(head).and_then(|head| head.uuid);
            let id: Option<Uuid> = uuid.as_deref().and_then(|uuid| uuid.parse().ok());
            if id.is_some_and(|id| self.after.contains(&id)) {
                start = offset;
            }
            end.last = uuid.or_else(|| end.last.take());
            Ok(())
        })?;
        file.seek(SeekFrom::Start(start))?;
        let mut printed = 0;
        each_line(file, |_, line| {
            let Some(line) = line else {
                end.left_out += 1;
                return Ok(());
            };
            if !head(line).is_some_and(|head| head.is_of_interest()) {
                return Ok(());
            }
            printed += line.len() as u64 + 1;
            if printed > ROWS_BYTES {
                end.left_out += 1;
                return Ok(());
            }
            writeln!(out, "{line}")
        })?;
        Ok(end)
    }
}

impl Head {
    fn is_of_interest(&self) -> bool {
        let told = matches!(self.kind.as_str(), "user" | "assistant" | "system" | "attachment");
        self.kind == "cost-state" || (told && !self.side && self.entrypoint == SCREEN)
    }
}

fn head(line: &str) -> Option<Head> {
    serde_json::from_str(line).ok()
}

/// Calls `each` with every line from where the file stands, and where the next one begins. A line that is too long, or no
/// text, is passed over.
fn each_line(file: &mut File, mut each: impl FnMut(u64, Option<&str>) -> io::Result<()>) -> io::Result<()> {
    let mut offset = file.stream_position()?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        offset += read as u64;
        let whole = line.pop_if(|last| *last == b'\n').is_some();
        if !whole && read == LINE_BYTES {
            offset += reader.skip_until(b'\n')? as u64;
        }
        // What has no end yet is still being written.
        each(offset, std::str::from_utf8(&line).ok().filter(|_| whole))?;
    }
}
