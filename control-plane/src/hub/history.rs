//! A page of a log, backwards: what a viewer asks for that began with a snapshot.

use protocol::frame::{FrameError, split_events};

use super::ring::Line;
use crate::store::records::Segment;

/// The newest events before event `before`, oldest first: `events` of them at most and about `bytes`, one at least if there is
/// any. The segments come newest first, as [`crate::store::Conversations::segments_before`] gives them.
///
/// # Errors
/// When a segment is not what was stored.
pub fn page(segments: &[Segment], before: u64, events: u64, bytes: usize) -> Result<Vec<Line>, FrameError> {
    let mut lines = Vec::new();
    let mut taken = 0;
    'newest_first: for segment in segments {
        let newest_first = split_events(&segment.lines, segment.first)?.into_iter().rev();
        for (header, json) in newest_first.filter(|(header, _)| header.n < before) {
            if before - header.n > events || (taken > 0 && taken + json.len() > bytes) {
                break 'newest_first;
            }
            taken += json.len();
            lines.push(Line { epoch: segment.epoch, n: header.n, json: json.into() });
        }
    }
    lines.reverse();
    Ok(lines)
}
