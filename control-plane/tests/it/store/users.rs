//! Users: what is known of them, found, kept out, removed.

use control_plane::store::records::{
    ApiTokenId, ApiTokenRecord, AuditEntry, AuditFilter, AuditFrom, AuditRecord, Identity, Profile,
    SessionId, SessionRecord, UserRecord,
};
use control_plane::store::transfer::Entry;
use protocol::UserId;
use protocol::api::Role;
use serde_json::json;
use uuid::Uuid;

use super::assert_refused;
use super::world::{NETWORKS, NOW, UIDS, World, ada, appending, hash};

fn with_email(subject: &str, name: &str, email: &str) -> Identity {
    Identity { email: Some(email.into()), ..Identity::new(subject, name) }
}

fn session(user: UserId) -> SessionRecord {
    let id = SessionId(Uuid::new_v4());
    let (expires_at, device) = (NOW + 1_000, String::new());
    SessionRecord { id, user, created_at: NOW, expires_at, used_at: NOW, idle: 1_000, device }
}

pub(super) async fn a_sign_in_notes_the_time_and_the_address(world: &World) {
    let first = world.store().sign_in(&with_email("google:1", "Ada", "a@one.example"), NOW).await.unwrap();
    assert_eq!((first.created_at, first.signed_in_at), (NOW, NOW));
    assert_eq!((first.email.as_deref(), first.role), (Some("a@one.example"), Role::User));
    let later =
        world.other().sign_in(&with_email("google:1", "Ada", "a@two.example"), NOW + 5).await.unwrap();
    let expected = UserRecord { email: Some("a@two.example".into()), signed_in_at: NOW + 5, ..first.clone() };
    assert_eq!(later, expected);
    // One that says no address takes none away.
    let silent = world.store().sign_in(&ada("google:1"), NOW + 6).await.unwrap();
    assert_eq!(silent, UserRecord { signed_in_at: NOW + 6, ..expected });
    assert_eq!(world.other().user(first.id).await.unwrap(), silent);
}

pub(super) async fn who_is_kept_out_is_told_so_and_nothing_is_noted(world: &World) {
    let user = world.store().sign_in(&ada("google:1"), NOW).await.unwrap();
    world.store().set_disabled(user.id, true).await.unwrap();
    let refused =
        world.other().sign_in(&with_email("google:1", "Ada", "new@x.example"), NOW + 5).await.unwrap();
    assert_eq!(refused, UserRecord { disabled: true, ..user.clone() });
    world.other().set_disabled(user.id, false).await.unwrap();
    assert_eq!(world.store().user(user.id).await.unwrap(), user);
}

pub(super) async fn what_people_say_of_themselves_is_kept_over_sign_ins(world: &World) {
    let user = world.store().sign_in(&with_email("google:1", "Ada", "a@x.example"), NOW).await.unwrap();
    let full = Profile {
        name: "에이다".into(),
        language: Some("ko".into()),
        onboarding: Some(json!({ "use": ["code", "데이터"], "level": 0.1 })),
    };
    world.store().save_profile(user.id, &full).await.unwrap();
    let again = world.other().sign_in(&with_email("google:1", "Ada", "a@x.example"), NOW).await.unwrap();
    assert_eq!((&again.name, &again.language), (&full.name, &full.language));
    assert_eq!((&again.onboarding, &again.email), (&full.onboarding, &user.email));
    let bare = Profile { name: "Ada".into(), language: None, onboarding: None };
    world.other().save_profile(user.id, &bare).await.unwrap();
    assert_eq!(world.store().user(user.id).await.unwrap(), user);
}

pub(super) async fn a_role_is_kept(world: &World) {
    let user = world.user().await;
    world.store().set_role(user, Role::Operator).await.unwrap();
    assert_eq!(world.other().user(user).await.unwrap().role, Role::Operator);
    world.store().set_role(user, Role::User).await.unwrap();
    assert_eq!(world.other().user(user).await.unwrap().role, Role::User);
}

async fn found(world: &World, query: &str) -> Vec<String> {
    let found = world.other().users(None, query, 100).await.unwrap();
    found.into_iter().map(|user| user.name).collect()
}

