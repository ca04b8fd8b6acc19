//! Every target over the committed corpus, and over what comes of it when it is cut and changed a little.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn the_corpus_breaks_nothing() {
    for (name, target) in fuzz::TARGETS {
        corpus(name).iter().for_each(|bytes| target(bytes));
    }
}

#[test]
fn what_is_recorded_of_the_cli_is_heard_as_turns_and_not_as_noise_before_one() {
    let all: Vec<Vec<protocol::Event>> =
        corpus("lines").iter().map(|bytes| fuzz::lines::log(bytes)).collect();
    let with = |kind: &str| {
        let has = |log: &&Vec<protocol::Event>| {
            log.iter().any(|event| serde_json::to_value(event).unwrap()["kind"] == kind)
        };
        all.iter().filter(has).count()
    };
    for kind in
        ["message_started", "text", "tool_call", "prompt_asked", "prompt_answered", "stop_asked", "result"]
    {
        assert!(with(kind) > 0, "no recording leads to {kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_comes_of_the_corpus_breaks_nothing(
        pick in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        for (name, target) in fuzz::TARGETS {
            let all = corpus(name);
            let mut bytes = pick.get(&all).clone();
            bytes.truncate(cut.index(bytes.len() + 1).max(1));
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            target(&bytes);
        }
    }
}
