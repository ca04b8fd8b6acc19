//! Messages: streamed, whole, in several steps; and their token counts.

use serde_json::{Value, json};

use crate::common::{Model, asking, streamed, text};

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

#[tokio::test]
async fn a_plain_prompt_is_streamed_in_many_small_deltas() {
    let model = Model::start().await;
    let events = model.stream("hello there").await.all().await;
    let types = types(&events);
    assert_eq!(types[..4], ["message_start", "content_block_start", "ping", "content_block_delta"]);
    assert_eq!(types[types.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    assert!(types.iter().filter(|kind| **kind == "content_block_delta").count() > 5);
    assert!(text(&events).starts_with("OK 1: hello there\n\n**Hello!**"));
    let message = &events[0]["message"];
    assert_eq!((&message["model"], &message["role"]), (&json!("claude-opus-5-5"), &json!("assistant")));
    assert!(message["usage"]["input_tokens"].as_u64().unwrap() > 0);
    assert!(events[events.len() - 2]["usage"]["output_tokens"].as_u64().unwrap() > 10);
}

#[tokio::test]
async fn a_whole_message_says_the_same_as_the_stream() {
    let model = Model::start().await;
    let line = r#"THINK hard about it ||| TOOL:Read {"file_path": "/a"}"#;
    let message: Value = model.ask(&asking(line)).await.json().await.unwrap();
    assert_eq!(message["stop_reason"], "tool_use");
    assert_eq!(message["content"][0]["thinking"], "hard about it");
    assert_eq!(message["content"][2]["input"], json!({"file_path": "/a"}));
    let events = model.stream(line).await.all().await;
    assert_eq!(text(&events), message["content"][1]["text"]);
    assert_eq!(events[events.len() - 2]["usage"], message["usage"]);
}

#[tokio::test]
async fn a_script_goes_on_step_by_step() {
    let model = Model::start().await;
    let mut body = streamed("do this\nTOOL:Bash ls\nTEXT and that was it");
    let events = crate::common::Events::of(model.ask(&body).await).all().await;
    assert_eq!(events[1]["content_block"]["name"], "Bash");
    let id = events[1]["content_block"]["id"].clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": [
        {"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "ls"}}]}));
    messages.push(
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "a b"}]}),
    );
    let events = crate::common::Events::of(model.ask(&body).await).all().await;
    assert_eq!(text(&events), "and that was it");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": "and that was it"}));
    messages.push(
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "?"}]}),
    );
    let events = crate::common::Events::of(model.ask(&body).await).all().await;
    assert_eq!(text(&events), "OK 5: do this TOOL:Bash ls TEXT and that was it");
}

#[tokio::test]
async fn ids_never_repeat() {
    let model = Model::start().await;
    let first = model.stream("TOOL:Bash ls").await.all().await;
    let second = model.stream("TOOL:Bash ls").await.all().await;
    assert_ne!(first[0]["message"]["id"], second[0]["message"]["id"]);
    assert_ne!(first[1]["content_block"]["id"], second[1]["content_block"]["id"]);
}

#[tokio::test]
async fn markdown_korean_and_help_are_for_demos() {
    let model = Model::start().await;
    assert!(text(&model.stream("MD").await.all().await).contains("```python"));
    assert!(text(&model.stream("안녕하세요").await.all().await).contains("**안녕하세요!**"));
    assert!(text(&model.stream("how can you help?").await.all().await).contains("| `SLOW 20 100` |"));
    assert!(text(&model.stream("도움").await.all().await).contains("도구 호출"));
}

#[tokio::test]
async fn a_huge_text_comes_in_one_delta() {
    let model = Model::start().await;
    let events = model.stream("HUGE 300000").await.all().await;
    assert_eq!(events[3]["delta"]["text"].as_str().unwrap().len(), 300_000);
}

#[tokio::test]
async fn a_title_is_given_to_the_clis_side_call() {
    let model = Model::start().await;
    let mut body = asking("<session>\nSLOW 1000\nDROP\n</session>");
    body["system"] = json!([{"type": "text", "text": "Generate a title"}]);
    let message: Value = model.ask(&body).await.json().await.unwrap();
    let text = message["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap()["title"], "Fake title");
}

#[tokio::test]
async fn counted_tokens_are_those_of_the_message() {
    let model = Model::start().await;
    let body = asking("a prompt of some length");
    let counted: Value =
        model.post("/v1/messages/count_tokens", &body).send().await.unwrap().json().await.unwrap();
    let message: Value = model.ask(&body).await.json().await.unwrap();
    assert_eq!(counted["input_tokens"], message["usage"]["input_tokens"]);
}

#[tokio::test]
async fn stop_reasons_other_than_the_end_are_told() {
    let model = Model::start().await;
    for (line, reason) in [("REFUSE", "refusal"), ("MAXTOK", "max_tokens"), ("TOOL:Bash ls", "tool_use")] {
        let events = model.stream(line).await.all().await;
        assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], reason);
    }
}
