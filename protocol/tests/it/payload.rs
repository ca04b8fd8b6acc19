//! Payloads of any content keep the size rule and lose nothing.

use proptest::prelude::*;
use protocol::limits::{CHUNK_BYTES, HEAD_BYTES, INLINE_BYTES, TAIL_BYTES};
use protocol::payload::{Body, BodyDigest, Payload};

fn check(payload: &Payload, body: Option<&Body>, whole: &str) {
    match (payload, body) {
        (Payload::Cut(cut), Some(body)) => {
            assert_eq!(body.bytes, whole.as_bytes());
            assert_eq!(cut.bytes, whole.len() as u64);
            assert_eq!(cut.digest, BodyDigest::of(whole.as_bytes()));
            assert_eq!(BodyDigest::from_bytes(cut.digest.to_bytes().unwrap()), cut.digest);
            assert!(whole.starts_with(&cut.head) && whole.ends_with(&cut.tail));
            assert_eq!(body.chunks().len(), cut.chunks as usize);
            assert!(body.chunks().all(|chunk| chunk.len() <= CHUNK_BYTES));
            assert_eq!(body.chunks().collect::<Vec<_>>().concat(), whole.as_bytes());
        }
        (Payload::Text(text), None) => assert_eq!(text, whole),
        (Payload::Json(value), None) => assert_eq!(value.to_string(), whole),
        other => panic!("a cut without a body, or a body without a cut: {other:?}"),
    }
    let size = serde_json::to_string(payload).unwrap().len();
    let most = INLINE_BYTES.max(HEAD_BYTES + TAIL_BYTES) + 256;
    // A value cut as JSON is escaped once more when its head and tail become strings.
    assert!(size <= most, "{size} bytes");
}

proptest! {
    #[test]
    fn text(character in any::<char>(), count in 0..60_000usize) {
        let whole: String = std::iter::repeat_n(character, count).collect();
        let (payload, body) = Payload::text(whole.clone());
        check(&payload, body.as_ref(), &whole);
    }

    #[test]
    fn mixed_text(parts in prop::collection::vec(".{0,400}", 0..200)) {
        let whole = parts.concat();
        let (payload, body) = Payload::text(whole.clone());
        check(&payload, body.as_ref(), &whole);
    }

    #[test]
    fn json(strings in prop::collection::vec(".{0,2000}", 0..40)) {
        let value = serde_json::json!({ "strings": strings });
        let whole = value.to_string();
        let (payload, body) = Payload::json(value);
        check(&payload, body.as_ref(), &whole);
    }
}

#[test]
fn a_megabyte_is_cut_into_chunks() {
    let whole = "가".repeat(500_000);
    let (payload, body) = Payload::text(whole.clone());
    check(&payload, body.as_ref(), &whole);
    assert_eq!(body.unwrap().chunks().len(), 3);
}
