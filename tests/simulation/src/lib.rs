//! A deterministic simulation: the decisions of workspace-agent, control plane and viewers, the real ones without their
//! I/O, in a world where a seeded dice says what happens next, faults among it.
//!
//! A run is some hundred steps in which anything may fail (the link, either side, the CLI, the container, the machine's
//! power, a disk, the store), then as many as it takes for all to come to rest without faults; then everything is held
//! against what was promised (`checks`). A seed is the whole run: a failing one can be told again, step by step.

mod checks;
mod claude;
mod dice;
mod disk;
mod link;
mod plane;
mod store;
mod viewer;
mod workspace;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use protocol::Event;
use protocol::summary::Summary;

pub use self::checks::{Tally, Violation};
use self::world::World;

/// Violations after which a thread looks for no more.
const ENOUGH: usize = 3;
/// Steps with faults.
const STEPS: usize = 400;
/// Steps that a world may take to come to rest. Far more than any has needed.
const CALM: usize = 20_000;

/// Runs the world of one seed and counts what came to pass in it.
///
/// # Errors
/// What was promised and not kept.
pub fn run(seed: u64) -> Result<Tally, Violation> {
    live(&mut World::new(seed))
}

/// Runs the worlds of many seeds on every core. Returns what came to pass in all of them together, and the first
/// violations with their seeds.
pub fn run_many(from: u64, runs: u64) -> (Tally, Vec<(u64, String)>) {
    let next = AtomicU64::new(from);
    let work = || {
        let (mut tally, mut violations) = (Tally::new(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + runs || violations.len() >= ENOUGH {
                return (tally, violations);
            }
            match run(seed) {
                Ok(more) => {
                    more.into_iter().for_each(|(what, times)| *tally.entry(what).or_default() += times)
                }
                Err(violation) => violations.push((seed, violation.to_string())),
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let (mut tally, mut violations) = (Tally::new(), Vec::new());
        for worker in workers {
            match worker.join() {
                Ok((more, failed)) => {
                    more.into_iter().for_each(|(what, times)| *tally.entry(what).or_default() += times);
                    violations.extend(failed);
                }
                Err(_) => violations.push((from, "a run panicked".to_owned())),
            }
        }
        (tally, violations)
    })
}

/// Runs the world of one seed and returns what happened in it, step by step.
pub fn tell(seed: u64) -> (Vec<String>, Result<(), Violation>) {
    let mut world = World::new(seed);
    world.story = Some(Vec::new());
    let outcome = live(&mut world).map(drop);
    if outcome.is_err() {
        world.tell_log();
    }
    (world.story.unwrap_or_default(), outcome)
}

/// Runs the world of one seed and returns the logs that it comes to, a line of JSON an event: the event, and the summary of its
/// log up to there.
pub fn fold(seed: u64) -> Vec<String> {
    let mut world = World::new(seed);
    let _ = live(&mut world);
    let mut lines = Vec::new();
    for kept in world.store.kept.values() {
        let mut summary = Summary::default();
        for event in kept.log().iter().filter_map(|(_, json)| serde_json::from_str::<Event>(json).ok()) {
            summary.apply(&event);
            lines.push(serde_json::json!({ "event": event, "summary": summary }).to_string());
        }
    }
    lines
}

fn live(world: &mut World) -> Result<Tally, Violation> {
    for _ in 0..STEPS {
        world.step(true)?;
    }
    world.calm(CALM)?;
    checks::check(world)
}
