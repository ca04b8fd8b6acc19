//! What is told to the control plane: in which order, in which sizes.

use std::sync::Arc;

use protocol::frame::{Frame, decode};
use protocol::limits::{
    CHUNK_BYTES, DELTA_BYTES, LINK_FRAME_BYTES, LIVE_BLOCK_BYTES, LIVE_BYTES, UNSTORED_BYTES,
};
use protocol::link::{Catalog, CommandOffer, Delta, FromAgent, LiveKind};
use protocol::{BlockId, ConversationId, Position};
use serde_json::json;
use uuid::Uuid;
use workspace_agent::claude::blocks::Change;
use workspace_agent::claude::lines::Line;
use workspace_agent::conversation::core::{Input, Now};
use workspace_agent::conversation::journal::medium::OnDisk;
use workspace_agent::conversation::keeper::Keeper;
use workspace_agent::conversation::outgoing::Outgoing;

fn keeper(dir: &std::path::Path) -> Keeper {
    let medium = Arc::new(OnDisk::open(dir).unwrap());
    let id = ConversationId(Uuid::from_u128(0xC0));
    let mut keeper = Keeper::open(id, crate::desk::POLICY, medium, [7; 16], Arc::default()).unwrap();
    keeper.join(Now::default(), Position::default(), 1);
    while keeper.next_act().unwrap().is_some() {}
    keeper
}

fn note(keeper: &mut Keeper, text: String) {
    let line = json!({ "type": "system", "subtype": "informational", "content": text }).to_string();
    keeper.feed(Now::default(), Input::Line(Line::parse(&line)));
    while keeper.next_act().unwrap().is_some() {}
}

fn live(outgoing: &Outgoing, block: &str, at: usize, text: &str) {
    let (block, what) = (BlockId::new(block).unwrap(), LiveKind::Text {});
    outgoing.live(Change::Append { block, what, at: at as u64, text: text.to_owned(), parent: None });
}

fn deltas(messages: Vec<FromAgent>) -> Vec<Delta> {
    messages
        .into_iter()
        .filter_map(|message| if let FromAgent::Delta(delta) = message { Some(delta) } else { None })
        .collect()
}

#[test]
fn live_text_is_told_in_pieces_that_fit_and_join() {
    let dir = tempfile::tempdir().unwrap();
    let outgoing = keeper(dir.path()).outgoing();
    let text = "\u{1}한".repeat(LIVE_BLOCK_BYTES / 4);
    live(&outgoing, "a", 0, &text);
    let mut cursor = outgoing.cursor();
    let mut joined = String::new();
    for delta in deltas(outgoing.next_messages(&mut cursor)) {
        assert_eq!(delta.at, joined.len() as u64);
        joined.push_str(&delta.text);
        assert!(serde_json::to_string(&FromAgent::Delta(delta)).unwrap().len() <= DELTA_BYTES + 1024);
    }
    assert_eq!(joined, text);
    assert!(deltas(outgoing.next_messages(&mut cursor)).is_empty());
}

#[test]
fn live_text_of_a_conversation_is_bounded_and_has_no_holes() {
    let dir = tempfile::tempdir().unwrap();
    let outgoing = keeper(dir.path()).outgoing();
    let piece = "x".repeat(LIVE_BYTES / 2 - 10);
    for block in ["a", "b", "c"] {
        live(&outgoing, block, 0, &piece);
    }
    let mut cursor = outgoing.cursor();
    let told: usize = deltas(outgoing.next_messages(&mut cursor)).iter().map(|delta| delta.text.len()).sum();
    assert_eq!(told, LIVE_BYTES);
    // Room is made, but what follows in the third block does not follow what is known of it.
    outgoing.live(Change::Retract(vec![BlockId::new("a").unwrap()]));
    live(&outgoing, "c", piece.len(), "late");
    assert!(deltas(outgoing.next_messages(&mut cursor)).is_empty());
}

#[test]
fn bodies_go_chunk_by_chunk_before_their_events_and_count_as_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = keeper(dir.path());
    let big = CHUNK_BYTES * 3 / 2;
    for _ in 0..8 {
        note(&mut keeper, "x".repeat(big));
    }
    let outgoing = keeper.outgoing();
    let mut cursor = outgoing.cursor();
    let (mut chunks, mut told) = (Vec::new(), Vec::new());
    while let Some(frame) = outgoing.next_frame(&mut cursor, 1_000_000).unwrap() {
        assert!(frame.len() <= LINK_FRAME_BYTES);
        match decode(&frame).unwrap() {
            Frame::Chunk(chunk) => chunks.push((chunk.index, chunk.chunks, chunk.bytes.len())),
            Frame::Events(events) => told.extend(events.events.iter().map(|(header, _)| header.n)),
            other @ (Frame::Terminal(..) | Frame::Unknown(_)) => panic!("{other:?}"),
        }
    }
    assert_eq!(chunks[..2], [(0, 2, CHUNK_BYTES), (1, 2, CHUNK_BYTES / 2)]);
    // No more is under way than may be, though the events themselves are small.
    assert!(told.len() * big <= UNSTORED_BYTES + big && told.len() < 8, "{told:?}");
    assert_eq!(chunks.len(), told.len() * 2);
    // What the store has makes room for the rest.
    let last = *told.last().unwrap();
    outgoing.stored(Position { epoch: 1, n: last });
    let next = outgoing.next_frame(&mut cursor, 1_000_000).unwrap().unwrap();
    assert!(matches!(decode(&next).unwrap(), Frame::Chunk(_)));
}

#[test]
fn another_catalogue_is_told_on_the_same_link_and_the_same_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let outgoing = keeper(dir.path()).outgoing();
    let mut cursor = outgoing.cursor();
    let mut told = |name: &str| {
        let offer =
            CommandOffer { name: name.to_owned(), description: String::new(), argument_hint: String::new() };
        outgoing.offers(Catalog { models: Vec::new(), commands: vec![offer] });
        let messages = outgoing.next_messages(&mut cursor);
        messages.iter().filter(|message| matches!(message, FromAgent::Catalog(_))).count()
    };
    assert_eq!([told("a"), told("b"), told("b")], [1, 1, 0]);
}
