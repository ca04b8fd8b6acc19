/** The rows of the operator's table: what a message changes, which are shown, in which order. Pure. */
import type { Dictionary } from '../i18n/en';
import type { FleetRow, ToOperator, WorkspaceId } from '../protocol/generated';

/** What the control plane says of the fleet. */
export type FleetMessage = Extract<ToOperator, { type: 'fleet' }>;

/** Takes a message in. Costs what the message holds, however many rows there are. */
export function take(rows: Map<WorkspaceId, FleetRow>, message: FleetMessage): void {
  if (message.begin) rows.clear();
  for (const row of message.rows) rows.set(row.workspace, row);
  for (const id of message.gone) rows.delete(id);
}

/** It runs, as far as the engine knows, and its link is down. */
export function isMute({ status }: FleetRow): boolean {
  return status.phase.type === 'running' && !status.linked;
}

/** How much a row wants an operator: the lower, the more. Prompts are the users' business and move nothing. */
export function rank(row: FleetRow): number {
  if (row.status.phase.type === 'failed') return 0;
  if (isMute(row)) return 1;
  if ((row.conversations?.not_responding ?? 0) > 0) return 2;
  switch (row.status.phase.type) {
    case 'starting':
    case 'stopping':
    case 'deleting':
      return 3;
    case 'running':
    case 'paused':
      return 4;
    case 'stopped':
      return 5;
  }
}

/** Whether something is wrong with it. */
export function isTrouble(row: FleetRow): boolean {
  return rank(row) < 3;
}

/** Which rows are wanted. */
export interface Wanted {
  query: string;
  /** Stopped ones, too. */
  stopped: boolean;
  /** Rows that stay in sight whatever becomes of them: those that this page acted on. */
  kept: ReadonlySet<WorkspaceId>;
}

/** The rows to show, trouble first. `stateOf`: a row's state in the reader's words, by which it is found, too. */
export function shown(
  rows: Iterable<FleetRow>,
  { query, stopped, kept }: Wanted,
  stateOf: (row: FleetRow) => string,
): FleetRow[] {
  const wanted = query.trim().toLowerCase();
  const fits = (row: FleetRow) => {
    if (row.status.phase.type === 'stopped' && !stopped && !kept.has(row.workspace)) return false;
    const text = [row.name, row.email ?? '', row.workspace, stateOf(row)].join('\n').toLowerCase();
    return text.includes(wanted);
  };
  return [...rows].filter(fits).sort(inOrder);
}

function inOrder(a: FleetRow, b: FleetRow): number {
  return rank(a) - rank(b) || a.name.localeCompare(b.name) || (a.workspace < b.workspace ? -1 : 1);
}

/** A row's state in a word. */
export function stateWords(row: FleetRow, t: Dictionary): string {
  return isMute(row) ? t.workspace.mute : t.workspace.phases[row.status.phase.type];
}

/** How long a ping takes. Below ten milliseconds a fraction counts. */
export function roundTrip(us: number): string {
  const ms = us / 1000;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** What can be done to a workspace in this state. `start`: a restart of what does not run. */
export function actsOn({ status }: FleetRow): readonly ('stop' | 'restart' | 'start')[] {
  switch (status.phase.type) {
    case 'running':
    case 'paused':
      return ['stop', 'restart'];
    case 'starting':
      return ['stop'];
    case 'stopped':
    case 'failed':
      return ['start'];
    case 'stopping':
    case 'deleting':
      return [];
  }
}
