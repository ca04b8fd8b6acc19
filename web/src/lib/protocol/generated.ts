// Generated from the Rust crate `protocol` by its test `typescript`. Not to be edited by hand.

/** Why a socket was closed. */
export const CloseCode = {
  Protocol: 4000,
  Version: 4001,
  SignedOut: 4002,
  Revoked: 4003,
  Superseded: 4004,
  Draining: 4005,
  TooLarge: 4006,
  Silent: 4007,
  Internal: 4008,
} as const;

/** How many terminals a workspace may have. */
export const TERMINALS = 16;

/** The most bytes that are under way to a viewer that acknowledges. */
export const CREDIT_BYTES = 524288;

/** The most bytes of one input frame. */
export const INPUT_BYTES = 16384;

/** The most input that may be under way. */
export const INPUT_WINDOW_BYTES = 65536;

/** How many lines above the screen a snapshot has at most. */
export const SCROLLBACK_LINES = 1000;

/** The fewest columns. */
export const MIN_COLS = 2;

/** The most columns. */
export const MAX_COLS = 500;

/** The fewest rows. */
export const MIN_ROWS = 1;

/** The most rows. */
export const MAX_ROWS = 200;

/** The largest message a person may send, in bytes of UTF-8. */
export const MESSAGE_BYTES = 262144;

/** The largest answer to a prompt, in bytes of JSON. */
export const DECISION_BYTES = 49152;

/** The WebSocket subprotocol. */
export const SUBPROTOCOL = "atelier.v1";

/**
 * What an operator can do to a workspace. Its data is kept.
 */
export type Act = "stop" | "restart";

/**
 * What a conversation is doing right now, beyond its log.
 */
export type Activity = { 
/**
 * What.
 */
what: ActivityKind, 
/**
 * Since when.
 */
since: number, };

/**
 * What a conversation is doing right now.
 */
export type ActivityKind = { "type": "none", } | { "type": "queued", } | { "type": "starting", } | { "type": "requesting", } | { "type": "responding", } | { "type": "tool", 
/**
 * The tool.
 */
tool: string, } | { "type": "retrying", 
/**
 * Which try comes next.
 */
attempt: number, 
/**
 * How many there will be.
 */
max: number, 
/**
 * When.
 */
until: number, 
/**
 * The API's HTTP status, if it answered.
 */
status?: number, } | { "type": "compacting", } | { "type": "stopping", } | { "type": "disk_full", } | { "type": "in_terminal", 
/**
 * Which one; none for a `claude` that somebody started by hand.
 */
terminal?: TerminalId, } | { "type": "other" };

/**
 * Every refusal of the REST API.
 */
export type ApiError = { 
/**
 * Why.
 */
code: ErrorCode, 
/**
 * For logs and scripts; the page has words of its own.
 */
message: string, 
/**
 * Finds the request in the server's log.
 */
request_id: string, };

/**
 * Deeds, the newest first.
 */
export type AuditRows = { 
/**
 * They. A page may be short, or empty, and have more after it.
 */
rows: Array<AuditView>, 
/**
 * What the users among those who acted are called.
 */
names: { [key in string]: string }, 
/**
 * Give this as `before` to go on; absent on the last page.
 */
next?: number, };

/**
 * One deed.
 */
export type AuditView = { 
/**
 * Its number. Numbers only grow, and none is used twice.
 */
n: number, 
/**
 * When.
 */
at: number, 
/**
 * Who: a user's id, or what else acted.
 */
who: string, 
/**
 * What kind of deed.
 */
kind: string, 
/**
 * To what: a user, a workspace, a conversation, a token.
 */
object: string, 
/**
 * What else is to be known of it.
 */
detail: unknown, };

/**
 * Something that runs on while the conversation doesn't wait for it.
 */
export type BackgroundTask = { 
/**
 * The CLI's id for it.
 */
id: string, 
/**
 * `local_bash`, `local_agent` and others that may come.
 */
task_type: string, 
/**
 * What it is, in the CLI's words.
 */
description: string, };

/**
 * Why a viewer gets a snapshot.
 */
export type Because = "first" | "too_far_behind" | "new_epoch" | "ahead";

/**
 * One block of Claude's answer: the API's message id and the block's index in it. Live text carries it,
 * and the finished block that replaces the live text carries the same.
 */
export type BlockId = string;

/**
 * A body's SHA-256, in lower-case hexadecimal: its name within its conversation.
 */
export type BodyDigest = string;

/**
 * What the CLI offers.
 */
export type Catalog = { 
/**
 * The models it would take.
 */
models: Array<ModelOffer>, 
/**
 * Commands that a message may begin with, without the slash.
 */
commands: Array<CommandOffer>, };

/**
 * What a viewer shows where a program sets no colour, each as `0xRRGGBB`.
 */
export type Colors = { 
/**
 * Text.
 */
text: number, 
/**
 * The background.
 */
background: number, 
/**
 * The cursor.
 */
cursor: number, };

/**
 * A command line, for the user's shell.
 */
export type CommandLine = string;

/**
 * One command.
 */
export type CommandOffer = { 
/**
 * Its name.
 */
name: string, 
/**
 * What it does, in the CLI's words.
 */
description: string, 
/**
 * What may follow it.
 */
argument_hint: string, };

/**
 * One continuing dialogue with Claude.
 */
export type ConversationId = string;

/**
 * A page of conversations, newest change first.
 */
export type ConversationPage = { 
/**
 * The conversations.
 */
conversations: Array<ConversationView>, 
/**
 * Give this as `after` to get the next page; absent on the last.
 */
next?: ConversationId, };

/**
 * A conversation, as the list shows it.
 */
export type ConversationView = { 
/**
 * Its id.
 */
id: ConversationId, 
/**
 * Counts changes of this view: keep the highest.
 */
version: number, 
/**
 * Its title; empty until it has a message.
 */
title: string, 
/**
 * When it was made.
 */
created_at: number, 
/**
 * When it last changed. Pages of the list are in this order, newest first.
 */
changed_at: number, 
/**
 * What its log comes to.
 */
summary: Summary, 
/**
 * Messages that wait in its outbox.
 */
waiting: number, 
/**
 * What it is set to run with. The log's settings follow.
 */
settings: Settings, 
/**
 * Until when its owner lets operators read it; that may be over.
 */
granted_until?: number, };

