import { describe, expect, it } from 'vitest';
import { countChanges, type DiffRow, newFileRows, patchRows, textRows } from './diff';

const drawn = (rows: readonly DiffRow[] | undefined) =>
  rows?.map(({ kind, text }) => ({ same: ' ', added: '+', removed: '-', gap: '~' })[kind] + text);

describe('a patch', () => {
  it('numbers both sides and parts its hunks', () => {
    const rows = patchRows([
      { oldStart: 1, oldLines: 2, newStart: 1, newLines: 2, lines: [' one', '-two', '+TWO'] },
      {
        oldStart: 9,
        oldLines: 1,
        newStart: 9,
        newLines: 2,
        lines: [' nine', '+ten', '\\ No newline at end of file'],
      },
    ]);
    expect(drawn(rows)).toEqual([' one', '-two', '+TWO', '~', ' nine', '+ten']);
    expect(rows?.map((row) => [row.before, row.after])).toEqual([
      [1, 1],
      [2, undefined],
      [undefined, 2],
      [undefined, undefined],
      [9, 9],
      [undefined, 10],
    ]);
  });

  it('of the wrong shape is none', () => {
    for (const wrong of [undefined, null, 'x', {}, [], ['x'], [null]])
      expect(patchRows(wrong)).toBeUndefined();
    expect(patchRows([{ lines: [1, ' a'] }])).toEqual([{ kind: 'same', before: 1, after: 1, text: 'a' }]);
  });
});

describe('two texts', () => {
  it('differ by as little as possible', () => {
    expect(drawn(textRows('a\nb\nc\nd', 'a\nx\nc\ny\nd'))).toEqual([' a', '-b', '+x', ' c', '+y', ' d']);
  });

  it('may be empty or the same', () => {
    expect(drawn(textRows('', 'a\n'))).toEqual(['+a']);
    expect(drawn(textRows('a', ''))).toEqual(['-a']);
    expect(drawn(textRows('a\nb', 'a\nb'))).toEqual([' a', ' b']);
    expect(textRows('', '')).toEqual([]);
  });

  it('that repeat lines share no line twice', () => {
    expect(drawn(textRows('a\na', 'a\na\na'))).toEqual([' a', ' a', '+a']);
    expect(drawn(textRows('a\na\na', 'a'))).toEqual([' a', '-a', '-a']);
  });

  it('of any size are answered quickly', () => {
    const lines = (word: string) => Array.from({ length: 5000 }, (_, i) => `${word}${i}`).join('\n');
    const rows = textRows(lines('a'), lines('b'));
    expect(countChanges(rows)).toEqual({ added: 5000, removed: 5000 });
  });

  it('give both texts back', () => {
    const words = ['a', 'b', 'c'];
    for (let seed = 0; seed < 300; seed++) {
      const pick = (salt: number) =>
        Array.from({ length: (seed * salt) % 7 }, (_, i) => words[(seed * (i + salt) * 7 + i) % 3]);
      const [before, after] = [pick(3), pick(5)];
      const rows = textRows(before.join('\n'), after.join('\n'));
      expect(rows.filter((row) => row.kind !== 'added').map((row) => row.text)).toEqual(before);
      expect(rows.filter((row) => row.kind !== 'removed').map((row) => row.text)).toEqual(after);
    }
  });
});

it('a new file is all added and numbered', () => {
  expect(newFileRows('a\n\nb\n')).toEqual([
    { kind: 'added', after: 1, text: 'a' },
    { kind: 'added', after: 2, text: '' },
    { kind: 'added', after: 3, text: 'b' },
  ]);
});
