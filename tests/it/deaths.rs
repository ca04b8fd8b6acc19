//! Whatever dies, no word is lost.

use anyhow::Context;
use e2e::{Stack, Viewer};
use serde_json::json;

async fn kill_cli(stack: &Stack) -> anyhow::Result<()> {
    let container = stack.container().await?;
    stack.engine.run(&["exec", &container, "sh", "-c", "kill -9 $(pgrep -x claude)"]).await.map(drop)
}

/// Numbers without holes or repeats.
fn check_log(viewer: &Viewer, conversation: &str) {
    let numbers = viewer.seen.log(conversation).iter().map(|event| event["n"].as_u64().unwrap());
    assert!(numbers.eq(1..=viewer.seen.log(conversation).len() as u64), "{}", viewer.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_in_mid_stream_loses_nothing() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "GATE reload").await?;
    viewer.until("it speaks", |seen| seen.live_text().contains("reload").then_some(())).await?;
    let cursor = viewer.cursor(&conversation, 1);
    viewer.reconnect().await?;
    viewer.open(&conversation, Some(cursor)).await?;
    assert_eq!(viewer.seen.opened.last().unwrap()["verdict"]["type"], "resumed");
    stack.model.release("reload");
    viewer.result_of(&conversation, &item).await?;
    check_log(&viewer, &conversation);
    assert_eq!(viewer.seen.of_kind(&conversation, "text").count(), 1);
    stack.finish().await;
    Ok(())
}

/// Kills the control plane in mid-stream. It comes back to one answer; who saw that, and the conversation.
pub(crate) async fn comes_back_to_one_answer(stack: &mut Stack) -> anyhow::Result<(Viewer, String)> {
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "GATE crash").await?;
    viewer.until("it speaks", |seen| seen.live_text().contains("crash").then_some(())).await?;
    let cursor = viewer.cursor(&conversation, 1);
    stack.kill_control_plane().await;
    stack.model.release("crash");
    stack.start_control_plane().await?;
    viewer.reconnect().await?;
    viewer.open(&conversation, Some(cursor)).await?;
    viewer.result_of(&conversation, &item).await?;
    check_log(&viewer, &conversation);
    assert_eq!(viewer.seen.of_kind(&conversation, "message_taken").count(), 1);
    assert_eq!(viewer.seen.of_kind(&conversation, "text").count(), 1, "{}", viewer.summary());
    Ok((viewer, conversation))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_killed_in_mid_stream_comes_back_to_one_answer() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let (viewer, conversation) = comes_back_to_one_answer(&mut stack).await?;
    assert!(viewer.seen.last(&conversation, "retry").is_some(), "the restart is shown: {}", viewer.summary());
    // The workspace was adopted, not started again.
    let starts = viewer.seen.phases.iter().filter(|phase| phase["stage"] == "create").count();
    assert_eq!(starts, 1, "{:?}", viewer.seen.phases);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cli_killed_before_any_tool_is_given_the_message_again() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "GATE kill").await?;
    viewer.until("it speaks", |seen| seen.live_text().contains("kill").then_some(())).await?;
    kill_cli(&stack).await?;
    viewer.event(&conversation, "message_resent").await?;
    stack.model.release("kill");
    viewer.result_of(&conversation, &item).await?;
    assert_eq!(viewer.seen.of_kind(&conversation, "text").count(), 1, "{}", viewer.summary());
    assert!(viewer.seen.live.is_empty());
    check_log(&viewer, &conversation);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cli_killed_after_a_tool_call_is_unknown_until_a_person_decides() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let text = "TOOL:Bash touch /workspace/half.txt; python3 -c 'import time; time.sleep(600)'";
    let item = viewer.send(&conversation, text).await?;
    let asked = viewer.event(&conversation, "prompt_asked").await?;
    viewer.decide(&conversation, asked["prompt"].as_str().unwrap(), json!({ "type": "allow" })).await?;
    let container = stack.container().await?;
    let made = ["exec", &container, "sh", "-c", "until [ -e /home/workspace/half.txt ]; do :; done"];
    stack.engine.run(&made).await?;
    kill_cli(&stack).await?;
    let unknown = viewer.event(&conversation, "message_unknown").await?;
    assert_eq!((&unknown["item"], &unknown["why"]), (&json!(item), &json!("tools_called")));
    assert_eq!(unknown["tools"][0]["tool"], "Bash");
    viewer.until("the mark says so", |seen| (seen.item_state(&item) == "unknown").then_some(())).await?;
    // What the tool had started is gone with the process.
    let left = stack.engine.run(&["exec", &container, "pgrep", "-f", "time.sleep"]).await;
    assert!(left.is_err(), "{left:?}");
    // What waited before the decision waits on; what the person sends now goes.
    let request = json!({ "type": "continue", "conversation": conversation, "item": uuid::Uuid::new_v4(), "message": item });
    viewer.ask(request).await?;
    viewer.event(&conversation, "message_continued").await?;
    viewer
        .until("it has ended", |seen| {
            let ended = seen.of_kind(&conversation, "result").count()
                + seen.of_kind(&conversation, "message_ended").count();
            (ended > 0 && seen.list[&conversation]["summary"]["state"] == "idle").then_some(())
        })
        .await?;
    let again = uuid::Uuid::new_v4().to_string();
    let request = json!({ "type": "send", "conversation": conversation, "item": again, "text": "and again", "again_of": item });
    viewer.ask(request).await?;
    viewer.result_of(&conversation, &again).await?;
    check_log(&viewer, &conversation);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_container_is_called_failed_and_its_message_goes_on_after_the_next_start()
-> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "GATE container").await?;
    viewer.until("it speaks", |seen| seen.live_text().contains("container").then_some(())).await?;
    stack.engine.run(&["kill", &stack.container().await?]).await?;
    viewer
        .until("it is called failed", |seen| (seen.workspace["phase"]["type"] == "failed").then_some(()))
        .await?;
    assert_eq!(viewer.seen.workspace["phase"]["reason"]["code"], "exited");
    viewer
        .until("the conversation is told", |seen| {
            seen.notices.iter().any(|notice| notice["what"]["type"] == "workspace_lost").then_some(())
        })
        .await?;
    stack.model.release("container");
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    viewer.result_of(&conversation, &item).await?;
    assert_eq!(viewer.seen.of_kind(&conversation, "text").count(), 1, "{}", viewer.summary());
    check_log(&viewer, &conversation);
    stack.finish().await;
    Ok(())
}

/// What somebody sees who comes anew.
async fn seen_anew(stack: &Stack, conversation: &str, item: &str) -> anyhow::Result<Viewer> {
    let mut fresh = stack.viewer().await?;
    fresh.open(conversation, None).await?;
    fresh.result_of(conversation, item).await?;
    check_log(&fresh, conversation);
    Ok(fresh)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_whose_journal_is_lost_goes_on_from_the_store() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "TEXT kept by the store").await?;
    viewer.result_of(&conversation, &first).await?;
    viewer.ask(json!({ "type": "stop_workspace" })).await?;
    viewer
        .until("it is stopped", |seen| (seen.workspace["phase"]["type"] == "stopped").then_some(()))
        .await?;
    let container = stack.container().await?;
    stack.engine.run(&["rm", "-f", &container]).await?;
    stack.engine.run(&["volume", "rm", &format!("{container}-state")]).await?;
    let second = viewer.send(&conversation, "TEXT and on").await?;
    viewer.result_of(&conversation, &second).await?;
    let began = viewer.seen.last(&conversation, "epoch_began").unwrap_or_default();
    assert_eq!(began["lost"], true, "{}", viewer.summary());
    let mut fresh = seen_anew(&stack, &conversation, &second).await?;
    for viewer in [&mut viewer, &mut fresh] {
        let rests =
            |seen: &e2e::Seen| seen.log(&conversation).last().is_some_and(|event| event["state"] == "idle");
        viewer.until("it rests", |seen| rests(seen).then_some(())).await?;
    }
    assert_eq!(fresh.seen.text(&conversation), "kept by the store\nand on");
    assert_eq!(fresh.seen.log(&conversation), viewer.seen.log(&conversation));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_store_does_not_know_comes_back_from_the_workspace() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let first = viewer.send(&conversation, "TEXT before the backup").await?;
    viewer.result_of(&conversation, &first).await?;
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("atelier.db");
    let backup = backup.to_str().context("no name")?;
    stack.command(&["backup", backup]).await?;
    let second = viewer.send(&conversation, "TEXT after it").await?;
    viewer.result_of(&conversation, &second).await?;
    stack.stop_control_plane().await;
    stack.command(&["restore", "--replace", backup]).await?;
    stack.start_control_plane().await?;
    let mut viewer = seen_anew(&stack, &conversation, &second).await?;
    let third = viewer.send(&conversation, "TEXT and on").await?;
    viewer.result_of(&conversation, &third).await?;
    assert_eq!(viewer.seen.text(&conversation), "before the backup\nafter it\nand on");
    for item in [&first, &second, &third] {
        let started =
            viewer.seen.of_kind(&conversation, "message_started").filter(|event| event["item"] == **item);
        assert_eq!(started.count(), 1, "{}", viewer.summary());
    }
    check_log(&viewer, &conversation);
    stack.finish().await;
    Ok(())
}