pub(super) async fn they_are_found_by_a_piece_of_their_name_or_address(world: &World) {
    let people = [
        ("Ada Lovelace", "ada@corp.example"),
        ("김하나", "hana@corp.example"),
        ("Zoë ÅNGSTRÖM", "zoe@else.example"),
        ("100%_x\\", "odd+tag@else.example"),
    ];
    for (name, email) in people {
        world.store().sign_in(&with_email(email, name, email), NOW).await.unwrap();
    }
    let cases = [
        ("", vec!["Ada Lovelace", "김하나", "Zoë ÅNGSTRÖM", "100%_x\\"]),
        ("LOVE", vec!["Ada Lovelace"]),
        ("a l", vec!["Ada Lovelace"]),
        ("하", vec!["김하나"]),
        ("하나", vec!["김하나"]),
        ("ångström", vec!["Zoë ÅNGSTRÖM"]),
        ("z", vec!["Zoë ÅNGSTRÖM"]),
        ("corp.example", vec!["Ada Lovelace", "김하나"]),
        ("@", vec!["Ada Lovelace", "김하나", "Zoë ÅNGSTRÖM", "100%_x\\"]),
        ("%_x\\", vec!["100%_x\\"]),
        ("odd+tag", vec!["100%_x\\"]),
        // Its pieces are there, but not together.
        ("ada corp", vec![]),
        ("lovada", vec![]),
        ("nobody", vec![]),
    ];
    for (query, names) in cases {
        assert_eq!(found(world, query).await, names, "{query}");
    }
    let ada = world.store().users(None, "lovelace", 1).await.unwrap().remove(0);
    let renamed = Profile { name: "Countess".into(), language: None, onboarding: None };
    world.store().save_profile(ada.id, &renamed).await.unwrap();
    assert_eq!(found(world, "lovelace").await, [""; 0]);
    assert_eq!(found(world, "countess").await, ["Countess"]);
}

pub(super) async fn pages_join_without_a_gap_or_a_repeat(world: &World) {
    for n in 0..25 {
        let name = if n % 2 == 0 { "even" } else { "odd" };
        world.store().sign_in(&Identity::new(&n.to_string(), name), NOW).await.unwrap();
    }
    for query in ["", "even"] {
        let whole = world.store().users(None, query, 100).await.unwrap();
        assert_eq!(whole.len(), if query.is_empty() { 25 } else { 13 });
        for size in [1, 2, 7, 12, 13, 25, 26] {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = world.other().users(after, query, size).await.unwrap();
                assert!(page.len() <= size);
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                pages.extend(page);
            }
            assert_eq!(pages, whole, "pages of {size}");
        }
    }
}

pub(super) async fn keeping_out_ends_every_session(world: &World) {
    let (out, other) = (world.user().await, world.user().await);
    let tokens = [hash(), hash(), hash()];
    for (token, user) in tokens.into_iter().zip([out, out, other]) {
        world.store().open_session(token, &session(user)).await.unwrap();
    }
    let mut ended = world.other().set_disabled(out, true).await.unwrap();
    ended.sort_unstable();
    let mut expected = tokens[..2].to_vec();
    expected.sort_unstable();
    assert_eq!(ended, expected);
    assert_eq!(world.store().session(tokens[0], NOW).await.unwrap(), None);
    assert_eq!(world.store().sessions(out, NOW).await.unwrap(), []);
    assert!(world.store().session(tokens[2], NOW).await.unwrap().is_some());
    assert_eq!(world.other().kept_out().await.unwrap(), [out]);
    // Being let in again brings no session back.
    world.store().set_disabled(out, false).await.unwrap();
    assert_eq!(world.other().kept_out().await.unwrap(), []);
    assert_eq!(world.store().session(tokens[1], NOW).await.unwrap(), None);
}

