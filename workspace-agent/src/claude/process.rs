//! One CLI process: its pipes, its error stream, its end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::LINE_BYTES;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::lines::Line;
use crate::process::{Mark, Owned, Processes};

/// Lines that are read ahead. Beyond it the CLI waits, which costs it nothing.
const READ_AHEAD: usize = 64;
/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;
/// What may be read ahead, in bytes: the longest line fits, and the read that ends it.
const READ_AHEAD_BYTES: usize = LINE_BYTES + 2 * READ_BYTES;
/// Lines that wait to be written. The CLI reads at once unless something is badly wrong.
const WRITE_AHEAD: usize = 64;
/// How much of the error stream is kept, from its end.
const STDERR_BYTES: usize = 4096;
/// How long the pipes may stay open after everything that held them was ended.
const DRAIN: Duration = Duration::from_secs(5);

/// What a process has to say.
#[derive(Debug)]
pub enum Heard {
    /// A line that was understood.
    Line(Line),
    /// A line that was not.
    Strange(String),
    /// A line that was too long to take.
    TooLong {
        /// Its length in bytes.
        bytes: u64,
    },
    /// The process ended and nothing that it started is left. Comes once, last.
    Exited {
        /// How, in words.
        detail: String,
    },
}

/// Something read ahead, with the room that it takes.
type Ahead = (Heard, Option<OwnedSemaphorePermit>);

/// A running CLI process.
#[derive(Debug)]
pub struct Claude {
    mark: Mark,
    processes: Arc<Processes>,
    stdin: Option<mpsc::Sender<String>>,
    heard: mpsc::Receiver<Ahead>,
    ending: bool,
}

impl Claude {
    /// Starts the process.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(processes: &Arc<Processes>, mark: Mark, mut command: Command) -> io::Result<Self> {
        let mut owned = processes.spawn(&mut command)?;
        let child = owned.child();
        let missing = || io::Error::other("the process has no pipes");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let (say, heard) = mpsc::channel(READ_AHEAD);
        let (write, to_write) = mpsc::channel(WRITE_AHEAD);
        let tasks = processes.tasks();
        tasks.spawn(write_lines(stdin, to_write));
        let over = CancellationToken::new();
        let reader = tasks.spawn(read_lines(stdout, say.clone(), over.clone()));
        let errors = tasks.spawn(keep_tail(stderr));
        tasks.spawn(own(owned, Arc::clone(processes), mark, (reader, over), errors, say));
        Ok(Self { mark, processes: Arc::clone(processes), stdin: Some(write), heard, ending: false })
    }

    /// What it says next. After [`Heard::Exited`] nothing follows.
    pub async fn hear(&mut self) -> Heard {
        match self.heard.recv().await {
            Some((heard, _)) => heard,
            None => Heard::Exited { detail: "its end was not noticed".to_owned() },
        }
    }

    /// Writes one line to its stdin. A process that does not read loses it, and is ended: it is beyond help.
    pub fn write(&mut self, line: String) {
        let Some(stdin) = &self.stdin else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = stdin.try_send(line) {
            tracing::warn!("Claude does not read what it is told; ending it");
            self.terminate();
        }
    }

    /// Closes its stdin. It finishes what it does and leaves.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Ends it and everything that it started.
    pub fn terminate(&mut self) {
        if !std::mem::replace(&mut self.ending, true) {
            let (processes, mark) = (Arc::clone(&self.processes), self.mark);
            self.processes.tasks().spawn(async move { processes.end(mark).await });
        }
    }
}

impl Drop for Claude {
    fn drop(&mut self) {
        // Its tasks go on until nothing is left of it.
        self.terminate();
    }
}

