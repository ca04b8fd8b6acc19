/** What a viewer makes of the frames of one terminal, and what it acknowledges. Pure. */
import type { TerminalFrame } from './frame';
import type { Size } from './size';

/** What to do to the emulator next. `end`: where the terminal's stream is once the bytes are parsed. */
export type Doing =
  | { readonly type: 'size'; readonly size: Size }
  | { readonly type: 'reset'; readonly size: Size }
  | { readonly type: 'write'; readonly bytes: Uint8Array; readonly end?: number }
  | { readonly type: 'attach' };

/** That much is acknowledged without waiting for more: the control plane fits its credit to the speed of acks. */
const ACK_BYTES = 16 * 1024;

/** How far one viewer has followed one terminal. */
export class Follower {
  #have: number | undefined;
  /** The next part of a snapshot that is on its way. */
  #part = 0;
  #parsed = 0;
  #acked = 0;

  /** The end of what has come without a hole; nothing if that is to be begun with a snapshot. */
  get have(): number | undefined {
    return this.#have;
  }

  /** What a frame means for the emulator. A hole, which there can't be, is filled by attaching anew. */
  take(frame: Exclude<TerminalFrame, { type: 'taken' }>): Doing[] {
    return frame.type === 'output' ? this.#output(frame) : this.#snapshot(frame);
  }

  /** The emulator has parsed what ended there. The offset to acknowledge, if it is time for that. */
  parsed(end: number): number | undefined {
    this.#parsed = end;
    // A snapshot may go back.
    if (this.#acked > end) this.#acked = end;
    const caughtUp = end === this.#have;
    if (!caughtUp && end - this.#acked < ACK_BYTES) return undefined;
    return this.#ack();
  }

  /** Nothing was said yet on a new link. */
  attached(): void {
    this.#part = 0;
    this.#acked = 0;
  }

  #ack(): number {
    this.#acked = this.#parsed;
    return this.#acked;
  }

  #output({ offset, bytes }: { offset: number; bytes: Uint8Array }): Doing[] {
    const end = offset + bytes.length;
    if (this.#have === undefined || offset > this.#have) return this.#lost();
    if (end <= this.#have) return [];
    const fresh = bytes.subarray(this.#have - offset);
    this.#have = end;
    return [{ type: 'write', bytes: fresh, end }];
  }

  #snapshot(frame: Extract<TerminalFrame, { type: 'snapshot' }>): Doing[] {
    const { part, parts, offset, bytes } = frame;
    if (part !== 0 && part !== this.#part) return this.#lost();
    const last = part + 1 === parts;
    this.#part = last ? 0 : part + 1;
    this.#have = last ? offset : undefined;
    const write: Doing = last ? { type: 'write', bytes, end: offset } : { type: 'write', bytes };
    return part === 0 ? [{ type: 'reset', size: frame.size }, write] : [write];
  }

  #lost(): Doing[] {
    // Asked once: until a snapshot begins, nothing else makes sense.
    const asked = this.#have === undefined && this.#part === -1;
    this.#have = undefined;
    this.#part = -1;
    return asked ? [] : [{ type: 'attach' }];
  }
}
