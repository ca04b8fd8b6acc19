//! A log read backwards, and the bodies that are too large for it.

use control_plane::store::records::{Chunk, Segment};
use protocol::ConversationId;
use uuid::Uuid;

use super::assert_refused;
use super::world::{World, appending, segment, step, with_segment};

/// What `segments_before` promises, said plainly.
fn expected(log: &[Segment], before: u64, limit: u64) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut events = 0;
    for segment in log.iter().rev().filter(|segment| segment.first < before) {
        if events >= limit {
            break;
        }
        events += (segment.first..=segment.last).filter(|n| *n < before).count() as u64;
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
    for before in (0..=13).chain([u64::MAX]) {
        for limit in (0..=12).chain([u64::MAX]) {
            let page = world.other().segments_before(record.id, before, limit).await.unwrap();
            assert_eq!(page, expected(&log, before, limit), "{limit} before {before}");
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
