//! Sealed secrets: created once.

use super::world::World;

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
