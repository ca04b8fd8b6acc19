/**
 * Terminal output as runs of text with classes. Colours and weights are kept; everything else that a terminal would
 * obey (cursor moves, titles, links) is taken out. Pure, and safe: it makes no markup.
 */

/** A run of text and the classes it is shown with. */
export interface Run {
  readonly text: string;
  readonly classes: string;
}

interface Style {
  fg: number | undefined;
  bg: number | undefined;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

const PLAIN: Style = {
  fg: undefined,
  bg: undefined,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
};

/* eslint-disable no-control-regex -- control characters are what this is about */
/** A colour sequence, or any other escape sequence: CSI, OSC and its like up to their end, two-character ones. */
const ESCAPE =
  /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?/g;
/** What no terminal would show. Tabs and line feeds stay. */
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f]/g;
/* eslint-enable no-control-regex */

/** Parses terminal output. */
export function parseAnsi(input: string): Run[] {
  const text = input.includes('\r') ? input.split('\n').map(lastState).join('\n') : input;
  const runs: Run[] = [];
  let style = PLAIN;
  let from = 0;
  const push = (to: number) => {
    const part = text.slice(from, to).replace(UNSEEN, '');
    const classes = classesOf(style);
    const last = runs.at(-1);
    if (part === '') return;
    if (last?.classes === classes) runs[runs.length - 1] = { text: last.text + part, classes };
    else runs.push({ text: part, classes });
  };
  for (const match of text.matchAll(ESCAPE)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) style = restyle(style, match[1]);
  }
  push(text.length);
  return runs;
}

/** Terminal output as plain text. */
export function stripAnsi(input: string): string {
  return parseAnsi(input)
    .map((run) => run.text)
    .join('');
}

/** A line as its last carriage return left it: progress bars end up as their last state, but colours go on. */
function lastState(line: string): string {
  const text = line.replace(/\r+$/, '');
  const at = text.lastIndexOf('\r') + 1;
  return (text.slice(0, at).match(ESCAPE)?.join('') ?? '') + text.slice(at);
}

function restyle(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number);
  const next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) {
      const { colour, used } = extended(codes.slice(i + 1));
      next[code === 38 ? 'fg' : 'bg'] = colour;
      i += used;
    } else {
      apply(next, code);
    }
  }
  return next;
}

function apply(style: Style, code: number): void {
  if (code === 0) Object.assign(style, PLAIN);
  else if (code === 1) style.bold = true;
  else if (code === 2) style.dim = true;
  else if (code === 3) style.italic = true;
  else if (code === 4) style.underline = true;
  else if (code === 7) style.inverse = true;
  else if (code === 22) style.bold = style.dim = false;
  else if (code === 23) style.italic = false;
  else if (code === 24) style.underline = false;
  else if (code === 27) style.inverse = false;
  else if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code === 39) style.fg = undefined;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code === 49) style.bg = undefined;
  else if (code >= 90 && code <= 97) style.fg = code - 82;
  else if (code >= 100 && code <= 107) style.bg = code - 92;
}

/** The colour after 38 or 48: of the palette, or of red, green and blue, as the nearest of the sixteen. */
function extended(codes: number[]): { colour: number | undefined; used: number } {
  const [kind, a = 0, b = 0, c = 0] = codes;
  if (kind === 5) return { colour: a < 16 ? a : nearest(...paletteColour(a)), used: 2 };
  if (kind === 2) return { colour: nearest(a, b, c), used: 4 };
  return { colour: undefined, used: 0 };
}

function paletteColour(index: number): [number, number, number] {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40);
  const cube = index - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

/** Sixteen colours have themes that keep them readable; sixteen million have not. */
function nearest(r: number, g: number, b: number): number {
  const most = Math.max(r, g, b);
  const least = Math.min(r, g, b);
  if (most - least < 32) return most < 64 ? 0 : most < 128 ? 8 : most < 208 ? 7 : 15;
  const middle = (most + least) / 2;
  const bits = (r > middle ? 1 : 0) + (g > middle ? 2 : 0) + (b > middle ? 4 : 0);
  return most > 192 ? bits + 8 : bits;
}

function classesOf(style: Style): string {
  const classes: string[] = [];
  if (style.fg !== undefined) classes.push(`fg${style.fg}`);
  if (style.bg !== undefined) classes.push(`bg${style.bg}`);
  for (const name of ['bold', 'dim', 'italic', 'underline', 'inverse'] as const)
    if (style[name]) classes.push(name);
  return classes.join(' ');
}
