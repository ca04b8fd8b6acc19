/** The words of the status line. Pure: time comes in as a number. */
import type { Dictionary } from '../i18n/en';
import { elapsed, type Language } from '../i18n/format';
import type { Activity, ConversationView, Phase, State } from '../protocol/generated';
import type { LinkState } from '../socket';
import { toolName, verbOf } from './tools';

/** A model that answers at all begins within this time; after it the wait is worth a word. */
const PATIENCE_MS = 5000;
/** A place for Claude's process is mostly free; after this long the wait for one is worth a word. */
const PLACE_MS = 10_000;

/** How a status is drawn: a shape for each, so that colour is never all. */
export type Shape = 'idle' | 'working' | 'waiting' | 'trouble' | 'off';

/** The shape of a workspace's state. */
export const PHASE_SHAPES: Record<Phase['type'], Shape> = {
  stopped: 'off',
  starting: 'working',
  running: 'idle',
  paused: 'off',
  stopping: 'working',
  failed: 'trouble',
  deleting: 'working',
};

/** Nothing runs in the workspace, and what was asked there can't be answered any more. */
export function isDown(phase: Phase | undefined): boolean {
  return phase?.type === 'stopped' || phase?.type === 'failed';
}

/**
 * There is something to do in a conversation whose workspace does not run. It may have begun or only wait: what becomes of
 * it the workspace's next life tells.
 */
export function isOnHold(state: State, phase: Phase | undefined): boolean {
  return state !== 'idle' && (isDown(phase) || phase?.type === 'starting' || phase?.type === 'paused');
}

/** The shape of a conversation's state. */
export function shapeOf(state: State, unknown: boolean): Shape {
  if (state === 'not_responding' || (unknown && state === 'idle')) return 'trouble';
  if (state === 'waiting') return 'waiting';
  return state === 'working' ? 'working' : 'idle';
}

/** The state of a conversation in the list, in a word. */
export function listedState({ summary }: ConversationView, t: Dictionary): string {
  if (summary.state === 'idle' && summary.unknown) return t.status.unknown;
  return t.status.states[summary.state];
}

/** What the conversation is doing right now, in words; nothing if its state says it all. */
export function activityWords(
  activity: Activity | undefined,
  now: number,
  t: Dictionary,
  language: Language,
): string | undefined {
  if (!activity) return undefined;
  const { what, since } = activity;
  const passed = Math.max(0, now - since);
  switch (what.type) {
    case 'none':
      return undefined;
    case 'queued':
      return passed < PLACE_MS ? t.status.claudeStarts : t.status.noPlace(Math.floor(passed / 1000));
    case 'starting':
      return t.status.claudeStarts;
    case 'requesting':
      return passed < PATIENCE_MS ? t.status.requesting : t.status.noAnswer(Math.floor(passed / 1000));
    case 'responding':
      return t.status.responding;
    case 'tool':
      return `${doing(what.tool, t)} · ${elapsed(passed, language)}`;
    case 'retrying': {
      const seconds = Math.ceil((what.until - now) / 1000);
      const { attempt, max } = what;
      return seconds > 0 ? t.status.retrying(attempt, max, seconds) : t.status.retryingNow(attempt, max);
    }
    case 'compacting':
      return t.status.compacting;
    case 'stopping':
      return t.status.stopping;
    case 'disk_full':
      return t.status.diskFull;
    case 'in_terminal':
      return t.status.inTerminal;
    case 'other':
      return undefined;
  }
}

/** What is wrong with the link, in words; nothing if nothing is. */
export function linkWords(link: LinkState, online: boolean, now: number, t: Dictionary): string | undefined {
  switch (link.type) {
    case 'up':
      return undefined;
    case 'connecting':
      return t.link.connecting;
    case 'down':
      return online ? t.link.lost(Math.ceil((link.until - now) / 1000)) : t.link.offline;
    case 'closed':
      return link.why === 'version' ? t.link.version : t.errors.signed_out;
  }
}

function doing(tool: string, t: Dictionary): string {
  const verb = verbOf(tool);
  return verb === 'other' ? toolName(tool) : t.tools.doing[verb];
}
