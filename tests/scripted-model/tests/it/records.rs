//! What a test can ask about the requests that were received.

use scripted_model::{Config, Outcome, Record};
use serde_json::{Value, json};

use crate::common::{Model, asking, streamed};

#[tokio::test]
async fn a_record_tells_what_was_asked() {
    let model = Model::start().await;
    let mut body = streamed("SLOW 2 1\nTEXT bye");
    body["system"] = "be good".into();
    body["tools"] = json!([{"name": "Bash"}, {"name": "Read"}]);
    let request = model.post("/v1/messages?beta=true", &body);
    let request = request.header("x-claude-code-session-id", "s-1").header("anthropic-beta", "a,b");
    request.send().await.unwrap().bytes().await.unwrap();
    let record = model.ended(|_| true).await;
    assert_eq!(
        (record.id, record.method.as_str(), record.path.as_str()),
        (1, "POST", "/v1/messages?beta=true")
    );
    assert_eq!((record.session.as_deref(), record.beta.as_deref()), (Some("s-1"), Some("a,b")));
    assert_eq!((record.status, record.outcome), (Some(200), Outcome::Done));
    let asked = record.asked;
    assert_eq!(
        (asked.model.as_deref(), asked.stream, asked.max_tokens),
        (Some("claude-opus-5-5"), true, Some(1000))
    );
    assert_eq!(
        (asked.script, asked.step, asked.auxiliary),
        (vec!["SLOW 2 1".into(), "TEXT bye".into()], 0, true)
    );
    assert_eq!((asked.sizes.messages, asked.sizes.tools, asked.sizes.system), (1, 2, 7));
    assert_eq!(asked.sizes.bytes, body.to_string().len());
    assert_eq!(asked.last_user_text, "SLOW 2 1\nTEXT bye");
}

#[tokio::test]
async fn records_are_listed_over_http_as_they_are() {
    let model = Model::start().await;
    model.ask(&asking("hello")).await.bytes().await.unwrap();
    let answer = model.get("/_requests").send().await.unwrap();
    let listed: Value = answer.json().await.unwrap();
    assert_eq!(listed[0]["script"], json!([]), "the list is flat");
    assert_eq!(listed[0]["last_user_text"], "hello");
    let records: Vec<Record> = serde_json::from_value(listed).unwrap();
    assert_eq!(records, model.serving.requests());
    assert_eq!(model.delete("/_requests").send().await.unwrap().status(), 204);
    assert_eq!(model.serving.requests(), []);
}

#[tokio::test]
async fn the_log_is_written_as_it_happens() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let model = Model::start_with(Config { log: Some(log.clone()), ..Config::default() }).await;
    let mut events = model.stream("GATE a").await;
    events.until_text("gate a ").await;
    let lines = || std::fs::read_to_string(&log).unwrap().lines().count();
    assert_eq!(lines(), 1, "received");
    model.serving.release("a");
    events.all().await;
    assert_eq!(lines(), 2, "ended");
}
