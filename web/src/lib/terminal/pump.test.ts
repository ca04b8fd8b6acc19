import { describe, expect, it } from 'vitest';
import { Pump } from './pump';

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
