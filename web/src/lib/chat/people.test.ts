/** What people do in a conversation: their messages, answers and stops, and what the control plane tells them. */
import { describe, expect, it } from 'vitest';
import {
  alone,
  type Body,
  call,
  chatOf,
  events,
  hana,
  item,
  marks,
  of,
  prompt,
  result,
  rows,
  said,
  sam,
  started,
  state,
  taken,
} from './fixtures';
import type { CallRow, LineRow, MessageRow, UnknownRow } from './model';
import type { SilentStep } from '../protocol/generated';
import type { LocalMessage } from './outbox';
import type { Chat } from './reducer';

const local = (id: string, mark: LocalMessage['mark'] = { state: 'unsent' }): LocalMessage => ({
  conversation: 'c',
  item: id,
  text: id,
  steer: false,
  at: 1,
  mark,
});

describe('messages that the log does not have', () => {
  it('move from this browser through the outbox into the log as one row with one key', () => {
    const chat = chatOf([]);
    const around = { ...alone, local: [local('m1', { state: 'sending' })] };
    const keys = [chat.view(around).turns[0]!.key];
    expect(marks(chat, around)).toEqual(['m1:sending']);
    chat.putItems(1, [item('m1', 1, { type: 'saved' })]);
    expect(marks(chat, around)).toEqual(['m1:saved']);
    keys.push(chat.view(around).turns[0]!.key);
    chat.append(1, events([taken('m1')]));
    expect(marks(chat, around)).toEqual(['m1:delivered']);
    keys.push(chat.view(around).turns[0]!.key);
    expect(new Set(keys)).toEqual(new Set(['m:m1']));
  });

  it('wait in the queue, by their order there, while a turn runs', () => {
    const chat = chatOf([taken('m1'), state('working')]);
    chat.putItems(3, [item('m3', 3, { type: 'saved' }), item('m2', 2, { type: 'saved' })]);
    const view = chat.view({ ...alone, local: [local('m4')] });
    expect(view.queue.map((queued) => queued.item)).toEqual(['m2', 'm3', 'm4']);
    expect(marks(chat)).toEqual(['m1:delivered']);
  });

  it('show only the next one in the log while nothing runs', () => {
    const chat = chatOf([]);
    chat.putItems(2, [item('m1', 1, { type: 'saved' }), item('m2', 2, { type: 'saved' })]);
    expect(marks(chat)).toEqual(['m1:saved']);
    expect(chat.view(alone).queue.map((queued) => queued.item)).toEqual(['m2']);
  });

  it('can be changed as long as nobody was handed them', () => {
    const waits = (given: object) => {
      const chat = chatOf([]);
      chat.putItems(1, [{ ...item('m1', 1, { type: 'saved' }), ...given }]);
      return of<MessageRow>(chat, 'message')[0]?.waits;
    };
    expect(waits({ version: 3 })).toMatchObject({ item: 'm1', version: 3 });
    expect(waits({ handed: true })).toBeUndefined();
    expect(waits({ state: { type: 'delivered' } })).toBeUndefined();
  });

  it('wait in the queue while the conversation is open in a terminal', () => {
    const chat = chatOf([]);
    chat.putItems(1, [item('m1', 1, { type: 'saved' })]);
    chat.activity = { what: { type: 'in_terminal' }, since: 1 };
    expect(marks(chat)).toEqual([]);
    expect(chat.view(alone).queue.map((queued) => queued.item)).toEqual(['m1']);
  });

  it('that were taken back show the words that only this browser has, and hold up nothing', () => {
    const chat = chatOf([]);
    chat.putItems(1, [item('m1', 1, { type: 'cancelled' })]);
    const around = { ...alone, local: [local('m1', { state: 'back' }), local('m2')] };
    expect(marks(chat, around)).toEqual(['m1:back', 'm2:unsent']);
    expect(chat.view(around).queue).toEqual([]);
  });

  it('are not shown once cancelled or done', () => {
    const chat = chatOf([]);
    chat.putItems(2, [item('m1', 1, { type: 'cancelled' }), item('m2', 2, { type: 'done' })]);
    expect(marks(chat)).toEqual([]);
  });

  it('stay, when refused, where the log stood', () => {
    const chat = chatOf([taken('m1'), result('m1'), taken('m2'), result('m2')]);
    chat.putItems(1, [item('no', 1, { type: 'refused', code: 'unavailable' }, {}, 2)]);
    expect(marks(chat)).toEqual(['m1:done', 'no:refused', 'm2:done']);
  });

  it('stay out of sight while their place is not loaded', () => {
    const chat = chatOf([taken('m2')], 100);
    chat.putItems(1, [item('no', 1, { type: 'refused', code: 'unavailable' }, {}, 2)]);
    expect(marks(chat)).toEqual(['m2:delivered']);
  });

  it('keep the highest revision of an item', () => {
    const chat = chatOf([taken('m0'), state('working')]);
    chat.putItems(5, [{ ...item('m1', 1, { type: 'saved' }), rev: 5, version: 2 }]);
    chat.putItems(4, [{ ...item('m1', 1, { type: 'saved' }), rev: 4, version: 1 }]);
    expect(chat.view(alone).queue[0]!.version).toBe(2);
    expect(chat.cursor.outbox).toBe(5);
  });

  it('are shown, when this browser was refused, with the reason', () => {
    const chat = chatOf([taken('m0'), result('m0')]);
    const around = {
      ...alone,
      local: [local('bad', { state: 'refused', code: 'too_large' }), local('good')],
    };
    expect(marks(chat, around)).toEqual(['m0:done', 'bad:refused', 'good:unsent']);
  });
});

