//! Operators see every workspace and nothing of what is said in it; they stop and restart, and that is written down.

use control_plane::store::records::{AuditFilter, AuditFrom, AuditRecord};
use e2e::{Onlooker, Stack, Viewer};
use protocol::api::Role;
use serde_json::{Value, json};

async fn workspace_of(stack: &Stack, viewer: &Viewer) -> anyhow::Result<String> {
    Ok(stack.store().await?.workspace_of(viewer.user_id().parse()?).await?.unwrap().id.to_string())
}

async fn deeds(stack: &Stack) -> anyhow::Result<Vec<AuditRecord>> {
    let all = stack.store().await?.audit(&AuditFilter::default(), AuditFrom::After(0), 100).await?.records;
    let acts = ["workspace_stopped", "workspace_restarted"];
    Ok(all.into_iter().filter(|deed| acts.contains(&deed.entry.kind.as_str())).collect())
}

fn is(row: &Value, phase: &str) -> bool {
    row["status"]["phase"]["type"] == phase
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_comes_up_and_is_counted_but_not_a_word_of_it_is_told() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let mut viewer = stack.viewer().await?;
    let mut onlooker = Onlooker::open(&viewer).await?;
    let workspace = workspace_of(&stack, &viewer).await?;
    // It is stopped: in the list for those who ask for such.
    assert!(onlooker.rows.is_empty());
    assert_eq!(onlooker.totals, json!({ "workspaces": 1, "connected": 0 }));
    onlooker.list(true).await?;
    assert!(is(&onlooker.rows[&workspace], "stopped"));

    let conversation = viewer.conversation().await?;
    viewer.send(&conversation, "TOOL:Bash touch /workspace/confidential.txt").await?;
    let asked = viewer.event(&conversation, "prompt_asked").await?;
    let row = onlooker
        .row("it waits for a person", &workspace, |row| {
            // The prompt is told a moment before that it is waited for.
            row["conversations"]["prompts"] == 1 && row["conversations"]["waiting"] == 1
        })
        .await?;
    assert!(is(&row, "running") && row["status"]["linked"] == true, "{row}");
    assert_eq!(
        row["conversations"],
        json!({ "total": 1, "live": 1, "working": 0, "waiting": 1, "not_responding": 0, "prompts": 1 })
    );
    assert!(row["status"]["versions"]["claude"].as_str().unwrap().starts_with("2."), "{row}");
    assert_eq!(row["name"], "You");
    onlooker.row("its round trip is known", &workspace, |row| row["round_trip_us"].is_u64()).await?;
    assert_eq!(onlooker.totals, json!({ "workspaces": 1, "connected": 1 }));
    // On the way there, stages were pushed.
    assert!(onlooker.told.iter().any(|row| is(row, "starting")));

    // Another operator's page, opened later, counts the same.
    let later = Onlooker::open(&viewer).await?;
    assert_eq!(later.rows[&workspace]["conversations"], row["conversations"]);

    let prompt = asked["prompt"].as_str().unwrap();
    viewer.decide(&conversation, prompt, json!({ "type": "deny", "message": "no" })).await?;
    onlooker
        .row("nothing waits", &workspace, |row| {
            let counts = &row["conversations"];
            counts["prompts"] == 0 && counts["waiting"] == 0 && counts["working"] == 0
        })
        .await?;
    assert!(!onlooker.raw.contains("confidential"), "{}", onlooker.raw);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_stops_and_restarts_a_users_workspace_once_each() -> anyhow::Result<()> {
    let mut stack = Stack::start().await?;
    let operator = stack.viewer().await?;
    let mut user = stack.stranger("ada").await?;
    let conversation = user.conversation().await?;
    let first = user.send(&conversation, "remember this").await?;
    user.result_of(&conversation, &first).await?;
    let workspace = workspace_of(&stack, &user).await?;
    let mut onlooker = Onlooker::open(&operator).await?;
    let running = onlooker.row("it runs", &workspace, |row| is(row, "running")).await?;
    assert_eq!(running["name"], "ada");
    let seen = running["status"]["generation"].clone();

    assert_eq!(onlooker.act(&workspace, "stop").await?["type"], "done");
    let row = onlooker.row("it is stopped", &workspace, |row| is(row, "stopped")).await?;
    assert_eq!(row["status"]["phase"]["reason"]["code"], "operator");
    // The user is told who it was.
    let reason = user
        .until("it is stopped", |seen| {
            (seen.workspace["phase"]["type"] == "stopped").then(|| seen.workspace["phase"]["reason"].clone())
        })
        .await?;
    assert_eq!(reason["code"], "operator");
    assert_eq!(onlooker.act_on(&workspace, &seen, "stop").await?["type"], "done");

    let stopped = row["status"]["generation"].clone();
    assert_eq!(onlooker.act_on(&workspace, &stopped, "restart").await?["type"], "done");
    let row = onlooker.row("it runs again", &workspace, |row| is(row, "running")).await?;
    // A repeat of either is about a life that is over.
    for (seen, act) in [(&stopped, "restart"), (&seen, "stop"), (&seen, "restart")] {
        assert_eq!(onlooker.act_on(&workspace, seen, act).await?["type"], "done");
    }
    let second = user.send(&conversation, "go on").await?;
    user.result_of(&conversation, &second).await?;
    assert!(user.seen.text(&conversation).contains("OK 4: go on"), "{}", user.summary());
    let since = &onlooker.row("it runs", &workspace, |row| is(row, "running")).await?["status"]["since"];
    assert_eq!(*since, row["status"]["since"]);

    // A restart of what runs is a stop and a start.
    assert_eq!(onlooker.act(&workspace, "restart").await?["type"], "done");
    let row = onlooker
        .row("it runs anew", &workspace, |row| {
            is(row, "running") && row["status"]["since"].as_u64() > since.as_u64()
        })
        .await?;
    let kinds: Vec<_> = deeds(&stack).await?.into_iter().map(|deed| deed.entry).collect();
    assert_eq!(
        kinds.iter().map(|deed| deed.kind.as_str()).collect::<Vec<_>>(),
        ["workspace_stopped", "workspace_restarted", "workspace_restarted"]
    );
    assert!(kinds.iter().all(|deed| deed.object == workspace && deed.who == operator.user_id()));

    // What ran before this control plane did is not called new by it.
    let ready = row["status"]["since"].as_u64();
    stack.kill_control_plane().await;
    stack.start_control_plane().await?;
    let mut onlooker = Onlooker::open(&operator).await?;
    let row = onlooker.row("it runs still", &workspace, |row| is(row, "running")).await?;
    assert!(row["status"]["since"].as_u64() <= ready, "{row} was ready at {ready:?}");
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_with_its_reason_and_its_time() -> anyhow::Result<()> {
    let flags = vec!["--image=there-is-no-such-image:latest".to_owned()];
    let mut stack = Stack::start_with(e2e::StackOptions { flags, ..Default::default() }).await?;
    let mut viewer = stack.viewer().await?;
    let workspace = workspace_of(&stack, &viewer).await?;
    let mut onlooker = Onlooker::open(&viewer).await?;
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    let row = onlooker.row("it failed", &workspace, |row| is(row, "failed")).await?;
    assert_eq!(row["last_error"]["reason"]["code"], "image_missing");
    let since = row["status"]["since"].clone();
    assert!(row["last_error"]["at"].as_u64() <= since.as_u64());
    // Neither is forgotten by a restart of the control plane.
    stack.kill_control_plane().await;
    stack.start_control_plane().await?;
    let onlooker = Onlooker::open(&viewer).await?;
    let again = &onlooker.rows[&workspace];
    assert_eq!(again["last_error"], row["last_error"]);
    assert_eq!(again["status"]["since"], row["last_error"]["at"]);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_operator_sees_nothing_and_does_nothing() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let operator = stack.viewer().await?;
    let user = stack.stranger("bob").await?;
    let refused = Onlooker::open(&user).await.unwrap_err();
    assert!(format!("{refused:#}").contains("403"), "{refused:#}");
    let workspace = workspace_of(&stack, &user).await?;
    let mut onlooker = Onlooker::open(&operator).await?;
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_eq!(onlooker.act_on(nobody, &json!(0), "stop").await?["code"], "not_found");
    // Who ceases to be one does nothing more, even where they still look.
    stack.store().await?.set_role(operator.user_id().parse()?, Role::User).await?;
    onlooker.list(true).await?;
    assert_eq!(onlooker.act(&workspace, "restart").await?["code"], "forbidden");
    assert_eq!(deeds(&stack).await?.len(), 0);
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_an_operators_look() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let operator = stack.viewer().await?;
    let mut onlooker = Onlooker::open(&operator).await?;
    operator.request(reqwest::Method::POST, "/api/sign-out").send().await?.error_for_status()?;
    let ended = onlooker.until("the socket is closed", |_| None::<()>).await.unwrap_err();
    assert!(format!("{ended:#}").contains("4002"), "{ended:#}");
    stack.finish().await;
    Ok(())
}
