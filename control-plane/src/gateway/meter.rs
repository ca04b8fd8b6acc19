//! Counts tokens as an answer flows by, without holding it up. Pure.
//!
//! A streamed answer is read line by line: `message_start` has what was read, `message_delta` what has been written so
//! far. An answer in one piece is kept, up to a limit, and read at its end.

use serde::Deserialize;

use crate::store::records::UsageRecord;

/// The longest line that is looked at. Those that matter are short.
const LINE_BYTES: usize = 64 * 1024;
/// The longest answer in one piece that is looked at.
const WHOLE_BYTES: usize = 4 * 1024 * 1024;

/// Counts the tokens of one answer.
#[derive(Debug, Default)]
pub struct Meter {
    line: Vec<u8>,
    skipping: bool,
    whole: Vec<u8>,
    streamed: bool,
    usage: Option<UsageRecord>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Clone, Copy, Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
}

impl Meter {
    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if !self.streamed && self.whole.len() + bytes.len() <= WHOLE_BYTES {
            self.whole.extend_from_slice(bytes);
        }
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            self.end_of_line();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.skipping || self.line.len() + bytes.len() > LINE_BYTES {
            self.skipping = true;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn end_of_line(&mut self) {
        self.skipping = false;
        let line = std::mem::take(&mut self.line);
        let Some(data) = line.strip_prefix(b"data:") else { return };
        if !self.streamed {
            self.streamed = true;
            self.whole = Vec::new();
        }
        if contains(data, b"\"usage\"")
            && let Ok(said) = serde_json::from_slice(data)
        {
            self.count(said);
        }
    }

    fn count(&mut self, said: Said) {
        let Some(tokens) = said.message.and_then(|message| message.usage).or(said.usage) else { return };
        let usage = self.usage.get_or_insert(UsageRecord { requests: 1, ..UsageRecord::default() });
        usage.input = tokens.input_tokens.unwrap_or(usage.input);
        usage.output = tokens.output_tokens.unwrap_or(usage.output);
        usage.cache_read = tokens.cache_read_input_tokens.unwrap_or(usage.cache_read);
        usage.cache_write = tokens.cache_creation_input_tokens.unwrap_or(usage.cache_write);
    }

    /// What the answer took; `None` when it said nothing of it.
    pub fn finish(mut self) -> Option<UsageRecord> {
        if !self.streamed
            && let Ok(said) = serde_json::from_slice(&self.whole)
        {
            self.count(said);
        }
        self.usage
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hi\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":42}}\n\n";

    fn counted() -> Option<UsageRecord> {
        Some(UsageRecord { requests: 1, input: 10, output: 42, cache_read: 3, ..UsageRecord::default() })
    }

    #[test]
    fn an_answer_in_one_piece_is_counted() {
        let mut meter = Meter::default();
        meter.push(br#"{"type":"message","usage":{"input_tokens":10,"#);
        meter.push(br#""cache_read_input_tokens":3,"output_tokens":42}}"#);
        assert_eq!(meter.finish(), counted());
    }

    #[test]
    fn an_error_costs_nothing() {
        let mut meter = Meter::default();
        meter.push(br#"{"type":"error"}"#);
        assert_eq!(meter.finish(), None);
    }

    proptest! {
        #[test]
        fn a_stream_is_counted_wherever_it_is_split(cuts in prop::collection::vec(0..STREAM.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut meter = Meter::default();
            let mut from = 0;
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                meter.push(&STREAM.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(meter.finish(), counted());
        }

        #[test]
        fn random_bytes_never_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut meter = Meter::default();
            for chunk in &chunks {
                meter.push(chunk);
            }
            let _ = meter.finish();
        }
    }
}
