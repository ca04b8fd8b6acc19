/** What a screen reader is told while the log is not in focus: finished turns and prompts. Pure. */
import type { Dictionary } from '../i18n/en';
import { spokenText } from '../text/spoken';
import type { ChatView, ResultRow } from './model';

/** Longer beginnings of an answer are a burden to listen to. */
const SPOKEN_CHARACTERS = 240;

/** As much of an answer is looked through for what to say of it. */
const LOOKED_THROUGH = 4 * SPOKEN_CHARACTERS;

/** The announcements between two views of the same conversation. */
export function announcements(before: ChatView, now: ChatView, t: Dictionary): string[] {
  const known = new Set(before.prompts.map((open) => open.prompt.prompt));
  const asked = now.prompts.filter((open) => !known.has(open.prompt.prompt));
  const said = asked.map(({ prompt }) =>
    t.announce.asks(prompt.ask === 'plan' ? t.announce.plan : prompt.subject || prompt.tool),
  );
  const ended = lastResult(now);
  // The first events of a conversation that is opened are history, not news.
  if (ended && before.turns.length > 0 && lastResult(before)?.n !== ended.n && ended.n > newest(before)) {
    said.unshift(spoken(now, ended, t));
  }
  return said;
}

function lastResult(view: ChatView): ResultRow | undefined {
  for (const turn of view.turns.slice(-3).reverse()) {
    const row = turn.rows.findLast((candidate) => candidate.kind === 'result');
    if (row) return row;
  }
  return undefined;
}

function newest(view: ChatView): number {
  return Math.max(
    0,
    ...view.turns.slice(-3).flatMap((turn) => turn.rows.map((row) => (row.n === Infinity ? 0 : row.n))),
  );
}

function spoken(view: ChatView, ended: ResultRow, t: Dictionary): string {
  if (ended.result.outcome === 'stopped') return t.announce.stopped;
  if (ended.result.outcome === 'failed' || ended.result.error) return t.announce.failed;
  const rows = view.turns.flatMap((turn) => turn.rows);
  const answer = rows.findLast((row) => row.kind === 'text' && !row.parent && row.n < ended.n);
  const words = answer?.kind === 'text' && 'text' in answer.text ? answer.text.text : '';
  return `${t.announce.finished} ${spokenText(words.slice(0, LOOKED_THROUGH)).slice(0, SPOKEN_CHARACTERS)}`.trim();
}

export default announcements;
