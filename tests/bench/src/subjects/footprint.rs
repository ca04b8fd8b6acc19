//! Memory of the idle workspace-agent, and sizes of what is shipped.

use anyhow::Context;
use e2e::{Stack, StackOptions};
use nix::unistd::Pid;
use serde_json::json;
use tokio::process::Command;

use crate::machine;
use crate::table::{Aim, Figure, Row};

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let stack = Stack::start_with(StackOptions { quiet: true, ..StackOptions::default() }).await?;
    let mut viewer = stack.viewer().await?;
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    let linked = |seen: &e2e::Seen| (seen.workspace["linked"] == true).then_some(());
    viewer.until("the link is up", linked).await?;
    let container = stack.container().await?;
    let pid = stack.engine.run(&["inspect", "-f", "{{.State.Pid}}", &container]).await?;
    let pid = Pid::from_raw(pid.trim().parse()?);
    let none = machine::resident(pid)?;
    for _ in 0..2 {
        let conversation = viewer.conversation().await?;
        let item = viewer.send(&conversation, "TEXT here").await?;
        viewer.result_of(&conversation, &item).await?;
    }
    let two = machine::resident(pid)?;
    let binary =
        stack.engine.run(&["exec", &container, "stat", "-c", "%s", "/usr/local/bin/workspace-agent"]).await?;
    let image = stack.engine.run(&["inspect", "-f", "{{.Config.Image}}", &container]).await?;
    let image = stack.engine.run(&["image", "inspect", "-f", "{{.Size}}", image.trim()]).await?;
    stack.finish().await;
    let ten = Aim::AtMost(Figure::Bytes(10e6));
    let rows = vec![
        Row::new("idle workspace-agent, no conversation: resident", Figure::Bytes(none)).aim(ten),
        Row::new("idle workspace-agent, two conversations: resident", Figure::Bytes(two)).aim(ten),
        Row::new("workspace-agent, stripped", Figure::Bytes(binary.trim().parse()?)),
        Row::new("image", Figure::Bytes(image.trim().parse()?)).aim(Aim::AtMost(Figure::Bytes(800e6))),
        Row::new("JavaScript that the chat page begins with, gzip", Figure::Bytes(page().await?))
            .aim(Aim::AtMost(Figure::Bytes(80.0 * 1024.0))),
    ];
    let notes =
        vec!["two conversations: one turn in each, their CLI processes still there and idle".to_owned()];
    Ok((rows, notes))
}

/// What the page's own size check adds up. It is over its budget if that fails, which is no failure here.
async fn page() -> anyhow::Result<f64> {
    let output = Command::new("npm").args(["--prefix", "web", "run", "--silent", "size"]).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.contains("in all")).context("the page's size is not told")?;
    let kib: f64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib * 1024.0)
}
