//! Secrets that would show wherever they leak: each is planted where it belongs, everything is used, and then everything is
//! searched that somebody could come by.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use e2e::stack::KEY;
use e2e::{Impostor, Script, Stack, StackOptions, Viewer};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A user's own key.
const OWN_KEY: &str = "sk-own-canary-c41a9d07";
/// An enrolment token, besides the one that the workspace gets.
const ENROLMENT: &str = "enrolment-canary-58e2f6b1";

/// A secret and what it is.
struct Canary {
    what: &'static str,
    text: String,
}

/// Everything that must not show.
struct Canaries(Vec<Canary>);

impl Canaries {
    /// What `use_everything` uses.
    fn of(stack: &Stack, viewer: &Viewer, script: &Script, code: &str) -> anyhow::Result<Self> {
        let sealing = std::fs::read_to_string(stack.data.path().join("sealing-key"))?;
        let session = viewer.cookie.split_once('=').context("no cookie")?.1;
        let canary = |what, text: &str| Canary { what, text: text.trim().to_owned() };
        Ok(Self(vec![
            canary("the operator's model key", KEY),
            canary("a user's own model key", OWN_KEY),
            canary("an API token", &script.token),
            canary("a session's cookie", session),
            canary("a sign-in code", code),
            canary("an enrolment token", ENROLMENT),
            canary("the sealing key", &sealing),
        ]))
    }

    /// Looks for all of them.
    fn look(&self, place: &str, content: &[u8]) {
        for Canary { what, text } in &self.0 {
            assert!(text.len() >= 16, "{what} is no secret: {text:?}");
            let found = content.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(at) = found {
                let around = &content[at.saturating_sub(200)..(at + text.len()).min(content.len())];
                panic!("{what} shows in {place}: …{}", String::from_utf8_lossy(around));
            }
        }
    }

    /// Looks into every file below a folder, and says which there were.
    fn look_below(&self, folder: &Path, but: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let mut looked = Vec::new();
        e2e::look_below(folder, but, &mut |path, content| {
            self.look(&path.display().to_string(), content);
            looked.push(path.to_owned());
        })?;
        Ok(looked)
    }
}

/// What the control plane puts into a workspace's state volume before it starts: read there before PID 1 takes it away.
fn catch_enrolment(stack: &Stack) -> (std::thread::JoinHandle<Option<String>>, Arc<AtomicBool>) {
    let over = Arc::new(AtomicBool::new(false));
    let (instance, stop) = (stack.instance().to_owned(), Arc::clone(&over));
    let watching = std::thread::spawn(move || {
        let list = format!(
            "docker volume ls -q --filter name=atelier-{instance}- | xargs -r docker volume inspect -f '{{{{.Mountpoint}}}}'"
        );
        let mut folders: Vec<PathBuf> = Vec::new();
        let mut looks = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            if looks.is_multiple_of(100) {
                let listed = std::process::Command::new("sh").args(["-c", &list]).output().ok()?;
                folders = String::from_utf8_lossy(&listed.stdout).lines().map(PathBuf::from).collect();
            }
            looks += 1;
            let read = folders.iter().find_map(|folder| std::fs::read(folder.join("enrol")).ok());
            if let Some(file) = read.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) {
                return file["token"].as_str().map(str::to_owned);
            }
            std::thread::yield_now();
        }
        None
    });
    (watching, over)
}

