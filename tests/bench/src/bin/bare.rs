//! The floor of terminals, inside a container: a PTY behind one bare WebSocket, and nothing else. Whatever the PTY
//! prints is one message, whatever the socket says is written to the PTY. No offsets, no ring, no model of the screen,
//! no second hop, no TLS.
//!
//! Prints the port that it listens on. The first message on each connection is the program with its arguments, in JSON.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{OpenptyResult, Winsize, openpty};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
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
    let (master, _child) = start(&arguments)?;
    let (reading, writing) = (Arc::clone(&master), master);
    let out = async move {
        let mut buffer = vec![0; READ];
        // A PTY whose other end is closed says EIO.
        while let Ok(count) = read(&reading, &mut buffer).await {
            sink.send(Message::binary(buffer[..count].to_vec())).await?;
        }
        anyhow::Ok(())
    };
    let typed = async move {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Binary(bytes) = message {
                write(&writing, &bytes).await?;
            }
        }
        anyhow::Ok(())
    };
    tokio::select! { ended = out => ended, ended = typed => ended }
}

/// A program on a PTY of its own, which is its controlling terminal. It ends with what is returned.
fn start(arguments: &[String]) -> anyhow::Result<(Arc<AsyncFd<OwnedFd>>, tokio::process::Child)> {
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
    Ok((Arc::new(AsyncFd::new(master)?), child))
}

async fn read(pty: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> std::io::Result<usize> {
    let read = |fd: &OwnedFd| nix::unistd::read(fd.as_fd(), buffer).map_err(std::io::Error::from);
    match pty.async_io(Interest::READABLE, read).await? {
        0 => Err(Errno::EIO.into()),
        count => Ok(count),
    }
}

async fn write(pty: &AsyncFd<OwnedFd>, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let write = |fd: &OwnedFd| nix::unistd::write(fd.as_fd(), bytes).map_err(std::io::Error::from);
        let count = pty.async_io(Interest::WRITABLE, write).await?;
        bytes = &bytes[count..];
    }
    Ok(())
}
