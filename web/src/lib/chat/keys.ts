/** What keys mean in the message field and around prompts. Pure: it judges descriptions of events. */

/** The part of a KeyboardEvent that matters. */
export interface Press {
  readonly key: string;
  readonly keyCode: number;
  readonly isComposing: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/** What a key press in the message field does. */
export type FieldAct = 'send' | 'newline' | 'none';

/**
 * What Enter does. While an input method composes it belongs to the input method. `isComposing` says so in most
 * browsers; Safari ends the composition just before the key press that ended it, and only key code 229 still tells.
 * (A Hangul syllable is composed until the very end of a message: after the composing press, Korean input methods
 * give the Enter again as an ordinary one, and that one sends.) `touch`: Enter breaks the line, a button sends.
 */
export function fieldAct(press: Press, touch: boolean): FieldAct {
  if (press.key !== 'Enter' || isComposing(press)) return 'none';
  if (press.ctrlKey || press.metaKey) return 'send';
  if (press.shiftKey || press.altKey || touch) return 'newline';
  return 'send';
}

/** Whether the press belongs to an input method. */
export function isComposing(press: Press): boolean {
  return press.isComposing || press.keyCode === 229;
}

/** What a key press does to the prompt that is shown. */
export type PromptAct = 'allow' | 'deny' | 'none';

/**
 * The prompt's keys, with ⌘ or Ctrl. They act only where they can't mean anything else: not while the focus is in a
 * text field that has text, and never without the modifier.
 */
export function promptAct(press: Press, fieldHasText: boolean): PromptAct {
  if (fieldHasText || isComposing(press) || press.shiftKey || press.altKey) return 'none';
  if (!press.ctrlKey && !press.metaKey) return 'none';
  if (press.key === 'Enter') return 'allow';
  if (press.key === 'Backspace') return 'deny';
  return 'none';
}

/** Two presses of Escape within this time are meant as one request. */
const TWICE_MS = 600;

/** Whether an Escape now, after one at `before`, is the second of two. */
export function isSecondEscape(before: number | undefined, now: number): boolean {
  return before !== undefined && now - before <= TWICE_MS;
}
