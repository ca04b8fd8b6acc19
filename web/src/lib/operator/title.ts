/** What the operator's page is called: the menu that leads there has no need of its other words. */
import type { Language } from '../i18n/format';

export const operatorTitle: Record<Language, string> = { en: 'Operator', ko: '운영자' };
