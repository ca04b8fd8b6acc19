/** The page's words in English. The Korean dictionary has the same keys, or the type check fails. */
import type {
  ErrorCode,
  MessageEnd,
  Mode,
  NoticeKind,
  Outcome,
  Phase,
  ProcessEnd,
  Reach,
  ReasonCode,
  SettingsChange,
  Stage,
  State,
  TaskStatus,
  Trouble,
  Unknown,
  Withdrawal,
} from '../protocol/generated';
import type { FailureCode } from '../api';
import type { CallState, Mark } from '../chat/model';
import { code } from './code';
import type { Verb } from '../chat/tools';

/** Why something is as it is, and what helps. */
interface Explained {
  why: string;
  help: string;
}

const workspace = {
  name: 'Workspace',
  phases: {
    stopped: 'stopped',
    starting: 'starting',
    running: 'running',
    paused: 'paused',
    stopping: 'stopping',
    failed: 'failed',
    deleting: 'deleting',
  } satisfies Record<Phase['type'], string>,
  titles: {
    stopped: 'The workspace is stopped',
    starting: 'The workspace is starting',
    running: 'The workspace is running',
    paused: 'The workspace is paused',
    stopping: 'The workspace is stopping',
    failed: 'The workspace could not run',
    deleting: 'The workspace is being deleted',
  } satisfies Record<Phase['type'], string>,
  stages: {
    image: 'Image',
    create: 'Container',
    start: 'Start',
    enrol: 'Sign-on',
    ready: 'Ready',
  } satisfies Record<Stage, string>,
  stageNow: {
    image: 'Looking for the workspace image',
    create: 'Making network, volumes and container',
    start: 'Starting the container',
    enrol: 'The workspace is getting its certificate',
    ready: 'Comparing what both sides have',
  } satisfies Record<Stage, string>,
  reasons: {
    asked: { why: 'Somebody asked for it.', help: '' },
    idle: { why: 'Nothing happened for a while.', help: '' },
    engine_down: {
      why: 'The container engine does not answer.',
      help: 'Ask the operator to start it, then start again.',
    },
    image_missing: {
      why: 'The workspace image is not on this machine.',
      help: 'Ask the operator to build or pull it, then start again.',
    },
    engine_refused: {
      why: 'The container engine refused to make the workspace.',
      help: 'The details below tell the operator why.',
    },
    wall_failed: {
      why: 'The network wall could not be put up, so nothing was started behind it.',
      help: 'The details below tell the operator why.',
    },
    not_enrolled: {
      why: 'The workspace started but did not sign on in time.',
      help: 'Start again. If it happens twice, tell the operator.',
    },
    not_ready: {
      why: 'The workspace did not come up in time.',
      help: 'Start again. If it happens twice, tell the operator.',
    },
    exited: { why: 'The workspace’s container ended by itself.', help: 'Start again.' },
    out_of_memory: {
      why: 'The workspace ran out of memory.',
      help: 'Start again, and run fewer heavy things at a time.',
    },
    disk_full: {
      why: 'The disk is full, and this workspace is what fills it.',
      help: 'Ask the operator for room, then start again and remove what you do not need.',
    },
    version: {
      why: 'The workspace runs a version that this control plane does not speak to.',
      help: 'Ask the operator to update the workspace image.',
    },
    disabled: { why: 'The operator has switched this workspace off.', help: 'Ask the operator.' },
    internal: { why: 'The control plane failed, by its own fault.', help: 'Start again, or tell the operator.' },
  } satisfies Record<ReasonCode, Explained>,
  filesSafe: 'Your files and conversations are safe.',
  start: 'Start',
  startAgain: 'Start again',
  stop: 'Stop workspace',
  sendingStarts: 'Sending a message starts it too.',
  wakes: 'It wakes when you send a message.',
  waitsForIt: 'Your message is saved. It goes to Claude as soon as the workspace is up.',
  versions: (agent: string, claude: string) => `workspace-agent ${agent}, Claude Code ${claude}`,
  since: (when: string) => `since ${when}`,
  unlinked: 'The workspace does not answer at the moment. It is tried again and again.',
  details: 'Details for the operator',
};

