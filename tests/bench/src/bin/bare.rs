//! The floor of terminals, inside a container: a PTY behind one bare WebSocket, and nothing else. Whatever the PTY
//! prints is one message, whatever the socket says is written to the PTY. No offsets, no ring, no model of the screen,
//! no second hop, no TLS.
//!
//! Prints the port that it listens on. The first message on each connection is the program with its arguments, in JSON.

use std::io::Write;
use std::process::Stdio;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{OpenptyResult, Winsize, openpty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;

/// What is read of the PTY at a time. The kernel hands out less.
const READ: usize = 64 * 1024;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    let mut serving = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        serving.spawn(serve(stream));
        while serving.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let socket = accept_async_with_config(stream, Some(e2e::socket_config())).await?;
    let (mut sink, mut stream) = socket.split();
    let first = stream.next().await.context("nothing is said")??;
    let arguments: Vec<String> = serde_json::from_str(first.to_text()?)?;
    let (mut output, mut input, _child) = start(&arguments)?;
    let out = async move {
        let mut buffer = vec![0; READ];
        // A PTY whose other end is closed says EIO.
        while let Ok(count) = output.read(&mut buffer).await {
            sink.send(Message::binary(buffer[..count].to_vec())).await?;
        }
        anyhow::Ok(())
    };
    let typed = async move {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Binary(bytes) = message {
                input.write_all(&bytes).await?;
            }
        }
        anyhow::Ok(())
    };
    tokio::select! { ended = out => ended, ended = typed => ended }
}

/// A program on a PTY of its own, which is its controlling terminal. It ends with what is returned.
fn start(arguments: &[String]) -> anyhow::Result<(pipe::Receiver, pipe::Sender, Child)> {
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let OpenptyResult { master, slave } = openpty(&size, None)?;
    fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let child = Command::new("setsid")
        .arg("--ctty")
        .args(arguments)
        .env("TERM", "xterm-256color")
        .stdin(Stdio::from(slave.try_clone()?))
        .stdout(Stdio::from(slave.try_clone()?))
        .stderr(Stdio::from(slave))
        .kill_on_drop(true)
        .spawn()?;
    // To the runtime a PTY is as good as a pipe.
    let input = pipe::Sender::from_owned_fd_unchecked(master.try_clone()?)?;
    Ok((pipe::Receiver::from_owned_fd_unchecked(master)?, input, child))
}
