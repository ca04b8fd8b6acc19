/** Why a turn failed, in words. Pure. */
import type { RareWords } from '../i18n/rare';
import type { TurnError } from '../protocol/generated';

/** What happened and what to do: in our gateway's case by its words, otherwise by the status of the model's API. */
export function turnErrorWords({ status, text }: TurnError, rare: RareWords): string {
  const words = rare.errors;
  const refused = status === 403 ? gatewayWords(text, rare) : undefined;
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
function gatewayWords(text: string, rare: RareWords): string | undefined {
  const spent = /budget of (\$[\d.]+) for \d+ days is used up/.exec(text);
  if (spent?.[1]) return rare.lines.budget(spent[1]);
  if (text.includes('has not given it a model key')) return rare.noKey;
  if (text.includes('refuses your own key')) return rare.ownKeyRefused;
  if (text.includes('refuses the key of this Atelier')) return rare.errors.key;
  return /is not offered here|no price is configured/.test(text) ? rare.errors.notOffered : undefined;
}
