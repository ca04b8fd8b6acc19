import { describe, expect, it } from 'vitest';
import { detailText } from './deeds';
import { deedName, deedWords } from './i18n/deeds';
import { auditSearch } from './keys';

describe('a deed', () => {
  it('is told in one line, without what is not there', () => {
    expect(
      detailText(
        { tool: 'Bash', input: '{"command":"ls"}', token: { id: 'x', name: 'ci' }, reason: null },
        'en',
      ),
    ).toBe('tool: Bash · input: {"command":"ls"} · token: ci');
    expect(detailText({ scopes: ['read', 'write'] }, 'en')).toBe('scopes: read, write');
    const at = Date.parse('2026-11-30T12:00:00Z');
    expect(detailText({ expires_at: at, days: 7 }, 'en')).toMatch(/^expires_at: .*2026.* · days: 7$/);
    expect(detailText({ expires_at: at }, 'ko')).toContain('2026');
    expect(detailText({ expires_at: 1e300, used_at: 'x' }, 'en')).toBe('expires_at: 1e+300 · used_at: x');
    for (const nothing of [null, undefined, 'x', {}]) expect(detailText(nothing, 'en')).toBe('');
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
