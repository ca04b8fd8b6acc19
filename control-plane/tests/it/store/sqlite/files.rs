//! Files that are no store, or not one for us: each is refused in words that say why, and none is harmed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use control_plane::store::StoreError;
use nix::unistd::{Uid, setfsuid};
use rusqlite::Connection;

use super::{closed, open, words};
use crate::store::world::{NETWORKS, NOW, UIDS, ada};

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    let text = "this is a shopping list\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Malformed(_)), "{error:?}");
    assert!(words(error).contains("not a database"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_folder_that_is_missing_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let error = open(&dir.path().join("missing/atelier.db")).unwrap_err();
    assert!(words(error).contains("unable to open database file"));
    assert!(words(open(dir.path()).unwrap_err()).contains("unable to open database file"));
}

#[tokio::test]
async fn damage_shows_as_damage_and_not_as_a_busy_store() {
    let (_dir, path) = closed().await;
    // Everything behind the first page, which holds the schema.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let error = match open(&path) {
        Ok(store) => store.sign_in(&ada("google:1"), NOW).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, StoreError::Malformed(_)), "{error:?}");
    assert!(words(error).contains("malformed"));
}

#[tokio::test]
async fn a_record_that_makes_no_sense_shows_as_malformed() {
    let (_dir, path) = closed().await;
    let store = open(&path).unwrap();
    let user = store.sign_in(&ada("google:1"), NOW).await.unwrap();
    store.create_workspace(user.id, UIDS, NETWORKS, NOW).await.unwrap();
    let meddler = Connection::open(&path).unwrap();
    for (column, nonsense) in [("wanted", "'perhaps'"), ("version", "-1"), ("id", "x'00'")] {
        let sql = format!("UPDATE workspaces SET {column} = {nonsense}");
        let before = "UPDATE workspaces SET wanted = '\"stopped\"', version = 1";
        meddler.execute(before, []).unwrap();
        meddler.execute(&sql, []).unwrap();
        let error = store.workspace_of(user.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Malformed(_)), "{column}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (_dir, path) = closed().await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = words(open(&path).unwrap_err());
    assert!(error.contains("version 99, newer than this program"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atelier.db");
    std::fs::write(&path, "").unwrap();
    open(&path).unwrap().check().await.unwrap();
}

#[tokio::test]
async fn many_that_make_one_file_at_once_all_get_it() {
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("atelier.db");
        let opening: Vec<_> = (0..4)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || open(&path))
            })
            .collect();
        for opened in opening {
            opened.join().unwrap().unwrap().check().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_said() {
    let (dir, path) = closed().await;
    set_mode(dir.path(), 0o555);
    set_mode(&path, 0o444);
    let refused = as_nobody(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // Opened it may be, to be read; what `check` is for is to say whether it can be written.
        open(&path).and_then(|store| runtime.block_on(store.check()))
    });
    set_mode(dir.path(), 0o755);
    let words = words(refused.unwrap_err());
    assert!(words.contains("readonly database") || words.contains("unable to open"), "{words}");
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs `body` without root's right to pass over permissions, on a thread of its own.
fn as_nobody<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        setfsuid(Uid::from_raw(65_534));
        body()
    });
    thread.join().unwrap()
}
