//! Whatever dies, nothing is lost and nothing happens twice.

/// How many seeds are run here. `make soak` runs a million.
const RUNS: u64 = 20_000;

/// What has to come to pass, or the promises were not tried.
const TRIED: [&str; 25] = [
    "a disk was full",
    "a journal may have lost its end",
    "a journal was lost",
    "a message became unknown",
    "a message steered",
    "a message was edited",
    "a message was given again",
    "a message was lost with its volume",
    "a message was taken back",
    "a page of history was read",
    "a prompt was answered",
    "a prompt was withdrawn",
    "a restart was told",
    "a silent process was ended",
    "a turn came to a result",
    "a turn fell silent",
    "a turn was continued",
    "a turn was stopped",
    "a viewer began anew with an epoch",
    "a viewer began with a snapshot",
    "a viewer lagged behind the ring",
    "a viewer resumed",
    "a viewer was too far behind",
    "an answer was not taken",
    "an item was refused",
];

#[test]
fn every_promise_is_kept_under_every_fault() {
    let (tally, violations) = simulation::run_many(0, RUNS);
    assert!(violations.is_empty(), "tell it with `simulation --tell SEED`: {violations:#?}");
    for what in TRIED {
        assert!(tally.contains_key(what), "in {RUNS} runs it never happened that {what}");
    }
}
