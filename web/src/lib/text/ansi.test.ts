import { describe, expect, it } from 'vitest';
import { parseAnsi, stripAnsi } from './ansi';

const ESC = '\x1b';

describe('terminal output', () => {
  it('keeps colours and weights as classes', () => {
    expect(parseAnsi(`a${ESC}[1;31mb${ESC}[0mc`)).toEqual([
      { text: 'a', classes: '' },
      { text: 'b', classes: 'fg1 bold' },
      { text: 'c', classes: '' },
    ]);
  });

  it('adds up attributes and takes them off one by one', () => {
    const runs = parseAnsi(`${ESC}[1m${ESC}[4m${ESC}[92mx${ESC}[22my${ESC}[39mz${ESC}[24m.`);
    expect(runs.map((run) => run.classes)).toEqual([
      'fg10 bold underline',
      'fg10 underline',
      'underline',
      '',
    ]);
  });

  it('brings big palettes down to sixteen colours', () => {
    const classes = (sequence: string) => parseAnsi(`${ESC}[${sequence}mx`)[0]!.classes;
    expect(classes('38;5;9')).toBe('fg9');
    expect(classes('38;5;196')).toBe('fg9');
    expect(classes('38;2;0;200;0')).toBe('fg10');
    expect(classes('48;5;232')).toBe('bg0');
    expect(classes('38;2;10;10;120;1')).toBe('fg4 bold');
  });

  it('ignores what it does not know, to the end of the sequence', () => {
    expect(parseAnsi(`${ESC}[38mx`)).toEqual([{ text: 'x', classes: '' }]);
    expect(parseAnsi(`${ESC}[999mx`)).toEqual([{ text: 'x', classes: '' }]);
  });

  it('takes out titles, links, cursor moves and bells', () => {
    expect(
      stripAnsi(
        `${ESC}]0;title\x07a${ESC}[2K${ESC}[10;5Hb${ESC}]8;;http://x${ESC}\\c${ESC}]8;;${ESC}\\\x07d${ESC}(Be`,
      ),
    ).toBe('abcde');
  });

  it('lets a progress bar end in its last state', () => {
    expect(stripAnsi('10%\r50%\r100%\ndone\r\nend')).toBe('100%\ndone\nend');
    expect(stripAnsi('kept\r\nkept too\r')).toBe('kept\nkept too');
    expect(parseAnsi(`${ESC}[31mold\rnew`)).toEqual([{ text: 'new', classes: 'fg1' }]);
  });

  it('never makes markup', () => {
    expect(parseAnsi('<b>&')).toEqual([{ text: '<b>&', classes: '' }]);
  });

  it('reads unfinished sequences without hanging', () => {
    for (const cut of [`a${ESC}`, `a${ESC}[`, `a${ESC}[3`, `a${ESC}]0;tit`])
      expect(stripAnsi(cut).startsWith('a')).toBe(true);
    const long = `${ESC}[31m`.repeat(50_000) + 'x';
    expect(parseAnsi(long)).toHaveLength(1);
  });
});
