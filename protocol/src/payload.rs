//! Content of any size under the size rule: short content travels whole, long content as head, tail, length and
//! digest, with its body beside it in chunks.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use ts_rs::TS;

use crate::bounded::{bounded_string, clip};
use crate::limits::{CHUNK_BYTES, HEAD_BYTES, INLINE_BYTES, NESTING, TAIL_BYTES};

bounded_string!(
    /// A body's SHA-256, in lower-case hexadecimal: its name within its conversation.
    BodyDigest,
    64
);

impl BodyDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(Sha256::digest(bytes).into())
    }

    /// The digest whose 32 bytes these are.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The 32 bytes, if the text is a digest at all.
    pub fn to_bytes(&self) -> Option<[u8; 32]> {
        let text = self.as_str().as_bytes();
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let hex = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(hex(pair[0])? * 16 + hex(pair[1])?).ok()?;
        }
        Some(bytes)
    }
}

/// What the bytes of a cut body are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// Plain text.
    Text,
    /// One JSON value.
    Json,
}

/// Content that was too long for its event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
pub struct Cut {
    /// What the body is.
    pub media: Media,
    /// Its beginning.
    pub head: String,
    /// Its end.
    pub tail: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its name.
    pub digest: BodyDigest,
    /// How many chunks hold it.
    pub chunks: u32,
}

/// Content inside an event.
#[derive(Clone, PartialEq, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// Text, whole.
    Text(String),
    /// A JSON value, whole.
    Json(#[ts(type = "unknown")] Value),
    /// Either of them, cut.
    Cut(Cut),
}

/// What a newer writer says beside the content is passed over; content of a kind that this version doesn't know reads as
/// JSON's null.
impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            text: Option<String>,
            cut: Option<Cut>,
            #[serde(default)]
            json: Value,
        }
        let Fields { text, cut, json } = Fields::deserialize(deserializer)?;
        Ok(text.map(Self::Text).or(cut.map(Self::Cut)).unwrap_or(Self::Json(json)))
    }
}

/// The bytes behind a [`Cut`], to be stored beside the event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// Its name.
    pub digest: BodyDigest,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Body {
    /// The body in chunks, in order.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.bytes.chunks(CHUNK_BYTES)
    }
}

impl Payload {
    /// `text` as a payload, and its body if it had to be cut.
    pub fn text(text: String) -> (Self, Option<Body>) {
        if escaped_len(&text) <= INLINE_BYTES { (Self::Text(text), None) } else { cut(Media::Text, text) }
    }

    /// `value` as a payload, and its body if it had to be cut. One that is nested too deep for every reader goes as text.
    pub fn json(value: Value) -> (Self, Option<Body>) {
        let text = value.to_string();
        if is_deep(&value, NESTING) {
            return Self::text(text);
        }
        if text.len() <= INLINE_BYTES { (Self::Json(value), None) } else { cut(Media::Json, text) }
    }

    /// The text itself, or the beginning of it.
    pub fn preview(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Json(Value::String(text)) => text,
            Self::Json(_) => "",
            Self::Cut(cut) => &cut.head,
        }
    }
}

/// Whether `value` is nested deeper than `levels`.
pub fn is_deep(value: &Value, levels: usize) -> bool {
    let deeper = |inner: &Value| levels == 0 || is_deep(inner, levels - 1);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => levels == 0 || items.iter().any(deeper),
        Value::Object(fields) => levels == 0 || fields.values().any(deeper),
    }
}

fn cut(media: Media, text: String) -> (Payload, Option<Body>) {
    let head = clip_escaped(&text, HEAD_BYTES).to_owned();
    let tail = tail_escaped(&text[head.len()..], TAIL_BYTES).to_owned();
    let bytes = text.into_bytes();
    let digest = BodyDigest::of(&bytes);
    let chunks = u32::try_from(bytes.len().div_ceil(CHUNK_BYTES)).unwrap_or(u32::MAX);
    let cut = Cut { media, head, tail, bytes: bytes.len() as u64, digest: digest.clone(), chunks };
    (Payload::Cut(cut), Some(Body { digest, bytes }))
}

/// How many bytes one character takes inside a JSON string.
fn escaped_char(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

fn escaped_len(text: &str) -> usize {
    if text.len() > INLINE_BYTES { text.len() } else { json_len(text) }
}

/// How many bytes `text` takes inside a JSON string.
pub fn json_len(text: &str) -> usize {
    text.chars().map(escaped_char).sum()
}

/// The beginning of `text` that takes at most `max` bytes inside a JSON string.
pub fn clip_escaped(text: &str, max: usize) -> &str {
    let mut used = 0;
    for (index, character) in text.char_indices() {
        used += escaped_char(character);
        if used > max {
            return &text[..index];
        }
    }
    text
}

fn tail_escaped(text: &str, max: usize) -> &str {
    let mut used = 0;
    for (index, character) in text.char_indices().rev() {
        used += escaped_char(character);
        if used > max {
            return &text[index + character.len_utf8()..];
        }
    }
    text
}

/// `text` without what would not fit into a field that holds at most `max` bytes when escaped.
pub fn short(text: &str, max: usize) -> String {
    let clipped = clip_escaped(clip(text, max), max);
    if clipped.len() == text.len() { text.to_owned() } else { format!("{clipped}…") }
}
