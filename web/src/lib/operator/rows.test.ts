import { describe, expect, it } from 'vitest';
import { en } from '../i18n/en';
import { why } from '../i18n/workspace';
import type { Counts, FleetRow, Phase } from '../protocol/generated';
import { actsOn, type FleetMessage, isTrouble, roundTrip, shown, stateWords, take } from './rows';
import { operatorWords } from './words';

const counts: Counts = { total: 1, live: 0, working: 0, waiting: 0, not_responding: 0, prompts: 0 };
const failed: Phase = { type: 'failed', reason: { code: 'exited', detail: '' } };

function row(workspace: string, phase: Phase, more: Partial<FleetRow> = {}): FleetRow {
  const linked = phase.type === 'running';
  return {
    workspace,
    user: 'u',
    name: workspace,
    status: { generation: 1, phase, since: 0, linked },
    ...more,
  };
}

const message = (more: Partial<FleetMessage>): FleetMessage => ({
  type: 'fleet',
  begin: false,
  more: false,
  rows: [],
  gone: [],
  totals: { workspaces: 0, connected: 0 },
  ...more,
});

describe('messages', () => {
  it('begin the list, change rows, and take some away', () => {
    const rows = new Map<string, FleetRow>();
    take(
      rows,
      message({ begin: true, rows: [row('a', { type: 'running' }), row('b', { type: 'running' })] }),
    );
    take(rows, message({ rows: [row('a', failed)], gone: ['b'] }));
    expect([...rows.values()].map((one) => one.status.phase.type)).toEqual(['failed']);
    take(rows, message({ begin: true, rows: [row('c', { type: 'running' })] }));
    expect([...rows.keys()]).toEqual(['c']);
  });
});

describe('rows', () => {
  const state = (one: FleetRow) => stateWords(one, en);
  const all = [
    row('fine', { type: 'running' }),
    row('off', { type: 'stopped' }),
    row(
      'mute',
      { type: 'running' },
      { status: { generation: 1, phase: { type: 'running' }, since: 0, linked: false } },
    ),
    row('stuck', { type: 'running' }, { conversations: { ...counts, not_responding: 1 } }),
    row('coming', { type: 'starting', stage: 'image' }),
    row('broken', failed, { email: 'ada@example.com' }),
  ];
  const names = (query: string, stopped: boolean, kept: string[] = []) =>
    shown(all, { query, stopped, kept: new Set(kept) }, state).map((one) => one.workspace);

  it('come with trouble first, stopped ones only where they are wanted', () => {
    expect(names('', false)).toEqual(['broken', 'mute', 'stuck', 'coming', 'fine']);
    expect(names('', true).at(-1)).toBe('off');
    expect(names('', false, ['off']).at(-1)).toBe('off');
    expect(all.filter(isTrouble).map((one) => one.workspace)).toEqual(['mute', 'stuck', 'broken']);
  });

  it('are found by name, e-mail and state', () => {
    expect(names('ADA@', false)).toEqual(['broken']);
    expect(names('not answering', false)).toEqual(['mute']);
    expect(names('fin', false)).toEqual(['fine']);
    expect(names('nobody', true)).toEqual([]);
  });

  it('offer what makes sense', () => {
    expect(all.map((one) => actsOn(one).join())).toEqual([
      'stop,restart',
      'start',
      'stop,restart',
      'stop,restart',
      'stop',
      'start',
    ]);
    expect(actsOn(row('x', { type: 'stopping' }))).toEqual([]);
  });

  it('say why, also for a reason from a later version', () => {
    expect(why({ code: 'operator', detail: '' }, 'en')).toBe('The operator stopped it.');
    expect(why({ code: 'later' as never, detail: '' }, 'ko')).toBe('컨트롤 플레인 자체의 문제로 실패했어요.');
  });

  it('show a ping as finely as it matters', () => {
    expect([420, 9_940, 12_400].map(roundTrip)).toEqual(['0.4 ms', '9.9 ms', '12 ms']);
  });
});

describe('what an act cuts off', () => {
  it('is said in numbers', () => {
    const said = operatorWords.en.cutOff;
    expect(said({ working: 2, waiting: 0 })).toBe('2 conversations are working. That is cut off.');
    expect(said({ working: 1, waiting: 1 })).toBe(
      '1 conversation is working, and 1 conversation waits for an answer. That is cut off.',
    );
    expect(said({ working: 0, waiting: 0 })).toBe('No conversation is working.');
  });
});
