//! Terminals with real programs, asked for as the hub asks. They run as a user of their own: these tests need root.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::TerminalId;
use protocol::close::ErrorCode;
use protocol::frame::{self, Frame, TerminalFrame};
use protocol::limits::{CREDIT_BYTES, INPUT_WINDOW_BYTES, RING_BYTES, TERMINALS};
use protocol::link::FromAgent;
use protocol::terminal::*;
use tempfile::TempDir;
use tokio::sync::Notify;
use uuid::Uuid;
use workspace_agent::config::Config;
use workspace_agent::process::{self, Processes};
use workspace_agent::terminal::{Terminals, Told};

const UID: u32 = 20_777;
const SIZE: Size = Size { cols: 80, rows: 24 };
/// How long anything may take, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

/// The far end of a link, and the workspace.
struct Hub {
    terminals: Arc<Terminals>,
    processes: Arc<Processes>,
    changed: Arc<Notify>,
    told: Told,
    re: u64,
    views: Vec<TerminalView>,
    gone: Vec<(TerminalId, TerminalEnd)>,
    answers: Vec<(u64, Option<ErrorCode>)>,
    /// What one terminal printed, as it was sent: the offset of the first byte, and all since.
    output: Option<(u64, Vec<u8>)>,
    snapshots: Vec<(u64, Size, Vec<u8>)>,
    parts: Vec<u8>,
    taken: Vec<(u64, u64)>,
    home: TempDir,
}

fn terminal(n: u128) -> TerminalId {
    TerminalId(Uuid::from_u128(n))
}

fn command(line: &str) -> TerminalKind {
    TerminalKind::Command { line: CommandLine::new(line).unwrap() }
}

