//! What people let operators read: nothing without their grant, nothing after its end, and nothing unseen.

use control_plane::store::records::{Chunk, Commit, ConversationRecord, NewConversation, Segment};
use protocol::api::ConversationView;
use protocol::api::audit::AuditRows;
use protocol::api::grants::GrantList;
use protocol::settings::Settings;
use protocol::{ConversationId, Position};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::plane::Plane;

/// The bodies' digest: 32 bytes of 7.
const DIGEST: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// A conversation of Ada's with three events and a body, and her cookie.
async fn world() -> (Plane, ConversationRecord, String) {
    let plane = Plane::start().await;
    let (ada, cookie) = plane.user("Ada").await;
    let workspace = plane.store().create_workspace(ada, 200_000..200_100, 100, 1).await.unwrap();
    let new = NewConversation {
        id: ConversationId(Uuid::new_v4()),
        workspace: workspace.id,
        title: "secret plans".to_owned(),
        settings: Settings::default(),
        now: 1,
    };
    let mut record = plane.store().create_conversation(&new).await.unwrap();
    record.version += 1;
    record.end = Position { epoch: 1, n: 3 };
    let line = |n| format!("{}\n", json!({ "n": n, "at": n, "kind": "note", "text": "the secret" }));
    let lines = (1..=3).map(line).collect::<String>().into_bytes();
    let segment = Some(Segment { epoch: 1, first: 1, last: 3, lines });
    let commit = Commit { record: record.clone(), segment, items: Vec::new(), notices: Vec::new() };
    plane.store().commit(&commit).await.unwrap();
    let chunk = Chunk { digest: [7; 32], index: 0, chunks: 1, bytes: b"the whole".to_vec() };
    plane.store().put_chunk(record.id, &chunk).await.unwrap();
    (plane, record, cookie)
}

async fn get(plane: &Plane, cookie: &str, path: &str) -> Response {
    plane.get(path).header("cookie", cookie).send().await.unwrap()
}

async fn act(plane: &Plane, method: Method, cookie: &str, id: ConversationId, hours: u64) -> Response {
    let request = plane.request(method, &format!("/api/conversations/{id}/grant"));
    let request = request.header("origin", plane.origin()).header("cookie", cookie);
    request.json(&json!({ "hours": hours })).send().await.unwrap()
}

async fn give(plane: &Plane, cookie: &str, id: ConversationId) -> ConversationView {
    let given = act(plane, Method::PUT, cookie, id, 1).await;
    assert_eq!(given.status(), StatusCode::OK);
    given.json().await.unwrap()
}

fn events(id: ConversationId) -> String {
    format!("/api/operator/grants/{id}/events")
}

fn body(id: ConversationId) -> String {
    format!("/api/operator/grants/{id}/bodies/{DIGEST}/0")
}

async fn listed(plane: &Plane, cookie: &str) -> Vec<(ConversationId, String, String)> {
    let list: GrantList = get(plane, cookie, "/api/operator/grants").await.json().await.unwrap();
    assert!(!list.more);
    list.grants.into_iter().map(|grant| (grant.conversation, grant.title, grant.name)).collect()
}

