import { expect, it } from 'vitest';
import { countLines, firstLines, slices } from './slices';
import { languageOf, relative } from './paths';

it('lines are counted as an editor counts them', () => {
  expect(['', 'a', 'a\n', 'a\nb', '\n', '\n\n'].map(countLines)).toEqual([0, 1, 1, 2, 1, 2]);
});

it('the first lines of a short text are all of it', () => {
  expect(firstLines('a\nb\nc', 2)).toBe('a\nb');
  expect(firstLines('a\nb', 5)).toBe('a\nb');
  expect(firstLines('a\nb\n', 2)).toBe('a\nb');
});

it('slices joined by line feeds are the text again', () => {
  for (const text of [
    '',
    'a',
    Array.from({ length: 1234 }, (_, i) => `line ${i}`).join('\n'),
    '\n'.repeat(450) + 'x',
  ]) {
    expect(
      slices(text)
        .map((slice) => slice.text)
        .join('\n'),
    ).toBe(text);
  }
});

it('a line of any length is cut too, never through a character', () => {
  const text = `${'가나다😀'.repeat(20_000)}`;
  const pieces = slices(text);
  expect(pieces.map((piece) => piece.text).join('')).toBe(text);
  expect(pieces.every((piece) => piece.text.length <= 20_000 && !/[\ud800-\udbff]$/.test(piece.text))).toBe(
    true,
  );
  // A short line before a long one is a slice of its own.
  expect(slices(`short\n${text}`)[0]).toEqual({ text: 'short', lines: 1 });
});

it('paths are relative to the workspace, and only to it', () => {
  expect(relative('/home/workspace/src/a.rs')).toBe('src/a.rs');
  expect(relative('/workspace/a.rs')).toBe('a.rs');
  expect(relative('/home/workspaces/a.rs')).toBe('/home/workspaces/a.rs');
  expect(relative('/home/workspace/')).toBe('/home/workspace/');
});

it('a file is of the language that its name ends in', () => {
  expect(['a/b.RS', 'Makefile', 'x.test.ts', '.gitignore'].map(languageOf)).toEqual([
    'rs',
    '',
    'ts',
    'gitignore',
  ]);
});
