//! A turn, from the message on the viewer's socket to its result there, beside the CLI alone, driven by its pipes in a
//! container of the same kind. The model answers at once.

use std::time::Instant;

use anyhow::Context;
use e2e::{Stack, StackOptions, Viewer};
use serde_json::{Value, json};

use crate::room::{self, Room, Rooms};
use crate::say;
use crate::stats::Samples;
use crate::table::{Aim, Figure, Row};

/// Turns in a process that is there.
const WARM: usize = 40;
/// Turns that begin with a process.
const COLD: usize = 12;
/// What is sent.
const TEXT: &str = "TEXT here is the answer";

/// First text and result of several turns.
#[derive(Default)]
struct Times {
    first: Samples,
    end: Samples,
}

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let stack = Stack::start_with(StackOptions { quiet: true, ..StackOptions::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let mut conversation = viewer.conversation().await?;
    ours(&mut viewer, &conversation, &mut Times::default()).await?;
    let model = room::model(&stack.engine).await?;
    let rooms = Rooms::like(&stack, &stack.container().await?, model.address()).await?;
    let mut probe = rooms.probe().await?;
    probe.ask(&room::start_claude(&rooms)).await?;
    let [mut warm, mut floor_warm, mut cold, mut floor_cold] = std::array::from_fn(|_| Times::default());
    say(&format!("{WARM} turns each in a process that is there"));
    for round in 0..WARM + 2 {
        // The first turns of a process are slower, in both.
        let counted = round >= 2;
        let (mut one, mut floor_one) = (Times::default(), Times::default());
        floor(&mut probe, &mut floor_one).await?;
        ours(&mut viewer, &conversation, &mut one).await?;
        if counted {
            warm.take(one);
            floor_warm.take(floor_one);
        }
    }
    say(&format!("{COLD} turns each that begin with a process"));
    for _ in 0..COLD {
        viewer.ask(json!({ "type": "close", "conversation": conversation })).await?;
        conversation = viewer.conversation().await?;
        ours(&mut viewer, &conversation, &mut cold).await?;
        floor_with_process(&rooms, &mut probe, &mut floor_cold).await?;
    }
    probe.leave().await?;
    stack.finish().await;
    let row = |what: &str, ours: &Samples, floor: &Samples| {
        Row::new(what, Figure::Time(ours.median())).floor(Figure::Time(floor.median()))
    };
    let more = Aim::OverFloor(Figure::Time(0.005));
    let rows = vec![
        row("warm: message → first text", &warm.first, &floor_warm.first).aim(more),
        row("warm: message → result", &warm.end, &floor_warm.end).aim(more),
        Row::new("warm: message → result, p99", Figure::Time(warm.end.p99()))
            .floor(Figure::Time(floor_warm.end.p99())),
        row("cold: message → first text", &cold.first, &floor_cold.first),
        row("cold: message → result", &cold.end, &floor_cold.end),
    ];
    let notes = vec![format!(
        "medians of {WARM} warm and {COLD} cold turns, floor and Atelier in turns; cold: the first message of a \
         conversation, whose process is started for it"
    )];
    Ok((rows, notes))
}

impl Times {
    fn take(&mut self, other: Self) {
        self.first.extend(other.first);
        self.end.extend(other.end);
    }
}

async fn ours(viewer: &mut Viewer, conversation: &str, times: &mut Times) -> anyhow::Result<()> {
    let texts = viewer.seen.of_kind(conversation, "text").count();
    let began = Instant::now();
    let item = viewer.send(conversation, TEXT).await?;
    let first = |seen: &e2e::Seen| {
        let some = !seen.live.is_empty() || seen.of_kind(conversation, "text").count() > texts;
        some.then_some(())
    };
    viewer.until("there is text", first).await?;
    times.first.push(began.elapsed().as_secs_f64());
    viewer.result_of(conversation, &item).await?;
    times.end.push(began.elapsed().as_secs_f64());
    let idle = |seen: &e2e::Seen| (seen.item_state(&item) == "done" && seen.live.is_empty()).then_some(());
    viewer.until("the turn is over", idle).await
}

async fn floor(probe: &mut Room, times: &mut Times) -> anyhow::Result<()> {
    let took = probe.ask(&room::turn(TEXT)).await?;
    times.first.push(seconds(&took, "first")?);
    times.end.push(seconds(&took, "end")?);
    Ok(())
}

async fn floor_with_process(rooms: &Rooms, probe: &mut Room, times: &mut Times) -> anyhow::Result<()> {
    let started = seconds(&probe.ask(&room::start_claude(rooms)).await?, "end")?;
    let took = probe.ask(&room::turn(TEXT)).await?;
    times.first.push(started + seconds(&took, "first")?);
    times.end.push(started + seconds(&took, "end")?);
    Ok(())
}

fn seconds(answer: &Value, what: &str) -> anyhow::Result<f64> {
    answer[what].as_f64().with_context(|| format!("no {what:?} in {answer}"))
}
