//! Copies of the embedded store.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use control_plane::app;
use control_plane::maintenance::backup::{backup, restore};
use control_plane::store::StoreAt;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{assert_goes_on, filled};
use crate::flags::check;
use crate::plane::Plane;
use crate::store::sqlite;
use crate::store::world::{World, ada, appending};

/// A data folder, and its store.
fn data() -> (TempDir, StoreAt) {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreAt::data(dir.path());
    (dir, store)
}

async fn open(at: &StoreAt) -> World {
    let store = at.open().await.unwrap();
    World::new([Arc::clone(&store), store], at.clone(), ())
}

fn words<T: std::fmt::Debug>(done: anyhow::Result<T>) -> String {
    format!("{:#}", done.unwrap_err())
}

/// Everything in a folder but what SQLite keeps beside an open file.
fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm") && name != "lock");
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_on_as_the_store_would_have() {
    let (dir, at) = data();
    let world = open(&at).await;
    let filled = filled(&world).await;
    let file = dir.path().join("copy.db");
    backup(&at, &file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // What happens afterwards is not in it.
    world.store().delete_user(filled.users[0]).await.unwrap();
    drop(world);
    let (other, restored) = data();
    assert_eq!(restore(other.path(), &restored, &file, false).await.unwrap(), None);
    assert_eq!(names(other.path()), ["atelier.db"]);
    assert_goes_on(&open(&restored).await, &filled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_of_a_busy_store_is_of_one_moment() {
    let (dir, at) = data();
    let world = Arc::new(open(&at).await);
    let fresh = world.conversation().await;
    let (writing, mut written) = (Arc::clone(&world), fresh.clone());
    let (said, mut heard) = tokio::sync::watch::channel(0);
    let writer = tokio::spawn(async move {
        while !said.is_closed() {
            let commit = appending(&written, 1);
            writing.store().commit(&commit).await.unwrap();
            // A second record that must be of the same moment, or one step behind.
            writing.store().add_code(crate::store::world::hash(), commit.record.end.n).await.unwrap();
            written = commit.record;
            said.send_replace(written.end.n);
        }
    });
    for round in 1..=10 {
        heard.wait_for(|n| *n >= round * 20).await.unwrap();
        let file = dir.path().join(format!("{round}.db"));
        backup(&at, &file).unwrap();
        let copy = open(&StoreAt::Sqlite(file.clone())).await;
        let record = copy.store().conversation(fresh.id).await.unwrap();
        let log = copy.log(fresh.id).await;
        assert!(record.end.n >= round * 20);
        assert_eq!((log.len() as u64, log.last().unwrap().last), (record.end.n, record.end.n));
        let codes = Connection::open(&file)
            .unwrap()
            .query_row("SELECT count(*) FROM local_codes", [], |row| row.get::<_, u32>(0))
            .unwrap();
        let codes = u64::from(codes);
        assert!(codes == record.end.n || codes + 1 == record.end.n, "{codes} of {}", record.end.n);
    }
    drop(heard);
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_takes_no_other_files_place_and_leaves_no_half() {
    let (dir, at) = data();
    open(&at).await.user().await;
    let file = dir.path().join("copy.db");
    std::fs::write(&file, "mine").unwrap();
    assert!(words(backup(&at, &file)).contains("is there already"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert!(words(backup(&at, &dir.path().join("missing/copy.db"))).contains("can't be made"));
    assert!(
        words(backup(&StoreAt::data(&dir.path().join("none")), &file.with_extension("2")))
            .contains("no store")
    );
    assert_eq!(names(dir.path()), ["atelier.db", "copy.db"]);
    let firestore: StoreAt = "firestore:project-1".parse().unwrap();
    assert!(words(backup(&firestore, &file)).contains("gcloud firestore export"));
}

/// A store with one user, and a backup of it.
async fn backed_up() -> (TempDir, StoreAt, PathBuf) {
    let (dir, at) = data();
    open(&at).await.store().sign_in(&ada("google:backed-up"), 1).await.unwrap();
    let file = dir.path().join("copy.db");
    backup(&at, &file).unwrap();
    (dir, at, file)
}

async fn subjects(at: &StoreAt) -> Vec<String> {
    let users = open(at).await.store().users(None, "", 9).await.unwrap();
    users.into_iter().map(|user| user.subject).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_makes_way_only_if_told_and_is_kept() {
    let (_kept, _, file) = backed_up().await;
    let (dir, at) = data();
    open(&at).await.store().sign_in(&ada("google:present"), 1).await.unwrap();
    assert!(words(restore(dir.path(), &at, &file, false).await).contains("--replace"));
    assert_eq!(subjects(&at).await, ["google:present"]);
    let kept = restore(dir.path(), &at, &file, true).await.unwrap().unwrap();
    assert_eq!(subjects(&at).await, ["google:backed-up"]);
    assert_eq!(subjects(&StoreAt::Sqlite(kept)).await, ["google:present"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_restored_under_someone_who_uses_it() {
    let (_kept, _, file) = backed_up().await;
    let plane = Plane::start().await;
    let data = plane.folder.path().join("data");
    let at = plane.app().config.store.clone();
    assert!(words(restore(&data, &at, &file, true).await).contains("another control plane serves"));
    // Nor under a command that has it open.
    let (dir, at) = self::data();
    let open = open(&at).await;
    open.user().await;
    assert!(words(restore(dir.path(), &at, &file, true).await).contains("someone has it open"));
    assert_eq!(open.store().users(None, "", 9).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_store_is_not_restored() {
    let (kept, _, file) = backed_up().await;
    let (dir, at) = data();
    let other = kept.path().join("other.db");
    let refused = async |why: &str| {
        let words = words(restore(dir.path(), &at, &other, false).await);
        assert!(words.contains("is no backup") && words.contains(why), "{words}");
        assert_eq!(names(dir.path()), [""; 0]);
    };
    refused("no such file").await;
    std::fs::write(&other, "a shopping list\n".repeat(100)).unwrap();
    refused("not a database").await;
    std::fs::write(&other, "").unwrap();
    refused("no store of Atelier's").await;
    std::fs::copy(&file, &other).unwrap();
    Connection::open(&other).unwrap().pragma_update(None, "user_version", 99).unwrap();
    refused("newer than this program").await;
    // Damage in the middle, and a record that refers to nothing.
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2 / 4096 * 4096;
    bytes[half..half + 4096].fill(0xA5);
    std::fs::write(&other, bytes).unwrap();
    refused("").await;
    std::fs::copy(&file, &other).unwrap();
    let meddler = Connection::open(&other).unwrap();
    let sql = "PRAGMA foreign_keys = OFF; INSERT INTO leases VALUES (x'00', 'a', 1, 1)";
    meddler.execute_batch(sql).unwrap();
    drop(meddler);
    refused("refer to what is not there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_starts_from_a_backup_with_its_key() {
    let free = ["--listen", "127.0.0.1:0", "--link-listen", "127.0.0.1:0"];
    let plane = Plane::start().await;
    let workspace = plane.workspace().await;
    let trust = plane.app().authority.trust().to_owned();
    let data = plane.folder.path().join("data");
    let file = plane.folder.path().join("copy.db");
    // While it serves.
    backup(&plane.app().config.store, &file).unwrap();
    plane.store().delete_workspace(workspace.id).await.unwrap();
    let Plane { running, folder } = plane;
    let at = running.app.config.store.clone();
    control_plane::stop(running).await;
    restore(&data, &at, &file, true).await.unwrap();
    let again = app::build(check(folder.path(), &free).unwrap()).await.unwrap();
    assert_eq!(again.app.authority.trust(), trust);
    assert_eq!(again.app.store.workspace(workspace.id).await.unwrap(), workspace);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_becomes_current_when_it_is_served_from() {
    let (_dir, at) = data();
    let StoreAt::Sqlite(path) = &at else { panic!("no file") };
    Connection::open(path).unwrap().execute_batch(sqlite::BY_SCHEMA_1).unwrap();
    let file = path.with_extension("copy");
    backup(&at, &file).unwrap();
    let (other, restored) = data();
    restore(other.path(), &restored, &file, false).await.unwrap();
    let store = restored.open().await.unwrap();
    assert_eq!(store.users(None, "love", 9).await.unwrap().len(), 1);
}
