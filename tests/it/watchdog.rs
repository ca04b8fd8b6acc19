//! A turn that falls silent is noticed, asked after, interrupted and ended, and every step is told.

use std::collections::BTreeSet;

use e2e::{Stack, StackOptions, Viewer};
use serde_json::{Value, json};

/// As short as a working CLI never is silent for, on a machine that is busy with other stories.
const SILENT: &str = "--silent-seconds=3";

async fn impatient() -> anyhow::Result<(Stack, Viewer, String)> {
    let options = StackOptions { flags: vec![SILENT.to_owned()], ..StackOptions::default() };
    let stack = Stack::start_with(options).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    Ok((stack, viewer, conversation))
}

/// Waits until the watchdog has taken this step.
async fn takes(viewer: &mut Viewer, conversation: &str, step: &str) -> anyhow::Result<()> {
    let taken = |event: &Value| event["step"] == step;
    viewer.until(step, |seen| seen.of_kind(conversation, "silent").any(taken).then_some(())).await
}

fn steps(viewer: &Viewer, conversation: &str) -> Vec<String> {
    let silent = viewer.seen.of_kind(conversation, "silent");
    silent.map(|event| event["step"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_whose_model_never_answers_is_interrupted_and_the_next_message_goes() -> anyhow::Result<()> {
    let (stack, mut viewer, conversation) = impatient().await?;
    let item = viewer.send(&conversation, "SILENT").await?;
    let result = viewer.result_of(&conversation, &item).await?;
    assert_eq!(result["outcome"], "stopped", "{result}");
    // The process lives, and says so: only the turn is ended.
    assert_eq!(steps(&viewer, &conversation)[..3], ["asked", "answered", "interrupted"]);
    let next = viewer.send(&conversation, "TEXT all is well").await?;
    viewer.result_of(&conversation, &next).await?;
    assert!(viewer.seen.text(&conversation).contains("all is well"));
    assert!(!steps(&viewer, &conversation).contains(&"ended".to_owned()), "{}", viewer.summary());
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_is_ended_and_its_message_given_again() -> anyhow::Result<()> {
    let (stack, mut viewer, conversation) = impatient().await?;
    let item = viewer.send(&conversation, "GATE frozen").await?;
    viewer.until("it speaks", |seen| seen.live_text().contains("frozen").then_some(())).await?;
    let container = stack.container().await?;
    stack.engine.run(&["exec", &container, "sh", "-c", "kill -STOP $(pgrep -x claude)"]).await?;
    takes(&mut viewer, &conversation, "ended").await?;
    viewer.event(&conversation, "message_resent").await?;
    stack.model.release("frozen");
    viewer.result_of(&conversation, &item).await?;
    let taken = steps(&viewer, &conversation);
    let told: BTreeSet<&str> = taken.iter().map(String::as_str).collect();
    assert!(told.is_superset(&BTreeSet::from(["asked", "interrupted", "ended"])), "{taken:?}");
    let ended = viewer.seen.last(&conversation, "process_ended").unwrap();
    assert_eq!(ended["why"], json!("silent"), "{ended}");
    assert_eq!(viewer.seen.of_kind(&conversation, "text").count(), 1, "{}", viewer.summary());
    viewer.until("the mark says so", |seen| (seen.item_state(&item) == "done").then_some(())).await?;
    stack.finish().await;
    Ok(())
}
