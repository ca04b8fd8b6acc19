/** What of a turn's rows its result makes redundant. Pure. */
import type { Row } from './model';
import { textOf } from './payload';

/** Rows without the text that Claude Code makes of a failure: the turn's result says the same, and says it better. */
export function withoutEcho(rows: readonly Row[]): readonly Row[] {
  const failed = rows.findLast((row) => row.kind === 'result');
  const echo = failed?.result.error?.text.trim();
  if (!echo) return rows;
  return rows.filter((row) => row.kind !== 'text' || row.live || textOf(row.text).trim() !== echo);
}
