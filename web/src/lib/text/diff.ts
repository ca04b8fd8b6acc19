/** Diffs as rows of a table: from the CLI's own patch, or from the two texts of an edit. Pure. */
import { isObject, list } from '../chat/payload';

/** One row of a diff. `gap` stands for lines that are left out. */
export interface DiffRow {
  readonly kind: 'same' | 'added' | 'removed' | 'gap';
  readonly before?: number;
  readonly after?: number;
  readonly text: string;
}

/** Beyond this many cells the table of the longest common subsequence costs more than it tells. */
const MAX_CELLS = 400_000;

/** The rows of a `structuredPatch`; undefined if `patch` is not one or is empty. */
export function patchRows(patch: unknown): DiffRow[] | undefined {
  if (!Array.isArray(patch) || patch.length === 0) return undefined;
  const rows: DiffRow[] = [];
  for (const hunk of patch) {
    if (!isObject(hunk)) return undefined;
    if (rows.length > 0) rows.push({ kind: 'gap', text: '' });
    let before = Number(hunk['oldStart']) || 1;
    let after = Number(hunk['newStart']) || 1;
    for (const line of list(hunk, 'lines')) {
      if (typeof line !== 'string') continue;
      const text = line.slice(1);
      if (line.startsWith('+')) rows.push({ kind: 'added', after: after++, text });
      else if (line.startsWith('-')) rows.push({ kind: 'removed', before: before++, text });
      // "\ No newline at end of file" is not a line of either side.
      else if (!line.startsWith('\\')) rows.push({ kind: 'same', before: before++, after: after++, text });
    }
  }
  return rows;
}

/** The rows between two texts whose place in a file is not known, so without line numbers. */
export function textRows(before: string, after: string): DiffRow[] {
  const a = lines(before);
  const b = lines(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const same = (text: string): DiffRow => ({ kind: 'same', text });
  return [...a.slice(0, head).map(same), ...middle, ...a.slice(a.length - tail).map(same)];
}

/** The rows of a new file. */
export function newFileRows(content: string): DiffRow[] {
  return lines(content).map((text, index) => ({ kind: 'added', after: index + 1, text }));
}

/** How many lines a diff adds and removes. */
export function countChanges(rows: readonly DiffRow[]): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const row of rows) {
    if (row.kind === 'added') added++;
    if (row.kind === 'removed') removed++;
  }
  return { added, removed };
}

function lines(text: string): string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** A shortest edit by the longest common subsequence, or everything out and everything in where that is too much. */
function between(a: readonly string[], b: readonly string[]): DiffRow[] {
  if (a.length * b.length > MAX_CELLS) return [...a.map(removed), ...b.map(added)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  const cell = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] =
        a[i] === b[j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1));
    }
  }
  const rows: DiffRow[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const text = a[i] ?? '';
    if (text === b[j]) {
      rows.push({ kind: 'same', text });
      i++;
      j++;
    } else if (cell(i + 1, j) >= cell(i, j + 1)) rows.push(removed(a[i++] ?? ''));
    else rows.push(added(b[j++] ?? ''));
  }
  return [...rows, ...a.slice(i).map(removed), ...b.slice(j).map(added)];
}

function removed(text: string): DiffRow {
  return { kind: 'removed', text };
}

function added(text: string): DiffRow {
  return { kind: 'added', text };
}
