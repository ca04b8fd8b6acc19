//! Binary frames of the link.

use protocol::frame::{self, Frame};

/// A frame that is understood says the same when it is written again.
///
/// # Panics
/// When it does not.
pub fn run(bytes: &[u8]) {
    match frame::decode(bytes) {
        Ok(Frame::Events(events)) => {
            assert!(!events.events.is_empty(), "a frame of no event was taken");
            let lines = events.events.iter().map(|(_, line)| *line);
            let again = frame::encode_events(events.conversation, events.epoch, events.first, lines);
            // The last line may lack its newline.
            assert_eq!(again.strip_suffix(b"\n"), Some(bytes.strip_suffix(b"\n").unwrap_or(bytes)));
        }
        Ok(Frame::Chunk(chunk)) => assert_eq!(frame::encode_chunk(&chunk), bytes),
        Ok(Frame::Terminal(terminal, frame)) => {
            assert!(
                frame::encode_terminal(terminal, &frame).starts_with(bytes)
                    || bytes.starts_with(&frame::encode_terminal(terminal, &frame))
            );
        }
        Ok(Frame::Unknown(_)) | Err(_) => {}
    }
}