pub(super) async fn who_is_being_erased_is_known_and_stays_out(world: &World) {
    let (gone, kept) = (world.user().await, world.user().await);
    let token = hash();
    world.store().open_session(token, &session(gone)).await.unwrap();
    assert_eq!(world.store().erasing().await.unwrap(), []);
    assert_eq!(world.store().begin_erasing(gone).await.unwrap(), [token]);
    assert_eq!(world.other().session(token, NOW).await.unwrap(), None);
    assert_eq!(world.other().erasing().await.unwrap(), [gone]);
    assert_eq!(world.other().kept_out().await.unwrap(), [gone]);
    assert_refused!(world.other().set_disabled(gone, false).await, Conflict);
    assert_eq!(world.other().set_disabled(gone, true).await.unwrap(), [[0; 32]; 0]);
    let marked = world.store().user(gone).await.unwrap();
    assert!(marked.disabled && marked.erasing);
    assert!(!world.store().user(kept).await.unwrap().erasing);
    // Nothing that is said of them meanwhile takes the mark away.
    world.store().set_role(gone, Role::Operator).await.unwrap();
    let profile = Profile { name: "x".into(), language: None, onboarding: None };
    world.store().save_profile(gone, &profile).await.unwrap();
    assert_eq!(world.store().begin_erasing(gone).await.unwrap(), [[0; 32]; 0]);
    assert_eq!(world.store().erasing().await.unwrap(), [gone]);
    world.store().delete_user(gone).await.unwrap();
    assert_eq!(world.store().erasing().await.unwrap(), []);
    assert_refused!(world.store().begin_erasing(gone).await, NotFound);
}

pub(super) async fn settings_are_kept_and_replaced(world: &World) {
    let (user, other) = (world.user().await, world.user().await);
    assert_eq!(world.store().settings(user).await.unwrap(), None);
    let settings = json!({ "theme": "dark", "텍스트": "\u{0} \"x\"", "size": 1.1, "list": [1, null] });
    world.store().save_settings(user, &settings).await.unwrap();
    assert_eq!(world.other().settings(user).await.unwrap(), Some(settings));
    world.other().save_settings(user, &json!({ "theme": "light" })).await.unwrap();
    assert_eq!(world.store().settings(user).await.unwrap(), Some(json!({ "theme": "light" })));
    assert_eq!(world.store().settings(other).await.unwrap(), None);
}

fn api_token(user: UserId) -> ApiTokenRecord {
    let (id, name, scopes) = (ApiTokenId(Uuid::new_v4()), "script".into(), vec!["messages".into()]);
    ApiTokenRecord { id, user, name, scopes, created_at: NOW, expires_at: NOW + 1_000, used_at: None }
}

pub(super) async fn removing_takes_everything_along(world: &World) {
    let mut kept = Vec::new();
    for subject in ["google:gone", "google:kept"] {
        let user = world.store().sign_in(&ada(subject), NOW).await.unwrap().id;
        let (opened, token) = (hash(), hash());
        world.store().open_session(opened, &session(user)).await.unwrap();
        world.store().add_api_token(token, &api_token(user)).await.unwrap();
        world.store().save_user_secret(user, "key", b"sealed").await.unwrap();
        world.store().save_settings(user, &json!(1)).await.unwrap();
        let workspace = world.store().create_workspace(user, UIDS, NETWORKS, NOW).await.unwrap();
        let conversation = world.conversation_in(workspace.id).await;
        world.store().commit(&appending(&conversation, 2)).await.unwrap();
        let entry = AuditEntry {
            at: NOW,
            who: user.to_string(),
            kind: "sign_in".into(),
            object: String::new(),
            detail: json!({}),
        };
        world.store().append_audit(&entry).await.unwrap();
        kept.push((user, opened, token, workspace, conversation));
    }
    let (gone, kept) = (kept.remove(0), kept.remove(0));
    world.store().delete_user(gone.0).await.unwrap();
    let store = world.other();
    assert_refused!(store.user(gone.0).await, NotFound);
    assert_eq!(store.session(gone.1, NOW).await.unwrap(), None);
    assert_eq!(store.api_token(gone.2, NOW).await.unwrap(), None);
    assert_eq!(store.user_secret(gone.0, "key").await.unwrap(), None);
    assert_eq!(store.settings(gone.0).await.unwrap(), None);
    assert_eq!(store.workspace_of(gone.0).await.unwrap(), None);
    assert_refused!(store.workspace(gone.3.id).await, NotFound);
    assert_refused!(store.conversation(gone.4.id).await, NotFound);
    assert_eq!(world.log(gone.4.id).await, []);
    assert_eq!(store.users(None, "", 10).await.unwrap().len(), 1);
    // The other one has everything, and the numbers of the one who went are free again.
    assert!(store.session(kept.1, NOW).await.unwrap().is_some());
    assert!(store.api_token(kept.2, NOW).await.unwrap().is_some());
    assert!(store.user_secret(kept.0, "key").await.unwrap().is_some());
    assert_eq!(world.log(kept.4.id).await.len(), 1);
    let next = world.workspace().await;
    assert_eq!((next.uid, next.network), (gone.3.uid, gone.3.network));
    // Whoever comes back is someone new; what was done before stays written down.
    let back = store.sign_in(&ada("google:gone"), NOW).await.unwrap();
    assert_ne!(back.id, gone.0);
    let filter = AuditFilter { who: Some(gone.0.to_string()), ..AuditFilter::default() };
    let page = store.audit(&filter, AuditFrom::After(0), 10).await.unwrap();
    assert_eq!(page.records.len(), 1);
}

