/** What keys mean in a terminal before the program gets them, and what on-screen keys send. Pure. */
import { isComposing } from '../chat/keys';
import { isLeaving, type TerminalPress } from './leave';

/**
 * What the page keeps of the keyboard. `paste`: the browser pastes by itself, if only the program doesn't get the key.
 * Everything else is the program's, Ctrl+C and Ctrl+F first of all.
 */
export type TerminalAct = 'leave' | 'copy' | 'paste' | 'find' | 'program';

/** The act of a key press in a terminal. */
export function terminalAct(press: TerminalPress, mac: boolean): TerminalAct {
  if (isComposing(press)) return 'program';
  if (isLeaving(press)) return 'leave';
  if (mac)
    return press.metaKey && !press.ctrlKey && !press.altKey && isLetter(press, 'f') ? 'find' : 'program';
  if (press.key === 'Insert' && !press.altKey && press.ctrlKey !== press.shiftKey)
    return press.ctrlKey ? 'copy' : 'paste';
  if (!press.ctrlKey || !press.shiftKey || press.altKey || press.metaKey) return 'program';
  if (isLetter(press, 'c')) return 'copy';
  if (isLetter(press, 'v')) return 'paste';
  return isLetter(press, 'f') ? 'find' : 'program';
}

/** By its letter where the layout is Latin, else by its place. */
function isLetter(press: TerminalPress, letter: string): boolean {
  const key = press.key.toLowerCase();
  return /^[a-z]$/.test(key) ? key === letter : press.code === `Key${letter.toUpperCase()}`;
}

/** Keys that a phone lacks. */
export type ScreenKey = 'escape' | 'tab' | 'left' | 'up' | 'down' | 'right' | '|' | '~' | '-' | '/';

/** All of them, as they stand on the screen. */
export const SCREEN_KEYS: readonly ScreenKey[] = [
  'escape',
  'tab',
  'left',
  'up',
  'down',
  'right',
  '|',
  '~',
  '-',
  '/',
];

const ARROWS: Partial<Record<ScreenKey, string>> = { up: 'A', down: 'B', right: 'C', left: 'D' };

/** What an on-screen key types. `application`: the program has asked for application cursor keys. */
export function screenKeyText(key: ScreenKey, application: boolean, ctrl: boolean): string {
  const arrow = ARROWS[key];
  if (arrow) return ctrl ? `\x1b[1;5${arrow}` : `\x1b${application ? 'O' : '['}${arrow}`;
  if (key === 'escape') return '\x1b';
  if (key === 'tab') return '\t';
  return ctrl ? withCtrl(key) : key;
}

/** What a typed character becomes while Ctrl is held: itself where there is no such control character. */
export function withCtrl(text: string): string {
  if (text.length !== 1) return text;
  if (text === ' ') return '\0';
  if (text === '?') return '\x7f';
  // What terminals have always made of Ctrl+/ and Ctrl+-: both undo in editors.
  if (text === '/' || text === '-') return '\x1f';
  const upper = text.toUpperCase();
  return upper >= '@' && upper <= '_' ? String.fromCharCode(upper.charCodeAt(0) - 64) : text;
}
