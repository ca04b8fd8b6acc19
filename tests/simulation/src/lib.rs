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

pub use self::checks::Violation;
use self::world::World;

/// Steps with faults.
const STEPS: usize = 400;
/// Steps that a world may take to come to rest. Far more than any has needed.
const CALM: usize = 20_000;

/// Runs the world of one seed.
///
/// # Errors
/// What was promised and not kept.
pub fn run(seed: u64) -> Result<(), Violation> {
    live(&mut World::new(seed))
}

/// Runs the world of one seed and returns what happened in it, step by step.
pub fn tell(seed: u64) -> (Vec<String>, Result<(), Violation>) {
    let mut world = World::new(seed);
    world.story = Some(Vec::new());
    let outcome = live(&mut world);
    if outcome.is_err() {
        world.tell_log();
    }
    (world.story.unwrap_or_default(), outcome)
}

fn live(world: &mut World) -> Result<(), Violation> {
    for _ in 0..STEPS {
        world.step(true)?;
    }
    world.calm(CALM)?;
    checks::check(world)
}
