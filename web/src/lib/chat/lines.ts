/** The words of the quiet lines across the log, and of answers to prompts. Pure. */
import type { Dictionary } from '../i18n/en';
import { cost, count, type Language } from '../i18n/format';
import { wordsFor } from '../i18n/known';
import type { Decision, NoticeKind, Person, Prompt, Settings } from '../protocol/generated';
import { modeWords, reasonWords } from './codes';
import type { Line } from './model';
import { suggestionWords } from './suggest';

/** A line's words, what else is known for whoever mends it, and whether it tells of something bad. */
export interface Said {
  readonly words: string;
  readonly detail?: string | undefined;
  readonly bad?: boolean;
}

/** How people are called. */
export type Who = (person: Person) => string;

/** What a line says. */
export function lineWords(line: Line, t: Dictionary, language: Language, who: Who): Said {
  switch (line.type) {
    case 'resent':
      return { words: t.lines.resent };
    case 'retry': {
      const status = line.status === undefined ? '' : t.lines.retryStatus(line.status);
      return { words: t.lines.retry(line.attempt, line.max, status) };
    }
    case 'stop':
      return { words: t.lines.stop(who(line.by)) };
    case 'continued':
      return { words: t.lines.continued(who(line.by)) };
    case 'withdrawn': {
      const words = [
        wordsFor(t.lines.withdrawn, line.why),
        ...(line.lost ? [t.lines.answerNotTaken] : []),
      ].join('; ');
      return { words, detail: line.subject, bad: line.lost };
    }
    case 'process_ended':
      return {
        words: wordsFor(t.lines.processEnded, line.why),
        detail: line.detail,
        bad: line.why === 'failed',
      };
    case 'settings':
      return { words: settingsWords(line.settings, line.before, wordsFor(t.lines.settingsWhy, line.why), t) };
    case 'compacted':
      return { words: t.lines.compacted(count(line.before, language), count(line.after, language)) };
    case 'cleared':
      return { words: t.lines.cleared };
    case 'trouble':
      return { words: wordsFor(t.lines.trouble, line.what), detail: line.detail, bad: true };
    case 'notice':
      return noticeWords(line.what, t);
  }
}

/** What a person's answer to a prompt was. */
export function answeredWords(
  by: string,
  decision: Decision,
  prompt: Prompt | undefined,
  t: Dictionary,
): string {
  switch (decision.type) {
    case 'allow': {
      if (prompt?.ask === 'plan') {
        const mode = decision.mode && modeWords(decision.mode, t).name;
        return mode ? t.answered.approvedMode(by, mode) : t.answered.approved(by);
      }
      const taken = decision.suggestion === undefined ? undefined : prompt?.suggestions[decision.suggestion];
      return taken ? t.answered.allowedAlways(by, suggestionWords(taken, t)) : t.answered.allowed(by);
    }
    case 'deny':
      if (prompt?.ask === 'plan') return t.answered.keptPlanning(by);
      return prompt && prompt.ask !== 'permission' ? t.answered.skipped(by) : t.answered.denied(by);
    case 'answer':
      return t.answered.answered(by);
    case 'form':
      return t.answered.filled(by);
  }
}

function settingsWords(settings: Settings, before: Settings | undefined, why: string, t: Dictionary): string {
  const changed: string[] = [];
  if (settings.model !== before?.model)
    changed.push(t.lines.model(settings.model ?? t.composer.defaultModel));
  if (settings.mode !== before?.mode) changed.push(t.lines.mode(modeWords(settings.mode, t).name));
  return changed.join(' · ') + (why ? ` (${why})` : '');
}

function noticeWords(what: NoticeKind, t: Dictionary): Said {
  switch (what.type) {
    case 'start_failed':
    case 'workspace_lost': {
      const words = `${t.lines.notices[what.type]}. ${reasonWords(what.reason, t)}`;
      return { words, detail: what.reason.detail, bad: true };
    }
    case 'control_plane_restarted':
      return { words: t.lines.notices.control_plane_restarted };
    case 'budget_reached':
      return { words: t.lines.budget(cost(what.limit_micro_usd / 1_000_000)), bad: true };
    case 'out_of_memory':
      return { words: t.lines.notices.out_of_memory, bad: true };
  }
}
