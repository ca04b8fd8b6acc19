//! The commands themselves, as an operator types them.

use std::path::Path;
use std::process::{Command, Output};

use control_plane::seal::Seal;
use control_plane::store::StoreAt;
use tempfile::TempDir;

use crate::store::firestore;
use crate::store::world::ada;

/// A data folder with a store, a user and a sealed secret in it.
async fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreAt::data(dir.path()).open().await.unwrap();
    store.sign_in(&ada("google:1"), 1).await.unwrap();
    let seal = Seal::from_file(&dir.path().join("sealing-key")).unwrap();
    store.create_secret("ca", &seal.seal("ca", b"secret").unwrap()).await.unwrap();
    dir
}

fn run(data: &Path, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_control-plane"));
    command.args(args).env("ATELIER_DATA", data).env("ATELIER_LOG", "warn");
    for (name, value) in environment {
        command.env(name, value);
    }
    command.output().unwrap()
}

/// What a command that succeeds prints.
fn done(data: &Path, args: &[&str]) -> String {
    let output = run(data, args, &[]);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails says.
fn failed(data: &Path, args: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(data, args, environment);
    assert!(!output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

async fn users(at: &StoreAt) -> usize {
    at.open().await.unwrap().users(None, "", 9).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_and_restore_say_what_they_did() {
    let dir = folder().await;
    let file = dir.path().join("copy.db").display().to_string();
    let said = done(dir.path(), &["backup", &file]);
    assert!(said.contains(&file) && said.contains("sealing key"), "{said}");
    let words = failed(dir.path(), &["restore", &file], &[]);
    assert!(words.contains("--replace"), "{words}");
    let said = done(dir.path(), &["restore", "--replace", &file]);
    assert!(said.contains("What was there before is in"), "{said}");
    assert_eq!(users(&StoreAt::data(dir.path())).await, 1);
    let words = failed(&dir.path().join("none"), &["backup", &file], &[]);
    assert!(words.contains("there is no data folder"), "{words}");
    let firestore = [("ATELIER_STORE", "firestore"), ("ATELIER_FIRESTORE_PROJECT", "p-1")];
    let words = failed(dir.path(), &["backup", &file], &firestore);
    assert!(words.contains("move-store --copy --from firestore:p-1/(default)"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_prints_what_was_compared_and_where_to_serve_from() {
    let dir = folder().await;
    let from = StoreAt::data(dir.path()).to_string();
    let to = format!("sqlite:{}", dir.path().join("other.db").display());
    let said = done(dir.path(), &["move-store", "--from", &from, "--to", &to]);
    assert!(said.contains("users          1 records, ") && said.contains("Serve from there now"), "{said}");
    let words = failed(dir.path(), &["sign-in"], &[]);
    assert!(words.contains("was moved from this store to sqlite:"), "{words}");
    let said = done(dir.path(), &["move-store", "--from", &from, "--abandon"]);
    assert!(said.contains("serves again"), "{said}");
    assert!(done(dir.path(), &["sign-in"]).contains("#code="));
    for wrong in [&["--from", "nowhere", "--to", &to][..], &["--from", &from]] {
        failed(dir.path(), &[&["move-store"], wrong].concat(), &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_address_is_good_for_the_firestore_that_is_configured() {
    let Some(world) = firestore::world().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = world.at().to_string();
    let project = at.strip_prefix("firestore:").unwrap().split_once('/').unwrap().0;
    let output = run(
        dir.path(),
        &["sign-in"],
        &[("ATELIER_STORE", "firestore"), ("ATELIER_FIRESTORE_PROJECT", project)],
    );
    let said = String::from_utf8(output.stdout).unwrap();
    let code = said.trim().split_once("#code=").unwrap().1;
    let hash = control_plane::auth::local::hash(code);
    assert!(world.store().spend_code(hash, control_plane::clock::now()).await.unwrap());
    let words = failed(dir.path(), &["sign-in"], &[("ATELIER_STORE", "firestore")]);
    assert!(words.contains("--firestore-project: --store=firestore needs a project"), "{words}");
    let emulator = [
        ("ATELIER_STORE", "firestore"),
        ("ATELIER_FIRESTORE_PROJECT", project),
        ("FIRESTORE_EMULATOR_HOST", "everywhere"),
    ];
    let words = failed(dir.path(), &["sign-in"], &emulator);
    assert!(words.contains("FIRESTORE_EMULATOR_HOST: \"everywhere\" is not host and port"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_made_for_a_file_and_asked_for_otherwise() {
    let dir = folder().await;
    let said = done(dir.path(), &["rotate-sealing-key"]);
    assert!(said.contains("Secrets sealed anew: 1.") && said.contains("sealing-key.replaced-"), "{said}");
    let store = StoreAt::data(dir.path()).open().await.unwrap();
    let sealed = store.secret("ca").await.unwrap().unwrap();
    let file = dir.path().join("sealing-key");
    assert_eq!(Seal::from_file(&file).unwrap().open("ca", &sealed).unwrap().as_slice(), b"secret");
    let old = std::fs::read_to_string(&file).unwrap();
    let new = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
    let words = failed(dir.path(), &["rotate-sealing-key"], &[("ATELIER_SEALING_KEY", new)]);
    assert!(words.contains("ATELIER_OLD_SEALING_KEY"), "{words}");
    let keys = [("ATELIER_SEALING_KEY", new), ("ATELIER_OLD_SEALING_KEY", old.trim())];
    let output = run(dir.path(), &["rotate-sealing-key"], &keys);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("Secrets sealed anew: 1."), "{said}");
    assert!(!said.contains(old.trim()) && !said.contains(new));
    let sealed = store.secret("ca").await.unwrap().unwrap();
    assert!(Seal::from_base64(new).unwrap().is_current("ca", &sealed));
}
