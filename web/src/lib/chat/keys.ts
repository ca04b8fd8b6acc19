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
  /** The key is held down. */
  readonly repeat: boolean;
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

/** Where the focus is when a key is pressed. */
export type Focus = 'elsewhere' | 'empty field' | 'field with text';

/** A prompt that came into view this recently may not have been read. */
export const UNREAD_MS = 500;

/**
 * The prompt's keys, with ⌘ or Ctrl. They act only where they can't mean anything else: not while the focus is in a
 * text field that has text, nor, for the key that deletes words there, in any; and never without the modifier. One press
 * answers one prompt: a key that is held down answers none, nor does a press before the prompt can have been read.
 */
export function promptAct(press: Press, focus: Focus, shownFor: number): PromptAct {
  if (focus === 'field with text' || isComposing(press) || press.shiftKey || press.altKey) return 'none';
  if ((!press.ctrlKey && !press.metaKey) || press.repeat || shownFor < UNREAD_MS) return 'none';
  if (press.key === 'Enter') return 'allow';
  if (press.key === 'Backspace' && focus === 'elsewhere') return 'deny';
  return 'none';
}

/** Two presses of Escape within this time are meant as one request. */
const TWICE_MS = 600;

/** Whether an Escape now, after one at `before`, is the second of two. */
export function isSecondEscape(before: number | undefined, now: number): boolean {
  return before !== undefined && now - before <= TWICE_MS;
}
