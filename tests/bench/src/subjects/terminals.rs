//! A terminal in a workspace's container, seen from a viewer's socket, beside a PTY behind one bare WebSocket in a container
//! of the same kind. Ours goes through the workspace-agent, its link (mutual TLS) and the control plane.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use e2e::{Stack, StackOptions};
use nix::unistd::Pid;
use protocol::TerminalId;
use serde_json::json;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::keys::Keys;
use crate::room::{self, Room, Rooms};
use crate::stats::Samples;
use crate::table::{Aim, Figure, Row};
use crate::{machine, say};

/// Keys pressed, one after the other's echo. Both passes fit into the line that the kernel keeps.
const KEYS: usize = 1_500;
/// What goes through in one piece, about, in bytes of base64 with its lines.
const THROUGH: u32 = 200_000_000;
/// The slow viewer's way, in bytes a second.
const SLOW: usize = 100_000;
/// How long a flood runs before it is interrupted: long enough to fill whatever buffers there are.
const FLOODS: Duration = Duration::from_secs(3);
/// How often it is interrupted.
const INTERRUPTS: usize = 5;
/// How often somebody attaches.
const ATTACHES: usize = 30;
/// Idle terminals.
const IDLE: usize = 10;
/// Prints a full screen, as full-screen programs do, and waits.
const SCREEN: &str = "printf '\\033[?1049h'; for i in $(seq 1 24); do printf '\\033[%d;1H\\033[3%dm%080d' $i \
                      $((i % 8)) $i; done; exec cat";

/// Both sides of the measurement.
struct Sides {
    stack: Stack,
    rooms: Rooms,
    user: String,
    cookie: String,
    container: String,
}

/// Which side.
#[derive(Clone, Copy)]
enum Side<'a> {
    Ours(&'a Sides),
    Bare(SocketAddr),
}

pub(super) async fn measure() -> anyhow::Result<(Vec<Row>, Vec<String>)> {
    let sides = Sides::begin().await?;
    let (room, address) = sides.rooms.bare().await?;
    let [ours, bare] = [Side::Ours(&sides), Side::Bare(address)];
    sides.write_file(&room).await?;
    let mut rows = Vec::new();
    say(&format!("{KEYS} keys at rest, and as many while another terminal floods"));
    rows.extend(echoes(ours, bare).await?);
    say("200 MB through, and Ctrl-C on a slow way");
    rows.extend(floods(ours, bare).await?);
    say("A viewer that never reads");
    rows.extend(unread(&sides).await?);
    say("Attaching to a full screen, and idle terminals");
    rows.push(attach(&sides).await?);
    rows.extend(idle(&sides).await?);
    room.leave().await?;
    sides.stack.finish().await;
    let notes = vec![
        format!(
            "echo: the kernel's own, of `cat`; p50 and p99 of {KEYS} keys. Floods: `yes`, whose output somebody else reads as \
             fast as they can"
        ),
        format!(
            "the slow way is a relay that passes {} KB/s with 64 KiB of buffer; the worst of {INTERRUPTS} interrupts, each \
             after {} s of `yes`",
            SLOW / 1000,
            FLOODS.as_secs()
        ),
        "idle terminals: login shells; the memory of the shells themselves is not counted".to_owned(),
    ];
    Ok((rows, notes))
}

impl Sides {
    async fn begin() -> anyhow::Result<Self> {
        let stack = Stack::start_with(StackOptions { quiet: true, ..StackOptions::default() }).await?;
        let mut viewer = stack.viewer().await?;
        viewer.ask(json!({ "type": "start_workspace" })).await?;
        let ready = |seen: &e2e::Seen| seen.terminals.available.then_some(());
        viewer.until("there are terminals", ready).await?;
        let container = stack.container().await?;
        let model = room::model(&stack.engine).await?;
        let rooms = Rooms::like(&stack, &container, model.address()).await?;
        let (user, cookie) = (viewer.user_id().to_owned(), viewer.cookie.clone());
        Ok(Self { stack, rooms, user, cookie, container })
    }

    /// The same file on both sides.
    async fn write_file(&self, room: &Room) -> anyhow::Result<()> {
        let raw = THROUGH / 77 * 57;
        let script = format!("head -c {raw} /dev/urandom | base64 >/home/workspace/big");
        for container in [self.container.as_str(), room.name()] {
            let engine = &self.stack.engine;
            let owner = engine.run(&["exec", container, "stat", "-c", "%u", "/home/workspace"]).await?;
            engine.run(&["exec", "-u", owner.trim(), container, "sh", "-c", &script]).await?;
        }
        Ok(())
    }

    /// Closes every terminal: there may be only so many at a time.
    async fn close_all(&self) -> anyhow::Result<()> {
        let mut viewer = self.stack.viewer().await?;
        let listed = |seen: &e2e::Seen| seen.terminals.available.then(|| seen.terminals.list.clone());
        let list = viewer.until("the terminals are listed", listed).await?;
        for id in list.keys() {
            viewer.wish(id.parse()?, json!({ "type": "close" })).await?;
        }
        viewer.until("none is left", |seen| seen.terminals.list.is_empty().then_some(())).await
    }

