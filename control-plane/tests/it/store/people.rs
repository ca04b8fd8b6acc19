//! Users, one-time codes and sessions.

use std::collections::HashSet;

use control_plane::store::records::{SessionId, SessionRecord};
use protocol::UserId;
use uuid::Uuid;

use super::assert_refused;
use super::world::{NOW, World, ada, hash};

pub(super) async fn signing_in_again_gives_the_same_user(world: &World) {
    let first = world.store().sign_in(&ada("google:1"), NOW).await.unwrap();
    let again = world.other().sign_in(&ada("google:1"), NOW + 1).await.unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(world.other().user(first.id).await.unwrap(), again);
    assert!(!again.disabled);
}

pub(super) async fn a_hundred_first_sign_ins_of_one_subject_make_one_user(world: &World) {
    let users = world.at_once(100, |store, _| async move { store.sign_in(&ada("google:1"), NOW).await });
    let ids: HashSet<_> = users.await.into_iter().map(|user| user.unwrap().id).collect();
    assert_eq!(ids.len(), 1);
}

pub(super) async fn subjects_are_told_apart_to_the_letter(world: &World) {
    let mut ids = HashSet::new();
    for subject in ["google:1", "google:10", "GOOGLE:1", "google:1 ", "하나", ""] {
        ids.insert(world.store().sign_in(&ada(subject), NOW).await.unwrap().id);
    }
    assert_eq!(ids.len(), 6);
}

pub(super) async fn an_unknown_user_is_not_found(world: &World) {
    assert_refused!(world.store().user(UserId(Uuid::new_v4())).await, NotFound);
}

pub(super) async fn a_local_code_is_spent_by_one_of_a_hundred(world: &World) {
    let code = hash();
    world.store().add_code(code, NOW + 1).await.unwrap();
    let spent = world.at_once(100, |store, _| async move { store.spend_code(code, NOW).await.unwrap() });
    assert_eq!(spent.await.into_iter().filter(|spent| *spent).count(), 1);
    assert!(!world.store().spend_code(code, NOW).await.unwrap());
}

pub(super) async fn a_local_code_ends_with_its_time(world: &World) {
    let (late, in_time) = (hash(), hash());
    world.store().add_code(late, NOW).await.unwrap();
    assert!(!world.store().spend_code(late, NOW).await.unwrap());
    world.store().add_code(in_time, NOW).await.unwrap();
    assert!(world.store().spend_code(in_time, NOW - 1).await.unwrap());
}

pub(super) async fn an_unknown_local_code_is_worth_nothing(world: &World) {
    world.store().add_code(hash(), NOW + 1).await.unwrap();
    assert!(!world.store().spend_code(hash(), NOW).await.unwrap());
}

pub(super) async fn an_expired_code_takes_no_other_with_it(world: &World) {
    let (expired, good) = (hash(), hash());
    world.store().add_code(expired, NOW).await.unwrap();
    world.store().add_code(good, NOW + 10).await.unwrap();
    assert!(!world.store().spend_code(expired, NOW + 1).await.unwrap());
    assert!(world.other().spend_code(good, NOW + 1).await.unwrap());
}

fn session(user: UserId) -> SessionRecord {
    SessionRecord {
        id: SessionId(Uuid::new_v4()),
        user,
        created_at: NOW,
        expires_at: NOW + 10,
        used_at: NOW,
        idle: 10,
        device: "Browser/1 (하나)".into(),
    }
}

pub(super) async fn a_session_is_read_until_its_time_is_over(world: &World) {
    let (token, session) = (hash(), session(world.user().await));
    world.store().open_session(token, &session).await.unwrap();
    let user = world.store().user(session.user).await.unwrap();
    assert_eq!(world.other().session(token, NOW + 9).await.unwrap(), Some((session, user)));
    assert_eq!(world.other().session(token, NOW + 10).await.unwrap(), None);
    assert_eq!(world.other().session(hash(), NOW).await.unwrap(), None);
}

pub(super) async fn a_closed_session_is_gone_and_others_are_not(world: &World) {
    let (closed, open, session) = (hash(), hash(), session(world.user().await));
    world.store().open_session(closed, &session).await.unwrap();
    let beside = SessionRecord { id: SessionId(Uuid::new_v4()), ..session.clone() };
    world.store().open_session(open, &beside).await.unwrap();
    world.store().close_session(closed).await.unwrap();
    assert_eq!(world.other().session(closed, NOW).await.unwrap(), None);
    assert!(world.other().session(open, NOW).await.unwrap().is_some());
    world.other().close_session(closed).await.unwrap();
}

pub(super) async fn nobody_has_no_session(world: &World) {
    let (token, session) = (hash(), session(UserId(Uuid::new_v4())));
    assert_refused!(world.store().open_session(token, &session).await, NotFound);
    assert_eq!(world.store().session(token, NOW).await.unwrap(), None);
}
