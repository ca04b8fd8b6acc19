//! The pure parts of terminals: the ring, what is typed, credit.

use std::sync::Arc;

use proptest::prelude::*;
use protocol::TerminalId;
use protocol::frame::{Frame, TerminalFrame, decode};
use protocol::limits::{CREDIT_BYTES, INPUT_WINDOW_BYTES, RING_BYTES};
use protocol::terminal::*;
use tokio::sync::Notify;
use uuid::Uuid;
use workspace_agent::terminal::inputs::Inputs;
use workspace_agent::terminal::ring::Ring;
use workspace_agent::terminal::stream::{ForModel, Stream};

fn stream() -> Stream {
    let view = TerminalView {
        id: TerminalId(Uuid::from_u128(1)),
        name: TerminalName::new("x").unwrap(),
        what: TerminalKind::Shell {},
        size: Size { cols: 80, rows: 24 },
        opened_at: 0,
        life: 1,
        phase: TerminalPhase::Waiting {},
        title: None,
        idle_until: None,
        recording: None,
        end: 0,
    };
    Stream::new(view, Arc::new(Notify::new()))
}

/// The byte at an offset of a stream that is told apart from its neighbours'.
fn byte(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

fn bytes(from: u64, len: usize) -> Vec<u8> {
    (from..from + len as u64).map(byte).collect()
}

/// What may happen to a stream.
#[derive(Clone, Debug)]
enum Step {
    Print(usize),
    Model(usize),
    Watch(Option<u64>, u32),
    Unwatch,
    Credit(u64),
    Snapshot,
    Send,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..300_000usize).prop_map(Step::Print),
        4 => (1..300_000usize).prop_map(Step::Model),
        1 => (any::<bool>(), 0..2_000_000u64, 0..400_000u32)
            .prop_map(|(from, back, window)| Step::Watch(from.then_some(back), window)),
        1 => Just(Step::Unwatch),
        2 => (0..600_000u64).prop_map(Step::Credit),
        1 => Just(Step::Snapshot),
        6 => Just(Step::Send),
    ]
}