    async fn agent(&self) -> anyhow::Result<Pid> {
        let pid = self.stack.engine.run(&["inspect", "-f", "{{.State.Pid}}", &self.container]).await?;
        Ok(Pid::from_raw(pid.trim().parse()?))
    }

    async fn open(&self, id: TerminalId, line: Option<&str>) -> anyhow::Result<Keys> {
        Keys::ours(self.stack.public, (&self.user, &self.cookie), id, line).await
    }
}

impl Side<'_> {
    async fn open(self, line: &str) -> anyhow::Result<Keys> {
        match self {
            Self::Ours(sides) => sides.open(TerminalId(Uuid::new_v4()), Some(line)).await,
            Self::Bare(address) => Keys::bare(address, &["bash", "-c", line]).await,
        }
    }

    /// The same over a slow way.
    async fn open_slowly(self, line: &str, tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<Keys> {
        match self {
            Self::Ours(sides) => {
                let slow = slow_way(sides.stack.public, tasks).await?;
                let own = (sides.user.as_str(), sides.cookie.as_str());
                Keys::ours_through(slow, sides.stack.public, own, TerminalId(Uuid::new_v4()), Some(line))
                    .await
            }
            Self::Bare(address) => Self::Bare(slow_way(address, tasks).await?).open(line).await,
        }
    }
}

async fn echoes(ours: Side<'_>, bare: Side<'_>) -> anyhow::Result<Vec<Row>> {
    let (mut own, mut floor) = (ours.open("exec cat").await?, bare.open("exec cat").await?);
    let (rest, floor_rest) = (echo(&mut own).await?, echo(&mut floor).await?);
    let (mut flood, mut floor_flood) = (ours.open("exec yes").await?, bare.open("exec yes").await?);
    let busy = beside(echo(&mut own), &mut flood).await?;
    flood.press(b"\x03").await?;
    drop(flood);
    let floor_busy = beside(echo(&mut floor), &mut floor_flood).await?;
    drop(floor_flood);
    let row =
        |what: &str, figure: f64, floor: f64| Row::new(what, Figure::Time(figure)).floor(Figure::Time(floor));
    let millis = |millis: f64| Aim::AtMost(Figure::Time(millis / 1e3));
    Ok(vec![
        row("key → echo, p50", rest.median(), floor_rest.median()).aim(millis(1.0)),
        row("the same, against twice the floor", rest.median(), floor_rest.median())
            .aim(Aim::TimesFloor(2.0)),
        row("key → echo, p99", rest.p99(), floor_rest.p99()),
        row("while another terminal floods, p50", busy.median(), floor_busy.median()),
        row("while another terminal floods, p99", busy.p99(), floor_busy.p99()).aim(millis(5.0)),
    ])
}

/// How long each key's echo takes.
async fn echo(keys: &mut Keys) -> anyhow::Result<Samples> {
    let mut samples = Samples::new();
    for _ in 0..KEYS {
        let began = Instant::now();
        keys.press(b"x").await?;
        keys.bytes(1).await?;
        samples.push(began.elapsed().as_secs_f64());
    }
    Ok(samples)
}

/// Measures while somebody watches a flood.
async fn beside<T>(measured: impl Future<Output = anyhow::Result<T>>, flood: &mut Keys) -> anyhow::Result<T> {
    tokio::select! {
        measured = measured => measured,
        error = flood.watch() => Err(error),
    }
}

async fn floods(ours: Side<'_>, bare: Side<'_>) -> anyhow::Result<Vec<Row>> {
    let (rate, floor_rate) = (through(ours).await?, through(bare).await?);
    let (slow, floor_slow) = (interrupts(ours).await?, interrupts(bare).await?);
    Ok(vec![
        Row::new("200 MB through, a second", Figure::Bytes(rate))
            .floor(Figure::Bytes(floor_rate))
            .aim(Aim::TimesFloorOrMore(0.7)),
        Row::new("Ctrl-C → prompt, viewer at 100 KB/s", Figure::Time(slow.quantile(1.0)))
            .floor(Figure::Time(floor_slow.quantile(1.0)))
            .aim(Aim::AtMost(Figure::Time(0.3))),
    ])
}

