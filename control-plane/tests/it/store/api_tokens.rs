//! Tokens for scripts.

use control_plane::store::records::{ApiTokenId, ApiTokenRecord};
use protocol::{Millis, UserId};
use uuid::Uuid;

use super::assert_refused;
use super::world::{NOW, World, hash};

const MINUTE: Millis = 60_000;

fn token(user: UserId, name: &str) -> ApiTokenRecord {
    ApiTokenRecord {
        id: ApiTokenId(Uuid::new_v4()),
        user,
        name: name.into(),
        scopes: vec!["messages:write".into(), "events:read".into()],
        created_at: NOW,
        expires_at: NOW + 1_000 * MINUTE,
        used_at: None,
    }
}

pub(super) async fn it_is_good_until_it_ends(world: &World) {
    let (hash, record) = (hash(), token(world.user().await, "backup 스크립트"));
    world.store().add_api_token(hash, &record).await.unwrap();
    let user = world.store().user(record.user).await.unwrap();
    let last = record.expires_at - 1;
    assert_eq!(world.other().api_token(hash, last).await.unwrap(), Some((record.clone(), user)));
    assert_eq!(world.other().api_token(hash, record.expires_at).await.unwrap(), None);
    assert_eq!(world.other().api_token([0; 32], NOW).await.unwrap(), None);
    assert_refused!(world.other().add_api_token(hash, &token(record.user, "twice")).await, Conflict);
}

pub(super) async fn its_use_is_noted_once_a_minute(world: &World) {
    let (hash, record) = (hash(), token(world.user().await, "x"));
    world.store().add_api_token(hash, &record).await.unwrap();
    let cases = [(NOW + 5, NOW + 5), (NOW + MINUTE, NOW + 5), (NOW + 5 + MINUTE, NOW + 5 + MINUTE)];
    for (used, noted) in cases {
        world.store().touch_api_token(hash, used).await.unwrap();
        let (record, _) = world.other().api_token(hash, NOW).await.unwrap().unwrap();
        assert_eq!(record.used_at, Some(noted));
    }
    world.store().touch_api_token(hash, record.expires_at).await.unwrap();
    let (record, _) = world.other().api_token(hash, NOW).await.unwrap().unwrap();
    assert_eq!(record.used_at, Some(NOW + 5 + MINUTE));
}

pub(super) async fn a_user_sees_their_own_the_newest_first(world: &World) {
    let (mine, theirs) = (world.user().await, world.user().await);
    let mut tokens: Vec<_> = ["a", "b", "c"].iter().map(|name| token(mine, name)).collect();
    for (n, record) in (0..).zip(&mut tokens) {
        record.created_at += n;
        world.store().add_api_token(hash(), record).await.unwrap();
    }
    world.store().add_api_token(hash(), &token(theirs, "theirs")).await.unwrap();
    tokens.reverse();
    assert_eq!(world.other().api_tokens(mine).await.unwrap(), tokens);
}

pub(super) async fn it_is_revoked_by_its_owner_alone(world: &World) {
    let (mine, theirs) = (world.user().await, world.user().await);
    let (hash, record) = (hash(), token(mine, "x"));
    world.store().add_api_token(hash, &record).await.unwrap();
    assert_refused!(world.store().revoke_api_token(theirs, record.id).await, NotFound);
    assert!(world.other().api_token(hash, NOW).await.unwrap().is_some());
    assert_eq!(world.store().revoke_api_token(mine, record.id).await.unwrap(), hash);
    assert_eq!(world.other().api_token(hash, NOW).await.unwrap(), None);
    assert_eq!(world.other().api_tokens(mine).await.unwrap(), []);
    assert_refused!(world.other().revoke_api_token(mine, record.id).await, NotFound);
}

pub(super) async fn who_is_kept_out_shows_with_it(world: &World) {
    let (hash, record) = (hash(), token(world.user().await, "x"));
    world.store().add_api_token(hash, &record).await.unwrap();
    world.other().set_disabled(record.user, true).await.unwrap();
    assert!(world.store().api_token(hash, NOW).await.unwrap().unwrap().1.disabled);
}
