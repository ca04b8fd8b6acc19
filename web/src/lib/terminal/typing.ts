/**
 * What was typed in one terminal and is not known to have reached its program. Kept until it is, and said again on a new
 * link, so that it arrives once; but not when the link was away for so long that nobody means it any more. Pure.
 */
import { INPUT_BYTES, INPUT_WINDOW_BYTES } from '../protocol/generated';

/** What is typed into a link that is away for longer than this is not what the person wants when it is back. */
export const STALE_MS = 5000;
/** More is not pasted but put into a file. */
export const WAITING_BYTES = 1024 * 1024;

/** A piece to send. */
export interface Piece {
  readonly source: number;
  readonly place: number;
  readonly bytes: Uint8Array;
}

/** What one page types in one terminal. */
export class Typing {
  #source: number;
  /** From the first byte that is not known to be taken. */
  #kept: { bytes: Uint8Array; at: number }[] = [];
  /** Where the kept bytes begin. */
  #taken = 0;
  /** How far they were put on the wire. */
  #sent = 0;
  #end = 0;

  constructor(private readonly newSource: () => number) {
    this.#source = newSource();
  }

  /** Bytes that are not known to have arrived. */
  get waiting(): number {
    return this.#end - this.#taken;
  }

  /** Something was typed; false if that is more than can wait. */
  type(bytes: Uint8Array, now: number): boolean {
    if (this.waiting + bytes.length > WAITING_BYTES) return false;
    if (bytes.length > 0) this.#kept.push({ bytes, at: now });
    this.#end += bytes.length;
    return true;
  }

  /** What to put on the wire now. */
  toSend(): Piece[] {
    const pieces: Piece[] = [];
    let place = this.#taken;
    const limit = this.#taken + INPUT_WINDOW_BYTES;
    for (const { bytes } of this.#kept) {
      const end = place + bytes.length;
      for (let from = Math.max(place, this.#sent); from < Math.min(end, limit); from = this.#sent) {
        const to = Math.min(end, limit, from + INPUT_BYTES);
        pieces.push({ source: this.#source, place: from, bytes: bytes.subarray(from - place, to - place) });
        this.#sent = to;
      }
      place = end;
    }
    return pieces;
  }

  /** The program has what `source` typed up to `place`. */
  taken(source: number, place: number): void {
    if (source !== this.#source) return;
    while (this.#kept.length > 0 && this.#taken < place) {
      const [first] = this.#kept;
      if (!first) return;
      const taken = Math.min(first.bytes.length, place - this.#taken);
      if (taken === first.bytes.length) this.#kept.shift();
      else this.#kept[0] = { ...first, bytes: first.bytes.subarray(taken) };
      this.#taken += taken;
    }
    this.#sent = Math.max(this.#sent, this.#taken);
  }

  /** A new link: what is kept goes again, unless it is stale. Whether something was let go of. */
  relinked(now: number): boolean {
    this.#sent = this.#taken;
    const [oldest] = this.#kept;
    if (!oldest || now - oldest.at <= STALE_MS) return false;
    this.forget();
    return true;
  }

  /** Lets go of all that is kept. Its places can't be used again, so another source types from here on. */
  forget(): void {
    if (this.waiting === 0) return;
    this.#source = this.newSource();
    this.#kept = [];
    this.#taken = this.#sent = this.#end = 0;
  }
}

/** A random number that browsers and the protocol both hold. */
export function newSource(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 2 ** 32 + low;
}
