//! Gates: answers that wait on a fact, and a server that stops while they wait.

use std::time::Duration;

use scripted_model::{Config, Outcome};
use serde_json::{Value, json};

use crate::common::{Model, asking, text};

#[tokio::test]
async fn an_answer_waits_at_its_gate_until_it_is_released() {
    let model = Model::start().await;
    let mut events = model.stream("GATE half-way ||| TEXT and on").await;
    events.until_text("gate half-way ").await;
    let answer = model.post("/_release", &json!({"name": "half-way"})).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"name": "half-way", "waiting": 1}));
    assert_eq!(text(&events.all().await), "releasedand on");
    assert_eq!(model.ended(|_| true).await.outcome, Outcome::Done);
}

#[tokio::test]
async fn a_released_gate_stays_open_until_it_is_held() {
    let model = Model::start().await;
    model.serving.release("a");
    assert_eq!(text(&model.stream("GATE a").await.all().await), "gate a released");
    model.post("/_hold", &json!({"name": "a"})).send().await.unwrap();
    let mut events = model.stream("GATE a").await;
    events.until_text("gate a ").await;
    assert_eq!(model.serving.release("a"), 1);
    events.all().await;
}

#[tokio::test]
async fn a_whole_message_waits_too() {
    let model = Model::start().await;
    let body = asking("GATE a");
    let asked = async { model.ask(&body).await.json::<Value>().await.unwrap() };
    let released = async {
        model.recorded(|_| true).await;
        model.serving.release("a");
    };
    let (message, ()) = tokio::join!(asked, released);
    assert_eq!(message["content"][0]["text"], "gate a released");
}

#[tokio::test]
async fn gates_do_not_disturb_one_another() {
    let model = Model::start().await;
    let mut first = model.stream("GATE first").await;
    let mut second = model.stream("GATE second").await;
    first.until_text("gate first ").await;
    second.until_text("gate second ").await;
    model.serving.release("second");
    second.all().await;
    assert_eq!(model.ended(|record| record.id == 2).await.outcome, Outcome::Done);
    assert_eq!(model.serving.requests()[0].outcome, Outcome::Open);
    model.serving.release("first");
    first.all().await;
}

#[tokio::test]
async fn a_stop_cuts_what_waits() {
    let model = Model::start().await;
    let mut gated = model.stream("GATE never").await;
    gated.until_text("gate never ").await;
    let mut slow = model.stream("SLOW 5 600000").await;
    slow.next().await.unwrap();
    let begun = std::time::Instant::now();
    model.serving.stop().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "no waiting for what waits");
    assert!(gated.rest().await.1 && slow.rest().await.1);
}

#[tokio::test]
async fn a_dropped_handle_stops_the_server() {
    let model = Model::start().await;
    let mut gated = model.stream("GATE never").await;
    gated.until_text("gate never ").await;
    let address = model.serving.address();
    drop(model);
    assert!(gated.rest().await.1);
    let listens = async || tokio::net::TcpStream::connect(address).await.is_ok();
    while listens().await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_delay_paces_an_answer() {
    let model = Model::start_with(Config { delay: Duration::from_millis(20), ..Config::default() }).await;
    let begun = std::time::Instant::now();
    assert_eq!(
        text(&model.stream("TEXT one two three four five six").await.all().await),
        "one two three four five six"
    );
    assert!(begun.elapsed() >= Duration::from_millis(60), "three pieces");
}

#[tokio::test]
async fn a_gate_without_a_name_is_refused() {
    let model = Model::start().await;
    let answer = model.post("/_release", &json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 400);
}
