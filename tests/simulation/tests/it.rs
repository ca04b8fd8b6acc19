//! Whatever dies, nothing is lost and nothing happens twice.

/// How many seeds are run here. `make soak` runs a million.
const RUNS: u64 = 20_000;

#[test]
fn every_promise_is_kept_under_every_fault() {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let failed: Vec<String> = std::thread::scope(|scope| {
        let work = |thread| {
            move || {
                let mut seeds = (thread..RUNS).step_by(usize::try_from(threads).unwrap_or(1));
                seeds.find_map(|seed| Some(format!("seed {seed}: {}", simulation::run(seed).err()?)))
            }
        };
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(work(thread))).collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().unwrap_or(Some("a run panicked".to_owned())))
            .collect()
    });
    assert!(failed.is_empty(), "tell it with `simulation --tell SEED`: {failed:#?}");
}
