//! Token figures, computed from sizes alone: the same request always costs the same.

use serde::Serialize;

use crate::request::{Block, BlockKind, Content, Message, MessagesRequest, Role};

/// English text and code average about four bytes a token.
const BYTES_A_TOKEN: u64 = 4;
/// What a picture or a page of a document costs, whatever its size on the wire.
const TOKENS_A_PICTURE: u64 = 1500;

/// The `usage` object of a message.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) cache_creation_input_tokens: u64,
    pub(crate) cache_read_input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) service_tier: &'static str,
}

impl Usage {
    /// The figures of an answer that has just begun.
    ///
    /// When the request marks a cache breakpoint, all that the model has seen before (the system prompt, the
    /// tools and the messages up to its last one) is written to the cache by the first request of a
    /// conversation and read from it by the later ones. The rest is plain input.
    pub(crate) fn of_request(request: &MessagesRequest<'_>) -> Self {
        let total = total_tokens(request);
        let answered = request.messages.iter().rposition(|message| message.role == Role::Assistant);
        let fresh_from = answered.map_or(0, |last| last + 1);
        let fresh: u64 = request.messages.iter().skip(fresh_from).map(message_tokens).sum();
        let cached = if marks_cache(request) { total - fresh } else { 0 };
        let (created, read) = if answered.is_some() { (0, cached) } else { (cached, 0) };
        Self {
            input_tokens: total - cached,
            cache_creation_input_tokens: created,
            cache_read_input_tokens: read,
            output_tokens: 1,
            service_tier: "standard",
        }
    }

    /// The same with the answer's final size.
    pub(crate) fn with_output(self, bytes: usize) -> Self {
        Self { output_tokens: tokens(bytes).max(1), ..self }
    }
}

/// All input tokens of a request, as `count_tokens` tells them.
pub(crate) fn total_tokens(request: &MessagesRequest<'_>) -> u64 {
    let tools: usize = request.tools.iter().map(|tool| tool.get().len()).sum();
    let messages: u64 = request.messages.iter().map(message_tokens).sum();
    content_tokens(&request.system) + tokens(tools) + messages
}

fn message_tokens(message: &Message<'_>) -> u64 {
    /// Role and delimiters.
    const FRAME: u64 = 4;
    FRAME + content_tokens(&message.content)
}

fn content_tokens(content: &Content<'_>) -> u64 {
    match content {
        Content::Text(text) => tokens(text.len()),
        Content::Blocks(blocks) => blocks.iter().map(block_tokens).sum(),
    }
}

fn block_tokens(block: &Block<'_>) -> u64 {
    match block.kind {
        BlockKind::Image | BlockKind::Document => TOKENS_A_PICTURE,
        BlockKind::Text | BlockKind::ToolResult | BlockKind::Other => {
            let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            let input = block.input.map_or(0, |input| input.get().len());
            let nested = block.content.as_ref().map_or(0, content_tokens);
            tokens(length(&block.text) + length(&block.thinking) + input) + nested
        }
    }
}

fn marks_cache(request: &MessagesRequest<'_>) -> bool {
    let contents = request.messages.iter().map(|message| &message.content).chain([&request.system]);
    contents.flat_map(Content::blocks).any(|block| block.cache_control.is_some())
}

fn tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_A_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::{Usage, total_tokens};
    use crate::request::MessagesRequest;

    fn usage(body: &str) -> Usage {
        let request = MessagesRequest::parse(body.as_bytes()).unwrap();
        let usage = Usage::of_request(&request);
        let input = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;
        assert_eq!(input, total_tokens(&request), "the parts must add up");
        usage
    }

    #[test]
    fn without_breakpoints_everything_is_plain_input() {
        let usage =
            usage(r#"{"model":"m","system":"12345678","messages":[{"role":"user","content":"1234"}]}"#);
        assert_eq!((usage.input_tokens, usage.cache_read_input_tokens), (2 + 4 + 1, 0));
    }

    #[test]
    fn the_first_request_writes_the_cache_and_the_next_reads_it() {
        let system = r#""system":[{"type":"text","text":"12345678","cache_control":{"type":"ephemeral"}}]"#;
        let first =
            usage(&format!(r#"{{"model":"m",{system},"messages":[{{"role":"user","content":"1234"}}]}}"#));
        assert_eq!((first.cache_creation_input_tokens, first.cache_read_input_tokens), (2, 0));
        assert_eq!(first.input_tokens, 5);
        let next = usage(&format!(
            r#"{{"model":"m",{system},"messages":[{{"role":"user","content":"1234"}},
                {{"role":"assistant","content":"1234"}},{{"role":"user","content":"12345678"}}]}}"#
        ));
        assert_eq!((next.cache_creation_input_tokens, next.cache_read_input_tokens), (0, 12));
        assert_eq!(next.input_tokens, 6);
    }

    #[test]
    fn a_picture_costs_the_same_at_any_size() {
        let image = |data: &str| {
            usage(&format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[
                    {{"type":"image","source":{{"type":"base64","data":"{data}"}}}}]}}]}}"#
            ))
        };
        assert_eq!(image("AA=="), image(&"A".repeat(4000)));
    }
}
