/** Carries the frames of terminals to those who show them, and tells them of the link. */
import { decodeFrame, type TerminalFrame } from './frame';
import type { Behind } from './door.svelte';
import type { Terminals } from './list.svelte';

/** Whoever follows a terminal's bytes. */
export interface Watcher {
  /** A frame of that terminal has come. */
  frame(frame: TerminalFrame): void;
  /** A link is up, on which nobody is attached to anything. */
  linked(): void;
  /** The link is gone. */
  unlinked(): void;
}

/** All who follow terminals on one page. */
export class Switchboard implements Omit<Behind, 'receive'> {
  readonly #watchers = new Map<string, Watcher>();

  private constructor() {
    // Made by `of` alone.
  }

  /** That of the page's terminals. */
  static of(terminals: Terminals): Switchboard {
    if (terminals.wire instanceof Switchboard) return terminals.wire;
    const made = new Switchboard();
    terminals.wire = made;
    return made;
  }

  /** Has a terminal's frames go to `watcher`. */
  watch(terminal: string, watcher: Watcher): void {
    this.#watchers.set(terminal, watcher);
  }

  /** No longer, if they still do. */
  unwatch(terminal: string, watcher: Watcher): void {
    if (this.#watchers.get(terminal) === watcher) this.#watchers.delete(terminal);
  }

  frame(data: ArrayBuffer): void {
    const frame = decodeFrame(data);
    if (frame) this.#watchers.get(frame.terminal)?.frame(frame);
  }

  linked(): void {
    for (const watcher of this.#watchers.values()) watcher.linked();
  }

  unlinked(): void {
    for (const watcher of this.#watchers.values()) watcher.unlinked();
  }
}
