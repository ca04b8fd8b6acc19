/** Binary frames of the viewer's socket, as `protocol/src/frame.rs` lays them out. Pure. */
import type { Size } from './size';

/** What the control plane sends of a terminal. */
export type TerminalFrame =
  | {
      readonly type: 'output';
      readonly terminal: string;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: 'snapshot';
      readonly terminal: string;
      readonly offset: number;
      readonly size: Size;
      readonly part: number;
      readonly parts: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'taken'; readonly terminal: string; readonly source: number; readonly place: number };

const OUTPUT = 3;
const INPUT = 4;
const SNAPSHOT = 5;
const ACK = 6;
const TAKEN = 8;

/** Tag, terminal, and one number: what all of them have. */
const LEAST_BYTES = 1 + 16 + 8;
const TWO_NUMBERS_BYTES = LEAST_BYTES + 8;
const SNAPSHOT_BYTES = LEAST_BYTES + 2 + 2 + 4 + 4;

/** Reads a frame; nothing if it is of a kind that this page doesn't know, or torn. */
export function decodeFrame(data: ArrayBuffer): TerminalFrame | undefined {
  if (data.byteLength < LEAST_BYTES) return undefined;
  const view = new DataView(data);
  const terminal = idOf(new Uint8Array(data, 1, 16));
  const number = (at: number) => Number(view.getBigUint64(at));
  switch (view.getUint8(0)) {
    case OUTPUT:
      return { type: 'output', terminal, offset: number(17), bytes: new Uint8Array(data, LEAST_BYTES) };
    case SNAPSHOT:
      if (data.byteLength < SNAPSHOT_BYTES) return undefined;
      return {
        type: 'snapshot',
        terminal,
        offset: number(17),
        size: { cols: view.getUint16(25), rows: view.getUint16(27) },
        part: view.getUint32(29),
        parts: view.getUint32(33),
        bytes: new Uint8Array(data, SNAPSHOT_BYTES),
      };
    case TAKEN:
      if (data.byteLength < TWO_NUMBERS_BYTES) return undefined;
      return { type: 'taken', terminal, source: number(17), place: number(25) };
    default:
      return undefined;
  }
}

/** What somebody typed: `bytes` lie at `place` in all that `source` has typed in this terminal. */
export function inputFrame(
  terminal: string,
  source: number,
  place: number,
  bytes: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const frame = framed(INPUT, terminal, [source, place], bytes.length);
  frame.set(bytes, TWO_NUMBERS_BYTES);
  return frame;
}

/** Everything before `offset` has been shown. */
export function ackFrame(terminal: string, offset: number): Uint8Array<ArrayBuffer> {
  return framed(ACK, terminal, [offset], 0);
}

function framed(tag: number, terminal: string, numbers: number[], more: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(17 + 8 * numbers.length + more);
  const view = new DataView(frame.buffer);
  view.setUint8(0, tag);
  frame.set(bytesOf(terminal), 1);
  numbers.forEach((number, i) => view.setBigUint64(17 + 8 * i, BigInt(number)));
  return frame;
}

/** A UUID as it is written, of its bytes. */
function idOf(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function bytesOf(id: string): Uint8Array {
  const hex = id.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