/**
 * How many conversations of a workspace are in which state.
 */
export type Counts = { 
/**
 * All of them.
 */
total: number, 
/**
 * Those with a Claude process.
 */
live: number, 
/**
 * Those whose turn runs.
 */
working: number, 
/**
 * Those whose turn waits for a person.
 */
waiting: number, 
/**
 * Those whose turn shows no sign of life.
 */
not_responding: number, 
/**
 * Open prompts, in all of them.
 */
prompts: number, };

/**
 * A request to make a conversation.
 */
export type CreateConversation = { 
/**
 * Its id, made by the client. Asking again changes nothing.
 */
id?: ConversationId, 
/**
 * Its title; otherwise its first message gives one.
 */
title?: Title, 
/**
 * What it runs with.
 */
settings: Settings, };

/**
 * A request to make a token.
 */
export type CreateToken = { 
/**
 * What to call it.
 */
name: TokenName, 
/**
 * What it may be used for; at least one.
 */
scopes: Array<Scope>, 
/**
 * How many days it is good: at most [`TOKEN_DAYS`], and [`ANSWER_DAYS`] with [`Scope::Answer`].
 */
days: number, };

/**
 * A request to sign in by an ID token that the browser got from the identity provider.
 */
export type CredentialSignIn = { 
/**
 * The ID token.
 */
credential: string, };

/**
 * How far a viewer has followed a conversation: one number for each of its three streams.
 */
export type Cursor = { 
/**
 * The log.
 */
log: Position, 
/**
 * The outbox's revision.
 */
outbox: number, 
/**
 * The notices.
 */
notice: number, };

/**
 * Content that was too long for its event.
 */
export type Cut = { 
/**
 * What the body is.
 */
media: Media, 
/**
 * Its beginning.
 */
head: string, 
/**
 * Its end.
 */
tail: string, 
/**
 * Its length in bytes.
 */
bytes: number, 
/**
 * Its name.
 */
digest: BodyDigest, 
/**
 * How many chunks hold it.
 */
chunks: number, };

/**
 * A person's answer to a prompt.
 */
export type Decision = { "type": "allow", 
/**
 * Which of the prompt's suggestions to take with it.
 */
suggestion?: number, 
/**
 * For a plan: the permission mode to go on in.
 */
mode?: Mode, } | { "type": "deny", 
/**
 * What to tell Claude instead.
 */
message?: string, } | { "type": "answer", 
/**
 * The answers; what is missing counts as not answered.
 */
answers: { [key in string]: string }, } | { "type": "form", 
/**
 * The values by property.
 */
content: Record<string, unknown>, };

/**
 * Why a request was refused. The page has a sentence for each in every language; the text beside it is for logs
 * and scripts.
 */
export type ErrorCode = "invalid" | "signed_out" | "forbidden" | "not_found" | "conflict" | "too_large" | "too_many" | "unavailable" | "prompt_closed" | "internal";

/**
 * One numbered event.
 */
