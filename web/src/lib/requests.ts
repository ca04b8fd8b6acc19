/** Requests on the viewer socket that wait for their answer, in the order they were made. Pure. */
import type { ErrorCode, Request } from './protocol/generated';

/** A request without its number. */
export type AskOf<R> = R extends unknown ? Omit<R, 're'> : never;

/** What a viewer may ask for. */
export type Ask = AskOf<Request>;

/** The control plane refused a request; nothing of it was done. */
export class Refused extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Somebody else was quicker: what was to be changed is not what it was. */
export function isConflict(cause: unknown): boolean {
  return cause instanceof Refused && cause.code === 'conflict';
}

/** The link went away before the answer came, and the request was not one to repeat. */
export class LinkLost extends Error {}

/** Between tries of what is not possible for the moment. */
const AGAIN_MS = 1000;
/** More tries than a restart takes. */
const TRIES = 15;

/** Makes a request again for as long as the control plane says that it can't tell yet, and it is still wanted. */
export async function patiently(ask: () => Promise<void>, wanted = () => true): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (failure) {
      const passes = failure instanceof Refused && failure.code === 'unavailable' && tries < TRIES;
      if (!passes) throw failure;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      if (!wanted()) return;
    }
  }
}

interface Waiting<R> {
  readonly request: R;
  /** Whether a repeat after a reconnect is harmless and wanted. */
  readonly repeat: boolean;
  /** The answer may take its time: that there is none yet says nothing of the link. */
  readonly patient: boolean;
  /** When it was last put on the wire; absent if it has not been since the last reconnect. */
  sentAt?: number | undefined;
  /** It came too soon, and stays here for a while. */
  held?: boolean;
  readonly resolve: () => void;
  readonly reject: (why: Error) => void;
}

/** The book of unanswered requests. */
export class Requests<R extends { re: number } = Request> {
  readonly #waiting = new Map<number, Waiting<R>>();
  #next = 1;

  /** Enters a request. */
  add(ask: AskOf<R>, repeat: boolean, patient = false): { re: number; done: Promise<void> } {
    const re = this.#next++;
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.set(re, { request: { re, ...ask } as unknown as R, repeat, patient, resolve, reject });
    });
    return { re, done };
  }

  /** What to put on the wire now: all that is not there yet and may be. */
  toSend(now: number): R[] {
    const unsent = [...this.#waiting.values()].filter(({ sentAt, held }) => sentAt === undefined && !held);
    for (const waiting of unsent) waiting.sentAt = now;
    return unsent.map((waiting) => waiting.request);
  }

  /** A request was carried out. */
  done(re: number): void {
    this.#waiting.get(re)?.resolve();
    this.#waiting.delete(re);
  }

  /** A request was refused. */
  refused(re: number, code: ErrorCode, message: string): void {
    this.#waiting.get(re)?.reject(new Refused(code, message));
    this.#waiting.delete(re);
  }

  /** A request came too soon, which is all that is wrong with it: it stays here until it may be made again. */
  hold(re: number): void {
    const waiting = this.#waiting.get(re);
    if (waiting) Object.assign(waiting, { sentAt: undefined, held: true });
  }

  /** A request may be made again. */
  release(re: number): void {
    const waiting = this.#waiting.get(re);
    if (waiting) waiting.held = false;
  }

  /** When the request was sent that has waited longest for an answer that comes at once. */
  get oldestSent(): number | undefined {
    const times = [...this.#waiting.values()].flatMap(({ sentAt, patient }) =>
      sentAt === undefined || patient ? [] : [sentAt],
    );
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /**
   * The link was lost: what may be repeated waits for the next one, the rest fails. `forCause`: the server hung up
   * because of something it was sent, so nothing that was on the wire is sent a second time.
   */
  lost(forCause: boolean): void {
    for (const [re, waiting] of this.#waiting) {
      const onWire = waiting.sentAt !== undefined;
      waiting.sentAt = undefined;
      if (waiting.repeat && !(forCause && onWire)) continue;
      this.#waiting.delete(re);
      waiting.reject(new LinkLost());
    }
  }

  /** Gives up everything. */
  abandon(): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new LinkLost());
    this.#waiting.clear();
  }
}
