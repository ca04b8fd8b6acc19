//! Workspaces come and go; what was said stays.

use std::path::{Path, PathBuf};

use anyhow::Context;
use control_plane::store::StoreError;
use control_plane::store::records::Wanted;
use e2e::{Stack, Viewer};
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Where the engine is.
const ENGINE: &str = "/var/run/docker.sock";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_and_a_start_the_conversation_goes_on_with_its_context() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "remember this").await?;
    viewer.result_of(&conversation, &first).await?;
    viewer.ask(json!({ "type": "stop_workspace" })).await?;
    viewer
        .until("it is stopped", |seen| (seen.workspace["phase"]["type"] == "stopped").then_some(()))
        .await?;
    // A message to a stopped workspace starts it.
    let second = viewer.send(&conversation, "go on").await?;
    viewer.result_of(&conversation, &second).await?;
    assert!(viewer.seen.text(&conversation).contains("OK 4: go on"), "{}", viewer.summary());
    let ended = viewer.seen.last(&conversation, "process_ended").unwrap();
    assert_eq!(ended["why"], "workspace_stopped");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_while_the_workspace_stops_has_it_started_again() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "hello").await?;
    viewer.result_of(&conversation, &first).await?;
    let before = stack.life().await?;
    viewer.ask(json!({ "type": "stop_workspace" })).await?;
    viewer
        .until("it is being stopped", |seen| (seen.workspace["phase"]["type"] == "stopping").then_some(()))
        .await?;
    // The old container's end is told when the start is asked for already, and is not about the new one.
    viewer.send(&conversation, "and again").await?;
    let after = |seen: &e2e::Seen| match seen.workspace["phase"]["type"].as_str() {
        Some(phase @ ("running" | "failed")) => Some(phase.to_owned()),
        _ => None,
    };
    assert_eq!(viewer.until("it is running again", after).await?, "running", "{}", viewer.summary());
    assert_ne!(before, stack.life().await?);
    let third = viewer.send(&conversation, "there you are").await?;
    viewer.result_of(&conversation, &third).await?;
    assert!(viewer.seen.notices.is_empty(), "{}", viewer.summary());
    stack.finish().await;
    Ok(())
}

async fn files(viewer: &Viewer) -> anyhow::Result<reqwest::Response> {
    Ok(viewer.request(Method::GET, "/api/user/files").send().await?)
}

/// A person's own archive, which begins as soon as the place of their last one is free.
async fn begun(viewer: &Viewer) -> anyhow::Result<reqwest::Response> {
    let mut answer = None;
    e2e::until("it is their turn", async || {
        answer = files(viewer).await.ok();
        answer.as_ref().is_some_and(|answer| answer.status() != StatusCode::TOO_MANY_REQUESTS)
    })
    .await?;
    Ok(answer.context("no answer")?.error_for_status()?)
}

/// The same, as a file.
async fn archive(viewer: &Viewer, folder: &Path) -> anyhow::Result<PathBuf> {
    let answer = begun(viewer).await?;
    assert_eq!(answer.headers()["content-type"], "application/x-tar");
    let file = folder.join("files.tar");
    std::fs::write(&file, answer.bytes().await?)?;
    Ok(file)
}