export type Event = { 
/**
 * Its number. Numbers of one conversation have no holes and no repeats, across epochs too.
 */
n: number, 
/**
 * When the workspace-agent wrote it.
 */
at: number, } & ({ "kind": "message_taken", 
/**
 * The message.
 */
item: ItemId, 
/**
 * Who sent it.
 */
by: Person, 
/**
 * What it says.
 */
content: Payload, 
/**
 * It goes into the running turn instead of starting one.
 */
steer?: boolean, 
/**
 * The message whose fate is unknown and which this one repeats.
 */
again_of?: ItemId, } | { "kind": "message_started", 
/**
 * The message.
 */
item: ItemId, } | { "kind": "message_resent", 
/**
 * The message.
 */
item: ItemId, 
/**
 * How often it has been given again, counting from 1.
 */
attempt: number, } | { "kind": "message_ended", 
/**
 * The message.
 */
item: ItemId, 
/**
 * How.
 */
how: MessageEnd, } | { "kind": "message_unknown", 
/**
 * The message.
 */
item: ItemId, 
/**
 * Why nobody knows.
 */
why: Unknown, 
/**
 * The calls that had begun and whose outcome is not known.
 */
tools: Array<OpenTool>, } | { "kind": "message_continued", 
/**
 * The message.
 */
message: ItemId, 
/**
 * The request's own id in the outbox.
 */
item: ItemId, 
/**
 * Who.
 */
by: Person, } | { "kind": "stop_asked", 
/**
 * The stop's own id in the outbox.
 */
item: ItemId, 
/**
 * Who.
 */
by: Person, 
/**
 * The message that it was for; none for a turn that Claude began by itself.
 */
message?: ItemId, } | { "kind": "text", 
/**
 * The block; replaces live text of the same id.
 */
block: BlockId, 
/**
 * Markdown.
 */
text: Payload, 
/**
 * The sub-agent's call that it belongs to.
 */
parent?: ToolUseId, 
/**
 * Cut off by a stop.
 */
aborted?: boolean, } | { "kind": "thinking", 
/**
 * The block; replaces live text of the same id.
 */
block: BlockId, 
/**
 * Plain text; empty when the model doesn't show it.
 */
text: Payload, 
/**
 * The sub-agent's call that it belongs to.
 */
parent?: ToolUseId, } | { "kind": "tool_call", 
/**
 * The block; replaces live input of the same id.
 */
block: BlockId, 
/**
 * The call.
 */
tool_use: ToolUseId, 
/**
 * The tool.
 */
tool: string, 
/**
 * What it acts on, in one line.
 */
subject: string, 
/**
 * Everything it is given.
 */
input: Payload, 
/**
 * The sub-agent's call that it belongs to.
 */
parent?: ToolUseId, } | { "kind": "tool_result", 
/**
 * The call.
 */
tool_use: ToolUseId, 
/**
 * What Claude is told.
 */
content: Payload, 
/**
 * The tool's own, structured account (a patch, for an edit), without copies of whole files.
 */
details?: Payload, 
/**
 * How it ended.
 */
outcome: ToolOutcome, 
/**
 * The sub-agent's call that it belongs to.
 */
parent?: ToolUseId, } | { "kind": "prompt_asked" } & Prompt | { "kind": "prompt_answered", 
/**
 * The prompt.
 */
prompt: PromptId, 
/**
 * The answer's own id in the outbox.
 */
item: ItemId, 
/**
 * Who.
 */
by: Person, 
/**
 * What.
 */
decision: Decision, } | { "kind": "prompt_withdrawn", 
/**
 * The prompt.
 */
prompt: PromptId, 
/**
 * Why.
 */
why: Withdrawal, 
/**
 * A person had answered, but Claude had not taken the answer.
 */
answer_not_taken?: boolean, } | { "kind": "tasks", 
/**
 * All of them, in order.
 */
tasks: Array<Task>, } | { "kind": "background", 
/**
 * All of it.
 */
tasks: Array<BackgroundTask>, } | { "kind": "result" } & TurnResult | { "kind": "retry", 
/**
 * Which try this will be, counting from 1.
 */
attempt: number, 
/**
 * How many there will be at most.
 */
max: number, 
/**
 * How long the CLI waits before it.
 */
delay_ms: number, 
/**
 * The HTTP status, if there was an answer at all.
 */
status?: number, } | { "kind": "state", 
/**
 * The new state.
 */
state: State, } | { "kind": "process_started", 
/**
 * The CLI's session id.
 */
session: string, 
/**
 * The CLI's version.
 */
version: string, 
/**
 * The model that it uses, by its full name.
 */
model: string, 
/**
 * It took up an earlier session.
 */
resumed: boolean, } | { "kind": "process_ended", 
/**
 * Why.
 */
why: ProcessEnd, 
/**
 * The exit status in words, and what it last said on its error stream.
 */
detail: string, } | { "kind": "settings_changed", 
/**
 * All settings, as they are now.
 */
settings: Settings, 
/**
 * Why.
 */
why: SettingsChange, } | { "kind": "terminal_opened", 
/**
 * In which terminal; none: somebody started `claude` by hand.
 */
terminal?: TerminalId, } | { "kind": "terminal_closed", 
/**
 * Rows of the session's record that became events.
 */
rows: number, 
/**
 * Rows that did not: more than is taken, or not to be read.
 */
left_out: number, 
/**
 * The last row that was looked at. What was added is looked for behind it the next time.
 */
row?: string, 
/**
 * The CLI's session from here on, if it is another one: `/clear` begins one.
 */
session?: string, } | { "kind": "terminal_typed", 
/**
 * The row's id.
 */
row: string, 
/**
 * What was typed.
 */
content: Payload, } | { "kind": "compacted", 
/**
 * Tokens before.
 */
before: number, 
/**
 * Tokens after.
 */
after: number, } | { "kind": "cleared", } | { "kind": "trouble", 
/**
 * What.
 */
what: Trouble, 
/**
 * In words, for whoever mends it.
 */
detail: string, } | { "kind": "epoch_began", 
/**
 * The messages that are in the workspace still. What became of any other that was delivered, nobody knows.
 */
held: Array<ItemId>, 
/**
 * Events are known to be lost.
 */
lost: boolean, } | { "kind": "silent", 
/**
 * What.
 */
step: SilentStep, 
/**
 * For how long nothing was heard.
 */
for_ms: number, } | { "kind": "note", 
/**
 * What.
 */
text: Payload, } | { "kind": "opaque", 
/**
 * The line.
 */
line: Payload, });

/**
 * From an operator: what they want, and a number of their own by which they are told how that went.
 */
export type FleetRequest = { 
/**
 * Named in the [`ToOperator::Done`] or [`ToOperator::Refused`] that follows.
 */
re: number, } & ({ "type": "list", 
/**
 * With them.
 */
stopped: boolean, } | { "type": "act", 
/**
 * Which workspace.
 */
workspace: WorkspaceId, 
/**
 * The generation of the status that the operator saw.
 */
seen: number, 
/**
 * What to do.
 */
act: Act, } | { "type": "ping", });

/**
 * A workspace, as operators see it.
 */
export type FleetRow = { 
/**
 * Which.
 */
workspace: WorkspaceId, 
/**
 * Whose.
 */
user: UserId, 
/**
 * What they are called.
 */
name: string, 
/**
 * Their e-mail address, if one is known.
 */
email?: string, 
/**
 * The workspace's state, why, since when, its link and its versions.
 */
status: WorkspaceStatus, 
/**
 * How long the last ping on its link took, there and back, in microseconds; absent while it is not linked.
 */
round_trip_us?: number, 
/**
 * Its conversations; absent until they are counted, and while it does not run.
 */
conversations?: Counts, 
/**
 * What last went wrong with it, as far as this control plane remembers.
 */
last_error?: LastError, };

/**
 * From the control plane.
 */
export type FromServer = { "type": "welcome" } & Welcome | { "type": "done", 
/**
 * Which request.
 */
re: number, } | { "type": "refused", 
/**
 * Which request.
 */
re: number, 
/**
 * Why.
 */
code: ErrorCode, 
/**
 * For logs and scripts.
 */
message: string, 
/**
 * It came too soon: made again after so long, it will be looked at.
 */
back_in_ms?: number, } | { "type": "workspace", 
/**
 * All of it.
 */
status: WorkspaceStatus, } | { "type": "conversation", 
/**
 * All of it.
 */
conversation: ConversationView, } | { "type": "conversation_deleted", 
/**
 * Which.
 */
conversation: ConversationId, } | { "type": "catalog", 
/**
 * All of it.
 */
catalog: Catalog, } | { "type": "model", 
/**
 * All of it.
 */
access: ModelAccess, } | { "type": "opened", 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * What it gets.
 */
verdict: Verdict, 
/**
 * The first event that follows, if any follow; earlier ones are asked for as history.
 */
from: number, 
/**
 * The end of the log, as it is now: when events up to here have come, the viewer is up to date.
 */
end: Position, } | { "type": "events", 
/**
 * Whose.
 */
conversation: ConversationId, 
/**
 * Their epoch.
 */
epoch: number, 
/**
 * The events, as the workspace-agent wrote them.
 */
events: Array<Event>, } | { "type": "outbox", 
/**
 * Whose.
 */
conversation: ConversationId, 
/**
 * The revision that this brings the viewer to.
 */
rev: number, 
/**
 * The items, whole.
 */
items: Array<Item>, } | { "type": "notices", 
/**
 * Whose.
 */
conversation: ConversationId, 
/**
 * The notices, in order.
 */
notices: Array<Notice>, } | { "type": "activity", 
/**
 * Whose.
 */
conversation: ConversationId, 
/**
 * What.
 */
activity: Activity, } | { "type": "live", 
/**
 * Whose.
 */
conversation: ConversationId, 
/**
 * The block.
 */
block: BlockId, 
/**
 * What the block is.
 */
what: LiveKind, 
/**
 * The sub-agent's call that it belongs to.
 */
parent?: ToolUseId, 
/**
 * Forget what came before of this block.
 */
restart: boolean, 
/**
 * What is new.
 */
text: string, } | { "type": "terminals", 
/**
 * This viewer, as `owner` names it.
 */
you: ViewerId, 
/**
 * Whether terminals can be opened: the workspace runs and its workspace-agent has them.
 */
available: boolean, 
/**
 * They.
 */
terminals: Array<Terminal>, } | { "type": "terminal", 
/**
 * All of it.
 */
terminal: Terminal, } | { "type": "terminal_gone", 
/**
 * Which.
 */
terminal: TerminalId, 
/**
 * Why.
 */
why: TerminalEnd, } | { "type": "retract", 
/**
 * Whose.
 */
conversation: ConversationId, 
/**
 * Which.
 */
blocks: Array<BlockId>, };

