/** Carries out what a follower wants of an emulator, in order: the emulator takes bytes at once and parses them later. */
import type { Terminal } from '@xterm/xterm';
import type { Doing } from './follower';

/** Whatever sequence was cut off, this ends it; no emulator shows it. */
const CANCEL = '\x18';

/** One emulator's queue. */
export class Pump {
  readonly #queue: Exclude<Doing, { type: 'attach' }>[] = [];
  /** The beginning of a character whose end has not come. */
  #begun: Uint8Array = new Uint8Array();
  #parsing = 0;
  #over = false;

  /** `parsed`: everything up to this offset is. */
  constructor(
    private readonly terminal: Pick<Terminal, 'write' | 'reset' | 'resize'>,
    private readonly parsed: (end: number) => void,
  ) {}

  /** Does it as soon as what was there before is parsed. */
  add(doing: Exclude<Doing, { type: 'attach' }>): void {
    this.#queue.push(doing);
    this.#go();
  }

  /** Does nothing more. */
  stop(): void {
    this.#over = true;
    this.#queue.length = 0;
  }

  #go(): void {
    for (let [next] = this.#queue; next; [next] = this.#queue) {
      if (next.type !== 'write' && this.#parsing > 0) return;
      this.#queue.shift();
      if (next.type === 'write') this.#write(next.bytes, next.end);
      else {
        if (next.type === 'reset') this.#reset();
        this.terminal.resize(next.size.cols, next.size.rows);
      }
    }
  }

  #reset(): void {
    this.#begun = new Uint8Array();
    this.terminal.reset();
    this.terminal.write(CANCEL);
  }

  /** Whole characters only: xterm.js misreads some of those that lie in two pieces. */
  #write(bytes: Uint8Array, end: number | undefined): void {
    this.#parsing++;
    const all = joined(this.#begun, bytes);
    const whole = wholeCharacters(all);
    this.#begun = all.slice(whole);
    this.terminal.write(all.subarray(0, whole), () => {
      this.#parsing--;
      if (this.#over) return;
      if (end !== undefined) this.parsed(end);
      this.#go();
    });
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** The length of `bytes` without a character of UTF-8 that has only begun. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return back < length ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