const link = {
  connecting: 'Connecting',
  offline: 'This device is offline',
  lost: (seconds: number) => (seconds > 0 ? `Link lost, next try in ${seconds} s` : 'Link lost, trying again'),
  retry: 'Try now',
  stale: 'What you see may be out of date. What you send is kept here and goes out when the link is back.',
  version: 'Atelier has been updated',
  versionHelp: 'This page is older than the control plane. Reload it to go on; drafts and unsent messages are kept.',
  reload: 'Reload the page',
};

const status = {
  states: {
    idle: 'idle',
    working: 'working',
    waiting: 'waits for you',
    not_responding: 'not responding',
  } satisfies Record<State, string>,
  unknown: 'unknown',
  claudeStarts: 'Claude is starting',
  requesting: 'asking the model',
  noAnswer: (seconds: number) => `the model has not answered for ${seconds} s`,
  responding: 'answering',
  tool: (verb: string) => verb,
  retrying: (attempt: number, max: number, seconds: number) => `retry ${attempt} of ${max} in ${seconds} s`,
  retryingNow: (attempt: number, max: number) => `retry ${attempt} of ${max}`,
  compacting: 'summarising to make room',
  stopping: 'stopping',
  stop: 'Stop',
  stopHint: 'Esc twice',
  notResponding: 'Claude shows no sign of life; it is being looked after',
};

const list = {
  title: 'Conversations',
  fresh: 'New conversation',
  search: 'Search',
  none: 'Conversations appear here. Write the first message to begin one.',
  nothingFound: (query: string) => `Nothing found for “${query}”`,
  untitled: 'New conversation',
  more: 'Show more',
  rename: 'Rename',
  remove: 'Delete',
  actions: (title: string) => `Actions for ${title}`,
  newTitle: 'New title',
  deleted: (title: string) => `“${title}” deleted`,
  undo: 'Undo',
  waiting: (count: number) => `${count} queued`,
  open: 'Conversations',
  close: 'Close list',
};

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
  acceptEdits: { name: 'Accept edits', hint: 'Edits files in the workspace without asking; asks for the rest' },
  plan: { name: 'Plan', hint: 'Reads and plans; changes nothing' },
  dontAsk: { name: 'Don’t ask', hint: 'Refuses instead of asking' },
  auto: { name: 'Auto', hint: 'Decides by itself what is safe' },
  bypassPermissions: { name: 'Allow everything', hint: 'Asks for nothing. Only for throw-away work' },
} satisfies Record<Mode, { name: string; hint: string }>;

const marks = {
  unsent: 'not sent yet',
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
  hints: {
    unsent: 'Kept in this browser. It goes out when the link is back.',
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
  } satisfies Record<MessageEnd, string>,
  steered: 'into the running turn',
  edit: 'Edit',
  retry: 'Send again',
  discard: 'Discard',
  /** The reader as a sentence's subject, and anybody else. */
  you: 'You',
  who: (name: string) => name,
};

const queue = {
  title: (count: number) => (count === 1 ? '1 message waits' : `${count} messages wait`),
  now: 'Send now',
  nowHint: 'Give it to the running turn',
  goingNow: 'goes into the running turn',
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
  begin: 'The conversation begins here',
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
  showAll: (lines: number) => `Show all ${lines} lines`,
  showLess: 'Show less',
  loadAll: (size: string) => `Load all ${size}`,
  loading: (percent: number) => `Loading, ${percent} %`,
  cutMiddle: (size: string) => `${size} in between are not loaded`,
  loadFailed: 'Could not be loaded.',
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
  } satisfies Record<CallState, string>,
  input: 'Input',
  output: 'Output',
  errors: 'Errors',
  noOutput: 'No output',
  noChange: 'No change',
  told: 'What Claude is told',
  working: (count: number) => (count === 1 ? '1 step' : `${count} steps`),
  loadDiff: (size: string) => `Load the diff (${size})`,
  added: (count: number) => `${count} added`,
  removed: (count: number) => `${count} removed`,
  questions: 'Questions',
  unanswered: 'not answered',
};

