//! Latency and CPU of events and of live text, at few and at many workspaces.
//!
//! Floor and Atelier take turns in short slices, so that whatever else the machine does befalls both.

use std::time::Duration;

use crate::say;
use crate::streams::{Load, Outcome, Streams, What};
use crate::table::{Aim, Figure, Row};
use crate::target::Target;
use crate::world::World;

/// How many workspaces stream, and how long one slice is.
const STEPS: [(usize, Duration); 3] =
    [(1, Duration::from_secs(8)), (100, Duration::from_secs(3)), (1000, Duration::from_secs(3))];
/// Messages a second of each.
const RATE: f64 = 10.0;
/// How many slices each has.
const ROUNDS: usize = 5;

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let world = World::make(1000).await?;
    let mut floor = Streams::through(Target::relay(&world).await?);
    let mut ours = Streams::through(Target::atelier(&world).await?);
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    let mut connected = 0;
    for (streams, lasting) in STEPS {
        say(&format!("{streams} streaming, {ROUNDS} rounds of floor, events, live text"));
        floor.connect(&world.people[connected..streams]).await?;
        ours.connect(&world.people[connected..streams]).await?;
        connected = streams;
        let load = |what| Load { what, streams, rate: RATE, lasting };
        let [mut relayed, mut events, mut live] = [const { Vec::new() }; 3];
        // The first slice of each finds cold caches and is not counted.
        for round in 0..=ROUNDS {
            let outcomes = [
                floor.run(load(What::Events)).await?,
                ours.run(load(What::Events)).await?,
                ours.run(load(What::Live)).await?,
            ];
            if round > 0 {
                for (all, outcome) in [&mut relayed, &mut events, &mut live].into_iter().zip(outcomes) {
                    all.push(outcome);
                }
            }
        }
        let [relayed, events, live] = [relayed, events, live].map(together);
        rows.extend(compare(&format!("{streams} × 10 events/s"), &events, &relayed));
        rows.extend(compare(&format!("{streams} × 10 pieces of live text/s"), &live, &relayed));
        notes.push(format!(
            "{streams}: {} samples; share of the cores, load generator + server: floor {}, events {}, live text {}",
            events.latencies.len(),
            shares(&relayed),
            shares(&events),
            shares(&live),
        ));
    }
    if let Some(row) = bare(&mut floor).await? {
        rows.push(row);
    }
    floor.end().await;
    ours.end().await;
    Ok((rows, notes))
}

/// The floor by itself at a hundred messages a second, to tell whether it is a good one.
async fn bare(floor: &mut Streams) -> anyhow::Result<Option<Row>> {
    let load = Load { what: What::Events, streams: 1, rate: 100.0, lasting: Duration::from_secs(5) };
    let outcome = floor.run(load).await?;
    let figure = Figure::Time(outcome.latencies.median());
    Ok(Some(Row::new("the floor itself, 1 × 100 messages/s, p50", figure)))
}

fn together(outcomes: Vec<Outcome>) -> Outcome {
    let mut all = Outcome::default();
    all.extend(outcomes);
    all
}

fn compare(what: &str, ours: &Outcome, floor: &Outcome) -> [Row; 3] {
    let row = |name: &str, figure: fn(&Outcome) -> f64, times| {
        Row::new(format!("{what}, {name}"), Figure::Time(figure(ours)))
            .floor(Figure::Time(figure(floor)))
            .aim(Aim::TimesFloor(times))
    };
    [
        row("p50", |outcome| outcome.latencies.median(), 2.0),
        row("p99", |outcome| outcome.latencies.p99(), 3.0),
        row("server CPU each", Outcome::cpu_a_message, 2.5),
    ]
}

fn shares(outcome: &Outcome) -> String {
    format!("{:.0} + {:.0} %", outcome.busy.own_share(), outcome.busy.server_share())
}
