import { afterEach, describe, expect, it, vi } from 'vitest';
import { backoff } from './backoff';
import { observeDate, serverNow } from './clock';
import { newId } from './ids';
import { patiently, Refused } from './requests';
import { codeIn, parseRoute, pathOf } from './router';

describe('addresses', () => {
  const id = '0b6f9f5e-6a6e-4e5c-9a49-0123456789ab';

  it('name conversations, and whatever fits nothing leads nowhere', () => {
    expect(parseRoute(`/c/${id}`)).toEqual({ page: 'conversation', id });
    expect(parseRoute(`/c/${id.toUpperCase()}/`)).toEqual({ page: 'conversation', id });
    expect(parseRoute(`/operator/grants/${id}`)).toEqual({ page: 'granted', id });
    for (const start of ['/', '']) expect(parseRoute(start)).toEqual({ page: 'start' });
    for (const other of ['/c/', '/c/nope', `/d/${id}`, `/c/${id}/x`, '/nowhere/x', '/operator/grants/x'])
      expect(parseRoute(other)).toEqual({ page: 'lost' });
  });

  it('are made from routes and read back', () => {
    expect(parseRoute(pathOf({ page: 'conversation', id }))).toEqual({ page: 'conversation', id });
    expect(parseRoute(pathOf({ page: 'granted', id }))).toEqual({ page: 'granted', id });
    for (const page of ['operator', 'users', 'audit', 'grants', 'settings', 'reference'] as const)
      expect(parseRoute(pathOf({ page }))).toEqual({ page });
    expect(parseRoute('/operators')).toEqual({ page: 'lost' });
    expect(pathOf({ page: 'start' })).toBe('/');
  });
});

it('a sign-in code is found in a link, a fragment or alone', () => {
  expect(codeIn(' http://127.0.0.1:8080/#code=AbC-123_x ')).toBe('AbC-123_x');
  expect(codeIn('#code=a%20b')).toBe('a b');
  expect(codeIn('#x=1&code=abc')).toBe('abc');
  expect(codeIn('AbC-123_x')).toBe('AbC-123_x');
  for (const not of ['', 'what is this?', 'http://127.0.0.1:8080/', '#code='])
    expect(codeIn(not)).toBeUndefined();
  expect(codeIn('#code=%zz')).toBe('%zz');
});

it('waits double and are jittered, within bounds', () => {
  expect([0, 1, 2, 10, 1000].map((attempt) => backoff(attempt, () => 1))).toEqual([
    300, 600, 1200, 15_000, 15_000,
  ]);
  expect(backoff(0, () => 0)).toBe(150);
});

it('ids are version 4 UUIDs and differ', () => {
  const ids = Array.from({ length: 100 }, newId);
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(100);
});

describe('the server’s clock', () => {
  afterEach(() => vi.useRealTimers());

  it('is believed when it differs noticeably', () => {
    vi.useFakeTimers({ now: Date.parse('2026-11-22T12:00:00Z') });
    observeDate('Sun, 22 Nov 2026 12:05:00 GMT', Date.now(), Date.now());
    expect(serverNow() - Date.now()).toBe(300_000);
    observeDate('Sun, 22 Nov 2026 12:00:01 GMT', Date.now(), Date.now());
    expect(serverNow()).toBe(Date.now());
    observeDate(null, 0, 0);
    observeDate('nonsense', 0, 0);
    expect(serverNow()).toBe(Date.now());
  });
});

describe('a request that is not possible for the moment', () => {
  it('is made again until it is', async () => {
    vi.useFakeTimers();
    const ask = vi.fn<() => Promise<void>>();
    ask.mockRejectedValueOnce(new Refused('unavailable', '')).mockResolvedValueOnce();
    const done = patiently(ask);
    await vi.runAllTimersAsync();
    await done;
    expect(ask).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });

  it('fails at once for any other reason', async () => {
    const ask = vi.fn(() => Promise.reject(new Refused('prompt_closed', '')));
    await expect(patiently(ask)).rejects.toMatchObject({ code: 'prompt_closed' });
    expect(ask).toHaveBeenCalledTimes(1);
  });
});
