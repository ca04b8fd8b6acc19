//! A whole Atelier for stories that are not written in Rust: prints one line of JSON when it is up, then answers each
//! line of JSON it reads with one, until its input ends. Then everything is gone.

use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::{Script, Stack, StackOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// What can be asked for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wanted {
    /// A fresh one-time code.
    Code,
    /// The control plane dies as by a power cut.
    KillControlPlane,
    /// It comes up again.
    StartControlPlane,
    /// A gate of the scripted model opens.
    Release { gate: String },
    /// A script in the one workspace's container, as root; what it prints.
    Exec { script: String },
    /// The engine's command line, with the container's name behind it.
    Docker { arguments: Vec<String> },
    /// The workspace is cut off from everything.
    CutOff,
    /// It is reached again.
    Mend,
    /// Somebody else's session cookie.
    Stranger,
    /// An API token of somebody's, which may do all that a token can.
    Token,
    /// A session cookie of the operator's.
    Operator,
    /// Which of these words stand in which files of the control plane's data, its log among them.
    Search { words: Vec<String> },
}

/// The harness's own options.
const OWN: [&str; 2] = ["--without-key", "--loud"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: stack <the built page> [--without-key] [--loud] [the control plane's flags]";
    let web = arguments.next().map(PathBuf::from).context(usage)?;
    let (own, flags): (Vec<String>, Vec<String>) =
        arguments.partition(|argument| OWN.contains(&argument.as_str()));
    let has = |option: &str| own.iter().any(|argument| argument == option);
    let options = StackOptions {
        web: Some(web),
        without_key: has("--without-key"),
        trace: has("--loud"),
        flags,
        ..StackOptions::default()
    };
    let mut stack = Stack::start_with(options).await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    answer(json!({ "url": stack.base_url() })).await?;
    while let Some(line) = lines.next_line().await? {
        answer(match carry_out(&mut stack, &line).await {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": format!("{error:#}") }),
        })
        .await?;
    }
    stack.finish().await;
    Ok(())
}

async fn carry_out(stack: &mut Stack, line: &str) -> anyhow::Result<Value> {
    match serde_json::from_str(line)? {
        Wanted::Code => return Ok(stack.code().await?.into()),
        Wanted::KillControlPlane => stack.kill_control_plane().await,
        Wanted::StartControlPlane => stack.start_control_plane().await?,
        Wanted::Release { gate } => {
            stack.model.release(&gate);
        }
        Wanted::Exec { script } => {
            let container = stack.container().await?;
            return Ok(stack.engine.run(&["exec", &container, "sh", "-c", &script]).await?.into());
        }
        Wanted::Docker { arguments } => {
            let container = stack.container().await?;
            let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            arguments.push(&container);
            return Ok(stack.engine.run(&arguments).await?.into());
        }
        Wanted::CutOff => stack.cut_off().await?,
        Wanted::Mend => stack.mend().await?,
        Wanted::Token => {
            let somebody = stack.stranger("scripter").await?;
            let script = Script::of(stack, &somebody, &["read", "write", "answer", "delete"]).await?;
            return Ok(script.token.into());
        }
        Wanted::Operator => return Ok(stack.viewer().await?.cookie.into()),
        Wanted::Search { words } => {
            let mut found = Vec::new();
            let mut search = |file: &Path, content: &[u8]| {
                let within = |word: &&String| content.windows(word.len()).any(|at| at == word.as_bytes());
                let here = words.iter().filter(within).map(|word| format!("{word} in {}", file.display()));
                found.extend(here);
            };
            e2e::look_below(stack.data.path(), &[], &mut search)?;
            return Ok(json!(found));
        }
        Wanted::Stranger => return Ok(stack.stranger("neighbour").await?.cookie.into()),
    }
    Ok(Value::Null)
}

async fn answer(value: Value) -> anyhow::Result<()> {
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{value}\n").as_bytes()).await?;
    Ok(stdout.flush().await?)
}
