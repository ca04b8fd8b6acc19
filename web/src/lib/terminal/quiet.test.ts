// @vitest-environment jsdom
import { Terminal } from '@xterm/xterm';
import { describe, expect, it } from 'vitest';
import { clipboardText, onClipboardOrder, onTyped } from './quiet';

const ESC = '\x1b';

async function answers(bytes: string): Promise<string[]> {
  const terminal = new Terminal({ allowProposedApi: true });
  const said: string[] = [];
  onTyped(terminal, (text) => said.push(text));
  await new Promise<void>((resolve) => terminal.write(bytes, resolve));
  terminal.dispose();
  return said;
}

/** A sequence of random numbers that is the same every time. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe('a terminal of the page', () => {
  it('answers none of the questions that terminals answer', async () => {
    const questions = [
      ...[
        'c',
        '0c',
        '>c',
        '=c',
        '5n',
        '6n',
        '?6n',
        '?15n',
        '14t',
        '16t',
        '18t',
        '21t',
        '4$p',
        '?2026$p',
        '>q',
        '?u',
      ].map((csi) => `${ESC}[${csi}`),
      ...['$qm', '$q"p', '$qr', '+q544e'].map((dcs) => `${ESC}P${dcs}${ESC}\\`),
      ...['4;1;?', '10;?', '11;?', '12;?', '10;?;?;?', '52;c;?'].map((osc) => `${ESC}]${osc}\x07`),
      `${ESC}[?1004h`,
      `${ESC}[?25;1004;2004h`,
      `${ESC}Z`,
      '\x05',
    ];
    for (const question of questions) expect(await answers(question), JSON.stringify(question)).toEqual([]);
  });

  it('answers nothing, whatever it is told', async () => {
    const numbers = random(7);
    const next = (below: number) => Math.floor(numbers.next().value * below);
    const anyOf = (text: string) => text[next(text.length)] ?? '';
    const parameters = () => Array.from({ length: next(3) }, () => next(2100)).join(';');
    let told = '';
    for (let i = 0; i < 4000; i++) {
      const final = String.fromCharCode(0x40 + next(0x3f));
      const kind = next(4);
      if (kind < 2)
        told += `${ESC}[${anyOf(' ?>=<')}${parameters()}${anyOf('    !"$\'*')}${final}`.replaceAll(' ', '');
      else if (kind === 2)
        told += `${ESC}P${parameters()}${anyOf('$+!')}${anyOf('qp|')}${anyOf('mr"t')}${ESC}\\`;
      else told += `${ESC}]${next(120)};${anyOf('?1c;')}${anyOf('?;')}${anyOf('?;')}\x07`;
    }
    expect(await answers(told)).toEqual([]);
  });

  it('says what is typed', async () => {
    const terminal = new Terminal();
    const said: string[] = [];
    onTyped(terminal, (text) => said.push(text));
    terminal.input('ls\r');
    await new Promise<void>((resolve) => terminal.write(`${ESC}[?1004h${ESC}[c`, resolve));
    terminal.input('x');
    expect(said).toEqual(['ls\r', 'x']);
    terminal.dispose();
  });

  it('keeps what a program says besides its questions', async () => {
    const terminal = new Terminal({ allowProposedApi: true });
    onTyped(terminal, () => undefined);
    await new Promise<void>((resolve) => terminal.write(`${ESC}[?1004h${ESC}[?2004hseen`, resolve));
    expect(terminal.modes).toMatchObject({ sendFocusMode: true, bracketedPasteMode: true });
    expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe('seen');
    terminal.dispose();
  });
});

describe('a clipboard order', () => {
  it('is handed on as text', async () => {
    const terminal = new Terminal({ allowProposedApi: true });
    const written: string[] = [];
    onClipboardOrder(terminal, (text) => written.push(text));
    const order = btoa(String.fromCharCode(...new TextEncoder().encode('복사')));
    await new Promise<void>((resolve) =>
      terminal.write(`${ESC}]52;c;${order}\x07${ESC}]52;c;?\x07`, resolve),
    );
    expect(written).toEqual(['복사']);
    terminal.dispose();
  });

  it('is nothing if it is a question, garbled or far too long', () => {
    for (const data of ['c;?', 'c;', 'c', 'c;%%%', `c;${btoa('\xff\xfe')}`, `c;${'A'.repeat(200_000)}`])
      expect(clipboardText(data), data.slice(0, 20)).toBeUndefined();
    expect(clipboardText(`;${btoa('plain')}`)).toBe('plain');
  });
});
