//! What the model gateway adds to the first token: the same request from inside a workspace through both its ends, and
//! from a container of the same kind to the model directly.

use std::net::SocketAddr;

use anyhow::Context;
use e2e::{Stack, StackOptions};
use serde_json::{Value, json};

use crate::room::{self, Inside, Rooms};
use crate::say;
use crate::stats::Samples;
use crate::table::{Aim, Figure, Row};

/// Requests each way.
const REQUESTS: usize = 200;
/// Where the near end listens inside a workspace.
const NEAR_END: &str = "127.0.0.1:8787";

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let stack = Stack::start_with(StackOptions { quiet: true, ..StackOptions::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TEXT here").await?;
    viewer.result_of(&conversation, &item).await?;
    // As large a request as the CLI's own.
    let bytes = stack.model.requests().iter().map(|request| request.asked.sizes.bytes).max().unwrap_or(0);
    let (container, uid) = (stack.container().await?, stack.uid_of(&viewer).await?);
    let model = room::model(&stack.engine).await?;
    let rooms = Rooms::like(&stack, &container, model.address()).await?;
    let mut direct = rooms.probe().await?;
    let mut inside = Inside::enter(&stack.engine, &container, uid, &rooms.probe_path()).await?;
    say(&format!("{REQUESTS} requests of {} KiB each way", bytes / 1024));
    let through = ask(NEAR_END.parse()?, bytes);
    let around = ask(model.address(), bytes);
    let [mut first, mut floor_first, mut end, mut floor_end] = [const { Samples::new() }; 4];
    for round in 0..REQUESTS + 10 {
        let floor = direct.ask(&around).await?;
        let ours = inside.ask(&through).await?;
        // The first ones open connections.
        if round >= 10 {
            for (samples, answer, what) in [
                (&mut first, &ours, "first"),
                (&mut end, &ours, "end"),
                (&mut floor_first, &floor, "first"),
                (&mut floor_end, &floor, "end"),
            ] {
                samples.push(answer[what].as_f64().context("no figure")?);
            }
        }
    }
    drop(inside);
    direct.leave().await?;
    stack.finish().await;
    let two = Aim::OverFloor(Figure::Time(0.002));
    let rows = vec![
        Row::new("request → first text, p50", Figure::Time(first.median()))
            .floor(Figure::Time(floor_first.median()))
            .aim(two),
        Row::new("request → first text, p99", Figure::Time(first.p99()))
            .floor(Figure::Time(floor_first.p99())),
        Row::new("request → end, p50", Figure::Time(end.median())).floor(Figure::Time(floor_end.median())),
        Row::new("what it adds to the first text", Figure::Time(first.median() - floor_first.median())),
    ];
    let notes = vec![format!(
        "{REQUESTS} requests each way, in turns, on kept connections, {} KiB each as the CLI's own are",
        bytes / 1024
    )];
    Ok((rows, notes))
}

fn ask(address: SocketAddr, bytes: usize) -> Value {
    let mut body = json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 1000,
        "stream": true,
        "system": "",
        "messages": [{ "role": "user", "content": "TEXT here" }],
    });
    body["system"] = "x".repeat(bytes.saturating_sub(body.to_string().len())).into();
    let (path, key) = ("/v1/messages", e2e::stack::KEY);
    json!({ "do": "ask", "address": address, "path": path, "key": key, "body": body.to_string() })
}
