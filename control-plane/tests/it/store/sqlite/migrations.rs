//! Files of older versions: nothing that they held is lost.

use control_plane::store::records::{AuditFilter, AuditFrom};
use protocol::api::Role;
use rusqlite::Connection;

use super::open;
use crate::store::world::{NETWORKS, NOW, UIDS, ada, appending};

/// What the code of schema 1 made, dumped as SQL.
pub(crate) const BY_SCHEMA_1: &str = include_str!("made/by-schema-1.sql");

#[tokio::test]
async fn a_file_of_schema_1_has_everything_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let made = Connection::open(&path).unwrap();
    made.execute_batch(BY_SCHEMA_1).unwrap();
    drop(made);
    let store = open(&path).unwrap();
    let user = store.sign_in(&ada("google:1"), NOW).await.unwrap();
    assert_eq!((user.name.as_str(), user.created_at, user.role), ("Ada Lovelace", 1_000, Role::User));
    assert_eq!(store.users(None, "LOVELACE", 9).await.unwrap(), std::slice::from_ref(&user));
    // Sessions go on, and each has a name in the list.
    let (session, _) = store.session([2; 32], NOW).await.unwrap().unwrap();
    assert_eq!((session.used_at, session.device.as_str()), (1_000, "Firefox"));
    let listed = store.sessions(user.id, NOW).await.unwrap();
    assert!(listed.len() == 2 && listed[0].id != listed[1].id && listed[1] == session, "{listed:?}");
    assert!(store.spend_code([1; 32], NOW).await.unwrap());
    assert_eq!(store.secret("ca").await.unwrap().unwrap(), b"sealed");
    let workspace = store.workspace_of(user.id).await.unwrap().unwrap();
    assert_eq!(workspace.certificates.current.as_deref(), Some("0a"));
    assert!(workspace.catalog.is_some());
    assert_eq!(store.count_link(workspace.id).await.unwrap(), 3);
    assert_eq!(store.spend_enrol_token([4; 32], NOW).await.unwrap(), Some(workspace.id));
    assert_eq!(store.spent_since(workspace.id, 0).await.unwrap(), 6);
    // What was open is found by its workspace, which old rows did not say.
    let unfinished = store.unfinished(workspace.id).await.unwrap();
    assert_eq!(unfinished.len(), 1);
    let record = store.conversation(unfinished[0]).await.unwrap();
    assert_eq!((record.title.as_str(), record.end.n, record.notice), ("첫 대화", 3, 1));
    assert_eq!(store.count_conversations(workspace.id).await.unwrap(), 2);
    assert_eq!(store.segments_before(record.id, u64::MAX, 9, usize::MAX).await.unwrap().len(), 1);
    assert_eq!(store.outbox(record.id, Some(0)).await.unwrap().len(), 3);
    assert_eq!(store.notices(record.id, 0).await.unwrap().len(), 1);
    assert_eq!(store.chunk(record.id, [7; 32], 0).await.unwrap().bytes, b"body");
    store.commit(&appending(&record, 2)).await.unwrap();
    let second = store.sign_in(&ada("google:2"), NOW).await.unwrap();
    store.create_workspace(second.id, UIDS, NETWORKS, NOW).await.unwrap();
    drop(store);
    open(&path).unwrap().check().await.unwrap();
}

#[tokio::test]
async fn the_audit_trail_can_be_appended_to_and_nothing_else() {
    let world = super::fresh().await;
    let entry = control_plane::store::records::AuditEntry {
        at: NOW,
        who: "system".into(),
        kind: "test".into(),
        object: String::new(),
        detail: serde_json::json!({ "tool": "Bash", "input": "ls" }),
    };
    world.store().append_audit(&entry).await.unwrap();
    let control_plane::store::StoreAt::Sqlite(path) = world.at() else { panic!("no file") };
    let meddler = Connection::open(path).unwrap();
    for sql in [
        "UPDATE audit SET who = 'nobody'",
        "UPDATE audit SET detail = '{}'",
        "UPDATE audit SET detail = json_remove(detail, '$.subject', '$.input', '$.always'), at = 0",
        "DELETE FROM audit",
    ] {
        assert!(meddler.execute(sql, []).unwrap_err().to_string().contains("the audit trail"), "{sql}");
    }
}

#[tokio::test]
async fn where_those_were_who_were_erased_before_schema_5_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let made = Connection::open(&path).unwrap();
    made.execute_batch(BY_SCHEMA_1).unwrap();
    made.execute_batch(include_str!("../../../../src/store/sqlite/schema/2.sql")).unwrap();
    made.execute_batch(include_str!("../../../../src/store/sqlite/schema/3.sql")).unwrap();
    made.execute_batch(include_str!("../../../../src/store/sqlite/schema/4.sql")).unwrap();
    let user: Vec<u8> = made.query_row("SELECT id FROM users", [], |row| row.get(0)).unwrap();
    let kept = uuid::Uuid::from_slice(&user).unwrap().to_string();
    let gone = uuid::Uuid::new_v4().to_string();
    let detail =
        r#"{"how":"local","address":"192.0.2.7","device":"x","name":"ci","token":{"id":"t","name":"ci"}}"#;
    for who in [&kept, &gone, "nobody"] {
        let sql = "INSERT INTO audit (at, who, kind, object, detail) VALUES (1, ?1, 'x', 'x', ?2)";
        made.execute(sql, [who, detail]).unwrap();
    }
    made.pragma_update(None, "user_version", 4).unwrap();
    drop(made);
    let store = open(&path).unwrap();
    let page = store.audit(&AuditFilter::default(), AuditFrom::After(0), 9).await.unwrap();
    let details: Vec<_> = page.records.iter().map(|record| record.entry.detail.to_string()).collect();
    assert_eq!((details[0].len(), details[2].len()), (detail.len(), detail.len()));
    assert_eq!(details[1], r#"{"how":"local","token":{"id":"t"}}"#);
}

#[tokio::test]
async fn what_those_allowed_who_were_erased_before_schema_3_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let made = Connection::open(&path).unwrap();
    made.execute_batch(BY_SCHEMA_1).unwrap();
    made.execute_batch(include_str!("../../../../src/store/sqlite/schema/2.sql")).unwrap();
    let user: Vec<u8> = made.query_row("SELECT id FROM users", [], |row| row.get(0)).unwrap();
    let kept = uuid::Uuid::from_slice(&user).unwrap().to_string();
    let gone = uuid::Uuid::new_v4().to_string();
    let detail = r#"{"tool":"Bash","subject":"비밀","input":"ls","always":"x"}"#;
    for (who, kind) in [(&kept, "prompt_answered"), (&gone, "prompt_answered"), (&gone, "other")] {
        let sql = "INSERT INTO audit (at, who, kind, object, detail) VALUES (1, ?1, ?2, 'x', ?3)";
        made.execute(sql, [who.as_str(), kind, detail]).unwrap();
    }
    made.pragma_update(None, "user_version", 2).unwrap();
    drop(made);
    let store = open(&path).unwrap();
    let page = store.audit(&AuditFilter::default(), AuditFrom::After(0), 9).await.unwrap();
    let details: Vec<_> = page.records.iter().map(|record| record.entry.detail.to_string()).collect();
    assert!(details[0].contains("비밀") && details[2].contains("비밀"), "{details:?}");
    assert_eq!(details[1], r#"{"tool":"Bash"}"#);
}
