/** Why a turn failed, in words. Pure. */
import type { Dictionary } from '../i18n/en';
import type { TurnError } from '../protocol/generated';
import type { Row } from './model';
import { textOf } from './payload';

/** What happened and what to do, by the status of the model's API. */
export function turnErrorWords({ status, text }: TurnError, t: Dictionary): string {
  const words = t.result.errors;
  switch (status) {
    case 401:
      return words.key;
    case 403:
      return words.permission;
    case 404:
      return words.model;
    case 413:
      return words.tooLarge;
    case 429:
      return words.rate;
    case 529:
      return words.overloaded;
    case undefined:
      return /connect|network|fetch failed|ECONN|ENOTFOUND/i.test(text) ? words.unreachable : words.other;
    default:
      return status >= 500 ? words.server : words.request;
  }
}

/** Rows without the text that Claude Code makes of a failure: the turn's result says the same, and says it better. */
export function withoutEcho(rows: readonly Row[]): readonly Row[] {
  const failed = rows.findLast((row) => row.kind === 'result');
  const echo = failed?.result.error?.text.trim();
  if (!echo) return rows;
  return rows.filter((row) => row.kind !== 'text' || row.live || textOf(row.text).trim() !== echo);
}
