import { describe, expect, it } from 'vitest';
import { detailText } from './deeds';
import { deedName, deedWords } from './i18n/deeds';
import { auditSearch } from './keys';

describe('a deed', () => {
  it('is told in one line, without what is not there', () => {
    expect(
      detailText({ tool: 'Bash', input: '{"command":"ls"}', token: { id: 'x', name: 'ci' }, reason: null }),
    ).toBe('tool: Bash · input: {"command":"ls"} · token: ci');
    expect(detailText({ scopes: ['read', 'write'] })).toBe('scopes: read, write');
    for (const nothing of [null, undefined, 'x', {}]) expect(detailText(nothing)).toBe('');
  });

  it('of an unknown kind goes by its own name', () => {
    expect(deedName('token_used', 'ko')).toBe(deedWords.ko.kinds.token_used);
    expect(deedName('later_kind', 'en')).toBe('later_kind');
    expect(deedName('toString', 'en')).toBe('toString');
  });

  it('is asked for by what a filter says and nothing else', () => {
    expect(auditSearch({})).toBe('');
    expect(auditSearch({ kind: '', who: 'a b', from: 0 }, 7)).toBe('?who=a+b&from=0&before=7');
  });
});
