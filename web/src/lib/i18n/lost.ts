/** The words for an address that leads nowhere, which come with that page. */
import type { Language } from './format';

const en = {
  heading: 'There is nothing here',
  help: 'The address may be mistyped, or from another Atelier. Your conversations are where they were.',
  home: 'To the conversations',
};

const ko: typeof en = {
  heading: '여기에는 아무것도 없어요',
  help: '주소가 잘못됐거나 다른 아틀리에의 주소일 수 있어요. 대화는 그대로 있어요.',
  home: '대화로 가기',
};

/** Both languages. */
export const lostWords: Record<Language, typeof en> = { en, ko };
