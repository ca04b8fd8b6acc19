//! Old and new together: what workspace-agents of every version have said on their links is said again, by a scripted
//! peer, to the control plane of this tree.
//!
//! `cargo test --locked -p e2e --test it -- --ignored record_what_this_version_says` writes the recordings of the present
//! version (`fixtures/agents/<version>`) from the workspace image: the real workspace-agent and the real CLI. What a
//! released version has said stays as it is.

use std::collections::BTreeSet;

use anyhow::Context;
use e2e::recording::{self, Line, Recording, Told, from_control};
use e2e::stack::{bridge_address, free_port};
use e2e::{Engine, Impostor, Seen, Stack, StackOptions, Tap, Viewer, newer, peer};
use protocol::link::FromControl;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

// The recordings.

/// A story that is recorded: the parts, and the conversation that it is about.
struct Scene {
    stack: Stack,
    tap: Tap,
    viewer: Viewer,
    conversation: String,
}

impl Scene {
    async fn begin() -> anyhow::Result<Self> {
        let (stack, tap) = Tap::stack().await?;
        let mut viewer = stack.viewer().await?;
        let conversation = viewer.conversation().await?;
        Ok(Self { stack, tap, viewer, conversation })
    }

    async fn send(&mut self, text: &str) -> anyhow::Result<String> {
        self.viewer.send(&self.conversation, text).await
    }

    /// Reads what Claude says before it waits at a gate of the model.
    async fn reads(&mut self, text: &str) -> anyhow::Result<()> {
        let read = |seen: &Seen| seen.live_text().contains(text).then_some(());
        self.viewer.until("it speaks", read).await?;
        self.tap.was_read(text);
        Ok(())
    }

    async fn prompt(&mut self, n: usize) -> anyhow::Result<String> {
        let asked = self.viewer.nth_event(&self.conversation, "prompt_asked", n).await?;
        Ok(asked["prompt"].as_str().unwrap().to_owned())
    }

    async fn allow(&mut self, prompt: &str) -> anyhow::Result<()> {
        self.viewer.decide(&self.conversation, prompt, json!({ "type": "allow" })).await.map(drop)
    }

    async fn kill_cli(&self) -> anyhow::Result<()> {
        self.exec("kill -9 $(pgrep -x claude)").await
    }

    async fn exec(&self, script: &str) -> anyhow::Result<()> {
        let container = self.stack.container().await?;
        self.stack.engine.run(&["exec", &container, "sh", "-c", script]).await.map(drop)
    }

    /// Waits until all is done and stored, and writes the recording.
    async fn end(mut self, name: &str) -> anyhow::Result<()> {
        let conversation = self.conversation.clone();
        let over = |seen: &Seen| {
            let idle = seen.list.get(&conversation)?["summary"]["state"] == "idle";
            let under_way = ["saved", "delivered", "started"];
            let done =
                seen.items.values().all(|item| !under_way.contains(&item["state"]["type"].as_str().unwrap()));
            (idle && done).then(|| seen.items.clone())
        };
        let items = self.viewer.until("everything is done", over).await?;
        let tap = &self.tap;
        e2e::until("everything is stored", async || is_stored(&tap.recording())).await?;
        let mut recording = self.tap.recording();
        let states = items.iter().map(|(id, item)| Ok((id.parse()?, item["state"].clone())));
        recording.push(Line::Items(states.collect::<anyhow::Result<_>>()?));
        let version = Told::of(&recording)?.version;
        recording::write(&recording::folder().join(version).join(name).with_extension("jsonl"), &recording)?;
        self.stack.finish().await;
        Ok(())
    }
}

/// Whether the control plane has said that every event is in the store.
fn is_stored(recording: &[Line]) -> bool {
    let told = Told::of(recording).unwrap().end();
    let mut said = recording.iter().filter_map(from_control);
    said.any(|message| matches!(message, FromControl::Stored { end, .. } if end.n == told))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes the recordings of the present version"]
async fn record_what_this_version_says() -> anyhow::Result<()> {
    a_plain_turn().await.context("a plain turn")?;
    an_allowed_tool().await.context("an allowed tool")?;
    a_long_result().await.context("a long result")?;
    two_prompts_and_a_stop().await.context("two prompts and a stop")?;
    a_cli_that_died_before_a_tool().await.context("a CLI that died before a tool")?;
    a_cli_that_died_after_a_tool().await.context("a CLI that died after a tool")?;
    a_new_link_in_mid_turn().await.context("a new link in mid-turn")
}

async fn a_plain_turn() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let item = scene.send("GATE half-way").await?;
    scene.reads("half-way").await?;
    scene.stack.model.release("half-way");
    scene.viewer.result_of(&scene.conversation, &item).await?;
    scene.end("plain-turn").await
}

