/**
 * What the conversation pane draws: turns made of rows, the queue, the open prompts. Data only. Rows are never
 * changed in place: a changed row is a new object, so that whoever draws can compare by identity.
 */
import type {
  Activity,
  BackgroundTask,
  BlockId,
  Decision,
  ErrorCode,
  ItemId,
  LiveKind,
  MessageEnd,
  NoticeKind,
  OpenTool,
  Payload,
  Person,
  ProcessEnd,
  Prompt,
  Settings,
  SettingsChange,
  SilentStep,
  State,
  Task,
  ToolOutcome,
  ToolUseId,
  Trouble,
  TurnResult,
  Unknown,
  Withdrawal,
} from '../protocol/generated';

/** How far a message has come. */
export type Mark = Stage & {
  /** This browser has no room to keep it, and nobody else has it yet. */
  readonly fleeting?: true;
};

type Stage =
  /** Kept in this browser; the link is down. */
  | { state: 'unsent' }
  /** Taken back, if the control plane has it or not: it has yet to say so. */
  | { state: 'leaving' }
  /** Taken back for good; this browser keeps its words. */
  | { state: 'back' }
  /** On its way to the control plane. */
  | { state: 'sending' }
  | { state: 'saved' }
  | { state: 'delivered' }
  | { state: 'started' }
  | { state: 'done'; how?: MessageEnd }
  | { state: 'refused'; code?: ErrorCode }
  | { state: 'unknown'; why: Unknown };

interface Base {
  /** Unique within its turn, and the same for live text and the block that replaces it. */
  readonly key: string;
  /** The event it comes from; live rows have `Infinity`. */
  readonly n: number;
  readonly at: number;
  /** The sub-agent's call that it belongs to. */
  readonly parent?: ToolUseId | undefined;
}

/** A person's message. */
export interface MessageRow extends Base {
  readonly kind: 'message';
  readonly item: ItemId;
  readonly by?: Person | undefined;
  readonly content: Payload;
  readonly steer: boolean;
  readonly mark: Mark;
  /** Only this browser has it, so it can still be taken back without asking anyone. */
  readonly local?: boolean;
  /** It is at the control plane, which has handed it to nobody. */
  readonly waits?: Queued | undefined;
}

/** Claude's text. */
export interface TextRow extends Base {
  readonly kind: 'text';
  readonly text: Payload;
  readonly live: boolean;
  readonly aborted: boolean;
}

/** Claude's thinking. */
export interface ThinkingRow extends Base {
  readonly kind: 'thinking';
  readonly text: Payload;
  readonly live: boolean;
}

/** How a call stands. `lost`: the process died before it said. `writing`: its input is still being written. */
export type CallState = 'writing' | 'asking' | 'running' | 'lost' | ToolOutcome;

/** What a call came to. */
export interface CallResult {
  readonly content: Payload;
  readonly details?: Payload | undefined;
  readonly at: number;
}

/** A tool call. */
export interface CallRow extends Base {
  readonly kind: 'call';
  readonly toolUse?: ToolUseId | undefined;
  readonly tool: string;
  readonly subject: string;
  /** Unfinished JSON text while the state is `writing`. */
  readonly input: Payload;
  readonly state: CallState;
  /** When it began to run: after the permission, if one was asked for. */
  readonly since: number;
  readonly result?: CallResult | undefined;
}

/** Who answered which prompt how. */
export interface AnsweredRow extends Base {
  readonly kind: 'answered';
  readonly by: Person;
  readonly decision: Decision;
  /** The prompt, if the part of the log that is loaded has it. */
  readonly prompt?: Prompt | undefined;
}

/** How a message of unknown fate was dealt with. `passed`: the conversation went on without it. */
export type Dealt = 'continued' | 'again' | 'passed';

/** A message of unknown fate: a person decides. */
export interface UnknownRow extends Base {
  readonly kind: 'unknown';
  readonly item: ItemId;
  readonly why: Unknown;
  readonly tools: readonly OpenTool[];
  readonly dealt?: Dealt | undefined;
}

