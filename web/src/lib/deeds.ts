/** What a deed's details come to in one line. Pure. */
import { deviceOf } from './device';
import { fieldName, valueName } from './i18n/deeds';
import type { Dictionary } from './i18n/en';
import { type Language, moment } from './i18n/format';

/** Beyond it there are no dates (ECMA-262). */
const LAST_MOMENT = 8.64e15;
/** Ids that say nothing to a reader; who looks for them finds them in the row's title and in the export. */
const IDS = ['prompt', 'workspace'];

/** Details as short text, `name: value`, without what says nothing. Whoever has a name in `names` goes by it. */
export function detailText(
  detail: unknown,
  language: Language,
  t: Dictionary,
  names: Readonly<Record<string, string>> = {},
): string {
  if (typeof detail !== 'object' || detail === null) return '';
  const { input, subject } = detail as Record<string, unknown>;
  const details = typeof input === 'string' ? { ...detail, input: besides(input, subject) } : detail;
  const shown = Object.entries(details).filter(
    ([name, value]) => value !== null && value !== '' && value !== undefined && !IDS.includes(name),
  );
  const told = (name: string, value: unknown) => {
    const word = (text: string) => valueName(name, text, language, t);
    return special(name, value, language) ?? plain(value, word, names);
  };
  return shown.map(([name, value]) => `${fieldName(name, language)}: ${told(name, value)}`).join(' · ');
}

/**
 * A tool's input without what the row says as its subject, quoted: no part of it looks like ours. What was cut short is
 * told as it is.
 */
function besides(input: string, subject: unknown): string {
  let fields: unknown;
  try {
    fields = JSON.parse(input);
  } catch {
    return input;
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return input;
  const told = Object.entries(fields).filter(([, value]) => value !== subject);
  return told.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ');
}

/**
 * What ends in `_at` is a moment, a device has a name, and what a tool acts on is quoted: it is whatever the workspace
 * says.
 */
function special(name: string, value: unknown, language: Language): string | undefined {
  if (name === 'subject' && typeof value === 'string') return JSON.stringify(value);
  if (name.endsWith('_at') && typeof value === 'number' && Math.abs(value) <= LAST_MOMENT) {
    return moment(value, language);
  }
  const device = name === 'device' && typeof value === 'string' ? deviceOf(value) : undefined;
  return device && `${device.browser} (${device.system})`;
}

type Word = (text: string) => string;

/** How many there are of what, but for that of which there are none. */
function counted(value: object, word: Word): string | undefined {
  const counts = Object.entries(value);
  if (counts.length === 0 || !counts.every(([, count]) => typeof count === 'number')) return undefined;
  const some = counts.filter(([, count]) => count !== 0);
  return some.map(([what, count]) => `${word(what)} ${count}`).join(', ') || '0';
}

function plain(value: unknown, word: Word, names: Readonly<Record<string, string>>): string {
  if (Array.isArray(value)) return value.map((each) => plain(each, word, names)).join(', ');
  if (typeof value === 'object' && value !== null) {
    const { name, code, type, detail } = value as Record<string, unknown>;
    const called = [name, code, type].find((each) => typeof each === 'string');
    if (called === undefined) return counted(value, word) ?? JSON.stringify(value);
    return typeof detail === 'string' ? `${word(called)} (${detail})` : word(called);
  }
  const text = String(value);
  return (Object.hasOwn(names, text) && names[text]) || word(text);
}