/// Uses everything that has a secret: sign-in, page, token, own key, workspace, prompt.
async fn use_everything(stack: &Stack, viewer: &mut Viewer, script: &Script) -> anyhow::Result<()> {
    let put = json!({ "key": OWN_KEY });
    let set = viewer.request(Method::PUT, "/api/user/model-key").json(&put).send().await?;
    let set: Value = set.error_for_status()?.json().await?;
    assert_eq!(set["key"]["ends"], &OWN_KEY[OWN_KEY.len() - 4..]);
    let conversation = script.conversation().await?;
    viewer.open(&conversation, None).await?;
    let (_, cursor) = script.send(&conversation, "TOOL:Bash env; cat /proc/*/environ; id").await?;
    let mut events = script.follow(&conversation, &cursor).await?;
    let asked = events.log("prompt_asked").await?;
    viewer
        .decide(
            &conversation,
            asked.data["prompt"].as_str().context("no prompt")?,
            json!({ "type": "allow" }),
        )
        .await?;
    events.log("result").await?;
    script.ask(Method::GET, "/api/conversations", &Value::Null).await?;
    // And what is refused: secrets in refusals would be in logs.
    for path in ["/api/tokens", "/api/user/model-key", "/api/nowhere"] {
        script.ask(Method::GET, path, &Value::Null).await?;
    }
    let user = viewer.user_id().parse()?;
    let workspace = stack.store().await?.workspace_of(user).await?.context("no workspace")?.id;
    let hash = Sha256::digest(ENROLMENT.as_bytes()).into();
    stack.store().await?.add_enrol_token(hash, workspace, u64::MAX >> 1).await?;
    let stranger = stack.stranger("Mallory").await?;
    drop(stranger);
    drop(Impostor::enrol_with(stack, ENROLMENT).await);
    assert!(Impostor::enrol_with(stack, ENROLMENT).await.is_err(), "it is good once");
    Ok(())
}

/// Lines of a command in the container, as root or as the workspace's own user.
async fn inside(stack: &Stack, container: &str, user: &str, script: &str) -> anyhow::Result<String> {
    stack.engine.run(&["exec", "-u", user, container, "sh", "-c", script]).await
}

/// Every document of a database in the emulator, as its REST interface tells it, with bytes as they are.
async fn documents(project: &str) -> anyhow::Result<Vec<String>> {
    let host = std::env::var("FIRESTORE_EMULATOR_HOST")?;
    let url = format!("http://{host}/v1/projects/{project}/databases/(default)/documents:runQuery");
    let all = json!({ "structuredQuery": { "from": [{ "allDescendants": true }] } });
    let client = reqwest::Client::builder().no_proxy().build()?;
    let found = client.post(url).bearer_auth("owner").json(&all).send().await?.error_for_status()?;
    let mut found: Vec<Value> = found.json().await?;
    found.iter_mut().for_each(open_bytes);
    Ok(found.iter().filter(|found| found["document"].is_object()).map(Value::to_string).collect())
}

