/** Recordings in asciicast v2: reading them, and a clock to play them by. Pure. */
import type { Size } from './size';

/** Something that happened in a recorded terminal, and when, in seconds from its beginning. */
export type CastEvent =
  | { readonly at: number; readonly type: 'output'; readonly data: string }
  | { readonly at: number; readonly type: 'resize'; readonly size: Size };

/** A recording. */
export interface Cast {
  readonly size: Size;
  readonly events: readonly CastEvent[];
  /** In seconds. */
  readonly length: number;
}

/** What can't be a recording. */
export class NotACast extends Error {}

/** A wait is cut to this many seconds where the reader skips waits. */
const LONGEST_WAIT = 1;
/** A program that records itself can write any number; a terminal of this many columns is none. */
const LARGEST = 1000;

/** Reads a recording. A torn last line, as of one that still runs, is left out. */
export function parseCast(text: string): Cast {
  const lines = text.split('\n');
  const header = parsed(lines[0] ?? '') as
    { version?: unknown; width?: unknown; height?: unknown } | undefined;
  const size = sizeOf(header?.width, header?.height);
  if (header?.version !== 2 || !size) throw new NotACast('no header of asciicast version 2');
  const events: CastEvent[] = [];
  let last = 0;
  for (const line of lines.slice(1)) {
    const event = eventOf(parsed(line), last);
    if (!event) continue;
    events.push(event);
    last = event.at;
  }
  return { size, events, length: last };
}

/** The recording with its waits cut short. */
export function withoutWaits(cast: Cast): Cast {
  let before = 0;
  let cut = 0;
  const events = cast.events.map((event) => {
    cut += Math.max(0, event.at - before - LONGEST_WAIT);
    before = event.at;
    return { ...event, at: event.at - cut };
  });
  return { ...cast, events, length: events.at(-1)?.at ?? 0 };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

function eventOf(line: unknown, last: number): CastEvent | undefined {
  if (!Array.isArray(line)) return undefined;
  const [time, kind, data] = line as unknown[];
  if (typeof time !== 'number' || !Number.isFinite(time) || typeof data !== 'string') return undefined;
  const at = Math.max(last, time);
  if (kind === 'o') return { at, type: 'output', data };
  if (kind !== 'r') return undefined;
  const [cols, rows] = data.split('x').map(Number);
  const size = sizeOf(cols, rows);
  return size && { at, type: 'resize', size };
}

function sizeOf(cols: unknown, rows: unknown): Size | undefined {
  const fine = (n: unknown): n is number => Number.isInteger(n) && Number(n) > 0 && Number(n) <= LARGEST;
  return fine(cols) && fine(rows) ? { cols, rows } : undefined;
}

/** What has to be shown next. `fresh`: forget all that was shown before. */
export interface Step {
  readonly fresh: boolean;
  readonly events: readonly CastEvent[];
}

/** Where the playing of a recording is. */
export class Playback {
  #next = 0;
  #at = 0;

  constructor(readonly cast: Cast) {}

  /** In seconds from the beginning. */
  get at(): number {
    return this.#at;
  }

  /** Nothing is left to play. */
  get over(): boolean {
    return this.#at >= this.cast.length && this.#next >= this.cast.events.length;
  }

  /** Goes on for some seconds. */
  advance(seconds: number): Step {
    this.#at = Math.min(this.cast.length, this.#at + Math.max(0, seconds));
    return { fresh: false, events: this.#due() };
  }

  /** Goes somewhere else. Back means from the beginning: a terminal can't be unwritten. */
  seek(to: number): Step {
    const at = Math.min(this.cast.length, Math.max(0, to));
    const fresh = at < this.#at;
    if (fresh) this.#next = 0;
    this.#at = at;
    return { fresh, events: this.#due() };
  }

  #due(): CastEvent[] {
    const from = this.#next;
    const { events } = this.cast;
    while (this.#next < events.length && (events[this.#next]?.at ?? 0) <= this.#at) this.#next++;
    return events.slice(from, this.#next);
  }
}
