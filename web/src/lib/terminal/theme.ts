/** The colours of terminals, light and dark: the page's own, readable on the page's ground. */
import type { ITheme } from '@xterm/xterm';
import type { Colors } from '../protocol/generated';

const light = {
  background: '#f3f1eb',
  foreground: '#201e1a',
  cursor: '#8a4a12',
  cursorAccent: '#f3f1eb',
  selectionBackground: '#d9cdb8',
  selectionInactiveBackground: '#e2dccf',
  black: '#201e1a',
  red: '#a1281d',
  green: '#2c6a35',
  yellow: '#7a5a00',
  blue: '#235fa3',
  magenta: '#7a3a9c',
  cyan: '#0c6670',
  white: '#5d574d',
  brightBlack: '#6b655b',
  brightRed: '#b3321f',
  brightGreen: '#24702f',
  brightYellow: '#805600',
  brightBlue: '#1a63b8',
  brightMagenta: '#8a3fb0',
  brightCyan: '#0b6b76',
  brightWhite: '#3d3931',
} satisfies ITheme;

const dark: typeof light = {
  background: '#121110',
  foreground: '#ece8e0',
  cursor: '#e4a869',
  cursorAccent: '#121110',
  selectionBackground: '#4a4233',
  selectionInactiveBackground: '#38332a',
  black: '#2a2823',
  red: '#f2978b',
  green: '#93cf9f',
  yellow: '#dcbb63',
  blue: '#8db8ec',
  magenta: '#d0a4ea',
  cyan: '#7fcdd6',
  white: '#c9c3b8',
  brightBlack: '#9c9589',
  brightRed: '#ffb0a6',
  brightGreen: '#aee3b8',
  brightYellow: '#efd58a',
  brightBlue: '#aacdf7',
  brightMagenta: '#e0bff5',
  brightCyan: '#9fe2ea',
  brightWhite: '#ffffff',
};

/** The colours of terminals. */
export const palettes = { light, dark };

/** The page's reading: what the reader chose, else what the device prefers. */
export function reading(chosen: 'system' | 'light' | 'dark', prefersDark: boolean): 'light' | 'dark' {
  if (chosen === 'system') return prefersDark ? 'dark' : 'light';
  return chosen;
}

/** The colours of what a search found. */
export const FOUND = {
  light: {
    matchBackground: '#f0dcae',
    activeMatchBackground: '#e3b45a',
    matchOverviewRuler: '#c89a3c',
    activeMatchColorOverviewRuler: '#8a4a12',
  },
  dark: {
    matchBackground: '#4d3d1c',
    activeMatchBackground: '#7d5a1c',
    matchOverviewRuler: '#9c7a35',
    activeMatchColorOverviewRuler: '#e4a869',
  },
};

/** What programs are told that ask for the colours of what they don't colour themselves. */
export function coloursOf(reading: 'light' | 'dark'): Colors {
  const { foreground, background, cursor } = palettes[reading];
  const number = (colour: string) => parseInt(colour.slice(1), 16);
  return { text: number(foreground), background: number(background), cursor: number(cursor) };
}
