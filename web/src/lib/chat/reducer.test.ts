import { describe, expect, it } from 'vitest';
import type { FromServer } from '../protocol/generated';
import {
  alone,
  type Body,
  call,
  called,
  chatOf,
  events,
  hana,
  marks,
  of,
  prompt,
  result,
  rows,
  said,
  sam,
  started,
  taken,
} from './fixtures';
import type { CallRow, LineRow, MessageRow, TextRow } from './model';
import { Chat } from './reducer';

const live = (block: string, text: string, restart = false): FromServer & { type: 'live' } => ({
  type: 'live',
  conversation: 'c',
  block,
  what: { type: 'text' },
  restart,
  text,
});

describe('the log', () => {
  it('shows a turn in order and marks its message done', () => {
    const chat = chatOf([
      taken('m1'),
      started('m1'),
      said('b1', 'Hi.'),
      call('t1'),
      called('t1'),
      result('m1'),
    ]);
    expect(rows(chat).map((row) => row.kind)).toEqual(['message', 'text', 'call', 'result']);
    expect(marks(chat)).toEqual(['m1:done']);
    expect(chat.view(alone).busy).toBe(false);
  });

  it('begins a turn for every message and for what Claude begins by itself', () => {
    const chat = chatOf([
      taken('m1'),
      said('b1', 'a'),
      result('m1'),
      said('b2', 'woken'),
      taken('m2'),
      said('b3', 'c'),
    ]);
    expect(chat.view(alone).turns.map((turn) => turn.key)).toEqual(['m:m1', 'w3', 'm:m2']);
  });

  it('drops repeats, within a batch and across batches', () => {
    const all = events([taken('m1'), said('b1', 'a'), said('b2', 'b')]);
    const chat = new Chat(1, { epoch: 1, n: 3 });
    expect(chat.append(1, all.slice(0, 2))).toBe('ok');
    expect(chat.append(1, all)).toBe('ok');
    expect(of<TextRow>(chat, 'text').map((row) => row.key)).toEqual(['b:b1', 'b:b2']);
    expect(chat.cursor.log).toEqual({ epoch: 1, n: 3 });
  });

  it('reports a hole and takes nothing behind it', () => {
    const all = events([taken('m1'), said('b1', 'a'), said('b2', 'b')]);
    const chat = new Chat(1, { epoch: 1, n: 3 });
    expect(chat.append(1, [all[0]!, all[2]!])).toBe('gap');
    expect(chat.end).toBe(1);
  });

  it('goes on across an epoch whose numbers continue', () => {
    const chat = chatOf([taken('m1')]);
    expect(chat.append(2, events([said('b1', 'a')], 2))).toBe('ok');
    expect(chat.cursor.log).toEqual({ epoch: 2, n: 2 });
  });

  it('keeps one message one message when a new epoch takes it again', () => {
    const chat = chatOf([taken('m1'), started('m1'), taken('m1')]);
    expect(marks(chat)).toEqual(['m1:delivered']);
  });

  it('gives rows with the same block id keys of their own', () => {
    const chat = chatOf([taken('m1'), said('b1', 'a'), said('b1', 'b')]);
    const keys = rows(chat).map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('shows kinds that it does not know, raw', () => {
    const chat = chatOf([taken('m1'), { kind: 'from_the_future', answer: 42 } as unknown as Body]);
    expect(rows(chat).at(-1)).toMatchObject({
      kind: 'raw',
      name: 'from_the_future',
      content: { json: { answer: 42 } },
    });
  });

  it('shows what is not of the shape of its kind, raw, and goes on', () => {
    const chat = chatOf([
      taken('m1'),
      { kind: 'result' } as Body,
      { kind: 'message_unknown', item: 'm1' } as Body,
      said('b', 'x'),
    ]);
    expect(rows(chat).map((row) => row.kind)).toEqual(['message', 'raw', 'raw', 'text']);
    expect(chat.end).toBe(4);
  });

  it('joins results to their calls, and ignores a result whose call is not loaded', () => {
    const chat = chatOf([called('t0'), taken('m1'), call('t1'), called('t1')], 10);
    expect(of<CallRow>(chat, 'call')).toMatchObject([{ toolUse: 't1', state: 'ok', result: { at: 13_000 } }]);
  });

  it('keeps a sub-agent that outlives its turn with its call', () => {
    const chat = chatOf([
      taken('m1'),
      call('task', 'Task'),
      result('m1'),
      call('t2', 'Read', 'task'),
      taken('m2'),
    ]);
    const turns = chat.view(alone).turns;
    expect(turns[0]!.rows.map((row) => row.kind)).toEqual(['message', 'call', 'result', 'call']);
    expect(turns[1]!.rows).toHaveLength(1);
  });

  it('makes one line of a row of retries', () => {
    const retry = (attempt: number): Body => ({ kind: 'retry', attempt, max: 10, delay_ms: 1, status: 529 });
    const chat = chatOf([taken('m1'), retry(1), retry(2), said('b1', 'x'), retry(1)]);
    expect(of<LineRow>(chat, 'line').map((row) => row.line)).toMatchObject([
      { type: 'retry', attempt: 2 },
      { type: 'retry', attempt: 1 },
    ]);
  });

  it('puts a steering message into the running turn', () => {
    const steer: Body = {
      kind: 'message_taken',
      item: 'm2',
      by: hana,
      content: { text: 'also' },
      steer: true,
    };
    const chat = chatOf([taken('m1'), started('m1'), steer, started('m2'), said('b1', 'x'), result('m1')]);
    expect(chat.view(alone).turns).toHaveLength(1);
    expect(marks(chat)).toEqual(['m1:done', 'm2:done']);
  });

  it('says what a change of settings changed, but not what a log begins with', () => {
    const settings = (mode: 'default' | 'plan', why: 'asked' | 'restarted'): Body => ({
      kind: 'settings_changed',
      settings: { mode },
      why,
    });
    const chat = chatOf([
      settings('plan', 'asked'),
      taken('m1'),
      settings('plan', 'asked'),
      settings('default', 'restarted'),
    ]);
    expect(of<LineRow>(chat, 'line')).toHaveLength(1);
    expect(chat.view(alone).settings).toEqual({ mode: 'default' });
  });

  it('shows what was typed in Claude’s own screen as that, never as a person’s message', () => {
    const typed = (row: string): Body => ({ kind: 'terminal_typed', row, content: { text: row } });
    const chat = chatOf([
      { kind: 'terminal_opened', terminal: 't' },
      typed('r1'),
      said('b1', 'first'),
      typed('r2'),
      said('b2', 'second'),
      { kind: 'terminal_closed', rows: 4, left_out: 1 },
      taken('m1'),
      said('b3', 'third'),
    ]);
    const turns = chat.view(alone).turns.map(({ rows }) => rows.map(({ kind }) => kind));
    expect(turns).toEqual([['line'], ['typed', 'text'], ['typed', 'text', 'line'], ['message', 'text']]);
    expect(of<MessageRow>(chat, 'message').map(({ item }) => item)).toEqual(['m1']);
    expect(of<LineRow>(chat, 'line').map(({ line }) => line)).toEqual([
      { type: 'terminal_opened', byHand: false },
      { type: 'terminal_closed', rows: 4, leftOut: 1 },
    ]);
  });

  it('tells of a process that died, and not of one that went to sleep', () => {
    const ended = (why: 'idle' | 'died'): Body => ({ kind: 'process_ended', why, detail: '' });
    const chat = chatOf([taken('m1'), call('t1'), ended('died'), ended('idle')]);
    expect(of<LineRow>(chat, 'line')).toHaveLength(1);
    expect(of<CallRow>(chat, 'call')[0]!.state).toBe('lost');
  });
});

describe('views', () => {
  it('share every turn that did not change', () => {
    const chat = chatOf([taken('m1'), said('b1', 'a'), result('m1'), taken('m2')]);
    const before = chat.view(alone);
    chat.append(1, events([said('b2', 'b')], 5));
    const after = chat.view(alone);
    expect(after.turns[0]).toBe(before.turns[0]);
    expect(after.turns[1]).not.toBe(before.turns[1]);
  });

  it('take state and settings from the list where the loaded part has none', () => {
    const chat = chatOf([said('b1', 'a')], 50);
    const listed = { state: 'working' as const, settings: { mode: 'plan' as const } };
    expect(chat.view({ ...alone, listed })).toMatchObject({
      state: 'working',
      busy: true,
      settings: { mode: 'plan' },
    });
  });
});

describe('older pages', () => {
  const first = [taken('m1'), call('t1'), { ...prompt('p1', 't1'), kind: 'prompt_asked' } as Body];
  const second = [
    { kind: 'prompt_answered', prompt: 'p1', item: 'a', by: sam, decision: { type: 'allow' } } as Body,
    called('t1'),
    result('m1'),
  ];

  it('join what was torn apart', () => {
    const chat = new Chat(4, { epoch: 1, n: 6 });
    chat.append(1, events(second, 4));
    expect(of<CallRow>(chat, 'call')).toEqual([]);
    chat.prepend({ end: { epoch: 1, n: 6 }, events: events(first) });
    expect(of<CallRow>(chat, 'call')[0]).toMatchObject({ state: 'ok', since: 4000 });
    expect(rows(chat).map((row) => row.n)).toEqual([1, 2, 4, 6]);
    expect(chat.oldest).toBe(1);
  });

  it('overlap without showing anything twice', () => {
    const chat = new Chat(4, { epoch: 1, n: 6 });
    chat.append(1, events(second, 4));
    chat.prepend({
      end: { epoch: 1, n: 6 },
      events: [...events(first.slice(1), 2), ...events(second, 4)],
      before: 2,
    });
    expect(chat.oldest).toBe(2);
    expect(rows(chat).filter((row) => row.kind === 'answered')).toHaveLength(1);
  });

  it('leave live text where it is', () => {
    const chat = new Chat(2, { epoch: 1, n: 2 });
    chat.append(1, events([started('m1')], 2));
    chat.pushLive(live('b1', 'so far'), 0);
    chat.prepend({ end: { epoch: 1, n: 2 }, events: events([taken('m1')]) });
    expect(rows(chat).map((row) => row.kind)).toEqual(['message', 'text']);
  });
});

describe('live text', () => {
  it('grows, starts over, and is replaced by the final block under the same key', () => {
    const chat = chatOf([taken('m1'), started('m1')]);
    chat.pushLive(live('b1', 'Hel'), 0);
    chat.pushLive(live('b1', 'lo'), 0);
    expect(rows(chat).at(-1)).toMatchObject({ key: 'b:b1', live: true, text: { text: 'Hello' } });
    expect(chat.view(alone).streaming).toBe(true);
    chat.pushLive(live('b1', 'Bye', true), 0);
    expect(rows(chat).at(-1)).toMatchObject({ text: { text: 'Bye' } });
    chat.append(1, events([said('b1', 'Bye now.')], 3));
    expect(of<TextRow>(chat, 'text')).toMatchObject([
      { key: 'b:b1', live: false, text: { text: 'Bye now.' } },
    ]);
    expect(chat.view(alone).streaming).toBe(false);
  });

  it('that comes after its final block is dropped', () => {
    const chat = chatOf([taken('m1'), said('b1', 'All.')]);
    chat.pushLive(live('b1', 'late'), 0);
    expect(of<TextRow>(chat, 'text')).toHaveLength(1);
  });

  it('of a later turn is shown though its block id was used before', () => {
    const chat = chatOf([taken('m1'), said('b1', 'One.'), result('m1'), taken('m2')]);
    chat.pushLive(live('b1', 'Two'), 0);
    expect(of<TextRow>(chat, 'text').map((row) => row.live)).toEqual([false, true]);
  });

  it('is taken back by a retraction, a retry, a result and the death of the process', () => {
    const enders: Body[] = [
      { kind: 'retry', attempt: 1, max: 2, delay_ms: 1 },
      result('m1'),
      { kind: 'process_ended', why: 'died', detail: '' },
    ];
    for (const ender of enders) {
      const chat = chatOf([taken('m1')]);
      chat.pushLive(live('b1', 'x'), 0);
      chat.append(1, events([ender], 2));
      expect(chat.view(alone).streaming).toBe(false);
    }
    const chat = chatOf([taken('m1')]);
    chat.pushLive(live('b1', 'x'), 0);
    chat.live.remove(['b1']);
    expect(chat.view(alone).streaming).toBe(false);
  });

  it('survives a reconnect until the server has said what still lives', () => {
    const chat = chatOf([taken('m1')]);
    chat.pushLive(live('b1', 'said before'), 0);
    chat.pushLive(live('b2', 'also'), 0);
    chat.live.reconnected();
    expect(of<TextRow>(chat, 'text')).toHaveLength(2);
    chat.pushLive(live('b1', 'said before and after'), 0);
    chat.live.dropStale();
    expect(of<TextRow>(chat, 'text')).toMatchObject([{ text: { text: 'said before and after' } }]);
  });

  it('of a turn that Claude begins by itself keeps its turn when it becomes final', () => {
    const chat = chatOf([taken('m1'), result('m1')]);
    chat.pushLive(live('b1', 'I woke'), 0);
    const before = chat.view(alone).turns.at(-1)!.key;
    chat.append(1, events([said('b1', 'I woke up.')], 3));
    expect(chat.view(alone).turns.at(-1)!.key).toBe(before);
  });
});
