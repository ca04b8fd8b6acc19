/** What the settings page is called: the menu that leads there has no need of its other words. */
import type { Language } from './format';

export const settingsTitle: Record<Language, string> = { en: 'Account and settings', ko: '계정과 설정' };
