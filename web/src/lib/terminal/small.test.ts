import { describe, expect, it } from 'vitest';
import { webAddress } from './links';
import { cleaned, runsAtOnce } from './paste';
import { parseListing } from './recordings';
import { fitting, showing, SMALLEST_FONT } from './size';
import { palettes, reading } from './theme';

describe('what is pasted', () => {
  it('has lost the sequences that would end its brackets or press keys', () => {
    expect(cleaned('a\x1b[201~rm -rf /\r\nb\tc\x07\x9b1~')).toBe('a[201~rm -rf /\r\nb\tc1~');
    expect(cleaned('한글 👍')).toBe('한글 👍');
  });

  it('is asked about where its lines would run at once', () => {
    expect(runsAtOnce('one line', false)).toBe(0);
    expect(runsAtOnce('one line\n', false)).toBe(1);
    expect(runsAtOnce('a\r\nb\rc\nd', false)).toBe(3);
    expect(runsAtOnce('a\nb\n', true)).toBe(0);
  });
});

describe('a link in a terminal', () => {
  it('is followed only into the web', () => {
    expect(webAddress('https://example.com/a?b')).toBe('https://example.com/a?b');
    expect(webAddress('http://example.com')).toBe('http://example.com/');
    for (const text of [
      'javascript:alert(1)',
      'file:///etc/passwd',
      'data:text/html,x',
      'ssh://host',
      'nothing',
    ])
      expect(webAddress(text), text).toBeUndefined();
  });
});

describe('the size of a terminal', () => {
  it('is what fits into the pane, and never nothing', () => {
    expect(fitting(805, 483, { width: 8, height: 16 })).toEqual({ cols: 100, rows: 30 });
    expect(fitting(3, 3, { width: 8, height: 16 })).toEqual({ cols: 2, rows: 1 });
  });

  it('follows the pane of whoever owns it', () => {
    const fits = { cols: 100, rows: 30 };
    expect(showing(true, fits, { cols: 80, rows: 24 }, 14)).toEqual({ type: 'follow', size: fits });
  });

  it('is shown whole to anybody else, in smaller letters where need be', () => {
    const wide = { cols: 160, rows: 40 };
    const phone = { cols: 48, rows: 40 };
    expect(showing(false, wide, phone, 14)).toEqual({ type: 'letterbox', size: phone, font: 14 });
    expect(showing(false, { cols: 100, rows: 40 }, wide, 14)).toMatchObject({ size: wide, font: 8 });
    expect(showing(false, phone, wide, 14)).toMatchObject({ font: SMALLEST_FONT });
  });
});

describe('the colours of a terminal', () => {
  it('can be read on its ground, and under a selection', () => {
    for (const [name, palette] of Object.entries(palettes)) {
      const { background, cursor, cursorAccent, selectionBackground, selectionInactiveBackground, ...rest } =
        palette;
      for (const [colour, value] of Object.entries(rest)) {
        // Black on black is what it says; xterm.js lifts it where it is used for text.
        if (name === 'dark' && colour === 'black') continue;
        expect(contrast(value, background), `${name} ${colour}`).toBeGreaterThanOrEqual(4.5);
      }
      expect(contrast(cursor, background)).toBeGreaterThanOrEqual(3);
      expect(contrast(cursor, cursorAccent)).toBeGreaterThanOrEqual(3);
      for (const selection of [selectionBackground, selectionInactiveBackground])
        expect(contrast(rest.foreground, selection), name).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('follow the reader’s choice, then the device', () => {
    expect(reading('system', true)).toBe('dark');
    expect(reading('system', false)).toBe('light');
    expect(reading('light', true)).toBe('light');
  });
});

/** WCAG's contrast ratio. */
function contrast(a: string, b: string): number {
  const [lighter, darker] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('the list of recordings', () => {
  it('names what can be asked for again, by the name its terminal had', () => {
    const lines = [
      '1796068791.1234567890 1200 서버-1796068700-0b6f9f5e.cast',
      '1796068000 7 my own.cast',
      '1796067000.5 9 two\nlines.cast',
      'nonsense',
      '1796067000 9 \ufffd.cast',
      '',
    ];
    const folder = '/workspace/recordings';
    expect(parseListing(lines.join('\0'))).toEqual([
      { file: `${folder}/서버-1796068700-0b6f9f5e.cast`, name: '서버', at: 1796068791000, bytes: 1200 },
      { file: `${folder}/my own.cast`, name: 'my own', at: 1796068000000, bytes: 7 },
      { file: `${folder}/two\nlines.cast`, name: 'two\nlines', at: 1796067000000, bytes: 9 },
    ]);
    expect(parseListing('')).toEqual([]);
  });
});
