// @vitest-environment jsdom
import { Terminal } from '@xterm/xterm';
import { describe, expect, it } from 'vitest';
import { Widths } from './unicode';

describe('a character', () => {
  const widths = new Widths();
  const width = (character: string) => widths.wcwidth(character.codePointAt(0) ?? 0);

  it('has the width that the model gives it', () => {
    for (const one of ['a', 'é', '─', '…', '\u{1d54f}']) expect(width(one), one).toBe(1);
    for (const two of ['한', '漢', 'あ', '！', '😀', '🧑', '\u{20000}']) expect(width(two), two).toBe(2);
    for (const none of ['\u0301', '\u200d', '\ufe0f', '\u{e0100}']) expect(width(none), none).toBe(0);
  });

  it('is at the column where the model has it', async () => {
    const terminal = new Terminal({ allowProposedApi: true });
    terminal.unicode.register(widths);
    terminal.unicode.activeVersion = widths.version;
    const columns = async (text: string) => {
      await new Promise<void>((resolve) => terminal.write(`\r${text}`, resolve));
      return terminal.buffer.active.cursorX;
    };
    expect(await columns('한글 ok')).toBe(7);
    expect(await columns('e\u0301')).toBe(1);
    expect(await columns('😀!')).toBe(3);
    terminal.dispose();
  });
});