/// What the owner finds written down of grants, the oldest first: who, and what.
async fn told(plane: &Plane, cookie: &str) -> Vec<(String, String)> {
    let rows: AuditRows = get(plane, cookie, "/api/user/audit").await.json().await.unwrap();
    let grants = rows.rows.into_iter().rev().filter(|row| row.kind.starts_with("grant_"));
    grants.map(|row| (rows.names[&row.who].clone(), row.kind)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_read_what_they_are_let_read_as_long_as_they_are_and_the_owner_sees_it() {
    let (plane, record, ada) = world().await;
    let (boss, operator) = plane.operator().await;
    let id = record.id;
    for path in [events(id), body(id)] {
        assert_eq!(get(&plane, &operator, &path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(listed(&plane, &operator).await.is_empty());

    let view = give(&plane, &ada, id).await;
    let left = view.granted_until.unwrap() - control_plane::clock::now();
    assert!((3_500_000..=3_600_000).contains(&left), "{left} ms");
    assert_eq!(listed(&plane, &operator).await, [(id, "secret plans".to_owned(), "Ada".to_owned())]);
    let page = get(&plane, &operator, &format!("{}?limit=2", events(id))).await;
    assert_eq!(page.headers()["cache-control"], "no-store");
    let page = page.text().await.unwrap();
    assert!(page.contains(r#""before":2"#) && page.contains("the secret"), "{page}");
    let older = get(&plane, &operator, &format!("{}?before=2", events(id))).await.text().await.unwrap();
    assert!(older.contains(r#""n":1"#) && !older.contains(r#""n":2"#), "{older}");
    let whole = get(&plane, &operator, &body(id)).await;
    assert_eq!(whole.headers()["cache-control"], "no-store");
    assert_eq!(whole.text().await.unwrap(), "the whole");

    let ended = act(&plane, Method::DELETE, &ada, id, 0).await;
    assert_eq!(ended.json::<ConversationView>().await.unwrap().granted_until, None);
    for path in [events(id), body(id)] {
        assert_eq!(get(&plane, &operator, &path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(listed(&plane, &operator).await.is_empty());
    let told = told(&plane, &ada).await;
    let deeds = ["grant_given", "grant_used", "grant_ended"];
    let by = ["Ada", boss.name.as_str(), "Ada"];
    let expected: Vec<_> = by.iter().zip(deeds).map(|(by, deed)| ((*by).into(), deed.into())).collect();
    assert_eq!(told, expected, "reading on is one reading");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_by_another_grant_and_by_another_operator_is_written_down_anew() {
    let (plane, record, ada) = world().await;
    let (_, one) = plane.operator().await;
    let (other, two) = plane.person("another operator").await;
    plane.store().set_role(other.id, protocol::api::Role::Operator).await.unwrap();
    let id = record.id;
    give(&plane, &ada, id).await;
    for cookie in [&one, &two, &one, &two] {
        assert_eq!(get(&plane, cookie, &events(id)).await.status(), StatusCode::OK);
    }
    give(&plane, &ada, id).await;
    assert_eq!(get(&plane, &one, &body(id)).await.status(), StatusCode::OK);
    let kinds: Vec<_> = told(&plane, &ada).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["grant_given", "grant_used", "grant_used", "grant_given", "grant_used"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_over_when_its_time_is() {
    let (plane, record, ada) = world().await;
    let (_, operator) = plane.operator().await;
    let mut past = record.clone();
    past.version += 1;
    past.granted_until = Some(control_plane::clock::now() - 1);
    let commit = Commit { record: past, segment: None, items: Vec::new(), notices: Vec::new() };
    plane.store().commit(&commit).await.unwrap();
    assert_eq!(get(&plane, &operator, &events(record.id)).await.status(), StatusCode::NOT_FOUND);
    assert!(listed(&plane, &operator).await.is_empty());
    // What is over by itself is not ended by anybody.
    let ended = act(&plane, Method::DELETE, &ada, record.id, 0).await;
    assert_eq!(ended.json::<ConversationView>().await.unwrap().granted_until, None);
    assert!(told(&plane, &ada).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_gives_one_for_a_week_at_most_and_at_the_page() {
    let (plane, record, ada) = world().await;
    let (_, operator) = plane.operator().await;
    let id = record.id;
    for hours in [0, 169, 65_535, 70_000] {
        let refused = act(&plane, Method::PUT, &ada, id, hours).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{hours}");
    }
    for method in [Method::PUT, Method::DELETE] {
        assert_eq!(act(&plane, method, &operator, id, 1).await.status(), StatusCode::NOT_FOUND);
    }
    let every = ["read", "write", "answer", "delete"];
    let token = crate::tokens::token(&plane, &ada, &every).await.token;
    for (method, path) in [
        (Method::PUT, format!("/api/conversations/{id}/grant")),
        (Method::GET, "/api/operator/grants".to_owned()),
        (Method::GET, events(id)),
    ] {
        let asked = crate::tokens::ask(&plane, method, &path, &token).json(&json!({ "hours": 1 }));
        assert_eq!(asked.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(get(&plane, &operator, &events(id)).await.status(), StatusCode::NOT_FOUND);
    assert!(told(&plane, &ada).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_not_read_any_more() {
    let (plane, record, ada) = world().await;
    let (_, operator) = plane.operator().await;
    give(&plane, &ada, record.id).await;
    assert_eq!(listed(&plane, &operator).await.len(), 1);
    let path = format!("/api/conversations/{}", record.id);
    let request = plane.request(Method::DELETE, &path).header("origin", plane.origin());
    request.header("cookie", &ada).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(get(&plane, &operator, &events(record.id)).await.status(), StatusCode::NOT_FOUND);
    assert!(listed(&plane, &operator).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_somebody_who_is_kept_out_is_not_read() {
    let (plane, record, ada) = world().await;
    let (_, operator) = plane.operator().await;
    give(&plane, &ada, record.id).await;
    let workspace = plane.store().workspace(record.workspace).await.unwrap();
    plane.store().set_disabled(workspace.user, true).await.unwrap();
    for path in [events(record.id), body(record.id)] {
        assert_eq!(get(&plane, &operator, &path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(listed(&plane, &operator).await.is_empty());
    plane.store().set_disabled(workspace.user, false).await.unwrap();
    assert_eq!(get(&plane, &operator, &events(record.id)).await.status(), StatusCode::OK);
}