const unknownReasons = {
  tools_called: 'Claude’s process died after it had begun to use tools.',
  answer_lost: 'Claude had answered, but the answer was lost with its process.',
  keeps_dying: 'Claude’s process died again and again.',
} satisfies Record<Unknown, string>;

const unknown = {
  title: 'Nobody knows what became of this message',
  why: unknownReasons,
  tools: 'It is not known whether these ran to their end:',
  choose: 'Continue takes the turn up where it was. Send again starts over, and may do things twice.',
  proceed: 'Continue',
  again: 'Send again',
  sending: 'sending',
  dealt: {
    continued: 'It was continued.',
    again: 'It was sent again.',
    passed: 'The conversation went on without it.',
  },
  notLoaded: 'The message could not be loaded to be sent again.',
};

const reach = {
  session: 'in this conversation',
  workspace: 'in this workspace',
  user: 'in all your work',
} satisfies Record<Reach, string>;

const prompts = {
  count: (index: number, total: number) => `${index} of ${total}`,
  previous: 'Previous prompt',
  next: 'Next prompt',
  label: 'Claude waits for you',
  permission: {
    run: 'Claude wants to run a command',
    read: 'Claude wants to read',
    edit: 'Claude wants to edit a file',
    write: 'Claude wants to write a file',
    fetch: 'Claude wants to fetch from the web',
    other: (tool: string) => `Claude wants to use ${tool}`,
  },
  by: (agent: string) => `asked by the sub-agent ${agent}`,
  where: 'In',
  why: 'Why you are asked',
  allow: 'Allow once',
  always: 'Always allow',
  alwaysWhat: {
    rules: (what: string, where: Reach) => `Always allow ${what} ${reach[where]}`,
    every: (tool: string) => `every use of ${tool}`,
    mode: {
      acceptEdits: (where: Reach) => `Accept all edits ${reach[where]}`,
      other: (mode: string, where: Reach) => `Go on in mode “${mode}” ${reach[where]}`,
    },
    folders: (folders: string, count: number, where: Reach) =>
      `Allow the folder${count > 1 ? 's' : ''} ${folders} ${reach[where]}`,
    beginning: (command: string) => `commands that begin with ${command}`,
    domain: (domain: string) => `fetching from ${domain}`,
    and: ' and ',
  },
  deny: 'Deny',
  denyReason: 'What Claude should do instead (optional)',
  denyWith: 'Deny with a reason',
  sending: 'sending',
  answeredBy: (who: string) => `${who} answered; it is on its way to Claude`,
  closed: 'It was answered or withdrawn already.',
  question: 'Claude asks',
  other: 'Other…',
  otherLabel: 'Your own answer',
  several: 'Choose any',
  submit: 'Answer',
  skip: 'Don’t answer',
  unanswered: (count: number) => (count === 1 ? '1 question left open' : `${count} questions left open`),
  plan: 'Claude proposes a plan',
  noPlan: 'Claude has not written the plan down apart; it is in its words above.',
  approve: 'Approve',
  approveHint: 'ask before edits',
  approveEdits: 'Approve and accept edits',
  keepPlanning: 'Keep planning',
  feedback: 'What should change?',
  form: (server: string) => `${server} asks`,
  formSend: 'Send',
  decline: 'Decline',
  required: 'required',
  yes: 'Yes',
  choose: 'Choose',
  badForm: 'This form cannot be shown here. You can decline it.',
  keys: (allow: string, deny: string) => `${allow} allows, ${deny} denies`,
};

