import { describe, expect, it } from 'vitest';
import { ackFrame, decodeFrame, inputFrame } from './frame';

const ID = '0f0e0d0c-0b0a-4908-8706-050403020100';
const ID_HEX = ID.replaceAll('-', '');

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)).buffer;
const hex = (frame: Uint8Array) => Array.from(frame, (byte) => byte.toString(16).padStart(2, '0')).join('');

describe('a frame', () => {
  it('of output has its place and its bytes', () => {
    const frame = decodeFrame(bytes(`03${ID_HEX}0000000100000002${'61'}${'62'}`));
    expect(frame).toMatchObject({ type: 'output', terminal: ID, offset: 2 ** 32 + 2 });
    expect(frame?.type === 'output' && hex(frame.bytes)).toBe('6162');
  });

  it('of a snapshot has its size and which part it is', () => {
    const frame = decodeFrame(bytes(`05${ID_HEX}00000000000000ff005000180000000100000003${'1b63'}`));
    expect(frame).toMatchObject({
      type: 'snapshot',
      terminal: ID,
      offset: 255,
      size: { cols: 80, rows: 24 },
      part: 1,
      parts: 3,
    });
    expect(frame?.type === 'snapshot' && hex(frame.bytes)).toBe('1b63');
  });

  it('of what was taken has its source and how far', () => {
    const frame = decodeFrame(bytes(`08${ID_HEX}001fffffffffffff0000000000000007`));
    expect(frame).toEqual({ type: 'taken', terminal: ID, source: Number.MAX_SAFE_INTEGER, place: 7 });
  });

  it('is nothing if it is torn, empty or of a kind that nobody knows', () => {
    for (const torn of [
      '',
      '03',
      `03${ID_HEX}`,
      `05${ID_HEX}0000000000000000`,
      `08${ID_HEX}0000000000000000`,
    ])
      expect(decodeFrame(bytes(torn)), torn).toBeUndefined();
    expect(decodeFrame(bytes(`63${ID_HEX}0000000000000000`))).toBeUndefined();
  });

  it('of input and of an ack lies as the protocol says', () => {
    const typed = inputFrame(ID, Number.MAX_SAFE_INTEGER, 258, new TextEncoder().encode('한'));
    expect(hex(typed)).toBe(`04${ID_HEX}001fffffffffffff0000000000000102ed959c`);
    expect(hex(ackFrame(ID, 2 ** 40))).toBe(`06${ID_HEX}0000010000000000`);
  });
});