/// Puts what bytes say in the place of their base64, which would hide a secret.
fn open_bytes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let bytes = value.as_str().filter(|_| name == "bytesValue");
                match bytes.and_then(|text| BASE64.decode(text).ok()) {
                    Some(bytes) => *value = String::from_utf8_lossy(&bytes).into(),
                    None => open_bytes(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(open_bytes),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_in_firestore_nor_in_the_log() -> anyhow::Result<()> {
    let Some((project, flags)) = crate::firestore::fresh() else { return Ok(()) };
    let options = StackOptions { trace: true, any_key: true, flags, ..StackOptions::default() };
    let mut stack = Stack::start_with(options).await?;
    let code = stack.code().await?;
    let mut viewer = Viewer::sign_in(stack.public, &code).await?;
    let script = Script::of(&stack, &viewer, &["read", "write"]).await?;
    use_everything(&stack, &mut viewer, &script).await?;
    let canaries = Canaries::of(&stack, &viewer, &script, &code)?;
    let documents = documents(&project).await?;
    let has = |words: &str| documents.iter().any(|document| document.contains(words));
    // What is told in a conversation and what a token is called is there to be seen, as text and in bytes.
    for words in ["cat /proc/*/environ", "model-key"] {
        assert!(has(words), "{words:?} is nowhere in {} documents", documents.len());
    }
    for document in &documents {
        canaries.look("Firestore", document.as_bytes());
    }
    canaries.look("the control plane's log", stack.log_text().as_bytes());
    canaries.look_below(stack.data.path(), &["sealing-key", "anthropic-key"])?;
    stack.stop_control_plane().await;
    stack.finish().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_anywhere_but_where_it_belongs() -> anyhow::Result<()> {
    let options = StackOptions { trace: true, any_key: true, ..StackOptions::default() };
    let mut stack = Stack::start_with(options).await?;
    let code = stack.code().await?;
    let mut viewer = Viewer::sign_in(stack.public, &code).await?;
    let script = Script::of(&stack, &viewer, &["read", "write"]).await?;
    let (watching, over) = catch_enrolment(&stack);
    viewer.ask(json!({ "type": "start_workspace" })).await?;
    viewer.until("it runs", |seen| (seen.workspace["phase"]["type"] == "running").then_some(())).await?;
    over.store(true, Ordering::Relaxed);
    let enrolled = watching.join().ok().flatten().context("the workspace's token was not caught")?;
    use_everything(&stack, &mut viewer, &script).await?;

    let mut canaries = Canaries::of(&stack, &viewer, &script, &code)?;
    canaries.0.push(Canary { what: "the workspace's enrolment token", text: enrolled });

    // The engine's view, and the workspace's.
    let container = stack.container_of(&viewer).await?;
    let inspected = stack.engine.run(&["inspect", &container]).await?;
    canaries.look("docker inspect", inspected.as_bytes());
    canaries.look("docker logs", stack.engine.run(&["logs", &container]).await?.as_bytes());
    let volumes = stack.engine.run(&["volume", "ls", "--format", "{{json .}}"]).await?;
    canaries.look("the engine's volumes", volumes.as_bytes());
    let uid = stack.uid_of(&viewer).await?.to_string();
    let environments =
        "for f in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do cat $f 2>/dev/null | tr '\\0' '\\n'; done";
    for user in ["0", uid.as_str()] {
        let seen = inside(&stack, &container, user, environments).await?;
        assert!(seen.contains("PATH="), "as {user} nothing was seen");
        canaries.look(&format!("the environments that uid {user} sees"), seen.as_bytes());
    }
    // All files that the workspace has, the journal among them.
    let mounts = "{{range .Mounts}}{{.Source}}\n{{end}}";
    let mounts = stack.engine.run(&["inspect", "-f", mounts, &container]).await?;
    let mut files = Vec::new();
    for folder in mounts.lines().filter(|line| line.starts_with('/')) {
        files.extend(canaries.look_below(Path::new(folder), &[])?);
    }
    let journal = files.iter().find(|path| path.to_string_lossy().contains("journal"));
    assert!(journal.is_some(), "the journal is not among what was looked at: {files:?}");
    let tmp = inside(&stack, &container, "0", "cat /tmp/* /run/* 2>/dev/null || true").await?;
    canaries.look("the workspace's temporary files", tmp.as_bytes());

    // What the model's API was asked: addresses hold nothing.
    for record in stack.model.requests() {
        canaries.look("a request to the model's API", format!("{record:?}").as_bytes());
    }
    // The control plane itself: arguments, environment, logs at their loudest, the store with its journal.
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let data = stack.data.path().as_os_str().as_encoded_bytes();
        if line.windows(data.len()).any(|window| window == data) {
            canaries.look("the control plane's arguments", &line);
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            canaries.look("the control plane's environment", &environment);
        }
    }
    let log = stack.log_text();
    assert!(log.contains("TRACE"), "the log is not as loud as it gets");
    canaries.look("the control plane's log", log.as_bytes());
    let but = ["sealing-key", "anthropic-key"];
    let looked = canaries.look_below(stack.data.path(), &but)?;
    for file in ["atelier.db", "atelier.db-wal", "control-plane.log"] {
        assert!(looked.contains(&stack.data.path().join(file)), "{file} was not looked at");
    }
    stack.stop_control_plane().await;
    canaries.look_below(stack.data.path(), &but)?;
    stack.finish().await;
    Ok(())
}

#[test]
#[should_panic(expected = "a planted secret shows in a place")]
fn a_secret_that_shows_is_found() {
    let text = "planted-canary-0001".to_owned();
    let canaries = Canaries(vec![Canary { what: "a planted secret", text }]);
    canaries.look("a place", b"\0binary\xffplanted-canary-0001\0");
}
