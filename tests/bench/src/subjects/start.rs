//! From a message to a stopped workspace to a CLI that is ready, and to the answer.

use std::time::Instant;

use e2e::{Stack, StackOptions, Viewer};
use serde_json::json;

use crate::room::{self, Rooms};
use crate::say;
use crate::stats::Samples;
use crate::table::{Aim, Figure, Row};

/// How many workspaces are started for the first time.
const ROUNDS: usize = 12;

/// How long each step took, from the message on.
#[derive(Default)]
struct Times {
    linked: Samples,
    ready: Samples,
    answered: Samples,
}

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let stack = Stack::start_with(StackOptions { quiet: true, ..StackOptions::default() }).await?;
    let model = room::model(&stack.engine).await?;
    let (mut first, mut again, mut bare) = (Times::default(), Times::default(), Samples::new());
    let mut rooms = None;
    // The first of all finds everything cold (page cache, the wall that is put up once) and is not counted.
    for round in 0..=ROUNDS {
        say(&format!("workspace {round} of {ROUNDS}"));
        let mut viewer = stack.stranger(&format!("starter {round}")).await?;
        let conversation = viewer.conversation().await?;
        let (mut ignored, mut ignored_again) = (Times::default(), Times::default());
        start(&mut viewer, &conversation, true, if round > 0 { &mut first } else { &mut ignored }).await?;
        if rooms.is_none() {
            let container = stack.container_of(&viewer).await?;
            rooms = Some(Rooms::like(&stack, &container, model.address()).await?);
        }
        stop(&mut viewer).await?;
        start(&mut viewer, &conversation, false, if round > 0 { &mut again } else { &mut ignored_again })
            .await?;
        stop(&mut viewer).await?;
        if let Some(rooms) = &rooms {
            let took = floor(rooms).await?;
            bare.extend((round > 0).then_some(took));
        }
    }
    stack.finish().await;
    let row = |what: &str, samples: &Samples| Row::new(what, Figure::Time(samples.median()));
    let floor = Figure::Time(bare.median());
    let rows = vec![
        row("first start: message → link up", &first.linked).floor(floor).aim(Aim::AtMost(Figure::Time(0.5))),
        row("first start: message → CLI ready", &first.ready)
            .floor(floor)
            .aim(Aim::AtMost(Figure::Time(0.8))),
        row("first start: message → answer", &first.answered),
        row("later start: message → link up", &again.linked).floor(floor).aim(Aim::AtMost(Figure::Time(0.5))),
        row("later start: message → answer", &again.answered),
    ];
    let notes = vec![
        format!("medians of {ROUNDS}; a first start makes network and volumes too, a later one takes a session up again"),
        "the floor: engine create + start → CLI has answered `initialize`, same image and limits, on the engine's \
         default bridge, nothing of Atelier's between"
            .to_owned(),
    ];
    Ok((rows, notes))
}

/// Sends a message and waits until it is answered. `fresh`: the workspace's CLI has never said what it offers.
async fn start(
    viewer: &mut Viewer,
    conversation: &str,
    fresh: bool,
    times: &mut Times,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let item = viewer.send(conversation, "TEXT here").await?;
    let linked = |seen: &e2e::Seen| (seen.workspace["linked"] == true).then_some(());
    viewer.until("the link is up", linked).await?;
    times.linked.push(began.elapsed().as_secs_f64());
    if fresh {
        // The CLI says what it offers in its answer to `initialize`.
        viewer.until("the CLI is ready", |seen| seen.catalog.is_object().then_some(())).await?;
        times.ready.push(began.elapsed().as_secs_f64());
    }
    viewer.result_of(conversation, &item).await?;
    times.answered.push(began.elapsed().as_secs_f64());
    Ok(())
}

async fn stop(viewer: &mut Viewer) -> anyhow::Result<()> {
    viewer.ask(json!({ "type": "stop_workspace" })).await?;
    let stopped = |seen: &e2e::Seen| (seen.workspace["phase"]["type"] == "stopped").then_some(());
    viewer.until("the workspace has stopped", stopped).await
}

async fn floor(rooms: &Rooms) -> anyhow::Result<f64> {
    let (arguments, environment) = rooms.claude();
    let entrypoint = std::iter::once(room::program()).chain(arguments).collect();
    let began = Instant::now();
    let mut room = rooms.enter(entrypoint, &environment).await?;
    room.say(&room::initialize()).await?;
    while !room.hear().await?.contains("\"type\":\"control_response\"") {}
    let took = began.elapsed().as_secs_f64();
    room.leave().await?;
    Ok(took)
}
