import { expect, it } from 'vitest';
import { ago, bytes, cost, duration, elapsed } from './format';

it('sizes', () => {
  expect([0, 1023, 1024, 10_300, 262_144, 5_500_000].map(bytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KB',
    '10 KB',
    '256 KB',
    '5.2 MB',
  ]);
});

it('durations', () => {
  const en = [0, 90, 1500, 12_480, 59_600, 61_000, 3_600_000, 5_430_000].map((ms) => duration(ms, 'en'));
  expect(en).toEqual(['0 ms', '90 ms', '1.5 s', '12 s', '1 min', '1 min 1 s', '1 h', '1 h 30 min']);
  expect(duration(61_000, 'ko')).toBe('1분 1초');
});

it('elapsed time in whole seconds', () => {
  expect([-5, 0, 999, 3400, 62_000].map((ms) => elapsed(ms, 'en'))).toEqual([
    '0 s',
    '0 s',
    '0 s',
    '3 s',
    '1 min 2 s',
  ]);
  expect(elapsed(3400, 'ko')).toBe('3초');
});

it('money: two digits below a cent', () => {
  expect([0, 0.00012, 0.0031, 0.0042137, 0.0421, 1.5, 0.009999].map(cost)).toEqual([
    '$0',
    '$0.00012',
    '$0.0031',
    '$0.0042',
    '$0.04',
    '$1.50',
    '$0.01',
  ]);
});

it('how long ago', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  const minutes = (n: number) => now - n * 60_000;
  expect([0, 5, 120, 60 * 50].map((n) => ago(minutes(n), now, 'en', 'now'))).toEqual([
    'now',
    '5 min',
    '2 h',
    '2 d',
  ]);
  expect(ago(minutes(60 * 24 * 30), now, 'en', 'now')).toMatch(/Oct \d+, 2026/);
  expect(ago(now + 9999, now, 'ko', '방금')).toBe('방금');
});
