/** The words of the quiet lines across the log, and of answers to prompts. Pure. */
import type { Dictionary } from '../i18n/en';
import { cost, count, duration, type Language } from '../i18n/format';
import { wordsFor } from '../i18n/known';
import { rareWords, type RareWords } from '../i18n/rare';
import { reasonWords } from '../i18n/workspace';
import type { Decision, NoticeKind, Person, Prompt, Settings } from '../protocol/generated';
import { modeWords } from './codes';
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
  const r = rareWords[language];
  switch (line.type) {
    case 'resent':
      return { words: r.lines.resent };
    case 'retry': {
      const status = line.status === undefined ? '' : r.lines.retryStatus(line.status);
      return { words: r.lines.retry(line.attempt, line.max, status) };
    }
    case 'lost':
      return { words: r.lines.lost, bad: true };
    case 'silent':
      return {
        words: wordsFor(r.lines.silent, line.step)(duration(line.ms, language)),
        bad: line.step === 'interrupted' || line.step === 'ended',
      };
    case 'stop':
      return { words: r.lines.stop(who(line.by)) };
    case 'continued':
      return { words: r.lines.continued(who(line.by)) };
    case 'withdrawn': {
      const words = [
        wordsFor(r.lines.withdrawn, line.why),
        ...(line.lost ? [r.lines.answerNotTaken] : []),
      ].join('; ');
      return { words, detail: line.subject, bad: line.lost };
    }
    case 'process_ended':
      return {
        words: wordsFor(r.lines.processEnded, line.why),
        detail: line.detail,
        bad: line.why === 'failed',
      };
    case 'settings':
      return {
        words: settingsWords(line.settings, line.before, wordsFor(r.lines.settingsWhy, line.why), t, r),
      };
    case 'terminal_opened':
      return { words: line.byHand ? r.lines.terminalByHand : r.lines.terminalOpened };
    case 'terminal_closed':
      return {
        words: r.lines.terminalClosed,
        ...(line.leftOut > 0 ? { detail: r.lines.terminalLeftOut(line.leftOut), bad: true } : {}),
      };
    case 'compacted':
      return { words: r.lines.compacted(count(line.before, language), count(line.after, language)) };
    case 'cleared':
      return { words: r.lines.cleared };
    case 'trouble':
      return { words: wordsFor(r.lines.trouble, line.what), detail: line.detail, bad: true };
    case 'notice':
      return noticeWords(line.what, language, r);
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

function settingsWords(
  settings: Settings,
  before: Settings | undefined,
  why: string,
  t: Dictionary,
  r: RareWords,
): string {
  const changed: string[] = [];
  if (settings.model !== before?.model)
    changed.push(r.lines.model(settings.model ?? t.composer.defaultModel));
  if (settings.mode !== before?.mode) changed.push(r.lines.mode(modeWords(settings.mode, t).name));
  return changed.join(' · ') + (why ? ` (${why})` : '');
}

function noticeWords(what: NoticeKind, language: Language, r: RareWords): Said {
  switch (what.type) {
    case 'start_failed':
    case 'workspace_lost': {
      // Somebody wanted that: nothing went wrong.
      if (['asked', 'operator', 'restarted'].includes(what.reason.code)) {
        return { words: reasonWords(what.reason, language) };
      }
      const words = `${r.lines.notices[what.type]}. ${reasonWords(what.reason, language)}`;
      return { words, detail: what.reason.detail, bad: true };
    }
    case 'control_plane_restarted':
      return { words: r.lines.notices.control_plane_restarted };
    case 'budget_reached':
      return { words: r.lines.budget(cost(what.limit_micro_usd / 1_000_000)), bad: true };
    case 'out_of_memory':
      return { words: r.lines.notices.out_of_memory, bad: true };
  }
}
