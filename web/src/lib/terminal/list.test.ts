// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import type { FromServer, Terminal } from '../protocol/generated';
import type { Ask } from '../requests';
import { Door } from './door.svelte';
import { Terminals } from './list.svelte';

const terminal = (id: string, more: Partial<Terminal> = {}): Terminal => ({
  id,
  name: id,
  what: { type: 'shell' },
  size: { cols: 80, rows: 24 },
  opened_at: 0,
  life: 1,
  phase: { type: 'running', since: 0 },
  end: 0,
  viewers: 0,
  ...more,
});
const all = (...terminals: Terminal[]): FromServer => ({
  type: 'terminals',
  you: 'me',
  available: true,
  terminals,
});

const asked: Ask[] = [];
let door: Door;

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  asked.length = 0;
  door = new Door({
    request: (ask) => {
      asked.push(ask);
      return Promise.resolve();
    },
    send: () => true,
  });
});

describe('the list of terminals', () => {
  it('hears what was told before it was there', () => {
    door.receive(all(terminal('old')));
    door.receive(all(terminal('a')));
    door.receive({ type: 'terminal', terminal: terminal('b') });
    const terminals = Terminals.behind(door);
    expect(terminals.all.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(Terminals.behind(door)).toBe(terminals);
  });

  it('takes changes in place, and names what went away without being asked to', () => {
    const terminals = Terminals.behind(door);
    door.receive(all(terminal('a'), terminal('b')));
    door.receive({ type: 'terminal', terminal: terminal('a', { name: 'renamed' }) });
    expect(terminals.all.map(({ name }) => name)).toEqual(['renamed', 'b']);
    terminals.close('b');
    door.receive({ type: 'terminal_gone', terminal: 'b', why: 'closed' });
    expect(terminals.gone).toBeUndefined();
    door.receive({ type: 'terminal_gone', terminal: 'a', why: 'idle' });
    expect(terminals.gone).toEqual({ name: 'renamed', why: 'idle' });
    expect(terminals.all).toEqual([]);
  });

  it('stays when a control plane has just come up and knows of none, until the workspace is known to have stopped', () => {
    const terminals = Terminals.behind(door);
    door.receive(all(terminal('a')));
    door.receive({ type: 'terminals', you: 'me', available: false, terminals: [] });
    expect(terminals.all).toHaveLength(1);
    terminals.ended();
    expect(terminals.all).toEqual([]);
  });

  it('looks at one that it opens, and again after a reload', () => {
    const terminals = Terminals.behind(door);
    terminals.begin('Shell 1', { type: 'shell' });
    expect(asked).toMatchObject([{ type: 'terminal', terminal: terminals.current, wish: { type: 'open' } }]);
    const reloaded = new Door(door.host);
    expect(reloaded.open).toBe(true);
    expect(Terminals.behind(reloaded).current).toBe(terminals.current);
  });
});

describe('the owner of a size', () => {
  it('is this viewer, somebody else, nobody, or only what this tab was called before', () => {
    const terminals = Terminals.behind(door);
    door.receive(all(terminal('a', { owner: 'me' })));
    expect(terminals.owns(terminal('a', { owner: 'me' }))).toBe(true);
    door.receive({ ...all(), you: 'me-again' } as FromServer);
    expect(terminals.owns(terminal('a', { owner: 'me' }))).toBe(false);
    expect(terminals.owned(terminal('a', { owner: 'me' }))).toBe(true);
    expect(terminals.owned(terminal('a', { owner: 'me-again' }))).toBe(false);
    expect(terminals.owned(terminal('a', { owner: 'other' }))).toBe(false);
    expect(terminals.elsewhere(terminal('a', { owner: 'other' }))).toBe(true);
    expect(terminals.elsewhere(terminal('a', { owner: 'me' }))).toBe(false);
    expect(terminals.owned(terminal('a'))).toBe(false);
    expect(terminals.elsewhere(terminal('a'))).toBe(false);
    // The same tab, loaded anew, remembers.
    const reloaded = Terminals.behind(new Door(door.host));
    expect(reloaded.owned(terminal('a', { owner: 'me' }))).toBe(true);
  });
});