/**
 * What operators may read.
 */
export type GrantList = { 
/**
 * The conversations, those first whose grant ends first.
 */
grants: Array<GrantView>, 
/**
 * There are more of them than are listed.
 */
more: boolean, };

/**
 * A request to let operators read a conversation, in place of an earlier grant for it.
 */
export type GrantReading = { 
/**
 * For how many hours from now: 1 to [`GRANT_HOURS`].
 */
hours: number, };

/**
 * A conversation that its owner lets operators read, as the operators' list shows it.
 */
export type GrantView = { 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * Its title; empty until it has a message.
 */
title: string, 
/**
 * When it last changed.
 */
changed_at: number, 
/**
 * Whose.
 */
user: UserId, 
/**
 * What they are called.
 */
name: string, 
/**
 * Until when it may be read.
 */
until: number, };

/**
 * The answer of `GET /health`.
 */
export type Health = { 
/**
 * Whether everything needed to serve is there.
 */
ok: boolean, 
/**
 * The control plane's version.
 */
version: string, 
/**
 * The store answers.
 */
store: boolean, 
/**
 * The container engine answers.
 */
engine: boolean, 
/**
 * Workspaces linked at the moment.
 */
links: number, 
/**
 * Viewers connected at the moment.
 */
viewers: number, };

/**
 * A page of a conversation's log, going backwards.
 */
export type HistoryPage = { 
/**
 * The log's end when the page was read.
 */
end: Position, 
/**
 * Events in ascending order, ending just before the `before` that was asked for.
 */
events: Array<Event>, 
/**
 * Give this as `before` to get the page before; absent at the log's beginning.
 */
before?: number, };

/**
 * One thing that a person sent.
 */
export type Item = { 
/**
 * Named by the browser that sent it.
 */
id: ItemId, 
/**
 * Its place in the queue: messages are handed over from the lowest up.
 */
seq: number, 
/**
 * Counts edits: an edit names the version it edits.
 */
version: number, 
/**
 * The outbox's revision at which this item last changed; a viewer's cursor is the highest it has seen.
 */
rev: number, 
/**
 * Who.
 */
by: Person, 
/**
 * When it was saved.
 */
at: number, 
/**
 * Where the log stood when it was saved, which is where to show it until the log has it.
 */
after: Position, 
/**
 * What.
 */
what: What, 
/**
 * It is a message on its way to the workspace, or was at some time: it can't be changed or taken back any more.
 */
handed?: boolean, 
/**
 * How far it has come.
 */
state: ItemState, };

/**
 * One thing that a person sent, named by the browser that sent it: the key that makes sending again
 * harmless. A message's id is also the CLI's `uuid` for it, so it is a version 4 UUID.
 */
export type ItemId = string;

/**
 * How far an item has come.
 */
export type ItemState = { "type": "saved" } | { "type": "delivered" } | { "type": "started" } | { "type": "done" } | { "type": "refused", 
/**
 * Why.
 */
code: ErrorCode, } | { "type": "unknown", 
/**
 * Why.
 */
why: Unknown, } | { "type": "cancelled" };

/**
 * A language of the page.
 */
export type Language = "en" | "ko";

/**
 * Something that went wrong with a workspace.
 */
export type LastError = { 
/**
 * When.
 */
at: number, 
/**
 * What.
 */
reason: Reason, };

/**
 * What a live block is.
 */
export type LiveKind = { "type": "text", } | { "type": "thinking", } | { "type": "tool_input", 
/**
 * The tool.
 */
tool: string, } | { "type": "other" };

/**
 * A request to sign in with the one-time code printed at start.
 */
export type LocalSignIn = { 
/**
 * The code.
 */
code: string, };

/**
 * Whoever is signed in.
 */
export type Me = { 
/**
 * Their id.
 */
id: UserId, 
/**
 * What to call them.
 */
name: string, 
/**
 * What they may do.
 */
role: Role, };

/**
 * What the bytes of a cut body are.
 */
export type Media = "text" | "json";

/**
 * How a message ended without a result of its own.
 */
export type MessageEnd = "stopped" | "folded" | "nothing" | "failed" | "other";

/**
 * What Claude may do without asking. The names are the CLI's.
 */
export type Mode = "default" | "acceptEdits" | "plan" | "dontAsk" | "auto" | "bypassPermissions";

/**
 * Whether the model can be reached, and if not, what to do.
 */
export type ModelAccess = { "type": "ready", 
/**
 * A scripted model answers, not Claude.
 */
demo: boolean, } | { "type": "no_key", } | { "type": "key_refused", } | { "type": "own_key_refused", } | { "type": "unreachable", 
/**
 * In words.
 */
detail: string, };

/**
 * What is known of a person's own key. Never the key.
 */
export type ModelKeyView = { 
/**
 * The key in use; absent: the operator's key is used.
 */
key?: OwnKey, 
/**
 * Whether the operator has given a key, which is used without an own one.
 */
operator: boolean, };