/// Waits for the process, ends what it left behind, and reports its end once its last words are read.
async fn own(
    mut owned: Owned,
    processes: Arc<Processes>,
    mark: Mark,
    (mut reader, over): (JoinHandle<()>, CancellationToken),
    errors: JoinHandle<String>,
    say: mpsc::Sender<Ahead>,
) {
    let status = owned.wait().await;
    drop(owned);
    processes.end(mark).await;
    if tokio::time::timeout(DRAIN, &mut reader).await.is_err() {
        // What it said is heard to its end, however long nobody listens: a full disk may have the conversation wait.
        over.cancel();
        let _ = reader.await;
    }
    let last_words = tokio::time::timeout(DRAIN, errors).await.ok().and_then(Result::ok).unwrap_or_default();
    let mut detail = match status {
        Ok(status) => describe(status),
        Err(error) => format!("its end could not be waited for: {error}"),
    };
    if !last_words.trim().is_empty() {
        detail = format!("{detail}: {}", last_words.trim());
    }
    let _ = say.send((Heard::Exited { detail }, None)).await;
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

async fn write_lines(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() {
            // It is gone, or going; its end is reported by its owner.
            break;
        }
    }
}

/// Reads until the end of the stream, or, once it is `over`, until nothing more is there.
async fn read_lines(mut stdout: impl AsyncRead + Unpin, say: mpsc::Sender<Ahead>, over: CancellationToken) {
    let room = Arc::new(Semaphore::new(READ_AHEAD_BYTES));
    // The room that the line takes which is not complete yet.
    let mut taken: Option<OwnedSemaphorePermit> = None;
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = tokio::select! {
            biased;
            read = stdout.read(&mut buffer) => read,
            () = over.cancelled() => Ok(0),
        };
        let Ok(read) = read else { return };
        if read == 0 {
            break;
        }
        let bytes = u32::try_from(read).unwrap_or(u32::MAX);
        let Ok(more) = Arc::clone(&room).acquire_many_owned(bytes).await else { return };
        match &mut taken {
            Some(taken) => taken.merge(more),
            None => taken = Some(more),
        }
        for heard in splitter.push(&buffer[..read]) {
            if say.send((heard, taken.take())).await.is_err() {
                return;
            }
        }
        taken = taken.filter(|_| !splitter.is_dropping());
    }
    if let Some(heard) = splitter.finish() {
        let _ = say.send((heard, taken)).await;
    }
}

/// The last bytes of the error stream, as text.
async fn keep_tail(mut stderr: ChildStderr) -> String {
    let mut tail = Vec::new();
    let mut buffer = vec![0; 4096];
    while let Ok(read) = stderr.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        tail.extend_from_slice(&buffer[..read]);
        if tail.len() > 2 * STDERR_BYTES {
            tail.drain(..tail.len() - STDERR_BYTES);
        }
    }
    let start = tail.len().saturating_sub(STDERR_BYTES);
    String::from_utf8_lossy(&tail[start..]).into_owned()
}

/// Splits a byte stream into lines and drops those that are too long.
#[derive(Debug, Default)]
pub struct Splitter {
    line: Vec<u8>,
    /// The length so far of a line that is being dropped.
    dropping: Option<u64>,
}

