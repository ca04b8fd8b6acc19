import { describe, expect, it } from 'vitest';
import { INPUT_BYTES, INPUT_WINDOW_BYTES } from '../protocol/generated';
import { newSource, type Piece, STALE_MS, Typing, WAITING_BYTES } from './typing';

const encode = (text: string) => new TextEncoder().encode(text);
const text = (pieces: readonly Piece[]) =>
  pieces.map(({ bytes }) => new TextDecoder().decode(bytes)).join('');

function typing(): Typing {
  let source = 0;
  return new Typing(() => ++source);
}

/** A program that takes what it has not taken, as the workspace-agent does for it. */
class Program {
  read = '';
  readonly #taken = new Map<number, number>();

  gets(pieces: readonly Piece[]): void {
    for (const { source, place, bytes } of pieces) {
      const taken = this.#taken.get(source) ?? 0;
      if (place > taken || place + bytes.length <= taken) continue;
      this.read += new TextDecoder().decode(bytes.subarray(taken - place));
      this.#taken.set(source, place + bytes.length);
    }
  }

  tells(to: Typing): void {
    for (const [source, place] of this.#taken) to.taken(source, place);
  }
}

describe('what is typed', () => {
  it('is sent once', () => {
    const keys = typing();
    keys.type(encode('ls'), 0);
    expect(text(keys.toSend())).toBe('ls');
    expect(keys.toSend()).toEqual([]);
    keys.type(encode('\r'), 1);
    expect(keys.toSend()).toMatchObject([{ source: 1, place: 2 }]);
  });

  it('is let go of when the program has it', () => {
    const keys = typing();
    keys.type(encode('abc'), 0);
    keys.toSend();
    keys.taken(1, 2);
    expect(keys.waiting).toBe(1);
    keys.taken(1, 3);
    expect(keys.waiting).toBe(0);
    keys.taken(7, 99);
    expect(keys.waiting).toBe(0);
  });

  it('goes in pieces, and no more at a time than may be under way', () => {
    const keys = typing();
    const long = 'x'.repeat(3 * INPUT_WINDOW_BYTES);
    expect(keys.type(encode(long), 0)).toBe(true);
    const first = keys.toSend();
    expect(Math.max(...first.map(({ bytes }) => bytes.length))).toBe(INPUT_BYTES);
    expect(text(first)).toHaveLength(INPUT_WINDOW_BYTES);
    keys.taken(1, INPUT_WINDOW_BYTES);
    expect(text(keys.toSend())).toHaveLength(INPUT_WINDOW_BYTES);
  });

  it('is refused where more waits than anybody types', () => {
    const keys = typing();
    expect(keys.type(new Uint8Array(WAITING_BYTES), 0)).toBe(true);
    expect(keys.type(encode('x'), 0)).toBe(false);
    expect(keys.waiting).toBe(WAITING_BYTES);
  });

  it('arrives exactly once over links that lose what is under way and what is answered', () => {
    const keys = typing();
    const program = new Program();
    let meant = '';
    for (let i = 0; i < 300; i++) {
      const typed = `${i}한,`;
      meant += typed;
      keys.type(encode(typed), i);
      const pieces = keys.toSend();
      if (i % 3 !== 0) program.gets(pieces);
      if (i % 4 === 0) program.tells(keys);
      if (i % 3 === 0) keys.relinked(i);
    }
    keys.relinked(300);
    program.gets(keys.toSend());
    program.tells(keys);
    expect(program.read).toBe(meant);
    expect(keys.waiting).toBe(0);
  });

  it('is not sent any more when the link was away for long, and what comes after has places of its own', () => {
    const keys = typing();
    keys.type(encode('rm'), 0);
    expect(keys.relinked(STALE_MS)).toBe(false);
    expect(keys.relinked(STALE_MS + 1)).toBe(true);
    expect(keys.toSend()).toEqual([]);
    keys.type(encode('ls'), STALE_MS + 2);
    expect(keys.toSend()).toMatchObject([{ source: 2, place: 0 }]);
  });

  it('comes from a source whose number browsers and the protocol both hold', () => {
    for (let i = 0; i < 100; i++) expect(Number.isSafeInteger(newSource())).toBe(true);
  });
});
