/** Carries out what a follower wants of an emulator, in order: the emulator takes bytes at once and parses them later. */
import type { Terminal } from '@xterm/xterm';
import type { Doing } from './follower';

/** Whatever sequence was cut off, this ends it; no emulator shows it. */
const CANCEL = '\x18';

/** One emulator's queue. */
export class Pump {
  readonly #queue: Exclude<Doing, { type: 'attach' }>[] = [];
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
        if (next.type === 'reset') this.terminal.reset();
        this.terminal.resize(next.size.cols, next.size.rows);
        if (next.type === 'reset') this.terminal.write(CANCEL);
      }
    }
  }

  #write(bytes: Uint8Array, end: number | undefined): void {
    this.#parsing++;
    this.terminal.write(bytes, () => {
      this.#parsing--;
      if (this.#over) return;
      if (end !== undefined) this.parsed(end);
      this.#go();
    });
  }
}
