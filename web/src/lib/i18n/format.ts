/** Numbers, times and sizes as people read them, in their language. Pure. */

/** A language of the page. */
export type Language = 'en' | 'ko';

const KB = 1024;

// Making one of these takes a millisecond, and every row of a log has a moment.
const DATES = formats({ year: 'numeric', month: 'short', day: 'numeric' });
const MOMENTS = formats({ dateStyle: 'medium', timeStyle: 'short' });

function formats(options: Intl.DateTimeFormatOptions): Record<Language, Intl.DateTimeFormat> {
  return { en: new Intl.DateTimeFormat('en', options), ko: new Intl.DateTimeFormat('ko', options) };
}

/** A size in bytes. */
export function bytes(count: number): string {
  if (count < KB) return `${count} B`;
  if (count < KB * KB) return `${(count / KB).toFixed(count < 10 * KB ? 1 : 0)} KB`;
  return `${(count / KB / KB).toFixed(1)} MB`;
}

/** How long something took. */
export function duration(ms: number, language: Language): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return unit((ms / 1000).toFixed(1), 's', '초', language);
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return unit(seconds, 's', '초', language);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    const rest = seconds % 60;
    return unit(minutes, 'min', '분', language) + (rest ? ` ${unit(rest, 's', '초', language)}` : '');
  }
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return unit(hours, 'h', '시간', language) + (rest ? ` ${unit(rest, 'min', '분', language)}` : '');
}

/** How long something has been going on, in whole seconds. */
export function elapsed(ms: number, language: Language): string {
  return duration(Math.floor(Math.max(0, ms) / 1000) * 1000 || 0, language)
    .replace(/\.0(?=\D)/, '')
    .replace('0 ms', unit(0, 's', '초', language));
}

function unit(count: number | string, en: string, ko: string, language: Language): string {
  return language === 'ko' ? `${count}${ko}` : `${count} ${en}`;
}

/** Money. Below a cent two digits count: what costs almost nothing should not look like nothing. */
export function cost(usd: number): string {
  if (usd <= 0) return '$0';
  if (usd < 0.01) return `$${trim(usd.toFixed(Math.min(12, 1 - Math.floor(Math.log10(usd)))))}`;
  return `$${usd.toFixed(2)}`;
}

function trim(decimal: string): string {
  return decimal.replace(/0+$/, '');
}

/** A count with the language's separators. */
export function count(n: number, language: Language): string {
  return n.toLocaleString(language);
}

/** How long ago, as short as a list wants it; a date once it is more than a week. */
export function ago(at: number, now: number, language: Language, justNow: string): string {
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) return justNow;
  if (minutes < 60) return unit(minutes, 'min', '분', language);
  if (minutes < 24 * 60) return unit(Math.floor(minutes / 60), 'h', '시간', language);
  if (minutes < 7 * 24 * 60) return unit(Math.floor(minutes / 60 / 24), 'd', '일', language);
  return DATES[language].format(at);
}

/** A moment, for a tooltip. */
export function moment(at: number, language: Language): string {
  return MOMENTS[language].format(at);
}
