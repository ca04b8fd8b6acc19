/** One terminal as this page shows it: attached while it is to be seen, in its size or somebody else's, and typed into. */
import { isComposing } from '../chat/keys';
import type { TerminalId } from '../protocol/generated';
import { LinkLost, Refused } from '../requests';
import { copyText } from '../../ui/clipboard';
import { Emulator, type Look } from './emulator';
import { Follower } from './follower';
import { ackFrame, inputFrame, type TerminalFrame } from './frame';
import { terminalAct, withCtrl } from './keys';
import type { Terminals } from './list.svelte';
import { cleaned, runsAtOnce } from './paste';
import { Pump } from './pump';
import { same, showing, type Size } from './size';
import { coloursOf } from './theme';
import { newSource, Typing } from './typing';
import { Switchboard, type Watcher } from './wire';

/** A pane that is being dragged has many sizes; programs draw anew for each that they are told. */
const SETTLE_MS = 80;
/** What terminals say of the focus when a program wants to know. */
const FOCUS_REPORTS: readonly (string | undefined)[] = ['\x1b[I', '\x1b[O'];

const mac = /^(?:Mac|iP)/.test(navigator.platform);

/** It is attached again as soon as the link, or the workspace's, is back. */
function passes(cause: unknown): boolean {
  return cause instanceof LinkLost || (cause instanceof Refused && cause.code === 'unavailable');
}

/** Text that would be run line by line, unseen. */
export interface Asked {
  readonly text: string;
  readonly lines: number;
}

/** Something to say about what was typed or copied. */
export type Notice = 'lostInput' | 'tooMuch' | 'copied' | 'notCopied';

/** A terminal on this page. */
export class Viewer implements Watcher {
  /** The control plane sends what is printed. */
  attached = $state(false);
  /** Why it does not. */
  failure = $state.raw<unknown>();
  /** The size that somebody else has given it. */
  letterboxed = $state.raw<Size | undefined>();
  /** Text that a program wants on the clipboard. */
  offered = $state<string | undefined>();
  /** A paste that waits for a yes. */
  asked = $state.raw<Asked | undefined>();
  notice = $state<Notice | undefined>();
  /** The on-screen Ctrl is down. */
  ctrl = $state(false);
  /** How often somebody typed who does not own the size. */
  nudges = $state(0);
  /** The search is open. */
  finding = $state(false);
  readonly emulator: Emulator;
  readonly #host: HTMLElement;
  readonly #board: Switchboard;
  readonly #follower = new Follower();
  readonly #typing = new Typing(newSource);
  readonly #pump: Pump;
  readonly #observer: ResizeObserver;
  #visible = false;
  #attempt = 0;
  #attaching = false;
  /** A snapshot has given the emulator a size of its own. */
  #rebuilt = false;
  #look: Look;
  #wanted: Size | undefined;
  /** The colours that programs were told, as long as it is for us to tell them. */
  #told: Look['reading'] | undefined;
  #taking = false;
  /** It was seen in somebody else's hands: from then on it is only looked at, until it is taken. */
  #looksOn = false;
  #settling: ReturnType<typeof setTimeout> | undefined;

