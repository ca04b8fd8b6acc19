//! Faults: errors, cuts, silence, and their counted kinds.

use scripted_model::Outcome;
use serde_json::Value;

use crate::common::{Model, asking, streamed, text};

#[tokio::test]
async fn an_error_has_anthropics_shape() {
    let model = Model::start().await;
    let answer = model.ask(&streamed("ERR529")).await;
    assert_eq!(answer.status(), 529);
    let request_id = answer.headers()["request-id"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["type"], "overloaded_error");
    assert_eq!(body["request_id"], request_id);
    let answer = model.ask(&asking("ERR429 and RATELIMIT rejected 1.0")).await;
    assert_eq!(answer.headers()["retry-after"], "0");
    assert_eq!(answer.headers()["anthropic-ratelimit-unified-status"], "rejected");
}

#[tokio::test]
async fn a_counted_error_ends_and_disturbs_no_other_prompt() {
    let model = Model::start().await;
    let mine = "ERR529x2\nthis is my test";
    assert_eq!(model.ask(&streamed(mine)).await.status(), 529);
    assert_eq!(model.ask(&streamed("ERR529x2\nanother test")).await.status(), 529);
    assert_eq!(model.ask(&streamed(mine)).await.status(), 529);
    assert_eq!(text(&model.stream(mine).await.all().await), "recovered");
    assert_eq!(model.ask(&streamed("ERR529x2\nanother test")).await.status(), 529);
}

#[tokio::test]
async fn a_dropped_answer_is_cut_in_mid_text() {
    let model = Model::start().await;
    let (events, cut) = model.stream("DROPx1").await.rest().await;
    assert!(cut);
    assert_eq!(text(&events), "cut off he", "what was said before the cut arrives");
    assert_eq!(model.ended(|_| true).await.outcome, Outcome::Cut);
    assert_eq!(text(&model.stream("DROPx1").await.all().await), "recovered");
}

#[tokio::test]
async fn an_answer_that_does_not_stream_is_cut_too() {
    let model = Model::start().await;
    let answer = model.ask(&asking("TEXT a ||| DROP")).await;
    assert!(answer.bytes().await.is_err());
    assert_eq!(model.ended(|_| true).await.outcome, Outcome::Cut);
}

#[tokio::test]
async fn a_hanging_answer_begins_and_is_cut_after_its_time() {
    let model = Model::start().await;
    let (events, cut) = model.stream("HANG 0.01").await.rest().await;
    assert_eq!((events.len(), cut), (1, true));
    assert_eq!(events[0]["type"], "message_start");
}

#[tokio::test]
async fn silence_lasts_until_the_client_leaves() {
    let model = Model::start().await;
    let body = streamed("SILENT");
    tokio::select! {
        _ = model.ask(&body) => panic!("silence was broken"),
        record = model.recorded(|_| true) => assert_eq!((record.outcome, record.status), (Outcome::Open, None)),
    }
    assert_eq!(model.ended(|_| true).await.outcome, Outcome::ClientGone, "dropped when the record was seen");
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_is_noticed() {
    let model = Model::start().await;
    let mut events = model.stream("SLOW 100000 1").await;
    events.until_text("tok3 ").await;
    drop(events);
    assert_eq!(model.ended(|_| true).await.outcome, Outcome::ClientGone);
}

#[tokio::test]
async fn rate_limit_headers_come_when_the_prompt_says_so() {
    let model = Model::start().await;
    let answer = model.ask(&streamed("RATELIMIT allowed_warning 0.85")).await;
    assert_eq!(answer.headers()["anthropic-ratelimit-unified-5h-status"], "allowed_warning");
    assert_eq!(answer.headers()["anthropic-ratelimit-unified-5h-utilization"], "0.85");
    let answer = model.ask(&streamed("nothing of the kind")).await;
    assert!(!answer.headers().contains_key("anthropic-ratelimit-unified-status"));
}

#[tokio::test]
async fn a_bad_body_is_an_invalid_request() {
    let model = Model::start().await;
    let answer = model.ask(&serde_json::json!({"model": "m", "messages": []})).await;
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["type"], "invalid_request_error");
}
