//! One value of every message and event, used by the snapshots and as seeds for the mangler.

use std::collections::BTreeMap;

use protocol::api::{ConversationView, Me, ModelAccess, Role};
use protocol::close::ErrorCode;
use protocol::event::*;
use protocol::fleet::{Act, Counts, FleetRequest, FleetRow, FromOperator, LastError, ToOperator, Totals};
use protocol::frame::{Chunk, TerminalFrame, encode_chunk, encode_events, encode_terminal};
use protocol::link::*;
use protocol::log::LogEnd;
use protocol::notice::{Notice, NoticeKind};
use protocol::outbox::{Item, ItemState, What};
use protocol::payload::Payload;
use protocol::prompt::*;
use protocol::settings::{Mode, ModelName, Settings};
use protocol::status::*;
use protocol::summary::{State, Summary};
use protocol::terminal::*;
use protocol::viewer::{self, Because, Cursor, FromServer, FromViewer, Request, Verdict};
use protocol::*;
use serde_json::json;
use uuid::Uuid;

pub(crate) fn conversation() -> ConversationId {
    ConversationId(Uuid::from_u128(0xC0))
}

pub(crate) fn item() -> ItemId {
    ItemId(Uuid::from_u128(0x17E))
}

pub(crate) fn terminal() -> TerminalId {
    TerminalId(Uuid::from_u128(0x7E))
}

fn terminal_view() -> TerminalView {
    TerminalView {
        id: terminal(),
        name: TerminalName::new("빌드").unwrap(),
        what: TerminalKind::Command { line: CommandLine::new("make test").unwrap() },
        size: Size { cols: 80, rows: 24 },
        opened_at: 1,
        life: 2,
        phase: TerminalPhase::Running { since: 2 },
        title: None,
        idle_until: None,
        recording: Some(Recording {
            file: "/workspace/recordings/a.cast".into(),
            on: false,
            trouble: Some("the disk is full".into()),
        }),
        end: 4096,
    }
}

pub(crate) fn person() -> Person {
    Person { id: UserId(Uuid::from_u128(0x5E)), name: "김하나".into(), token: None }
}

fn prompt_id() -> PromptId {
    PromptId::new("req-1").unwrap()
}

fn call() -> ToolUseId {
    ToolUseId::new("toolu_1").unwrap()
}

fn block() -> BlockId {
    BlockId::new("msg_1:0").unwrap()
}

fn text(text: &str) -> Payload {
    Payload::Text(text.into())
}

fn settings() -> Settings {
    Settings { model: ModelName::new("opus"), mode: Mode::AcceptEdits }
}

pub(crate) fn prompt() -> Prompt {
    Prompt {
        prompt: prompt_id(),
        ask: PromptKind::Permission,
        tool: "Bash".into(),
        subject: "touch made.txt".into(),
        input: Payload::Json(json!({ "command": "touch made.txt" })),
        tool_use: Some(call()),
        reason: Some("This command requires approval".into()),
        agent: None,
        suggestions: vec![
            Suggestion::Rules {
                rules: vec![Rule { tool: "Bash".into(), content: Some("touch made.txt".into()) }],
                reach: Reach::Workspace,
            },
            Suggestion::Mode { mode: Mode::AcceptEdits, reach: Reach::Session },
            Suggestion::Directories { directories: vec!["/srv".into()], reach: Reach::Session },
        ],
    }
}

