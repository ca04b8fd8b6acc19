//! What is done to a store beside serving from it: copies, moves, a new sealing key; by the library and by the command.

mod backup;
mod command;
mod relocate;
mod rotate;

use control_plane::store::records::{
    ApiTokenId, ApiTokenRecord, AuditEntry, Certificates, Chunk, ConversationRecord, Identity, Profile,
    SessionId, SessionRecord, UsageKey, UsageRecord, WorkspaceRecord,
};
use protocol::UserId;
use protocol::api::Role;
use protocol::link::{Catalog, CommandOffer};
use protocol::outbox::{ItemState, What};
use serde_json::json;
use uuid::Uuid;

use crate::store::world::{NETWORKS, NOW, UIDS, World, appending, item, notice};

/// Long after [`NOW`].
const LATER: u64 = NOW + 1_000_000;

/// What a store that is [`filled`] holds.
struct Filled {
    users: Vec<UserId>,
    workspaces: Vec<WorkspaceRecord>,
    conversations: Vec<ConversationRecord>,
}

/// Puts something of everything into a store, and of what is read in pages more than a page.
async fn filled(world: &World) -> Filled {
    let mut filled = Filled { users: Vec::new(), workspaces: Vec::new(), conversations: Vec::new() };
    for n in 0..3 {
        add_user(world, n, &mut filled).await;
    }
    world.store().add_code([9; 32], LATER).await.unwrap();
    world.store().create_secret("ca", b"sealed \x00\xff").await.unwrap();
    world.store().create_secret("instance", b"0a1b").await.unwrap();
    for n in 0..205 {
        let entry = AuditEntry {
            at: NOW + n,
            who: "system".into(),
            kind: "test".into(),
            object: format!("#{n}"),
            detail: json!({ "cost": 0.1 + n as f64 / 3.0 }),
        };
        world.store().append_audit(&entry).await.unwrap();
    }
    filled
}

async fn add_user(world: &World, n: u8, filled: &mut Filled) {
    let store = world.store();
    let email = Some(format!("{n}@corp.example"));
    let identity = Identity { email, ..Identity::new(&format!("google:{n}"), "Ada") };
    let user = store.sign_in(&identity, NOW).await.unwrap().id;
    let onboarding = Some(json!({ "use": ["데이터"] }));
    let profile = Profile { name: format!("에이다 {n}"), language: Some("ko".into()), onboarding };
    store.save_profile(user, &profile).await.unwrap();
    store.save_settings(user, &json!({ "size": 1.1 })).await.unwrap();
    store.set_role(user, if n == 0 { Role::Operator } else { Role::User }).await.unwrap();
    let session = SessionRecord {
        id: SessionId(Uuid::new_v4()),
        user,
        created_at: NOW,
        expires_at: LATER,
        used_at: NOW,
        idle: LATER,
        device: "Firefox".into(),
    };
    store.open_session([n; 32], &session).await.unwrap();
    let (id, name, scopes) = (ApiTokenId(Uuid::new_v4()), "x".to_owned(), vec!["a".to_owned()]);
    let token =
        ApiTokenRecord { id, user, name, scopes, created_at: NOW, expires_at: LATER, used_at: Some(NOW) };
    store.add_api_token([10 + n; 32], &token).await.unwrap();
    store.save_user_secret(user, "model/key", b"sealed").await.unwrap();
    filled.users.push(user);
    // The last one has no workspace.
    if n < 2 {
        add_workspace(world, n, user, filled).await;
    }
}

async fn add_workspace(world: &World, n: u8, user: UserId, filled: &mut Filled) {
    let store = world.store();
    let workspace = store.create_workspace(user, UIDS, NETWORKS, NOW).await.unwrap();
    let id = workspace.id;
    store.count_link(id).await.unwrap();
    let commands = vec![CommandOffer {
        name: "review".into(),
        description: "검토".into(),
        argument_hint: String::new(),
    }];
    store.save_catalog(id, &Catalog { models: Vec::new(), commands }).await.unwrap();
    let issued = Certificates { current: Some("0a".into()), next: None, revoked: false };
    store.set_certificates(id, &Certificates::default(), &issued).await.unwrap();
    store.add_enrol_token([20 + n; 32], id, LATER).await.unwrap();
    store.take_lease(id, "a", NOW, LATER).await.unwrap();
    for model in ["opus", "haiku"] {
        let key = UsageKey { workspace: id, day: 100, model: model.into() };
        let usage = UsageRecord { requests: 1, input: 2, output: 3, micro_usd: 4, ..UsageRecord::default() };
        store.add_usage(&key, &usage).await.unwrap();
    }
    for _ in 0..3 {
        let conversation = add_conversation(world, &workspace).await;
        filled.conversations.push(conversation);
    }
    world.conversation_in(id).await;
    filled.workspaces.push(store.workspace(id).await.unwrap());
}

