//! Sessions: how long they are good, and how they end.

use std::collections::HashSet;

use control_plane::store::records::{SessionId, SessionRecord};
use protocol::{Millis, UserId};
use uuid::Uuid;

use super::assert_refused;
use super::world::{NOW, World, hash};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// A session of a day that may go unused for an hour.
fn session(user: UserId, created_at: Millis) -> SessionRecord {
    SessionRecord {
        id: SessionId(Uuid::new_v4()),
        user,
        created_at,
        expires_at: created_at + 24 * HOUR,
        used_at: created_at,
        idle: HOUR,
        device: "Firefox".into(),
    }
}

async fn is_good(world: &World, token: [u8; 32], now: Millis) -> bool {
    world.other().session(token, now).await.unwrap().is_some()
}

pub(super) async fn an_unused_one_ends_and_a_used_one_goes_on_to_its_end(world: &World) {
    let (token, session) = (hash(), session(world.user().await, NOW));
    world.store().open_session(token, &session).await.unwrap();
    assert!(is_good(world, token, NOW + HOUR - 1).await);
    assert!(!is_good(world, token, NOW + HOUR).await);
    // What has ended is not brought back by being used.
    world.store().touch_session(token, NOW + HOUR).await.unwrap();
    assert!(!is_good(world, token, NOW + HOUR).await);
    for half_hours in 1..48 {
        world.store().touch_session(token, NOW + half_hours * HOUR / 2).await.unwrap();
        assert!(is_good(world, token, NOW + half_hours * HOUR / 2 + HOUR - 1).await || half_hours > 46);
    }
    assert!(is_good(world, token, session.expires_at - 1).await);
    assert!(!is_good(world, token, session.expires_at).await);
}

pub(super) async fn use_is_noted_once_a_minute(world: &World) {
    let (token, session) = (hash(), session(world.user().await, NOW));
    world.store().open_session(token, &session).await.unwrap();
    let cases = [
        (NOW + 1, NOW),
        (NOW + MINUTE - 1, NOW),
        (NOW + MINUTE, NOW + MINUTE),
        (NOW + 2 * MINUTE - 1, NOW + MINUTE),
        // A clock that was put back takes nothing back.
        (NOW, NOW + MINUTE),
        (NOW + 5 * MINUTE, NOW + 5 * MINUTE),
    ];
    for (used, noted) in cases {
        world.store().touch_session(token, used).await.unwrap();
        let (record, _) = world.other().session(token, NOW).await.unwrap().unwrap();
        assert_eq!(record.used_at, noted, "used at {used}");
    }
    world.store().touch_session(hash(), NOW).await.unwrap();
}

pub(super) async fn a_user_sees_their_own_the_newest_first(world: &World) {
    let (mine, theirs) = (world.user().await, world.user().await);
    let sessions: Vec<_> = (0..4).map(|n| session(mine, NOW + n * 40 * MINUTE)).collect();
    for session in sessions.iter().rev() {
        world.store().open_session(hash(), session).await.unwrap();
    }
    world.store().open_session(hash(), &session(theirs, NOW)).await.unwrap();
    // The oldest two have gone unused for too long by now.
    let listed = world.other().sessions(mine, NOW + 120 * MINUTE).await.unwrap();
    assert_eq!(listed, [sessions[3].clone(), sessions[2].clone()]);
}

pub(super) async fn one_is_ended_by_its_owner_alone(world: &World) {
    let (mine, theirs) = (world.user().await, world.user().await);
    let (one, two) = (session(mine, NOW), session(mine, NOW));
    let (token, beside) = (hash(), hash());
    world.store().open_session(token, &one).await.unwrap();
    world.store().open_session(beside, &two).await.unwrap();
    assert_refused!(world.store().end_session(theirs, one.id).await, NotFound);
    assert_refused!(world.store().end_session(mine, SessionId(Uuid::new_v4())).await, NotFound);
    assert!(is_good(world, token, NOW).await);
    assert_eq!(world.store().end_session(mine, one.id).await.unwrap(), token);
    assert!(!is_good(world, token, NOW).await && is_good(world, beside, NOW).await);
    assert_refused!(world.other().end_session(mine, one.id).await, NotFound);
}

pub(super) async fn all_of_one_user_are_ended_at_once(world: &World) {
    let (mine, theirs) = (world.user().await, world.user().await);
    let mut tokens = Vec::new();
    for user in [mine, mine, mine, theirs] {
        tokens.push(hash());
        world.store().open_session(tokens[tokens.len() - 1], &session(user, NOW)).await.unwrap();
    }
    let ended: HashSet<_> = world.other().end_sessions(mine).await.unwrap().into_iter().collect();
    assert_eq!(ended, tokens[..3].iter().copied().collect());
    assert_eq!(world.other().end_sessions(mine).await.unwrap(), [[0; 32]; 0]);
    for (n, token) in tokens.into_iter().enumerate() {
        assert_eq!(is_good(world, token, NOW).await, n == 3);
    }
}

pub(super) async fn it_goes_on_under_another_token(world: &World) {
    let (old, new, session) = (hash(), hash(), session(world.user().await, NOW));
    world.store().open_session(old, &session).await.unwrap();
    assert!(world.store().rotate_session(old, new).await.unwrap());
    assert!(!is_good(world, old, NOW).await);
    let (record, _) = world.other().session(new, NOW).await.unwrap().unwrap();
    assert_eq!(record, session);
    assert!(!world.other().rotate_session(old, hash()).await.unwrap());
    assert!(!world.other().rotate_session(hash(), hash()).await.unwrap());
    assert_eq!(world.store().sessions(session.user, NOW).await.unwrap(), [session]);
}

pub(super) async fn one_of_a_hundred_gives_it_another_token(world: &World) {
    let (old, session) = (hash(), session(world.user().await, NOW));
    world.store().open_session(old, &session).await.unwrap();
    let rotated = world.at_once(100, |store, _| async move {
        let new = hash();
        store.rotate_session(old, new).await.unwrap().then_some(new)
    });
    let winners: Vec<_> = rotated.await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    assert!(is_good(world, winners[0], NOW).await && !is_good(world, old, NOW).await);
}

pub(super) async fn a_token_opens_one_session(world: &World) {
    let (token, one, two) = (hash(), world.user().await, world.user().await);
    world.store().open_session(token, &session(one, NOW)).await.unwrap();
    assert_refused!(world.other().open_session(token, &session(two, NOW)).await, Conflict);
    assert_eq!(world.store().session(token, NOW).await.unwrap().unwrap().0.user, one);
}

pub(super) async fn tidying_removes_what_has_expired_and_nothing_else(world: &World) {
    let user = world.user().await;
    let (old, young) = (hash(), hash());
    world.store().open_session(old, &session(user, NOW)).await.unwrap();
    world.store().open_session(young, &session(user, NOW + HOUR)).await.unwrap();
    let (code, workspace, enrol) = (hash(), world.workspace().await.id, hash());
    world.store().add_code(code, NOW + 25 * HOUR).await.unwrap();
    world.store().add_enrol_token(enrol, workspace, NOW + 25 * HOUR).await.unwrap();
    world.other().tidy(NOW + 24 * HOUR).await.unwrap();
    // Gone altogether: not even in its time it is good any more.
    assert!(!is_good(world, old, NOW).await);
    assert!(is_good(world, young, NOW + HOUR).await);
    assert_eq!(world.store().spend_enrol_token(enrol, NOW).await.unwrap(), Some(workspace));
    assert!(world.store().spend_code(code, NOW).await.unwrap());
}
