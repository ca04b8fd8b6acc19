//! A new sealing key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control_plane::app;
use control_plane::maintenance::rotate::{reseal_all, rotate_file};
use control_plane::pki::Authority;
use control_plane::seal::Seal;
use control_plane::store::Store;
use protocol::UserId;

use crate::flags::check;
use crate::plane::Plane;
use crate::store::world::{World, cut_off};
use crate::store::{firestore, sqlite};

fn key(byte: u8) -> Seal {
    Seal::from_base64(&STANDARD.encode([byte; 32])).unwrap()
}

fn name(user: UserId, n: usize) -> String {
    format!("user/{user}/{n}")
}

/// Puts a CA, the plain instance and many users' secrets into a store.
async fn seal_much(world: &World, seal: &Seal) -> Vec<UserId> {
    Authority::load(world.store(), seal).await.unwrap();
    world.store().create_secret("instance", b"0a1b").await.unwrap();
    let mut users = Vec::new();
    for n in 0..3 {
        let user = world.user().await;
        for n in 0..n * 60 {
            let sealed = seal.seal(&name(user, n), format!("secret {n}").as_bytes()).unwrap();
            world.store().save_user_secret(user, &n.to_string(), &sealed).await.unwrap();
        }
        users.push(user);
    }
    users
}

/// Asserts that a key opens everything.
async fn assert_opens(world: &World, users: &[UserId], seal: &Seal) {
    Authority::load(world.other(), seal).await.unwrap();
    assert_eq!(world.other().secret("instance").await.unwrap().unwrap(), b"0a1b");
    for (count, user) in users.iter().enumerate() {
        for n in 0..count * 60 {
            let sealed = world.other().user_secret(*user, &n.to_string()).await.unwrap().unwrap();
            let opened = seal.open(&name(*user, n), &sealed).unwrap();
            assert_eq!(opened.as_slice(), format!("secret {n}").as_bytes());
        }
    }
}

/// A data folder of its own for a world.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sealing-key");
    (dir, file)
}

/// Copies of the key files, so that what one alone opens can be seen.
fn alone(file: &Path) -> (tempfile::TempDir, Seal) {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("key");
    std::fs::copy(file, &copy).unwrap();
    let seal = Seal::from_file(&copy).unwrap();
    (dir, seal)
}

async fn rotates(world: World) {
    let (dir, file) = folder();
    let old = Seal::from_file(&file).unwrap();
    let users = seal_much(&world, &old).await;
    let rotated = rotate_file(dir.path(), world.store(), &file).await.unwrap();
    assert_eq!(rotated.resealed, 181);
    assert_opens(&world, &users, &Seal::from_file(&file).unwrap()).await;
    assert!(Authority::load(world.store(), &old).await.is_err());
    // The old key is kept, and the new one is nowhere else.
    let kept = alone(&rotated.old_key.unwrap()).1;
    assert!(kept.is_current("x", &old.seal("x", b"y").unwrap()));
    assert!(!dir.path().join("sealing-key.next").exists());
    // And once more.
    assert_eq!(rotate_file(dir.path(), world.store(), &file).await.unwrap().resealed, 181);
    assert_opens(&world, &users, &Seal::from_file(&file).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_opens_with_the_new_key_and_nothing_with_the_old_one() {
    rotates(sqlite::fresh().await).await;
    if let Some(world) = firestore::world().await {
        rotates(world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_old_key_no_new_one_is_made_up() {
    let world = sqlite::fresh().await;
    let dir = tempfile::tempdir().unwrap();
    let refused = rotate_file(dir.path(), world.store(), &dir.path().join("sealing-key")).await.unwrap_err();
    assert!(refused.to_string().contains("is not there"), "{refused:#}");
    let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("sealing-key")));
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_anywhere_it_loses_nothing_and_goes_on() {
    let world = sqlite::fresh().await;
    let (dir, file) = folder();
    let users = seal_much(&world, &Seal::from_file(&file).unwrap()).await;
    let (mut after, mut cuts) = (0, 0);
    while cut_off(rotate_file(dir.path(), world.store(), &file), after).await.is_none() {
        (after, cuts) = (after + 7, cuts + 1);
        // Whoever starts now opens everything, and what is sealed meanwhile is not lost either.
        let meanwhile = Seal::from_file(&file).unwrap();
        assert_opens(&world, &users, &meanwhile).await;
        let sealed = meanwhile.seal(&name(users[2], 5), b"secret 5").unwrap();
        world.store().save_user_secret(users[2], "5", &sealed).await.unwrap();
    }
    assert!(cuts > 5, "{cuts}");
    assert_opens(&world, &users, &alone(&file).1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_no_key_opens_stops_it_and_no_key_is_lost() {
    let world = sqlite::fresh().await;
    let (dir, file) = folder();
    let old = Seal::from_file(&file).unwrap();
    let users = seal_much(&world, &old).await;
    let foreign = key(9).seal(&name(users[0], 0), b"x").unwrap();
    world.store().save_user_secret(users[0], "0", &foreign).await.unwrap();
    let error = rotate_file(dir.path(), world.store(), &file).await.unwrap_err();
    assert!(format!("{error:#}").contains(&format!("{} was sealed with another key", name(users[0], 0))));
    assert_opens(&world, &users, &Seal::from_file(&file).unwrap()).await;
    assert!(alone(&file).1.is_current("x", &old.seal("x", b"y").unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_configuration_are_rotated_while_others_serve() {
    let world = Arc::new(sqlite::fresh().await);
    let users = seal_much(&world, &key(1)).await;
    let both = key(2).or_opens(key(1));
    // Others who have both keys replace secrets meanwhile, and two rotate at once.
    let work = world.at_once(6, |store, n| {
        let (both, users) = (both.clone(), users.clone());
        async move {
            if n < 2 {
                reseal_all(&*store, &both).await.unwrap();
                return;
            }
            for n in 0..60 {
                let sealed = both.seal(&name(users[1], n), format!("secret {n}").as_bytes()).unwrap();
                store.save_user_secret(users[1], &n.to_string(), &sealed).await.unwrap();
            }
        }
    });
    work.await;
    assert_opens(&world, &users, &key(2)).await;
    assert_eq!(reseal_all(world.store(), &both).await.unwrap().resealed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_serves_is_not_left_with_the_old_key() {
    let plane = Plane::start().await;
    let data = plane.folder.path().join("data");
    let file = data.join("sealing-key");
    let refused = rotate_file(&data, plane.store(), &file).await.unwrap_err();
    assert!(format!("{refused:#}").contains("another control plane serves"));
    let trust = plane.app().authority.trust().to_owned();
    let Plane { running, folder } = plane;
    let store: Arc<dyn Store> = Arc::clone(&running.app.store);
    control_plane::stop(running).await;
    rotate_file(&data, &*store, &file).await.unwrap();
    let free = ["--listen", "127.0.0.1:0", "--link-listen", "127.0.0.1:0"];
    let again = app::build(check(folder.path(), &free).unwrap()).await.unwrap();
    assert_eq!(again.app.authority.trust(), trust);
}
