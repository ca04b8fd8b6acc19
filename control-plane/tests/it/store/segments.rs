//! A log read backwards, and the bodies that are too large for it.

use control_plane::store::records::{Chunk, Segment};
use protocol::ConversationId;
use uuid::Uuid;

use super::assert_refused;
use super::world::{World, appending, segment, step, with_segment};

/// What a store promises of segments in this order, of which the events are wanted that `wanted` says, plainly.
fn expected<'a>(
    log: impl Iterator<Item = &'a Segment>,
    wanted: impl Fn(u64) -> bool,
    (limit, bytes): (u64, usize),
) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    let count = |segment: &Segment| (segment.first..=segment.last).filter(|n| wanted(*n)).count() as u64;
    for segment in log.filter(|segment| count(segment) > 0) {
        let size: usize = found.iter().map(|segment| segment.lines.len()).sum();
        let too_large = !found.is_empty() && size + segment.lines.len() > bytes;
        if found.iter().map(count).sum::<u64>() >= limit || too_large {
            break;
        }
        found.push(segment.clone());
    }
    found
}

pub(super) async fn pages_are_exact_over_every_border(world: &World) {
    let mut record = world.conversation().await;
    let mut log = Vec::new();
    for count in [3, 1, 4, 2, 1] {
        let commit = appending(&record, count);
        world.store().commit(&commit).await.unwrap();
        (record, log) = (commit.record, [log, vec![commit.segment.unwrap()]].concat());
    }
    for at in (0..=13).chain([u64::MAX]) {
        for limit in (0..=12).chain([u64::MAX]) {
            let page = world.other().segments_before(record.id, at, limit, usize::MAX).await.unwrap();
            let plain = expected(log.iter().rev(), |n| n < at, (limit, usize::MAX));
            assert_eq!(page, plain, "{limit} before {at}");
            let page = world.other().segments_after(record.id, at, limit, usize::MAX).await.unwrap();
            let plain = expected(log.iter(), |n| n > at, (limit, usize::MAX));
            assert_eq!(page, plain, "{limit} after {at}");
        }
    }
}

pub(super) async fn a_page_takes_no_more_bytes_than_are_wanted_unless_its_first_segment_does(world: &World) {
    let mut record = world.conversation().await;
    let mut log = Vec::new();
    // More of them than any store asks for at a time, the last ones of any size.
    for size in std::iter::repeat_n(10, 40).chain([7000, 300, 1, 300, 20_000]) {
        let mut long = segment(1, record.end.n + 1, record.end.n + 1);
        long.lines = vec![b'x'; size];
        let commit = with_segment(step(&record), long.clone());
        world.store().commit(&commit).await.unwrap();
        record = commit.record;
        log.push(long);
    }
    for bytes in [0, 1, 9, 10, 20, 399, 400, 401, 7400, 20_000, 20_601, 100_000] {
        for at in [0, 1, 5, 39, 40, 41, 42, 44, 46] {
            for limit in [1, 3, 100] {
                let page = world.other().segments_before(record.id, at, limit, bytes).await.unwrap();
                let plain = expected(log.iter().rev(), |n| n < at, (limit, bytes));
                assert!(page == plain, "{bytes} bytes, {limit} events before {at}: {}", page.len());
                let page = world.other().segments_after(record.id, at, limit, bytes).await.unwrap();
                let plain = expected(log.iter(), |n| n > at, (limit, bytes));
                assert!(page == plain, "{bytes} bytes, {limit} events after {at}: {}", page.len());
            }
        }
    }
}

pub(super) async fn a_segment_of_full_size_comes_back_as_it_went(world: &World) {
    let fresh = world.conversation().await;
    let mut big = segment(1, 1, 1);
    // No text at all: what comes back must be the bytes that went.
    big.lines = (0..512 * 1024_u32).map(|n| (n % 251) as u8).collect();
    world.store().commit(&with_segment(step(&fresh), big.clone())).await.unwrap();
    assert_eq!(world.log(fresh.id).await, [big]);
}

pub(super) async fn chunks_are_kept_once(world: &World) {
    let id = world.conversation().await.id;
    let chunk = |index, bytes: &[u8]| Chunk { digest: [1; 32], index, chunks: 2, bytes: bytes.to_vec() };
    let whole = vec![0xFF; 512 * 1024];
    world.store().put_chunk(id, &chunk(0, &whole)).await.unwrap();
    world.store().put_chunk(id, &chunk(1, b"end")).await.unwrap();
    world.other().put_chunk(id, &chunk(1, b"something else")).await.unwrap();
    assert_eq!(world.other().chunk(id, [1; 32], 0).await.unwrap(), chunk(0, &whole));
    assert_eq!(world.other().chunk(id, [1; 32], 1).await.unwrap(), chunk(1, b"end"));
    assert_refused!(world.other().chunk(id, [1; 32], 2).await, NotFound);
    assert_refused!(world.other().chunk(id, [2; 32], 0).await, NotFound);
}

pub(super) async fn chunks_belong_to_one_conversation(world: &World) {
    let (one, two) = (world.conversation().await.id, world.conversation().await.id);
    let chunk = Chunk { digest: [1; 32], index: 0, chunks: 1, bytes: b"mine".to_vec() };
    world.store().put_chunk(one, &chunk).await.unwrap();
    assert_refused!(world.store().chunk(two, [1; 32], 0).await, NotFound);
    let nowhere = ConversationId(Uuid::new_v4());
    assert_refused!(world.store().put_chunk(nowhere, &chunk).await, NotFound);
}
