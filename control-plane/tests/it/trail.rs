//! The audit trail to be read: by operators all of it, by everybody what concerns them.

use control_plane::store::records::AuditEntry;
use protocol::ConversationId;
use protocol::api::audit::AuditRows;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::plane::Plane;

async fn write(plane: &Plane, at: u64, who: &str, kind: &str, object: &str, detail: Value) {
    let (who, kind, object) = (who.into(), kind.into(), object.into());
    plane.store().append_audit(&AuditEntry { at, who, kind, object, detail }).await.unwrap();
}

async fn rows(plane: &Plane, cookie: &str, path: &str) -> AuditRows {
    let answer = plane.get(path).header("cookie", cookie).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_read_all_of_it_in_pages_and_by_filter() {
    let plane = Plane::start().await;
    let (ada, _) = plane.user("Ada").await;
    let (_, cookie) = plane.operator().await;
    for n in 0..10_u64 {
        let kind = if n % 2 == 0 { "even" } else { "odd" };
        write(&plane, 1000 + n, &ada.to_string(), kind, "x", json!({ "n": n })).await;
    }
    let mut found = Vec::new();
    let mut path = "/api/operator/audit?kind=even&limit=2".to_owned();
    loop {
        let page = rows(&plane, &cookie, &path).await;
        assert!(page.rows.len() <= 2);
        assert!(page.rows.is_empty() || page.names[&ada.to_string()] == "Ada");
        found.extend(page.rows.iter().map(|row| row.detail["n"].as_u64().unwrap()));
        let Some(next) = page.next else { break };
        path = format!("/api/operator/audit?kind=even&limit=2&before={next}");
    }
    assert_eq!(found, [8, 6, 4, 2, 0]);
    let some = rows(&plane, &cookie, &format!("/api/operator/audit?who={ada}&from=1003&until=1006")).await;
    assert_eq!(some.rows.iter().map(|row| row.at).collect::<Vec<_>>(), [1005, 1004, 1003]);
    let bad = plane.get("/api/operator/audit?from=yesterday").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_a_line_a_deed_by_request_and_on_the_command_line() {
    let plane = Plane::start().await;
    let (_, cookie) = plane.operator().await;
    for n in 0..700_u64 {
        write(&plane, 1000 + n, "a", if n < 5 { "early" } else { "late" }, "x", json!({})).await;
    }
    let answer =
        plane.get("/api/operator/audit/export?kind=late").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let lines = answer.text().await.unwrap();
    assert_eq!(lines.lines().count(), 695);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["kind"] == "late"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_control-plane"));
    command.args(["audit", "--kind", "late", "--since", "1970-01-01", "--until", "1970-01-02"]);
    let output = command.env("ATELIER_DATA", plane.folder.path().join("data")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_what_concerns_them_and_nothing_else() {
    let plane = Plane::start().await;
    let (ada, cookie) = plane.user("Ada").await;
    let (eve, _) = plane.user("Eve").await;
    let (ada, eve) = (ada.to_string(), eve.to_string());
    write(&plane, 1, &ada, "token_created", "t", json!({})).await;
    write(&plane, 2, &eve, "token_created", "t", json!({})).await;
    write(&plane, 3, "operator", "workspace_stopped", "w", json!({ "user": ada })).await;
    write(&plane, 4, "operator", "user_disabled", &eve, json!({})).await;
    write(&plane, 5, "operator", "user_disabled", &ada, json!({})).await;
    let own = rows(&plane, &cookie, "/api/user/audit").await;
    assert_eq!(own.rows.iter().map(|row| row.at).collect::<Vec<_>>(), [5, 3, 1]);
    for path in ["/api/operator/audit", "/api/operator/audit/export"] {
        let refused = plane.get(path).header("cookie", &cookie).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        assert_eq!(plane.get(path).send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_looks_at_so_much_and_says_where_to_go_on() {
    let plane = Plane::start().await;
    let (ada, cookie) = plane.user("Ada").await;
    write(&plane, 1, &ada.to_string(), "first", "x", json!({})).await;
    let others: Vec<_> = (0..5000)
        .map(|n| AuditEntry {
            at: 2,
            who: "b".into(),
            kind: "x".into(),
            object: n.to_string(),
            detail: json!({}),
        })
        .collect();
    for chunk in others.chunks(500) {
        let records = chunk.iter().cloned().enumerate().map(|(n, entry)| {
            let n = 2 + entry.object.parse::<u64>().unwrap() - n as u64 + n as u64;
            control_plane::store::transfer::Entry::Audit(control_plane::store::records::AuditRecord {
                n,
                entry,
            })
        });
        plane.store().import(&records.collect::<Vec<_>>()).await.unwrap();
    }
    let first = rows(&plane, &cookie, "/api/user/audit").await;
    assert_eq!(first.rows, []);
    let next = first.next.unwrap();
    let second = rows(&plane, &cookie, &format!("/api/user/audit?before={next}")).await;
    assert_eq!(second.rows.len(), 1);
    assert_eq!(second.next, None);
}

/// A store that takes no deed any more.
fn jam(plane: &Plane) {
    let file = rusqlite::Connection::open(plane.folder.path().join("data/atelier.db")).unwrap();
    let sql = "CREATE TRIGGER jam BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'jammed'); END";
    file.execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_deleted_and_made_to_ask_less_only_once_that_is_written_down() {
    let plane = Plane::start().await;
    let (ada, cookie) = plane.user("Ada").await;
    let made = |id: Uuid, mode: &str| {
        let body = json!({ "id": id, "title": "secret plans", "settings": { "mode": mode } });
        plane.post("/api/conversations").header("cookie", &cookie).json(&body).send()
    };
    let delete = |id: Uuid| {
        let request = plane.request(Method::DELETE, &format!("/api/conversations/{id}"));
        request.header("cookie", &cookie).header("origin", plane.origin()).send()
    };
    let is_there = async |id: Uuid| plane.store().conversation(ConversationId(id)).await.is_ok();
    let (careful, loose, late) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    for (id, mode) in [(careful, "default"), (loose, "acceptEdits"), (loose, "acceptEdits")] {
        assert_eq!(made(id, mode).await.unwrap().status(), StatusCode::CREATED);
    }
    // Once, however often it is asked for; and of one that asks as usual there is nothing to say.
    let changed = plane.deeds("mode_changed").await;
    assert_eq!(changed.len(), 1);
    assert_eq!(
        (changed[0].object.clone(), &changed[0].detail["to"]),
        (loose.to_string(), &json!("acceptEdits"))
    );
    assert_eq!(delete(loose).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(delete(loose).await.unwrap().status(), StatusCode::NOT_FOUND);
    let deleted = plane.deeds("conversation_deleted").await;
    assert_eq!(deleted.len(), 1);
    assert_eq!((deleted[0].who.clone(), deleted[0].object.clone()), (ada.to_string(), loose.to_string()));
    assert!(!deleted[0].detail.to_string().contains("secret plans"));
    // What can't be written down is not done.
    jam(&plane);
    assert!(!made(late, "acceptEdits").await.unwrap().status().is_success());
    assert!(!is_there(late).await);
    assert!(!delete(careful).await.unwrap().status().is_success());
    assert!(is_there(careful).await);
}
