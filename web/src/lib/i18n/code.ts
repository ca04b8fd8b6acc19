/** Marks parts of a sentence as code, so that a dictionary can hold "Run `make up`" without holding markup. */

// Private-use characters: no dictionary needs them, and a hostile command that has them loses them.
const OPEN = '\u{e000}';
const CLOSE = '\u{e001}';
const MARKS = new RegExp(`[${OPEN}${CLOSE}]`, 'g');

/** A part of a sentence. */
export interface Part {
  readonly text: string;
  readonly code: boolean;
}

/** `text` as code within a sentence. */
export function code(text: string): string {
  return OPEN + text.replace(MARKS, '') + CLOSE;
}

/** The parts of a sentence. */
export function parts(sentence: string): Part[] {
  return sentence
    .split(new RegExp(`(${OPEN}[^${CLOSE}]*${CLOSE})`))
    .filter((part) => part !== '')
    .map((part) => ({ text: part.replace(MARKS, ''), code: part.startsWith(OPEN) }));
}

/** The sentence without its marks, for attributes and announcements. */
export function plain(sentence: string): string {
  return sentence.replace(MARKS, '');
}