async fn an_allowed_tool() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    scene.send(r#"TOOL:Write {"file_path":"/workspace/made.txt","content":"by Claude\n"}"#).await?;
    let prompt = scene.prompt(1).await?;
    scene.allow(&prompt).await?;
    scene.viewer.event(&scene.conversation, "result").await?;
    scene.end("allowed-tool").await
}

async fn a_long_result() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    scene.send("TOOL:Bash touch /workspace/made.txt; seq 1 5000").await?;
    let prompt = scene.prompt(1).await?;
    scene.allow(&prompt).await?;
    scene.viewer.event(&scene.conversation, "result").await?;
    anyhow::ensure!(!Told::of(&scene.tap.recording())?.chunks.is_empty(), "nothing was cut");
    scene.end("long-result").await
}

async fn two_prompts_and_a_stop() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let fetch = r#"TOOL:WebFetch {"url":"http://127.0.0.1:9/","prompt":"x"}"#;
    scene.send(&format!("{fetch} ||| {fetch}")).await?;
    let (_, second) = (scene.prompt(1).await?, scene.prompt(2).await?);
    scene.viewer.decide(&scene.conversation, &second, json!({ "type": "deny" })).await?;
    scene.viewer.event(&scene.conversation, "prompt_answered").await?;
    scene.viewer.stop(&scene.conversation).await?;
    scene.viewer.event(&scene.conversation, "prompt_withdrawn").await?;
    scene.end("two-prompts-and-a-stop").await
}

async fn a_cli_that_died_before_a_tool() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let item = scene.send("GATE kill").await?;
    scene.reads("kill").await?;
    scene.kill_cli().await?;
    scene.viewer.event(&scene.conversation, "message_resent").await?;
    scene.stack.model.release("kill");
    scene.viewer.result_of(&scene.conversation, &item).await?;
    scene.end("died-before-a-tool").await
}

async fn a_cli_that_died_after_a_tool() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let script = "touch /workspace/half.txt; python3 -c 'import time; time.sleep(600)'";
    let item = scene.send(&format!("TOOL:Bash {script}")).await?;
    let prompt = scene.prompt(1).await?;
    scene.allow(&prompt).await?;
    scene.exec("until [ -e /home/workspace/half.txt ]; do :; done").await?;
    scene.kill_cli().await?;
    scene.viewer.event(&scene.conversation, "message_unknown").await?;
    let conversation = scene.conversation.clone();
    let unknown = |seen: &Seen| (seen.item_state(&item) == "unknown").then_some(());
    scene.viewer.until("the mark says so", unknown).await?;
    let id = uuid::Uuid::new_v4();
    let request = json!({ "type": "continue", "conversation": conversation, "item": id, "message": item });
    scene.viewer.ask(request).await?;
    scene.viewer.event(&conversation, "message_continued").await?;
    let ended = |seen: &Seen| {
        let mut ends = ["result", "message_ended"].into_iter();
        ends.find_map(|kind| seen.last(&conversation, kind))
    };
    scene.viewer.until("it has ended", ended).await?;
    scene.end("died-after-a-tool").await
}

async fn a_new_link_in_mid_turn() -> anyhow::Result<()> {
    let mut scene = Scene::begin().await?;
    let item = scene.send("GATE relink").await?;
    scene.reads("relink").await?;
    scene.tap.cut();
    scene.stack.model.release("relink");
    let journal = "grep -aqr '\"kind\":\"result\"' /var/lib/atelier/conversations";
    e2e::until("the turn has ended in the workspace", async || scene.exec(journal).await.is_ok()).await?;
    scene.tap.mend();
    scene.viewer.result_of(&scene.conversation, &item).await?;
    let links = scene
        .tap
        .recording()
        .iter()
        .filter_map(from_control)
        .filter_map(stored_at_welcome)
        .collect::<Vec<_>>();
    let end = Told::of(&scene.tap.recording())?.end();
    anyhow::ensure!(links.len() == 2 && links[1] < end, "nothing was left to tell on the second link");
    scene.end("new-link-in-mid-turn").await
}

