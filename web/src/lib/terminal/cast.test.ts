import { describe, expect, it } from 'vitest';
import { NotACast, parseCast, Playback, withoutWaits } from './cast';

const recorded = [
  '{"version": 2, "width": 80, "height": 24, "timestamp": 1}',
  '[0.5, "o", "one"]',
  '[0.7, "i", "not shown"]',
  '[1.0, "r", "100x30"]',
  '[9.0, "o", "two"]',
  '',
].join('\n');

const told = (events: readonly object[]) =>
  events.map((event) => ('data' in event ? event.data : 'size' in event ? event.size : undefined));

describe('a recording', () => {
  it('has its size, its events in order and its length', () => {
    const cast = parseCast(recorded);
    expect(cast.size).toEqual({ cols: 80, rows: 24 });
    expect(told(cast.events)).toEqual(['one', { cols: 100, rows: 30 }, 'two']);
    expect(cast.length).toBe(9);
  });

  it('is read as far as it goes when it is torn, garbled or goes back in time', () => {
    const cast = parseCast(`${recorded}[1, "o", "late"]\nnonsense\n[10, "r", "0x99999"]\n[10, "o", "to`);
    expect(told(cast.events)).toEqual(['one', { cols: 100, rows: 30 }, 'two', 'late']);
    expect(cast.length).toBe(9);
  });

  it('is told from anything else', () => {
    for (const text of [
      '',
      'text',
      '{"version": 1, "width": 80, "height": 24}',
      '{"version": 2, "width": 1e9, "height": 2}',
    ])
      expect(() => parseCast(text), text).toThrow(NotACast);
  });

  it('can be played without its waits', () => {
    const cast = withoutWaits(parseCast(recorded));
    expect(cast.events.map(({ at }) => at)).toEqual([0.5, 1, 2]);
    expect(cast.length).toBe(2);
  });
});

describe('playing', () => {
  it('shows what is due, once, and ends', () => {
    const playback = new Playback(parseCast(recorded));
    expect(told(playback.advance(0.6).events)).toEqual(['one']);
    expect(told(playback.advance(0.6).events)).toEqual([{ cols: 100, rows: 30 }]);
    expect(playback.advance(0.6).events).toEqual([]);
    expect(playback.over).toBe(false);
    expect(told(playback.advance(100).events)).toEqual(['two']);
    expect(playback.over).toBe(true);
    expect(playback.at).toBe(9);
  });

  it('goes forward by showing what lies between, and back by beginning anew', () => {
    const playback = new Playback(parseCast(recorded));
    expect(playback.seek(2)).toMatchObject({ fresh: false });
    expect(playback.at).toBe(2);
    const back = playback.seek(0.6);
    expect(back.fresh).toBe(true);
    expect(told(back.events)).toEqual(['one']);
    expect(told(playback.seek(99).events)).toEqual([{ cols: 100, rows: 30 }, 'two']);
    expect(playback.over).toBe(true);
  });
});