impl Hub {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = home.path().join("workspace-agent");
        std::fs::copy(env!("CARGO_BIN_EXE_workspace-agent"), &program).unwrap();
        for folder in ["home", "workspace"] {
            std::fs::create_dir(home.path().join(folder)).unwrap();
            chown(home.path().join(folder), Some(UID), Some(UID)).unwrap();
        }
        let config = Config {
            link: String::new(),
            uid: UID,
            nproc: 448,
            user_name: "user".to_owned(),
            home: home.path().join("home"),
            workspace: home.path().join("workspace"),
            state: home.path().to_owned(),
            claude: "/nowhere/claude".into(),
            model_port: 0,
            program: Some(program),
        };
        let (processes, changed) = (Arc::new(Processes::default()), Arc::new(Notify::new()));
        let (lender, _) = tokio::sync::mpsc::channel(1);
        let terminals =
            Terminals::new(Arc::new(config), Arc::clone(&processes), Arc::clone(&changed), lender);
        Self {
            terminals,
            processes,
            changed,
            told: Told::default(),
            re: 0,
            views: Vec::new(),
            gone: Vec::new(),
            answers: Vec::new(),
            output: None,
            snapshots: Vec::new(),
            parts: Vec::new(),
            taken: Vec::new(),
            home,
        }
    }

    fn say(&mut self, terminal: TerminalId, act: TerminalAct) -> u64 {
        self.re += 1;
        self.terminals.take(TerminalRequest { re: self.re, terminal, act });
        self.re
    }

    /// Wants something and waits for the answer.
    async fn ask(&mut self, terminal: TerminalId, act: TerminalAct) -> Option<ErrorCode> {
        let re = self.say(terminal, act);
        self.until("an answer", |hub| hub.answers.iter().any(|(answered, _)| *answered == re)).await;
        self.answers.iter().find(|(answered, _)| *answered == re).unwrap().1
    }

    async fn open(&mut self, id: TerminalId, what: TerminalKind) {
        let name = TerminalName::new("한 이름/..").unwrap();
        assert_eq!(self.ask(id, TerminalAct::Open { name, what, size: SIZE }).await, None);
    }

    async fn watch(&mut self, id: TerminalId, from: Option<u64>, window: u32) {
        self.output = None;
        self.snapshots.clear();
        assert_eq!(self.ask(id, TerminalAct::Watch { from, window }).await, None);
    }

    fn type_in(&self, id: TerminalId, source: u64, place: u64, bytes: &[u8]) {
        for (n, piece) in (0u64..).zip(bytes.chunks(4096)) {
            self.terminals.frame(id, TerminalFrame::Input { source, place: place + n * 4096, bytes: piece });
        }
    }

    /// Hears what there is to hear.
    fn hear(&mut self) {
        let (messages, frames) = self.terminals.news(&mut self.told);
        for message in messages {
            match message {
                FromAgent::Terminals { terminals } => self.views = terminals,
                FromAgent::Terminal { terminal } => {
                    self.views.retain(|view| view.id != terminal.id);
                    self.views.push(terminal);
                }
                FromAgent::TerminalGone { terminal, why } => {
                    self.views.retain(|view| view.id != terminal);
                    self.gone.push((terminal, why));
                }
                FromAgent::TerminalDone { re } => self.answers.push((re, None)),
                FromAgent::TerminalRefused { re, code, .. } => self.answers.push((re, Some(code))),
                other => panic!("{other:?}"),
            }
        }
        for frame in frames {
            self.hear_frame(&frame);
        }
        while let Some(frame) = self.terminals.next_frame(&mut self.told) {
            self.hear_frame(&frame);
        }
    }

    fn hear_frame(&mut self, bytes: &[u8]) {
        let Ok(Frame::Terminal(id, frame)) = frame::decode(bytes) else { panic!("no frame of a terminal") };
        match frame {
            TerminalFrame::Output { offset, bytes } => {
                let (first, all) = self.output.get_or_insert_with(|| (offset, Vec::new()));
                assert_eq!(*first + all.len() as u64, offset, "output has a gap");
                all.extend_from_slice(bytes);
            }
            TerminalFrame::Snapshot { offset, size, part, parts, bytes } => {
                self.parts.extend_from_slice(bytes);
                if part + 1 == parts {
                    self.snapshots.push((offset, size, std::mem::take(&mut self.parts)));
                    self.output = None;
                }
            }
            TerminalFrame::Taken { source, place } => self.taken.push((source, place)),
            other => panic!("{id}: {other:?}"),
        }
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                self.hear();
                if done(self) {
                    return;
                }
                self.changed.notified().await;
            }
        });
        if found.await.is_err() {
            panic!("{what} did not come: {:?} {:?}, printed {:?}", self.views, self.answers, self.printed());
        }
    }

    fn printed(&self) -> String {
        let (_, bytes) = self.output.clone().unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2000)..]).into_owned()
    }

    async fn shows(&mut self, text: &str) {
        self.until(text, |hub| hub.printed().contains(text)).await;
    }

    fn phase(&self, id: TerminalId) -> Option<&TerminalPhase> {
        self.views.iter().find(|view| view.id == id).map(|view| &view.phase)
    }

    async fn ended(&mut self, id: TerminalId) -> TerminalPhase {
        let over = |phase: &TerminalPhase| {
            !matches!(phase, TerminalPhase::Running { .. } | TerminalPhase::Waiting {})
        };
        self.until("its end", |hub| hub.phase(id).is_some_and(over)).await;
        self.phase(id).unwrap().clone()
    }

    /// Waits until everything that was printed is here. Credit is given as it comes.
    async fn follow(&mut self, id: TerminalId) {
        let over =
            |hub: &Self| hub.phase(id).is_some_and(|phase| matches!(phase, TerminalPhase::Exited { .. }));
        loop {
            let end = self.end();
            self.terminals.frame(id, TerminalFrame::Credit { offset: end + CREDIT_BYTES as u64 });
            self.until("more", |hub| hub.end() > end || over(hub) && hub.last_words()).await;
            if over(self) && self.last_words() {
                return;
            }
        }
    }

    /// Whether the last of `seq`'s numbers is printed.
    fn last_words(&self) -> bool {
        self.printed().ends_with("\n200000\r\n")
    }

    fn end(&self) -> u64 {
        self.output.as_ref().map_or(0, |(first, bytes)| first + bytes.len() as u64)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_is_the_users_and_answers_what_is_typed() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    hub.open(id, TerminalKind::Shell {}).await;
    hub.watch(id, Some(0), 65_536).await;
    let say = b"stty size; echo $TERM $COLORTERM $LANG; id -u; pwd; test -O $(tty) && echo own-$((1+1)); echo '\xed\x95\x9c\xea\xb8\x80'\r";
    hub.type_in(id, 7, 0, say);
    hub.shows("한글\r\n").await;
    let printed = hub.printed();
    for expected in
        ["24 80\r\n", "xterm-256color truecolor C.UTF-8", &UID.to_string(), "/workspace\r\n", "own-2"]
    {
        assert!(printed.contains(expected), "{expected} is not in {printed}");
    }
    // A repeat changes nothing, and is answered.
    hub.taken.clear();
    hub.type_in(id, 7, 0, say);
    hub.until("how far it is taken", |hub| hub.taken.contains(&(7, say.len() as u64))).await;
    hub.type_in(id, 7, say.len() as u64, b"exit 3\r");
    assert!(matches!(hub.ended(id).await, TerminalPhase::Exited { code: 3, .. }));
    assert_eq!(hub.printed().matches("own-2").count(), 1);
    // A restart names the life that it saw, and goes on in the same stream.
    assert_eq!(hub.ask(id, TerminalAct::Restart { life: 1 }).await, None);
    assert_eq!(hub.ask(id, TerminalAct::Restart { life: 1 }).await, None);
    hub.until("its second life", |hub| matches!(hub.phase(id), Some(TerminalPhase::Running { .. }))).await;
    hub.type_in(id, 8, 0, b"echo again-$((2+3))\r");
    hub.shows("again-5").await;
    assert_eq!(hub.views[0].life, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_nobody_watches_never_waits_and_is_shown_by_a_snapshot() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    hub.open(
        id,
        command("head -c 20000000 /dev/zero | base64; printf '\\e[2J\\e[Hlast \\e[1mwords'; exit 0"),
    )
    .await;
    assert!(matches!(hub.ended(id).await, TerminalPhase::Exited { code: 0, .. }));
    hub.watch(id, Some(0), 65_536).await;
    hub.until("a snapshot", |hub| !hub.snapshots.is_empty()).await;
    let (offset, size, bytes) = hub.snapshots[0].clone();
    assert!(offset > 26_000_000 && size == SIZE, "{offset}");
    let mut screen = workspace_agent::terminal::screen::Screen::new(size);
    screen.feed(&bytes);
    // What followed the snapshot belongs to it.
    hub.hear();
    screen.feed(&hub.output.clone().unwrap_or_default().1);
    assert_eq!(screen.text()[0], "last words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_terminal_prints_as_far_as_its_credit_and_loses_nothing() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    hub.open(id, command("read; seq 1 200000")).await;
    hub.watch(id, Some(0), 32_768).await;
    hub.type_in(id, 1, 0, b"\r");
    hub.until("all that there is credit for", |hub| hub.end() == 32_768).await;
    hub.follow(id).await;
    let (first, bytes) = hub.output.clone().unwrap();
    let expected: String = (1..=200_000).map(|n| format!("{n}\r\n")).collect();
    assert_eq!(first, 0);
    assert!(String::from_utf8(bytes).unwrap().ends_with(&expected));
    // A link that comes back goes on where the last one ended, as long as the ring has it.
    let end = hub.end();
    hub.terminals.unwatch_all();
    hub.watch(id, Some(end - RING_BYTES as u64 / 2), 1024).await;
    hub.until("the rest", |hub| hub.end() > end - RING_BYTES as u64 / 2).await;
    assert!(hub.snapshots.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_answered_once_whoever_watches() {
    let ask = "stty raw -echo; printf '\\e[6n'; head -c 6 | od -An -c; stty sane; read -t 1 -n 1 more && echo twice; echo over";
    for watched in [false, true] {
        let (mut hub, id) = (Hub::new(), terminal(1));
        hub.open(id, command(ask)).await;
        if watched {
            hub.watch(id, Some(0), 65_536).await;
        }
        hub.ended(id).await;
        hub.watch(id, Some(0), 65_536).await;
        hub.shows("over").await;
        let printed = hub.printed();
        assert!(printed.contains("033   [   1   ;   1   R"), "{printed}");
        assert!(!printed.contains("twice"), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_acts_under_a_flood_and_past_input_that_nobody_reads() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    hub.open(id, command("exec yes")).await;
    hub.watch(id, Some(0), 4096).await;
    hub.until("some output", |hub| hub.end() == 4096).await;
    hub.type_in(id, 1, 0, b"\x03");
    assert!(matches!(hub.ended(id).await, TerminalPhase::Killed { signal: 2, .. }));

    let id = terminal(2);
    hub.open(id, command("stty -icanon; echo ready; exec sleep 1000")).await;
    hub.watch(id, Some(0), 65_536).await;
    hub.shows("ready").await;
    let flood = vec![b'x'; INPUT_WINDOW_BYTES - 100];
    hub.type_in(id, 1, 0, &flood);
    hub.type_in(id, 1, flood.len() as u64, b"\x03");
    assert!(matches!(hub.ended(id).await, TerminalPhase::Killed { signal: 2, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_whatever_descends_from_a_terminal() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    let stubborn = "trap '' HUP TERM; (trap '' HUP TERM; setsid sleep 1001 & sleep 1002) & echo started; while :; do sleep 1003; done";
    hub.open(id, command(stubborn)).await;
    hub.watch(id, Some(0), 65_536).await;
    hub.shows("started").await;
    let bomb = terminal(2);
    hub.open(bomb, command("bomb() { bomb | bomb & }; bomb; sleep 1004")).await;
    for id in [id, bomb] {
        assert_eq!(hub.ask(id, TerminalAct::Close {}).await, None);
        hub.until("its end", |hub| hub.gone.contains(&(id, TerminalEnd::Closed))).await;
        // A second time changes nothing.
        assert_eq!(hub.ask(id, TerminalAct::Close {}).await, None);
    }
    assert_eq!(stubborn_processes(), 0);
    hub.processes.all_gone().await;
}

/// How many processes there are of those that [`closing_ends_whatever_descends_from_a_terminal`] starts, known by what they say of
/// themselves: other tests, which run beside it, have some of the same user.
fn stubborn_processes() -> usize {
    let names = ["sleep\x001001", "sleep\x001002", "sleep\x001003", "sleep\x001004", "bomb"];
    let is_one = |entry: &std::fs::DirEntry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        entry.metadata().is_ok_and(|meta| meta.uid() == UID) && names.iter().any(|name| line.contains(name))
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter(is_one).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_or_bounded() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    let name = TerminalName::new("x").unwrap();
    let open = |what| TerminalAct::Open { name: name.clone(), what, size: Size { cols: 0, rows: 65_535 } };
    assert_eq!(hub.ask(id, open(TerminalKind::Other)).await, Some(ErrorCode::Invalid));
    assert_eq!(hub.ask(id, TerminalAct::Other).await, Some(ErrorCode::Invalid));
    assert_eq!(hub.ask(id, TerminalAct::Snapshot {}).await, Some(ErrorCode::NotFound));
    for n in 1..=TERMINALS as u128 {
        assert_eq!(hub.ask(terminal(n), open(command("sleep 1005"))).await, None);
    }
    assert_eq!(hub.ask(terminal(99), open(command("true"))).await, Some(ErrorCode::TooMany));
    // One that is there is there.
    assert_eq!(hub.ask(id, open(command("true"))).await, None);
    assert_eq!(hub.views.iter().find(|view| view.id == id).unwrap().size, Size { cols: 2, rows: 200 });
    for n in 0..10_000u32 {
        hub.say(id, TerminalAct::Resize { size: Size { cols: n as u16, rows: (n * 7) as u16 } });
    }
    // Input that nobody reads is not taken without end.
    for n in 0..100 {
        hub.type_in(id, 5, n * 4096, &[b'x'; 4096]);
    }
    assert_eq!(hub.ask(id, TerminalAct::Restart { life: 1 }).await, Some(ErrorCode::Conflict));
    hub.terminals.leave();
    hub.until("the end of all", |hub| hub.views.is_empty()).await;
    assert_eq!(hub.gone.iter().filter(|(_, why)| *why == TerminalEnd::Stopped).count(), TERMINALS);
    assert_eq!(hub.ask(terminal(100), open(command("true"))).await, Some(ErrorCode::Unavailable));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_idles_for_too_long_is_closed_unless_somebody_watches() {
    let mut hub = Hub::new();
    let (left, watched) = (terminal(1), terminal(2));
    hub.open(watched, command("sleep 1006")).await;
    hub.watch(watched, Some(0), 1024).await;
    hub.terminals.set_idle(400);
    hub.open(left, command("sleep 1007")).await;
    hub.until("its end", |hub| hub.gone.contains(&(left, TerminalEnd::Idle))).await;
    assert!(matches!(hub.phase(watched), Some(TerminalPhase::Running { .. })));
    assert_eq!(hub.views[0].idle_until, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_the_users_and_can_be_played() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    hub.open(id, command("echo there before; read; echo recorded 한글; read")).await;
    hub.watch(id, Some(0), 65_536).await;
    hub.shows("there before").await;
    assert_eq!(hub.ask(id, TerminalAct::Record { on: true }).await, None);
    hub.type_in(id, 1, 0, b"\r");
    hub.shows("recorded 한글").await;
    assert_eq!(hub.ask(id, TerminalAct::Resize { size: Size { cols: 100, rows: 30 } }).await, None);
    hub.until("the new size", |hub| hub.views[0].size.cols == 100).await;
    assert_eq!(hub.ask(id, TerminalAct::Record { on: false }).await, None);
    hub.until("that it is over", |hub| {
        hub.views[0].recording.as_ref().is_some_and(|recording| !recording.on)
    })
    .await;
    let recording = hub.views[0].recording.clone().unwrap();
    let file = Path::new(&recording.file);
    assert!(file.starts_with(hub.home.path().join("workspace/recordings")), "{}", recording.file);
    assert_eq!(std::fs::metadata(file).unwrap().uid(), UID);
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["version"], &lines[0]["width"]), (&2.into(), &80.into()));
    let events = |kind: &str| -> String {
        lines[1..].iter().filter(|event| event[1] == kind).map(|event| event[2].as_str().unwrap()).collect()
    };
    // It begins with the screen as it was.
    assert!(lines[1][2].as_str().unwrap().contains("there before"), "{text}");
    assert!(events("o").contains("recorded 한글"));
    assert_eq!(events("r"), "100x30");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resize_to_the_same_size_makes_programs_draw_anew() {
    let (mut hub, id) = (Hub::new(), terminal(1));
    hub.open(id, command("trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done")).await;
    hub.watch(id, Some(0), 65_536).await;
    hub.shows("ready").await;
    assert_eq!(hub.ask(id, TerminalAct::Resize { size: SIZE }).await, None);
    hub.shows("24 80").await;
    assert!(process::count() > 0);
}
