/** How many columns a character takes: as many as the model in the workspace gives it, from the table made of that model. Pure. */
import type { IUnicodeVersionProvider } from '@xterm/xterm';
import { NARROW, WIDE } from './widths';

/** Most of what is printed: looked up rather than searched. */
const PLANE = 0x10000;

/** Beginnings and ends, in turns: a character is in a range if an odd number of them is not above it. */
function edges(ranges: string): number[] {
  let at = 0;
  return ranges.split(' ').flatMap((range) => {
    const [gap = 0, length = 0] = range.split(',').map((number) => parseInt(number, 36));
    const first = at + gap;
    at = first + length;
    return [first, at];
  });
}

function within(edges: readonly number[], code: number): boolean {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] ?? 0) <= code) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 1;
}

const narrow = edges(NARROW);
const wide = edges(WIDE);

function searched(code: number): 0 | 1 | 2 {
  if (within(narrow, code)) return 0;
  return within(wide, code) ? 2 : 1;
}

/** The widths of the model, as xterm.js takes them. */
export class Widths implements IUnicodeVersionProvider {
  readonly version = 'atelier';
  readonly #plane = Uint8Array.from({ length: PLANE }, (_, code) => searched(code));

  wcwidth(code: number): 0 | 1 | 2 {
    return code < PLANE ? ((this.#plane[code] ?? 1) as 0 | 1 | 2) : searched(code);
  }

  /** Two bits of width above one that says whether the character joins the one before it; nothing joins nothing. */
  charProperties(code: number, before: number): number {
    const own = this.wcwidth(code);
    const old = (before >> 1) & 3;
    const joins = own === 0 && old !== 0;
    return ((joins ? old : own) << 1) | (joins ? 1 : 0);
  }
}
