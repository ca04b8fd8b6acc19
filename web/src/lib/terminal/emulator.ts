/** The terminal on the screen: xterm.js as this page uses it. It shows bytes and says what is typed, and knows no protocol. */
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { copyText } from '../../ui/clipboard';
import { styledByScript } from './document';
import { webAddress } from './links';
import { onClipboardOrder, onTyped } from './quiet';
import { fitting, type Size } from './size';
import { palettes } from './theme';
import { scrolledByTouch } from './touch';
import { Widths } from './unicode';

/** How it looks. */
export interface Look {
  readonly font: number;
  readonly reading: 'light' | 'dark';
  readonly screenReader: boolean;
  /** What a screen reader calls it. */
  readonly label: string;
  /** How links are opened. */
  readonly linkHint: string;
}

/** What it tells its owner. */
export interface EmulatorEvents {
  /** Somebody typed, pasted, or moved the mouse in a program that wants to know. */
  typed(bytes: Uint8Array, text: string | undefined): void;
  /** A key was pressed; false keeps it from the program. */
  key(event: KeyboardEvent): boolean;
  /** The program wants this on the clipboard. */
  offers(text: string): void;
  /** Its characters have another size. */
  resized(): void;
}

/** More lines than the model in the workspace keeps, for what was seen happening. */
const SCROLLBACK = 5000;
/**
 * Programs choose colours for grounds of their own; what could not be read on ours is moved until it can. Only where the
 * graphics card draws: elements get inverse text wrong that way, and turn it grey (xterm.js 6.0).
 */
const CONTRAST = 4.5;
/** xterm.js lays its scroll bar over the last column otherwise. */
const SCROLL_BAR = 14;

const widths = new Widths();

/** One terminal on the screen. */
export class Emulator {
  readonly terminal: Terminal;
  /** It is known what draws, and so how large a character is. */
  readonly ready: Promise<void>;
  readonly #host: HTMLElement;
  readonly #encoder = new TextEncoder();
  #font: number;
  #over = false;

  constructor(host: HTMLElement, look: Look, events: EmulatorEvents) {
    this.#host = host;
    this.#font = look.font;
    this.terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: false,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
      linkHandler: this.#links(look.linkHint),
      macOptionClickForcesSelection: true,
      rescaleOverlappingGlyphs: true,
      scrollback: SCROLLBACK,
      ...options(look),
    });
    this.terminal.unicode.register(widths);
    this.terminal.unicode.activeVersion = widths.version;
    onTyped(this.terminal, (text) => events.typed(this.#encoder.encode(text), text));
    this.terminal.onBinary((text) =>
      events.typed(
        Uint8Array.from(text, (character) => character.charCodeAt(0)),
        undefined,
      ),
    );
    onClipboardOrder(this.terminal, (text) => events.offers(text));
    this.terminal.attachCustomKeyEventHandler((event) => events.key(event));
    const { activate, ...shown } = this.#links(look.linkHint);
    this.terminal.loadAddon(new WebLinksAddon(activate, shown));
    Terminal.strings.promptLabel = look.label;
    styledByScript(document);
    this.terminal.open(host);
    scrolledByTouch(this.terminal);
    this.ready = this.#accelerate(events);
  }

  /** Lets go of everything. */
  dispose(): void {
    this.#over = true;
    this.terminal.dispose();
  }

  /** Looks otherwise. */
  look(look: Look): void {
    Object.assign(this.terminal.options, options(look));
    this.#font = look.font;
    this.terminal.textarea?.setAttribute('aria-label', look.label);
  }

  /** What would fit into its place in letters of the chosen size; nothing while it is not to be seen. */
  fits(): Size | undefined {
    const screen = this.#screen();
    const { clientWidth, clientHeight } = this.#host;
    if (!screen || screen.offsetWidth === 0 || clientWidth === 0) return undefined;
    const scale = this.#font / (this.terminal.options.fontSize ?? this.#font);
    const cell = {
      width: (screen.offsetWidth / this.terminal.cols) * scale,
      height: (screen.offsetHeight / this.terminal.rows) * scale,
    };
    const style = getComputedStyle(this.#host);
    const padding = (...sides: string[]) =>
      sides.reduce((sum, side) => sum + parseFloat(style.getPropertyValue(`padding-${side}`)), 0);
    const width = clientWidth - padding('left', 'right') - SCROLL_BAR;
    return fitting(width, clientHeight - padding('top', 'bottom'), cell);
  }

  /** Has this size, in letters of this size. */
  resize(size: Size, font = this.#font): void {
    if (this.terminal.options.fontSize !== font) this.terminal.options.fontSize = font;
    if (size.cols !== this.terminal.cols || size.rows !== this.terminal.rows)
      this.terminal.resize(size.cols, size.rows);
  }

  /** Takes no more room than its lines do, so that one sees where it ends; or all that there is. */
  frame(tight: boolean): void {
    const screen = this.#screen();
    const { style } = this.terminal.element ?? {};
    if (!screen || !style) return;
    style.width = tight ? `${screen.offsetWidth + SCROLL_BAR}px` : '';
    style.height = tight ? `${screen.offsetHeight}px` : '';
  }

  #screen(): HTMLElement | null | undefined {
    return this.terminal.element?.querySelector<HTMLElement>('.xterm-screen');
  }

  /** Copies what is selected; false if nothing is, or the browser refused. */
  async copySelection(): Promise<boolean> {
    const text = this.terminal.getSelection();
    if (text === '') return false;
    if (await copyText(text)) return true;
    // Where there is no clipboard for scripts, on plain HTTP, there still is the browser's own command.
    this.terminal.focus();
    return document.execCommand('copy');
  }

  /** All its lines, those that were wrapped in one piece. */
  text(): string {
    const { active } = this.terminal.buffer;
    let text = '';
    for (let y = 0; y < active.length; y++) {
      const line = active.getLine(y);
      const wraps = active.getLine(y + 1)?.isWrapped ?? false;
      if (line) text += line.translateToString(!wraps) + (wraps ? '' : '\n');
    }
    return text.trimEnd();
  }

  #links(hint: string): Links {
    const touch = matchMedia('(pointer: coarse)').matches;
    return {
      activate: (event, text) => {
        const address = webAddress(text);
        if (address && (touch || event.ctrlKey || event.metaKey))
          window.open(address, '_blank', 'noopener,noreferrer');
      },
      // What a link says and where it leads may differ.
      hover: (_event, text) => (this.#host.title = `${text}\n${hint}`),
      leave: () => this.#host.removeAttribute('title'),
    };
  }

  /** Draws on the graphics card where there is one; without, elements do. */
  async #accelerate(events: EmulatorEvents): Promise<void> {
    try {
      const { WebglAddon } = await import('@xterm/addon-webgl');
      if (this.#over) return;
      const addon = new WebglAddon();
      addon.onContextLoss(() => {
        addon.dispose();
        this.terminal.options.minimumContrastRatio = 1;
        events.resized();
      });
      this.terminal.loadAddon(addon);
      this.terminal.options.minimumContrastRatio = CONTRAST;
      events.resized();
    } catch {
      // No WebGL 2 here.
    }
  }
}

/** What becomes of links. */
interface Links {
  activate(event: MouseEvent, text: string): void;
  hover(event: MouseEvent, text: string): void;
  leave(): void;
}

function options(look: Look) {
  return { fontSize: look.font, screenReaderMode: look.screenReader, theme: palettes[look.reading] };
}
