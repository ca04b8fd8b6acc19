// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConversationId, FromServer, HistoryPage, PromptId } from '../protocol/generated';
import { type Ask, LinkLost, Refused } from '../requests';
import { Conversation, type Host } from './conversation.svelte';
import { type Body, events, hana, item, prompt, result, said, state, taken } from './fixtures';

const ID: ConversationId = 'c';
const pages: HistoryPage[] = [];

vi.mock('../api', async (original) => ({
  ...(await original<object>()),
  history: vi.fn(() => Promise.resolve(pages.shift())),
}));

/** A host that notes what is asked of it and answers as it is told to. */
class TestHost implements Host {
  readonly asked: Ask[] = [];
  answer: () => Promise<void> = () => Promise.resolve();
  prompts: readonly PromptId[] = [];
  isUnborn = false;

  request(ask: Ask): Promise<void> {
    this.asked.push(ask);
    return this.answer();
  }
  me = () => hana;
  around = () => ({ local: [] });
  arrived = () => undefined;
  unborn = () => this.isUnborn;
  listedPrompts = () => this.prompts;
}

let host: TestHost;
let conversation: Conversation;

const opened = (
  verdict: 'resumed' | 'snapshot',
  from: number,
  n: number,
): FromServer & { type: 'opened' } => ({
  type: 'opened',
  conversation: ID,
  verdict: verdict === 'resumed' ? { type: 'resumed' } : { type: 'snapshot', because: 'first' },
  from,
  end: { epoch: 1, n },
});
const sent = (bodies: readonly Body[], first: number) => ({
  type: 'events' as const,
  conversation: ID,
  epoch: 1,
  events: events(bodies, first),
});
const frame = () => vi.advanceTimersByTime(20);
const shown = () => conversation.view.turns.flatMap((turn) => turn.rows.map((row) => row.key));

beforeEach(() => {
  vi.useFakeTimers();
  pages.length = 0;
  host = new TestHost();
  conversation = new Conversation(ID, host);
});
afterEach(() => vi.useRealTimers());

async function openWith(bodies: readonly Body[]): Promise<void> {
  await conversation.open();
  conversation.receive(opened('snapshot', 1, bodies.length));
  conversation.receive(sent(bodies, 1));
  frame();
}