proptest! {
    #[test]
    fn a_ring_has_what_was_pushed_last(most in 1..50usize, pieces in prop::collection::vec(0..40usize, 0..40), at in any::<prop::sample::Index>(), len in 0..60usize) {
        let mut ring = Ring::new(most);
        let mut all = Vec::new();
        for piece in pieces {
            let new = bytes(all.len() as u64, piece);
            ring.push(&new);
            all.extend(new);
        }
        prop_assert_eq!(ring.end(), all.len() as u64);
        prop_assert_eq!(ring.start(), all.len().saturating_sub(most) as u64);
        let from = at.index(all.len() + 2) as u64;
        let expected = if ring.has(from) { &all[from as usize..(from as usize + len).min(all.len())] } else { &[] };
        prop_assert_eq!(ring.read(from, len), expected);
    }

    #[test]
    fn what_is_typed_is_written_once_and_in_order(
        sends in prop::collection::vec((0..2u64, 0..200usize, 0..400usize), 1..60),
        writes in prop::collection::vec(0..300usize, 1..60),
    ) {
        // Each source types one stream; pieces of it come again and overlap, as after a reconnect, but leave no hole.
        let mut inputs = Inputs::default();
        let (mut sent, mut written) = ([0u64; 2], [Vec::new(), Vec::new()]);
        let mut order = Vec::new();
        let mut writes = writes.into_iter().cycle();
        for (source, back, len) in sends {
            let index = source as usize;
            let place = sent[index].saturating_sub(back as u64);
            inputs.take(source, place, &bytes(place + source * 1_000_000, len));
            let end = place + len as u64;
            if end > sent[index] {
                order.push((index, (end - sent[index]) as usize));
                sent[index] = end;
            }
            let count = writes.next().unwrap().min(inputs.next().len());
            order_out(&mut order, &mut written, &inputs.next()[..count]);
            inputs.written(count);
        }
        while !inputs.next().is_empty() {
            let count = inputs.next().len();
            order_out(&mut order, &mut written, &inputs.next()[..count]);
            inputs.written(count);
        }
        for source in 0..2 {
            prop_assert_eq!(&written[source], &bytes(source as u64 * 1_000_000, sent[source] as usize));
        }
        for (source, place) in inputs.taken() {
            prop_assert_eq!(place, sent[source as usize]);
        }
    }

    #[test]
    fn output_is_whole_within_credit_and_never_held_by_nobody(steps in prop::collection::vec(step(), 1..120)) {
        let stream = stream();
        let (mut next, mut granted, mut parts) = (None::<u64>, 0u64, 0usize);
        for step in steps {
            match step {
                Step::Print(wanted) => {
                    let mut state = stream.lock();
                    let (end, room) = (state.ring.end(), state.may_read());
                    if !state.is_watched() {
                        prop_assert_eq!(room as u64, state.modelled + RING_BYTES as u64 - end);
                    }
                    let printed = bytes(end, wanted.min(room));
                    state.ring.push(&printed);
                    prop_assert!(state.ring.has(state.modelled), "the model lost its place");
                }
                Step::Model(most) => {
                    let mut state = stream.lock();
                    let from = state.modelled;
                    let ForModel::Bytes(read) = state.for_model(most) else { panic!("a size") };
                    prop_assert_eq!(&read, &bytes(from, read.len()));
                    state.modelled += read.len() as u64;
                    if state.is_snapshot_due() {
                        let at = state.modelled;
                        state.put_snapshot(at, Size { cols: 80, rows: 24 }, vec![1; 40_000]);
                    }
                }
                Step::Watch(back, window) => {
                    let mut state = stream.lock();
                    let end = state.ring.end();
                    let from = back.map(|back| end.saturating_sub(back));
                    next = from.filter(|from| state.ring.has(*from));
                    granted = next.unwrap_or(end) + u64::from(window).min(CREDIT_BYTES as u64);
                    state.watch(from, window);
                    parts = 0;
                }
                Step::Unwatch => {
                    stream.lock().unwatch();
                    (next, granted, parts) = (None, 0, 0);
                }
                Step::Credit(more) => {
                    let offset = next.unwrap_or_default() + more;
                    stream.lock().credit(offset);
                    granted = granted.max(offset);
                }
                Step::Snapshot => stream.lock().want_snapshot(),
                Step::Send => {
                    let Some(frame) = stream.next_frame() else { continue };
                    let Ok(Frame::Terminal(_, frame)) = decode(&frame) else { panic!("no frame") };
                    match frame {
                        TerminalFrame::Output { offset, bytes: sent } => {
                            prop_assert_eq!(Some(offset), next);
                            prop_assert_eq!(sent, &bytes(offset, sent.len())[..]);
                            next = Some(offset + sent.len() as u64);
                            prop_assert!(next <= Some(granted), "more than there is credit for");
                        }
                        TerminalFrame::Snapshot { offset, part, parts: all, .. } => {
                            prop_assert_eq!(part as usize, parts);
                            parts = (parts + 1) % all as usize;
                            if parts == 0 && next.is_none() && stream.lock().ring.has(offset) {
                                next = Some(offset);
                                granted = granted.max(offset + CREDIT_BYTES as u64);
                            }
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }
}

/// Sorts what was written by who typed it.
fn order_out(order: &mut Vec<(usize, usize)>, written: &mut [Vec<u8>; 2], mut bytes: &[u8]) {
    while let Some((source, left)) = order.first_mut().filter(|_| !bytes.is_empty()) {
        let count = (*left).min(bytes.len());
        written[*source].extend_from_slice(&bytes[..count]);
        bytes = &bytes[count..];
        *left -= count;
        if *left == 0 {
            order.remove(0);
        }
    }
}

#[test]
fn a_source_has_a_window_and_a_hole_is_its_own_choice() {
    let mut inputs = Inputs::default();
    assert!(inputs.take(1, 100, &vec![b'x'; INPUT_WINDOW_BYTES]));
    assert!(!inputs.take(1, 100 + INPUT_WINDOW_BYTES as u64, b"more"));
    inputs.written(INPUT_WINDOW_BYTES);
    assert_eq!(inputs.taken(), [(1, 100 + INPUT_WINDOW_BYTES as u64)]);
    assert!(inputs.take(1, 1_000_000, b"later"));
    inputs.written(2);
    assert_eq!(inputs.taken(), [(1, 1_000_002)]);
    // An interrupt drops what waits before it.
    assert!(inputs.take(1, 1_000_005, b"ab\x03c") && inputs.has_interrupt());
    assert!(inputs.interrupt());
    assert_eq!(inputs.next(), b"c");
}

#[tokio::test]
async fn a_snapshot_that_came_too_late_is_asked_for_again() {
    let stream = stream();
    {
        let mut state = stream.lock();
        state.ring.push(&bytes(0, 10));
        state.modelled = 10;
        state.watch(None, CREDIT_BYTES as u32);
        state.put_snapshot(10, Size { cols: 80, rows: 24 }, b"screen".to_vec());
        // Meanwhile the program prints until the snapshot's place has left the ring, and the model reads it all and rests.
        state.ring.push(&bytes(10, RING_BYTES + 1));
        state.modelled = state.ring.end();
    }
    assert!(stream.next_frame().is_some());
    tokio::time::timeout(std::time::Duration::from_secs(60), stream.model.notified())
        .await
        .expect("the model is not woken");
    assert!(stream.lock().is_snapshot_due());
}
