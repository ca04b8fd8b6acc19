import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloseCode, type FromServer, type Request, SUBPROTOCOL } from './protocol/generated';
import { LinkLost, Refused } from './requests';
import { Link, type LinkState } from './socket';

/** A WebSocket that the test plays the server of. */
class FakeSocket {
  static all: FakeSocket[] = [];
  readonly sent: Request[] = [];
  readonly frames: Uint8Array[] = [];
  closed = false;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.all.push(this);
  }
  send(data: string | Uint8Array): void {
    if (typeof data === 'string') this.sent.push(JSON.parse(data) as Request);
    else this.frames.push(data);
  }
  close(): void {
    this.closed = true;
  }
  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  welcomes(): void {
    this.says({ type: 'welcome' });
  }
  drops(code = 1006): void {
    this.onclose?.({ code });
  }
}

const last = () => FakeSocket.all.at(-1)!;
const stop = { type: 'stop' as const, conversation: 'c', item: 'i' };
const states: LinkState[] = [];
const messages: FromServer[] = [];
const frames: ArrayBuffer[] = [];
let welcomes = 0;
let link: Link;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.spyOn(Math, 'random').mockReturnValue(1);
  FakeSocket.all = [];
  states.length = 0;
  messages.length = 0;
  frames.length = 0;
  welcomes = 0;
  link = new Link('ws://here/workspace/u', {
    state: (state) => states.push(state),
    welcome: () => welcomes++,
    message: (message) => messages.push(message),
    frame: (data) => frames.push(data),
  });
  link.dial();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('a link', () => {
  it('speaks the subprotocol and is up once it is welcomed', () => {
    expect(last()).toMatchObject({ url: 'ws://here/workspace/u', protocol: SUBPROTOCOL });
    expect(link.state.type).toBe('connecting');
    last().welcomes();
    expect(link.state.type).toBe('up');
    expect(welcomes).toBe(1);
  });

  it('hands on what it does not know', () => {
    last().welcomes();
    last().says({ type: 'from_the_future' });
    expect(messages).toEqual([{ type: 'from_the_future' }]);
  });

  it('dials again with doubling waits up to fifteen seconds', () => {
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const before = Date.now();
      last().drops();
      const dials = FakeSocket.all.length;
      while (FakeSocket.all.length === dials) vi.advanceTimersByTime(50);
      waits.push(Date.now() - before);
    }
    expect(waits).toEqual([300, 600, 1200, 2400, 4800, 9600, 15_000, 15_000, 15_000]);
  });

  it('starts over with short waits only after a useful stay', () => {
    last().drops();
    vi.advanceTimersByTime(300);
    last().welcomes();
    last().drops();
    expect(link.state).toMatchObject({ type: 'down', attempt: 2 });
    vi.advanceTimersByTime(600);
    last().welcomes();
    vi.advanceTimersByTime(10_000);
    last().drops();
    expect(link.state).toMatchObject({ type: 'down', attempt: 1 });
  });

  it('notices a link that is dead without a word, and leaves one alone that answers', () => {
    last().welcomes();
    vi.advanceTimersByTime(20_000);
    const ping = last().sent.at(-1)!;
    expect(ping.type).toBe('ping');
    last().says({ type: 'done', re: ping.re });
    vi.advanceTimersByTime(19_999);
    expect(link.state.type).toBe('up');
    vi.advanceTimersByTime(15_001);
    expect(link.state.type).toBe('down');
    expect(last().sent.filter((request) => request.type === 'ping')).toHaveLength(2);
  });

  it('is not given up for an answer that may take its time', () => {
    last().welcomes();
    void link.request(stop, true, true).catch(() => undefined);
    vi.advanceTimersByTime(19_000);
    expect(link.state.type).toBe('up');
    vi.advanceTimersByTime(1_000);
    const ping = last().sent.at(-1)!;
    expect(ping.type).toBe('ping');
    last().says({ type: 'done', re: ping.re });
    vi.advanceTimersByTime(15_000);
    expect(link.state.type).toBe('up');
  });

  it('asks again by itself for what it asked for too soon', async () => {
    last().welcomes();
    const hasty = link.request(stop);
    const { re } = last().sent[0]!;
    last().says({ type: 'refused', re, code: 'too_many', message: '', back_in_ms: 1000 });
    // What follows does not take it along.
    void link.request({ type: 'start_workspace' }).catch(() => undefined);
    expect(last().sent.filter((request) => request.re === re)).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(last().sent.filter((request) => request.re === re)).toEqual([
      { re, ...stop },
      { re, ...stop },
    ]);
    last().says({ type: 'done', re });
    await expect(hasty).resolves.toBeUndefined();
  });

  it('asks for it on the next link when this one goes away meanwhile', () => {
    last().welcomes();
    void link.request(stop).catch(() => undefined);
    const { re } = last().sent[0]!;
    last().says({ type: 'refused', re, code: 'too_many', message: '', back_in_ms: 1000 });
    last().drops();
    vi.advanceTimersByTime(5000);
    expect(last().sent).toEqual([]);
    last().welcomes();
    expect(last().sent).toEqual([{ re, ...stop }]);
  });

  it('hands on frames, and sends them only while it is up', () => {
    const frame = new Uint8Array([3, 1]);
    expect(link.send(frame)).toBe(false);
    last().welcomes();
    expect(link.send(frame)).toBe(true);
    expect(last().frames).toEqual([frame]);
    last().onmessage?.({ data: frame.buffer });
    expect(frames).toEqual([frame.buffer]);
  });

  it('dials at once when it is told to, and not twice', () => {
    last().drops();
    link.dial();
    link.dial();
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(5000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('gives up a dial that is not welcomed', () => {
    vi.advanceTimersByTime(10_000);
    expect(FakeSocket.all[0]!.closed).toBe(true);
    expect(link.state.type).toBe('down');
  });

  it.each([
    [CloseCode.SignedOut, 'signed_out'],
    [CloseCode.Version, 'version'],
  ])('is closed for good by code %i', (code, why) => {
    last().welcomes();
    last().drops(code);
    expect(link.state).toEqual({ type: 'closed', why });
    vi.advanceTimersByTime(60_000);
    link.dial();
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('does not listen to a socket that it has let go', () => {
    const first = last();
    last().welcomes();
    link.redial();
    first.says({ type: 'from_the_grave' });
    first.drops(CloseCode.SignedOut);
    expect(messages).toEqual([]);
    expect(link.state.type).toBe('connecting');
  });
});

describe('requests', () => {
  it('wait for the welcome and are answered by number', async () => {
    const done = link.request(stop);
    expect(last().sent).toEqual([]);
    last().welcomes();
    expect(last().sent).toEqual([{ re: 1, ...stop }]);
    last().says({ type: 'done', re: 1 });
    await expect(done).resolves.toBeUndefined();
  });

  it('are refused with the code', async () => {
    last().welcomes();
    const refused = link.request(stop);
    last().says({ type: 'refused', re: 1, code: 'conflict', message: 'no' });
    await expect(refused).rejects.toMatchObject(new Refused('conflict', 'no'));
  });

  it('that were not answered are sent again, in order, and answered once', async () => {
    last().welcomes();
    const first = link.request(stop);
    const second = link.request({ type: 'start_workspace' });
    last().says({ type: 'done', re: 1 });
    await first;
    const third = link.request(stop);
    last().drops();
    vi.advanceTimersByTime(300);
    last().welcomes();
    expect(last().sent.map((request) => request.re)).toEqual([2, 3]);
    last().says({ type: 'done', re: 2 });
    last().says({ type: 'done', re: 3 });
    await Promise.all([second, third]);
  });

  it('that must not be repeated fail with the link', async () => {
    last().welcomes();
    const open = link.request({ type: 'open', conversation: 'c' }, false);
    last().drops();
    await expect(open).rejects.toBeInstanceOf(LinkLost);
    vi.advanceTimersByTime(300);
    last().welcomes();
    expect(last().sent).toEqual([]);
  });

  it('that must not be repeated are not kept for later', async () => {
    const open = link.request({ type: 'open', conversation: 'c' }, false);
    await expect(open).rejects.toBeInstanceOf(LinkLost);
    last().welcomes();
    expect(last().sent).toEqual([]);
  });

  it('that made the server hang up are not sent again', async () => {
    last().welcomes();
    const bad = link.request(stop);
    last().drops(CloseCode.TooLarge);
    await expect(bad).rejects.toBeInstanceOf(LinkLost);
    const later = link.request({ type: 'start_workspace' });
    vi.advanceTimersByTime(300);
    last().welcomes();
    expect(last().sent.map((request) => request.type)).toEqual(['start_workspace']);
    last().says({ type: 'done', re: 2 });
    await later;
  });

  it('that nobody answers show that the link is dead', () => {
    last().welcomes();
    void link.request(stop);
    vi.advanceTimersByTime(14_000);
    expect(link.state.type).toBe('up');
    vi.advanceTimersByTime(1000);
    expect(link.state.type).toBe('down');
    expect(FakeSocket.all[0]!.closed).toBe(true);
  });

  it('that are answered in time keep it alive', () => {
    last().welcomes();
    let answered = 0;
    for (let i = 1; i <= 12; i++) {
      if (i <= 5) void link.request(stop);
      vi.advanceTimersByTime(9000);
      for (; answered < last().sent.length; answered++)
        last().says({ type: 'done', re: last().sent[answered]!.re });
    }
    expect(link.state.type).toBe('up');
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('fail when the link is closed', async () => {
    const waiting = link.request(stop);
    link.close();
    await expect(waiting).rejects.toBeInstanceOf(LinkLost);
  });
});
