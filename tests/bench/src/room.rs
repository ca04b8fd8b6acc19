//! The floor of what happens inside a workspace: a container of the same image and the same limits, with nothing of
//! Atelier's between the engine, the CLI and the model.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};
use control_plane::runtime::docker::INSTANCE;
use e2e::stack::{binary, bridge_address};
use e2e::{Engine, PATIENCE, Stack};
use futures_util::{Stream, StreamExt};
use protocol::settings::Settings;
use protocol::{ConversationId, ItemId};
use scripted_model::Serving;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workspace_agent::claude::{launch, outgoing};
use workspace_agent::config::Config;
use workspace_agent::conversation::core::Launch;
use workspace_agent::process::Processes;

/// Who user code is in it.
const UID: u32 = 299_999;
/// Where what it shares with this machine is seen from inside: a home, and a folder of programs and lists.
const HOMES: &str = "/home";
const SHARED: &str = "/run/atelier";

/// The makings of such containers.
#[derive(Debug)]
pub struct Rooms {
    engine: Engine,
    host_config: HostConfig,
    image: String,
    /// Makes the containers the stack's own, which removes them at its end, whatever happened.
    labels: HashMap<String, String>,
    folder: TempDir,
    /// The model that is asked directly.
    pub model: SocketAddr,
}

/// One container, its process attached by its standard streams. Removed by [`Room::leave`].
pub struct Room {
    engine: Engine,
    name: String,
    output: Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    heard: String,
}

/// A probe inside of a workspace's own container.
#[derive(Debug)]
pub struct Inside {
    _child: Child,
    stdin: ChildStdin,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
}

/// A model that answers at once, where a container reaches it directly.
///
/// # Errors
/// When it can't be started.
pub async fn model(engine: &Engine) -> anyhow::Result<Serving> {
    let listener = TcpListener::bind((bridge_address(engine).await?, 0)).await?;
    Ok(scripted_model::serve(listener, scripted_model::Config::default(), CancellationToken::new()).await?)
}

impl Rooms {
    /// Containers like the one of this workspace, that ask this model.
    ///
    /// # Errors
    /// When the engine refuses, or the home can't be prepared.
    pub async fn like(stack: &Stack, container: &str, model: SocketAddr) -> anyhow::Result<Self> {
        let engine = stack.engine.clone();
        let found = engine.0.inspect_container(container, None::<InspectContainerOptions>).await?;
        let image = found.config.and_then(|config| config.image).context("a container without image")?;
        let like = found.host_config.context("a container without limits")?;
        let folder = TempDir::new()?;
        prepare(folder.path(), &image).await?;
        let binds = [("home", HOMES), ("shared", SHARED)];
        let binds = binds.map(|(name, target)| format!("{}:{target}", folder.path().join(name).display()));
        let tmpfs = like.tmpfs.map(|all| all.into_iter().filter(|(path, _)| path != SHARED).collect());
        let host_config = HostConfig {
            mounts: None,
            binds: Some(binds.to_vec()),
            tmpfs,
            network_mode: Some("bridge".to_owned()),
            ..like
        };
        let labels = HashMap::from([(INSTANCE.to_owned(), stack.instance().to_owned())]);
        Ok(Self { engine, host_config, image, labels, folder, model })
    }

    /// Creates a container, starts it, and attaches its process.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn enter(&self, entrypoint: Vec<String>, environment: &Environment) -> anyhow::Result<Room> {
        let name = format!("atelier-bench-{}", Uuid::new_v4().simple());
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: Some(entrypoint),
            cmd: Some(Vec::new()),
            user: Some(format!("{UID}:{UID}")),
            working_dir: Some(format!("{HOMES}/workspace")),
            env: Some(environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(self.labels.clone()),
            open_stdin: Some(true),
            host_config: Some(self.host_config.clone()),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        self.engine.0.create_container(Some(options), body).await?;
        let attach = AttachContainerOptionsBuilder::default().stream(true).stdin(true).stdout(true).build();
        let AttachContainerResults { output, input } =
            self.engine.0.attach_container(&name, Some(attach)).await?;
        let room = Room { engine: self.engine.clone(), name, output, input, heard: String::new() };
        self.engine.0.start_container(&room.name, None::<StartContainerOptions>).await?;
        Ok(room)
    }

    /// Enters a container in which a probe waits.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn probe(&self) -> anyhow::Result<Room> {
        self.enter(vec![format!("{SHARED}/probe")], &Environment::new()).await
    }

    /// Enters a container that serves bare terminals, and says where.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn bare(&self) -> anyhow::Result<(Room, SocketAddr)> {
        let mut room = self.enter(vec![format!("{SHARED}/bare")], &Environment::new()).await?;
        let port: u16 = room.hear().await?.trim().parse()?;
        let format = "{{.NetworkSettings.Networks.bridge.IPAddress}}";
        let address = self.engine.run(&["inspect", "-f", format, &room.name]).await?;
        Ok((room, SocketAddr::new(address.trim().parse()?, port)))
    }

    /// The CLI's arguments and environment for a fresh session, as the workspace-agent has them.
    pub fn claude(&self) -> (Vec<String>, Environment) {
        let config = config();
        let launch = Launch {
            session: Uuid::new_v4().to_string(),
            resume: false,
            settings: Settings::default(),
            continue_turn: false,
            allow_bypass: false,
        };
        let mark = Arc::new(Processes::default()).new_mark();
        let command = launch::command(&config, ConversationId(Uuid::nil()), &launch, mark);
        let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let mut environment: Environment = command
            .as_std()
            .get_envs()
            .filter_map(|(name, value)| Some((text(name), text(value?))))
            .collect();
        environment.insert("ANTHROPIC_BASE_URL".to_owned(), format!("http://{}", self.model));
        (launch::arguments(&launch), environment)
    }

    /// Where the probe is on this machine.
    pub fn probe_path(&self) -> PathBuf {
        self.folder.path().join("shared/probe")
    }
}

