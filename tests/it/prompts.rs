//! Claude asks, a person answers.

use e2e::{Stack, Viewer};
use serde_json::{Value, json};

async fn prompt(viewer: &mut Viewer, conversation: &str, n: usize) -> anyhow::Result<String> {
    let asked = viewer.nth_event(conversation, "prompt_asked", n).await?;
    Ok(asked["prompt"].as_str().unwrap().to_owned())
}

fn allow() -> Value {
    json!({ "type": "allow" })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_tool_runs_and_its_file_is_in_the_volume() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let text = r#"TOOL:Write {"file_path":"/workspace/made.txt","content":"by Claude\n"}"#;
    let item = viewer.send(&conversation, text).await?;
    let prompt = prompt(&mut viewer, &conversation, 1).await?;
    viewer
        .until("it waits", |seen| (seen.list[&conversation]["summary"]["state"] == "waiting").then_some(()))
        .await?;
    viewer.decide(&conversation, &prompt, allow()).await?;
    viewer.result_of(&conversation, &item).await?;
    let answered = viewer.seen.last(&conversation, "prompt_answered").unwrap();
    assert_eq!(answered["by"]["id"], viewer.me["id"]);
    let container = stack.container().await?;
    let file = stack.engine.run(&["exec", &container, "cat", "/home/workspace/made.txt"]).await?;
    assert_eq!(file, "by Claude\n");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_tool_does_not_run_and_claude_is_told_why() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TOOL:Bash touch /workspace/never.txt").await?;
    let prompt = prompt(&mut viewer, &conversation, 1).await?;
    viewer
        .decide(&conversation, &prompt, json!({ "type": "deny", "message": "Not in this folder." }))
        .await?;
    viewer.result_of(&conversation, &item).await?;
    let result = viewer.seen.last(&conversation, "tool_result").unwrap();
    assert_eq!(result["outcome"], "denied");
    assert_eq!(result["content"]["text"], "Not in this folder.");
    let container = stack.container().await?;
    assert!(
        stack.engine.run(&["exec", &container, "test", "-e", "/home/workspace/never.txt"]).await.is_err()
    );
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_prompts_are_open_at_once_and_each_device_sees_who_answered() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let fetch = r#"TOOL:WebFetch {"url":"http://127.0.0.1:9/","prompt":"x"}"#;
    let item = viewer.send(&conversation, &format!("{fetch} ||| {fetch}")).await?;
    let first = prompt(&mut viewer, &conversation, 1).await?;
    let second = prompt(&mut viewer, &conversation, 2).await?;
    assert_ne!(first, second);
    let mut other = viewer.another().await?;
    other.open(&conversation, None).await?;
    viewer.decide(&conversation, &second, json!({ "type": "deny" })).await?;
    other.event(&conversation, "prompt_answered").await?;
    // The first answer wins; the other device is told that it came too late.
    let late = json!({ "type": "answer", "conversation": conversation, "item": uuid::Uuid::new_v4(),
                       "prompt": second, "decision": allow() });
    let refused = other.try_ask(late).await?;
    assert_eq!(refused["code"], "prompt_closed");
    other.decide(&conversation, &first, json!({ "type": "deny" })).await?;
    viewer.result_of(&conversation, &item).await?;
    assert_eq!(viewer.seen.of_kind(&conversation, "prompt_answered").count(), 2);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_and_plans_are_answered_by_form() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let question = r#"TOOL:AskUserQuestion {"questions":[{"question":"Which colour?","header":"Colour","multiSelect":false,"options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}]}]}"#;
    let item = viewer.send(&conversation, question).await?;
    let asked = viewer.event(&conversation, "prompt_asked").await?;
    assert_eq!(asked["ask"], "question");
    let prompt_id = asked["prompt"].as_str().unwrap().to_owned();
    let answers = json!({ "type": "answer", "answers": { "Which colour?": "Blue" } });
    viewer.decide(&conversation, &prompt_id, answers).await?;
    viewer.result_of(&conversation, &item).await?;
    let result = viewer.seen.last(&conversation, "tool_result").unwrap();
    assert!(result["content"]["text"].as_str().unwrap().contains("Blue"), "{result}");

    viewer
        .ask(json!({ "type": "configure", "conversation": conversation, "settings": { "mode": "plan" } }))
        .await?;
    let item = viewer
        .send(
            &conversation,
            "TOOL:ExitPlanMode {}\nTOOL:Write {\"file_path\":\"/workspace/planned.txt\",\"content\":\"x\"}",
        )
        .await?;
    let plan = prompt(&mut viewer, &conversation, 2).await?;
    viewer.decide(&conversation, &plan, json!({ "type": "allow", "mode": "acceptEdits" })).await?;
    viewer.result_of(&conversation, &item).await?;
    // The edit needed no further question, and everyone is told of the mode.
    assert_eq!(viewer.seen.of_kind(&conversation, "prompt_asked").count(), 2);
    let changed = viewer.seen.last(&conversation, "settings_changed").unwrap();
    assert_eq!(changed["settings"]["mode"], "acceptEdits");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn always_allow_reaches_as_far_as_it_says() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TOOL:Bash touch one.txt\nTOOL:Bash touch one.txt").await?;
    let asked = viewer.event(&conversation, "prompt_asked").await?;
    let rule =
        asked["suggestions"].as_array().unwrap().iter().position(|one| one["type"] == "rules").unwrap();
    let prompt = asked["prompt"].as_str().unwrap().to_owned();
    viewer.decide(&conversation, &prompt, json!({ "type": "allow", "suggestion": rule })).await?;
    viewer.result_of(&conversation, &item).await?;
    assert_eq!(viewer.seen.of_kind(&conversation, "prompt_asked").count(), 1, "{}", viewer.summary());
    assert_eq!(viewer.seen.last(&conversation, "settings_changed"), None, "the mode is as it was");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reason_is_told_and_one_that_fits_nowhere_is_refused_before_it_is_saved() -> anyhow::Result<()>
{
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let item = viewer.send(&conversation, "TOOL:Bash touch /workspace/never.txt").await?;
    let prompt = prompt(&mut viewer, &conversation, 1).await?;
    let deny = |message: String| json!({ "type": "deny", "message": message });
    let answer = |decision: Value| {
        json!({ "type": "answer", "conversation": conversation, "item": uuid::Uuid::new_v4(),
                "prompt": prompt, "decision": decision })
    };
    let refused = viewer.try_ask(answer(deny("a line of a log\n".repeat(4_500)))).await?;
    assert_eq!(refused["code"], "too_large", "{refused}");
    // Nothing of it was saved: the prompt is still open, and a reason of nearly the largest size is told whole.
    let reason = "한".repeat(16_000);
    viewer.decide(&conversation, &prompt, deny(reason.clone())).await?;
    viewer.result_of(&conversation, &item).await?;
    let answered = viewer.seen.last(&conversation, "prompt_answered").unwrap();
    assert_eq!(answered["decision"]["message"], reason);
    // The link has not noticed: the next message is answered on it.
    let next = viewer.send(&conversation, "TEXT still here").await?;
    viewer.result_of(&conversation, &next).await?;
    assert!(!stack.log_text().contains("more than the protocol allows"));
    stack.finish().await;
    Ok(())
}
