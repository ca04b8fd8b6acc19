// The oracle of the screen model: the emulator of the page, given the whole stream, against the same emulator, given a
// snapshot and the rest of the stream.
//
// Reads one case a line from stdin, as JSON: `size`, at first and when the snapshot was made (`then`), the stream (`whole`), a
// `snapshot` of its first part, the `tail`, and the `replies` of the model to the whole of it (bytes in base64). A stream is in
// pieces: bytes, or another size. `saved`: whether saved cursors are compared. Answers each with one line: the first difference, or nothing.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import headless from '@xterm/headless';

const WIDTHS = new URL('../../web/src/lib/terminal/widths.ts', import.meta.url);
const SCROLLBACK = 1000;
const EXTENDED = 0x10000000;

/** The widths of characters, as the page reads them. */
function widths() {
  const source = readFileSync(WIDTHS, 'utf8');
  const ranges = (name) => {
    const text = new RegExp(`export const ${name} =\\s*'([^']*)'`).exec(source)[1];
    let at = 0;
    return text.split(' ').map((range) => {
      const [gap, length] = range.split(',').map((number) => parseInt(number, 36));
      const first = at + gap;
      at = first + length;
      return [first, at];
    });
  };
  const table = new Uint8Array(0x110000).fill(1);
  for (const [first, end] of ranges('NARROW')) table.fill(0, first, end);
  for (const [first, end] of ranges('WIDE')) table.fill(2, first, end);
  return table;
}

const table = widths();
const provider = {
  version: 'atelier',
  wcwidth: (code) => table[code],
  charProperties(code, before) {
    const own = table[code];
    const old = (before >> 1) & 3;
    const joins = own === 0 && old !== 0;
    return ((joins ? old : own) << 1) | (joins ? 1 : 0);
  },
};

function terminal({ cols, rows }) {
  const made = new headless.Terminal({ cols, rows, scrollback: SCROLLBACK, allowProposedApi: true });
  made.unicode.register(provider);
  made.unicode.activeVersion = 'atelier';
  const replies = [];
  made.onData((data) => replies.push(data));
  made.replies = () => replies.join('');
  return made;
}

/**
 * Writes bytes, but for a character at their end that is not whole: the emulator misreads some of those that are split between
 * two writes, those with a byte of 0x80 for one. The page does the same.
 */
function write(into, base64) {
  const bytes = Buffer.concat([into.kept ?? Buffer.alloc(0), Buffer.from(base64, 'base64')]);
  let end = bytes.length;
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      if (back < length) end = bytes.length - back;
      break;
    }
  }
  into.kept = bytes.subarray(end);
  return new Promise((done) => into.write(bytes.subarray(0, end), done));
}

/** A colour without what the emulator leaves of another one in bits that don't count. */
function color(value) {
  const kind = value & 0x3000000;
  return kind === 0 ? 0 : kind | (value & (kind === 0x3000000 ? 0xffffff : 0xff));
}

const flags = (value) => (value & 0xec000000) >>> 0;

function cellOf(line, col) {
  const cell = line.getCell(col);
  let chars = cell.getChars();
  const { fg, bg } = cell;
  let width = cell.getWidth();
  // So is half of a wide character without the other one an empty cell.
  if (chars === '' && width === 0 && line.getCell(col - 1)?.getWidth() !== 2) width = 1;
  const extended = (bg & EXTENDED) !== 0;
  // A restored cursor brings an underline back without its style.
  const underline = fg & EXTENDED ? (extended && cell.extended.underlineStyle) || 1 : 0;
  const link = extended ? cell.extended.urlId : 0;
  // An empty cell that looks like more than a background is handed over as a blank.
  if (chars === '' && width === 1 && (fg !== 0 || flags(bg) !== 0 || link > 0)) chars = ' ';
  const underlined = extended && underline ? color(cell.extended.underlineColor) : 0;
  const look = [color(fg), color(bg), flags(fg), flags(bg), underline, underlined, link > 0];
  return JSON.stringify([chars, width, ...look]);
}

function screenOf(buffer) {
  const lines = [];
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row);
    const cells = [];
    for (let col = 0; col < line.length; col++) cells.push(cellOf(line, col));
    lines.push({ wrapped: line.isWrapped, cells });
  }
  return lines;
}

