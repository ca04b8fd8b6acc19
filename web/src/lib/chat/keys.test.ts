import { describe, expect, it } from 'vitest';
import { fieldAct, isSecondEscape, type Press, promptAct } from './keys';

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  keyCode: key === 'Enter' ? 13 : 0,
  isComposing: false,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
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
  it('is answered with the modifier only', () => {
    expect(promptAct(press('Enter', { ctrlKey: true }), false)).toBe('allow');
    expect(promptAct(press('Backspace', { metaKey: true }), false)).toBe('deny');
    expect(promptAct(press('Enter'), false)).toBe('none');
    expect(promptAct(press('Backspace'), false)).toBe('none');
  });

  it('is left alone while a text field with text has the focus', () => {
    expect(promptAct(press('Enter', { ctrlKey: true }), true)).toBe('none');
    expect(promptAct(press('Backspace', { ctrlKey: true }), true)).toBe('none');
  });

  it('is left alone by other combinations and by input methods', () => {
    expect(promptAct(press('Enter', { ctrlKey: true, shiftKey: true }), false)).toBe('none');
    expect(promptAct(press('Enter', { ctrlKey: true, isComposing: true }), false)).toBe('none');
  });
});

it('two Escapes are one request only if they are close', () => {
  expect(isSecondEscape(undefined, 1000)).toBe(false);
  expect(isSecondEscape(1000, 1500)).toBe(true);
  expect(isSecondEscape(1000, 1700)).toBe(false);
});
