/**
 * Keeps a page's terminal from answering. Programs ask terminals what they are and where the cursor stands; the model
 * in the workspace answers, once. If pages answered too, N viewers would type N answers into the shell.
 */
import type { IDisposable, Terminal } from '@xterm/xterm';

/** Device attributes (primary, secondary, tertiary), status and cursor, window, modes (ANSI, private). */
const CSI = [
  { final: 'c' },
  { prefix: '>', final: 'c' },
  { prefix: '=', final: 'c' },
  { final: 'n' },
  { prefix: '?', final: 'n' },
  { final: 't' },
  { intermediates: '$', final: 'p' },
  { prefix: '?', intermediates: '$', final: 'p' },
  { prefix: '>', final: 'q' },
  { prefix: '?', final: 'u' },
];
/** Selection-or-setting reports, and terminfo queries. */
const DCS = [
  { intermediates: '$', final: 'q' },
  { intermediates: '+', final: 'q' },
];
/** Palette, foreground, background, cursor colour: questions among orders. */
const COLOURS = [4, 5, 10, 11, 12];
/** Focus reports: turning them on makes a terminal tell its focus at once. */
const FOCUS_REPORTS = 1004;

/** What is typed by somebody in this terminal, and nothing else. */
export function onTyped(terminal: Terminal, typed: (text: string) => void): IDisposable {
  let answering = false;
  const answersAreDropped = () => {
    answering = true;
    // What the terminal parses at a time it parses without a pause, and answers as it goes.
    queueMicrotask(() => (answering = false));
    return false;
  };
  const { parser } = terminal;
  const kept: IDisposable[] = [
    ...CSI.map((id) => parser.registerCsiHandler(id, () => true)),
    ...DCS.map((id) => parser.registerDcsHandler(id, () => true)),
    ...COLOURS.map((id) => parser.registerOscHandler(id, answersAreDropped)),
    parser.registerCsiHandler({ prefix: '?', final: 'h' }, (params) =>
      params.includes(FOCUS_REPORTS) ? answersAreDropped() : false,
    ),
    terminal.onData((text) => {
      if (!answering) typed(text);
    }),
  ];
  return { dispose: () => kept.forEach((one) => one.dispose()) };
}

/** Clipboard orders of programs (OSC 52). Asking is never answered; `write` gets what is to be put there. */
export function onClipboardOrder(terminal: Terminal, write: (text: string) => void): IDisposable {
  return terminal.parser.registerOscHandler(52, (data) => {
    const text = clipboardText(data);
    if (text !== undefined) write(text);
    return true;
  });
}

/** More than this is not what anybody has selected in a terminal. */
const CLIPBOARD_BYTES = 100_000;

/** The text of a clipboard order; nothing if it is a question or garbled. */
export function clipboardText(data: string): string | undefined {
  const encoded = data.slice(data.indexOf(';') + 1);
  if (!data.includes(';') || encoded === '?' || encoded === '' || encoded.length > CLIPBOARD_BYTES)
    return undefined;
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
