/** What a deed's details come to in one line. Pure. */
import { type Language, moment } from './i18n/format';

/** Beyond it there are no dates (ECMA-262). */
const LAST_MOMENT = 8.64e15;

/** Details as short text, `name: value`, without what the row says anyway. */
export function detailText(detail: unknown, language: Language): string {
  if (typeof detail !== 'object' || detail === null) return '';
  const shown = Object.entries(detail).filter(
    ([, value]) => value !== null && value !== '' && value !== undefined,
  );
  return shown.map(([name, value]) => `${name}: ${told(name, value, language)}`).join(' · ');
}

/** What ends in `_at` is a moment. */
function told(name: string, value: unknown, language: Language): string {
  const isMoment = name.endsWith('_at') && typeof value === 'number' && Math.abs(value) <= LAST_MOMENT;
  return isMoment ? moment(value, language) : plain(value);
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(', ');
  if (typeof value === 'object' && value !== null) {
    const { name } = value as { name?: unknown };
    return typeof name === 'string' ? name : JSON.stringify(value);
  }
  return String(value);
}
