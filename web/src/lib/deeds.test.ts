import { describe, expect, it } from 'vitest';
import { detailText } from './deeds';
import { en } from './i18n/en';
import type { Language } from './i18n/format';
import { ko } from './i18n/ko';
import { deedName, deedWords, fieldName } from './i18n/deeds';
import { auditSearch } from './keys';

const told = (detail: unknown, language: Language, names?: Record<string, string>) =>
  detailText(detail, language, { en, ko }[language], names);

describe('a deed', () => {
  it('is told in one line, without what is not there', () => {
    expect(
      told({ tool: 'Bash', input: '{"command":"l', token: { id: 'x', name: 'ci' }, reason: null }, 'en'),
    ).toBe('tool: Bash · input: {"command":"l · token: ci');
    const allowed = { subject: 'ls', input: '{"command":"ls","description":"List","timeout":5}' };
    expect(told(allowed, 'en')).toBe('about: "ls" · input: description: "List", timeout: 5');
    expect(told({ subject: 'ls', input: '{"command":"ls"}' }, 'en')).toBe('about: "ls"');
    expect(told({ subject: 'ls', input: '["ls"]' }, 'en')).toBe('about: "ls" · input: ["ls"]');
    const lines = { subject: '# tidy', input: '{"command":"# tidy\\nrm -rf x"}' };
    expect(told(lines, 'en')).toBe('about: "# tidy" · input: command: "# tidy\\nrm -rf x"');
    expect(told({ scopes: ['read', 'answer'] }, 'en')).toBe('may: read, answer prompts');
    const at = Date.parse('2026-11-30T12:00:00Z');
    expect(told({ expires_at: at, days: 7 }, 'en')).toMatch(/^expires: .*2026.* · days: 7$/);
    expect(told({ expires_at: at }, 'ko')).toContain('2026');
    expect(told({ expires_at: 1e300, used_at: 'x' }, 'en')).toBe('expires: 1e+300 · used_at: x');
    const device =
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
    const entered = { how: 'local', address: '127.0.0.1', device };
    expect(told(entered, 'en')).toBe('by: one-time link · address: 127.0.0.1 · device: Chrome (Linux)');
    expect(told({ ...entered, device: 'curl/8' }, 'ko')).toBe(
      '방법: 일회용 링크 · 주소: 127.0.0.1 · 기기: curl/8',
    );
    const stopped = { user: 'u-1', workspace: 'w-1', prompt: 'p-1', toString: 'x' };
    expect(told(stopped, 'en', { 'u-1': 'Ada' })).toBe('user: Ada · toString: x');
    const life = { state: 'stopped', reason: { code: 'asked', detail: 'idle' }, found: { type: 'running' } };
    expect(told(life, 'en')).toBe('state: stopped · reason: asked for (idle) · found: running');
    expect(told({ decision: 'answer' }, 'ko')).toBe('결정: 답함');
    expect(told({ name: 'answer' }, 'en')).toBe('name: answer');
    for (const nothing of [null, undefined, 'x', {}]) expect(told(nothing, 'en')).toBe('');
  });

  it('has words of ours for all that is a word of ours, in both languages', () => {
    const counts = { total: 3, live: 0, working: 1, waiting: 0, not_responding: 0, prompts: 0 };
    // Every detail that the control plane writes and that is not a person's own words, an id or a moment.
    const details = {
      ask: ['permission', 'question', 'plan', 'form'],
      asked: ['too_old'],
      conversations: [counts],
      found: [{ type: 'failed', reason: { code: 'exited', detail: '' } }, { type: 'deleting' }],
      from: ['user', 'operator', 'acceptEdits', 'bypassPermissions', 'default'],
      kind: ['prompt_answered', 'workspace_life'],
      mode: ['dontAsk'],
      reason: ['out_of_memory', 'engine_down', 'disabled'],
      refused: [true, false],
      scopes: [['read', 'write', 'answer', 'delete']],
      state: ['running', 'stopped', 'failed', 'deleted'],
      why: ['not_allowed', 'prompt_closed'],
    };
    for (const [name, values] of Object.entries(details)) {
      for (const value of values) {
        expect(told({ [name]: value }, 'ko'), name).not.toMatch(/[a-z]/);
        expect(told({ [name]: value }, 'en'), name).not.toMatch(/[_{]|[a-z][A-Z]/);
      }
    }
    for (const field of ['about', 'who', 'kind', 'suggestion', 'refused']) {
      expect(fieldName(field, 'ko'), field).not.toBe(field);
    }
    expect(told({ conversations: counts }, 'en')).toBe('conversations: all 3, working 1');
    expect(told({ conversations: { total: 0 } }, 'en')).toBe('conversations: 0');
    expect(told({ scopes: ['delete'] }, 'ko')).toBe('권한: 대화 지우기');
    expect(told({ token: { name: 'answer' }, reason: 'a_later_one' }, 'en')).toBe(
      'token: answer · reason: a_later_one',
    );
    const exported = { about: 'u-1', who: null, kind: 'token_used' };
    expect(told(exported, 'en', { 'u-1': 'Ada' })).toBe(
      'about: Ada · kind: API token used, first time that day',
    );
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
