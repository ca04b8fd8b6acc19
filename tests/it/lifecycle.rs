//! Workspaces come and go; what was said stays.

use e2e::Stack;
use serde_json::json;

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
async fn a_running_workspace_is_adopted_by_a_restarted_control_plane() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "hello").await?;
    viewer.result_of(&conversation, &first).await?;
    let started = "{{.State.StartedAt}}";
    let container = stack.container().await?;
    let before = stack.engine.run(&["inspect", "-f", started, &container]).await?;
    stack.stop_control_plane().await;
    stack.start_control_plane().await?;
    viewer.reconnect().await?;
    viewer.until("it is linked again", |seen| (seen.workspace["linked"] == true).then_some(())).await?;
    let cursor = viewer.cursor(&conversation, 1);
    viewer.open(&conversation, Some(cursor)).await?;
    let second = viewer.send(&conversation, "still there?").await?;
    viewer.result_of(&conversation, &second).await?;
    assert_eq!(before, stack.engine.run(&["inspect", "-f", started, &container]).await?);
    assert!(viewer.seen.text(&conversation).contains("OK 4: still there?"));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_listed_renamed_and_deleted_everywhere() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mut other = viewer.another().await?;
    let keep = viewer.conversation().await?;
    let gone = viewer.conversation().await?;
    let path = format!("/api/conversations/{keep}");
    let rename = viewer.request(reqwest::Method::PATCH, &path).json(&json!({ "title": "작업 계획" }));
    rename.send().await?.error_for_status()?;
    other
        .until("it has its title", |seen| {
            seen.list.get(&keep).is_some_and(|view| view["title"] == "작업 계획").then_some(())
        })
        .await?;
    let found = viewer.get("/api/conversations?q=계획").await?;
    assert_eq!(found["conversations"].as_array().unwrap().len(), 1);
    let path = format!("/api/conversations/{gone}");
    viewer.request(reqwest::Method::DELETE, &path).send().await?.error_for_status()?;
    other.until("it is gone", |seen| (!seen.list.contains_key(&gone)).then_some(())).await?;
    let status = viewer.request(reqwest::Method::GET, &format!("{path}/events")).send().await?.status();
    assert_eq!(status, 404);
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
    let health = viewer.request(reqwest::Method::GET, "/health").send().await?;
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
