//! Connected and idle: what one link with one viewer costs to keep.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::crowd::Crowd;
use crate::machine::{self, Watch};
use crate::say;
use crate::table::{Aim, Figure, Row};
use crate::target::{Kind, Target};
use crate::world::World;

/// How many pairs, if there are descriptors for them.
const PAIRS: u64 = 9_900;
/// Descriptors that a server needs for itself.
const OWN_DESCRIPTORS: u64 = 150;
/// How long everybody is idle before it is measured what that costs.
const IDLE: Duration = Duration::from_secs(20);

/// What so many pairs cost.
struct Cost {
    pairs: usize,
    resident: f64,
    /// The same, but that every viewer follows a conversation.
    following: f64,
    idle_cpu: f64,
    connecting: f64,
    connecting_cpu: f64,
}

pub(super) async fn measure(descriptors: u64) -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let pairs = PAIRS.min(descriptors.saturating_sub(OWN_DESCRIPTORS) / 2);
    say(&format!("Making {pairs} users, workspaces and certificates"));
    let world = World::make(u32::try_from(pairs)?).await?;
    let floor = cost(&world, Target::relay(&world).await?).await?;
    let ours = cost(&world, Target::atelier(&world).await?).await?;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let each = |cost: &Cost, bytes: f64| Figure::Bytes(bytes / cost.pairs as f64);
    let sixty = Aim::AtMost(Figure::Bytes(60.0 * 1024.0));
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let rows = vec![
        Row::new("pairs held", Figure::Count(ours.pairs as f64))
            .aim(Aim::AtLeast(Figure::Count(PAIRS as f64))),
        Row::new("resident memory a pair", each(&ours, ours.resident))
            .floor(each(&floor, floor.resident))
            .aim(sixty),
        Row::new("… whose viewer follows a conversation", each(&ours, ours.following))
            .floor(each(&floor, floor.following))
            .aim(sixty),
        Row::new("time to connect them all", Figure::Time(ours.connecting))
            .floor(Figure::Time(floor.connecting)),
        Row::new("server CPU to connect a pair", Figure::Time(ours.connecting_cpu / ours.pairs as f64))
            .floor(Figure::Time(floor.connecting_cpu / floor.pairs as f64)),
        Row::new("server CPU a second, all idle", Figure::Time(ours.idle_cpu))
            .floor(Figure::Time(floor.idle_cpu)),
    ];
    let limit = if pairs < PAIRS { "what limits is the descriptors: " } else { "" };
    let notes =
        vec![format!("{limit}{descriptors} descriptors a process are allowed here; a pair takes two")];
    Ok((rows, notes))
}

async fn cost(world: &World, mut target: Target) -> anyhow::Result<Cost> {
    let (kind, pid) = (target.address().kind, target.pid()?);
    let empty = machine::resident(pid)?;
    say(&format!("Connecting to the {}", if kind == Kind::Relay { "floor" } else { "control plane" }));
    let watch = Watch::begin(pid)?;
    let mut crowd = Crowd::connect(&target, world).await?;
    let connecting = watch.end()?;
    let watch = Watch::begin(pid)?;
    tokio::time::sleep(IDLE).await;
    let idle = watch.end()?;
    crowd.check()?;
    let resident = machine::resident(pid)? - empty;
    crowd.follow_all().await?;
    let following = machine::resident(pid)? - empty;
    crowd.leave().await;
    target.end(Signal::SIGKILL).await;
    Ok(Cost {
        pairs: world.people.len(),
        resident,
        following,
        idle_cpu: idle.server / idle.elapsed,
        connecting: connecting.elapsed,
        connecting_cpu: connecting.server,
    })
}
