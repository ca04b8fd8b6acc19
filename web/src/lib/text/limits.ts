/**
 * How much the control plane takes of what people type, which it counts in bytes of UTF-8: as `protocol` has it. Fields keep to
 * it, cut at whole characters.
 */

/** What to call a person (`PersonName`). */
export const PERSON_NAME_BYTES = 200;
/** A few words of a person about themselves (`Words`). */
export const WORDS_BYTES = 2000;
/** A conversation's title (`Title`). */
export const TITLE_BYTES = 240;
/** What to call a token (`TokenName`). */
export const TOKEN_NAME_BYTES = 240;
/** What to call a terminal (`TerminalName`). */
export const TERMINAL_NAME_BYTES = 120;
/** A command line (`CommandLine`). */
export const COMMAND_BYTES = 4096;

const encoder = new TextEncoder();
// Browsers of 2024 have it; older ones cut what is made of several.
const characters =
  'Segmenter' in Intl ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : undefined;

/** How many bytes a text takes. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** The beginning of `text` that fits into `max` bytes, cut between characters as people see them. */
export function clip(text: string, max: number): string {
  if (bytesOf(text) <= max) return text;
  let kept = 0;
  let taken = 0;
  const pieces = characters ? Array.from(characters.segment(text), ({ segment }) => segment) : [...text];
  for (const piece of pieces) {
    taken += bytesOf(piece);
    if (taken > max) break;
    kept += piece.length;
  }
  return text.slice(0, kept);
}

/** A name on one line, without what is no part of one, cut to `max` bytes. */
export function nameIn(text: string, max: number): string {
  return clip(text.replace(/[\s\p{Cc}]+/gu, ' ').trim(), max).trimEnd();
}

/** What a field holds after something was typed or pasted that ends at `caret`: of that as much goes as is too much. */
export function fitted(value: string, caret: number, max: number): { value: string; caret: number } {
  if (bytesOf(value) <= max) return { value, caret };
  const rest = clip(value.slice(caret), max);
  const head = clip(value.slice(0, caret), max - bytesOf(rest));
  return { value: head + rest, caret: head.length };
}

/** Keeps a field to `max` bytes, never in the midst of what an input method composes. */
export function atMost(max: number): (field: HTMLInputElement | HTMLTextAreaElement) => () => void {
  return (field) => {
    const keep = (event: Event) => {
      if ((event as InputEvent).isComposing) return;
      const fit = fitted(field.value, field.selectionStart ?? field.value.length, max);
      if (fit.value === field.value) return;
      field.value = fit.value;
      field.setSelectionRange(fit.caret, fit.caret);
      field.dispatchEvent(new Event('input', { bubbles: true }));
    };
    field.addEventListener('input', keep);
    field.addEventListener('compositionend', keep);
    return () => {
      field.removeEventListener('input', keep);
      field.removeEventListener('compositionend', keep);
    };
  };
}
