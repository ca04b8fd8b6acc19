/**
 * What the page knows of terminals before that part of it has come: whether their panel is open, what it is to begin with,
 * and what the control plane has told.
 */
import type { FromServer, TerminalKind } from '../protocol/generated';
import type { Ask } from '../requests';
import { load, save } from '../storage';

/** The way to the control plane. */
export interface TerminalHost {
  request(ask: Ask, repeat?: boolean): Promise<void>;
  /** Puts a frame on the wire; false if there is none. */
  send(frame: Uint8Array<ArrayBuffer>): boolean;
}

/** Whatever shows terminals. */
export interface Behind {
  /** A message that concerns terminals. */
  receive(message: FromServer): void;
  /** A frame has come. */
  frame(data: ArrayBuffer): void;
  /** A link is up that knows nothing of the one before. */
  linked(): void;
  /** The link is gone. */
  unlinked(): void;
}

/** A terminal that somebody wants opened. */
export interface Wanted {
  readonly name: string;
  readonly what: TerminalKind;
}

/** The door to the terminals. */
export class Door {
  /** The panel lies over the conversation, for lack of room beside it. */
  over = $state(false);
  /** What is to be opened when the panel is there. */
  wanted = $state.raw<Wanted | undefined>();
  /** How often somebody wanted to be in the terminal that is looked at, since they got there. */
  wantsFocus = $state(0);
  #open = $state(load('terminals.open') === true);
  #behind: Behind | undefined;
  /** What was told since all of them were. */
  #told: FromServer[] = [];

  constructor(readonly host: TerminalHost) {}

  /** The panel is open. */
  get open(): boolean {
    return this.#open;
  }

  set open(open: boolean) {
    this.#open = open;
    if (open) this.wantsFocus++;
    save('terminals.open', open);
  }

  /** Whatever shows terminals; nothing before it has come. */
  get behind(): Behind | undefined {
    return this.#behind;
  }

  /** It has come, and hears what it has missed. */
  hand(behind: Behind): void {
    this.#behind = behind;
    this.#told.forEach((message) => behind.receive(message));
    this.#told = [];
  }

  /** A message that concerns terminals. */
  receive(message: FromServer): void {
    if (this.#behind) return this.#behind.receive(message);
    if (message.type === 'terminals') this.#told = [];
    this.#told.push(message);
  }
}
