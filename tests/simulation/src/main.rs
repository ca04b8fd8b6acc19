//! Runs many seeds, or tells one: `simulation --runs 1000000`, `simulation --tell 42`; or prints its logs: `simulation --fold 42`.

use std::io::Write;
use std::process::ExitCode;

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
    /// Print the logs that the run of this seed comes to, each event beside what the log comes to with it: what
    /// `tests/fixtures/folds.jsonl` is made of.
    #[arg(long)]
    fold: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let done = match (arguments.tell, arguments.fold) {
        (Some(seed), _) => tell(&mut out, seed),
        (None, Some(seed)) => fold(&mut out, seed),
        (None, None) => run(&mut out, arguments.from, arguments.runs),
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

fn fold(out: &mut impl Write, seed: u64) -> std::io::Result<bool> {
    for line in simulation::fold(seed) {
        writeln!(out, "{line}")?;
    }
    Ok(true)
}

fn run(out: &mut impl Write, from: u64, runs: u64) -> std::io::Result<bool> {
    let (tally, violations) = simulation::run_many(from, runs);
    for (what, times) in tally {
        writeln!(out, "{times:>10}  {what}")?;
    }
    for (seed, violation) in &violations {
        let words: String = violation.chars().take(1500).collect();
        writeln!(out, "seed {seed}: {words}")?;
    }
    writeln!(out, "simulation: {runs} runs from seed {from}, {} violation(s)", violations.len())?;
    Ok(violations.is_empty())
}