describe('prompts', () => {
  const asked = (id: string, toolUse?: string): Body => ({ kind: 'prompt_asked', ...prompt(id, toolUse) });

  it('are open until answered, and the answer is told of', () => {
    const chat = chatOf([taken('m1'), call('t1'), asked('p1', 't1'), asked('p2')]);
    expect(chat.view(alone).prompts.map((open) => open.prompt.prompt)).toEqual(['p1', 'p2']);
    expect(of<CallRow>(chat, 'call')[0]!.state).toBe('asking');
    const decision = { type: 'allow' as const };
    chat.append(1, events([{ kind: 'prompt_answered', prompt: 'p1', item: 'a1', by: sam, decision }], 5));
    expect(chat.view(alone).prompts.map((open) => open.prompt.prompt)).toEqual(['p2']);
    expect(of<CallRow>(chat, 'call')[0]!.state).toBe('running');
    expect(rows(chat).at(-1)).toMatchObject({ kind: 'answered', by: sam, prompt: { subject: 'make' } });
  });

  it('are closed by a withdrawal, which says so if an answer was not taken', () => {
    const why = 'lost_with_process' as const;
    const withdrawn: Body = { kind: 'prompt_withdrawn', prompt: 'p1', why, answer_not_taken: true };
    const chat = chatOf([asked('p1'), withdrawn]);
    expect(chat.view(alone).prompts).toEqual([]);
    expect(of<LineRow>(chat, 'line')[0]!.line).toEqual({
      type: 'withdrawn',
      why,
      lost: true,
      subject: 'make',
    });
  });

  it('are closed by the end of the process', () => {
    const chat = chatOf([asked('p1'), { kind: 'process_ended', why: 'idle', detail: '' }]);
    expect(chat.view(alone).prompts).toEqual([]);
  });

  it('show whose answer is on its way, from this device or another', () => {
    const chat = chatOf([asked('p1'), asked('p2')]);
    const answer = { type: 'answer' as const, prompt: 'p1', decision: { type: 'allow' as const } };
    chat.putItems(1, [{ ...item('a1', 1, { type: 'saved' }, answer), by: sam }]);
    const prompts = chat.view({ ...alone, answering: new Map([['p2', { item: 'a2', by: hana }]]) }).prompts;
    expect(prompts.map((open) => open.answeredBy)).toEqual([sam, hana]);
  });

  it('can be answered again when an answer was refused', () => {
    const chat = chatOf([asked('p1')]);
    const answer = { type: 'answer' as const, prompt: 'p1', decision: { type: 'allow' as const } };
    chat.putItems(1, [item('a1', 1, { type: 'refused', code: 'unavailable' }, answer)]);
    const around = { ...alone, answering: new Map([['p1', { item: 'a1', by: hana }]]) };
    expect(chat.view(around).prompts[0]!.answeredBy).toBeUndefined();
  });

  it('know which prompts the loaded part asked', () => {
    const chat = chatOf([asked('p1')]);
    expect(chat.knowsPrompt('p1')).toBe(true);
    expect(chat.knowsPrompt('p0')).toBe(false);
  });
});

