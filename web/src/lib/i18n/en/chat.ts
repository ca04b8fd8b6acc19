/** The conversation's words in English. */
import type { MessageEnd, Mode, Outcome, TaskStatus } from '../../protocol/generated';
import type { CallState, Mark } from '../../chat/model';
import type { Verb } from '../../chat/tools';

const composer = {
  label: 'Message to Claude',
  placeholder: 'Message Claude',
  placeholderBusy: 'Queue a message',
  send: 'Send',
  sendTitle: 'Send (Enter)',
  queueTitle: 'Queue (Enter)',
  tooLong: (size: string, limit: string) =>
    `This message is ${size}; ${limit} is the most that can be sent. Shorten it, or have Claude read it from a file.`,
  commands: 'Commands',
  model: 'Model',
  defaultModel: 'Default model',
  defaultModelHint: 'What Claude Code takes by itself',
  mode: 'Permission mode',
  cost: (cost: string) => `${cost} so far`,
  costTitle: 'What this conversation has cost, as Claude Code reckons it',
};

const modes = {
  default: { name: 'Ask first', hint: 'Asks before anything that changes something' },
  acceptEdits: {
    name: 'Accept edits',
    hint: 'Edits files in the workspace without asking; asks for the rest',
  },
  plan: { name: 'Plan', hint: 'Reads and plans; changes nothing' },
  dontAsk: { name: 'Don’t ask', hint: 'Refuses instead of asking' },
  auto: { name: 'Auto', hint: 'Decides by itself what is safe' },
  bypassPermissions: { name: 'Allow everything', hint: 'Asks for nothing. Only for throw-away work' },
} satisfies Record<Mode, { name: string; hint: string }>;

const marks = {
  unsent: 'not sent yet',
  leaving: 'taking back',
  back: 'taken back',
  sending: 'sending',
  saved: 'saved',
  delivered: 'delivered',
  started: 'started',
  done: 'done',
  refused: 'refused',
  unknown: 'unknown',
} satisfies Record<Mark['state'], string>;

const message = {
  marks,
  fleeting: 'not kept in this browser; leave the page open',
  hints: {
    unsent: 'Kept in this browser. It goes out when the link is back.',
    leaving: 'It may have arrived already. It is taken back when the link is there.',
    back: 'It will not be done. Its words are kept in this browser.',
    sending: 'On its way to the control plane',
    saved: 'Safe at the control plane',
    delivered: 'Safe in the workspace',
    started: 'Claude works on it',
    done: 'Its turn has ended',
    refused: 'It will not be done',
    unknown: 'Nobody knows what became of it',
  } satisfies Record<Mark['state'], string>,
  ends: {
    stopped: 'stopped',
    folded: 'joined the running turn',
    nothing: 'nothing to do',
    failed: 'refused',
    other: 'over',
  } satisfies Record<MessageEnd, string>,
  steered: 'into the running turn',
  edit: 'Edit',
  retry: 'Send again',
  discard: 'Discard',
  /** The reader as a sentence's subject, and anybody else. */
  you: 'You',
  who: (name: string) => name,
  script: (token: string) => `Your script “${token}”`,
  byScript: (token: string) => `Your script “${token}”`,
};

const queue = {
  title: (count: number) => (count === 1 ? '1 message waits' : `${count} messages wait`),
  now: 'Send now',
  nowHint: 'Give it to the running turn',
  goingNow: 'goes into the running turn',
  held: 'They wait until you decide about the message above.',
  up: 'Move up',
  down: 'Move down',
  cancel: 'Cancel',
  save: 'Save',
  back: 'Keep as it was',
  editLabel: 'Edit queued message',
  changed: 'It was changed or sent meanwhile. Your words are still here.',
};

const log = {
  label: 'Conversation',
  loadingOlder: 'Loading what came before',
  olderFailed: 'What came before could not be loaded.',
  tryAgain: 'Try again',
  end: 'To the end',
  newBelow: 'New below',
  opening: 'Opening the conversation',
  missing: 'This conversation is not here',
  missingHelp: 'It may have been deleted, or the address may be wrong.',
  failed: 'The conversation could not be opened',
  copy: 'Copy',
  copied: 'Copied',
  image: 'image',
  thinking: 'Thinking',
  thought: 'Thought',
  cutOff: 'cut off by the stop',
  note: 'Note from Claude Code',
  raw: (name: string) => `Not understood by this page: ${name}`,
  showAll: (lines: number) => (lines > 1 ? `Show all ${lines} lines` : 'Show all'),
  showLess: 'Show less',
  loadAll: (size: string) => `Load all ${size}`,
  loading: (percent: number) => `Loading, ${percent} %`,
  cutMiddle: (size: string) => `${size} in between are not loaded`,
};

const tools = {
  verbs: {
    run: 'Run',
    read: 'Read',
    edit: 'Edit',
    write: 'Write',
    search: 'Search',
    fetch: 'Fetch',
    browse: 'Search the web',
    delegate: 'Delegate',
    ask: 'Ask you',
    plan: 'Propose a plan',
    planning: 'Start planning',
    tasks: 'Plan tasks',
    skill: 'Use skill',
    output: 'Read output',
    kill: 'End task',
    other: '',
  } satisfies Record<Verb, string>,
  doing: {
    run: 'running a command',
    read: 'reading',
    edit: 'editing',
    write: 'writing',
    search: 'searching',
    fetch: 'fetching',
    browse: 'searching the web',
    delegate: 'working through a sub-agent',
    ask: 'asking you',
    plan: 'proposing a plan',
    planning: 'starting to plan',
    tasks: 'planning tasks',
    skill: 'using a skill',
    output: 'reading output',
    kill: 'ending a task',
    other: 'using a tool',
  } satisfies Record<Verb, string>,
  states: {
    writing: 'preparing',
    asking: 'waits for you',
    running: 'running',
    lost: 'outcome unknown',
    ok: 'done',
    failed: 'failed',
    denied: 'denied',
    stopped: 'stopped',
    other: 'over',
  } satisfies Record<CallState, string>,
  input: 'Input',
  output: 'Output',
  errors: 'Errors',
  noOutput: 'No output',
  noChange: 'No change',
  working: (count: number) => (count === 1 ? '1 step' : `${count} steps`),
  loadDiff: (size: string) => `Load the diff (${size})`,
  added: (count: number) => `${count} added`,
  removed: (count: number) => `${count} removed`,
  unanswered: 'not answered',
  task: 'Task',
  report: 'Report',
};

const result = {
  outcomes: {
    completed: '',
    stopped: 'stopped',
    failed: 'failed',
    limit: 'reached a limit',
    other: 'ended',
  } satisfies Record<Outcome, string>,
  tokens: (count: string) => `${count} tokens`,
  usage: (input: string, output: string, read: string, write: string) =>
    `${input} read, ${output} written, ${read} from the cache, ${write} into the cache`,
  limit: 'The turn reached its limit. Send a message to go on.',
};

const now = {
  tasks: (done: number, total: number) => `${done} of ${total} tasks`,
  background: (count: number) =>
    count === 1 ? '1 thing runs in the background' : `${count} things run in the background`,
  task: {
    pending: 'to do',
    in_progress: 'doing',
    completed: 'done',
    other: 'in some other state',
  } satisfies Record<TaskStatus, string>,
};

const announce = {
  finished: 'Claude has finished.',
  failed: 'The turn failed.',
  stopped: 'Stopped.',
  asks: (what: string) => `Claude waits for you: ${what}`,
  plan: 'a plan to approve',
};

export const chatWords = {
  composer,
  modes,
  message,
  queue,
  log,
  tools,
  result,
  now,
  announce,
};
