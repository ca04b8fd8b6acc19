/** Long texts in pieces: folded to their beginning, and cut into slices that a browser can lay out one by one. Pure. */

/** Lines to a slice: a few screens. */
const SLICE_LINES = 200;
/** Characters to a slice: a text may be one line of many megabytes, and no browser lays that out at once. */
const SLICE_CHARACTERS = 20_000;
/** About as many fit into a line of the page. */
const LINE_CHARACTERS = 90;

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
  for (let at = 0; at < text.length;) {
    const ahead = text.slice(at, at + SLICE_CHARACTERS);
    const piece = firstLines(isAll(ahead, text, at) ? ahead : wholeLines(ahead), SLICE_LINES);
    found.push({
      text: piece,
      lines: Math.max(countLines(piece), Math.ceil(piece.length / LINE_CHARACTERS)),
    });
    at += piece.length;
    if (text[at] === '\n') at++;
  }
  return found;
}

function isAll(ahead: string, text: string, at: number): boolean {
  return at + ahead.length === text.length;
}

/** Without the line that was cut off, unless it is all there is; never with half a character at the end. */
function wholeLines(ahead: string): string {
  const end = ahead.lastIndexOf('\n');
  if (end > 0) return ahead.slice(0, end);
  return /[\ud800-\udbff]$/.test(ahead) ? ahead.slice(0, -1) : ahead;
}