  /** `clipboard`: whether programs may use it without asking. */
  constructor(
    readonly id: TerminalId,
    private readonly terminals: Terminals,
    host: HTMLElement,
    look: Look,
    private readonly clipboard: () => boolean,
  ) {
    this.#host = host;
    this.#look = look;
    this.emulator = new Emulator(host, look, {
      typed: (bytes, text) => this.#typed(bytes, text),
      key: (event) => this.#key(event),
      offers: (text) => this.#offers(text),
      resized: () => this.#settle(),
    });
    this.#pump = new Pump(this.emulator.terminal, (end) => this.#parsed(end));
    this.#board = Switchboard.of(terminals);
    this.#board.watch(id, this);
    this.#observer = new ResizeObserver(() => this.#settle());
    this.#observer.observe(host);
    host.addEventListener('paste', this.#onpaste, true);
  }

  /** Lets go of everything. */
  dispose(): void {
    this.show(false);
    clearTimeout(this.#settling);
    this.#observer.disconnect();
    this.#host.removeEventListener('paste', this.#onpaste, true);
    this.#board.unwatch(this.id, this);
    this.#pump.stop();
    this.emulator.dispose();
  }

  /** It is to be seen from now on, or no longer: whoever can't be seen slows nobody down and owns no size. */
  show(visible: boolean): void {
    if (this.#visible === visible) return;
    this.#visible = visible;
    if (visible) return void this.#attach();
    this.#attempt++;
    if (this.attached) this.terminals.ask(this.id, { type: 'detach' }, false).catch(() => undefined);
    this.attached = false;
  }

  /** The list, or something in it, is new. */
  update(): void {
    if (this.#visible && !this.attached && !this.#attaching && this.terminals.available) void this.#attach();
    const terminal = this.terminals.get(this.id);
    if (!terminal || !this.attached) return;
    if (this.terminals.owned(terminal)) this.take();
    this.#looksOn = this.terminals.elsewhere(terminal) || (this.#looksOn && !this.terminals.owns(terminal));
    if (this.#looksOn && !this.#taking && this.#typing.waiting > 0) {
      this.#typing.forget();
      this.notice = 'lostInput';
    }
    this.#layout();
    this.#tellColours();
  }

  /** Looks otherwise. */
  look(look: Look): void {
    this.#look = look;
    this.emulator.look(look);
    this.#layout();
    this.#tellColours();
  }

  /** Owns the size from now on. What is typed meanwhile waits for that. */
  take(): void {
    const size = this.emulator.fits();
    if (!size || this.#taking || !this.attached) return;
    this.#taking = true;
    this.#wanted = size;
    void this.terminals
      .ask(this.id, { type: 'take', size }, false)
      .catch(() => {
        this.#wanted = undefined;
        if (this.#typing.waiting > 0) this.notice = 'lostInput';
        this.#typing.forget();
      })
      .finally(() => {
        this.#taking = false;
        this.#send();
      });
  }

  /** Types something that no key of the keyboard typed. */
  input(text: string): void {
    this.emulator.terminal.input(text);
  }

  /** Pastes; asks first where what is pasted would be run at once. */
  paste(text: string): void {
    const clean = cleaned(text);
    const lines = runsAtOnce(clean, this.emulator.terminal.modes.bracketedPasteMode);
    if (lines > 0) this.asked = { text: clean, lines };
    else this.emulator.terminal.paste(clean);
  }

  /** The answer to whether to paste. */
  answer(yes: boolean): void {
    const asked = this.asked;
    this.asked = undefined;
    if (yes && asked) this.emulator.terminal.paste(asked.text);
    this.emulator.terminal.focus();
  }

  /** Puts text on the clipboard and says how that went. */
  async copy(text: string): Promise<void> {
    this.notice = (await copyText(text)) ? 'copied' : 'notCopied';
  }

  linked(): void {
    if (this.#visible) void this.#attach();
  }

  unlinked(): void {
    this.#told = undefined;
    this.#attempt++;
    this.#attaching = false;
    this.attached = false;
  }

  frame(frame: TerminalFrame): void {
    if (frame.type === 'taken') {
      this.#typing.taken(frame.source, frame.place);
      return this.#send();
    }
    if (!this.#visible) return;
    for (const doing of this.#follower.take(frame)) {
      if (doing.type === 'attach') void this.#attach();
      else this.#pump.add(doing);
      this.#rebuilt ||= doing.type === 'reset';
    }
  }

  async #attach(): Promise<void> {
    const attempt = ++this.#attempt;
    this.#attaching = true;
    await this.emulator.ready;
    if (attempt !== this.#attempt) return;
    const { have } = this.#follower;
    const { cols, rows } = this.emulator.fits() ?? this.emulator.terminal;
    this.#follower.attached();
    const place = have === undefined ? {} : { have };
    try {
      const size = this.#looksOn ? {} : { size: { cols, rows } };
      await this.terminals.ask(this.id, { type: 'attach', ...size, ...place }, false);
      if (attempt !== this.#attempt) return;
      this.attached = true;
      this.failure = undefined;
      if (this.#typing.relinked(performance.now())) this.notice = 'lostInput';
      this.#send();
      this.update();
    } catch (cause) {
      if (attempt === this.#attempt && !passes(cause)) this.failure = cause;
    } finally {
      if (attempt === this.#attempt) this.#attaching = false;
    }
  }

  #parsed(end: number): void {
    const offset = this.#follower.parsed(end);
    if (offset !== undefined && this.attached) this.terminals.send(ackFrame(this.id, offset));
    if (!this.#rebuilt) return;
    this.#rebuilt = false;
    this.#layout();
  }

  #owns(): boolean {
    const terminal = this.terminals.get(this.id);
    return terminal !== undefined && this.terminals.owns(terminal);
  }

  #typed(bytes: Uint8Array, text: string | undefined): void {
    const report = FOCUS_REPORTS.includes(text);
    // What is typed before it is known whose size it is waits for that.
    const mine = this.attached ? this.#owns() || this.#taking : !this.#looksOn;
    if (!mine || (report && !this.attached)) {
      if (!report) this.nudges++;
      return;
    }
    const held = this.ctrl && text !== undefined && !report;
    if (held) this.ctrl = false;
    const typed = held ? new TextEncoder().encode(withCtrl(text)) : bytes;
    if (!this.#typing.type(typed, performance.now())) this.notice = 'tooMuch';
    else if (this.notice === 'lostInput' || this.notice === 'tooMuch') this.notice = undefined;
    this.#send();
  }

  #send(): void {
    if (!this.attached || this.#taking || !this.#owns()) return;
    for (const { source, place, bytes } of this.#typing.toSend())
      this.terminals.send(inputFrame(this.id, source, place, bytes));
  }

  #key(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown') return true;
    switch (terminalAct(event, mac)) {
      case 'leave':
      case 'paste':
        return false;
      case 'copy':
        event.preventDefault();
        void this.emulator.copySelection();
        return false;
      case 'find':
        event.preventDefault();
        this.finding = true;
        return false;
      case 'program': {
        if (event.key !== 'Enter' || isComposing(event) || this.#owns()) return true;
        event.preventDefault();
        this.take();
        return false;
      }
    }
  }

  #offers(text: string): void {
    // Only what happens before somebody's eyes, and not what a snapshot or an old end of the stream tells again.
    if (!this.attached || !document.hasFocus()) return;
    if (this.clipboard()) void this.copy(text);
    else this.offered = text;
  }

  readonly #onpaste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData('text/plain');
    event.preventDefault();
    event.stopImmediatePropagation();
    if (text) this.paste(text);
  };

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#layout(), SETTLE_MS);
  }

  #layout(): void {
    const terminal = this.terminals.get(this.id);
    const fits = this.emulator.fits();
    if (!terminal || !fits || !this.attached) return;
    const shown = showing(this.#owns(), fits, terminal.size, this.#look.font);
    this.letterboxed = shown.type === 'letterbox' ? shown.size : undefined;
    this.emulator.resize(shown.size, shown.type === 'letterbox' ? shown.font : undefined);
    this.emulator.frame(shown.type === 'letterbox');
    if (shown.type === 'letterbox') this.#wanted = undefined;
    else if (!same(fits, this.#wanted ?? terminal.size)) this.#resize(fits);
  }

  /** Programs that ask what the ground looks like draw for dark or light. */
  #tellColours(): void {
    const { reading } = this.#look;
    if (!this.#owns() || !this.attached) this.#told = undefined;
    else if (this.#told !== reading) {
      this.#told = reading;
      this.terminals
        .ask(this.id, { type: 'colors', colors: coloursOf(reading) }, false)
        .catch(() => undefined);
    }
  }

  #resize(size: Size): void {
    this.#wanted = size;
    this.terminals.ask(this.id, { type: 'resize', size }, false).catch(() => {
      if (this.#wanted && same(this.#wanted, size)) this.#wanted = undefined;
    });
  }
}
