//! The binary: its first line, its flags, its end.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::common::{asking, client};

/// Starts the binary on a free port; returns it with its address.
async fn start(arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scripted-model"));
    command.args(["--listen", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().expect("it prints its address first");
    (child, address)
}

#[tokio::test]
async fn it_prints_its_address_serves_and_ends_on_both_signals() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (mut child, address) = start(&[]).await;
        let answer =
            client().post(format!("http://{address}/v1/messages")).json(&asking("hi")).send().await.unwrap();
        let message: Value = answer.json().await.unwrap();
        assert!(message["content"][0]["text"].as_str().unwrap().starts_with("OK 1: hi"));
        kill(Pid::from_raw(child.id().unwrap().try_into().unwrap()), signal).unwrap();
        assert!(child.wait().await.unwrap().success());
    }
}

#[tokio::test]
async fn its_flags_reach_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let (_child, address) =
        start(&["--require-key", "k", "--delay-ms", "1", "--log", log.to_str().unwrap()]).await;
    let ask = || client().post(format!("http://{address}/v1/messages")).json(&asking("hi"));
    assert_eq!(ask().send().await.unwrap().status(), 401);
    assert_eq!(ask().bearer_auth("k").send().await.unwrap().status(), 200);
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 4);
}
