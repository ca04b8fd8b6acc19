/** What may be pasted into a terminal. Pure. */

// eslint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/**
 * The text without control characters but tabs and line ends: an escape sequence copied from somewhere could end the
 * brackets around what is pasted, and be typed as keys.
 */
export function cleaned(text: string): string {
  return text.replace(CONTROLS, '');
}

/** How many lines would be run at once, unseen: none where the program knows what is pasted from what is typed. */
export function runsAtOnce(text: string, bracketed: boolean): number {
  if (bracketed) return 0;
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
