//! What a script does with a token: a message and what becomes of it, a prompt answered in its person's name, and what is
//! written down of it.

use e2e::{Script, Stack};
use reqwest::Method;
use serde_json::{Value, json};

/// The kinds of deeds that concern a viewer, the oldest first, with their details.
async fn deeds(viewer: &e2e::Viewer) -> anyhow::Result<Vec<(String, Value)>> {
    let page = viewer.get("/api/user/audit?limit=500").await?;
    let rows = page["rows"].as_array().cloned().unwrap_or_default();
    let deed = |row: &Value| (row["kind"].as_str().unwrap_or_default().to_owned(), row["detail"].clone());
    Ok(rows.iter().rev().map(deed).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_sends_a_message_and_follows_it_to_its_result_across_a_killed_control_plane()
-> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let viewer = stack.viewer().await?;
    let script = Script::of(&stack, &viewer, &["read", "write"]).await?;
    let conversation = script.conversation().await?;
    let (item, cursor) = script.send(&conversation, "TEXT first half\nGATE half").await?;
    let mut events = script.follow(&conversation, &cursor).await?;
    let started = events.log("message_started").await?;
    assert_eq!(started.data["item"], item);
    stack.kill_control_plane().await;
    while events.next().await?.is_some() {}
    stack.start_control_plane().await?;
    stack.model.release("half");
    let last = started.id.unwrap();
    let mut events = script.follow(&conversation, &last).await?;
    let result = events.log("result").await?;
    assert!(result.data["n"].as_u64() > started.data["n"].as_u64());
    let path = format!("/api/conversations/{conversation}/messages/{item}");
    let shown = script.done(Method::GET, &path, &Value::Null).await?;
    assert_eq!(shown["state"]["type"], "done", "{shown}");
    assert_eq!(shown["by"]["token"], "a script");
    // Asked again and again instead, the same comes, each once.
    let mut numbers = Vec::new();
    let mut at = cursor;
    loop {
        let changes = script
            .done(
                Method::GET,
                &format!("/api/conversations/{conversation}/changes?cursor={at}"),
                &Value::Null,
            )
            .await?;
        numbers
            .extend(changes["events"].as_array().unwrap().iter().map(|event| event["n"].as_u64().unwrap()));
        at = changes["cursor"].as_str().unwrap().to_owned();
        if changes["more"] == false {
            break;
        }
    }
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert!(numbers.contains(&result.data["n"].as_u64().unwrap()));
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_answered_by_a_token_only_where_its_person_said_so_and_what_was_allowed_is_written_down()
-> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let writes = Script::of(&stack, &viewer, &["read", "write"]).await?;
    let answers = Script::of(&stack, &viewer, &["answer"]).await?;
    let conversation = writes.conversation().await?;
    viewer.open(&conversation, None).await?;
    let (_, cursor) = writes.send(&conversation, "TOOL:Bash touch /workspace/by-a-script").await?;
    let mut events = writes.follow(&conversation, &cursor).await?;
    let asked = events.log("prompt_asked").await?;
    let path = format!("/api/conversations/{conversation}/answers");
    let body = json!({ "prompt": asked.data["prompt"], "decision": { "type": "allow" } });
    let (status, refused) = writes.ask(Method::POST, &path, &body).await?;
    assert_eq!((status, &refused["code"]), (403, &json!("forbidden")));
    answers.done(Method::POST, &path, &body).await?;
    let answered = events.log("prompt_answered").await?;
    assert_eq!(answered.data["by"]["token"], "a script");
    events.log("result").await?;
    // Every device sees who it was.
    let seen = viewer.event(&conversation, "prompt_answered").await?;
    assert_eq!(seen["by"]["token"], "a script");
    let (status, late) = answers.ask(Method::POST, &path, &body).await?;
    assert_eq!((status, &late["code"]), (409, &json!("prompt_closed")));
    let deeds = deeds(&viewer).await?;
    let approvals: Vec<_> = deeds.iter().filter(|(kind, _)| kind == "prompt_answered").collect();
    assert_eq!(approvals.len(), 1, "{deeds:?}");
    let detail = &approvals[0].1;
    assert_eq!((&detail["decision"], &detail["tool"]), (&json!("allow"), &json!("Bash")));
    assert!(detail["input"].as_str().unwrap().contains("touch /workspace/by-a-script"), "{detail}");
    assert_eq!(detail["token"]["id"], answers.id);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_modes_and_the_life_of_a_workspace_are_written_down_and_no_more_of_what_is_said()
-> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let conversation = viewer.conversation().await?;
    let secret = "words-of-a-person-4711";
    viewer.send(&conversation, &format!("{secret}\nTOOL:Bash touch /workspace/denied-command-4711")).await?;
    let asked = viewer.event(&conversation, "prompt_asked").await?;
    let deny = json!({ "type": "deny", "message": secret });
    viewer.decide(&conversation, asked["prompt"].as_str().unwrap(), deny).await?;
    viewer.event(&conversation, "result").await?;
    let configure =
        json!({ "type": "configure", "conversation": conversation, "settings": { "mode": "acceptEdits" } });
    viewer.ask(configure).await?;
    viewer.ask(json!({ "type": "stop_workspace" })).await?;
    viewer
        .until("it is stopped", |seen| (seen.workspace["phase"]["type"] == "stopped").then_some(()))
        .await?;
    let mut found = Vec::new();
    e2e::until("the stop is written down", async || {
        found = deeds(&viewer).await.unwrap_or_default();
        found.last().is_some_and(|(kind, detail)| kind == "workspace_life" && detail["state"] == "stopped")
    })
    .await?;
    let of_kind = |kind: &str| {
        found.iter().filter(|(one, _)| one == kind).map(|(_, detail)| detail).collect::<Vec<_>>()
    };
    assert_eq!(of_kind("prompt_answered")[0]["decision"], "deny");
    assert_eq!(of_kind("mode_changed")[0]["to"], "acceptEdits");
    let states: Vec<_> = of_kind("workspace_life").iter().map(|detail| detail["state"].clone()).collect();
    assert_eq!(states, ["running", "stopped"]);
    let stop = &viewer.get("/api/user/audit?limit=1").await?["rows"][0];
    assert_eq!((&stop["who"], &stop["detail"]["reason"]), (&json!(viewer.user_id()), &json!("asked")));
    let text = serde_json::to_string(&found)?;
    assert!(!text.contains("4711"), "{text}");
    stack.finish().await;
    Ok(())
}