async fn tar(what: &str, file: &Path, member: &str) -> anyhow::Result<String> {
    let output = tokio::process::Command::new("tar").arg(what).arg(file).arg(member).output().await?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_taken_along_whether_the_workspace_runs_or_not_and_hold_nothing_up() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let folder = tempfile::tempdir()?;
    // There is nothing yet.
    assert_eq!(std::fs::read(archive(&viewer, folder.path()).await?)?, [0; 1024]);
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    viewer.until("it runs", is_running).await?;
    let container = stack.container().await?;
    let uid = stack.uid_of(&viewer).await?.to_string();
    let script = "umask 077; mkdir -p /workspace/깊은/폴더; echo 안녕 >/workspace/깊은/폴더/글.txt
                  truncate -s 100G /workspace/hole; head -c 64M /dev/urandom >/workspace/large";
    stack.engine.run(&["exec", "-u", &uid, &container, "sh", "-c", script]).await?;
    for stopped in [false, true] {
        if stopped {
            // Whoever does not read on keeps nobody from stopping it.
            let unread = begun(&viewer).await?;
            viewer.ask(json!({ "type": "stop_workspace" })).await?;
            viewer.until("it is stopped", is_stopped).await?;
            assert_eq!(
                files(&viewer).await?.status(),
                StatusCode::TOO_MANY_REQUESTS,
                "one has one at a time"
            );
            drop(unread);
        }
        let file = archive(&viewer, folder.path()).await?;
        assert_eq!(tar("-xOf", &file, "./workspace/깊은/폴더/글.txt").await?, "안녕\n");
        assert!(tar("-tvf", &file, "./workspace/hole").await?.contains("107374182400"));
        assert!(file.metadata()?.len() < 100 << 20);
    }
    // Nor does an erasing wait for them.
    let unread = begun(&viewer).await?;
    let user = viewer.user_id().parse()?;
    viewer.request(Method::DELETE, "/api/user").send().await?.error_for_status()?;
    let store = stack.store().await?;
    e2e::until("they are gone", async || matches!(store.user(user).await, Err(StoreError::NotFound))).await?;
    assert!(unread.bytes().await.is_err(), "it was not cut off");
    let instance = format!("label=atelier.instance={}", stack.instance());
    e2e::until("no helper is left", async || {
        let left = stack.engine.run(&["ps", "-aq", "--filter", &instance]).await;
        left.is_ok_and(|left| left.trim().is_empty())
    })
    .await?;
    stack.finish().await;
    Ok(())
}

fn is_stopped(seen: &e2e::Seen) -> Option<()> {
    (seen.workspace["phase"]["type"] == "stopped").then_some(())
}

fn is_running(seen: &e2e::Seen) -> Option<()> {
    (seen.workspace["phase"]["type"] == "running").then_some(())
}