const answered = {
  allowed: (who: string) => `${who} allowed it once`,
  allowedAlways: (who: string, what: string) => `${who} allowed it: ${what}`,
  approved: (who: string) => `${who} approved the plan`,
  approvedMode: (who: string, mode: string) => `${who} approved the plan; mode: ${mode}`,
  denied: (who: string) => `${who} denied it`,
  keptPlanning: (who: string) => `${who} asked for more planning`,
  skipped: (who: string) => `${who} did not answer`,
  answered: (who: string) => `${who} answered`,
  filled: (who: string) => `${who} filled in the form`,
};

const lines = {
  resent: 'Claude restarted and is answering again',
  retry: (attempt: number, max: number, status: string) => `The model’s API failed${status}; try ${attempt} of ${max}`,
  retryStatus: (status: number) => ` (${status})`,
  stop: (who: string) => `${who} asked to stop`,
  continued: (who: string) => `${who} had Claude continue`,
  withdrawn: {
    claude: 'Claude no longer needs an answer',
    stopped: 'The prompt was withdrawn by the stop',
    lost_with_process: 'The prompt was lost with Claude’s process',
  } satisfies Record<Withdrawal, string>,
  answerNotTaken: 'the answer given was not taken',
  processEnded: {
    idle: 'Claude went to sleep',
    workspace_stopped: 'The workspace stopped in mid-work',
    stopped: 'Claude’s process was ended to carry out the stop',
    replaced: 'Claude restarted with new settings',
    silent: 'Claude showed no sign of life and was restarted',
    failed: 'Claude could not be started',
    died: 'Claude’s process died',
  } satisfies Record<ProcessEnd, string>,
  model: (model: string) => `Model: ${model}`,
  mode: (mode: string) => `Mode: ${mode}`,
  settingsWhy: {
    asked: '',
    claude: '',
    restarted: 'after a restart',
  } satisfies Record<SettingsChange, string>,
  compacted: (before: string, after: string) => `Summarised to make room: ${before} → ${after} tokens`,
  cleared: 'Claude has forgotten everything above',
  trouble: {
    cant_start: 'Claude could not be started',
    line_dropped: 'Something too long to keep was dropped',
    disk_full: 'The disk is full: the log could not be written',
    garbled: 'Claude Code said something that is not its protocol',
    silent: 'The turn shows no sign of life',
    history_lost: 'Events before this one are lost: the log was put back to an earlier time',
    setting_refused: 'A setting could not be changed',
  } satisfies Record<Trouble, string>,
  notices: {
    start_failed: 'The workspace could not be started',
    workspace_lost: 'The workspace went away in mid-turn',
    control_plane_restarted: 'The control plane restarted; the work went on',
    budget_reached: 'The budget is used up',
    out_of_memory: 'The workspace’s memory ran out, and a process was ended',
  } satisfies Record<NoticeKind['type'], string>,
  budget: (limit: string) => `The budget of ${limit} is used up. Ask the operator to raise it.`,
};

const turnErrors = {
  key: 'The model’s API refused the key. The operator has to give a valid one.',
  permission: 'The model’s API does not allow this with the operator’s key.',
  model: 'The model’s API does not know this model. Choose another one below.',
  tooLarge: `The conversation has become too long for the model. ${code('/compact')} makes room.`,
  rate: 'The model’s API limits how much can be asked at a time. Wait a little, then send again.',
  overloaded: 'The model’s API is overloaded. Wait a little, then send again.',
  server: 'The model’s API failed. Send again.',
  unreachable: 'The model’s API could not be reached.',
  request: 'The model’s API refused the request.',
  other: 'The turn failed.',
};

const result = {
  outcomes: {
    completed: '',
    stopped: 'stopped',
    failed: 'failed',
    limit: 'reached a limit',
  } satisfies Record<Outcome, string>,
  errors: turnErrors,
  tokens: (count: string) => `${count} tokens`,
  usage: (input: string, output: string, read: string, write: string) =>
    `${input} read, ${output} written, ${read} from the cache, ${write} into the cache`,
  limit: 'The turn reached its limit. Send a message to go on.',
};

