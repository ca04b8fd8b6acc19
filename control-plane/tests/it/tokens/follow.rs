//! Conversations followed by scripts: nothing is missed, nothing comes twice, and what was let in ends with what let it in.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use protocol::api::scripts::Sent;
use protocol::outbox::{ItemState, What};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::{ask, conversation, token};
use crate::plane::Plane;

const PATIENCE: Duration = Duration::from_secs(30);

/// One server-sent event.
#[derive(Debug)]
struct Event {
    kind: String,
    id: Option<String>,
    data: Value,
}

/// The events of a stream.
fn events(answer: Response) -> impl Stream<Item = Event> + Unpin {
    let bytes = Box::pin(answer.bytes_stream());
    Box::pin(futures_util::stream::unfold((bytes, String::new()), |(mut bytes, mut text)| async move {
        loop {
            if let Some((event, rest)) = text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
                };
                let event = field("event").map(|kind| Event {
                    kind,
                    id: field("id"),
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
                text = rest.to_owned();
                match event {
                    Some(event) => return Some((event, (bytes, text))),
                    None => continue,
                }
            }
            let more = bytes.next().await?.ok()?;
            text.push_str(std::str::from_utf8(&more).unwrap());
        }
    }))
}

async fn next(events: &mut (impl Stream<Item = Event> + Unpin), kind: &str) -> Event {
    let looking = async {
        loop {
            let event = events.next().await.expect("the stream ended");
            if event.kind == kind {
                return event;
            }
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("no {kind}"))
}

async fn send(plane: &Plane, token: &str, id: protocol::ConversationId, item: Uuid, text: &str) -> Response {
    let path = format!("/api/conversations/{id}/messages");
    let body = json!({ "id": item, "text": text });
    ask(plane, Method::POST, &path, token).json(&body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_twice_is_one_message_and_says_how_far_it_has_come() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let token = token(&plane, &cookie, &["read", "write"]).await.token;
    let id = conversation(&plane, &token).await.id;
    let item = Uuid::new_v4();
    let mut sent = Vec::new();
    for text in ["first words", "other words"] {
        let answer = send(&plane, &token, id, item, text).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        sent.push(answer.json::<Sent>().await.unwrap());
    }
    assert_eq!(sent[0].item, sent[1].item);
    assert_eq!(sent[0].item.state, ItemState::Saved);
    assert_eq!(sent[0].item.by.token.as_deref(), Some("ci"));
    let What::Message { text, .. } = &sent[0].item.what else { panic!() };
    assert_eq!(text, "first words");
    let other =
        ask(&plane, Method::GET, &format!("/api/conversations/{id}/messages/{}", Uuid::new_v4()), &token);
    assert_eq!(other.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let huge = send(&plane, &token, id, Uuid::new_v4(), &"x".repeat(256 * 1024)).await;
    assert_eq!(huge.status(), StatusCode::ACCEPTED, "the largest message fits");
    let larger = send(&plane, &token, id, Uuid::new_v4(), &"x".repeat(256 * 1024 + 1)).await;
    assert_eq!(larger.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_its_last_id_says() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let token = token(&plane, &cookie, &["read", "write"]).await.token;
    let id = conversation(&plane, &token).await.id;
    let stream = async |last: Option<&str>| {
        let request = ask(&plane, Method::GET, &format!("/api/conversations/{id}/stream"), &token);
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        request.send().await.unwrap()
    };
    let answer = stream(None).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events_of = events(answer);
    assert_eq!(next(&mut events_of, "opened").await.data["snapshot"], "first");
    let first = Uuid::new_v4();
    send(&plane, &token, id, first, "one").await;
    let told = next(&mut events_of, "item").await;
    assert_eq!(told.data["id"], first.to_string());
    // There is no engine here, so what comes next is that the workspace can't be started.
    let told = next(&mut events_of, "notice").await;
    assert_eq!(told.data["what"]["type"], "start_failed");
    let last = told.id.unwrap();
    drop(events_of);
    let second = Uuid::new_v4();
    send(&plane, &token, id, second, "two").await;
    let mut again = events(stream(Some(&last)).await);
    assert_eq!(next(&mut again, "opened").await.data["snapshot"], Value::Null);
    let told = next(&mut again, "item").await;
    assert_eq!(told.data["id"], second.to_string(), "what was told before is not told again");
    let bad = stream(Some("yesterday")).await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_follow_each_other_by_cursor_and_wait_for_what_is_to_come() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let token = token(&plane, &cookie, &["read", "write"]).await.token;
    let id = conversation(&plane, &token).await.id;
    let changes = async |query: &str| {
        let path = format!("/api/conversations/{id}/changes{query}");
        ask(&plane, Method::GET, &path, &token).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let begun = changes("").await;
    assert_eq!((&begun["snapshot"], &begun["events"]), (&json!("first"), &json!([])));
    let cursor = begun["cursor"].as_str().unwrap();
    let query = format!("?cursor={cursor}&wait=20");
    let (waited, sent) = tokio::join!(changes(&query), send(&plane, &token, id, Uuid::new_v4(), "one"));
    let sent: Sent = sent.json().await.unwrap();
    assert_eq!(waited["items"][0]["id"], sent.item.id.to_string());
    assert_eq!(waited.get("snapshot"), None);
    // From what the sending answered, the message itself is the first that comes.
    let since = changes(&format!("?cursor={}", sent.cursor)).await;
    assert_eq!(since["items"][0]["id"], sent.item.id.to_string());
    let end = since["cursor"].as_str().unwrap();
    assert!(end.parse::<protocol::viewer::Cursor>().is_ok());
    for bad in ["?cursor=x", "?cursor=1.2.3", "?wait=-1"] {
        let request = ask(&plane, Method::GET, &format!("/api/conversations/{id}/changes{bad}"), &token);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_what_let_them_in() {
    let plane = Plane::start().await;
    let (me, cookie) = plane.user("Ada").await;
    let (one, other) =
        (token(&plane, &cookie, &["read", "write"]).await, token(&plane, &cookie, &["read"]).await);
    let id = conversation(&plane, &one.token).await.id;
    let path = format!("/api/conversations/{id}/stream");
    let open = async |request: reqwest::RequestBuilder| {
        let mut events = events(request.send().await.unwrap());
        next(&mut events, "opened").await;
        events
    };
    let mut by_token = open(ask(&plane, Method::GET, &path, &one.token)).await;
    let mut by_other = open(ask(&plane, Method::GET, &path, &other.token)).await;
    let mut by_session = open(plane.get(&path).header("cookie", &cookie)).await;
    let revoke = plane.request(Method::DELETE, &format!("/api/tokens/{}", one.view.id));
    revoke.header("cookie", &cookie).header("origin", plane.origin()).send().await.unwrap();
    assert_eq!(next(&mut by_token, "end").await.data["why"], "signed_out");
    assert!(timeout(PATIENCE, by_token.next()).await.unwrap().is_none(), "nothing follows");
    plane.post("/api/sign-out").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(next(&mut by_session, "end").await.data["why"], "signed_out");
    plane.app().presence.end_user(me);
    assert_eq!(next(&mut by_other, "end").await.data["why"], "signed_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_conversation() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let token = token(&plane, &cookie, &["read", "write", "delete"]).await.token;
    let id = conversation(&plane, &token).await.id;
    let path = format!("/api/conversations/{id}");
    let answer = ask(&plane, Method::GET, &format!("{path}/stream"), &token).send().await.unwrap();
    let mut events = events(answer);
    next(&mut events, "opened").await;
    ask(&plane, Method::DELETE, &path, &token).send().await.unwrap();
    assert_eq!(next(&mut events, "end").await.data["why"], "deleted");
}
