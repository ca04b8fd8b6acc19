import { describe, expect, it } from 'vitest';
import { Pump, wholeCharacters } from './pump';

/** An emulator that parses when it is told to. */
class Slow {
  readonly done: string[] = [];
  readonly #parsing: (() => void)[] = [];
  write(data: string | Uint8Array, parsed?: () => void): void {
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
    this.#parsing.push(() => {
      this.done.push(JSON.stringify(text));
      parsed?.();
    });
  }
  reset(): void {
    this.done.push('reset');
  }
  resize(cols: number, rows: number): void {
    this.done.push(`${cols}x${rows}`);
  }
  parse(): void {
    this.#parsing.shift()?.();
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);
const size = { cols: 100, rows: 30 };

describe('an emulator', () => {
  it('is reset for a snapshot only when all that came before is parsed', () => {
    const slow = new Slow();
    const ends: number[] = [];
    const pump = new Pump(slow, (end) => ends.push(end));
    pump.add({ type: 'write', bytes: bytes('a'), end: 1 });
    pump.add({ type: 'write', bytes: bytes('b'), end: 2 });
    pump.add({ type: 'reset', size });
    pump.add({ type: 'write', bytes: bytes('all'), end: 9 });
    slow.parse();
    expect(slow.done).toEqual(['"a"']);
    slow.parse();
    expect(slow.done).toEqual(['"a"', '"b"', 'reset', '100x30']);
    slow.parse();
    slow.parse();
    expect(slow.done.slice(4)).toEqual(['"\\u0018"', '"all"']);
    expect(ends).toEqual([1, 2, 9]);
  });

  it('is given whole characters, in however many pieces they come', () => {
    const slow = new Slow();
    const pump = new Pump(slow, () => undefined);
    const text = bytes('a한😀é');
    for (let i = 0; i < text.length; i++) {
      pump.add({ type: 'write', bytes: text.subarray(i, i + 1), end: i + 1 });
      slow.parse();
    }
    expect(slow.done.filter((written) => written !== '""')).toEqual(['"a"', '"한"', '"😀"', '"é"']);
  });

  it('forgets half a character at a snapshot', () => {
    const slow = new Slow();
    const pump = new Pump(slow, () => undefined);
    pump.add({ type: 'write', bytes: bytes('한').subarray(0, 2), end: 2 });
    slow.parse();
    pump.add({ type: 'reset', size });
    pump.add({ type: 'write', bytes: bytes('글'), end: 3 });
    for (let i = 0; i < 3; i++) slow.parse();
    expect(slow.done.at(-1)).toBe('"글"');
  });

  it('does nothing more once it is let go of', () => {
    const slow = new Slow();
    const ends: number[] = [];
    const pump = new Pump(slow, (end) => ends.push(end));
    pump.add({ type: 'write', bytes: bytes('a'), end: 1 });
    pump.add({ type: 'reset', size });
    pump.stop();
    slow.parse();
    expect(slow.done).toEqual(['"a"']);
    expect(ends).toEqual([]);
  });
});

describe('what ends in the middle of a character', () => {
  it('is told from what is garbled', () => {
    const lengthOf = (...codes: number[]) => wholeCharacters(Uint8Array.from(codes));
    expect(lengthOf(0x61, 0xed, 0x95)).toBe(1);
    expect(lengthOf(0x61, 0xed, 0x95, 0x9c)).toBe(4);
    expect(lengthOf(0xf0, 0x9f, 0x98)).toBe(0);
    // Nothing but continuations is waited for no longer.
    expect(lengthOf(0x80, 0x80, 0x80, 0x80)).toBe(4);
    expect(lengthOf()).toBe(0);
  });
});
