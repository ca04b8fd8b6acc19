//! The body of a request, as far as it decides the answer. Everything else is skipped unread: a CLI's request is
//! large and the time to the first byte is measured.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What `POST /v1/messages` and `/v1/messages/count_tokens` are asked with.
#[derive(serde::Deserialize)]
pub(crate) struct MessagesRequest<'a> {
    pub(crate) model: String,
    #[serde(borrow)]
    pub(crate) messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    pub(crate) system: Content<'a>,
    #[serde(borrow, default)]
    pub(crate) tools: Vec<&'a RawValue>,
    #[serde(default)]
    pub(crate) stream: bool,
    pub(crate) max_tokens: Option<u64>,
}

/// One message of the conversation.
#[derive(serde::Deserialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: Role,
    #[serde(borrow, default)]
    pub(crate) content: Content<'a>,
}

/// Who speaks. The CLI also sends `system` messages in mid-conversation.
#[derive(serde::Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    User,
    Assistant,
    #[serde(other)]
    Other,
}

/// A message's or tool result's content: a string or blocks.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Text(String),
    Blocks(Vec<Block<'a>>),
}

/// One content block.
#[derive(serde::Deserialize, Debug)]
pub(crate) struct Block<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: BlockKind,
    #[serde(default)]
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) thinking: Option<String>,
    #[serde(borrow, default)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) content: Option<Content<'a>>,
    #[serde(default)]
    pub(crate) cache_control: Option<IgnoredAny>,
}

/// The kinds of block that are told apart.
#[derive(serde::Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BlockKind {
    Text,
    Image,
    Document,
    ToolResult,
    #[serde(other)]
    Other,
}

impl<'a> MessagesRequest<'a> {
    /// Reads a body; the error is fit to show.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, String> {
        let request: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if request.messages.is_empty() {
            return Err("messages: at least one message is required".into());
        }
        Ok(request)
    }

    /// Whether this is one of the CLI's side calls (a title, a summary of a page) and no turn of a conversation.
    pub(crate) fn is_auxiliary(&self) -> bool {
        /// Shorter than any system prompt of a turn, longer than most of side calls.
        const SHORT_SYSTEM: usize = 3000;
        self.tools.is_empty() || self.system_size() < SHORT_SYSTEM
    }

    /// Whether a conversation's title is asked for.
    pub(crate) fn asks_for_title(&self) -> bool {
        self.is_auxiliary() && self.system.texts().any(|text| text.contains("title"))
    }

    /// The length of the system prompt, in characters.
    pub(crate) fn system_size(&self) -> usize {
        self.system.texts().map(|text| text.chars().count()).sum()
    }
}

impl Content<'_> {
    /// The texts: of the string itself or of the text blocks.
    pub(crate) fn texts(&self) -> impl DoubleEndedIterator<Item = &str> {
        let (one, blocks): (Option<&str>, &[Block<'_>]) = match self {
            Self::Text(text) => (Some(text), &[]),
            Self::Blocks(blocks) => (None, blocks),
        };
        let of_blocks = blocks.iter().filter(|block| block.kind == BlockKind::Text);
        one.into_iter().chain(of_blocks.filter_map(|block| block.text.as_deref()))
    }

    /// Whether a tool's result is among the blocks.
    pub(crate) fn has_tool_result(&self) -> bool {
        self.blocks().iter().any(|block| block.kind == BlockKind::ToolResult)
    }

    /// The blocks; none for a string.
    pub(crate) fn blocks(&self) -> &[Block<'_>] {
        match self {
            Self::Text(_) => &[],
            Self::Blocks(blocks) => blocks,
        }
    }
}

impl Default for Content<'_> {
    fn default() -> Self {
        Self::Blocks(Vec::new())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

/// By hand, for an untagged enum would buffer the whole content and could not borrow the raw values in it.
struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a list of content blocks")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Content::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut blocks = Vec::new();
        while let Some(block) = list.next_element()? {
            blocks.push(block);
        }
        Ok(Content::Blocks(blocks))
    }

    /// Some server tools' results are one object; nothing in it matters here.
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Content::default())
    }
}

#[cfg(test)]
mod tests {
    use super::{MessagesRequest, Role};

    #[test]
    fn strings_blocks_and_unknown_kinds_are_read() {
        let body = r#"{"model":"m","tools":[{"name":"Bash"}],"system":[{"type":"text","text":"be good"}],"messages":[
            {"role":"user","content":"one"},
            {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"Bash","input":{"command":"ls"}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"out"}]},
                {"type":"image","source":{"type":"base64","data":"AA=="}},{"type":"text","text":"two"}]},
            {"role":"user","content":[{"type":"web_search_tool_result","content":{"type":"error","code":1}}]},
            {"role":"system","content":null}],"stream":true,"metadata":{"user_id":"u"}}"#;
        let request = MessagesRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(request.messages[0].content.texts().collect::<Vec<_>>(), ["one"]);
        assert_eq!(request.messages[2].content.texts().collect::<Vec<_>>(), ["two"]);
        assert!(request.messages[2].content.has_tool_result());
        assert_eq!(request.messages[4].role, Role::Other);
        assert!(request.stream && request.is_auxiliary() && !request.asks_for_title());
        assert_eq!(request.messages[1].content.blocks()[0].input.unwrap().get(), r#"{"command":"ls"}"#);
    }

    #[test]
    fn a_bad_body_is_refused_with_its_reason() {
        let reason = |body: &str| MessagesRequest::parse(body.as_bytes()).err().unwrap();
        assert!(reason("{").contains("EOF"));
        assert!(reason(r#"{"model":"m"}"#).contains("messages"));
        assert!(reason(r#"{"model":"m","messages":[]}"#).contains("at least one"));
        assert!(
            reason(r#"{"model":"m","messages":[{"role":"user","content":7}]}"#).contains("content blocks")
        );
    }

    #[test]
    fn a_title_is_asked_for_without_tools() {
        let body = r#"{"model":"m","system":"Write a title","messages":[{"role":"user","content":"x"}]}"#;
        assert!(MessagesRequest::parse(body.as_bytes()).unwrap().asks_for_title());
    }
}
