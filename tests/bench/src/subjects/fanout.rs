//! One conversation with many viewers: what each further one costs, and what one does that stops reading.

use std::time::Duration;

use anyhow::Context;
use e2e::viewer::Socket;

use crate::machine;
use crate::say;
use crate::streams::{Load, Outcome, Streams, What};
use crate::table::{Aim, Figure, Row};
use crate::target::{Address, Target, ask_to_follow};
use crate::world::{Person, World};

/// How many viewers.
const VIEWERS: usize = 1_000;
const HALF: usize = VIEWERS / 2;
/// Events that the conversation has already: what a viewer that attaches is sent, and one that doesn't read is not.
const EVENTS: u64 = 1_000;
/// Snapshots that the viewer asks for that then does not read: megabytes more than the kernel holds for it.
const SNAPSHOTS: u32 = 400;
/// How long one slice is. Two fit into the time after which a viewer that does not read is dropped.
const LASTING: Duration = Duration::from_secs(4);
/// How many slices each has.
const ROUNDS: usize = 3;

/// What one viewer and what many cost.
struct Cost {
    one: Outcome,
    many: Outcome,
    /// Resident memory of a further one, in bytes.
    further: f64,
}

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let world = World::make_with_logs(1, EVENTS).await?;
    let floor = {
        let mut streams = Streams::through(Target::relay(&world).await?);
        let costs = grow(&mut streams, &world).await?;
        streams.end().await;
        costs
    };
    let mut streams = Streams::through(Target::atelier(&world).await?);
    let ours = grow(&mut streams, &world).await?;
    say("One viewer stops reading");
    let before = machine::resident(streams.target().pid()?)?;
    let stalled = stall(&streams, world.people.first().context("nobody")?).await?;
    let beside = run(&mut streams, 2).await?;
    let grown = machine::resident(streams.target().pid()?)? - before;
    let held = unread(streams.target().address(), &stalled)?;
    drop(stalled);
    streams.end().await;
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let cpu = |cost: &Cost| {
        Figure::Time((cost.many.cpu_a_message() - cost.one.cpu_a_message()) / (VIEWERS as f64 - 1.0))
    };
    let p99 = |outcome: &Outcome| Figure::Time(outcome.latencies.p99());
    let p50 = |outcome: &Outcome| Figure::Time(outcome.latencies.median());
    let rows = vec![
        Row::new("a further viewer: resident memory", Figure::Bytes(ours.further))
            .floor(Figure::Bytes(floor.further)),
        Row::new("a further viewer: server CPU an event", cpu(&ours)).floor(cpu(&floor)),
        Row::new("1 viewer, p50", p50(&ours.one)).floor(p50(&floor.one)),
        Row::new(format!("{VIEWERS} viewers, p50"), p50(&ours.many)).floor(p50(&floor.many)),
        Row::new(format!("{VIEWERS} viewers, p99"), p99(&ours.many)).floor(p99(&floor.many)),
        Row::new("the others' p99 beside one that does not read", p99(&beside))
            .floor(p99(&ours.many))
            .aim(Aim::TimesFloor(1.2)),
        Row::new("memory it takes", Figure::Bytes(grown)).aim(Aim::AtMost(Figure::Bytes(1024.0 * 1024.0))),
    ];
    let shares =
        |outcome: &Outcome| format!("{:.0} + {:.0} %", outcome.busy.own_share(), outcome.busy.server_share());
    let notes = vec![
        format!(
            "10 events/s; share of the cores, load generator + server, with {VIEWERS}: floor {}, Atelier {}",
            shares(&floor.many),
            shares(&ours.many)
        ),
        format!(
            "the floor of the row about the one that does not read is the p99 without it; {:.0} KiB lay in the kernel for that one all the while",
            held / 1024.0
        ),
    ];
    Ok((rows, notes))
}

async fn grow(streams: &mut Streams, world: &World) -> anyhow::Result<Cost> {
    let pid = streams.target().pid()?;
    streams.connect(&world.people).await?;
    run(streams, 1).await?;
    let one = run(streams, ROUNDS).await?;
    // Those who come at the same time leave the allocator with pages that later ones use again; what a further viewer
    // costs shows once there are some.
    streams.add_viewers(HALF - 1).await?;
    run(streams, 1).await?;
    let half = machine::resident(pid)?;
    streams.add_viewers(VIEWERS - HALF).await?;
    run(streams, 1).await?;
    let many = run(streams, ROUNDS).await?;
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    let further = (machine::resident(pid)? - half) / (VIEWERS - HALF) as f64;
    Ok(Cost { one, many, further })
}

async fn run(streams: &mut Streams, rounds: usize) -> anyhow::Result<Outcome> {
    let mut all = Outcome::default();
    for _ in 0..rounds {
        let load = Load { what: What::Events, streams: 1, rate: 10.0, lasting: LASTING };
        all.extend([streams.run(load).await?]);
    }
    Ok(all)
}

/// A viewer that asks for much and reads nothing of it.
async fn stall(streams: &Streams, person: &Person) -> anyhow::Result<Socket> {
    let address = streams.target().address();
    let mut socket = address.open_viewer(person).await?;
    for _ in 0..SNAPSHOTS {
        ask_to_follow(&mut socket, person).await?;
    }
    Ok(socket)
}

/// Bytes that the server has written for a socket and that the other side has no room for. None is a fault: the viewer
/// would not have been one that holds the server up.
fn unread(address: Address, socket: &Socket) -> anyhow::Result<f64> {
    let (server, viewer) = (address.public.port(), socket.get_ref().local_addr()?.port());
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let queue = table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = |field: &str| u16::from_str_radix(field.rsplit(':').next()?, 16).ok();
        let ours = port(fields.get(1)?)? == server && port(fields.get(2)?)? == viewer;
        let sending = fields.get(4)?.split(':').next()?;
        ours.then(|| u32::from_str_radix(sending, 16).ok()).flatten()
    });
    let queue = queue.context("the viewer that does not read was dropped too early")?;
    anyhow::ensure!(queue > 0, "the viewer that should not read held nothing up");
    Ok(f64::from(queue))
}
