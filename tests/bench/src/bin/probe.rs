//! Runs inside a container and measures there, with nothing between: drives the CLI by its pipes, or asks a model over
//! plain HTTP. Reads one JSON command a line and answers each with one.
//!
//! Nothing but blocking calls: what it measures is a few milliseconds long, and it must add nothing to that.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What can be asked for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wanted {
    /// A CLI process, once it has answered `initialize`. One that there was is ended.
    Claude {
        program: String,
        arguments: Vec<String>,
        environment: BTreeMap<String, String>,
        initialize: String,
    },
    /// A turn of the process: how long to its first text and to its result.
    Turn { line: String },
    /// A request to a model: how long to its first text and to its end. The connection is kept.
    Ask { address: SocketAddr, path: String, key: String, body: String },
}

/// A CLI process.
struct Claude {
    child: Child,
    stdin: ChildStdin,
    lines: BufReader<ChildStdout>,
}

/// A kept connection.
struct Kept {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

fn main() -> anyhow::Result<()> {
    let mut claude = None;
    let mut kept = None;
    for line in std::io::stdin().lock().lines() {
        let answer = carry_out(&line?, &mut claude, &mut kept);
        let answer = answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn carry_out(line: &str, claude: &mut Option<Claude>, kept: &mut Option<Kept>) -> anyhow::Result<Value> {
    match serde_json::from_str(line)? {
        Wanted::Claude { program, arguments, environment, initialize } => {
            drop(claude.take());
            let began = Instant::now();
            let mut command = Command::new(program);
            command.args(arguments).env_clear().envs(environment);
            let mut started = Claude::start(&mut command)?;
            started.say(&initialize)?;
            started.until("\"type\":\"control_response\"")?;
            *claude = Some(started);
            Ok(json!({ "end": seconds(began) }))
        }
        Wanted::Turn { line } => {
            let claude = claude.as_mut().context("there is no process")?;
            let began = Instant::now();
            claude.say(&line)?;
            claude.until("\"type\":\"text_delta\"")?;
            let first = seconds(began);
            claude.until("\"type\":\"result\"")?;
            Ok(json!({ "first": first, "end": seconds(began) }))
        }
        Wanted::Ask { address, path, key, body } => {
            if kept.as_ref().is_none_or(|kept| kept.address != address) {
                let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                *kept = Some(Kept { address, stream: BufReader::new(stream) });
            }
            let asked = kept.as_mut().context("no connection")?.ask(&path, &key, &body);
            if asked.is_err() {
                *kept = None;
            }
            asked
        }
    }
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

impl Claude {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = piped.spawn().context("the CLI can't be started")?;
        let stdin = child.stdin.take().context("no stdin")?;
        let lines = BufReader::new(child.stdout.take().context("no stdout")?);
        Ok(Self { child, stdin, lines })
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        self.stdin.write_all(format!("{line}\n").as_bytes())?;
        Ok(self.stdin.flush()?)
    }

    /// Reads lines until one has this in it. Inside a string of JSON its quotes would be escaped.
    fn until(&mut self, wanted: &str) -> anyhow::Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            anyhow::ensure!(self.lines.read_line(&mut line)? > 0, "the CLI has ended");
            if line.contains(wanted) {
                return Ok(());
            }
        }
    }
}

impl Drop for Claude {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kept {
    fn ask(&mut self, path: &str, key: &str, body: &str) -> anyhow::Result<Value> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\nanthropic-version: 2023-06-01\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        let began = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let chunked = self.head()?;
        anyhow::ensure!(chunked, "the answer is not streamed");
        let (mut answer, mut first) = (Vec::new(), None);
        while self.chunk(&mut answer)? {
            if first.is_none() && contains(&answer, b"text_delta") {
                first = Some(seconds(began));
            }
        }
        anyhow::ensure!(contains(&answer, b"message_stop"), "the answer is cut");
        Ok(json!({ "first": first.context("there is no text")?, "end": seconds(began) }))
    }

    /// Reads the answer's head. Returns whether its body comes in chunks.
    fn head(&mut self) -> anyhow::Result<bool> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            anyhow::ensure!(self.stream.read_line(&mut head)? > 0, "the connection has ended");
        }
        anyhow::ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
        Ok(head.to_ascii_lowercase().contains("transfer-encoding: chunked"))
    }

    /// Reads a chunk of the body. `false`: it was the last.
    fn chunk(&mut self, body: &mut Vec<u8>) -> anyhow::Result<bool> {
        let mut line = String::new();
        anyhow::ensure!(self.stream.read_line(&mut line)? > 0, "the connection has ended");
        let size = usize::from_str_radix(line.trim(), 16).with_context(|| format!("a chunk of {line:?}"))?;
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk)?;
        body.extend_from_slice(&chunk[..size]);
        Ok(size > 0)
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}