pub(super) async fn what_they_allowed_goes_with_them_and_that_they_did_stays(world: &World) {
    let (gone, kept) = (world.user().await, world.user().await);
    let deed = |who: UserId, n: u64| AuditEntry {
        at: NOW + n,
        who: who.to_string(),
        kind: "prompt_answered".into(),
        object: "대화".into(),
        detail: match n % 3 {
            0 => {
                json!({ "tool": "Bash", "subject": "rm -rf 비밀", "input": "{\"a\":\"\u{0}\"}", "cost": 0.1, "n": [1, null] })
            }
            1 => json!({ "tool": "Edit", "always": "[\"secret\"]", "token": { "name": "input" } }),
            _ if n.is_multiple_of(2) => {
                json!({ "how": "local", "address": "192.0.2.7", "device": "Firefox", "name": "ci" })
            }
            _ => json!({ "tool": "Read", "decision": "deny", "token": { "id": "t" } }),
        },
    };
    // More than is looked at in one step.
    let mut written = Vec::new();
    for n in 1..=800 {
        let entry = deed(if n % 4 == 0 { kept } else { gone }, n);
        written.push(AuditRecord { n, entry });
    }
    for records in written.chunks(200) {
        let entries: Vec<_> = records.iter().cloned().map(Entry::Audit).collect();
        world.store().import(&entries).await.unwrap();
    }
    world.other().delete_user(gone).await.unwrap();
    for record in &mut written {
        if record.entry.who == gone.to_string() {
            assert_eq!(record.entry.hide_person(), record.n % 6 != 5);
        }
    }
    let mut left = Vec::new();
    let mut next = Some(AuditFrom::After(0));
    while let Some(from) = next {
        let page = world.store().audit(&AuditFilter::default(), from, 500).await.unwrap();
        left.extend(page.records);
        next = page.next;
    }
    assert!(left == written, "{:?}", left.iter().zip(&written).find(|(left, right)| left != right));
    assert_eq!(world.store().append_audit(&deed(kept, 1)).await.unwrap(), 801);
}

pub(super) async fn who_is_not_there_is_not_found(world: &World) {
    let gone = world.user().await;
    world.store().delete_user(gone).await.unwrap();
    let store = world.other();
    let profile = Profile { name: "x".into(), language: None, onboarding: None };
    assert_refused!(store.user(gone).await, NotFound);
    assert_refused!(store.save_profile(gone, &profile).await, NotFound);
    assert_refused!(store.set_role(gone, Role::Operator).await, NotFound);
    assert_refused!(store.set_disabled(gone, true).await, NotFound);
    assert_refused!(store.save_settings(gone, &json!(1)).await, NotFound);
    assert_refused!(store.save_user_secret(gone, "key", b"x").await, NotFound);
    assert_refused!(store.add_api_token(hash(), &api_token(gone)).await, NotFound);
    assert_refused!(store.delete_user(gone).await, NotFound);
    assert_eq!(store.settings(gone).await.unwrap(), None);
    assert_eq!(store.sessions(gone, NOW).await.unwrap(), []);
    assert_eq!(store.api_tokens(gone).await.unwrap(), []);
}