describe('a message of unknown fate', () => {
  const lost: Body = {
    kind: 'message_unknown',
    item: 'm1',
    why: 'tools_called',
    tools: [{ tool_use: 't1', tool: 'Bash', subject: 'make' }],
  };
  const card = (chat: Chat) => of<UnknownRow>(chat, 'unknown')[0]!;

  it('names its tools and waits for a person', () => {
    const chat = chatOf([taken('m1'), started('m1'), call('t1'), lost]);
    expect(card(chat)).toMatchObject({ item: 'm1', why: 'tools_called' });
    expect(card(chat).dealt).toBeUndefined();
    expect(marks(chat)).toEqual(['m1:unknown']);
    expect(of<CallRow>(chat, 'call')[0]!.state).toBe('lost');
    expect(chat.view(alone).busy).toBe(false);
  });

  it('is dealt with by continuing', () => {
    const chat = chatOf([
      taken('m1'),
      lost,
      { kind: 'message_continued', message: 'm1', item: 'x', by: hana },
    ]);
    expect(card(chat).dealt).toBe('continued');
    expect(marks(chat)).toEqual(['m1:started']);
  });

  it('is dealt with by sending again, or passed over by another message', () => {
    const again: Body = {
      kind: 'message_taken',
      item: 'm2',
      by: hana,
      content: { text: 'x' },
      again_of: 'm1',
    };
    expect(card(chatOf([taken('m1'), lost, again])).dealt).toBe('again');
    expect(card(chatOf([taken('m1'), lost, taken('m3')])).dealt).toBe('passed');
  });

  it('holds what was waiting before it, and nothing that comes after', () => {
    const chat = chatOf([taken('m1'), lost, state('idle')]);
    chat.putItems(1, [item('m2', 1, { type: 'saved' }, {}, 1)]);
    expect(chat.view(alone)).toMatchObject({ held: true, queue: [{ item: 'm2' }] });
    chat.append(
      1,
      events([{ kind: 'message_continued', message: 'm1', item: 'x', by: hana }, result('m1')], 4),
    );
    expect(chat.view(alone)).toMatchObject({ held: false, queue: [] });
    const later = chatOf([taken('m1'), lost, state('idle')]);
    later.putItems(1, [item('m3', 1, { type: 'saved' }, {}, 3)]);
    expect(later.view(alone)).toMatchObject({ held: false, queue: [] });
  });

  it('is being dealt with while the wish is on its way', () => {
    const chat = chatOf([taken('m1'), lost]);
    expect(chat.view({ ...alone, dealing: 'm1' }).dealing).toEqual(new Set(['m1']));
    expect(chat.view({ ...alone, local: [{ ...local('m2'), again_of: 'm1' }] }).dealing).toEqual(
      new Set(['m1']),
    );
    chat.putItems(1, [item('x', 1, { type: 'saved' }, { type: 'continue', message: 'm1' })]);
    expect(chat.view(alone).dealing).toEqual(new Set(['m1']));
  });
});

describe('notices', () => {
  const notice = (m: number, n: number) => ({
    m,
    at: 0,
    after: { epoch: 1, n },
    what: { type: 'control_plane_restarted' as const },
  });

  it('stand where the log stood, even when they come later', () => {
    const chat = chatOf([taken('m1'), said('b1', 'a'), said('b2', 'b'), result('m1'), taken('m2')]);
    chat.view(alone);
    chat.putNotices([notice(1, 2)]);
    expect(rows(chat).map((row) => row.key)).toEqual(['m:m1', 'b:b1', 'notice1', 'b:b2', 'e4', 'm:m2']);
    expect(chat.cursor.notice).toBe(1);
  });

  it('that come before their events end up behind them', () => {
    const chat = chatOf([taken('m1')]);
    chat.putNotices([notice(1, 3)]);
    chat.view(alone);
    chat.append(1, events([result('m1'), taken('m2'), said('b1', 'x')], 2));
    expect(rows(chat).map((row) => row.key)).toEqual(['m:m1', 'e2', 'm:m2', 'notice1', 'b:b1']);
  });

  it('are shown in a log that has nothing else', () => {
    const chat = chatOf([]);
    chat.putNotices([notice(1, 0)]);
    expect(rows(chat).map((row) => row.key)).toEqual(['notice1']);
    chat.append(1, events([taken('m1'), said('b1', 'x')]));
    expect(chat.view(alone).turns.map((turn) => turn.key)).toEqual(['start', 'm:m1']);
  });
});

