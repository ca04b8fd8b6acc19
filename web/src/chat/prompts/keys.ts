/** How keys are shown: a Mac's own signs on a Mac, names elsewhere. */

const MAC = /Mac|iP(?:hone|ad)/.test(navigator.userAgent);

/** The key that allows. */
export const ALLOW_KEY = MAC ? '⌘⏎' : 'Ctrl+Enter';
/** The key that denies. */
export const DENY_KEY = MAC ? '⌘⌫' : 'Ctrl+Backspace';
