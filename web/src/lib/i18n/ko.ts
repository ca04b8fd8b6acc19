/** 화면의 한국어 낱말. 안내는 해요체, 이름표는 명사형. */
import type { Dictionary } from './en';
import { chatWords } from './ko/chat';
import { frameWords } from './ko/frame';
import { promptWords } from './ko/prompts';

export const ko: Dictionary = { ...frameWords, ...chatWords, ...promptWords };
