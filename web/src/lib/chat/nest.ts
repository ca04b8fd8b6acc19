/** Rows as a tree: what a sub-agent did stands inside its call. Pure. */
import type { Row } from './model';

/** A row and what stands inside it. */
export interface Node {
  readonly row: Row;
  readonly inside: readonly Node[];
}

/** The rows of a turn as a tree. Rows whose call is not among them stand at the top. */
export function nest(rows: readonly Row[]): Node[] {
  const inside = new Map<string, Row[]>();
  const calls = new Set(rows.flatMap((row) => (row.kind === 'call' && row.toolUse ? [row.toolUse] : [])));
  const top: Row[] = [];
  for (const row of rows) {
    const own = row.kind === 'call' ? row.toolUse : undefined;
    if (row.parent && calls.has(row.parent) && row.parent !== own) {
      inside.set(row.parent, [...(inside.get(row.parent) ?? []), row]);
    } else {
      top.push(row);
    }
  }
  return top.map((row) => node(row, inside));
}

/** Each call's rows are taken out once they are placed, so that ids which name each other in a ring end. */
function node(row: Row, inside: Map<string, Row[]>): Node {
  const call = row.kind === 'call' ? row.toolUse : undefined;
  const rows = (call && inside.get(call)) || [];
  if (call) inside.delete(call);
  return { row, inside: rows.map((child) => node(child, inside)) };
}
