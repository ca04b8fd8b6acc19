/** How the reader wants terminals on this device: remembered. */
import { load, save } from '../storage';

/** Letters that can be read, and that still leave room for a line. */
const FONT = { least: 9, usual: 13, most: 28 };

class TerminalSettings {
  #font = $state(FONT.usual);
  #screenReader = $state(false);
  #clipboard = $state(false);

  constructor() {
    const kept = load('terminal.settings') as Partial<Record<string, unknown>> | undefined;
    if (typeof kept?.['font'] === 'number') this.#font = clamped(kept['font']);
    this.#screenReader = kept?.['screenReader'] === true;
    this.#clipboard = kept?.['clipboard'] === true;
  }

  /** The size of letters, in pixels. */
  get font(): number {
    return this.#font;
  }

  set font(size: number) {
    this.#font = clamped(size);
    this.#save();
  }

  /** Whether there are smaller letters (-1) or larger ones (+1). */
  canStep(step: -1 | 1): boolean {
    return clamped(this.#font + step) !== this.#font;
  }

  /** Lines are text that a screen reader can read. */
  get screenReader(): boolean {
    return this.#screenReader;
  }

  set screenReader(on: boolean) {
    this.#screenReader = on;
    this.#save();
  }

  /** Programs may put text on the clipboard. */
  get clipboard(): boolean {
    return this.#clipboard;
  }

  set clipboard(on: boolean) {
    this.#clipboard = on;
    this.#save();
  }

  #save(): void {
    save('terminal.settings', {
      font: this.#font,
      screenReader: this.#screenReader,
      clipboard: this.#clipboard,
    });
  }
}

function clamped(size: number): number {
  return Math.min(FONT.most, Math.max(FONT.least, Math.round(size)));
}

/** The settings of this device. */
export const terminalSettings = new TerminalSettings();
