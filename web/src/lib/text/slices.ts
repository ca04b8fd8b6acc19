/** Long texts in pieces: folded to their beginning, and cut into slices that a browser can lay out one by one. Pure. */

/** Lines to a slice: a few screens. */
const SLICE_LINES = 200;

/** A piece of a text and how many lines it has, so that its height is known before it is laid out. */
export interface Slice {
  readonly text: string;
  readonly lines: number;
}

/** How many lines a text has; a line feed at the end begins none. */
export function countLines(text: string): number {
  let lines = text === '' || text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

/** The first `lines` lines. */
export function firstLines(text: string, lines: number): string {
  let at = -1;
  for (let n = 0; n < lines; n++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0) return text;
  }
  return text.slice(0, at);
}

/** The text in slices. */
export function slices(text: string): Slice[] {
  const found: Slice[] = [];
  for (let rest = text; rest !== '';) {
    const piece = firstLines(rest, SLICE_LINES);
    found.push({ text: piece, lines: countLines(piece) });
    rest = rest.slice(piece.length + 1);
  }
  return found;
}