/** The end of a turn. */
export interface ResultRow extends Base {
  readonly kind: 'result';
  readonly result: TurnResult;
}

/** Something that the CLI says, or a line that nobody knows. */
export interface NoteRow extends Base {
  readonly kind: 'note';
  readonly text: Payload;
}

/** An event of an unknown kind, or an opaque line, shown raw. */
export interface RawRow extends Base {
  readonly kind: 'raw';
  readonly name: string;
  readonly content: Payload;
}

/** What was typed into Claude's own screen, as the session's record has it: by whom, nobody knows. */
export interface TypedRow extends Base {
  readonly kind: 'typed';
  readonly content: Payload;
}

/** What a quiet line across the log says. */
export type Line =
  | { type: 'resent'; attempt: number }
  | { type: 'retry'; attempt: number; max: number; status?: number | undefined }
  | { type: 'lost' }
  | { type: 'silent'; step: SilentStep; ms: number }
  | { type: 'stop'; by: Person }
  | { type: 'continued'; by: Person }
  | { type: 'withdrawn'; why: Withdrawal; lost: boolean; subject: string }
  | { type: 'process_ended'; why: ProcessEnd; detail: string }
  | { type: 'settings'; settings: Settings; before?: Settings | undefined; why: SettingsChange }
  | { type: 'compacted'; before: number; after: number }
  | { type: 'cleared' }
  | { type: 'terminal_opened'; byHand: boolean }
  | { type: 'terminal_closed'; rows: number; leftOut: number }
  | { type: 'trouble'; what: Trouble; detail: string }
  | { type: 'notice'; what: NoticeKind };

/** A quiet line across the log. */
export interface LineRow extends Base {
  readonly kind: 'line';
  readonly line: Line;
}

/** One thing in the log. */
export type Row =
  | MessageRow
  | TextRow
  | ThinkingRow
  | CallRow
  | AnsweredRow
  | UnknownRow
  | ResultRow
  | NoteRow
  | RawRow
  | TypedRow
  | LineRow;

/** A message and all that follows until the next one. */
export interface Turn {
  /** Unique within the conversation, and kept when its message moves from the outbox into the log. */
  readonly key: string;
  readonly rows: readonly Row[];
}

/** A message that waits behind a running turn. */
export interface Queued {
  readonly item: ItemId;
  readonly text: string;
  readonly version: number;
  readonly steer: boolean;
  readonly mark: Mark;
  readonly local: boolean;
  /** It may be in the workspace, or was once: it can't be changed or taken back any more. */
  readonly handed: boolean;
}

/** A prompt that waits for a person. */
export interface OpenPrompt {
  readonly prompt: Prompt;
  readonly at: number;
  /** Who has answered, while the answer is on its way. */
  readonly answeredBy?: Person | undefined;
}

/** Text of a block that is not final yet. */
export interface LiveBlock {
  readonly block: BlockId;
  readonly what: LiveKind;
  readonly parent?: ToolUseId | undefined;
  readonly at: number;
  readonly text: string;
}

/** Everything that the conversation pane draws. */
export interface ChatView {
  readonly turns: readonly Turn[];
  readonly queue: readonly Queued[];
  readonly prompts: readonly OpenPrompt[];
  readonly state: State;
  /** The queue waits until a person has dealt with a message of unknown fate. */
  readonly held: boolean;
  /** The model that Claude uses, by its full name. */
  readonly model?: string | undefined;
  /** A turn runs, or is about to. */
  readonly busy: boolean;
  /** Live text comes in. */
  readonly streaming: boolean;
  /** A stop was asked and has not taken effect. */
  readonly stopping: boolean;
  /** The messages of unknown fate that somebody is dealing with right now. */
  readonly dealing: ReadonlySet<ItemId>;
  readonly activity?: Activity | undefined;
  readonly tasks: readonly Task[];
  readonly background: readonly BackgroundTask[];
  readonly settings?: Settings | undefined;
  /** Events before this number are not loaded; none are missing at 1. */
  readonly oldest: number;
}