/**
 * A model's name as the CLI takes it: an alias (`opus`) or a full name.
 */
export type ModelName = string;

/**
 * One model.
 */
export type ModelOffer = { 
/**
 * What to ask for.
 */
model: ModelName, 
/**
 * What to call it.
 */
name: string, 
/**
 * What it is, in the CLI's words.
 */
description: string, };

/**
 * A token that was just made.
 */
export type NewToken = { 
/**
 * The token itself. It is never shown again.
 */
token: string, 
/**
 * How lists show it.
 */
view: TokenView, };

/**
 * Why a terminal doesn't get a conversation's session.
 */
export type NotLent = "at_work" | "in_terminal" | "log_full" | "not_ready" | "no_conversation" | "other";

/**
 * One notice.
 */
export type Notice = { 
/**
 * Its number, from 1, without holes.
 */
m: number, 
/**
 * When.
 */
at: number, 
/**
 * Where the log stood.
 */
after: Position, 
/**
 * What.
 */
what: NoticeKind, };

/**
 * What a notice tells.
 */
export type NoticeKind = { "type": "start_failed", 
/**
 * Why.
 */
reason: Reason, } | { "type": "workspace_lost", 
/**
 * Why.
 */
reason: Reason, } | { "type": "control_plane_restarted", } | { "type": "budget_reached", 
/**
 * The budget, in millionths of a US dollar.
 */
limit_micro_usd: number, } | { "type": "out_of_memory", };

/**
 * The answers of somebody who is here for the first time.
 */
export type Onboarding = { 
/**
 * What to call them.
 */
name: PersonName, 
/**
 * Which language they chose.
 */
language: Language, 
/**
 * What they want to use it for; perhaps nothing that they say.
 */
purposes: Array<Purpose>, 
/**
 * In their own words.
 */
note?: Words, };

/**
 * A call that had begun when the process died.
 */
export type OpenTool = { 
/**
 * The call.
 */
tool_use: ToolUseId, 
/**
 * The tool.
 */
tool: string, 
/**
 * What it acts on.
 */
subject: string, };

/**
 * How a turn ended.
 */
export type Outcome = "completed" | "stopped" | "failed" | "limit" | "other";

/**
 * A key, as its owner is shown it.
 */
export type OwnKey = { 
/**
 * Its last characters, at most four: enough to tell it from another.
 */
ends: string, 
/**
 * When it was typed in.
 */
added_at: number, 
/**
 * The model's API refused it when it was last used.
 */
refused: boolean, };

/**
 * Content inside an event.
 */
export type Payload = { "text": string } | { "json": unknown } | { "cut": Cut };

/**
 * A person, as they are shown in a log.
 */
export type Person = { 
/**
 * Who.
 */
id: UserId, 
/**
 * The name they had then.
 */
name: string, 
/**
 * What they call the token of the script that did it for them; absent: they did it themselves.
 */
token?: string, };

/**
 * What to call a person.
 */
export type PersonName = string;

/**
 * The state of a workspace.
 */
export type Phase = { "type": "stopped", 
/**
 * Why it stopped, if it ever ran.
 */
reason?: Reason, } | { "type": "starting", 
/**
 * How far.
 */
stage: Stage, } | { "type": "running", } | { "type": "paused", } | { "type": "stopping", } | { "type": "failed", 
/**
 * What.
 */
reason: Reason, } | { "type": "deleting", };

/**
 * A place in a conversation's log: after event `n` of `epoch`. Numbers go on across epochs; a new epoch says
 * that what the writer wrote before may differ from what others saw, and no place stands for two different events.
 */
export type Position = { 
/**
 * The epoch, from 1. 0: nothing was ever written.
 */
epoch: number, 
/**
 * The last event's number, from 1. 0: none.
 */
n: number, };

/**
 * Why a CLI process ended.
 */
export type ProcessEnd = "idle" | "workspace_stopped" | "stopped" | "replaced" | "silent" | "failed" | "died" | "log_full" | "other";

/**
 * Whoever is signed in, as they see themselves.
 */
export type Profile = { 
/**
 * Their e-mail address, as the identity provider last said it.
 */
email?: string, 
/**
 * The language that they chose, as a browser names it.
 */
language?: string, 
/**
 * Whether they have been asked who they are and what they want; or need not be.
 */
onboarded: boolean, 
/**
 * Their id.
 */
id: UserId, 
/**
 * What to call them.
 */
name: string, 
/**
 * What they may do.
 */
role: Role, };

/**
 * A prompt as it stands in the log.
 */
export type Prompt = { 
/**
 * The CLI's id for it.
 */
prompt: PromptId, 
/**
 * What is asked.
 */
ask: PromptKind, 
/**
 * The tool that wants to run, or the MCP server that asks.
 */
tool: string, 
/**
 * What it would act on, in one line.
 */
subject: string, 
/**
 * Everything that it would be given; for a question, the questions.
 */
input: Payload, 
/**
 * The call that waits for the answer.
 */
tool_use?: ToolUseId, 
/**
 * Why it is asked, in the CLI's words.
 */
reason?: string, 
/**
 * The sub-agent that asks, if it isn't Claude itself.
 */
agent?: string, 
/**
 * What "always" could mean here. They are alternatives: an answer names at most one.
 */
suggestions: Array<Suggestion>, };

/**
 * The CLI's id of a permission prompt (`request_id`). Made inside the workspace, so never trusted to be
 * anything but a short string.
 */
export type PromptId = string;

/**
 * What is asked.
 */
export type PromptKind = "permission" | "question" | "plan" | "form" | "other";

/**
 * What somebody wants to use it for.
 */
export type Purpose = "code" | "data" | "documents" | "automation" | "explore";

/**
 * How far a permission reaches.
 */
export type Reach = "session" | "workspace" | "user" | "other";

/**
 * Why something is as it is: a code that the page has words for, and detail for whoever mends it.
 */
export type Reason = { 
/**
 * What.
 */
code: ReasonCode, 
/**
 * In words, without secrets.
 */
detail: string, };

/**
 * Why something is as it is.
 */
