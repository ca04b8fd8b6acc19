//! What a tool call acts on, in one line: the object of the sentence that a tool card is.

use protocol::payload::short;
use serde_json::Value;

/// How long a subject may be, in bytes.
const SUBJECT_BYTES: usize = 300;

/// The fields to look at, in this order, for a tool that isn't known.
const TELLING: &[&str] = &[
    "file_path",
    "notebook_path",
    "path",
    "command",
    "pattern",
    "query",
    "url",
    "description",
    "title",
    "prompt",
];

/// The subject of a call of `tool` with `input`.
pub fn subject(tool: &str, input: &Value) -> String {
    let field = |key: &str| input.get(key).and_then(Value::as_str);
    let told = match tool {
        "Bash" => field("command"),
        "Read" | "Write" | "Edit" | "MultiEdit" => field("file_path"),
        "NotebookEdit" => field("notebook_path"),
        "Task" | "Agent" => field("description"),
        "WebFetch" => field("url"),
        "WebSearch" => field("query"),
        "Skill" => field("skill").or_else(|| field("name")),
        "AskUserQuestion" => {
            let first = input.get("questions").and_then(|questions| questions.get(0));
            first.and_then(|question| question.get("question")).and_then(Value::as_str)
        }
        _ => TELLING.iter().find_map(|key| field(key)),
    };
    let first_line =
        told.unwrap_or_default().lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    short(first_line.trim(), SUBJECT_BYTES)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::subject;

    #[test]
    fn the_telling_field_is_found() {
        assert_eq!(subject("Bash", &json!({ "command": "\n make test\nls" })), "make test");
        assert_eq!(subject("Edit", &json!({ "file_path": "/workspace/a" })), "/workspace/a");
        assert_eq!(subject("mcp__x__y", &json!({ "query": "q" })), "q");
        assert_eq!(subject("Odd", &json!([1, 2])), "");
        let questions = json!({ "questions": [{ "question": "Which?" }] });
        assert_eq!(subject("AskUserQuestion", &questions), "Which?");
    }
}