/// One event of every kind. A new kind that is missing here fails `every_kind_has_a_sample`.
pub(crate) fn events() -> Vec<Event> {
    let (long, _) = Payload::text("x".repeat(40_000));
    let bodies = vec![
        EventBody::MessageTaken {
            item: item(),
            by: person(),
            content: text("hello"),
            steer: false,
            again_of: None,
        },
        EventBody::MessageStarted { item: item() },
        EventBody::MessageResent { item: item(), attempt: 1 },
        EventBody::MessageEnded { item: item(), how: MessageEnd::Stopped },
        EventBody::EpochBegan { held: vec![item()], lost: true },
        EventBody::Silent { step: SilentStep::Asked, for_ms: 120_000 },
        EventBody::MessageUnknown {
            item: item(),
            why: Unknown::ToolsCalled,
            tools: vec![OpenTool { tool_use: call(), tool: "Bash".into(), subject: "make".into() }],
        },
        EventBody::MessageContinued { message: item(), item: ItemId(Uuid::from_u128(2)), by: person() },
        EventBody::StopAsked { item: item(), by: person(), message: Some(item()) },
        EventBody::Text { block: block(), text: text("Hi."), parent: None, aborted: false },
        EventBody::Thinking { block: block(), text: text("Hm."), parent: Some(call()) },
        EventBody::ToolCall {
            block: block(),
            tool_use: call(),
            tool: "Write".into(),
            subject: "/workspace/a.txt".into(),
            input: long,
            parent: None,
        },
        EventBody::ToolResult {
            tool_use: call(),
            content: text("done"),
            details: Some(Payload::Json(json!({ "structuredPatch": [] }))),
            outcome: ToolOutcome::Ok,
            parent: None,
        },
        EventBody::PromptAsked(prompt()),
        EventBody::PromptAnswered {
            prompt: prompt_id(),
            item: item(),
            by: person(),
            decision: Decision::Allow { suggestion: Some(0), mode: None },
        },
        EventBody::PromptWithdrawn {
            prompt: prompt_id(),
            why: Withdrawal::LostWithProcess,
            answer_not_taken: true,
        },
        EventBody::Tasks {
            tasks: vec![Task { id: "1".into(), title: "Look".into(), status: TaskStatus::InProgress }],
        },
        EventBody::Background {
            tasks: vec![BackgroundTask {
                id: "b1".into(),
                task_type: "local_bash".into(),
                description: "ticker".into(),
            }],
        },
        EventBody::Result(TurnResult {
            items: vec![item()],
            outcome: Outcome::Failed,
            error: Some(TurnError { status: Some(529), text: "overloaded".into() }),
            duration_ms: 113,
            cost_usd: 0.25,
            usage: Usage { input: 10, output: 5, cache_read: 1, cache_write: 2 },
        }),
        EventBody::Retry { attempt: 1, max: 10, delay_ms: 520, status: None },
        EventBody::State { state: State::Waiting },
        EventBody::ProcessStarted {
            session: "s-1".into(),
            version: "2.1.330".into(),
            model: "claude-opus-5-5".into(),
            resumed: true,
        },
        EventBody::ProcessEnded { why: ProcessEnd::Died, detail: "killed by signal 9".into() },
        EventBody::SettingsChanged { settings: settings(), why: SettingsChange::Asked },
        EventBody::Compacted { before: 102, after: 2586 },
        EventBody::Cleared {},
        EventBody::TerminalOpened { terminal: Some(terminal()) },
        EventBody::TerminalTyped { row: "6f1c".into(), content: text("hello from the terminal") },
        EventBody::TerminalClosed {
            rows: 4,
            left_out: 0,
            row: Some("6f1c".into()),
            session: Some("7a".into()),
        },
        EventBody::Trouble { what: Trouble::LineDropped, detail: "33554433 bytes".into() },
        EventBody::Note { text: text("Compacted") },
        EventBody::Opaque { line: Payload::Json(json!({ "type": "new_thing" })) },
    ];
    (1..).zip(bodies).map(|(n, body)| Event { n, at: 1_700_000_000_000, body }).collect()
}

