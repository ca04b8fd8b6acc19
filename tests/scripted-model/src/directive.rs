//! The language of scripts: one line is one assistant message, `a ||| b` gives it several parts. Pure.

use std::time::Duration;

use serde::de::IgnoredAny;

/// One part of an assistant message, or what befalls the request in its place.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Part {
    /// Call a tool; the input is JSON.
    Tool { name: String, input: String },
    /// Plain text.
    Text(String),
    /// A sample of all the Markdown that a chat must show.
    Markdown,
    /// Numbered tokens with a pause before each.
    Slow { count: usize, pause: Duration },
    /// A thought, then a text.
    Think(String),
    /// One delta of so many bytes.
    Huge(usize),
    /// Text, then wait until the gate is released.
    Gate(String),
    /// Nothing for so long, then a cut connection.
    Hang { pause: Duration, limit: Option<u32> },
    /// Text, then a cut connection.
    Drop { limit: Option<u32> },
    /// Stop with `refusal`.
    Refuse,
    /// Stop with `max_tokens`.
    MaxTokens,
    /// An HTTP error.
    Error { status: u16, limit: Option<u32> },
    /// No answer at all.
    Silent { limit: Option<u32> },
}

impl Part {
    /// How often a fault happens before all is well; none for "always" and for what is no fault.
    pub(crate) fn limit(&self) -> Option<u32> {
        match self {
            Self::Hang { limit, .. }
            | Self::Drop { limit }
            | Self::Error { limit, .. }
            | Self::Silent { limit } => *limit,
            Self::Tool { .. }
            | Self::Text(_)
            | Self::Markdown
            | Self::Slow { .. }
            | Self::Think(_)
            | Self::Huge(_)
            | Self::Gate(_)
            | Self::Refuse
            | Self::MaxTokens => None,
        }
    }
}

/// A directive as the help shows it.
pub(crate) struct Spelling {
    /// How it is written, with an example's arguments.
    pub(crate) example: &'static str,
    /// What it does.
    pub(crate) english: &'static str,
    /// The same in Korean.
    pub(crate) korean: &'static str,
}

/// Every directive, for the help.
pub(crate) const SPELLINGS: &[Spelling] = &[
    spelling(
        "TOOL:Bash echo hi",
        "call a tool (plain text or JSON input)",
        "도구 호출 (텍스트 또는 JSON 입력)",
    ),
    spelling("TEXT hello", "say a text (`ECHO` does the same)", "텍스트 출력 (`ECHO`도 같음)"),
    spelling("MD", "a sample of rich Markdown", "마크다운 예시"),
    spelling("SLOW 20 100", "20 tokens, 100 ms apart", "토큰 20개를 100ms 간격으로"),
    spelling("THINK about it", "a thought, then a text", "생각한 뒤 답변"),
    spelling("HUGE 100000", "one piece of 100000 bytes", "100000바이트를 한 번에"),
    spelling(
        "GATE name",
        "wait until `POST /_release` names the gate",
        "`POST /_release`로 열어 줄 때까지 대기",
    ),
    spelling("HANG 60", "nothing for 60 s, then a cut", "60초 동안 멈춘 뒤 연결 끊김"),
    spelling("SILENT", "never answer", "응답하지 않음"),
    spelling(
        "DROP",
        "cut the connection in mid-text (`DROPx2`: twice only)",
        "답변 중 연결 끊김 (`DROPx2`: 두 번만)",
    ),
    spelling("ERR529x1", "an HTTP error, here the first time only", "HTTP 오류, 여기서는 처음 한 번만"),
    spelling("REFUSE", "stop with a refusal", "거절로 종료"),
    spelling("MAXTOK", "stop at the token limit", "토큰 한도로 종료"),
];

const fn spelling(example: &'static str, english: &'static str, korean: &'static str) -> Spelling {
    Spelling { example, english, korean }
}

/// Separates the parts of one message.
const SEPARATOR: &str = " ||| ";
/// No test needs a larger piece, and it is all held in memory.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// As many tokens as the longest answer of a model.
const MOST_TOKENS: usize = 128_000;

/// Whether a prompt's line is a step of a script.
pub(crate) fn is_directive(line: &str) -> bool {
    line.split(SEPARATOR).next().is_some_and(|first| part(first.trim()).is_some())
}

/// The parts of a directive line. Later parts that are no directives are texts.
pub(crate) fn parts(line: &str) -> Vec<Part> {
    let texts = line.split(SEPARATOR).map(str::trim);
    texts.map(|text| part(text).unwrap_or_else(|| Part::Text(text.to_owned()))).collect()
}

fn part(text: &str) -> Option<Part> {
    if let Some(call) = text.strip_prefix("TOOL:") {
        return tool(call);
    }
    let (word, rest) = leading_word(text);
    match word {
        "TEXT" | "ECHO" => Some(Part::Text(rest.to_owned())),
        "MD" if rest.is_empty() => Some(Part::Markdown),
        "SLOW" => slow(rest),
        "THINK" => Some(Part::Think(or_default(rest, "Let me think about it."))),
        "HUGE" => Some(Part::Huge(rest.parse::<usize>().ok()?.min(MOST_BYTES))),
        "GATE" => Some(Part::Gate(rest.split_whitespace().next()?.to_owned())),
        "REFUSE" => Some(Part::Refuse),
        "MAXTOK" => Some(Part::MaxTokens),
        _ => fault(word, rest),
    }
}

