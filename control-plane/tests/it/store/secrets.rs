//! Sealed secrets: Atelier's own, created once; users', replaced and removed; all of them, for a new key.

use std::collections::BTreeMap;

use control_plane::store::records::SecretName;
use protocol::UserId;
use uuid::Uuid;

use super::assert_refused;
use super::world::{World, winners};

pub(super) async fn a_secret_is_kept_as_it_was_given(world: &World) {
    assert_eq!(world.store().secret("ca").await.unwrap(), None);
    let sealed: Vec<u8> = (0..=255).collect();
    assert_eq!(world.store().create_secret("ca", &sealed).await.unwrap(), sealed);
    assert_eq!(world.other().secret("ca").await.unwrap(), Some(sealed));
}

pub(super) async fn the_first_of_a_hundred_secrets_wins_and_all_are_told(world: &World) {
    let kept =
        world.at_once(100, |store, n| async move { store.create_secret("ca", &n.to_be_bytes()).await });
    let kept: Vec<_> = kept.await.into_iter().map(Result::unwrap).collect();
    let winner = world.store().secret("ca").await.unwrap().unwrap();
    assert!(kept.iter().all(|told| *told == winner));
    assert!((0..100_u32).any(|n| winner == n.to_be_bytes()));
}

pub(super) async fn names_do_not_mix(world: &World) {
    world.store().create_secret("ca", b"one").await.unwrap();
    world.store().create_secret("CA", b"two").await.unwrap();
    assert_eq!(world.other().create_secret("ca", b"three").await.unwrap(), b"one");
    assert_eq!(world.other().secret("CA").await.unwrap().unwrap(), b"two");
    assert_eq!(world.other().secret("c").await.unwrap(), None);
}

pub(super) async fn a_users_is_replaced_and_removed(world: &World) {
    let (mine, theirs) = (world.user().await, world.user().await);
    assert_eq!(world.store().user_secret(mine, "key").await.unwrap(), None);
    world.store().save_user_secret(mine, "key", b"one").await.unwrap();
    world.store().save_user_secret(theirs, "key", b"theirs").await.unwrap();
    world.store().save_user_secret(mine, "Key", b"other").await.unwrap();
    world.other().save_user_secret(mine, "key", b"two").await.unwrap();
    assert_eq!(world.store().user_secret(mine, "key").await.unwrap().unwrap(), b"two");
    assert_eq!(world.store().secret("key").await.unwrap(), None);
    world.store().delete_user_secret(mine, "key").await.unwrap();
    world.store().delete_user_secret(mine, "key").await.unwrap();
    assert_eq!(world.other().user_secret(mine, "key").await.unwrap(), None);
    assert_eq!(world.other().user_secret(mine, "Key").await.unwrap().unwrap(), b"other");
    assert_eq!(world.other().user_secret(theirs, "key").await.unwrap().unwrap(), b"theirs");
}

pub(super) async fn all_are_listed_once_in_pages(world: &World) {
    let mut expected = BTreeMap::new();
    let users = [world.user().await, world.user().await, world.user().await];
    for name in ["", "ca", "CA", "a/b", "하나", "z", "instance"] {
        world.store().create_secret(name, name.as_bytes()).await.unwrap();
        expected.insert(SecretName::Own(name.into()), name.as_bytes().to_vec());
        for user in users {
            world.store().save_user_secret(user, name, b"of a user").await.unwrap();
            expected.insert(SecretName::Of(user, name.into()), b"of a user".to_vec());
        }
    }
    for size in [1, 2, 6, 7, 8, 100] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = world.other().sealed_secrets(after.as_ref(), size).await.unwrap();
            assert!(page.len() <= size);
            let Some((name, _)) = page.last() else { break };
            after = Some(name.clone());
            all.extend(page);
        }
        assert_eq!(all.len(), expected.len(), "pages of {size}");
        assert_eq!(all.into_iter().collect::<BTreeMap<_, _>>(), expected, "pages of {size}");
    }
}

pub(super) async fn it_is_sealed_anew_only_if_it_is_as_expected(world: &World) {
    let user = world.user().await;
    let names = [SecretName::Own("ca".into()), SecretName::Of(user, "key".into())];
    world.store().create_secret("ca", b"old").await.unwrap();
    world.store().save_user_secret(user, "key", b"old").await.unwrap();
    for name in &names {
        assert_refused!(world.other().reseal(name, b"other", b"new").await, Conflict);
        world.other().reseal(name, b"old", b"new").await.unwrap();
    }
    assert_eq!(world.store().secret("ca").await.unwrap().unwrap(), b"new");
    assert_eq!(world.store().user_secret(user, "key").await.unwrap().unwrap(), b"new");
    for gone in [SecretName::Own("none".into()), SecretName::Of(UserId(Uuid::new_v4()), "key".into())] {
        assert_refused!(world.store().reseal(&gone, b"old", b"new").await, NotFound);
    }
    let sealed = world.at_once(20, |store, n| {
        let name = names[1].clone();
        async move { store.reseal(&name, b"new", &n.to_be_bytes()).await }
    });
    assert_eq!(winners(&sealed.await), 1);
}