pub(crate) fn from_agent() -> Vec<FromAgent> {
    vec![
        FromAgent::Hello(Hello {
            boot: Uuid::from_u128(7),
            versions: versions(),
            capabilities: vec![],
            logs: vec![LogEnd { conversation: conversation(), end: Position { epoch: 1, n: 12 } }],
        }),
        FromAgent::Activity {
            conversation: conversation(),
            activity: Activity {
                what: ActivityKind::Retrying { attempt: 2, max: 10, until: 5, status: Some(529) },
                since: 1,
            },
        },
        FromAgent::Delta(Delta {
            conversation: conversation(),
            block: block(),
            what: LiveKind::ToolInput { tool: "Bash".into() },
            parent: None,
            at: 4,
            text: "tok1 ".into(),
        }),
        FromAgent::Retract { conversation: conversation(), block: Some(block()) },
        FromAgent::Settled {
            conversation: conversation(),
            item: item(),
            refused: Some(ErrorCode::PromptClosed),
        },
        FromAgent::Catalog(catalog()),
        FromAgent::Report(Report {
            user_free: 1,
            user_total: 2,
            state_free: 3,
            memory_used: 4,
            processes: 5,
        }),
        FromAgent::Terminals { terminals: vec![terminal_view()] },
        FromAgent::Terminal {
            terminal: TerminalView {
                what: TerminalKind::Claude { conversation: conversation() },
                phase: TerminalPhase::Killed { at: 3, signal: 9 },
                title: Some("빌드".into()),
                idle_until: Some(9),
                recording: None,
                ..terminal_view()
            },
        },
        FromAgent::TerminalGone { terminal: terminal(), why: TerminalEnd::Idle },
        FromAgent::TerminalDone { re: 7 },
        FromAgent::TerminalRefused {
            re: 8,
            code: ErrorCode::TooMany,
            message: "16 terminals are open".into(),
        },
    ]
}

pub(crate) fn from_control() -> Vec<FromControl> {
    let conversation = conversation();
    vec![
        FromControl::Welcome(Welcome {
            link: 3,
            logs: vec![LogEnd { conversation, end: Position { epoch: 1, n: 10 } }],
            policy: Policy {
                idle_ms: 900_000,
                max_processes: 6,
                allow_bypass: false,
                silent_ms: 180_000,
                terminal_idle_ms: 60_000,
            },
        }),
        FromControl::Stored { conversation, end: Position { epoch: 1, n: 12 } },
        FromControl::Deliver(Delivery {
            conversation,
            item: item(),
            by: person(),
            text: "안녕하세요".into(),
            steer: false,
            again_of: None,
            settings: settings(),
            known: Some(Position { epoch: 1, n: 12 }),
        }),
        FromControl::Answer {
            conversation,
            item: item(),
            by: person(),
            prompt: prompt_id(),
            decision: Decision::Answer { answers: BTreeMap::from([("Which?".into(), "Red".into())]) },
        },
        FromControl::Stop { conversation, item: item(), by: person(), message: None },
        FromControl::Continue {
            conversation,
            item: ItemId(Uuid::from_u128(2)),
            by: person(),
            message: item(),
            settings: Settings::default(),
            known: None,
        },
        FromControl::Configure {
            conversation,
            settings: settings(),
            known: Some(Position { epoch: 1, n: 12 }),
        },
        FromControl::Forget { conversation },
        FromControl::Terminal(TerminalRequest {
            re: 1,
            terminal: terminal(),
            act: TerminalAct::Open {
                name: TerminalName::new("shell").unwrap(),
                what: TerminalKind::Shell {},
                size: Size { cols: 80, rows: 24 },
            },
        }),
        FromControl::Terminal(TerminalRequest {
            re: 2,
            terminal: terminal(),
            act: TerminalAct::Watch { from: Some(4096), window: 65536 },
        }),
        FromControl::Terminal(TerminalRequest { re: 3, terminal: terminal(), act: TerminalAct::Snapshot {} }),
        FromControl::Terminal(TerminalRequest {
            re: 4,
            terminal: terminal(),
            act: TerminalAct::Restart { life: 2 },
        }),
        FromControl::Drain { back_in_ms: 500 },
    ]
}

pub(crate) fn from_viewer() -> Vec<Request> {
    let conversation = conversation();
    let (item, other) = (item(), ItemId(Uuid::from_u128(2)));
    let bodies = vec![
        FromViewer::Open {
            conversation,
            cursor: Some(Cursor { log: Position { epoch: 1, n: 12 }, outbox: 3, notice: 0 }),
        },
        FromViewer::Close { conversation },
        FromViewer::Send { conversation, item, text: "hello".into(), steer: false, again_of: None },
        FromViewer::Edit { conversation, item, version: 1, text: "hello!".into() },
        FromViewer::Cancel { conversation, item },
        FromViewer::Reorder { conversation, item, before: Some(other) },
        FromViewer::SendNow { conversation, item },
        FromViewer::Answer {
            conversation,
            item,
            prompt: prompt_id(),
            decision: Decision::Deny { message: Some("Not that way.".into()) },
        },
        FromViewer::Stop { conversation, item, message: Some(item) },
        FromViewer::Continue { conversation, item: other, message: item },
        FromViewer::Configure { conversation, settings: settings() },
        FromViewer::Terminal {
            terminal: terminal(),
            wish: TerminalWish::Attach { have: Some(4096), size: Some(Size { cols: 80, rows: 24 }) },
        },
        FromViewer::Terminal { terminal: terminal(), wish: TerminalWish::Record { on: true } },
        FromViewer::StartWorkspace {},
        FromViewer::StopWorkspace {},
    ];
    (1..).zip(bodies).map(|(re, body)| Request { re, body }).collect()
}

