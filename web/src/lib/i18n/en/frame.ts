/** The frame's words in English: workspace, link, list, sign-in. */
import type { ErrorCode, Phase, Stage, State } from '../../protocol/generated';
import type { FailureCode } from '../../api';

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
  filesSafe: 'Your files and conversations are safe.',
  start: 'Start',
  startAgain: 'Start again',
  stop: 'Stop workspace',
  stopHint: 'What runs in it ends. Your files and conversations stay.',
  sendingStarts: 'Sending a message starts it too.',
  wakes: 'It wakes when you send a message.',
  waitsForIt: 'Your message is saved. It goes to Claude as soon as the workspace is up.',
  versions: (agent: string, claude: string) => `workspace-agent ${agent}, Claude Code ${claude}`,
  lasting: (time: string) => `for ${time}`,
  mute: 'not answering',
  unlinked: 'The workspace does not answer at the moment. It is tried again and again.',
  details: 'Details for the operator',
};

const link = {
  connecting: 'Connecting',
  offline: 'This device is offline',
  lost: (seconds: number) =>
    seconds > 0 ? `Link lost, next try in ${seconds} s` : 'Link lost, trying again',
  retry: 'Try now',
  stale: 'What you see may be out of date. What you send is kept here and goes out when the link is back.',
  version: 'Atelier has been updated',
  versionHelp:
    'This page is older than the control plane. Reload it to go on; drafts and unsent messages are kept.',
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
  onHold: 'on hold',
  claudeStarts: 'Claude is starting',
  noPlace: (seconds: number) =>
    `Claude has not started for ${seconds} s; other conversations or terminals may hold its place`,
  requesting: 'asking the model',
  noAnswer: (seconds: number) => `the model has not answered for ${seconds} s`,
  responding: 'answering',
  retrying: (attempt: number, max: number, seconds: number) => `retry ${attempt} of ${max} in ${seconds} s`,
  retryingNow: (attempt: number, max: number) => `retry ${attempt} of ${max}`,
  compacting: 'summarising to make room',
  stopping: 'stopping',
  inTerminal: 'open in a terminal',
  diskFull: 'the disk is full; nothing goes on until there is room',
  stop: 'Stop',
  stopHint: 'Esc twice',
  notResponding: 'Claude shows no sign of life; it is being looked after',
};

const list = {
  title: 'Conversations',
  fresh: 'New conversation',
  search: 'Search titles',
  none: 'Conversations appear here. Write the first message to begin one.',
  nothingFound: (query: string) => `Nothing found for “${query}”`,
  untitled: 'New conversation',
  more: 'Show more',
  rename: 'Rename',
  grant: 'Let operators read…',
  shared: 'shared',
  remove: 'Delete',
  ownScreen: 'Open in a terminal',
  actions: (title: string) => `Actions for ${title}`,
  newTitle: 'New title',
  deleted: (title: string) => `“${title}” deleted`,
  undo: 'Undo',
  waiting: (count: number) => `${count} queued`,
  open: 'Conversations',
  close: 'Close list',
};

const start = {
  heading: 'What shall we work on?',
  intro:
    'This is your own workshop: a private container with Claude Code and your files. Ask for something, and watch it being done.',
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
  /** The only user of an Atelier without accounts, who has no name. */
  me: 'You',
  menu: 'Settings',
  language: 'Language',
  theme: 'Theme',
  themes: { system: 'System', light: 'Light', dark: 'Dark' },
  signOut: 'Sign out',
  copy: 'Copy',
  copied: 'Copied',
  requestId: 'Request',
  terminals: 'Terminals',
  skip: 'Skip to the message field',
};

const time = { now: 'now' };

export const frameWords = { workspace, link, status, list, start, errors, ui, time };
