//! Runs many seeds, or tells one: `simulation --runs 1000000`, `simulation --tell 42`.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;

/// The simulation.
#[derive(Parser)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 20_000)]
    runs: u64,
    /// Tell the run of this seed, step by step.
    #[arg(long)]
    tell: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let done = match arguments.tell {
        Some(seed) => tell(&mut out, seed),
        None => run(&mut out, arguments.from, arguments.runs),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn tell(out: &mut impl Write, seed: u64) -> std::io::Result<bool> {
    let (story, outcome) = simulation::tell(seed);
    for line in story {
        writeln!(out, "{line}")?;
    }
    match &outcome {
        Ok(()) => writeln!(out, "seed {seed}: all promises kept")?,
        Err(violation) => writeln!(out, "seed {seed}: {violation}")?,
    }
    Ok(outcome.is_ok())
}

fn run(out: &mut impl Write, from: u64, runs: u64) -> std::io::Result<bool> {
    let next = AtomicU64::new(from);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let failures: Vec<(u64, String)> = std::thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= from + runs || failed.len() >= 3 {
                    return failed;
                }
                if let Err(violation) = simulation::run(seed) {
                    failed.push((seed, violation.to_string()));
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    for (seed, violation) in &failures {
        let words: String = violation.chars().take(1500).collect();
        writeln!(out, "seed {seed}: {words}")?;
    }
    writeln!(out, "{} runs from seed {from}: {} violation(s)", runs, failures.len())?;
    Ok(failures.is_empty())
}