impl Splitter {
    /// Takes more bytes and returns the lines that they complete.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            heard.extend(self.take());
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
        heard
    }

    /// What is left when the stream ends without a newline.
    pub fn finish(&mut self) -> Option<Heard> {
        self.take()
    }

    /// Whether the line that comes in is too long and kept no more.
    pub const fn is_dropping(&self) -> bool {
        self.dropping.is_some()
    }

    fn extend(&mut self, bytes: &[u8]) {
        match &mut self.dropping {
            Some(length) => *length += bytes.len() as u64,
            None if self.line.len() + bytes.len() > LINE_BYTES => {
                self.dropping = Some((self.line.len() + bytes.len()) as u64);
                self.line = Vec::new();
            }
            None => self.line.extend_from_slice(bytes),
        }
    }

    fn take(&mut self) -> Option<Heard> {
        if let Some(bytes) = self.dropping.take() {
            return Some(Heard::TooLong { bytes });
        }
        let line = std::mem::take(&mut self.line);
        let text = match std::str::from_utf8(&line) {
            Ok(text) => text.trim(),
            Err(_) => return Some(Heard::Strange(String::from_utf8_lossy(&line).into_owned())),
        };
        if text.is_empty() {
            return None;
        }
        let line = Line::parse(text);
        Some(if line == Line::Unknown { Heard::Strange(text.to_owned()) } else { Heard::Line(line) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_wherever_the_reads_fall() {
        let text = b"{\"type\":\"keep_alive\"}\r\n\n{\"type\":\"keep_alive\"}\n{\"type\":\"x\"}";
        for size in 1..text.len() {
            let mut splitter = Splitter::default();
            let mut heard: Vec<Heard> = text.chunks(size).flat_map(|chunk| splitter.push(chunk)).collect();
            heard.extend(splitter.finish());
            assert!(
                matches!(&heard[..], [Heard::Line(Line::Quiet), Heard::Line(Line::Quiet), Heard::Strange(_)]),
                "{heard:?}"
            );
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped_and_the_next_is_heard() {
        let mut splitter = Splitter::default();
        let chunk = vec![b'x'; 1024 * 1024];
        for _ in 0..33 {
            assert!(splitter.push(&chunk).is_empty());
        }
        let heard = splitter.push(b"\n{\"type\":\"keep_alive\"}\n");
        assert!(
            matches!(&heard[..], [Heard::TooLong { bytes }, Heard::Line(Line::Quiet)] if *bytes == 33 * 1024 * 1024)
        );
    }

    #[tokio::test]
    async fn what_is_read_ahead_is_bounded_in_bytes_and_the_longest_line_comes_through() {
        let (mut end, stdout) = tokio::io::duplex(READ_BYTES);
        let (say, mut heard) = mpsc::channel(READ_AHEAD);
        let reader = tokio::spawn(read_lines(stdout, say, CancellationToken::new()));
        let line = |bytes: usize| {
            let mut line = vec![b'x'; bytes];
            line.push(b'\n');
            line
        };
        let writer = tokio::spawn(async move {
            for bytes in [1, LINE_BYTES, 2, 20 << 20, 20 << 20, LINE_BYTES + 1, 3] {
                end.write_all(&line(bytes)).await.unwrap();
            }
        });
        let mut lengths = Vec::new();
        while let Some((line, room)) = heard.recv().await {
            lengths.push(match line {
                Heard::Strange(text) => text.len() as u64,
                Heard::TooLong { bytes } => bytes,
                Heard::Line(_) | Heard::Exited { .. } => panic!("{line:?}"),
            });
            drop(room);
        }
        writer.await.unwrap();
        reader.await.unwrap();
        let mib = 20 << 20;
        assert_eq!(lengths, [1, LINE_BYTES as u64, 2, mib, mib, LINE_BYTES as u64 + 1, 3]);
    }

    /// Of a process that is gone; somebody else still has the pipe.
    #[tokio::test]
    async fn what_was_said_is_heard_however_late_somebody_listens() {
        let (mut end, stdout) = tokio::io::duplex(READ_BYTES);
        let (say, mut heard) = mpsc::channel(1);
        let over = CancellationToken::new();
        let said: Vec<String> = (0..1000).map(|line| line.to_string()).collect();
        end.write_all(said.join("\n").as_bytes()).await.unwrap();
        over.cancel();
        let reader = tokio::spawn(read_lines(stdout, say, over));
        for line in &said {
            assert!(matches!(heard.recv().await, Some((Heard::Strange(heard), _)) if heard == *line));
        }
        assert!(heard.recv().await.is_none());
        reader.await.unwrap();
    }

    #[test]
    fn bytes_that_are_not_text_are_strange() {
        let heard = Splitter::default().push(b"\xff\xfe\n");
        assert!(matches!(&heard[..], [Heard::Strange(_)]));
    }
}