describe('following', () => {
  it('shows a snapshot once it is whole, and nothing of it before', async () => {
    await conversation.open();
    conversation.receive(opened('snapshot', 1, 3));
    conversation.receive(sent([taken('m1'), said('b1', 'x')], 1));
    frame();
    expect(shown()).toEqual([]);
    conversation.receive(sent([result('m1')], 3));
    frame();
    expect(shown()).toEqual(['m:m1', 'b:b1', 'e3']);
  });

  it('keeps showing what it has until a later snapshot is whole', async () => {
    await openWith([taken('m1'), said('b1', 'x')]);
    conversation.receive(opened('snapshot', 100, 101));
    conversation.receive(sent([taken('m9')], 100));
    frame();
    expect(shown()).toEqual(['m:m1', 'b:b1']);
    conversation.receive(sent([said('b9', 'y')], 101));
    frame();
    expect(shown()).toEqual(['m:m9', 'b:b9']);
  });

  it('keeps the queue when only the log begins anew', async () => {
    await openWith([taken('m1'), state('working')]);
    const items = [item('m2', 4, { type: 'saved' })];
    conversation.receive({ type: 'outbox', conversation: ID, rev: 4, items });
    conversation.receive({ ...opened('snapshot', 3, 4), end: { epoch: 2, n: 4 } });
    conversation.receive({ ...sent([taken('m3'), state('working')], 3), epoch: 2 });
    frame();
    expect(shown()).toEqual(['m:m3']);
    expect(conversation.view.queue.map((queued) => queued.item)).toEqual(['m2']);
    await conversation.open();
    expect(host.asked.at(-1)).toMatchObject({ cursor: { log: { epoch: 2, n: 4 }, outbox: 4 } });
  });

  it('keeps the queue when what it lacked of the log was too much', async () => {
    await openWith([taken('m1'), state('working')]);
    const items = [item('m2', 4, { type: 'saved' })];
    conversation.receive({ type: 'outbox', conversation: ID, rev: 4, items });
    await conversation.open();
    conversation.receive(opened('snapshot', 100, 101));
    conversation.receive(sent([taken('m3'), state('working')], 100));
    frame();
    expect(shown()).toEqual(['m:m3']);
    expect(conversation.view.queue.map((queued) => queued.item)).toEqual(['m2']);
  });

  it('drops the queue with everything else when all was asked for anew', async () => {
    await openWith([taken('m1'), state('working')]);
    const items = [item('m2', 4, { type: 'saved' })];
    conversation.receive({ type: 'outbox', conversation: ID, rev: 4, items });
    conversation.receive(sent([taken('m9')], 9));
    expect(host.asked.at(-1)).not.toHaveProperty('cursor');
    conversation.receive(opened('snapshot', 100, 101));
    conversation.receive(sent([taken('m3'), state('working')], 100));
    frame();
    expect(shown()).toEqual(['m:m3']);
    expect(conversation.view.queue).toEqual([]);
  });

  it('keeps the older pages that a later snapshot joins on to', async () => {
    await openWith([taken('m1'), said('b1', 'x'), said('b2', 'y')]);
    await conversation.open();
    conversation.receive(opened('snapshot', 3, 4));
    conversation.receive(sent([said('b2', 'y'), said('b3', 'z')], 3));
    frame();
    expect(shown()).toEqual(['m:m1', 'b:b1', 'b:b2', 'b:b3']);
    expect(conversation.view.oldest).toBe(1);
  });

  it('shows an empty conversation at once', async () => {
    await conversation.open();
    expect(conversation.following).toBe('opening');
    conversation.receive(opened('snapshot', 1, 0));
    frame();
    expect(conversation.following).toBe('open');
    conversation.receive(sent([taken('m1')], 1));
    frame();
    expect(shown()).toEqual(['m:m1']);
  });

  it('opens again from its cursor and appends what it lacked', async () => {
    await openWith([taken('m1')]);
    await conversation.open();
    expect(host.asked.at(-1)).toMatchObject({ type: 'open', cursor: { log: { epoch: 1, n: 1 } } });
    conversation.receive(opened('resumed', 2, 2));
    conversation.receive(sent([said('b1', 'x')], 2));
    frame();
    expect(shown()).toEqual(['m:m1', 'b:b1']);
  });

  it('asks for a snapshot when something is missing, and shows what it has meanwhile', async () => {
    await openWith([taken('m1')]);
    conversation.receive(sent([said('b3', 'x')], 3));
    frame();
    expect(host.asked.at(-1)).toEqual({ type: 'open', conversation: ID });
    expect(shown()).toEqual(['m:m1']);
  });

  it('draws once a frame however much comes', async () => {
    await openWith([taken('m1')]);
    const before = conversation.view;
    conversation.receive(sent([said('b1', 'x')], 2));
    conversation.receive(sent([said('b2', 'y')], 3));
    expect(conversation.view).toBe(before);
    frame();
    expect(shown()).toHaveLength(3);
  });

  it('drops live text that the server does not mention after a reconnect', async () => {
    await openWith([taken('m1')]);
    const live = { type: 'live' as const, conversation: ID, what: { type: 'text' as const }, restart: false };
    conversation.receive({ ...live, block: 'b1', text: 'gone' });
    conversation.receive({ ...live, block: 'b2', text: 'still' });
    conversation.receive(opened('resumed', 2, 1));
    conversation.receive({ ...live, block: 'b2', text: 'still here', restart: true });
    frame();
    expect(shown()).toEqual(['m:m1', 'b:b1', 'b:b2']);
    vi.advanceTimersByTime(1200);
    expect(shown()).toEqual(['m:m1', 'b:b2']);
  });
});

describe('opening', () => {
  it('says that a conversation is not there', async () => {
    host.answer = () => Promise.reject(new Refused('not_found', ''));
    await conversation.open();
    expect(conversation.following).toBe('missing');
  });

  it('waits when the link is lost', async () => {
    host.answer = () => Promise.reject(new LinkLost());
    await conversation.open();
    expect(conversation.following).toBe('opening');
  });

  it('does not ask for a conversation that is still to be made', async () => {
    host.isUnborn = true;
    await conversation.open();
    expect(conversation.following).toBe('open');
    expect(host.asked).toEqual([]);
  });
});

describe('following', () => {
  const unavailable = () => Promise.reject(new Refused('unavailable', ''));
  const opens = () => host.asked.filter((ask) => ask.type === 'open').length;

  it('that is refused for the moment is asked for again, ever more seldom, and what is known stays', async () => {
    await openWith([taken('m1')]);
    host.answer = unavailable;
    const before = opens();
    await conversation.open();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(opens() - before).toBeGreaterThan(4);
    expect(opens() - before).toBeLessThan(20);
    expect(shown()).toEqual(['m:m1']);
    host.answer = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(host.asked.at(-1)).toMatchObject({ type: 'open', cursor: { log: { epoch: 1, n: 1 } } });
    conversation.receive(opened('resumed', 2, 2));
    conversation.receive(sent([said('b1', 'x')], 2));
    frame();
    expect(shown()).toEqual(['m:m1', 'b:b1']);
    const then = opens();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(opens()).toBe(then);
  });

  it('says that a conversation could not be opened, and goes on trying', async () => {
    host.answer = unavailable;
    await conversation.open();
    expect(conversation.following).toBe('failed');
    host.answer = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(1000);
    conversation.receive(opened('snapshot', 1, 0));
    expect(conversation.following).toBe('open');
  });

  it('from the beginning is asked for as a whole until it comes, once at a time', async () => {
    await openWith([taken('m1')]);
    host.answer = unavailable;
    conversation.receive(sent([said('b3', 'x')], 3));
    conversation.receive(sent([said('b4', 'x')], 4));
    await vi.advanceTimersByTimeAsync(0);
    const before = opens();
    host.answer = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(1000);
    expect(opens()).toBe(before + 1);
    expect(host.asked.at(-1)).toEqual({ type: 'open', conversation: ID });
    conversation.receive(opened('snapshot', 1, 3));
    conversation.receive(sent([taken('m1'), said('b2', 'x'), said('b3', 'x')], 1));
    frame();
    expect(shown()).toEqual(['m:m1', 'b:b2', 'b:b3']);
  });

  it('ends when the conversation is left, or the link is lost', async () => {
    host.answer = unavailable;
    await conversation.open();
    conversation.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(opens()).toBe(1);
    await conversation.open();
    host.answer = () => Promise.reject(new LinkLost());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(opens()).toBe(3);
  });
});

