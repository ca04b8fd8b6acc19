/**
 * Reads recordings off the user's volume: by a terminal of its own that prints them, as the user would. So nothing else has to be
 * let into the workspace for it, and what can be read is what the user can read.
 */
import { newId } from '../ids';
import type { Terminal, TerminalId } from '../protocol/generated';
import { Follower } from './follower';
import { ackFrame, inputFrame, type TerminalFrame } from './frame';
import type { Terminals } from './list.svelte';
import { LISTING, parseListing, type Recording } from './recordings';
import { newSource } from './typing';
import { Switchboard, type Watcher } from './wire';

/** It prints once it is told to: before somebody is attached, what is printed may be lost. */
const BEGINNING = 'stty raw -echo; read -r _; ';
/** A recording takes 64 MiB at most; a file that a program made to look like one could be any size. */
const LARGEST_BYTES = 65 * 1024 * 1024;
/** Between two pieces there is no reason for a longer wait. */
const PATIENCE_MS = 20_000;

/** Whether a terminal is there only for something to be read. */
export function isReader({ what }: Pick<Terminal, 'what'>): boolean {
  return what.type === 'command' && what.line.startsWith(BEGINNING);
}

/** The command line that prints what a command does, between two marks. */
export function readingLine(command: string, mark: string): string {
  return `${BEGINNING}printf '<${mark}'; { ${command}; } 2>/dev/null; printf '${mark}>'`;
}

/** A file's text. */
export function readFile(terminals: Terminals, file: string): Promise<string> {
  return readOutput(terminals, `cat -- '${file.replaceAll("'", `'\\''`)}'`);
}

/** The recordings that there are, the newest first. */
export async function listRecordings(terminals: Terminals): Promise<Recording[]> {
  return parseListing(await readOutput(terminals, LISTING));
}

/** What a command prints. */
async function readOutput(terminals: Terminals, command: string): Promise<string> {
  const id = newId();
  const mark = newId();
  const name = 'reader';
  const size = { cols: 80, rows: 24 };
  const board = Switchboard.of(terminals);
  const read = new Reading(id, mark, terminals);
  board.watch(id, read);
  try {
    const what = { type: 'command' as const, line: readingLine(command, mark) };
    await terminals.ask(id, { type: 'open', name, what, size }, false);
    await terminals.ask(id, { type: 'attach', size }, false);
    read.begin();
    return await read.done;
  } finally {
    board.unwatch(id, read);
    read.stop();
    terminals.close(id);
  }
}

class Reading implements Watcher {
  readonly done: Promise<string>;
  readonly #follower = new Follower();
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #begun = false;
  #finish: (text: string) => void = () => undefined;
  #fail: (why: Error) => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly id: TerminalId,
    private readonly mark: string,
    private readonly terminals: Terminals,
  ) {
    this.done = new Promise((finish, fail) => {
      this.#finish = finish;
      this.#fail = fail;
    });
    // Whoever waits hears of it; nobody may be waiting yet.
    this.done.catch(() => undefined);
  }

  /** Has the file printed. */
  begin(): void {
    this.#begun = true;
    this.#wait();
    this.terminals.send(inputFrame(this.id, newSource(), 0, new TextEncoder().encode('\n')));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  frame(frame: TerminalFrame): void {
    if (frame.type === 'taken') return;
    for (const doing of this.#follower.take(frame)) {
      if (doing.type === 'write') this.#take(doing.bytes, doing.end);
      // A snapshot stands for bytes that were not sent: the file has a hole then.
      else if (this.#begun && this.#bytes > 0) this.#fail(new Error('a part was not sent'));
    }
  }

  linked(): void {
    // What was under way is lost with the old link.
  }

  unlinked(): void {
    this.#fail(new Error('the link was lost'));
  }

  #take(bytes: Uint8Array, end: number | undefined): void {
    if (end !== undefined) this.terminals.send(ackFrame(this.id, this.#follower.parsed(end) ?? end));
    if (!this.#begun) return;
    this.#wait();
    this.#pieces.push(bytes.slice());
    this.#bytes += bytes.length;
    if (this.#bytes > LARGEST_BYTES) return this.#fail(new Error('too large'));
    const text = this.#tail();
    if (text.endsWith(`${this.mark}>`)) this.#finish(this.#text());
  }

  /** The end of what has come, long enough for the mark. */
  #tail(): string {
    let tail = '';
    for (let i = this.#pieces.length - 1; i >= 0 && tail.length <= this.mark.length; i--)
      tail = new TextDecoder('latin1').decode(this.#pieces[i]) + tail;
    return tail;
  }

  #text(): string {
    const all = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    const text = new TextDecoder().decode(all);
    // Before it there may be an echo of the line that started it.
    const begin = `<${this.mark}`;
    return text.slice(text.indexOf(begin) + begin.length, -this.mark.length - 1);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(new Error('nothing came')), PATIENCE_MS);
  }
}
