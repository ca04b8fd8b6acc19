/** Whether the page is read in its light or its dark colours right now. */
import { MediaQuery } from 'svelte/reactivity';
import { i18n } from '../lib/i18n.svelte';
import { reading } from '../lib/terminal/theme';

class Colours {
  readonly #dark = new MediaQuery('(prefers-color-scheme: dark)');

  /** Which. */
  get reading(): 'light' | 'dark' {
    return reading(i18n.theme, this.#dark.current);
  }
}

/** The page's colours. */
export const colours = new Colours();
