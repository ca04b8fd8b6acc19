//! What a log comes to is known in two places, here and in the page. Both are held against the same logs: those of a few runs of
//! the simulation, each event beside the summary up to there (`simulation --fold SEED`, for 32, 11 and 1).

use protocol::Event;
use protocol::summary::Summary;
use serde::Deserialize;

#[derive(Deserialize)]
struct Step {
    event: Event,
    summary: Summary,
}

#[test]
fn a_log_comes_to_what_is_written_down() {
    let fixture = include_str!("../../../tests/fixtures/folds.jsonl");
    let mut summary = Summary::default();
    for line in fixture.lines() {
        let step: Step = serde_json::from_str(line).unwrap();
        if step.event.n == 1 {
            summary = Summary::default();
        }
        summary.apply(&step.event);
        assert_eq!(summary, step.summary, "with {line}");
    }
}
