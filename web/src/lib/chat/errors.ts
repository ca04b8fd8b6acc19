/** Why a turn failed, in words. Pure. */
import type { Dictionary } from '../i18n/en';
import type { RareWords } from '../i18n/rare';
import type { TurnError } from '../protocol/generated';

/** What happened and what to do: in our gateway's case by its words, otherwise by the status of the model's API. */
export function turnErrorWords({ status, text }: TurnError, t: Dictionary, rare: RareWords): string {
  const words = t.result.errors;
  const refused = status === 403 ? gatewayWords(text, t, rare) : undefined;
  if (refused) return refused;
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

/** Why our gateway let a request go no further: a CLI passes on nothing but the words of its refusal. */
function gatewayWords(text: string, t: Dictionary, rare: RareWords): string | undefined {
  const spent = /budget of (\$[\d.]+) for \d+ days is used up/.exec(text);
  if (spent?.[1]) return rare.lines.budget(spent[1]);
  if (text.includes('has not given it a model key')) return rare.noKey;
  if (text.includes('refuses your own key')) return rare.ownKeyRefused;
  if (text.includes('refuses the key of this Atelier')) return t.result.errors.key;
  return /is not offered here|no price is configured/.test(text) ? t.result.errors.notOffered : undefined;
}