/// Where the one log ended in the store when a link came up.
fn stored_at_welcome(message: FromControl) -> Option<u64> {
    if let FromControl::Welcome(welcome) = message { Some(welcome.logs.first()?.end.n) } else { None }
}

// The replays.

/// A page of a log, to the byte.
#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
}

/// A workspace that runs, whose own workspace-agent dials where nobody is: the peer is its workspace-agent.
async fn workspace_for_a_peer() -> anyhow::Result<(Stack, Viewer, Impostor)> {
    let nowhere = free_port(&bridge_address(&Engine::local()?).await?)?;
    let flags = vec![format!("--link-address={nowhere}")];
    let stack = Stack::start_with(StackOptions { flags, ..StackOptions::default() }).await?;
    let mut viewer = stack.viewer().await?;
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    let up = |seen: &Seen| (seen.workspace["phase"]["stage"] == "enrol").then_some(());
    viewer.until("the container runs", up).await?;
    let workspace = stack.store().await?.workspace_of(viewer.user_id().parse()?).await?.unwrap().id;
    let identity = Impostor::enrol(&stack, workspace).await?;
    Ok((stack, viewer, identity))
}

/// Plays every recording, and looks at what the control plane made of it.
async fn play_all(change: impl Fn(&[Line]) -> anyhow::Result<Recording>) -> anyhow::Result<()> {
    let recordings = recording::all()?;
    let (stack, mut viewer, identity) = workspace_for_a_peer().await?;
    for (name, recording) in &recordings {
        let told = peer::play(&identity, &mut viewer, &change(recording)?).await;
        let told = told.with_context(|| name.clone())?;
        check_what_is_kept(&viewer, &told).await.with_context(|| name.clone())?;
    }
    assert!(!stack.log_text().contains("the link is closed"), "a link was refused");
    stack.finish().await;
    Ok(())
}

/// The log is what was told, to the byte, and so are the bodies beside it; and one who comes later sees the same.
async fn check_what_is_kept(viewer: &Viewer, told: &Told) -> anyhow::Result<()> {
    let conversation = told.conversation.context("no conversation")?.to_string();
    let base = format!("/api/conversations/{conversation}");
    let get = async |path: &str| {
        let answer = viewer.request(reqwest::Method::GET, &format!("{base}/{path}")).send().await?;
        anyhow::Ok(answer.error_for_status()?.bytes().await?)
    };
    let page: Page = serde_json::from_slice(&get("events?limit=1000").await?)?;
    let kept: Vec<&str> = page.events.iter().map(|event| event.get()).collect();
    assert_eq!(kept, told.events);
    for (digest, index, chunk) in &told.chunks {
        assert_eq!(&get(&format!("bodies/{digest}/{index}")).await?[..], chunk);
    }
    let mut later = viewer.another().await?;
    later.open(&conversation, None).await?;
    let told: Result<Vec<Value>, _> = told.events.iter().map(|event| serde_json::from_str(event)).collect();
    let told = told?;
    let shown = |seen: &Seen| (seen.log(&conversation).len() >= told.len()).then_some(());
    later.until("the log is shown", shown).await?;
    assert_eq!(later.seen.log(&conversation), told);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_workspace_agent_says_comes_to_what_it_came_to_then() -> anyhow::Result<()> {
    play_all(|recording| Ok(recording.to_vec())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_workspace_agent_adds_is_kept_and_changes_nothing() -> anyhow::Result<()> {
    play_all(newer::of).await
}

#[test]
fn the_present_version_is_recorded() -> anyhow::Result<()> {
    let recordings = recording::all()?;
    let versions: anyhow::Result<BTreeSet<String>> =
        recordings.values().map(|recording| Ok(Told::of(recording)?.version)).collect();
    // All crates have one version.
    assert!(versions?.contains(env!("CARGO_PKG_VERSION")), "record it: see the top of this file");
    Ok(())
}
