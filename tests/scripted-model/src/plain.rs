//! What is said to a prompt that is no script: short, friendly, and its first line tells a test what was read.

use std::fmt::Write;

use crate::directive::SPELLINGS;
use crate::record::clip;

/// A sample of all that a chat must show.
pub(crate) const MARKDOWN: &str = include_str!("plain/sample.md");

/// The answer to every request for a conversation's title, as JSON.
pub(crate) const TITLE: &str = r#"{"title": "Fake title", "branch": "claude/fake"}"#;

/// How much of the prompt is repeated.
const ECHOED: usize = 60;

/// The one line that ends a script: how many messages the request had, and the newest prompt.
pub(crate) fn headline(prompt: &str, messages: usize) -> String {
    format!("OK {messages}: {}", clip(prompt, ECHOED).replace('\n', " "))
}

/// The answer to a prompt without directives, in its language.
pub(crate) fn reply(prompt: &str, messages: usize) -> String {
    let korean = prompt.chars().any(is_hangul);
    let body = match (asks_for_help(prompt), korean) {
        (true, korean) => help(korean),
        (false, true) => KOREAN.into(),
        (false, false) => ENGLISH.into(),
    };
    format!("{}\n\n{body}", headline(prompt, messages))
}

const ENGLISH: &str = "**Hello!** I am the scripted model: no network, no cost, the same answer every time.\n\n\
    - Write `help` to see what I can be told to do.\n\
    - Write `MD` for a sample of everything a chat can show.\n";

const KOREAN: &str = "**안녕하세요!** 저는 대본대로 답하는 모델입니다. 네트워크도 비용도 없이, 언제나 같은 답을 드립니다.\n\n\
    - `도움`이라고 쓰시면 시킬 수 있는 일을 보여 드립니다.\n\
    - `MD`라고 쓰시면 채팅이 보여 줄 수 있는 모든 것의 예시를 드립니다.\n";

fn asks_for_help(prompt: &str) -> bool {
    prompt.contains("도움") || prompt.to_lowercase().contains("help")
}

fn help(korean: bool) -> String {
    let mut help = String::from(if korean {
        "한 줄이 한 단계입니다. 한 메시지에 여러 개를 담으려면 `a ||| b`로 쓰세요.\n\n| 쓰기 | 하는 일 |\n|---|---|\n"
    } else {
        "One line is one step; write `a ||| b` for several parts in one message.\n\n| write | what happens |\n|---|---|\n"
    });
    for spelling in SPELLINGS {
        let meaning = if korean { spelling.korean } else { spelling.english };
        // Writing to a string can't fail.
        let _ = writeln!(help, "| `{}` | {meaning} |", spelling.example);
    }
    help.push_str(if korean {
        "\n프롬프트 어디든 `RATELIMIT allowed_warning 0.85`라고 쓰면 사용량 제한 헤더가 붙습니다.\n"
    } else {
        "\n`RATELIMIT allowed_warning 0.85` anywhere in the prompt adds the rate limit headers.\n"
    });
    help
}

/// Syllables and the letters they are made of.
fn is_hangul(character: char) -> bool {
    matches!(character, '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}')
}

#[cfg(test)]
mod tests {
    use super::{MARKDOWN, headline, is_hangul, reply};

    #[test]
    fn the_first_line_tells_the_messages_and_the_prompt() {
        assert_eq!(headline("hello there", 2), "OK 2: hello there");
        assert_eq!(headline("a\nb", 4), "OK 4: a b");
        assert_eq!(headline(&"가".repeat(70), 1), format!("OK 1: {}", "가".repeat(60)));
        assert!(reply("hello there", 2).starts_with("OK 2: hello there\n\n**Hello!**"));
    }

    #[test]
    fn korean_is_answered_in_korean() {
        assert!(reply("안녕", 1).lines().nth(2).unwrap().chars().any(is_hangul));
        assert!(!reply("hi", 1).chars().any(is_hangul));
    }

    #[test]
    fn help_lists_the_directives_in_the_language_of_the_prompt() {
        let english = reply("Help me, please", 1);
        assert!(english.contains("| `GATE name` | wait") && !english.chars().any(is_hangul));
        let korean = reply("도움말 좀", 1);
        assert!(korean.contains("| `ERR529x1` | HTTP 오류") && korean.contains("RATELIMIT"));
    }

    #[test]
    fn the_sample_has_everything_a_chat_must_show() {
        for mark in [
            "# ",
            "## ",
            "- ",
            "1. ",
            "- [x] ",
            "|---",
            "```rust",
            "```python",
            "](https://",
            "> ",
            "한국어",
            "**",
            "`",
        ] {
            assert!(MARKDOWN.contains(mark), "{mark}");
        }
    }
}
