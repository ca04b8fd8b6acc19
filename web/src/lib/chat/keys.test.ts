import { describe, expect, it } from 'vitest';
import { fieldAct, isSecondEscape, type Press, promptAct, UNREAD_MS } from './keys';

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  keyCode: key === 'Enter' ? 13 : 0,
  isComposing: false,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  ...more,
});

describe('Enter in the message field', () => {
  it('sends; with Shift it breaks the line', () => {
    expect(fieldAct(press('Enter'), false)).toBe('send');
    expect(fieldAct(press('Enter', { shiftKey: true }), false)).toBe('newline');
    expect(fieldAct(press('a'), false)).toBe('none');
  });

  it('breaks the line on touch devices, where a button sends', () => {
    expect(fieldAct(press('Enter'), true)).toBe('newline');
    expect(fieldAct(press('Enter', { metaKey: true }), true)).toBe('send');
  });

  it('belongs to the input method while it composes', () => {
    expect(fieldAct(press('Enter', { isComposing: true, keyCode: 229 }), false)).toBe('none');
    expect(fieldAct(press('Enter', { isComposing: true }), false)).toBe('none');
  });

  it('does not send in Safari, where the composition ends just before the key press', () => {
    expect(fieldAct(press('Enter', { isComposing: false, keyCode: 229 }), false)).toBe('none');
    expect(fieldAct(press('Enter', { keyCode: 229, metaKey: true }), false)).toBe('none');
  });

  it('sends a message that ends in Hangul with one press: the composing one is followed by an ordinary one', () => {
    const presses = [press('Enter', { isComposing: true, keyCode: 229 }), press('Enter')];
    expect(presses.map((each) => fieldAct(each, false))).toEqual(['none', 'send']);
  });
});

describe('a prompt', () => {
  const ctrl = (key: string, more: Partial<Press> = {}) => press(key, { ctrlKey: true, ...more });

  it('is answered with the modifier only', () => {
    expect(promptAct(ctrl('Enter'), 'elsewhere', 9000)).toBe('allow');
    expect(promptAct(press('Backspace', { metaKey: true }), 'elsewhere', 9000)).toBe('deny');
    expect(promptAct(press('Enter'), 'elsewhere', 9000)).toBe('none');
    expect(promptAct(press('Backspace'), 'elsewhere', 9000)).toBe('none');
  });

  it('is left alone by what may be meant for a text field', () => {
    expect(promptAct(ctrl('Enter'), 'field with text', 9000)).toBe('none');
    expect(promptAct(ctrl('Backspace'), 'field with text', 9000)).toBe('none');
    expect(promptAct(ctrl('Backspace'), 'empty field', 9000)).toBe('none');
    expect(promptAct(ctrl('Enter'), 'empty field', 9000)).toBe('allow');
  });

  it('is answered by one press, and only once it can have been read', () => {
    expect(promptAct(ctrl('Enter', { repeat: true }), 'elsewhere', 9000)).toBe('none');
    expect(promptAct(ctrl('Enter'), 'elsewhere', UNREAD_MS - 1)).toBe('none');
  });

  it('is left alone by other combinations and by input methods', () => {
    expect(promptAct(ctrl('Enter', { shiftKey: true }), 'elsewhere', 9000)).toBe('none');
    expect(promptAct(ctrl('Enter', { isComposing: true }), 'elsewhere', 9000)).toBe('none');
  });
});

it('two Escapes are one request only if they are close', () => {
  expect(isSecondEscape(undefined, 1000)).toBe(false);
  expect(isSecondEscape(1000, 1500)).toBe(true);
  expect(isSecondEscape(1000, 1700)).toBe(false);
});