export type ReasonCode = "asked" | "operator" | "restarted" | "idle" | "engine_down" | "image_missing" | "engine_refused" | "wall_failed" | "not_enrolled" | "not_ready" | "exited" | "out_of_memory" | "disk_full" | "version" | "disabled" | "internal";

/**
 * A recording: asciicast v2, on the user's volume.
 */
export type Recording = { 
/**
 * Where, as an absolute path in the workspace.
 */
file: string, 
/**
 * Whether it goes on.
 */
on: boolean, 
/**
 * Why it ended without being asked to, in words.
 */
trouble?: string, };

/**
 * A request to rename a conversation.
 */
export type RenameConversation = { 
/**
 * The new title.
 */
title: Title, };

/**
 * From a viewer: what it wants, and a number of its own by which it is told how that went.
 */
export type Request = { 
/**
 * Named in the [`FromServer::Done`] or [`FromServer::Refused`] that follows.
 */
re: number, } & ({ "type": "open", 
/**
 * Which.
 */
conversation: ConversationId, 
/**
 * What the viewer has already.
 */
cursor?: Cursor, } | { "type": "close", 
/**
 * Which.
 */
conversation: ConversationId, } | { "type": "send", 
/**
 * To which conversation.
 */
conversation: ConversationId, 
/**
 * The message's id, made by the viewer. Sending it again changes nothing.
 */
item: ItemId, 
/**
 * What it says.
 */
text: string, 
/**
 * Give it to the running turn.
 */
steer: boolean, 
/**
 * The message whose fate is unknown and which this one repeats.
 */
again_of?: ItemId, } | { "type": "edit", 
/**
 * In which conversation.
 */
conversation: ConversationId, 
/**
 * Which message.
 */
item: ItemId, 
/**
 * The version that was edited.
 */
version: number, 
/**
 * What it says now.
 */
text: string, } | { "type": "cancel", 
/**
 * In which conversation.
 */
conversation: ConversationId, 
/**
 * Which message.
 */
item: ItemId, } | { "type": "reorder", 
/**
 * In which conversation.
 */
conversation: ConversationId, 
/**
 * Which message.
 */
item: ItemId, 
/**
 * Before which; none: at the end.
 */
before?: ItemId, } | { "type": "send_now", 
/**
 * In which conversation.
 */
conversation: ConversationId, 
/**
 * Which message.
 */
item: ItemId, } | { "type": "answer", 
/**
 * In which conversation.
 */
conversation: ConversationId, 
/**
 * The answer's own id, made by the viewer.
 */
item: ItemId, 
/**
 * The prompt.
 */
prompt: PromptId, 
/**
 * The answer.
 */
decision: Decision, } | { "type": "stop", 
/**
 * Of which conversation.
 */
conversation: ConversationId, 
/**
 * The stop's own id, made by the viewer.
 */
item: ItemId, 
/**
 * The message whose turn the viewer sees running. None: whichever turn runs when this arrives.
 */
message?: ItemId, } | { "type": "continue", 
/**
 * In which conversation.
 */
conversation: ConversationId, 
/**
 * The request's own id, made by the viewer.
 */
item: ItemId, 
/**
 * The message.
 */
message: ItemId, } | { "type": "configure", 
/**
 * Which conversation.
 */
conversation: ConversationId, 
/**
 * All settings.
 */
settings: Settings, } | { "type": "ping", } | { "type": "terminal", 
/**
 * Which.
 */
terminal: TerminalId, 
/**
 * What.
 */
wish: TerminalWish, } | { "type": "start_workspace", } | { "type": "stop_workspace", });

/**
 * What a person may do.
 */
export type Role = "user" | "operator";

/**
 * One permission rule.
 */
export type Rule = { 
/**
 * The tool.
 */
tool: string, 
/**
 * Which of its calls, in the CLI's rule language; all of them if absent.
 */
content?: string, };

/**
 * What a token may be used for. None implies another.
 */
export type Scope = "read" | "write" | "answer" | "delete";

/**
 * One of a person's own sessions.
 */
export type SessionView = { 
/**
 * Its name in this list.
 */
id: string, 
/**
 * What the browser called itself.
 */
device: string, 
/**
 * When they signed in.
 */
created_at: number, 
/**
 * When it was last used, to the minute.
 */
used_at: number, 
/**
 * When it ends at the latest.
 */
expires_at: number, 
/**
 * Whether it is the one that asks.
 */
current: boolean, };

/**
 * A key, typed in.
 */
export type SetModelKey = { 
/**
 * It.
 */
key: string, };

/**
 * A request to change what a person may do.
 */
export type SetRole = { 
/**
 * What they may do from now on.
 */
role: Role, };

/**
 * What a conversation runs with.
 */
export type Settings = { 
/**
 * The model, or the CLI's default.
 */
model?: ModelName, 
/**
 * The permission mode.
 */
mode: Mode, };

/**
 * Why the settings changed.
 */
export type SettingsChange = "asked" | "claude" | "restarted" | "other";

/**
 * What an ID token must carry that this browser is to be let in by.
 */
export type SignInNonce = { 
/**
 * The nonce.
 */
nonce: string, };

/**
 * How one can sign in here.
 */
export type SignInOptions = { 
/**
 * By a one-time link printed where the control plane was started.
 */
local: boolean, 
/**
 * At an identity provider, which people know by this name.
 */
provider?: string, };

/**
 * Why somebody came back from the identity provider and is not signed in. It is in the address's fragment.
 */
export type SignInRefusal = "stale" | "denied" | "not_allowed" | "unverified" | "disabled" | "erasing" | "invalid" | "unavailable" | "too_many";

/**
 * Where to go on.
 */
export type SignInStarted = { 
/**
 * The identity provider's address, for this browser and this attempt alone.
 */
url: string, };

/**
 * What is done about a turn that shows no sign of life, in this order.
 */
export type SilentStep = "asked" | "answered" | "interrupted" | "ended" | "over" | "other";

/**
 * How many columns and rows.
 */
export type Size = { 
/**
 * Columns.
 */
cols: number, 
/**
 * Rows.
 */
rows: number, };

/**
 * How far a start has come. In this order.
 */
export type Stage = "image" | "create" | "start" | "enrol" | "ready";

/**
 * A request to begin a sign-in at the identity provider.
 */