/// An environment.
pub type Environment = BTreeMap<String, String>;

/// `initialize`, as the workspace-agent says it.
pub fn initialize() -> String {
    outgoing::request("initialize", &outgoing::initialize())
}

/// A message, as the workspace-agent says it.
pub fn message(text: &str) -> String {
    outgoing::message(ItemId(Uuid::new_v4()), text)
}

/// Where the CLI is.
pub fn program() -> String {
    config().claude.display().to_string()
}

fn config() -> Config {
    Config {
        link: String::new(),
        uid: UID,
        nproc: 448,
        user_name: "user".to_owned(),
        home: format!("{HOMES}/user").into(),
        workspace: "/workspace".into(),
        state: "/var/lib/atelier".into(),
        claude: "/usr/local/bin/claude".into(),
        model_port: 8787,
        program: None,
    }
}

/// A home as the workspace-agent prepares one, the lists of users, and the probe.
async fn prepare(folder: &Path, image: &str) -> anyhow::Result<()> {
    let (home, shared) = (folder.join("home"), folder.join("shared"));
    for path in [&home.join("user"), &home.join("workspace"), &shared] {
        std::fs::create_dir_all(path)?;
    }
    let lists = "cat /usr/local/share/atelier/passwd; echo; echo ---; cat /usr/local/share/atelier/group";
    let arguments = ["run", "--rm", "--entrypoint", "sh", image, "-c", lists];
    let text = Engine::local()?.run(&arguments).await?;
    let (users, groups) = text.split_once("---\n").context("the image has no list of users")?;
    std::fs::write(shared.join("passwd"), format!("{users}user:x:{UID}:{UID}::{HOMES}/user:/bin/bash\n"))?;
    std::fs::write(shared.join("group"), format!("{groups}user:x:{UID}:\n"))?;
    let mut seed = Command::new(binary("workspace-agent"));
    seed.arg("seed-home").arg("--home").arg(home.join("user")).arg("--workspace").arg("/workspace");
    anyhow::ensure!(seed.status().await?.success(), "the home can't be prepared");
    give_to_user(&home)?;
    for name in ["probe", "bare"] {
        let inside = shared.join(name);
        let stripped = Command::new("strip").arg("-o").arg(&inside).arg(binary(name)).status().await?;
        anyhow::ensure!(stripped.success(), "{name} can't be stripped");
        std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?)
}

fn give_to_user(path: &Path) -> anyhow::Result<()> {
    chown(path, Some(UID), Some(UID))?;
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_to_user(&entry?.path())?;
        }
    }
    Ok(())
}

impl Room {
    /// Writes a line to the process.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn say(&mut self, line: &str) -> anyhow::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(self.input.flush().await?)
    }

    /// The next line that the process prints.
    ///
    /// # Errors
    /// When it has ended, or says nothing.
    pub async fn hear(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some((line, rest)) = self.heard.split_once('\n') {
                let line = line.to_owned();
                self.heard = rest.to_owned();
                return Ok(line);
            }
            let output = timeout(PATIENCE, self.output.next()).await.context("the container says nothing")?;
            let output = output.context("the container has ended")??;
            self.heard.push_str(&String::from_utf8_lossy(&output.into_bytes()));
        }
    }

    /// Its name at the engine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the probe in it for something.
    ///
    /// # Errors
    /// When it fails.
    pub async fn ask(&mut self, wanted: &Value) -> anyhow::Result<Value> {
        self.say(&wanted.to_string()).await?;
        answer(&self.hear().await?)
    }

    /// Removes the container.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn leave(self) -> anyhow::Result<()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        Ok(self.engine.0.remove_container(&self.name, Some(options)).await?)
    }
}

impl Inside {
    /// Puts a probe into a workspace's container, onto the user's volume, and starts it as the user.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn enter(engine: &Engine, container: &str, uid: u32, probe: &Path) -> anyhow::Result<Self> {
        let target = format!("{HOMES}/workspace/.probe");
        let probe = probe.display().to_string();
        engine.run(&["cp", &probe, &format!("{container}:{target}")]).await?;
        let user = format!("{uid}:{uid}");
        let mut child = Command::new("docker")
            .args(["exec", "-i", "-u", &user, container, &target])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().context("no stdin")?;
        let lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        Ok(Self { _child: child, stdin, lines })
    }

    /// Asks the probe for something.
    ///
    /// # Errors
    /// When it fails.
    pub async fn ask(&mut self, wanted: &Value) -> anyhow::Result<Value> {
        self.stdin.write_all(format!("{wanted}\n").as_bytes()).await?;
        let line = timeout(PATIENCE, self.lines.next_line()).await.context("the probe says nothing")??;
        answer(&line.context("the probe has ended")?)
    }
}

fn answer(line: &str) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
    anyhow::ensure!(answer.get("error").is_none(), "{answer}");
    Ok(answer)
}

/// A probe's turn.
pub fn turn(text: &str) -> Value {
    json!({ "do": "turn", "line": message(text) })
}

/// A probe's request for a CLI process.
pub fn start_claude(rooms: &Rooms) -> Value {
    let (arguments, environment) = rooms.claude();
    json!({
        "do": "claude",
        "program": program(),
        "arguments": arguments,
        "environment": environment,
        "initialize": initialize(),
    })
}
