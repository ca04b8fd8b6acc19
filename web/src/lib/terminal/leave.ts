/** The way from a terminal to the page and back, by keyboard. Pure. */
import type { Press } from '../chat/keys';

/** A key press, with the place of the key on the keyboard: with a Korean layout `key` is a syllable's letter. */
export interface TerminalPress extends Press {
  readonly code: string;
}

/** Ctrl+` as in editors, and Shift+F6, which every keyboard has and hardly a program listens to. */
export function isLeaving(press: TerminalPress): boolean {
  if (press.altKey || press.metaKey) return false;
  if (press.key === 'F6') return press.shiftKey && !press.ctrlKey;
  return press.code === 'Backquote' && press.ctrlKey && !press.shiftKey;
}
