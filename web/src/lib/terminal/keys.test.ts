import { describe, expect, it } from 'vitest';
import { SCREEN_KEYS, screenKeyText, terminalAct, withCtrl } from './keys';
import { isLeaving, type TerminalPress } from './leave';

const press = (key: string, more: Partial<TerminalPress> = {}): TerminalPress => ({
  key,
  code: /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : key,
  keyCode: 0,
  isComposing: false,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  ...more,
});
const ctrl = { ctrlKey: true };
const ctrlShift = { ctrlKey: true, shiftKey: true };
const command = { metaKey: true };

describe('what a key does in a terminal', () => {
  it('is the program’s, Ctrl+C, Ctrl+V and Ctrl+F first of all', () => {
    for (const key of ['c', 'v', 'f', 'w', 'Escape', 'Tab', 'F6', 'ArrowUp']) {
      expect(terminalAct(press(key), false), key).toBe('program');
      expect(terminalAct(press(key, ctrl), false), `Ctrl+${key}`).toBe('program');
      expect(terminalAct(press(key, ctrl), true), `Ctrl+${key} on a Mac`).toBe('program');
    }
  });

  it('is copy, paste and find with Ctrl+Shift where there is no ⌘', () => {
    expect(terminalAct(press('C', ctrlShift), false)).toBe('copy');
    expect(terminalAct(press('V', ctrlShift), false)).toBe('paste');
    expect(terminalAct(press('F', ctrlShift), false)).toBe('find');
    expect(terminalAct(press('Insert', ctrl), false)).toBe('copy');
    expect(terminalAct(press('Insert', { shiftKey: true }), false)).toBe('paste');
  });

  it('is told by its place with a layout that is not Latin', () => {
    expect(terminalAct(press('ㅊ', { ...ctrlShift, code: 'KeyC' }), false)).toBe('copy');
    expect(terminalAct(press('ㄹ', { ...command, code: 'KeyF' }), true)).toBe('find');
    // Dvorak has another letter where QWERTY has C.
    expect(terminalAct(press('J', { ...ctrlShift, code: 'KeyC' }), false)).toBe('program');
  });

  it('is the browser’s on a Mac, where ⌘C and ⌘V do it by themselves, but for find', () => {
    expect(terminalAct(press('c', command), true)).toBe('program');
    expect(terminalAct(press('v', command), true)).toBe('program');
    expect(terminalAct(press('f', command), true)).toBe('find');
    expect(terminalAct(press('C', ctrlShift), true)).toBe('program');
  });

  it('leaves with Ctrl+` and Shift+F6 alone', () => {
    expect(isLeaving(press('`', { ...ctrl, code: 'Backquote' }))).toBe(true);
    expect(isLeaving(press('₩', { ...ctrl, code: 'Backquote' }))).toBe(true);
    expect(isLeaving(press('F6', { shiftKey: true }))).toBe(true);
    expect(isLeaving(press('F6'))).toBe(false);
    expect(isLeaving(press('F6', ctrlShift))).toBe(false);
    expect(isLeaving(press('`', { code: 'Backquote' }))).toBe(false);
    expect(terminalAct(press('F6', { shiftKey: true }), true)).toBe('leave');
  });

  it('is the input method’s while it composes', () => {
    expect(terminalAct(press('C', { ...ctrlShift, isComposing: true }), false)).toBe('program');
    expect(terminalAct(press('Process', { ...ctrlShift, code: 'KeyV', keyCode: 229 }), false)).toBe(
      'program',
    );
  });
});

describe('an on-screen key', () => {
  it('types what the real one would', () => {
    const typed = SCREEN_KEYS.map((key) => screenKeyText(key, false, false));
    expect(typed).toEqual(['\x1b', '\t', '\x1b[D', '\x1b[A', '\x1b[B', '\x1b[C', '|', '~', '-', '/']);
  });

  it('follows the program’s wish for application cursor keys', () => {
    expect(screenKeyText('up', true, false)).toBe('\x1bOA');
    expect(screenKeyText('up', true, true)).toBe('\x1b[1;5A');
  });

  it('goes with Ctrl', () => {
    expect(screenKeyText('/', false, true)).toBe('\x1f');
    expect(screenKeyText('|', false, true)).toBe('|');
  });
});

describe('Ctrl', () => {
  it('makes control characters of what is typed next', () => {
    expect(withCtrl('c')).toBe('\x03');
    expect(withCtrl('C')).toBe('\x03');
    expect(withCtrl('[')).toBe('\x1b');
    expect(withCtrl('@')).toBe('\0');
    expect(withCtrl(' ')).toBe('\0');
    expect(withCtrl('?')).toBe('\x7f');
  });

  it('leaves alone what has none', () => {
    for (const text of ['1', '가', 'ab', '', '\r', '\x1b[A']) expect(withCtrl(text)).toBe(text);
  });
});