async fn add_conversation(world: &World, workspace: &WorkspaceRecord) -> ConversationRecord {
    let mut record = world.conversation_in(workspace.id).await;
    for step in 1..=8 {
        let mut commit = appending(&record, step);
        commit.record.title = format!("제목 {step}");
        commit.record.changed_at = NOW + step;
        commit.record.summary.cost_usd = 0.1 + step as f64 / 7.0;
        commit.items = vec![item(2 * step, ItemState::Done), item(2 * step + 1, ItemState::Saved)];
        if let What::Message { text, .. } = &mut commit.items[1].what {
            *text = "긴 글 ".repeat(if step == 3 { 5_000 } else { 1 });
        }
        commit.notices = vec![notice(step)];
        world.store().commit(&commit).await.unwrap();
        record = commit.record;
    }
    for index in 0..8 {
        let bytes = vec![u8::try_from(index).unwrap(); 1_000];
        let chunk = Chunk { digest: [3; 32], index, chunks: 8, bytes };
        world.store().put_chunk(record.id, &chunk).await.unwrap();
    }
    record
}

/// Asserts that a store which everything was moved to goes on as if nothing had happened.
async fn assert_goes_on(world: &World, filled: &Filled) {
    let store = world.store();
    let found = store.users(None, "에이다", 9).await.unwrap();
    assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), filled.users);
    assert_eq!(found[0].role, Role::Operator);
    let again = store.sign_in(&Identity::new("google:1", "Ada"), LATER).await.unwrap();
    assert_eq!(again.id, filled.users[1]);
    assert_eq!(store.settings(filled.users[0]).await.unwrap(), Some(json!({ "size": 1.1 })));
    assert_eq!(store.session([0; 32], NOW).await.unwrap().unwrap().1.id, filled.users[0]);
    assert_eq!(store.api_token([12; 32], NOW).await.unwrap().unwrap().1.id, filled.users[2]);
    assert_eq!(store.user_secret(filled.users[2], "model/key").await.unwrap().unwrap(), b"sealed");
    assert!(store.spend_code([9; 32], NOW).await.unwrap());
    for workspace in &filled.workspaces {
        assert_eq!(store.workspace_of(workspace.user).await.unwrap().as_ref(), Some(workspace));
        assert_eq!(store.count_link(workspace.id).await.unwrap(), 2);
        assert_eq!(store.spent_since(workspace.id, 100).await.unwrap(), 8);
        assert_eq!(store.lease(workspace.id).await.unwrap().unwrap().fence, 1);
        assert_eq!(store.count_conversations(workspace.id).await.unwrap(), 4);
        assert_eq!(store.unfinished(workspace.id).await.unwrap().len(), 3);
    }
    let first = filled.workspaces[0].id;
    assert_eq!(store.spend_enrol_token([20; 32], NOW).await.unwrap(), Some(first));
    let next = store.create_workspace(filled.users[2], UIDS, NETWORKS, NOW).await.unwrap();
    assert_eq!((next.uid, next.network), (UIDS.start + 2, 2));
    for record in &filled.conversations {
        assert_eq!(store.conversation(record.id).await.unwrap(), *record);
        assert_eq!(world.log(record.id).await.len(), 8);
        assert_eq!(world.items(record.id).await.len(), 16);
        assert_eq!(store.notices(record.id, 0).await.unwrap().len(), 8);
        assert_eq!(store.chunk(record.id, [3; 32], 7).await.unwrap().bytes, [7; 1_000]);
        store.commit(&appending(record, 1)).await.unwrap();
    }
    let entry = AuditEntry {
        at: NOW,
        who: "system".into(),
        kind: "test".into(),
        object: String::new(),
        detail: json!(null),
    };
    assert_eq!(store.append_audit(&entry).await.unwrap(), 206);
}
