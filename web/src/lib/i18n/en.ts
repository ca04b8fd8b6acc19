/** The page's words in English. The Korean dictionary has the same keys, or the type check fails. */
import { chatWords } from './en/chat';
import { frameWords } from './en/frame';
import { promptWords } from './en/prompts';

export const en = { ...frameWords, ...chatWords, ...promptWords };

/** The words of one language. */
export type Dictionary = typeof en;
