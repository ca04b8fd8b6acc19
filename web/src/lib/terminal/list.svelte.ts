/** The workspace's terminals as everybody sees them, and the way to ask something of one. */
import { newId } from '../ids';
import type {
  FromServer,
  Terminal,
  TerminalEnd,
  TerminalId,
  TerminalKind,
  TerminalWish,
  ViewerId,
} from '../protocol/generated';
import { load, save } from '../storage';
import type { Behind, Door } from './door.svelte';

/** A terminal that went away, by itself or by somebody's hand. */
export interface Gone {
  readonly name: string;
  readonly why: TerminalEnd;
}

/** Before anything else is known of a terminal, it is this large. */
const USUAL = { cols: 80, rows: 24 };

/** A tab's names on links of before: one that is still in use belongs to a link that died without a word. */
const REMEMBERED = 8;

/** What this tab, and no other, remembers across a reload. */
function tabMemory(names?: readonly ViewerId[]): readonly ViewerId[] {
  try {
    if (names) sessionStorage.setItem('atelier.viewers', JSON.stringify(names));
    const kept: unknown = JSON.parse(sessionStorage.getItem('atelier.viewers') ?? '[]');
    return Array.isArray(kept) ? kept.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

/** The terminals of one workspace, and the panel that they are shown in. */
export class Terminals implements Behind {
  all = $state.raw<readonly Terminal[]>([]);
  /** This viewer, as the owner of a size is named. */
  you = $state<ViewerId>('');
  /** One can be opened. */
  available = $state(false);
  /** The last one that went away without this page having asked for it. */
  gone = $state.raw<Gone | undefined>();
  /** Why the last thing that was wanted was not done. */
  failure = $state.raw<unknown>();
  /** One has been asked for and is not there yet. */
  opening = $state(false);
  /** Whoever follows the bytes of terminals. */
  wire: Pick<Behind, 'frame' | 'linked' | 'unlinked'> | undefined;
  #width: number | undefined;
  #current = $state<TerminalId | undefined>();
  readonly #closing = new Set<TerminalId>();
  /** What this tab was called on links of before. */
  #before: readonly ViewerId[] = tabMemory();

  /** Those behind a door. */
  static behind(door: Door): Terminals {
    if (door.behind instanceof Terminals) return door.behind;
    const made = new Terminals(door);
    door.hand(made);
    return made;
  }

  private constructor(readonly door: Door) {
    const kept = load('terminals') as { current?: unknown; width?: unknown } | undefined;
    if (typeof kept?.width === 'number') this.width = kept.width;
    if (typeof kept?.current === 'string') this.#current = kept.current;
  }

  /** How wide the panel is, in pixels, where it stands beside something; nothing as long as nobody has said. */
  get width(): number | undefined {
    return this.#width;
  }

  set width(width: number | undefined) {
    this.#width = width;
    const { style } = document.documentElement;
    if (width === undefined) style.removeProperty('--panel');
    else style.setProperty('--panel', `${width}px`);
    this.#save();
  }

  /** The terminal that is looked at, whether or not it is there. */
  get current(): TerminalId | undefined {
    return this.#current;
  }

  set current(id: TerminalId | undefined) {
    this.#current = id;
    this.#save();
  }

  /** The terminal of that id, if there is one. */
  get(id: TerminalId | undefined): Terminal | undefined {
    return this.all.find((terminal) => terminal.id === id);
  }

  /** Whether this viewer owns the terminal's size. */
  owns(terminal: Terminal): boolean {
    return terminal.owner !== undefined && terminal.owner === this.you;
  }

  /** A link of before of this tab owns the terminal's size. */
  owned({ owner }: Terminal): boolean {
    return owner !== undefined && owner !== this.you && this.#before.includes(owner);
  }

  /** Another device, or another tab, owns it. */
  elsewhere(terminal: Terminal): boolean {
    return terminal.owner !== undefined && !this.owns(terminal) && !this.owned(terminal);
  }

  /** Asks for something. `repeat`: also after a lost link. */
  ask(terminal: TerminalId, wish: TerminalWish, repeat = true): Promise<void> {
    return this.door.host.request({ type: 'terminal', terminal, wish }, repeat);
  }

  /** Puts a frame on the wire; false if there is none. */
  send(frame: Uint8Array<ArrayBuffer>): boolean {
    return this.door.host.send(frame);
  }

  /** Asks for something that somebody wanted; that it failed is shown. */
  attempt(terminal: TerminalId, wish: TerminalWish): Promise<void> {
    this.failure = undefined;
    return this.ask(terminal, wish).catch((cause: unknown) => void (this.failure = cause));
  }

  /** Opens one and looks at it. Its name is one that the protocol takes. */
  begin(name: string, what: TerminalKind): void {
    const id = newId();
    this.look(id);
    this.opening = true;
    const wish: TerminalWish = { type: 'open', name, what, size: USUAL };
    void this.attempt(id, wish).finally(() => (this.opening = false));
  }

  /** The workspace does not run, so that there can be none. */
  ended(): void {
    if (!this.available) this.all = [];
  }

  /** Looks at one. */
  look(id: TerminalId): void {
    this.current = id;
    this.door.open = true;
  }

  /** Ends one. */
  close(id: TerminalId): void {
    this.#closing.add(id);
    void this.attempt(id, { type: 'close' });
  }

  frame(data: ArrayBuffer): void {
    this.wire?.frame(data);
  }

  linked(): void {
    this.wire?.linked();
  }

  unlinked(): void {
    this.wire?.unlinked();
  }

  receive(message: FromServer): void {
    if (message.type === 'terminals') {
      this.#call(message.you);
      this.available = message.available;
      // A control plane that has just come up knows of none before the workspace has told.
      if (message.available || message.terminals.length > 0) this.all = message.terminals;
    } else if (message.type === 'terminal') {
      const { terminal } = message;
      const known = this.all.some(({ id }) => id === terminal.id);
      this.all = known
        ? this.all.map((one) => (one.id === terminal.id ? terminal : one))
        : [...this.all, terminal];
    } else if (message.type === 'terminal_gone') this.#gone(message.terminal, message.why);
  }

  #call(you: ViewerId): void {
    this.you = you;
    if (this.#before.includes(you)) return;
    this.#before = [...this.#before, you].slice(-REMEMBERED);
    tabMemory(this.#before);
  }

  #gone(id: TerminalId, why: TerminalEnd): void {
    const terminal = this.get(id);
    if (terminal && !this.#closing.has(id)) this.gone = { name: terminal.name, why };
    this.all = this.all.filter((one) => one.id !== id);
    this.#closing.delete(id);
  }

  #save(): void {
    save('terminals', { current: this.#current, width: this.#width });
  }
}