describe('stopping', () => {
  it('is shown while the stop is on its way, and not after the turn', () => {
    const chat = chatOf([taken('m1'), state('working')]);
    expect(chat.view({ ...alone, stopping: true }).stopping).toBe(true);
    chat.putItems(1, [item('s', 1, { type: 'saved' }, { type: 'stop' })]);
    expect(chat.view(alone).stopping).toBe(true);
    chat.append(1, events([result('m1'), state('idle')], 3));
    expect(chat.view(alone).stopping).toBe(false);
  });
});

it('a message keeps its words while its mark changes', () => {
  const chat = chatOf([
    taken('m1', 'hello'),
    started('m1'),
    { kind: 'message_ended', item: 'm1', how: 'stopped' },
  ]);
  expect(of<MessageRow>(chat, 'message')[0]).toMatchObject({
    content: { text: 'hello' },
    mark: { state: 'done', how: 'stopped' },
  });
});

describe('a new epoch', () => {
  const asked = (id: string, toolUse?: string): Body => ({ kind: 'prompt_asked', ...prompt(id, toolUse) });
  const began = (held: string[], lost = true): Body => ({ kind: 'epoch_began', held, lost });

  it('loses what was under way and is not held, and offers to send it again', () => {
    const chat = chatOf([taken('m1'), started('m1'), call('t1'), taken('m2'), began(['m2'])]);
    expect(marks(chat)).toEqual(['m1:unknown', 'm2:delivered']);
    expect(of<UnknownRow>(chat, 'unknown')).toMatchObject([{ item: 'm1', why: 'history_lost' }]);
    expect(rows(chat).filter((row) => row.kind === 'line')).toMatchObject([{ line: { type: 'lost' } }]);
  });

  it('leaves alone what had come to its end, and what is held', () => {
    const chat = chatOf([
      taken('m1'),
      started('m1'),
      result('m1'),
      taken('m2'),
      started('m2'),
      began(['m2'], false),
    ]);
    expect(marks(chat)).toEqual(['m1:done', 'm2:started']);
    expect(chat.view(alone)).toMatchObject({ busy: true, held: false });
    expect(rows(chat).some((row) => row.kind === 'line')).toBe(false);
  });

  it('closes prompts until they are told anew', () => {
    const before = [taken('m1'), started('m1'), call('t1'), asked('p1', 't1'), began(['m1'], false)];
    expect(chatOf(before).view(alone).prompts).toEqual([]);
    expect(chatOf([...before, asked('p1', 't1')]).view(alone).prompts).toHaveLength(1);
  });

  it('holds what was waiting behind a lost turn until somebody has dealt with it', () => {
    const chat = chatOf([taken('m1'), started('m1'), began([])]);
    chat.putItems(1, [item('m2', 2, { type: 'saved' })]);
    expect(chat.view(alone)).toMatchObject({ busy: false, held: true });
  });
});

describe('a message that was to steer', () => {
  const steering: Body = {
    kind: 'message_taken',
    item: 'm2',
    by: hana,
    content: { text: 'm2' },
    steer: true,
  };

  it('is done once it has started', () => {
    expect(marks(chatOf([taken('m1'), started('m1'), steering, started('m2')]))).toEqual([
      'm1:started',
      'm2:done',
    ]);
  });

  it('is a turn of its own if it is taken once more', () => {
    const chat = chatOf([taken('m1'), started('m1'), steering, result('m1'), taken('m2'), started('m2')]);
    expect(marks(chat)).toEqual(['m1:done', 'm2:started']);
    expect(chat.view(alone).busy).toBe(true);
  });
});

it('what is done about a silent turn is one line that changes', () => {
  const silent = (step: SilentStep, for_ms: number): Body => ({ kind: 'silent', step, for_ms });
  const chat = chatOf([taken('m1'), started('m1'), silent('asked', 180_000), silent('answered', 181_000)]);
  expect(rows(chat).filter((row) => row.kind === 'line')).toMatchObject([
    { line: { type: 'silent', step: 'answered', ms: 181_000 } },
  ]);
});
