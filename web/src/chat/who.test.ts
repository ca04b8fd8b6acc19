import { describe, expect, it } from 'vitest';
import { en } from '../lib/i18n/en';
import { ko } from '../lib/i18n/ko';
import { subject } from './who';

describe('whoever did something', () => {
  const me = { id: 'a', name: 'Ada', role: 'user' as const };

  it('is the reader, their script, or somebody else by name', () => {
    const words = (person: { id: string; name: string; token?: string }) =>
      [en, ko].map((t) => subject(person, me, t));
    expect(words({ id: 'a', name: 'Ada' })).toEqual(['You', '내가']);
    expect(words({ id: 'a', name: 'Ada', token: 'ci' })).toEqual([
      'Your script “ci”',
      '내 스크립트 “ci”에서',
    ]);
    expect(words({ id: 'b', name: 'Bo' })).toEqual(['Bo', 'Bo 님이']);
  });
});