export type StartSignIn = { 
/**
 * Which of the page's own paths to come back to.
 */
to: string, 
/**
 * Whoever is signed in at the identity provider is to say anew who they are: somebody else may be meant.
 */
anew?: boolean, };

/**
 * What a conversation is doing, as everybody is told.
 */
export type State = "idle" | "working" | "waiting" | "not_responding";

/**
 * One reach of "always", as the CLI suggests it.
 */
export type Suggestion = { "type": "rules", 
/**
 * The rules.
 */
rules: Array<Rule>, 
/**
 * Until when.
 */
reach: Reach, } | { "type": "mode", 
/**
 * The mode.
 */
mode: Mode, 
/**
 * Until when.
 */
reach: Reach, } | { "type": "directories", 
/**
 * Absolute paths.
 */
directories: Array<string>, 
/**
 * Until when.
 */
reach: Reach, };

/**
 * The fold of a log.
 */
export type Summary = { 
/**
 * What it is doing.
 */
state: State, 
/**
 * Open prompts, oldest first.
 */
prompts: Array<PromptId>, 
/**
 * The message that is being worked on, or is the next to be.
 */
current?: ItemId, 
/**
 * The last message whose fate is unknown and which nobody has dealt with.
 */
unknown?: ItemId, 
/**
 * The number of the event that said so. What was waiting before it waits until someone deals with it.
 */
unknown_at: number, 
/**
 * What it runs with.
 */
settings: Settings, 
/**
 * Whether it has a Claude process.
 */
process?: boolean, 
/**
 * Whether it is open in Claude's own screen, or was when its workspace ended: messages wait until what was said there is
 * part of the log.
 */
lent?: boolean, 
/**
 * What it has cost so far, as the CLI reckons it.
 */
cost_usd: number, 
/**
 * When something last happened in it. A process that is put to sleep, and what it forgets by that, is nothing
 * that a reader of the list would call so.
 */
last_at: number, };

/**
 * One entry of Claude's task list.
 */
export type Task = { 
/**
 * Its id in the list.
 */
id: string, 
/**
 * What is to be done.
 */
title: string, 
/**
 * How far it is.
 */
status: TaskStatus, };

/**
 * How far a task is.
 */
export type TaskStatus = "pending" | "in_progress" | "completed" | "other";

/**
 * A terminal, as viewers see it.
 */
export type Terminal = { 
/**
 * The viewer that owns its size.
 */
owner?: ViewerId, 
/**
 * How many viewers are attached.
 */
viewers: number, 
/**
 * Which.
 */
id: TerminalId, 
/**
 * What it is called.
 */
name: TerminalName, 
/**
 * What runs in it.
 */
what: TerminalKind, 
/**
 * How large it is.
 */
size: Size, 
/**
 * When it was opened.
 */
opened_at: number, 
/**
 * How often its program was started. A restart names it.
 */
life: number, 
/**
 * How its program fares.
 */
phase: TerminalPhase, 
/**
 * What the program calls itself (its window title), clipped. Hostile, as all that comes from the workspace.
 */
title?: string, 
/**
 * When it is closed if nobody watches it and nothing is typed or printed meanwhile; none while it is watched, and without a limit.
 */
idle_until?: number, 
/**
 * How it is recorded, if it is or was.
 */
recording?: Recording, 
/**
 * Where its stream ended when this was told.
 */
end: number, };

/**
 * Why a terminal is gone.
 */
export type TerminalEnd = "closed" | "idle" | "stopped" | "other";

/**
 * A PTY in a workspace. Made by the viewer that opens it, so that opening it again changes nothing.
 */
export type TerminalId = string;

/**
 * What runs in a terminal.
 */
export type TerminalKind = { "type": "shell", } | { "type": "command", 
/**
 * It.
 */
line: CommandLine, } | { "type": "claude", 
/**
 * Which.
 */
conversation: ConversationId, } | { "type": "other" };

/**
 * A terminal's name, as a person gave it.
 */
export type TerminalName = string;

/**
 * How a terminal's program fares.
 */
export type TerminalPhase = { "type": "waiting", } | { "type": "running", 
/**
 * Since when.
 */
since: number, } | { "type": "exited", 
/**
 * When.
 */
at: number, 
/**
 * The status.
 */
code: number, } | { "type": "killed", 
/**
 * When.
 */
at: number, 
/**
 * The signal's number.
 */
signal: number, } | { "type": "failed", 
/**
 * When.
 */
at: number, 
/**
 * Why, in words.
 */
detail: string, 
/**
 * It is Claude's own screen, and this is why it didn't get the conversation's session.
 */
not_lent?: NotLent, } | { "type": "other" };

/**
 * What a viewer wants of one terminal.
 */
export type TerminalWish = { "type": "open", 
/**
 * What to call it.
 */
name: TerminalName, 
/**
 * What to run.
 */
what: TerminalKind, 
/**
 * How large.
 */
size: Size, } | { "type": "close", } | { "type": "rename", 
/**
 * How.
 */
name: TerminalName, } | { "type": "attach", 
/**
 * The end of what the viewer has.
 */
have?: number, 
/**
 * How large the viewer would like it, whose size it is to be if nobody owns it. Nothing, if the viewer only looks.
 */
size?: Size, } | { "type": "detach", } | { "type": "resize", 
/**
 * It.
 */
size: Size, } | { "type": "take", 
/**
 * It.
 */
size: Size, } | { "type": "colors", 
/**
 * They.
 */
colors: Colors, } | { "type": "restart", 
/**
 * See [`TerminalView::life`].
 */
life: number, } | { "type": "record", 
/**
 * Which of the two.
 */
on: boolean, };

/**
 * A conversation's title.
 */
export type Title = string;

/**
 * From the control plane to an operator.
 */
export type ToOperator = { "type": "welcome", 
/**
 * The control plane's version.
 */
version: string, } | { "type": "fleet", 
/**
 * The list begins: what came before is to be dropped.
 */
begin: boolean, 
/**
 * The list goes on in the next message; otherwise it is whole, as of now.
 */
more: boolean, 
/**
 * New or changed rows.
 */
rows: Array<FleetRow>, 
/**
 * Workspaces that are no more.
 */
gone: Array<WorkspaceId>, 
/**
 * How many there are.
 */
totals: Totals, } | { "type": "done", 
/**
 * Which request.
 */
re: number, } | { "type": "refused", 
/**
 * Which request.
 */
re: number, 
/**
 * Why.
 */
code: ErrorCode, 
/**
 * For logs and scripts.
 */
message: string, 
/**
 * It came too soon: made again after so long, it will be looked at.
 */
back_in_ms?: number, };