describe('a stop', () => {
  const stops = () => host.asked.filter((ask) => ask.type === 'stop');

  it('is asked for again under its id while the control plane can’t tell, and as long as the turn runs', async () => {
    await openWith([taken('m1'), state('working')]);
    host.answer = () => Promise.reject(new Refused('unavailable', ''));
    const stop = conversation.stop();
    expect(conversation.view.stopping).toBe(true);
    await vi.advanceTimersByTimeAsync(1500);
    expect(stops()).toHaveLength(2);
    expect(new Set(stops().map((ask) => 'item' in ask && ask.item)).size).toBe(1);
    host.answer = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(1000);
    await stop;
    expect(stops()).toHaveLength(3);
    expect(conversation.notStopped).toBeUndefined();
  });

  it('that is refused is told as long as the turn runs, and can be asked for again', async () => {
    await openWith([taken('m1'), state('working')]);
    host.answer = () => Promise.reject(new Refused('unavailable', ''));
    const stop = conversation.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    await stop;
    expect(stops()).toHaveLength(15);
    expect(conversation.notStopped).toBeInstanceOf(Refused);
    expect(conversation.view.stopping).toBe(false);
    host.answer = () => Promise.resolve();
    await conversation.stop();
    expect(conversation.notStopped).toBeUndefined();
    host.answer = () => Promise.reject(new Refused('too_many', ''));
    await conversation.stop();
    expect(conversation.notStopped).toBeInstanceOf(Refused);
    conversation.receive(sent([result('m1'), state('idle')], 3));
    frame();
    expect(conversation.notStopped).toBeUndefined();
  });
});

describe('older pages', () => {
  it('are fetched one at a time and put in front', async () => {
    await conversation.open();
    conversation.receive(opened('snapshot', 3, 3));
    conversation.receive(sent([result('m1')], 3));
    frame();
    pages.push({ end: { epoch: 1, n: 3 }, events: events([taken('m1'), said('b1', 'x')]) });
    await Promise.all([conversation.loadOlder(), conversation.loadOlder()]);
    expect(shown()).toEqual(['m:m1', 'b:b1', 'e3']);
    expect(conversation.view.oldest).toBe(1);
  });

  it('are fetched until every prompt that the list calls open is found', async () => {
    host.prompts = ['p1'];
    pages.push({ end: { epoch: 1, n: 3 }, events: events([said('b1', 'x')], 2), before: 2 });
    pages.push({ end: { epoch: 1, n: 3 }, events: events([{ kind: 'prompt_asked', ...prompt('p1') }]) });
    await conversation.open();
    conversation.receive(opened('snapshot', 3, 3));
    conversation.receive(sent([said('b2', 'y')], 3));
    frame();
    await vi.runAllTimersAsync();
    expect(conversation.view.prompts.map((open) => open.prompt.prompt)).toEqual(['p1']);
  });
});

describe('answers', () => {
  it('are shown as on their way, and taken back when they are refused', async () => {
    await openWith([{ kind: 'prompt_asked', ...prompt('p1') }]);
    host.answer = () => Promise.reject(new Refused('prompt_closed', ''));
    const answer = conversation.answer('p1', { type: 'allow' });
    expect(conversation.view.prompts[0]?.answeredBy).toEqual(hana);
    await expect(answer).rejects.toBeInstanceOf(Refused);
    expect(conversation.view.prompts[0]?.answeredBy).toBeUndefined();
  });

  it('carry ids of their own', async () => {
    await openWith([{ kind: 'prompt_asked', ...prompt('p1') }]);
    await conversation.answer('p1', { type: 'deny', message: 'no' });
    expect(host.asked.at(-1)).toMatchObject({
      type: 'answer',
      prompt: 'p1',
      decision: { type: 'deny', message: 'no' },
    });
    expect(host.asked.at(-1)).toHaveProperty('item', expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/));
  });
});
