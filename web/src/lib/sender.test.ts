// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiFailure, createConversation } from './api';
import { type Ask, LinkLost, Refused } from './requests';
import { Sender } from './sender.svelte';

vi.mock('./api', async (original) => ({ ...(await original<object>()), createConversation: vi.fn() }));

const create = vi.mocked(createConversation);
const asked: Ask[] = [];
const created: string[] = [];
let answer: () => Promise<void>;

const sender = (user = 'u') =>
  new Sender(user, {
    request: (ask) => {
      asked.push(ask);
      return answer();
    },
    created: (view) => created.push(view.id),
  });
const marks = (from: Sender) => from.messages.map(({ text, mark }) => `${text}:${mark.state}`);
/** A promise and the way to keep it. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((keep) => (resolve = keep));
  return { promise, resolve };
}
const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  asked.length = 0;
  created.length = 0;
  answer = () => Promise.resolve();
  create.mockReset();
  create.mockImplementation((body) => Promise.resolve({ id: body.id } as never));
});
afterEach(() => vi.useRealTimers());

describe('a message', () => {
  it('is kept while the link is down and sent, once, when it is up', async () => {
    const one = sender();
    one.send({ conversation: 'c', text: 'hello' });
    expect(marks(one)).toEqual(['hello:unsent']);
    one.link(true);
    one.flush();
    await settled();
    expect(asked).toHaveLength(1);
    expect(marks(one)).toEqual(['hello:saved']);
  });

  it('survives a reload with its id, until it is safe', async () => {
    const before = sender();
    before.send({ conversation: 'c', text: 'hello' });
    const id = before.messages[0]!.item;
    const after = sender();
    expect(after.messages.map((message) => message.item)).toEqual([id]);
    after.link(true);
    await settled();
    expect(asked).toMatchObject([{ type: 'send', item: id, text: 'hello' }]);
    expect(sender().messages).toEqual([]);
  });

  it('belongs to the user who wrote it', () => {
    sender('u').send({ conversation: 'c', text: 'mine' });
    expect(sender('v').messages).toEqual([]);
  });

  it('is sent again with the same id when the link was lost before the answer', async () => {
    const one = sender();
    answer = () => Promise.reject(new LinkLost());
    one.link(true);
    one.send({ conversation: 'c', text: 'hello' });
    await settled();
    expect(marks(one)).toEqual(['hello:unsent']);
    one.link(false);
    answer = () => Promise.resolve();
    one.link(true);
    await settled();
    expect(new Set(asked.map((ask) => 'item' in ask && ask.item)).size).toBe(1);
    expect(marks(one)).toEqual(['hello:saved']);
  });

  it('that is refused keeps its words and can be tried again or discarded', async () => {
    const one = sender();
    answer = () => Promise.reject(new Refused('too_many', ''));
    one.link(true);
    one.send({ conversation: 'c', text: 'hello' });
    await settled();
    expect(one.messages[0]!.mark).toEqual({ state: 'refused', code: 'too_many' });
    answer = () => Promise.resolve();
    one.retry(one.messages[0]!.item);
    await settled();
    expect(marks(one)).toEqual(['hello:saved']);
  });

  it('that never left is taken back at once', () => {
    const one = sender();
    one.send({ conversation: 'c', text: 'hello' });
    expect(one.takeBack(one.messages[0]!.item)).toBe('now');
    one.link(true);
    expect(asked).toEqual([]);
    expect(sender().messages).toEqual([]);
  });

  it('that has arrived is not taken back here', async () => {
    const one = sender();
    one.link(true);
    one.send({ conversation: 'c', text: 'hello' });
    await settled();
    expect(one.takeBack(one.messages[0]!.item)).toBe('arrived');
    expect(marks(one)).toEqual(['hello:saved']);
  });

  it('is forgotten once the outbox or the log has it, or a while after it is safe', async () => {
    const one = sender();
    one.link(true);
    one.send({ conversation: 'c', text: 'a' });
    one.send({ conversation: 'd', text: 'b' });
    await settled();
    const arrived = one.messages[0]!.item;
    one.drop((item) => item === arrived);
    expect(marks(one)).toEqual(['b:saved']);
    await vi.advanceTimersByTimeAsync(5000);
    expect(marks(one)).toEqual([]);
  });
});

describe('messages', () => {
  it('of one conversation go one after the other', async () => {
    const one = sender();
    one.send({ conversation: 'c', text: 'first' });
    one.send({ conversation: 'c', text: 'second' });
    const { promise, resolve: finish } = withResolvers();
    answer = () => promise;
    one.link(true);
    await settled();
    expect(asked).toHaveLength(1);
    finish();
    await settled();
    expect(asked).toMatchObject([{ text: 'first' }, { text: 'second' }]);
  });

  it('make their conversation first, and tell of it', async () => {
    const one = sender();
    one.link(true);
    one.send({ conversation: 'c', text: 'hello', create: { mode: 'plan' } });
    await settled();
    expect(create).toHaveBeenCalledWith({ id: 'c', settings: { mode: 'plan' } });
    expect(created).toEqual(['c']);
    expect(asked).toHaveLength(1);
  });

  it('are tried again by themselves while the control plane cannot take them', async () => {
    const one = sender();
    create.mockRejectedValueOnce(new ApiFailure('unavailable', ''));
    one.link(true);
    one.send({ conversation: 'c', text: 'hello', create: { mode: 'default' } });
    await settled();
    expect(marks(one)).toEqual(['hello:unsent']);
    await vi.advanceTimersByTimeAsync(3000);
    expect(marks(one)).toEqual(['hello:saved']);
  });

  it('that came too soon are sent again when it is time, and what follows waits', async () => {
    const one = sender();
    create.mockRejectedValueOnce(new ApiFailure('too_many', '', undefined, 7000));
    one.link(true);
    one.send({ conversation: 'c', text: 'first', create: { mode: 'default' } });
    one.send({ conversation: 'c', text: 'second' });
    await settled();
    expect(marks(one)).toEqual(['first:unsent', 'second:unsent']);
    // A link that comes back meanwhile makes it no earlier.
    one.link(false);
    one.link(true);
    await vi.advanceTimersByTimeAsync(6900);
    expect(create).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toMatchObject([{ text: 'first' }, { text: 'second' }]);
  });

  it('make their conversation themselves when the one that should have was refused', async () => {
    const one = sender();
    create.mockRejectedValueOnce(new ApiFailure('forbidden', ''));
    one.link(true);
    one.send({ conversation: 'c', text: 'first', create: { mode: 'plan' } });
    one.send({ conversation: 'c', text: 'second' });
    await settled();
    expect(marks(one)).toEqual(['first:refused', 'second:saved']);
    expect(create).toHaveBeenLastCalledWith({ id: 'c', settings: { mode: 'plan' } });
    expect(asked).toMatchObject([{ text: 'second' }]);
  });

  it('that this browser has no room for are said to be on this page alone, until they are safe', async () => {
    const setItem = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    const one = sender();
    one.send({ conversation: 'c', text: 'hello' });
    expect(one.messages[0]!.fleeting).toBe(true);
    expect(one.losesWords).toBe(true);
    one.link(true);
    await settled();
    expect(marks(one)).toEqual(['hello:saved']);
    expect(one.losesWords).toBe(false);
    setItem.mockRestore();
    one.send({ conversation: 'c', text: 'kept' });
    expect(one.losesWords).toBe(false);
  });

  it('whose conversation is refused are refused', async () => {
    const one = sender();
    create.mockRejectedValueOnce(new ApiFailure('forbidden', ''));
    one.link(true);
    one.send({ conversation: 'c', text: 'hello', create: { mode: 'default' } });
    await settled();
    expect(one.messages[0]!.mark).toEqual({ state: 'refused', code: 'forbidden' });
  });
});

describe('a message whose answer was lost', () => {
  /** One that may or may not have arrived, and a link that is down. */
  async function lost() {
    const one = sender();
    answer = () => Promise.reject(new LinkLost());
    one.link(true);
    one.send({ conversation: 'c', text: 'hello' });
    await settled();
    one.link(false);
    asked.length = 0;
    return { one, item: one.messages[0]!.item };
  }

  it('is taken back by its id at the control plane, and is sent no more', async () => {
    const { one, item } = await lost();
    expect(one.takeBack(item)).toBe('later');
    expect(marks(one)).toEqual(['hello:leaving']);
    answer = () => Promise.resolve();
    one.link(true);
    await settled();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([{ type: 'cancel', conversation: 'c', item }]);
    // Its words are not lost, and the control plane's word settles it: now it can be forgotten.
    expect(marks(one)).toEqual(['hello:back']);
    expect(one.takeBack(item)).toBe('now');
    expect(sender().messages).toEqual([]);
  });

  it('remembers across a reload that it may have arrived, that it is to be taken back, and that it was', async () => {
    const { item } = await lost();
    const second = sender();
    expect(second.takeBack(item)).toBe('later');
    const third = sender();
    expect(marks(third)).toEqual(['hello:leaving']);
    answer = () => Promise.resolve();
    third.link(true);
    await settled();
    expect(asked).toEqual([{ type: 'cancel', conversation: 'c', item }]);
    expect(marks(sender())).toEqual(['hello:back']);
  });

  it('that runs already is shown as what it is', async () => {
    const { one, item } = await lost();
    one.takeBack(item);
    answer = () => Promise.reject(new Refused('conflict', ''));
    one.link(true);
    await settled();
    expect(marks(one)).toEqual(['hello:saved']);
    expect(sender().messages).toEqual([]);
  });

  it('is asked to be taken back until there is an answer, and what comes after it waits', async () => {
    const { one, item } = await lost();
    one.takeBack(item);
    one.send({ conversation: 'c', text: 'next' });
    answer = () => Promise.reject(new Refused('unavailable', ''));
    one.link(true);
    await settled();
    expect(marks(one)).toEqual(['hello:leaving', 'next:unsent']);
    answer = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(3000);
    expect(marks(one)).toEqual(['hello:back', 'next:saved']);
    expect(asked.map(({ type }) => type)).toEqual(['cancel', 'cancel', 'send']);
  });

  it('goes out again under a new id once it was taken back', async () => {
    const { one, item } = await lost();
    one.takeBack(item);
    answer = () => Promise.resolve();
    one.link(true);
    await settled();
    one.sendAnew(item);
    await settled();
    expect(marks(one)).toEqual(['hello:saved']);
    expect(one.messages[0]!.item).not.toBe(item);
  });

  it('that is taken back while it is on the wire is cancelled once its answer is there', async () => {
    const one = sender();
    const { promise, resolve: finish } = withResolvers();
    answer = () => promise;
    one.link(true);
    one.send({ conversation: 'c', text: 'hello' });
    const { item } = one.messages[0]!;
    expect(one.takeBack(item)).toBe('later');
    finish();
    await settled();
    expect(asked.map(({ type }) => type)).toEqual(['send', 'cancel']);
    expect(marks(one)).toEqual(['hello:back']);
  });
});