const now = {
  tasks: (done: number, total: number) => `${done} of ${total} tasks`,
  background: (count: number) => (count === 1 ? '1 thing runs in the background' : `${count} things run in the background`),
  task: {
    pending: 'to do',
    in_progress: 'doing',
    completed: 'done',
  } satisfies Record<TaskStatus, string>,
};

const start = {
  heading: 'What shall we work on?',
  intro:
    'This is your own workshop: a private container with Claude Code and your files. Ask for something, and watch it being done.',
  examples: 'Try one of these',
};

const model = {
  demo: 'Demo: a scripted model answers, not Claude.',
  demoExamples: 'What to type',
  demoOther: 'Anything else is answered with a short sample text.',
  noKey: 'Claude has no key yet.',
  noKeyHelp: `The operator puts an Anthropic API key into the file ${code('data/anthropic-key')}, or into ${code('ATELIER_ANTHROPIC_KEY')}, and restarts the control plane. Messages are kept until then.`,
  keyRefused: 'Anthropic refuses the key.',
  keyRefusedHelp: `The operator puts a valid one into ${code('data/anthropic-key')} or ${code('ATELIER_ANTHROPIC_KEY')} and restarts the control plane.`,
  unreachable: 'The model’s API cannot be reached.',
  unreachableHelp: 'Turns will fail until it can. Nothing is lost.',
};

const signIn = {
  heading: 'Sign in to Atelier',
  how: `The way in is a one-time link. It is printed in the terminal where the control plane was started (${code('make up')}).`,
  fresh: `${code('make sign-in')} prints a fresh one there. A link works once, for five minutes.`,
  label: 'Link or code',
  submit: 'Sign in',
  checking: 'Signing in',
  notACode: 'This is neither a sign-in link nor a code.',
  used: `This link was used before or is too old. Print a fresh one with ${code('make sign-in')}.`,
  unavailable: 'No way to sign in is switched on here. Ask the operator.',
  expired: 'You have been signed out. Sign in again to go on; drafts and unsent messages are kept.',
};

const errors = {
  invalid: 'The control plane could not make sense of this request.',
  signed_out: 'You are signed out.',
  forbidden: 'You are not allowed to do this.',
  not_found: 'It is not here any more.',
  conflict: 'It was changed elsewhere meanwhile.',
  too_large: 'It is too large.',
  too_many: 'Too much at a time. Wait a little and try again.',
  unavailable: 'This cannot be done at the moment. Try again soon.',
  prompt_closed: 'It was answered or withdrawn already.',
  internal: 'The control plane failed, by its own fault. Nothing was changed.',
  unreachable: 'The control plane cannot be reached.',
} satisfies Record<FailureCode & (ErrorCode | 'unreachable'), string>;

const ui = {
  product: 'Atelier',
  menu: 'Settings',
  language: 'Language',
  theme: 'Theme',
  themes: { system: 'System', light: 'Light', dark: 'Dark' },
  signOut: 'Sign out',
  close: 'Close',
  copy: 'Copy',
  copied: 'Copied',
  requestId: 'Request',
  dismiss: 'Dismiss',
  skip: 'Skip to the message field',
  more: 'More',
};

const announce = {
  finished: 'Claude has finished.',
  failed: 'The turn failed.',
  stopped: 'Stopped.',
  asks: (what: string) => `Claude waits for you: ${what}`,
  linkLost: 'The link is lost.',
  linkBack: 'The link is back.',
};

const time = { now: 'now' };

export const en = {
  workspace,
  link,
  status,
  list,
  composer,
  modes,
  message,
  queue,
  log,
  tools,
  unknown,
  prompts,
  answered,
  lines,
  result,
  now,
  start,
  model,
  signIn,
  errors,
  ui,
  announce,
  time,
};

/** The words of one language. */
export type Dictionary = typeof en;