/// What a command on this machine prints.
async fn here(command: &[&str]) -> anyhow::Result<String> {
    let output = tokio::process::Command::new(command[0]).args(&command[1..]).output().await?;
    anyhow::ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_machine_was_started_anew_nobody_gets_the_files_of_somebody_elses_disk()
-> anyhow::Result<()> {
    let flags = vec!["--disk=64m".to_owned()];
    let stack = Stack::start_with(e2e::StackOptions { flags, ..Default::default() }).await?;
    let mut people = [stack.viewer().await?, stack.stranger("Bo").await?];
    let mut devices = Vec::new();
    for viewer in &mut people {
        viewer.ask(json!({ "type": "start_workspace" })).await?;
        viewer.until("it runs", is_running).await?;
        viewer.ask(json!({ "type": "stop_workspace" })).await?;
        viewer.until("it is stopped", is_stopped).await?;
        let volume = format!("{}-user", stack.container_of(viewer).await?);
        let device = stack.engine.run(&["volume", "inspect", "-f", "{{.Options.device}}", &volume]).await?;
        devices.push(device.trim().to_owned());
    }
    let [ada, bo] = &mut people;
    let folder = tempfile::tempdir()?;
    archive(ada, folder.path()).await?;
    // As after a start of the machine: the devices are given out anew, here the first one's to the second one's disk.
    let disks = format!("atelier-{}-disks", stack.instance());
    let disks = stack.engine.run(&["volume", "inspect", "-f", "{{.Mountpoint}}", &disks]).await?;
    let second = stack.store().await?.workspace_of(bo.user_id().parse()?).await?.context("no workspace")?.id;
    let disk = format!("{}/{second}.img", disks.trim());
    for device in &devices {
        here(&["losetup", "-d", device]).await?;
        e2e::until("the device is let go of", async || here(&["losetup", device]).await.is_err()).await?;
    }
    // Unless another story was quicker: then it is that one's disk.
    let _ = here(&["losetup", &devices[0], &disk]).await;
    assert_eq!(files(ada).await?.status(), StatusCode::SERVICE_UNAVAILABLE);
    // Started, each has their own again.
    for viewer in [&mut *ada, bo] {
        viewer.ask(json!({ "type": "start_workspace" })).await?;
        viewer.until("it runs", is_running).await?;
        archive(viewer, folder.path()).await?;
    }
    // A disk that no volume names is there all the same: whoever asks for its files is not told that there are none.
    let container = stack.container_of(ada).await?;
    let uid = stack.uid_of(ada).await?.to_string();
    stack.engine.run(&["exec", "-u", &uid, &container, "sh", "-c", "echo kept >/workspace/kept"]).await?;
    ada.ask(json!({ "type": "stop_workspace" })).await?;
    ada.until("it is stopped", is_stopped).await?;
    stack.engine.run(&["rm", "-f", &container]).await?;
    let volume = format!("{container}-user");
    e2e::until("its volume is gone", async || stack.engine.run(&["volume", "rm", &volume]).await.is_ok())
        .await?;
    assert_eq!(files(ada).await?.status(), StatusCode::SERVICE_UNAVAILABLE);
    ada.ask(json!({ "type": "start_workspace" })).await?;
    ada.until("it runs", is_running).await?;
    assert_eq!(tar("-xOf", &archive(ada, folder.path()).await?, "./workspace/kept").await?, "kept\n");
    stack.finish().await;
    Ok(())
}

/// A stack for whose control plane the engine is out of reach while that name is not there, and a conversation in it that has had
/// a turn.
async fn with_engine_at(socket: &Path) -> anyhow::Result<(Stack, Viewer, String)> {
    std::os::unix::fs::symlink(ENGINE, socket)?;
    let flags = vec![format!("--docker-host=unix://{}", socket.display())];
    let stack = Stack::start_with(e2e::StackOptions { flags, ..Default::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "hello").await?;
    viewer.result_of(&conversation, &first).await?;
    Ok((stack, viewer, conversation))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_being_erased_is_gone_after_a_restart_whatever_it_cut_off() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("engine.sock");
    let (mut stack, viewer, _) = with_engine_at(&socket).await?;
    let user = viewer.user_id().parse()?;
    std::fs::remove_file(&socket)?;
    let erased = tokio::spawn(viewer.request(Method::DELETE, "/api/user").send());
    e2e::until("they are out", async || {
        let answer = viewer.request(Method::GET, "/api/user/profile").send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED)
    })
    .await?;
    stack.kill_control_plane().await;
    erased.abort();
    assert_eq!(stack.engine.workspaces(stack.instance()).await?.len(), 1);
    assert!(stack.store().await?.user(user).await?.erasing);

    std::os::unix::fs::symlink(ENGINE, &socket)?;
    stack.start_control_plane().await?;
    let store = stack.store().await?;
    e2e::until("nothing is left", async || matches!(store.user(user).await, Err(StoreError::NotFound)))
        .await?;
    assert!(stack.engine.workspaces(stack.instance()).await?.is_empty());
    // The same account begins anew.
    assert_ne!(stack.viewer().await?.user_id(), user.to_string());
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_before_a_restarted_control_plane_has_looked_ends_nothing_that_runs()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("engine.sock");
    let (mut stack, mut viewer, conversation) = with_engine_at(&socket).await?;
    let before = stack.life().await?;
    let container = stack.container().await?;
    // Frozen, the workspace-agent can't say that it is there.
    stack.engine.run(&["pause", &container]).await?;
    stack.stop_control_plane().await;
    std::fs::remove_file(&socket)?;
    stack.start_control_plane().await?;
    std::os::unix::fs::symlink(ENGINE, &socket)?;
    viewer.reconnect().await?;
    let cursor = viewer.cursor(&conversation, 1);
    viewer.open(&conversation, Some(cursor)).await?;
    let second = viewer.send(&conversation, "still there?").await?;
    viewer
        .until("it is called running", |seen| (seen.workspace["phase"]["type"] == "running").then_some(()))
        .await?;
    stack.engine.run(&["unpause", &container]).await?;
    viewer.result_of(&conversation, &second).await?;
    assert_eq!(before, stack.life().await?);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_workspace_is_adopted_by_a_restarted_control_plane() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "hello").await?;
    viewer.result_of(&conversation, &first).await?;
    let before = stack.life().await?;
    stack.stop_control_plane().await;
    stack.start_control_plane().await?;
    viewer.reconnect().await?;
    viewer.until("it is linked again", |seen| (seen.workspace["linked"] == true).then_some(())).await?;
    let cursor = viewer.cursor(&conversation, 1);
    viewer.open(&conversation, Some(cursor)).await?;
    let second = viewer.send(&conversation, "still there?").await?;
    viewer.result_of(&conversation, &second).await?;
    assert_eq!(before, stack.life().await?);
    assert!(viewer.seen.text(&conversation).contains("OK 4: still there?"));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_leaves_nothing_even_of_a_start_that_ended_half_way() -> anyhow::Result<()> {
    let flags = vec!["--disk=64m".to_owned()];
    let mut stack = Stack::start_with(e2e::StackOptions { flags, ..Default::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "hello").await?;
    viewer.result_of(&conversation, &first).await?;
    let container = stack.container().await?;
    stack.stop_control_plane().await;
    // As a start leaves it that got no further than the disk image.
    stack.engine.run(&["rm", "-f", &container]).await?;
    stack.engine.run(&["volume", "rm", &format!("{container}-user")]).await?;
    let store = stack.store().await?;
    let mut record = store.workspace_of(viewer.user_id().parse()?).await?.unwrap();
    let image = format!("/{}.img", record.id);
    assert!(attached().any(|file| file.contains(&image)));
    record.wanted = Wanted::Deleted;
    store.save_workspace(&record).await?;
    stack.start_control_plane().await?;
    e2e::until("it is gone", async || store.workspace(record.id).await.is_err()).await?;
    assert!(!attached().any(|file| file.contains(&image)));
    let disks = format!("atelier-{}-disks", stack.instance());
    let folder = stack.engine.run(&["volume", "inspect", "-f", "{{.Mountpoint}}", &disks]).await?;
    assert_eq!(std::fs::read_dir(folder.trim())?.count(), 0);
    let filter = format!("name={container}");
    assert_eq!(stack.engine.run(&["volume", "ls", "-q", "--filter", &filter]).await?, "");
    stack.finish().await;
    Ok(())
}

/// The files that are attached to loop devices.
fn attached() -> impl Iterator<Item = String> {
    let devices = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
    devices.filter_map(|device| std::fs::read_to_string(device.path().join("loop/backing_file")).ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_listed_renamed_and_deleted_everywhere() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mut other = viewer.another().await?;
    let keep = viewer.conversation().await?;
    let gone = viewer.conversation().await?;
    let path = format!("/api/conversations/{keep}");
    let rename = viewer.request(Method::PATCH, &path).json(&json!({ "title": "작업 계획" }));
    rename.send().await?.error_for_status()?;
    other
        .until("it has its title", |seen| {
            seen.list.get(&keep).is_some_and(|view| view["title"] == "작업 계획").then_some(())
        })
        .await?;
    let found = viewer.get("/api/conversations?q=계획").await?;
    assert_eq!(found["conversations"].as_array().unwrap().len(), 1);
    let path = format!("/api/conversations/{gone}");
    viewer.request(Method::DELETE, &path).send().await?.error_for_status()?;
    other.until("it is gone", |seen| (!seen.list.contains_key(&gone)).then_some(())).await?;
    let status = viewer.request(Method::GET, &format!("{path}/events")).send().await?.status();
    assert_eq!(status, 404);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_conversation_in_mid_turn_disturbs_no_other() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let (gone, keep) = (viewer.conversation().await?, viewer.conversation().await?);
    let item = viewer.send(&keep, "GATE kept").await?;
    viewer.until("one is at work", |seen| seen.live_text().contains("kept").then_some(())).await?;
    // One that writes to its log as fast as it can.
    let reads = "TOOL:Read {\"file_path\":\"/etc/hostname\"}\n".repeat(200);
    viewer.send(&gone, &reads).await?;
    viewer.event(&gone, "tool_call").await?;
    let links = |stack: &Stack| stack.log_text().matches("the link is up").count();
    let before = links(&stack);
    viewer.request(Method::DELETE, &format!("/api/conversations/{gone}")).send().await?.error_for_status()?;
    viewer.until("it is gone", |seen| (!seen.list.contains_key(&gone)).then_some(())).await?;
    stack.model.release("kept");
    viewer.result_of(&keep, &item).await?;
    assert_eq!(links(&stack), before, "the link came up anew");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_image_is_a_reason_with_a_way_out() -> anyhow::Result<()> {
    let flags = vec!["--image=there-is-no-such-image:latest".to_owned()];
    let stack = Stack::start_with(e2e::StackOptions { flags, ..Default::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    viewer.send(&conversation, "hello").await?;
    viewer.until("it failed", |seen| (seen.workspace["phase"]["type"] == "failed").then_some(())).await?;
    assert_eq!(viewer.seen.workspace["phase"]["reason"]["code"], "image_missing");
    viewer
        .until("the conversation is told", |seen| {
            seen.notices
                .iter()
                .any(|notice| notice["what"]["reason"]["code"] == "image_missing")
                .then_some(())
        })
        .await?;
    // The message is kept and can be taken back.
    assert_eq!(viewer.seen.list[&conversation]["waiting"], 1);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_down_is_a_reason_and_nothing_else_stops_working() -> anyhow::Result<()> {
    let flags = vec!["--docker-host=unix:///nowhere/docker.sock".to_owned()];
    let stack = Stack::start_with(e2e::StackOptions { flags, ..Default::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    viewer.until("it failed", |seen| (seen.workspace["phase"]["type"] == "failed").then_some(())).await?;
    assert_eq!(viewer.seen.workspace["phase"]["reason"]["code"], "engine_down");
    let health = viewer.request(Method::GET, "/health").send().await?;
    assert_eq!(health.status(), 503);
    assert_eq!(health.json::<serde_json::Value>().await?["engine"], false);
    viewer.get(&format!("/api/conversations/{conversation}/events")).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_prepared_does_not_keep_a_workspace_from_starting() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "hello").await?;
    viewer.result_of(&conversation, &first).await?;
    let container = stack.container().await?;
    let user = stack.uid_of(&viewer).await?.to_string();
    let as_user = async |script: &str| {
        stack.engine.run(&["exec", "--user", &user, &container, "sh", "-c", script]).await
    };
    as_user("rm -rf /home/user/.claude && touch /home/user/.claude").await?;
    viewer.ask(json!({ "type": "stop_workspace" })).await?;
    viewer
        .until("it is stopped", |seen| (seen.workspace["phase"]["type"] == "stopped").then_some(()))
        .await?;
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    viewer.until("it runs", |seen| (seen.workspace["phase"]["type"] == "running").then_some(())).await?;
    // Who broke it can mend it from inside.
    as_user("rm /home/user/.claude").await?;
    let second = viewer.send(&conversation, "go on").await?;
    viewer.result_of(&conversation, &second).await?;
    stack.finish().await;
    Ok(())
}
