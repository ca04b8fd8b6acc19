import { describe, expect, it } from 'vitest';
import { distance, follows, type Measures, topAfterPrepend, wantsOlder } from './scroll';

const at = (top: number, content = 2000, view = 500): Measures => ({ top, view, content });

describe('following the end', () => {
  it('goes on while content grows under a reader at the end', () => {
    expect(follows(true, at(1500), at(1500, 2100))).toBe(true);
  });

  it('stops at the first move up, however small', () => {
    expect(follows(true, at(1500), at(1490))).toBe(false);
  });

  it('is not ended by content that vanished', () => {
    expect(follows(true, at(1500), at(1400, 1900))).toBe(true);
  });

  it('is not ended by room that came free below, even if content grew before that was noticed', () => {
    expect(follows(true, at(1500), at(1400, 2100, 600))).toBe(true);
    expect(follows(true, at(1500), at(1400, 2100, 400))).toBe(false);
    expect(follows(false, at(1000), at(900, 2100, 600))).toBe(false);
  });

  it('starts again at the end, or when coming down near to it', () => {
    expect(follows(false, at(1000), at(1498))).toBe(true);
    expect(follows(false, at(1400), at(1460))).toBe(true);
    expect(follows(false, at(1480), at(1460))).toBe(false);
    expect(follows(false, at(1000), at(1200))).toBe(false);
  });
});

it('the distance to the end is never negative', () => {
  expect(distance(at(1600))).toBe(0);
  expect(distance(at(0))).toBe(1500);
});

it('content put above leaves the view where it was', () => {
  expect(topAfterPrepend(at(120), { content: 5000 })).toBe(3120);
  expect(topAfterPrepend(at(120), { content: 2000 })).toBe(120);
});

it('older content is wanted near the top, and when the page is not full', () => {
  expect(wantsOlder(at(300))).toBe(true);
  expect(wantsOlder(at(1200))).toBe(false);
  expect(wantsOlder(at(0, 400, 500))).toBe(true);
});
