import { describe, expect, it } from 'vitest';
import { type Doing, Follower } from './follower';
import type { TerminalFrame } from './frame';

const terminal = 't';
const size = { cols: 80, rows: 24 };
const encode = (text: string) => new TextEncoder().encode(text);

const output = (offset: number, text: string) =>
  ({ type: 'output', terminal, offset, bytes: encode(text) }) as const;
const part = (offset: number, part: number, parts: number, text: string) =>
  ({ type: 'snapshot', terminal, offset, size, part, parts, bytes: encode(text) }) as const;

/** What is done, as words. */
function told(doings: readonly Doing[]): string[] {
  return doings.map((doing) => {
    if (doing.type !== 'write') return doing.type;
    return `${new TextDecoder().decode(doing.bytes)}@${doing.end ?? ''}`;
  });
}

function followed(...frames: Exclude<TerminalFrame, { type: 'taken' }>[]): {
  follower: Follower;
  words: string[];
} {
  const follower = new Follower();
  return { follower, words: frames.flatMap((frame) => told(follower.take(frame))) };
}

describe('a viewer', () => {
  it('begins with a snapshot, whatever number of parts it has, and goes on from there', () => {
    const { follower, words } = followed(
      part(100, 0, 2, 'half '),
      part(100, 1, 2, 'whole'),
      output(100, 'more'),
    );
    expect(words).toEqual(['reset', 'half @', 'whole@100', 'more@104']);
    expect(follower.have).toBe(104);
  });

  it('has nothing as long as a snapshot is not whole', () => {
    const { follower } = followed(part(100, 0, 1, 'all'), part(200, 0, 3, 'a'));
    expect(follower.have).toBeUndefined();
    expect(told(follower.take(part(200, 1, 3, 'b')))).toEqual(['b@']);
    expect(told(follower.take(part(200, 2, 3, 'c')))).toEqual(['c@200']);
    expect(follower.have).toBe(200);
  });

  it('shows no byte twice, as after a reconnect that sends more than was asked for', () => {
    const { words } = followed(part(0, 0, 1, ''), output(0, 'abc'), output(0, 'ab'), output(1, 'bcde'));
    expect(words).toEqual(['reset', '@0', 'abc@3', 'de@5']);
  });

  it('follows a snapshot back as well as forward', () => {
    const { words, follower } = followed(
      part(0, 0, 1, ''),
      output(0, 'abc'),
      part(1, 0, 1, 'a'),
      output(1, 'bc'),
    );
    expect(words.slice(3)).toEqual(['reset', 'a@1', 'bc@3']);
    expect(follower.have).toBe(3);
  });

  it('attaches anew at a hole, once, and shows nothing until a snapshot comes', () => {
    const { follower, words } = followed(
      part(0, 0, 1, ''),
      output(5, 'x'),
      output(6, 'y'),
      part(9, 1, 2, 'z'),
    );
    expect(words.slice(2)).toEqual(['attach']);
    expect(follower.have).toBeUndefined();
    follower.attached();
    expect(told(follower.take(part(9, 0, 1, 'all')))).toEqual(['reset', 'all@9']);
  });

  it('attaches anew when a part of a snapshot is missing', () => {
    expect(followed(part(9, 0, 3, 'a'), part(9, 2, 3, 'c')).words).toEqual(['reset', 'a@', 'attach']);
  });
});

describe('what is acknowledged', () => {
  it('is what the emulator has parsed, when it has caught up', () => {
    const { follower } = followed(part(0, 0, 1, ''), output(0, 'abc'), output(3, 'def'));
    expect(follower.parsed(3)).toBeUndefined();
    expect(follower.parsed(6)).toBe(6);
  });

  it('is told every 16 KiB while there is more to parse', () => {
    const kilobytes = (n: number) => 'x'.repeat(n * 1024);
    const { follower } = followed(part(0, 0, 1, ''), output(0, kilobytes(100)));
    expect(follower.parsed(10 * 1024)).toBeUndefined();
    expect(follower.parsed(16 * 1024)).toBe(16 * 1024);
    expect(follower.parsed(31 * 1024)).toBeUndefined();
    expect(follower.parsed(32 * 1024)).toBe(32 * 1024);
    expect(follower.parsed(100 * 1024)).toBe(100 * 1024);
  });

  it('goes back with a snapshot that goes back', () => {
    const { follower } = followed(part(50_000, 0, 1, ''));
    expect(follower.parsed(50_000)).toBe(50_000);
    follower.take(part(10, 0, 1, ''));
    expect(follower.parsed(10)).toBe(10);
  });
});
