/** The page's language and theme: picked from the browser, switchable, remembered. */
import type { Dictionary } from './i18n/en';
import type { Language } from './i18n/format';
import { load, save } from './storage';

/** Which colours to use. */
export type Theme = 'system' | 'light' | 'dark';

/** The languages there are, by their own names. */
export const LANGUAGES: Record<Language, string> = { en: 'English', ko: '한국어' };

/** Nobody reads two languages at a time: each dictionary is fetched when it is chosen. */
const DICTIONARIES: Record<Language, () => Promise<Dictionary>> = {
  en: async () => (await import('./i18n/en')).en,
  ko: async () => (await import('./i18n/ko')).ko,
};

class Preferences {
  #language = $state<Language>('en');
  #words = $state.raw<Dictionary | undefined>();
  #theme = $state<Theme>(chosenTheme());

  /** Fetches the words of the language that the reader prefers; nothing can be shown before. */
  begin(): Promise<void> {
    return this.#speak(chosenLanguage());
  }

  /** The words of the current language. */
  get t(): Dictionary {
    if (!this.#words) throw new Error('no dictionary yet');
    return this.#words;
  }

  get language(): Language {
    return this.#language;
  }

  set language(language: Language) {
    save('language', language);
    void this.#speak(language);
  }

  async #speak(language: Language): Promise<void> {
    this.#words = await DICTIONARIES[language]();
    this.#language = language;
    document.documentElement.lang = language;
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    save('theme', theme);
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }
}

function chosenLanguage(): Language {
  const chosen = load('language');
  if (chosen === 'en' || chosen === 'ko') return chosen;
  return navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en';
}

function chosenTheme(): Theme {
  const chosen = load('theme');
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

/** The page's one set of preferences. */
export const i18n = new Preferences();