/**
 * A person's tokens, the newest first.
 */
export type TokenList = { 
/**
 * They.
 */
tokens: Array<TokenView>, };

/**
 * What a person calls a token.
 */
export type TokenName = string;

/**
 * A token as lists show it.
 */
export type TokenView = { 
/**
 * Names it; it is not the token.
 */
id: string, 
/**
 * What its person calls it.
 */
name: string, 
/**
 * What it may be used for.
 */
scopes: Array<Scope>, 
/**
 * When it was made.
 */
created_at: number, 
/**
 * When it ends.
 */
expires_at: number, 
/**
 * When it was last used, to the minute.
 */
used_at?: number, };

/**
 * How a tool call ended.
 */
export type ToolOutcome = "ok" | "failed" | "denied" | "stopped" | "other";

/**
 * The model's id of one tool call (`toolu_…`).
 */
export type ToolUseId = string;

/**
 * How many workspaces there are.
 */
export type Totals = { 
/**
 * All of them.
 */
workspaces: number, 
/**
 * Those whose link is up.
 */
connected: number, };

/**
 * What went wrong outside of a turn's result.
 */
export type Trouble = "cant_start" | "line_dropped" | "disk_full" | "garbled" | "session_lost" | "setting_refused" | "log_full" | "unreadable" | "other";

/**
 * What went wrong with a turn.
 */
export type TurnError = { 
/**
 * The HTTP status of the model's API, if that is where it failed.
 */
status?: number, 
/**
 * In the CLI's words.
 */
text: string, };

/**
 * How a turn ended and what it took.
 */
export type TurnResult = { 
/**
 * The messages that it answers. None, when Claude woke by itself.
 */
items: Array<ItemId>, 
/**
 * How it ended.
 */
outcome: Outcome, 
/**
 * What went wrong, in the CLI's words.
 */
error?: TurnError, 
/**
 * How long it took.
 */
duration_ms: number, 
/**
 * What it cost, as the CLI reckons it.
 */
cost_usd: number, 
/**
 * Tokens it took.
 */
usage: Usage, };

/**
 * Why a message's fate is unknown.
 */
export type Unknown = "tools_called" | "answer_lost" | "keeps_dying" | "history_lost" | "machine_stopped" | "other";

/**
 * Tokens.
 */
export type Usage = { 
/**
 * Read anew.
 */
input: number, 
/**
 * Written.
 */
output: number, 
/**
 * Read from the cache.
 */
cache_read: number, 
/**
 * Written to the cache.
 */
cache_write: number, };

/**
 * A signed-in person.
 */
export type UserId = string;

/**
 * A page of people, by id.
 */
export type UserPage = { 
/**
 * The people.
 */
users: Array<UserView>, 
/**
 * Give this as `after` to get the next page; absent on the last.
 */
next?: UserId, };

/**
 * A person, as operators see them.
 */
export type UserView = { 
/**
 * Their id.
 */
id: UserId, 
/**
 * What to call them.
 */
name: string, 
/**
 * Their e-mail address.
 */
email?: string, 
/**
 * What they may do.
 */
role: Role, 
/**
 * Whether they are kept out.
 */
disabled: boolean, 
/**
 * Whether they are being erased.
 */
erasing: boolean, 
/**
 * When they first signed in.
 */
created_at: number, 
/**
 * When they last signed in.
 */
signed_in_at: number, };

/**
 * What an attaching viewer gets.
 */
export type Verdict = { "type": "resumed", } | { "type": "snapshot", 
/**
 * Why.
 */
because: Because, };

/**
 * What runs in the workspace.
 */
export type Versions = { 
/**
 * The workspace-agent.
 */
workspace_agent: string, 
/**
 * The CLI.
 */
claude: string, };

/**
 * One viewer's socket. Made by the control plane; a socket that comes back is another viewer.
 */
export type ViewerId = string;

/**
 * The first message on every viewer socket.
 */
export type Welcome = { 
/**
 * The control plane's version.
 */
version: string, 
/**
 * Who is signed in.
 */
me: Me, 
/**
 * The workspace.
 */
workspace: WorkspaceStatus, 
/**
 * The conversations that changed last, newest first.
 */
conversations: Array<ConversationView>, 
/**
 * Whether there are more than these.
 */
more: boolean, 
/**
 * Whether the model can be reached.
 */
model: ModelAccess, 
/**
 * What the CLI offers, if one ever ran here.
 */
catalog?: Catalog, 
/**
 * The permission modes that the operator allows.
 */
modes: Array<Mode>, };

/**
 * What a person sent.
 */
export type What = { "type": "message", 
/**
 * What it says.
 */
text: string, 
/**
 * Give it to the running turn instead of waiting for its end.
 */
steer: boolean, 
/**
 * The message whose fate is unknown and which this one repeats.
 */
again_of?: ItemId, } | { "type": "answer", 
/**
 * The prompt.
 */
prompt: PromptId, 
/**
 * The answer.
 */
decision: Decision, } | { "type": "stop", 
/**
 * The message; none for a turn that Claude began by itself.
 */
message?: ItemId, } | { "type": "continue", 
/**
 * The message.
 */
message: ItemId, };

/**
 * Why a prompt is closed without an answer of a person.
 */
export type Withdrawal = "claude" | "stopped" | "lost_with_process" | "other";

/**
 * A few words of a person about themselves.
 */
export type Words = string;

/**
 * One user's container with its volumes. A workspace made again after a delete has a new id.
 */
export type WorkspaceId = string;

/**
 * What a workspace is and why. Whoever watches keeps the one with the highest generation.
 */
export type WorkspaceStatus = { 
/**
 * Counts changes of this status, for ever.
 */
generation: number, 
/**
 * The state.
 */
phase: Phase, 
/**
 * Since when.
 */
since: number, 
/**
 * Whether the workspace-agent's link is up.
 */
linked: boolean, 
/**
 * Versions, once the workspace-agent has said them.
 */
versions?: Versions, };
