//! Starting: once a data folder, again with what was kept, and without an engine.

use control_plane::app;
use protocol::api::Health;

use crate::flags::{check, folder};
use crate::plane::Plane;

const FREE: [&str; 4] = ["--listen", "127.0.0.1:0", "--link-listen", "127.0.0.1:0"];

/// The refusal of a start with these flags.
async fn refused(folder: &std::path::Path, flags: &[&str]) -> String {
    format!("{:#}", app::build(check(folder, flags).unwrap()).await.unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_it_serves_and_says_what_is_missing() {
    let plane = Plane::start().await;
    let answer = plane.get("/health").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let health: Health = answer.json().await.unwrap();
    assert!(!health.ok && health.store && !health.engine);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_the_link_address_must_be_given() {
    let dir = folder();
    let words = refused(dir.path(), &["--listen", "127.0.0.1:0"]).await;
    assert!(words.contains("--link-listen"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_in_the_same_folder_is_refused() {
    let plane = Plane::start().await;
    let words = refused(plane.folder.path(), &FREE).await;
    assert!(words.contains("another control plane serves"), "{words}");
    assert_eq!(plane.get("/health").send().await.unwrap().status(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = refused(folder().path(), &["--listen", &address, "--link-listen", "127.0.0.1:0"]).await;
    assert!(words.contains(&address), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_it_starts_again_with_what_it_had() {
    let plane = Plane::start().await;
    let workspace = plane.workspace().await;
    let trust = plane.app().authority.trust().to_owned();
    let Plane { running, folder } = plane;
    control_plane::stop(running).await;
    let again = app::build(check(folder.path(), &FREE).unwrap()).await.unwrap();
    assert_eq!(again.app.authority.trust(), trust);
    assert_eq!(again.app.store.workspace(workspace.id).await.unwrap(), workspace);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_whose_key_was_lost_is_not_taken_for_a_new_one() {
    let plane = Plane::start().await;
    let Plane { running, folder } = plane;
    control_plane::stop(running).await;
    std::fs::remove_file(folder.path().join("data/sealing-key")).unwrap();
    let words = refused(folder.path(), &FREE).await;
    assert!(words.contains("sealed with another key"), "{words}");
}