pub(crate) fn from_server() -> Vec<FromServer<'static>> {
    let conversation = conversation();
    vec![
        FromServer::Welcome(Box::new(viewer::Welcome {
            version: "0.1.0".into(),
            me: Me { id: person().id, name: person().name, role: Role::User },
            workspace: workspace(),
            conversations: vec![conversation_view()],
            more: false,
            model: ModelAccess::Ready { demo: true },
            catalog: Some(catalog()),
            modes: vec![Mode::Default, Mode::AcceptEdits, Mode::Plan],
        })),
        FromServer::Done { re: 4 },
        FromServer::Refused {
            re: 5,
            code: ErrorCode::TooLarge,
            message: "1048576 bytes".into(),
            back_in_ms: None,
        },
        FromServer::Refused {
            re: 6,
            code: ErrorCode::TooMany,
            message: "that was too often".into(),
            back_in_ms: Some(1000),
        },
        FromServer::Workspace { status: workspace() },
        FromServer::Conversation { conversation: conversation_view() },
        FromServer::ConversationDeleted { conversation },
        FromServer::Catalog { catalog: catalog() },
        FromServer::Model { access: ModelAccess::NoKey {} },
        FromServer::Opened {
            conversation,
            verdict: Verdict::Snapshot { because: Because::NewEpoch },
            from: 1,
            end: Position { epoch: 2, n: 9 },
        },
        FromServer::Events { conversation, epoch: 1, events: vec![] },
        FromServer::Outbox { conversation, rev: 9, items: vec![outbox_item()] },
        FromServer::Notices {
            conversation,
            notices: vec![Notice {
                m: 1,
                at: 2,
                after: Position { epoch: 1, n: 3 },
                what: NoticeKind::StartFailed { reason: Reason::with(ReasonCode::ImageMissing, "no image") },
            }],
        },
        FromServer::Activity {
            conversation,
            activity: Activity { what: ActivityKind::Requesting {}, since: 1 },
        },
        FromServer::Live {
            conversation,
            block: block(),
            what: LiveKind::Text {},
            parent: None,
            restart: false,
            text: "tok".into(),
        },
        FromServer::Terminals {
            you: ViewerId(Uuid::from_u128(0x51)),
            available: true,
            terminals: vec![Terminal {
                view: terminal_view(),
                owner: Some(ViewerId(Uuid::from_u128(0x51))),
                viewers: 2,
            }],
        },
        FromServer::TerminalGone { terminal: terminal(), why: TerminalEnd::Closed },
        FromServer::Retract { conversation, blocks: vec![block()] },
    ]
}

pub(crate) fn outbox_item() -> Item {
    Item {
        handed: true,
        id: item(),
        seq: 1,
        version: 1,
        rev: 9,
        by: person(),
        at: 2,
        after: Position { epoch: 1, n: 3 },
        what: What::Message { text: "hello".into(), steer: false, again_of: None },
        state: ItemState::Refused { code: ErrorCode::Unavailable },
    }
}

