//! Several browsers, several conversations.

use e2e::Stack;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_on_one_conversation_see_the_same() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut first = stack.viewer().await?;
    let mut second = first.another().await?;
    let conversation = first.conversation().await?;
    second.open(&conversation, None).await?;
    let one = first.send(&conversation, "one").await?;
    second.result_of(&conversation, &one).await?;
    let two = second.send(&conversation, "two").await?;
    first.result_of(&conversation, &two).await?;
    second.result_of(&conversation, &two).await?;
    let idle = |seen: &e2e::Seen| {
        (seen.last(&conversation, "state")?["state"] == "idle"
            && seen.of_kind(&conversation, "result").count() == 2)
            .then_some(())
    };
    first.until("it is idle", idle).await?;
    second.until("it is idle", idle).await?;
    assert_eq!(first.seen.log(&conversation), second.seen.log(&conversation));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_edited_reordered_and_cancelled_while_a_turn_runs() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let running = viewer.send(&conversation, "GATE queue").await?;
    viewer.until("it speaks", |seen| seen.live_text().contains("queue").then_some(())).await?;
    let a = viewer.send(&conversation, "a").await?;
    let b = viewer.send(&conversation, "b").await?;
    let c = viewer.send(&conversation, "c").await?;
    let edit =
        json!({ "type": "edit", "conversation": conversation, "item": b, "version": 1, "text": "B edited" });
    viewer.ask(edit.clone()).await?;
    assert_eq!(viewer.try_ask(edit).await?["code"], "conflict");
    viewer.ask(json!({ "type": "reorder", "conversation": conversation, "item": b, "before": a })).await?;
    viewer.ask(json!({ "type": "cancel", "conversation": conversation, "item": c })).await?;
    stack.model.release("queue");
    viewer.result_of(&conversation, &running).await?;
    viewer.result_of(&conversation, &b).await?;
    viewer.result_of(&conversation, &a).await?;
    let taken: Vec<String> = viewer
        .seen
        .of_kind(&conversation, "message_taken")
        .map(|event| event["content"]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(taken, ["GATE queue", "B edited", "a"]);
    assert_eq!(viewer.seen.item_state(&c), "cancelled");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_conversations_run_side_by_side() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let one = viewer.conversation().await?;
    let two = viewer.conversation().await?;
    let slow = viewer.send(&one, "GATE one").await?;
    viewer.until("the first speaks", |seen| seen.live_text().contains("one").then_some(())).await?;
    let quick = viewer.send(&two, "quick").await?;
    viewer.result_of(&two, &quick).await?;
    assert!(viewer.seen.last(&one, "result").is_none());
    stack.model.release("one");
    viewer.result_of(&one, &slow).await?;
    stack.finish().await;
    Ok(())
}
