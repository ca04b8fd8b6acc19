//! Whatever arrives, decoding answers; it never panics.

use proptest::prelude::*;
use protocol::Event;
use protocol::fleet::FleetRequest;
use protocol::frame;
use protocol::link::{FromAgent, FromControl};
use protocol::viewer::Request;

use crate::samples;

/// Samples of everything, as bytes.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = samples::frames();
    seeds.extend(samples::events().iter().map(|event| serde_json::to_vec(event).unwrap()));
    seeds.extend(samples::from_agent().iter().map(|message| serde_json::to_vec(message).unwrap()));
    seeds.extend(samples::from_control().iter().map(|message| serde_json::to_vec(message).unwrap()));
    seeds.extend(samples::from_viewer().iter().map(|request| serde_json::to_vec(request).unwrap()));
    seeds.extend(samples::from_operator().iter().map(|request| serde_json::to_vec(request).unwrap()));
    seeds
}

fn decode_as_everything(bytes: &[u8]) {
    let _ = frame::decode(bytes);
    let _ = frame::split_events(bytes, 1);
    let _ = serde_json::from_slice::<Event>(bytes);
    let _ = serde_json::from_slice::<FromAgent>(bytes);
    let _ = serde_json::from_slice::<FromControl>(bytes);
    let _ = serde_json::from_slice::<Request>(bytes);
    let _ = serde_json::from_slice::<FleetRequest>(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn samples_with_bytes_changed_cut_and_doubled(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        twice in any::<bool>(),
    ) {
        let seeds = seeds();
        let mut bytes = seed.get(&seeds).clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if twice {
            bytes.extend_from_within(..);
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        decode_as_everything(&bytes);
    }
}

#[test]
fn numbers_at_the_edge_are_no_overflow() {
    let last = format!(r#"{{"n":{},"at":1,"kind":"x"}}"#, u64::MAX);
    let lines = format!("{last}\n{last}\n");
    assert!(frame::split_events(lines.as_bytes(), u64::MAX).is_err());
    let end = protocol::Position { epoch: 1, n: u64::MAX - 1 };
    let _ = protocol::log::take(end, 1, u64::MAX, u64::MAX);
}
