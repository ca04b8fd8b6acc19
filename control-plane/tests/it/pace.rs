//! Who is too quick, wherever they are, is told when to come back; and nobody else notices.

use std::time::Duration;

use control_plane::store::records::{AuditEntry, AuditRecord};
use control_plane::store::transfer::Entry;
use futures_util::{SinkExt, StreamExt};
use protocol::UserId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::plane::{Plane, Socket};
use crate::tokens::{ask as ask_as_script, token};

/// Fewer tries than anybody has at once: whoever is refused within so many has no share of their own for what they try.
const TRIES: u32 = 100;

/// Uses up what somebody may change at once.
fn use_up(plane: &Plane, user: UserId) {
    while plane.app().pace.write(user).is_ok() {}
}

/// Asks something over a socket, and waits for the answer.
async fn ask(socket: &mut Socket, body: &Value) -> Value {
    let mut request = body.clone();
    request["re"] = json!(7);
    socket.send(Message::text(request.to_string())).await.unwrap();
    loop {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        let answer: Value = serde_json::from_str(&text).unwrap();
        if answer["re"] == 7 {
            return answer;
        }
    }
}

/// Asks until it is refused as too often.
async fn refused(plane: &Plane, user: UserId, socket: &mut Socket, body: &Value) -> Value {
    for _ in 0..TRIES {
        use_up(plane, user);
        let answer = ask(socket, body).await;
        if answer["code"] == "too_many" {
            return answer;
        }
    }
    panic!("nothing keeps it back: {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_over_a_socket_counts_as_over_rest() {
    let plane = Plane::start().await;
    let (hasty, cookie) = plane.user("hasty").await;
    let (calm, calms) = plane.user("calm").await;
    let mut socket = plane.socket(&format!("/workspace/{hasty}"), &cookie).await;
    let (conversation, item) = (Uuid::new_v4(), Uuid::new_v4());
    let about = |kind: &str, more: Value| {
        let mut body = json!({ "type": kind, "conversation": conversation, "item": item });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let terminal = |wish: Value| json!({ "type": "terminal", "terminal": conversation, "wish": wish });
    let size = json!({ "cols": 80, "rows": 24 });
    for change in [
        about("send", json!({ "text": "x" })),
        about("edit", json!({ "version": 1, "text": "x" })),
        about("cancel", json!({})),
        about("reorder", json!({})),
        about("send_now", json!({})),
        about("answer", json!({ "prompt": "p", "decision": { "type": "deny" } })),
        about("stop", json!({})),
        about("continue", json!({ "message": item })),
        about("configure", json!({ "settings": { "mode": "plan" } })),
        json!({ "type": "start_workspace" }),
        json!({ "type": "stop_workspace" }),
        terminal(json!({ "type": "open", "name": "x", "what": { "type": "shell" }, "size": size })),
        terminal(json!({ "type": "close" })),
        terminal(json!({ "type": "rename", "name": "x" })),
        terminal(json!({ "type": "restart", "life": 1 })),
        terminal(json!({ "type": "record", "on": true })),
    ] {
        let refusal = refused(&plane, hasty, &mut socket, &change).await;
        assert!((1..=60_000).contains(&refusal["back_in_ms"].as_u64().unwrap()), "{refusal}");
    }
    // What only looks, and what a page says by itself, is never kept back.
    use_up(&plane, hasty);
    for look in [
        json!({ "type": "ping" }),
        about("open", json!({})),
        about("close", json!({})),
        terminal(json!({ "type": "attach", "size": size })),
        terminal(json!({ "type": "resize", "size": size })),
        terminal(json!({ "type": "detach" })),
    ] {
        for _ in 0..2 * TRIES {
            assert_ne!(ask(&mut socket, &look).await["code"], "too_many", "{look}");
        }
    }
    let mut socket = plane.socket(&format!("/workspace/{calm}"), &calms).await;
    assert_eq!(ask(&mut socket, &json!({ "type": "stop_workspace" })).await["type"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scripts_change_counts_with_what_their_person_changes() {
    let plane = Plane::start().await;
    let (hasty, cookie) = plane.user("hasty").await;
    let token = token(&plane, &cookie, &["read", "write"]).await.token;
    let create = async || {
        use_up(&plane, hasty);
        ask_as_script(&plane, Method::POST, "/api/conversations", &token)
            .json(&json!({}))
            .send()
            .await
            .unwrap()
    };
    let mut refused = create().await;
    for _ in 0..TRIES {
        if refused.status() == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        refused = create().await;
    }
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    use_up(&plane, hasty);
    let list = ask_as_script(&plane, Method::GET, "/api/conversations", &token).send().await.unwrap();
    assert_eq!(list.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_acts_count_too() {
    let plane = Plane::start().await;
    let (boss, cookie) = plane.operator().await;
    let mut socket = plane.socket("/fleet", &cookie).await;
    let act = json!({ "type": "act", "workspace": Uuid::new_v4(), "seen": 1, "act": "stop" });
    let refusal = refused(&plane, boss.id, &mut socket, &act).await;
    assert!(refusal["back_in_ms"].as_u64().is_some(), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_too_quick_over_a_socket_is_over_rest_too() {
    let plane = Plane::start().await;
    let (hasty, cookie) = plane.user("hasty").await;
    let mut socket = plane.socket(&format!("/workspace/{hasty}"), &cookie).await;
    for _ in 0..TRIES {
        let mut kept_back = false;
        while !kept_back {
            kept_back = ask(&mut socket, &json!({ "type": "stop_workspace" })).await["code"] == "too_many";
        }
        let request = plane.post("/api/conversations").header("cookie", &cookie).json(&json!({}));
        let answer = request.send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
            return;
        }
    }
    panic!("the two have shares of their own");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_at_sessions_and_tokens_is_kept_back_and_those_who_are_signed_in_are_not() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    let name = cookie.split_once('=').unwrap().0;
    let profile = || plane.get("/api/user/profile");
    let signed_in = async || profile().header("cookie", &cookie).send().await.unwrap().status();
    assert_eq!(signed_in().await, StatusCode::OK);
    let guess = async |n: u32| {
        let request = match n % 3 {
            0 => profile().bearer_auth(Uuid::new_v4()),
            1 => profile().header("cookie", format!("{name}={}", Uuid::new_v4())),
            _ => plane.post("/api/sign-out").header("cookie", format!("{name}={}", Uuid::new_v4())),
        };
        request.send().await.unwrap()
    };
    let mut refused = [false; 3];
    for n in 0..6000 {
        let answer = guess(n).await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            let after: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&after));
            refused[n as usize % 3] = true;
        }
        if refused == [true; 3] {
            break;
        }
    }
    assert_eq!(refused, [true; 3]);
    assert_eq!(signed_in().await, StatusCode::OK);
    // Who signs in now is in.
    let body = json!({ "code": plane.code() });
    let entered = plane.post("/api/sign-in/local").json(&body).send().await.unwrap();
    let fresh = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    while guess(0).await.status() != StatusCode::TOO_MANY_REQUESTS {}
    assert_eq!(profile().header("cookie", fresh).send().await.unwrap().status(), StatusCode::OK);
    // Who shows nothing is told what they always are.
    assert_eq!(profile().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

/// More than anything on the way to a browser holds.
const MUCH: usize = 24 * 1024 * 1024;

/// Fills the audit trail with much that somebody did, in rows from that number on.
async fn fill(plane: &Plane, who: UserId, from: u64) {
    let row = |n: u64| {
        let (kind, object, who) = ("x".to_owned(), "y".to_owned(), who.to_string());
        let entry = AuditEntry { at: 1, who, kind, object, detail: json!({ "x": "x".repeat(MUCH / 256) }) };
        Entry::Audit(AuditRecord { n, entry })
    };
    for n in from..from + 256 {
        plane.store().import(&[row(n)]).await.unwrap();
    }
}

/// An export that is begun and not read: the connection that it comes on.
async fn begun(plane: &Plane, path: &str, cookie: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(plane.running.public).await.unwrap();
    let host = plane.running.public;
    let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 200");
    stream
}

/// Waits until no export is being made.
async fn over(plane: &Plane) {
    let over = async {
        while plane.app().exports.count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), over).await.expect("the place is never given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_one_export_at_a_time_and_another_once_it_is_over() {
    let plane = Plane::start().await;
    let (boss, bosses) = plane.operator().await;
    let (ada, adas) = plane.user("Ada").await;
    for (user, from) in [(boss.id, 1_000), (ada, 2_000)] {
        fill(&plane, user, from).await;
    }
    let (own, trail) = ("/api/user/export", "/api/operator/audit/export");
    let of_ada = format!("/api/users/{ada}/export");
    let ask = async |path: &str, cookie: &str| plane.get(path).header("cookie", cookie).send().await.unwrap();
    for (slow, cookie) in [(own, &adas), (own, &bosses), (&of_ada, &bosses), (trail, &bosses)] {
        let unread = begun(&plane, slow, cookie).await;
        let further = if cookie == &adas { &[own][..] } else { &[own, &of_ada, trail] };
        for path in further {
            let refused = ask(path, cookie).await;
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path} during {slow}");
            let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
        }
        drop(unread);
        over(&plane).await;
    }
    // What was cut off is known as such, and one that is read to its end is followed by the next at once.
    let mut unread = begun(&plane, own, &adas).await;
    let out = plane.post("/api/sign-out").header("cookie", &adas).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    over(&plane).await;
    let mut rest = Vec::new();
    unread.read_to_end(&mut rest).await.unwrap();
    assert!(!rest.ends_with(b"0\r\n\r\n"));
    for _ in 0..2 {
        let answer = ask(&of_ada, &bosses).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.text().await.unwrap().contains(r#""kind":"end""#));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_many_exports_is_told_when_to_come_back() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.user("Ada").await;
    for _ in 0..100 {
        let answer = plane.get("/api/user/export").header("cookie", &cookie).send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            let after: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
            return;
        }
        answer.text().await.unwrap();
    }
    panic!("nothing keeps them back");
}