pub(crate) fn frames() -> Vec<Vec<u8>> {
    let lines: Vec<String> =
        events().iter().take(2).map(|event| serde_json::to_string(event).unwrap()).collect();
    vec![
        encode_events(conversation(), 1, 1, lines.iter().map(String::as_str)),
        encode_chunk(&Chunk {
            conversation: conversation(),
            digest: [0xAB; 32],
            index: 1,
            chunks: 2,
            bytes: b"body",
        }),
        encode_terminal(terminal(), &TerminalFrame::Output { offset: 4096, bytes: b"$ " }),
        encode_terminal(terminal(), &TerminalFrame::Input { source: 7, place: 3, bytes: b"ls\r" }),
        encode_terminal(
            terminal(),
            &TerminalFrame::Snapshot {
                offset: 4098,
                size: Size { cols: 80, rows: 24 },
                part: 0,
                parts: 1,
                bytes: b"\x1b[H$ ",
            },
        ),
        encode_terminal(terminal(), &TerminalFrame::Ack { offset: 4098 }),
        encode_terminal(terminal(), &TerminalFrame::Credit { offset: 69634 }),
        encode_terminal(terminal(), &TerminalFrame::Taken { source: 7, place: 6 }),
    ]
}

fn versions() -> Versions {
    Versions { workspace_agent: "0.1.0".into(), claude: "2.1.330".into() }
}

fn workspace() -> WorkspaceStatus {
    WorkspaceStatus {
        generation: 4,
        phase: Phase::Starting { stage: Stage::Enrol },
        since: 1,
        linked: false,
        versions: Some(versions()),
    }
}

fn conversation_view() -> ConversationView {
    ConversationView {
        id: conversation(),
        version: 2,
        title: "Plan".into(),
        created_at: 1,
        changed_at: 2,
        summary: Summary { state: State::Waiting, prompts: vec![prompt_id()], ..Summary::default() },
        waiting: 1,
        settings: settings(),
        granted_until: Some(3),
    }
}

fn catalog() -> Catalog {
    Catalog {
        models: vec![ModelOffer {
            model: ModelName::new("opus").unwrap(),
            name: "Opus".into(),
            description: "For hard things".into(),
        }],
        commands: vec![CommandOffer {
            name: "compact".into(),
            description: "Make room".into(),
            argument_hint: "[hint]".into(),
        }],
    }
}

pub(crate) fn from_operator() -> Vec<FleetRequest> {
    let workspace = WorkspaceId(Uuid::from_u128(0xF1));
    let bodies = vec![
        FromOperator::List { stopped: true },
        FromOperator::Act { workspace, seen: 7, act: Act::Stop },
        FromOperator::Act { workspace, seen: 7, act: Act::Restart },
        FromOperator::Ping {},
    ];
    (1..).zip(bodies).map(|(re, body)| FleetRequest { re, body }).collect()
}

pub(crate) fn to_operator() -> Vec<ToOperator> {
    let counts = Counts { total: 9, live: 3, working: 1, waiting: 1, not_responding: 0, prompts: 2 };
    let reason = Reason::with(ReasonCode::OutOfMemory, "last words");
    let row = FleetRow {
        workspace: WorkspaceId(Uuid::from_u128(0xF1)),
        user: person().id,
        name: person().name,
        email: Some("hana@example.com".into()),
        status: workspace(),
        round_trip_us: Some(420),
        conversations: Some(counts),
        last_error: Some(LastError { at: 5, reason: reason.clone() }),
    };
    let down = FleetRow {
        status: WorkspaceStatus {
            phase: Phase::Failed { reason },
            linked: false,
            versions: None,
            ..workspace()
        },
        email: None,
        round_trip_us: None,
        conversations: None,
        ..row.clone()
    };
    let totals = Totals { workspaces: 2, connected: 1 };
    vec![
        ToOperator::Welcome { version: "0.1.0".into() },
        ToOperator::Fleet { begin: true, more: false, rows: vec![row, down], gone: vec![], totals },
        ToOperator::Fleet {
            begin: false,
            more: true,
            rows: vec![],
            gone: vec![WorkspaceId(Uuid::from_u128(0xF2))],
            totals,
        },
        ToOperator::Done { re: 1 },
        ToOperator::Refused {
            re: 2,
            code: ErrorCode::Conflict,
            message: "it is being deleted".into(),
            back_in_ms: None,
        },
        ToOperator::Refused {
            re: 3,
            code: ErrorCode::TooMany,
            message: "that was too often".into(),
            back_in_ms: Some(1000),
        },
    ]
}