/** What doesn't show, but will. */
function hiddenOf(term) {
  const core = term._core;
  const charsets = core._charsetService;
  const handler = core._inputHandler;
  const parser = handler._parser;
  const attributes = handler._curAttrData;
  const lookOf = ({ fg, bg }) => [color(fg), color(bg), flags(fg), (fg & EXTENDED) !== 0, flags(bg)];
  const set = (charset) => (charset ? JSON.stringify(charset) : '');
  const of = (buffer) => ({
    region: [buffer.scrollTop, buffer.scrollBottom],
    tabs: Object.keys(buffer.tabs).map(Number).filter((stop) => stop < term.cols),
    saved: [
      Math.min(buffer.savedX, term.cols - 1),
      Math.max(buffer.savedY - buffer.ybase, 0),
      ...lookOf(buffer.savedCurAttrData),
      set(buffer.savedCharset),
    ],
  });
  const active = core._bufferService.buffer;
  return {
    cursor: [active.x, active.y],
    normal: of(core._bufferService.buffers.normal),
    alternate: of(core._bufferService.buffers.alt),
    shown: term.buffer.active.type,
    modes: { ...core.coreService.modes, ...core.coreService.decPrivateModes },
    hidden: core.coreService.isCursorHidden,
    eol: term.options.convertEol,
    mouse: [core.coreMouseService.activeProtocol, core.coreMouseService.activeEncoding],
    charset: [set(charsets.charset), charsets.glevel, ...[0, 1, 2, 3].map((level) => set(charsets._charsets[level]))],
    look: [
      ...lookOf(attributes),
      attributes.fg & EXTENDED ? attributes.extended.underlineStyle || 1 : 0,
      color(attributes.extended.underlineColor),
      (attributes.bg & EXTENDED) !== 0 && attributes.extended.urlId > 0,
    ],
    words: [handler._windowTitle, handler._iconName],
    parser: parser.currentState,
    join: parser.precedingJoinState & 6,
  };
}

function difference(whole, rebuilt, saved) {
  const [left, right] = [hiddenOf(whole), hiddenOf(rebuilt)];
  for (const each of saved ? [] : [left.normal, right.normal, left.alternate, right.alternate]) delete each.saved;
  for (const key of Object.keys(left)) {
    const [a, b] = [JSON.stringify(left[key]), JSON.stringify(right[key])];
    if (a !== b) return `${key}: ${a} is ${b}`;
  }
  for (const which of ['normal', 'alternate']) {
    const [a, b] = [screenOf(whole.buffer[which]), screenOf(rebuilt.buffer[which])];
    if (a.length !== b.length) return `${which}: ${a.length} lines are ${b.length}`;
    for (let row = 0; row < a.length; row++) {
      if (a[row].wrapped !== b[row].wrapped && row > 0) return `${which} line ${row}: wrapped ${a[row].wrapped} is ${b[row].wrapped}`;
      for (let col = 0; col < a[row].cells.length; col++) {
        if (a[row].cells[col] !== b[row].cells[col]) {
          return `${which} line ${row} of ${a.length} column ${col}: ${a[row].cells[col]} is ${b[row].cells[col]}`;
        }
      }
    }
  }
  return '';
}

/** Writes a stream and takes the sizes in it. */
async function play(into, stream) {
  for (const piece of stream) {
    if (typeof piece === 'string') await write(into, piece);
    else into.resize(piece.cols, piece.rows);
  }
}

async function compare(line) {
  const given = JSON.parse(line);
  const whole = terminal(given.size);
  await play(whole, given.whole);
  const rebuilt = terminal(given.then);
  await write(rebuilt, given.snapshot);
  if (rebuilt.replies() !== '') return 'the snapshot asks something';
  await play(rebuilt, given.tail);
  const replies = Buffer.from(given.replies, 'base64').toString();
  const found = replies === whole.replies() ? '' : `replies: ${JSON.stringify(whole.replies())} is ${JSON.stringify(replies)}`;
  const result = difference(whole, rebuilt, given.saved ?? true) || found;
  whole.dispose();
  rebuilt.dispose();
  return result;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await compare(line))}\n`);
}