/// Bytes a second of a large file.
async fn through(side: Side<'_>) -> anyhow::Result<f64> {
    let mut keys = side
        .open("stty -echo; echo ready; read x; cat /home/workspace/big; echo; echo 'all through'")
        .await?;
    keys.until("ready").await?;
    let began = Instant::now();
    keys.press(b"\n").await?;
    let count = keys.until("all through").await?;
    let least = usize::try_from(THROUGH)? / 100 * 99;
    anyhow::ensure!(count > least, "only {count} bytes came through");
    #[expect(clippy::cast_precision_loss, reason = "200 million")]
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// How long Ctrl-C takes to the next prompt, on a slow way in the midst of a flood.
async fn interrupts(side: Side<'_>) -> anyhow::Result<Samples> {
    let mut tasks = JoinSet::new();
    let mut keys = side.open_slowly("exec bash --norc --noprofile -i", &mut tasks).await?;
    keys.press(b"PS1='rea''dy '; bind 'set enable-bracketed-paste off'\n").await?;
    keys.until("ready ").await?;
    let mut samples = Samples::new();
    for _ in 0..INTERRUPTS {
        keys.press(b"yes 0123456789012345678901234567890123456789\n").await?;
        let flooded = tokio::time::timeout(FLOODS, keys.watch()).await;
        anyhow::ensure!(flooded.is_err(), "the flood ended");
        let began = Instant::now();
        keys.press(b"\x03").await?;
        keys.until("ready ").await?;
        samples.push(began.elapsed().as_secs_f64());
    }
    Ok(samples)
}

/// A way to `target` on which little fits and that passes [`SLOW`] bytes a second towards the viewer.
async fn slow_way(target: SocketAddr, tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tasks.spawn(async move {
        let (viewer, _) = listener.accept().await?;
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(64 * 1024)?;
        let server = socket.connect(target).await?;
        SockRef::from(&viewer).set_send_buffer_size(16 * 1024)?;
        viewer.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut from_server, mut to_server) = server.into_split();
        let (mut from_viewer, mut to_viewer) = viewer.into_split();
        let up = async { Ok(tokio::io::copy(&mut from_viewer, &mut to_server).await.map(drop)?) };
        let down = async {
            let mut buffer = vec![0; 2 * 1024];
            let mut free = Instant::now();
            loop {
                let count = from_server.read(&mut buffer).await?;
                if count == 0 {
                    return Ok(());
                }
                #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
                let takes = Duration::from_secs_f64(count as f64 / SLOW as f64);
                free = free.max(Instant::now()) + takes;
                tokio::time::sleep_until(free.into()).await;
                to_viewer.write_all(&buffer[..count]).await?;
            }
        };
        tokio::select! { ended = up => ended, ended = down => ended }
    });
    Ok(address)
}

/// What one that never reads does to the others and to the control plane's memory.
async fn unread(sides: &Sides) -> anyhow::Result<Vec<Row>> {
    let ours = Side::Ours(sides);
    let control_plane = sides.stack.control_plane()?;
    let flood = TerminalId(Uuid::new_v4());
    let mut quiet = ours.open("exec cat").await?;
    let mut flooding = sides.open(flood, Some("exec yes")).await?;
    let alone = beside(echo(&mut quiet), &mut flooding).await?;
    let rate = through(ours).await?;
    let before = machine::resident(control_plane)?;
    let stopped = sides.open(flood, None).await?;
    let with = beside(echo(&mut quiet), &mut flooding).await?;
    let rate_with = through(ours).await?;
    let grown = machine::resident(control_plane)? - before;
    drop(stopped);
    flooding.press(b"\x03").await?;
    let p99 = |samples: &Samples| Figure::Time(samples.p99());
    Ok(vec![
        Row::new("one never reads: the other's echo in a flood, p99", p99(&with))
            .floor(p99(&alone))
            .aim(Aim::TimesFloor(1.2)),
        Row::new("one never reads: the others' throughput", Figure::Bytes(rate_with))
            .floor(Figure::Bytes(rate))
            .aim(Aim::TimesFloorOrMore(0.9)),
        Row::new("one never reads: memory of the control plane", Figure::Bytes(grown))
            .aim(Aim::AtMost(Figure::Bytes(4.0 * 1024.0 * 1024.0))),
    ])
}

async fn attach(sides: &Sides) -> anyhow::Result<Row> {
    let id = TerminalId(Uuid::new_v4());
    let mut keys = sides.open(id, Some(SCREEN)).await?;
    keys.until(&format!("{:080}", 24)).await?;
    let size = json!({ "cols": 80, "rows": 24 });
    let mut samples = Samples::new();
    for _ in 0..ATTACHES {
        keys.wish(json!({ "type": "detach" })).await?;
        let began = Instant::now();
        keys.wish(json!({ "type": "attach", "size": size })).await?;
        keys.painted().await?;
        samples.push(began.elapsed().as_secs_f64());
    }
    keys.wish(json!({ "type": "close" })).await?;
    Ok(Row::new("attach to a full 80×24 screen, p99", Figure::Time(samples.p99()))
        .aim(Aim::AtMost(Figure::Time(0.05))))
}

async fn idle(sides: &Sides) -> anyhow::Result<[Row; 2]> {
    sides.close_all().await?;
    let (agent, control_plane) = (sides.agent().await?, sides.stack.control_plane()?);
    let before = (machine::resident(agent)?, machine::resident(control_plane)?);
    let mut open = Vec::new();
    for _ in 0..IDLE {
        let mut keys = Side::Ours(sides).open("PS1='idle ' exec bash --norc --noprofile -i").await?;
        keys.until("idle ").await?;
        open.push(keys);
    }
    #[expect(clippy::cast_precision_loss, reason = "ten")]
    let each = |before: f64, after: f64| Figure::Bytes((after - before) / IDLE as f64);
    Ok([
        Row::new("an idle terminal: workspace-agent", each(before.0, machine::resident(agent)?)),
        Row::new(
            "an idle terminal with a viewer: control plane",
            each(before.1, machine::resident(control_plane)?),
        ),
    ])
}