fn tool(call: &str) -> Option<Part> {
    let (name, argument) = call.split_once(' ').unwrap_or((call, ""));
    if !name.starts_with(is_word) {
        return None;
    }
    let argument = argument.trim();
    let input = if argument.is_empty() && name != "Bash" {
        "{}".to_owned()
    } else if argument.starts_with('{') {
        if let Err(error) = serde_json::from_str::<IgnoredAny>(argument) {
            return Some(Part::Text(format!("TOOL:{name}: the input is no JSON: {error}")));
        }
        argument.to_owned()
    } else if name == "Bash" {
        serde_json::json!({"command": argument, "description": "run a command"}).to_string()
    } else {
        serde_json::json!({"input": argument}).to_string()
    };
    Some(Part::Tool { name: name.to_owned(), input })
}

fn slow(rest: &str) -> Option<Part> {
    let mut numbers = rest.split_whitespace();
    let count = numbers.next()?.parse::<usize>().ok()?.min(MOST_TOKENS);
    let milliseconds: f64 = numbers.next().map_or(Ok(100.0), str::parse).ok()?;
    Some(Part::Slow { count, pause: seconds(milliseconds / 1000.0)? })
}

/// `DROP`, `HANG 5`, `SILENT`, `ERR529`; each may be counted as in `DROPx2`.
fn fault(word: &str, rest: &str) -> Option<Part> {
    let (name, limit) = match word.split_once('x') {
        Some((name, times)) => (name, Some(times.parse().ok()?)),
        None => (word, None),
    };
    match name {
        "DROP" => Some(Part::Drop { limit }),
        "SILENT" if rest.is_empty() => Some(Part::Silent { limit }),
        "HANG" => {
            let argument = rest.split_whitespace().next();
            Some(Part::Hang { pause: seconds(argument.map_or(Ok(60.0), str::parse).ok()?)?, limit })
        }
        _ => {
            let status = name.strip_prefix("ERR")?.parse().ok()?;
            (100..1000).contains(&status).then_some(Part::Error { status, limit })
        }
    }
}

/// Splits off the leading word; what is left has no space around it.
fn leading_word(text: &str) -> (&str, &str) {
    let end = text.find(|character| !is_word(character)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.strip_prefix(':').unwrap_or(rest).trim())
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

fn or_default(text: &str, default: &str) -> String {
    if text.is_empty() { default.to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Part, SPELLINGS, is_directive, parts};

    fn one(line: &str) -> Part {
        let mut parts = parts(line);
        assert_eq!(parts.len(), 1, "{line}");
        parts.remove(0)
    }

    fn tool(name: &str, input: &str) -> Part {
        Part::Tool { name: name.into(), input: input.into() }
    }

    #[test]
    fn every_spelling_of_the_help_is_a_directive() {
        for spelling in SPELLINGS {
            assert!(is_directive(spelling.example), "{}", spelling.example);
        }
    }

    #[test]
    fn tools_take_json_as_it_is_and_wrap_plain_text() {
        assert_eq!(one(r#"TOOL:Read {"z":1, "a":2}"#), tool("Read", r#"{"z":1, "a":2}"#));
        assert_eq!(
            one("TOOL:Bash touch a \"b\""),
            tool("Bash", r#"{"command":"touch a \"b\"","description":"run a command"}"#)
        );
        assert_eq!(one("TOOL:mcp__a-b__c word"), tool("mcp__a-b__c", r#"{"input":"word"}"#));
        assert_eq!(one("TOOL:EnterPlanMode"), tool("EnterPlanMode", "{}"));
    }

    #[test]
    fn a_tool_with_broken_json_says_so() {
        assert!(matches!(one("TOOL:Read {oops"), Part::Text(text) if text.contains("no JSON")));
    }

    #[test]
    fn numbers_have_defaults_and_bounds() {
        assert_eq!(one("SLOW 3"), Part::Slow { count: 3, pause: Duration::from_millis(100) });
        assert_eq!(one("SLOW 3 0.5"), Part::Slow { count: 3, pause: Duration::from_micros(500) });
        assert_eq!(one("HANG"), Part::Hang { pause: Duration::from_secs(60), limit: None });
        assert_eq!(one("HANGx1 0.2"), Part::Hang { pause: Duration::from_millis(200), limit: Some(1) });
        assert_eq!(one("HUGE 5000000"), Part::Huge(5_000_000));
        assert_eq!(one("HUGE 999999999999"), Part::Huge(64 * 1024 * 1024));
    }

    #[test]
    fn faults_may_be_counted() {
        assert_eq!(one("ERR529"), Part::Error { status: 529, limit: None });
        assert_eq!(one("ERR500x3"), Part::Error { status: 500, limit: Some(3) });
        assert_eq!(one("DROPx2"), Part::Drop { limit: Some(2) });
        assert_eq!(one("SILENTx1"), Part::Silent { limit: Some(1) });
        assert_eq!(one("DROPx2").limit(), Some(2));
    }

    #[test]
    fn several_parts_stand_in_one_message() {
        assert_eq!(
            parts("THINK ||| TOOL:Bash ls ||| just words"),
            [
                Part::Think("Let me think about it.".into()),
                one("TOOL:Bash ls"),
                Part::Text("just words".into()),
            ]
        );
    }

    #[test]
    fn prose_is_no_directive() {
        for line in [
            "",
            "hello",
            "SLOW down please",
            "HUGE thanks",
            "GATE",
            "MD files are nice",
            "SILENT night",
            "DROPx",
            "ERR",
            "ERR7",
            "ERRor handling",
            "TEXTURE",
            "TOOL: Bash",
            "text me",
            "hello ||| TEXT there",
        ] {
            assert!(!is_directive(line), "{line}");
        }
        assert!(is_directive("TEXT") && is_directive("REFUSE that") && is_directive("GATE a-b"));
    }
}
