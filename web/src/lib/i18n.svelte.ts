/** The page's language and theme: picked from the browser, switchable, remembered. */
import { en, type Dictionary } from './i18n/en';
import type { Language } from './i18n/format';
import { ko } from './i18n/ko';
import { load, save } from './storage';

/** Which colours to use. */
export type Theme = 'system' | 'light' | 'dark';

/** The languages there are, by their own names. */
export const LANGUAGES: Record<Language, string> = { en: 'English', ko: '한국어' };

const DICTIONARIES: Record<Language, Dictionary> = { en, ko };

class Preferences {
  #language = $state<Language>(chosenLanguage());
  #theme = $state<Theme>(chosenTheme());

  /** The words of the current language. */
  get t(): Dictionary {
    return DICTIONARIES[this.#language];
  }

  get language(): Language {
    return this.#language;
  }

  set language(language: Language) {
    this.#language = language;
    save('language', language);
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
