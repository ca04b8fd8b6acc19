// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { atMost, bytesOf, clip, fitted, nameIn } from './limits';

const FAMILY = '👩‍👩‍👧';

describe('a text that is too long', () => {
  it('is cut between characters, by bytes', () => {
    expect(clip('abc', 3)).toBe('abc');
    expect(clip('abcd', 3)).toBe('abc');
    expect(clip('가나다', 8)).toBe('가나');
    expect(clip('가나다'.repeat(100), 200)).toHaveLength(66);
    expect(clip(`a${FAMILY}`, bytesOf(FAMILY))).toBe('a');
    expect(clip(`a${FAMILY}b`, 1 + bytesOf(FAMILY))).toBe(`a${FAMILY}`);
    expect(clip('가', 2)).toBe('');
  });

  it('as a name is one line without control characters', () => {
    expect(nameIn('  Ada\n\u0007Lovelace ', 200)).toBe('Ada Lovelace');
    expect(nameIn(`${'가'.repeat(66)} ${'나'.repeat(9)}`, 200)).toBe('가'.repeat(66));
    expect(bytesOf(nameIn(`${'a'.repeat(200)}…`, 200))).toBe(200);
  });

  it('loses of what was put in, not of what stood behind it', () => {
    expect(fitted('abXYcd', 4, 5)).toEqual({ value: 'abXcd', caret: 3 });
    expect(fitted('abcd', 2, 4)).toEqual({ value: 'abcd', caret: 2 });
    expect(fitted('가나', 2, 4)).toEqual({ value: '가', caret: 1 });
  });
});

it('a field keeps to its limit, and says so to whoever listens; not while something is composed', () => {
  const field = document.createElement('input');
  const heard: string[] = [];
  const leave = atMost(6)(field);
  field.addEventListener('input', () => heard.push(field.value));
  field.value = '가나다';
  field.dispatchEvent(new InputEvent('input', { isComposing: true }));
  expect(field.value).toBe('가나다');
  field.dispatchEvent(new Event('compositionend'));
  expect(field.value).toBe('가나');
  expect(heard.at(-1)).toBe('가나');
  leave();
  field.value = '가나다';
  field.dispatchEvent(new Event('input'));
  expect(field.value).toBe('가나다');
});
