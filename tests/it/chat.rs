//! A person chats with Claude.

use e2e::Stack;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_starts_a_workspace_and_is_answered() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    assert_eq!(viewer.seen.workspace["phase"]["type"], "stopped");
    let item = viewer.send(&conversation, "hello there").await?;
    viewer.until("it is saved", |seen| (seen.item_state(&item) == "saved").then_some(())).await?;
    viewer.result_of(&conversation, &item).await?;
    assert!(viewer.seen.text(&conversation).contains("OK 2: hello there"), "{}", viewer.summary());
    let stages: Vec<&str> = viewer
        .seen
        .phases
        .iter()
        .filter_map(|phase| phase["stage"].as_str().or(phase["type"].as_str()))
        .collect();
    // A stage that passes at once may go unseen: a viewer is told how things are, not how they were.
    let order = ["image", "create", "start", "enrol", "ready", "running"];
    let seen: Vec<_> = stages.iter().filter_map(|stage| order.iter().position(|one| one == stage)).collect();
    assert!(seen.is_sorted() && seen.len() > 2 && seen.last() == Some(&5), "{stages:?}");
    viewer.until("the message is done", |seen| (seen.item_state(&item) == "done").then_some(())).await?;
    assert_eq!(viewer.seen.list[&conversation]["title"], "hello there");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_arrive_as_they_are_said_and_the_final_block_replaces_them() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "GATE half-way").await?;
    viewer
        .until("the first words are there", |seen| seen.live_text().contains("half-way").then_some(()))
        .await?;
    assert!(viewer.seen.of_kind(&conversation, "text").next().is_none(), "nothing is final yet");
    // A second browser joins in mid-sentence and gets what has been said so far.
    let mut second = viewer.another().await?;
    second.open(&conversation, None).await?;
    second.until("it has been told", |seen| seen.live_text().contains("half-way").then_some(())).await?;
    stack.model.release("half-way");
    viewer.result_of(&conversation, &item).await?;
    second.result_of(&conversation, &item).await?;
    assert!(viewer.seen.live.is_empty() && second.seen.live.is_empty());
    assert_eq!(viewer.seen.log(&conversation), second.seen.log(&conversation));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn thinking_errors_and_recovery_are_shown() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "THINK about it").await?;
    viewer.result_of(&conversation, &item).await?;
    assert!(viewer.seen.last(&conversation, "thinking").is_some());
    // A refused key is the operator's to mend: the CLI is not left to try it for minutes.
    for (prompt, status) in [("ERR400", 400), ("ERR401", 403)] {
        let item = viewer.send(&conversation, prompt).await?;
        let result = viewer.result_of(&conversation, &item).await?;
        assert_eq!(
            (&result["outcome"], &result["error"]["status"]),
            (&json!("failed"), &json!(status)),
            "{prompt}"
        );
    }
    for prompt in ["ERR529x1", "ERR429x1", "DROPx1"] {
        let item = viewer.send(&conversation, prompt).await?;
        let result = viewer.result_of(&conversation, &item).await?;
        assert_eq!(result["outcome"], "completed", "{prompt}");
    }
    assert!(viewer.seen.of_kind(&conversation, "retry").count() >= 3, "{}", viewer.summary());
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_before_claude_has_begun_is_carried_out_too() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "GATE early").await?;
    viewer.event(&conversation, "message_taken").await?;
    viewer.until("it is delivered", |seen| (seen.item_state(&item) == "delivered").then_some(())).await?;
    viewer.stop(&conversation).await?;
    viewer.event(&conversation, "stop_asked").await?;
    viewer
        .until("it is idle", |seen| (seen.list[&conversation]["summary"]["state"] == "idle").then_some(()))
        .await?;
    assert!(viewer.seen.of_kind(&conversation, "text").next().is_none(), "{}", viewer.summary());
    let item = viewer.send(&conversation, "TEXT goes on").await?;
    viewer.result_of(&conversation, &item).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_in_mid_stream_keeps_what_was_said() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "SLOW 500 50").await?;
    viewer.until("it speaks", |seen| (seen.live_text().len() > 20).then_some(())).await?;
    viewer.stop(&conversation).await?;
    let result = viewer.result_of(&conversation, &item).await?;
    assert_eq!(result["outcome"], "stopped");
    assert!(viewer.seen.text(&conversation).contains("tok0"));
    let next = viewer.send(&conversation, "and now?").await?;
    viewer.result_of(&conversation, &next).await?;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn history_pages_backwards_and_long_content_loads_in_chunks() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "HUGE 2000000").await?;
    viewer.result_of(&conversation, &item).await?;
    let text = viewer.seen.last(&conversation, "text").unwrap();
    let cut = &text["text"]["cut"];
    assert_eq!(cut["bytes"], 2_000_000);
    let mut length = 0;
    for chunk in 0..cut["chunks"].as_u64().unwrap() {
        let path =
            format!("/api/conversations/{conversation}/bodies/{}/{chunk}", cut["digest"].as_str().unwrap());
        let response = viewer.request(reqwest::Method::GET, &path).send().await?.error_for_status()?;
        length += response.bytes().await?.len();
    }
    assert_eq!(length, 2_000_000);
    let last = viewer.seen.log(&conversation).last().unwrap()["n"].as_u64().unwrap();
    let mut before = last + 1;
    let mut numbers = Vec::new();
    loop {
        let page =
            viewer.get(&format!("/api/conversations/{conversation}/events?before={before}&limit=3")).await?;
        let page_numbers: Vec<u64> =
            page["events"].as_array().unwrap().iter().map(|event| event["n"].as_u64().unwrap()).collect();
        numbers.splice(0..0, page_numbers);
        match page["before"].as_u64() {
            Some(earlier) => before = earlier,
            None => break,
        }
    }
    assert!(numbers.iter().copied().eq(1..=last), "{numbers:?}");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_page_is_told_and_the_answer_says_so() -> anyhow::Result<()> {
    let options = e2e::StackOptions { without_key: true, ..Default::default() };
    let stack = Stack::start_with(options).await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    assert_eq!(viewer.seen.welcome["model"]["type"], "no_key");
    let item = viewer.send(&conversation, "hello").await?;
    let result = viewer.result_of(&conversation, &item).await?;
    assert_eq!(result["outcome"], "failed");
    assert!(result["error"]["text"].as_str().unwrap().contains("has not given it a model key"), "{result}");
    assert!(stack.model.requests().is_empty());
    stack.finish().await;
    Ok(())
}
