import { describe, expect, it } from 'vitest';
import { parts, plain } from './code';
import { operatorWords } from '../operator/words';
import { deedWords } from './deeds';
import { keyWords } from './keys';
import { referenceWords } from './reference';
import { terminalWords } from '../terminal/words';
import { en } from './en';
import { ko } from './ko';
import { exampleWords } from './examples';
import { modelWords } from './model';
import { rareWords } from './rare';
import { signInWords } from './signIn';

/** Every leaf of a dictionary: its path and what stands there. */
function leaves(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key));
}

/** What a leaf says, for some arguments or other: a number and a reach are among them, whatever it wants. */
function said(leaf: unknown): string {
  if (typeof leaf !== 'function') return String(leaf);
  return String((leaf as (...args: unknown[]) => unknown)('3', 'session', '4', '5'));
}

/** All words: those that every reader fetches, and those that come with a page of their own. */
const all = (language: 'en' | 'ko') => ({
  ...{ en, ko }[language],
  ...rareWords[language],
  signIn: signInWords[language],
  examples: exampleWords[language],
  model: modelWords[language],
  operator: operatorWords[language],
  deeds: deedWords[language],
  keys: keyWords[language],
  reference: referenceWords[language],
  terminal: terminalWords[language],
});

const english = leaves(all('en'));
const korean = new Map(leaves(all('ko')));

/** Words that are left empty on purpose. */
const MAY_BE_EMPTY =
  /^(workspace\.reasons\.\w+\.help|tools\.verbs\.other|lines\.settingsWhy\.\w+|result\.outcomes\.completed)$/;
/** The same in both languages. */
const SAME = new Set([
  'workspace.versions',
  'message.who',
  'prompts.count',
  'lines.retryStatus',
  'operator.agent',
  'operator.claude',
  'operator.actOn',
  'operator.now',
  'terminal.takeHint',
]);

describe('the dictionaries', () => {
  it('have the same keys', () => {
    expect([...korean.keys()].sort()).toEqual(english.map(([path]) => path).sort());
  });

  it('say something everywhere', () => {
    for (const [path, leaf] of [...english, ...korean]) {
      if (!MAY_BE_EMPTY.test(path)) expect(said(leaf).trim(), path).not.toBe('');
    }
  });

  it('speak Korean in the Korean one', () => {
    for (const [path, leaf] of english) {
      if (said(leaf) === '' || SAME.has(path)) continue;
      expect(said(korean.get(path)), path).toMatch(/[가-힣]/);
    }
  });

  it('guide in 해요체, without the formal endings', () => {
    for (const [path, leaf] of korean) expect(said(leaf), path).not.toMatch(/(습니다|십시오|하세요\?)/);
  });
});

describe('code within a sentence', () => {
  it('is told from the rest', () => {
    expect(parts(signInWords.en.fresh)[0]).toEqual({ text: 'make sign-in', code: true });
    expect(plain(signInWords.en.fresh)).toMatch(/^make sign-in prints/);
  });

  it('cannot be ended from within', () => {
    const evil = en.prompts.alwaysWhat.every('x\u{e001}y');
    expect(plain(evil)).toBe('every use of xy');
  });
});
